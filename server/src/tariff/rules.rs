//! PURE: price lists as text and what importing one changes.

use std::collections::BTreeMap;

use sync_core::{estimate::LaborType, model::PartSource, money::Fen};

/// The most rows of one list.
pub const MOST_ROWS: usize = 20_000;
/// After this many refused rows nobody learns anything new.
const MOST_FAULTS: usize = 20;

/// What a list prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Parts, by number and source.
    Parts,
    /// Operations, by code and trade.
    Labor,
}

impl ListKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Parts, Self::Labor];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parts => "parts",
            Self::Labor => "labor",
        }
    }

    /// The kind with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    fn head(self) -> [&'static str; 4] {
        match self {
            Self::Parts => ["code", "name", "source", "price_yuan"],
            Self::Labor => ["code", "name", "labor_type", "price_yuan"],
        }
    }

    /// Whether a list of this kind may say this source; empty means any.
    fn takes(self, source: &str) -> bool {
        source.is_empty()
            || match self {
                Self::Parts => PartSource::NAMES.contains(&source),
                Self::Labor => LaborType::NAMES.contains(&source),
            }
    }
}

/// What a price is known by.
pub type PriceKey = (String, String);

/// One row of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Name of the part or operation.
    pub name: String,
    /// Its price.
    pub price: Fen,
}

/// A whole list by code and source.
pub type PriceList = BTreeMap<PriceKey, Price>;

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// From 1; the head is line 1.
    pub line: usize,
    /// Stable code.
    pub code: &'static str,
    /// What is allowed.
    pub allowed: &'static str,
}

/// Reads a list.
///
/// # Errors
/// The first faults, at most 20.
pub fn read_list(kind: ListKind, csv: &str) -> Result<PriceList, Vec<RowFault>> {
    let fault = |line, code, allowed| RowFault { line, code, allowed };
    let mut rows = records(csv.trim_start_matches('\u{feff}'));
    let head = rows.next().map(|(_, cells)| cells).unwrap_or_default();
    if head.iter().map(|cell| cell.trim()).ne(kind.head()) {
        return Err(vec![fault(1, "csv_head", "code,name,source or labor_type,price_yuan")]);
    }
    let (mut list, mut faults) = (PriceList::new(), Vec::new());
    for (line, cells) in rows {
        match row(kind, &cells) {
            Err((code, allowed)) => faults.push(fault(line, code, allowed)),
            Ok((key, price)) => {
                if list.insert(key, price).is_some() {
                    faults.push(fault(line, "twice", "each code and source once"));
                }
            }
        }
        if list.len() > MOST_ROWS {
            return Err(vec![fault(line, "too_many_rows", "at most 20,000 rows")]);
        }
        if faults.len() >= MOST_FAULTS {
            break;
        }
    }
    if faults.is_empty() && list.is_empty() {
        faults.push(fault(2, "empty", "at least one row"));
    }
    if faults.is_empty() { Ok(list) } else { Err(faults) }
}

type Refused = (&'static str, &'static str);

fn row(kind: ListKind, cells: &[String]) -> Result<(PriceKey, Price), Refused> {
    let [code, name, source, price] = cells else {
        return Err(("columns", "four columns"));
    };
    let (code, name, source) = (code.trim(), name.trim(), source.trim());
    let fits = |text: &str, most: usize| {
        (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    };
    if !fits(code, 64) {
        return Err(("code", "1 to 64 characters"));
    }
    if !fits(name, 200) {
        return Err(("name", "1 to 200 characters"));
    }
    if !kind.takes(source) {
        return Err(("source", "a source of parts or a labor type, or nothing"));
    }
    let price =
        yuan(price.trim()).ok_or(("price", "yuan with at most two decimals, not negative"))?;
    Ok(((code.to_owned(), source.to_owned()), Price { name: name.to_owned(), price }))
}

/// `1234.5` yuan in fen. No signs, no blanks, no exponents.
pub fn yuan(text: &str) -> Option<Fen> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let pointed = text.contains('.');
    let fits = (1..=10).contains(&whole.len())
        && part.len() <= 2
        && pointed != part.is_empty()
        && digits(whole)
        && digits(part);
    if !fits {
        return None;
    }
    let fen = format!("{whole}{part:0<2}").parse().map(Fen).ok()?;
    (fen <= Fen::MAX_LINE).then_some(fen)
}

