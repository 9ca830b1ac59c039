//! Breaking text into lines.

use super::face::Face;

/// Marks that may not begin a line.
const NOT_FIRST: &str = "，。、；：！？）》〉」』】〕”’…,.;:!?)]}%·";
/// Marks that may not end a line.
const NOT_LAST: &str = "（《〈「『【〔“‘([{¥";

/// The lines of a text within a width in points. Chinese breaks between any two characters, Latin
/// words stay whole while they fit; marks keep to the side they belong to. At least one line.
pub(super) fn lines(text: &str, width: f32, size: f32, face: &Face) -> Vec<String> {
    text.split('\n').flat_map(|part| paragraph(part, width, size, face)).collect()
}

fn paragraph(text: &str, width: f32, size: f32, face: &Face) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0.0);
    for piece in pieces(text) {
        let wide = face.width(&piece, size);
        if used + face.width(piece.trim_end(), size) <= width || line.is_empty() && wide <= width {
            line.push_str(&piece);
            used += wide;
            continue;
        }
        if !line.is_empty() {
            lines.push(line.trim_end().to_owned());
            (line, used) = (String::new(), 0.0);
        }
        // A word that is longer than a line breaks anywhere.
        for c in piece.chars() {
            let wide = face.width(c.encode_utf8(&mut [0; 4]), size);
            if used + wide > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            line.push(c);
            used += wide;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// What stays together: a Latin word with its blank, or a Chinese character with its marks.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut open = false;
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        let last = pieces.last().and_then(|piece| piece.chars().last());
        let joins = match last {
            None => false,
            Some(last) => {
                open || NOT_FIRST.contains(c)
                    || NOT_LAST.contains(last)
                    || (is_word(last) && (is_word(c) || c == ' '))
            }
        };
        match pieces.last_mut().filter(|_| joins) {
            Some(piece) => piece.push(c),
            None => pieces.push(c.to_string()),
        }
        open = NOT_LAST.contains(c);
    }
    pieces
}

fn is_word(c: char) -> bool {
    c != ' ' && u32::from(c) < 0x2E80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_words_stay_where_they_belong() {
        let face = Face::open().unwrap();
        let ten = face.width("一二三四五六七八九十", 10.0);
        for (text, expected) in [
            ("一二三四五六七八九十一", vec!["一二三四五六七八九十", "一"]),
            ("一二三四五六七八九十，一", vec!["一二三四五六七八九", "十，一"]),
            ("一二三四五六七八九（一）", vec!["一二三四五六七八九", "（一）"]),
            ("", vec![""]),
            ("a\nb", vec!["a", "b"]),
        ] {
            assert_eq!(lines(text, ten + 0.1, 10.0, &face), expected, "{text}");
        }
        let words = lines("taking reports is no admission of liability", 60.0, 10.0, &face);
        assert!(words.iter().all(|line| !line.starts_with(' ')), "{words:?}");
        assert_eq!(words.join(" "), "taking reports is no admission of liability");
        let long = lines(&"x".repeat(100), 60.0, 10.0, &face);
        assert_eq!(long.concat(), "x".repeat(100));
        assert!(long.iter().all(|line| face.width(line, 10.0) <= 60.0));
    }
}
