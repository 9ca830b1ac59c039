//! Cursor paging: the cursor is the last item's sort key, opaque to the caller.

use api_spec::page::{Page, PageQuery};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::error::ApiError;

/// Where a list goes on: after the row with this instant and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The sort instant in milliseconds.
    pub at_ms: i64,
    /// The id that breaks ties.
    pub id: String,
}

impl Cursor {
    /// The cursor of a request, if it names one.
    ///
    /// # Errors
    /// `invalid_fields` for anything that did not come from a page of ours.
    pub fn of(query: &PageQuery) -> Result<Option<Self>, ApiError> {
        let Some(text) = &query.cursor else { return Ok(None) };
        Self::parse(text).map(Some).ok_or_else(|| {
            ApiError::invalid_field(
                "cursor",
                "not_a_cursor",
                "send next_cursor of the page before, unchanged",
            )
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let plain = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (at_ms, id) = plain.split_once(' ')?;
        let fits = id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        fits.then(|| Some(Self { at_ms: at_ms.parse().ok()?, id: id.to_owned() }))?
    }

    fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{} {}", self.at_ms, self.id))
    }
}

/// Makes a page of rows that were fetched with one row more than asked for.
pub fn page<Row, T>(
    mut rows: Vec<Row>,
    query: &PageQuery,
    cursor: impl Fn(&Row) -> Cursor,
    item: impl Fn(Row) -> T,
) -> Page<T> {
    let size = usize::try_from(query.size()).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let next_cursor = if more { rows.last().map(|row| cursor(row).text()) } else { None };
    Page { items: rows.into_iter().map(item).collect(), next_cursor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_trip_and_nothing_else_does() {
        let cursor = Cursor { at_ms: -5, id: "018f-a".into() };
        assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        for wrong in ["", "x", "AAAA", &BASE64_URL_SAFE_NO_PAD.encode("1 a'b")] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
    }
}
