//! PURE: the parts of a form with files (RFC 7578), from bytes of strangers.

/// Most parts of a form: what our page has, with room for a browser's empty ones.
const MOST_PARTS: usize = 32;
/// Most bytes of the headers of a part.
const MOST_HEADERS: usize = 2_048;

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The field.
    pub name: String,
    /// Whether it is a file.
    pub file: bool,
    /// What was entered, or the file.
    pub bytes: &'a [u8],
}

/// What separates the parts, from a `content-type` of `multipart/form-data`.
pub fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (1..=70).contains(&value.len()).then(|| value.to_owned())
}

/// The parts of a body; nothing when it is not such a form.
pub fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    let line = format!("\r\n--{boundary}").into_bytes();
    // The first one begins the body.
    let mut rest = body.strip_prefix(line.get(2..)?)?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        let headers = find(rest.get(..rest.len().min(MOST_HEADERS))?, b"\r\n\r\n")?;
        let (name, file) = disposition(std::str::from_utf8(rest.get(..headers)?).ok()?)?;
        let content = rest.get(headers + 4..)?;
        let end = find(content, &line)?;
        parts.push(Part { name, file, bytes: content.get(..end)? });
        rest = content.get(end + line.len()..)?;
        if parts.len() > MOST_PARTS {
            return None;
        }
    }
}

/// Where `wanted`, which begins with a carriage return, stands first.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == b'\r')?;
        if bytes.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Field and whether it is a file. What the file is called on the shop's computer is not looked at.
fn disposition(headers: &str) -> Option<(String, bool)> {
    let line = headers.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let mut parameters = line.split(';').map(str::trim);
    if !parameters.next()?.eq_ignore_ascii_case("form-data") {
        return None;
    }
    let parameters: Vec<&str> = parameters.collect();
    let name = parameters.iter().find_map(|parameter| parameter.strip_prefix("name="))?;
    let file = parameters.iter().any(|parameter| parameter.starts_with("filename"));
    Some((name.trim_matches('"').to_owned(), file))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"words\"\r\n\r\n水箱\r\n开裂\
        \r\n--x\r\ncontent-disposition: form-data; name=\"photos\"; filename=\"a;b.jpg\"\r\n\
        Content-Type: image/jpeg\r\n\r\n\u{1}\r\n--y\r\n\r\n--x--\r\n";

    #[test]
    fn the_parts_of_a_browsers_form_are_read() {
        let found = parts(FORM.as_bytes(), "x").unwrap();
        let part = |name: &str, file, bytes: &'static [u8]| Part { name: name.into(), file, bytes };
        let words = part("words", false, "水箱\r\n开裂".as_bytes());
        assert_eq!(found, [words, part("photos", true, b"\x01\r\n--y\r\n")]);
        assert_eq!(parts(b"--x--", "x"), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_such_form_is_refused() {
        let many = "--x\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n".repeat(40);
        let long = format!("--x\r\nA: {}\r\n\r\n1\r\n--x--", "b".repeat(3_000));
        for wrong in
            ["", "--x", "--y\r\n", "words=1", "--x\r\nA: b\r\n\r\n1\r\n--x--", &many, &long]
        {
            assert_eq!(parts(wrong.as_bytes(), "x"), None, "{wrong:.40}");
        }
        // Cut off anywhere before the end.
        for end in 0..FORM.len() - 4 {
            assert_eq!(parts(&FORM.as_bytes()[..end], "x"), None, "{end}");
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
            let _ = parts(&body, "x");
            let mut spliced = FORM.as_bytes()[..cut.min(FORM.len())].to_vec();
            spliced.extend(body);
            let _ = parts(&spliced, "x");
        }
    }
}
