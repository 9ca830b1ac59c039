//! From blocks to places on A4 pages.

use super::{Block, Column, Edge, Face, PrintFault, Printout, Row, Table, Weight, wrap};

pub(super) const PAGE_WIDTH: f32 = 595.28;
pub(super) const PAGE_HEIGHT: f32 = 841.89;
const LEFT: f32 = 45.0;
const TOP: f32 = 50.0;
const BOTTOM: f32 = 60.0;
const WIDTH: f32 = PAGE_WIDTH - 2.0 * LEFT;
const LEADING: f32 = 1.45;
const MOST_PAGES: usize = 200;
const PAD: f32 = 3.0;

/// Something at a place; the origin is the lower left corner.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    Text { x: f32, y: f32, size: f32, weight: Weight, text: String },
    Rule { x1: f32, y1: f32, x2: f32, y2: f32, width: f32 },
    Stroke(Vec<(f32, f32)>),
}

/// What stands on one page.
pub(super) type Page = Vec<Mark>;

/// The pages of a document, feet included.
pub(super) fn pages(printout: &Printout, face: &Face) -> Result<Vec<Page>, PrintFault> {
    let mut sheet = Sheet { pages: vec![Page::new()], y: PAGE_HEIGHT - TOP, face };
    for block in &printout.blocks {
        sheet.block(block);
        if sheet.pages.len() > MOST_PAGES {
            return Err(PrintFault::TooLong(MOST_PAGES));
        }
    }
    let count = sheet.pages.len();
    let mut pages = sheet.pages;
    for (page, number) in pages.iter_mut().zip(1..) {
        let foot = format!("{}    {number} / {count}", printout.footer);
        let x = LEFT + (WIDTH - face.width(&foot, 8.0)).max(0.0) / 2.0;
        page.push(rule(LEFT, 42.0, LEFT + WIDTH, 42.0, 0.4));
        page.push(Mark::Text { x, y: 30.0, size: 8.0, weight: Weight::Plain, text: foot });
    }
    Ok(pages)
}

fn rule(x1: f32, y1: f32, x2: f32, y2: f32, width: f32) -> Mark {
    Mark::Rule { x1, y1, x2, y2, width }
}

struct Sheet<'f> {
    pages: Vec<Page>,
    /// The lower edge of what is set.
    y: f32,
    face: &'f Face,
}