/// Records of comma-separated text (RFC 4180) with the line each begins on. Quotes may hold commas,
/// line ends and doubled quotes; empty lines are skipped.
fn records(text: &str) -> impl Iterator<Item = (usize, Vec<String>)> {
    let mut chars = text.chars().peekable();
    let mut line = 1;
    std::iter::from_fn(move || {
        loop {
            let begun = line;
            let (mut cells, mut cell, mut quoted, mut any) =
                (Vec::new(), String::new(), false, false);
            while let Some(c) = chars.next() {
                any = true;
                match (c, quoted) {
                    ('"', true) if chars.peek() == Some(&'"') => {
                        chars.next();
                        cell.push('"');
                    }
                    ('"', true) => quoted = false,
                    ('"', false) if cell.is_empty() => quoted = true,
                    (',', false) => cells.push(std::mem::take(&mut cell)),
                    ('\r', false) if chars.peek() == Some(&'\n') => {}
                    ('\n', false) => {
                        line += 1;
                        break;
                    }
                    (c, _) => {
                        line += usize::from(c == '\n');
                        cell.push(c);
                    }
                }
            }
            if !any {
                return None;
            }
            if !cells.is_empty() || !cell.trim().is_empty() {
                cells.push(cell);
                return Some((begun, cells));
            }
        }
    })
}

/// A price that differs between two lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Code and source.
    pub key: PriceKey,
    /// Its name, in the newer list if it is there.
    pub name: String,
    /// Before, if it was there.
    pub before: Option<Fen>,
    /// After, if it is there.
    pub after: Option<Fen>,
}

/// What a new list changes, in the order of codes.
pub fn differences(before: &PriceList, after: &PriceList) -> Vec<Difference> {
    let gone =
        before.iter().filter(|(key, _)| !after.contains_key(*key)).map(|(key, old)| Difference {
            key: key.clone(),
            name: old.name.clone(),
            before: Some(old.price),
            after: None,
        });
    let kept = after.iter().filter(|(key, new)| before.get(*key) != Some(new)).map(|(key, new)| {
        let before = before.get(key).map(|old| old.price);
        Difference { key: key.clone(), name: new.name.clone(), before, after: Some(new.price) }
    });
    let mut all: Vec<Difference> = gone.chain(kept).collect();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "code,name,source,price_yuan\n";

    #[test]
    fn a_list_is_read_with_quotes_and_any_line_ends() {
        let rows = "B-1,\"保险杠, 前\",oe_dealer,1409.50\r\n\r\nL-2,\"灯\"\"左\"\"\",,35\n";
        let csv = format!("\u{feff}{HEAD}{rows}");
        let list = read_list(ListKind::Parts, &csv).unwrap();
        let found: Vec<_> = list
            .iter()
            .map(|((code, source), price)| {
                (code.as_str(), source.as_str(), price.name.as_str(), price.price.0)
            })
            .collect();
        assert_eq!(
            found,
            [("B-1", "oe_dealer", "保险杠, 前", 140_950), ("L-2", "", "灯\"左\"", 3_500)]
        );
    }

    #[test]
    fn rows_that_cannot_be_meant_are_named_by_line() {
        for (rows, expected) in [
            ("", vec![(2, "empty")]),
            ("a,b,,1\na,b,,2\n", vec![(3, "twice")]),
            ("a,b,,1.234\n,b,,1\na,,,1\n", vec![(2, "price"), (3, "code"), (4, "name")]),
            ("a,b,gold,1\na,b,1\n", vec![(2, "source"), (3, "columns")]),
            (
                "a,b,,-1\nb,b,,1e3\nc,b,,1.\nd,b,,99999999999\n",
                vec![(2, "price"), (3, "price"), (4, "price"), (5, "price")],
            ),
            ("a,\"b\nc\",,x\n", vec![(2, "name")]),
        ] {
            let faults = read_list(ListKind::Parts, &format!("{HEAD}{rows}")).unwrap_err();
            let found: Vec<_> = faults.iter().map(|fault| (fault.line, fault.code)).collect();
            assert_eq!(found, expected, "{rows}");
        }
        assert_eq!(read_list(ListKind::Labor, HEAD).unwrap_err()[0].code, "csv_head");
        let endless = format!("{HEAD}{}", "x,,,\n".repeat(100_000));
        assert_eq!(read_list(ListKind::Parts, &endless).unwrap_err().len(), 20);
    }

    #[test]
    fn differences_tell_new_changed_and_gone() {
        let list = |rows: &str| read_list(ListKind::Parts, &format!("{HEAD}{rows}")).unwrap();
        let found =
            differences(&list("a,A,,1\nb,B,,2\nc,C,,3\n"), &list("a,A,,1\nb,B,,5\nd,D,,4\n"));
        let short: Vec<_> = found
            .iter()
            .map(|d| (d.key.0.as_str(), d.before.map(|f| f.0), d.after.map(|f| f.0)))
            .collect();
        assert_eq!(
            short,
            [("b", Some(200), Some(500)), ("c", Some(300), None), ("d", None, Some(400))]
        );
    }
}
