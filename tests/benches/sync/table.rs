//! Figures with their aims, as they come and as a table.

/// What was measured so far.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    figure: String,
    aim: String,
    floor: String,
    met: bool,
}

impl Table {
    /// A figure that should not be more than its aim.
    pub fn at_most(&mut self, what: &str, figure: f64, aim: f64, unit: &str) -> &mut Self {
        self.push(
            what,
            number(figure, unit),
            format!("at most {}", number(aim, unit)),
            figure <= aim,
        )
    }

    /// A figure that should not be less than its aim.
    pub fn at_least(&mut self, what: &str, figure: f64, aim: f64, unit: &str) -> &mut Self {
        self.push(
            what,
            number(figure, unit),
            format!("at least {}", number(aim, unit)),
            figure >= aim,
        )
    }

    /// A figure that only stands beside others.
    pub fn note(&mut self, what: &str, figure: f64, unit: &str) -> &mut Self {
        self.push(what, number(figure, unit), String::new(), true)
    }

    /// Something counted that must be exactly so many.
    pub fn exactly(&mut self, what: &str, figure: u64, aim: u64) -> &mut Self {
        self.push(what, grouped(figure), grouped(aim), figure == aim)
    }

    /// How the last figure stands to raw automerge or another floor of the same run.
    pub fn beside(&mut self, floor: &str, ratio: f64) {
        if let Some(row) = self.rows.last_mut() {
            row.floor = format!("{ratio:.1} x {floor}");
            println!("{:<70} {}", "", row.floor);
        }
    }

    fn push(&mut self, what: &str, figure: String, aim: String, met: bool) -> &mut Self {
        let missed = if met { "" } else { "   MISSED" };
        println!("{what:<70} {figure:>14}   {aim}{missed}");
        self.rows.push(Row { what: what.into(), figure, aim, floor: String::new(), met });
        self
    }

    pub fn print_markdown(&self) {
        println!("\n| | measured | aim | beside |\n|---|---|---|---|");
        for Row { what, figure, aim, floor, met } in &self.rows {
            let mark = if *met { "" } else { " (missed)" };
            println!("| {what} | {figure}{mark} | {aim} | {floor} |");
        }
    }

    pub fn print_misses(&self) {
        let missed: Vec<_> = self.rows.iter().filter(|row| !row.met).map(|row| &row.what).collect();
        println!("\n{} figures, {} missed: {missed:?}", self.rows.len(), missed.len());
    }
}

fn number(figure: f64, unit: &str) -> String {
    let digits = if figure.abs() >= 100.0 { 0 } else { 2 };
    let text = format!("{figure:.digits$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or(whole.to_owned(), grouped);
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{whole}{dot}{rest} {unit}").trim().to_owned()
}

/// 12345 as `12,345`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
