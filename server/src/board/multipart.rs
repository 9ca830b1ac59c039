//! The parts of a form with files, from bytes of strangers.

use std::convert::Infallible;

use actix_web::web::Bytes;
use futures_util::stream;
use multer::Multipart;

/// Most parts of a form: what our page has, with room for a browser's empty ones.
const MOST_PARTS: usize = 32;

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The field.
    pub name: String,
    /// Whether it is a file. What it is called on the sender's computer is not looked at.
    pub file: bool,
    /// What was entered, or the file.
    pub bytes: Bytes,
}

/// What separates the parts, from a `content-type` of `multipart/form-data`.
pub fn boundary(content_type: &str) -> Option<String> {
    multer::parse_boundary(content_type).ok().filter(|text| (1..=70).contains(&text.len()))
}

/// The parts of a body; nothing when it is not such a form.
pub async fn parts(body: Bytes, boundary: &str) -> Option<Vec<Part>> {
    let mut form = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.ok()? {
        if parts.len() == MOST_PARTS {
            return None;
        }
        let (name, file) = (field.name()?.to_owned(), field.file_name().is_some());
        parts.push(Part { name, file, bytes: field.bytes().await.ok()? });
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"words\"\r\n\r\n水箱\r\n开裂\
        \r\n--x\r\ncontent-disposition: form-data; name=\"photos\"; filename=\"a;b.jpg\"\r\n\
        Content-Type: image/jpeg\r\n\r\n\u{1}\r\n--y\r\n\r\n--x--\r\n";

    fn read(body: &[u8]) -> Option<Vec<Part>> {
        futures_util::FutureExt::now_or_never(parts(Bytes::copy_from_slice(body), "x")).unwrap()
    }

    #[test]
    fn the_parts_of_a_browsers_form_are_read() {
        let found = read(FORM.as_bytes()).unwrap();
        let part = |name: &str, file, bytes: &'static [u8]| Part {
            name: name.into(),
            file,
            bytes: Bytes::from_static(bytes),
        };
        let words = part("words", false, "水箱\r\n开裂".as_bytes());
        assert_eq!(found, [words, part("photos", true, b"\x01\r\n--y\r\n")]);
        assert_eq!(read(b"--x--"), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_such_form_is_refused() {
        let many = "--x\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n".repeat(40);
        let long = format!("--x\r\nA: {}\r\n\r\n1\r\n--x--", "b".repeat(3_000));
        for wrong in
            ["", "--x", "--y\r\n", "words=1", "--x\r\nA: b\r\n\r\n1\r\n--x--", &many, &long]
        {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong:.40}");
        }
        // Cut off anywhere before the end.
        for end in 0..FORM.len() - 4 {
            assert_eq!(read(&FORM.as_bytes()[..end]), None, "{end}");
        }
    }

    #[test]
    fn the_boundary_stands_in_the_content_type() {
        for (text, expected) in [
            ("multipart/form-data; boundary=x", Some("x")),
            ("Multipart/Form-Data; charset=utf-8; Boundary=\"----a\"", Some("----a")),
            ("multipart/form-data", None),
            ("multipart/mixed; boundary=x", None),
            ("multipart/form-data; boundary=", None),
            ("application/x-www-form-urlencoded", None),
        ] {
            assert_eq!(boundary(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in any::<Vec<u8>>(), cut in 0_usize..200) {
            let _ = read(&body);
            let mut spliced = FORM.as_bytes()[..cut.min(FORM.len())].to_vec();
            spliced.extend(body);
            let _ = read(&spliced);
        }
    }
}
