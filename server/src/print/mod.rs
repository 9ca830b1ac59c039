//! Printed documents: a page layout of our own over `pdf-writer`, with one embedded font.
//!
//! A [`Printout`] says what is printed; [`pdf`] sets it in A4 pages. The same printout makes the same
//! bytes: no clock, no randomness, and only the glyphs that occur are embedded. A character that the
//! font lacks is printed as `〓`, the sign for a missing sort, and never left out silently.

mod face;
mod layout;
pub mod notices;
pub mod sheet;
pub mod words;
mod wrap;
mod write;

use sync_core::time::Instant;

pub use face::Face;

/// The font of everything that this server draws: Noto Sans SC, cut down by
/// `assets/font/make.py` to GB 2312 and the general list of characters of 2013. TrueType outlines;
/// SIL Open Font License, text in `assets/font/OFL.txt`.
pub const FONT: &[u8] = include_bytes!("../../assets/font/notosanssc-subset.ttf");

/// A document to print.
#[derive(Clone, Debug, PartialEq)]
pub struct Printout {
    /// Title, also in the document's properties.
    pub title: String,
    /// Language tag: `zh-CN` or `en`.
    pub lang: &'static str,
    /// At the foot of each page, before the page number.
    pub footer: String,
    /// When what is printed was fixed; not when it is printed, so that bytes stay the same.
    pub dated: Instant,
    /// The content.
    pub blocks: Vec<Block>,
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// The heading of the document, centred.
    Title(String),
    /// The heading of a section.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A paragraph in small type.
    Small(String),
    /// Names with values, two to a line where they fit.
    Facts(Vec<(String, String)>),
    /// A table; its head is repeated on every page.
    Table(Table),
    /// What somebody drew by hand: points in a box of 1,000 by 400, one list for each stroke.
    Drawing(Vec<Vec<(u16, u16)>>),
    /// Places to sign, side by side.
    Signatures(Vec<String>),
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; cells that are missing stay empty.
    pub rows: Vec<Row>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// In the head.
    pub title: String,
    /// Its share of the width, relative to the others.
    pub share: f32,
    /// Which edge its text keeps to.
    pub edge: Edge,
}

/// An edge that text keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The left one: words.
    Left,
    /// The right one: amounts.
    Right,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<String>,
    /// How it is set.
    pub weight: Weight,
}

/// How a row is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// One among many.
    Plain,
    /// A sum.
    Strong,
}

impl Row {
    /// An ordinary row.
    pub fn plain(cells: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { cells: cells.into_iter().map(Into::into).collect(), weight: Weight::Plain }
    }

    /// A sum.
    pub fn strong(cells: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { weight: Weight::Strong, ..Self::plain(cells) }
    }
}

impl Column {
    /// A column of words.
    pub fn words(title: impl Into<String>, share: f32) -> Self {
        Self { title: title.into(), share, edge: Edge::Left }
    }

    /// A column of amounts.
    pub fn amounts(title: impl Into<String>, share: f32) -> Self {
        Self { edge: Edge::Right, ..Self::words(title, share) }
    }
}

/// The document cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum PrintFault {
    /// The embedded font is not what it should be: a fault of the build.
    #[error("the font cannot be used: {0}")]
    Font(String),
    /// More pages than anybody prints.
    #[error("more than {0} pages")]
    TooLong(usize),
}

/// Sets a document as PDF.
///
/// # Errors
/// [`PrintFault`].
pub fn pdf(printout: &Printout) -> Result<Vec<u8>, PrintFault> {
    let face = Face::open()?;
    let pages = layout::pages(printout, &face)?;
    write::file(printout, &pages, &face)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Printout {
        let columns = vec![Column::words("项目", 3.0), Column::amounts("金额", 1.0)];
        let rows = (0..120).map(|n| Row::plain([format!("前保险杠 {n}"), "¥1,409.50".into()]));
        Printout {
            title: "定损单".into(),
            lang: "zh-CN",
            footer: "R1 · 1".into(),
            dated: Instant(1_772_415_000_000),
            blocks: vec![
                Block::Title("定损单".into()),
                Block::Facts(vec![
                    ("报案号".into(), "R1".into()),
                    ("号牌".into(), "浙A12345".into()),
                ]),
                Block::Table(Table { columns, rows: rows.collect() }),
                Block::Drawing(vec![vec![(0, 0), (1_000, 400)]]),
                Block::Signatures(vec!["客户".into(), "查勘员".into()]),
            ],
        }
    }

    #[test]
    fn the_same_printout_makes_the_same_bytes() {
        let first = pdf(&sample()).unwrap();
        assert_eq!(first, pdf(&sample()).unwrap());
        assert!(first.starts_with(b"%PDF-1.7"));
        assert!(first.len() < 100_000, "{} bytes", first.len());
    }

    #[test]
    fn an_endless_document_is_refused() {
        let mut endless = sample();
        endless.blocks = vec![Block::Text("长".repeat(2_000)); 500];
        assert!(matches!(pdf(&endless), Err(PrintFault::TooLong(_))));
    }

    #[test]
    fn what_the_font_lacks_is_marked() {
        let face = Face::open().unwrap();
        assert!(face.has('查') && face.has('翀') && face.has('¥') && face.has('a'));
        assert!(!face.has('😀'));
        assert_eq!(face.glyph('😀'), face.glyph('〓'));
        assert_ne!(face.glyph('〓').0, 0);
    }
}
