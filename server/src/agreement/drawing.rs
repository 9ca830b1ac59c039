//! PURE: what a customer draws to sign: strokes in a box of 1,000 by 400.

/// One list of points for each stroke.
pub type Strokes = Vec<Vec<(u16, u16)>>;

/// The most characters of a drawing.
pub const MOST_CHARS: usize = 8_000;
const WIDTH: u16 = 1_000;
const HEIGHT: u16 = 400;

/// Reads `x,y x,y;x,y x,y`: points by blanks, strokes by semicolons. Nothing for anything else, for a
/// drawing out of its box, and for one without a single line.
#[must_use]
pub fn read(text: &str) -> Option<Strokes> {
    if text.len() > MOST_CHARS {
        return None;
    }
    let point = |text: &str| {
        let (x, y) = text.split_once(',')?;
        let plain = |text: &str| text.len() <= 4 && text.chars().all(|c| c.is_ascii_digit());
        let (x, y) = (plain(x).then_some(x)?.parse().ok()?, plain(y).then_some(y)?.parse().ok()?);
        (x <= WIDTH && y <= HEIGHT).then_some((x, y))
    };
    let stroke = |text: &str| text.split_whitespace().map(point).collect::<Option<Vec<_>>>();
    let strokes: Strokes = text.split(';').map(stroke).collect::<Option<_>>()?;
    strokes.iter().any(|stroke| stroke.len() > 1).then_some(strokes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strokes_within_the_box_are_a_signature() {
        assert_eq!(
            read("0,0 1000,400;5,6 7,8"),
            Some(vec![vec![(0, 0), (1_000, 400)], vec![(5, 6), (7, 8)]])
        );
        for text in [
            "",
            "1,1",
            "1,1;2,2",
            "a,b c,d",
            "1001,0 1,1",
            "0,401 1,1",
            "-1,0 1,1",
            "1,1 2",
            "+1,1 2,2",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"1,1 ".repeat(5_000)), None);
    }
}
