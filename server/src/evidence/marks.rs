//! What programs leave in picture files that they write: their names, in every directory of EXIF, in
//! XMP, in IPTC and in comments. Read in a bounded way, and never a reason to refuse.

use api_spec::evidence::FileMark;
use exif::{Exif, Tag, Value};

use crate::imaging::segments::segments;

/// Marks of one file.
const MOST_MARKS: usize = 12;
/// Characters of one.
const MOST_CHARACTERS: usize = 64;
/// What XMP stands behind in a JPEG.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// Names of XMP properties and attributes that name a program (XMP part 2; stEvt is of its history).
const PROPERTIES: &[&[u8]] =
    &[b"xmp:CreatorTool", b"stEvt:softwareAgent", b"tiff:Software", b"exif:UserComment"];
/// Attributes that one program alone writes, and its name.
const SIGNS: &[(&[u8], &str)] =
    &[(b"crs:Version", "Adobe Camera Raw"), (b"photoshop:History", "Adobe Photoshop")];
/// Resources that Photoshop alone writes: print size, quality, thumbnail, history.
const PHOTOSHOP: &[u16] = &[0x03ed, 0x0406, 0x040c, 0x0411];
/// The resource that holds IPTC, and there the program (IIM 2:65).
const IPTC: u16 = 0x0404;

/// The marks in a file's first bytes, each once.
pub(super) fn read(start: &[u8], exif: Option<&Exif>) -> Vec<FileMark> {
    let mut found = Found::default();
    for field in exif.iter().flat_map(|exif| exif.fields()) {
        found.add_field(field.tag, &field.value);
    }
    for segment in segments(start) {
        match segment.marker {
            0xe1 => segment.content.strip_prefix(XMP).iter().for_each(|text| found.add_xmp(text)),
            0xed => found.add_resources(segment.content),
            0xfe => found.add("comment", segment.content),
            _ => {}
        }
    }
    found.add_chunks(start);
    found.marks
}

#[derive(Default)]
struct Found {
    marks: Vec<FileMark>,
}

impl Found {
    fn add(&mut self, place: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let printable = text.trim_matches(|c: char| c.is_control() || c.is_whitespace());
        let clean = printable.chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS);
        let mark = FileMark { place: place.to_owned(), text: clean.collect() };
        // A byte that is no text says nothing, and neither does half a letter.
        let says = mark.text.chars().any(char::is_alphabetic) && !mark.text.contains('\u{fffd}');
        if says && self.marks.len() < MOST_MARKS && !self.marks.contains(&mark) {
            self.marks.push(mark);
        }
    }

    fn add_field(&mut self, tag: Tag, value: &Value) {
        // 0x000b: the program that processed the picture (EXIF 2.32, annex A).
        let names = matches!(tag, Tag::Software | Tag::UserComment) || tag.number() == 0x000b;
        match value {
            Value::Ascii(lines) if names => lines.iter().for_each(|line| self.add("exif", line)),
            // Eight bytes say in which letters it is written.
            Value::Undefined(bytes, _) if names => {
                if let Some(text) = bytes.strip_prefix(b"ASCII\0\0\0") {
                    self.add("exif", text);
                }
            }
            _ => {}
        }
    }

    /// Both ways of writing a property: as an attribute and as an element.
    fn add_xmp(&mut self, text: &[u8]) {
        for property in PROPERTIES {
            for value in values(text, property) {
                self.add("xmp", value);
            }
        }
        for (property, name) in SIGNS {
            if values(text, property).next().is_some() {
                self.add("xmp", name.as_bytes());
            }
        }
    }

    fn add_resources(&mut self, content: &[u8]) {
        let mut rest = content.strip_prefix(b"Photoshop 3.0\0").unwrap_or_default();
        while let Some((id, data, behind)) = resource(rest) {
            if PHOTOSHOP.contains(&id) {
                self.add("iptc", b"Photoshop");
            } else if id == IPTC {
                self.add_datasets(data);
            }
            rest = behind;
        }
    }

    fn add_datasets(&mut self, mut rest: &[u8]) {
        while let [0x1c, record, dataset, a, b, behind @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*a, *b]));
            let Some((data, behind)) = behind.split_at_checked(length) else { return };
            if (*record, *dataset) == (2, 65) {
                self.add("iptc", data);
            }
            rest = behind;
        }
    }

    /// Texts of PNG, and XMP of PNG and WebP, as far as they are not compressed.
    fn add_chunks(&mut self, start: &[u8]) {
        if let Some(mut rest) = start.strip_prefix(b"\x89PNG\r\n\x1a\n") {
            while let Some((length, behind)) = rest.split_first_chunk::<4>() {
                let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
                let Some((name, behind)) = behind.split_first_chunk::<4>() else { return };
                let Some((data, behind)) = behind.split_at_checked(length) else { return };
                match name {
                    b"tEXt" => self.add_png_text(data),
                    b"iTXt" => self.add_xmp(data),
                    b"IDAT" => return,
                    _ => {}
                }
                rest = behind.get(4..).unwrap_or_default();
            }
        } else if start.starts_with(b"RIFF") {
            let mut rest = start.get(12..).unwrap_or_default();
            while let [a, b, c, d, e, f, g, h, behind @ ..] = rest {
                let length = u32::from_le_bytes([*e, *f, *g, *h]);
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let Some((data, behind)) = behind.split_at_checked(length) else { return };
                if [*a, *b, *c, *d] == *b"XMP " {
                    self.add_xmp(data);
                }
                rest = behind.get(length % 2..).unwrap_or_default();
            }
        }
    }

    fn add_png_text(&mut self, data: &[u8]) {
        let Some(end) = data.iter().position(|byte| *byte == 0) else { return };
        let (key, text) = data.split_at(end);
        if matches!(key, b"Software" | b"Comment" | b"Description") {
            self.add("comment", text.get(1..).unwrap_or_default());
        }
    }
}