impl Sheet<'_> {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Title(text) => self.title(text),
            Block::Heading(text) => {
                self.need(50.0);
                self.y -= 8.0;
                self.paragraph(text, 11.5, Weight::Strong);
                self.y -= 2.0;
            }
            Block::Text(text) => {
                self.paragraph(text, 9.5, Weight::Plain);
                self.y -= 4.0;
            }
            Block::Small(text) => {
                self.paragraph(text, 8.0, Weight::Plain);
                self.y -= 3.0;
            }
            Block::Facts(facts) => self.facts(facts),
            Block::Table(table) => self.table(table),
            Block::Drawing(strokes) => self.drawing(strokes),
            Block::Signatures(places) => self.signatures(places),
        }
    }

    fn put(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    fn text(&mut self, x: f32, y: f32, size: f32, weight: Weight, text: &str) {
        if !text.is_empty() {
            self.put(Mark::Text { x, y, size, weight, text: text.to_owned() });
        }
    }

    /// Begins a new page unless so much height is left; answers whether it did.
    fn need(&mut self, height: f32) -> bool {
        let fits = self.y - height >= BOTTOM;
        if !fits {
            self.pages.push(Page::new());
            self.y = PAGE_HEIGHT - TOP;
        }
        !fits
    }

    fn title(&mut self, text: &str) {
        for line in wrap::lines(text, WIDTH, 17.0, self.face) {
            self.need(17.0 * LEADING);
            self.y -= 17.0 * LEADING;
            let x = LEFT + (WIDTH - self.face.width(&line, 17.0)) / 2.0;
            self.text(x, self.y + 5.0, 17.0, Weight::Strong, &line);
        }
        self.y -= 4.0;
    }

    fn paragraph(&mut self, text: &str, size: f32, weight: Weight) {
        for line in wrap::lines(text, WIDTH, size, self.face) {
            self.need(size * LEADING);
            self.y -= size * LEADING;
            self.text(LEFT, self.y + size * 0.3, size, weight, &line);
        }
    }

    /// Two to a line where both fit, else one.
    fn facts(&mut self, facts: &[(String, String)]) {
        const SIZE: f32 = 9.5;
        let column = WIDTH / 2.0;
        let mut left = true;
        for (name, value) in facts {
            let text = format!("{name}：{value}");
            let short = self.face.width(&text, SIZE) <= column - 8.0;
            if left || !short {
                let lines = wrap::lines(&text, WIDTH, SIZE, self.face);
                for line in &lines {
                    self.need(SIZE * LEADING);
                    self.y -= SIZE * LEADING;
                    self.text(LEFT, self.y + 3.0, SIZE, Weight::Plain, line);
                }
                left = !short;
            } else {
                self.text(LEFT + column, self.y + 3.0, SIZE, Weight::Plain, &text);
                left = true;
            }
        }
        self.y -= 5.0;
    }

    fn table(&mut self, table: &Table) {
        let shares: f32 = table.columns.iter().map(|column| column.share).sum();
        let widths: Vec<f32> =
            table.columns.iter().map(|column| WIDTH * column.share / shares.max(0.1)).collect();
        let head = Row::strong(table.columns.iter().map(|column| column.title.clone()));
        self.need(60.0);
        self.line_above();
        self.row(&head, &table.columns, &widths);
        for row in &table.rows {
            if self.need(self.row_height(row, &widths)) {
                self.line_above();
                self.row(&head, &table.columns, &widths);
            }
            self.row(row, &table.columns, &widths);
        }
        self.y -= 6.0;
    }

    fn line_above(&mut self) {
        self.put(rule(LEFT, self.y, LEFT + WIDTH, self.y, 0.8));
    }

    fn cells(&self, row: &Row, widths: &[f32]) -> Vec<Vec<String>> {
        let cell = |(text, width): (&String, &f32)| {
            wrap::lines(text, (width - 2.0 * PAD).max(10.0), CELL, self.face)
        };
        row.cells.iter().zip(widths).map(cell).collect()
    }

    fn row_height(&self, row: &Row, widths: &[f32]) -> f32 {
        let most = self.cells(row, widths).iter().map(Vec::len).max().unwrap_or(1);
        f32::from(u16::try_from(most).unwrap_or(u16::MAX)) * CELL * LEADING + 2.0 * PAD
    }

    /// A row; one that is higher than a page goes on at the next.
    fn row(&mut self, row: &Row, columns: &[Column], widths: &[f32]) {
        let cells = self.cells(row, widths);
        let most = cells.iter().map(Vec::len).max().unwrap_or(1);
        self.y -= PAD;
        for n in 0..most {
            self.need(CELL * LEADING);
            self.y -= CELL * LEADING;
            let mut x = LEFT;
            for ((lines, width), column) in cells.iter().zip(widths).zip(columns) {
                if let Some(line) = lines.get(n) {
                    let at = match column.edge {
                        Edge::Left => x + PAD,
                        Edge::Right => x + width - PAD - self.face.width(line, CELL),
                    };
                    self.text(at, self.y + 2.5, CELL, row.weight, line);
                }
                x += width;
            }
        }
        self.y -= PAD;
        self.put(rule(LEFT, self.y, LEFT + WIDTH, self.y, 0.3));
    }

    fn drawing(&mut self, strokes: &[Vec<(u16, u16)>]) {
        const SCALE: f32 = 0.2;
        self.need(90.0);
        self.y -= 85.0;
        for stroke in strokes {
            let y = self.y + 80.0;
            let place =
                |(px, py): &(u16, u16)| (LEFT + f32::from(*px) * SCALE, y - f32::from(*py) * SCALE);
            self.put(Mark::Stroke(stroke.iter().map(place).collect()));
        }
    }

    fn signatures(&mut self, places: &[String]) {
        self.need(60.0);
        self.y -= 45.0;
        let count = f32::from(u16::try_from(places.len().max(1)).unwrap_or(1));
        let width = WIDTH / count;
        let mut x = LEFT;
        for place in places {
            self.put(rule(x, self.y, x + width - 20.0, self.y, 0.6));
            self.text(x, self.y - 12.0, 9.0, Weight::Plain, place);
            x += width;
        }
        self.y -= 20.0;
    }
}

/// The type size of tables.
const CELL: f32 = 8.5;