/// The values of a property wherever it stands in the text.
fn values<'a>(text: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at = rest.windows(name.len()).position(|part| part == name)?;
            rest = rest.get(at + name.len()..)?;
            let end = match rest {
                [b'=', quote @ (b'"' | b'\''), ..] => *quote,
                [b'>', ..] => b'<',
                _ => continue,
            };
            let skip = if end == b'<' { 1 } else { 2 };
            let value = rest.get(skip..)?;
            let length = value.iter().position(|byte| *byte == end)?;
            rest = value.get(length..)?;
            return value.get(..length);
        }
    })
}

/// An image resource: its number, what is in it, and what stands behind it.
fn resource(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (id, rest) = bytes.strip_prefix(b"8BIM")?.split_first_chunk::<2>()?;
    // A name with its length, together an even number of bytes.
    let name = usize::from(*rest.first()?) + 1;
    let (length, rest) = rest.get(name + name % 2..)?.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (data, rest) = rest.split_at_checked(length)?;
    Some((u16::from_be_bytes(*id), data, rest.get(length % 2..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8];
        for (marker, content) in segments {
            bytes.extend([0xff, *marker]);
            bytes.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
            bytes.extend(*content);
        }
        bytes.extend([0xff, 0xda, 0, 2]);
        bytes
    }

    fn resources(all: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = b"Photoshop 3.0\0".to_vec();
        for (id, data) in all {
            bytes.extend(b"8BIM");
            bytes.extend(id.to_be_bytes());
            bytes.extend([0, 0]);
            bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(*data);
            bytes.extend(vec![0; data.len() % 2]);
        }
        bytes
    }

    fn marks(bytes: &[u8]) -> Vec<(String, String)> {
        read(bytes, None).into_iter().map(|mark| (mark.place, mark.text)).collect()
    }

    fn mark(place: &str, text: &str) -> (String, String) {
        (place.to_owned(), text.to_owned())
    }

    #[test]
    fn programs_are_named_in_xmp_as_attribute_and_as_element() {
        let xmp = |text: &str| jpeg(&[(0xe1, &[XMP, text.as_bytes()].concat())]);
        for (text, expected) in [
            ("<x xmp:CreatorTool=\"Adobe Photoshop 25.0\"/>", vec!["Adobe Photoshop 25.0"]),
            ("<xmp:CreatorTool>Snapseed 2.21</xmp:CreatorTool>", vec!["Snapseed 2.21"]),
            ("<a stEvt:softwareAgent='one'/><a stEvt:softwareAgent='two'/>", vec!["one", "two"]),
            ("<a crs:Version=\"15.4\"/>", vec!["Adobe Camera Raw"]),
            ("<xmp:CreatorTool>美图秀秀</xmp:CreatorTool>", vec!["美图秀秀"]),
            ("<a xmp:CreatorTool=\"cut off", vec![]),
            ("<a xmp:CreatorToolbox=\"no\"/>", vec![]),
            ("<a xmp:Rating=\"5\" photoshop:DateCreated=\"2026\"/>", vec![]),
        ] {
            let expected: Vec<_> = expected.iter().map(|text| mark("xmp", text)).collect();
            assert_eq!(marks(&xmp(text)), expected, "{text}");
        }
    }

    #[test]
    fn programs_are_named_in_iptc_and_comments() {
        let program = [&[0x1c, 2, 80, 0, 3][..], b"who", &[0x1c, 2, 65, 0, 4], b"GIMP"].concat();
        let iptc = jpeg(&[(0xed, &resources(&[(0x0425, b"abc"), (0x0404, &program)]))]);
        assert_eq!(marks(&iptc), [mark("iptc", "GIMP")]);
        let adobe = jpeg(&[(0xed, &resources(&[(0x0001, b""), (0x03ed, &[0; 16])]))]);
        assert_eq!(marks(&adobe), [mark("iptc", "Photoshop")]);
        let comment = jpeg(&[(0xfe, b"CREATOR: gd-jpeg v1.0\n")]);
        assert_eq!(marks(&comment), [mark("comment", "CREATOR: gd-jpeg v1.0")]);
        assert_eq!(marks(&jpeg(&[(0xfe, &[0xff, 0xfe, 0])])), []);
    }

    #[test]
    fn programs_are_named_in_png_and_webp() {
        let chunk = |name: &[u8; 4], data: &[u8]| {
            let length = u32::try_from(data.len()).unwrap().to_be_bytes();
            [&length[..], name, data, &[0; 4]].concat()
        };
        let png = [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            chunk(b"tEXt", b"Software\0Adobe ImageReady"),
            chunk(b"tEXt", b"Author\0nobody"),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x xmp:CreatorTool='Canva'/>"),
        ];
        let expected = [mark("comment", "Adobe ImageReady"), mark("xmp", "Canva")];
        assert_eq!(marks(&png.concat()), expected);
        let xmp = b"<x xmp:CreatorTool='VSCO'/>";
        let length = u32::try_from(xmp.len()).unwrap().to_le_bytes();
        let webp = [&b"RIFF\0\0\0\0WEBPVP8 \x01\0\0\0a\0XMP "[..], &length, xmp].concat();
        assert_eq!(marks(&webp), [mark("xmp", "VSCO")]);
    }

    #[test]
    fn no_bytes_are_too_strange_or_too_many() {
        let many = "<a xmp:CreatorTool=\"n\"/>".repeat(500);
        let each: String = (0..500).map(|n| format!("<a xmp:CreatorTool=\"x{n}\"/>")).collect();
        for text in [many, each] {
            let bytes = jpeg(&[(0xe1, &[XMP, text.as_bytes()].concat())]);
            assert!(read(&bytes, None).len() <= MOST_MARKS);
            for end in 0..bytes.len().min(300) {
                let _ = read(&bytes[..end], None);
            }
        }
        let whole = jpeg(&[(0xed, &resources(&[(0x0404, &[0x1c, 2, 65, 0xff, 0xff])]))]);
        for n in 0..whole.len() {
            let mut changed = whole.clone();
            changed[n] ^= 0xff;
            let _ = read(&changed, None);
        }
    }
}
