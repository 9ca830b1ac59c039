use std::{
    io::{Seek, Write},
    sync::atomic::{AtomicU32, Ordering},
};

use api_spec::case::Position;
use exif::{Field, In, Rational, Tag, Value, experimental::Writer};
use image::RgbImage;

use super::*;

fn picture(format: ImageFormat) -> Vec<u8> {
    let byte = |n: u32| u8::try_from(n).unwrap();
    let pixels = RgbImage::from_fn(40, 30, |x, y| image::Rgb([byte(x), byte(y), 99]));
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A file with these bytes that is gone when it is closed.
fn file(bytes: &[u8]) -> File {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("chakan-inspect-{}-{n}", std::process::id()));
    let options = File::options().read(true).write(true).create_new(true).open(&path);
    let mut file = options.unwrap();
    std::fs::remove_file(path).unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn reason(bytes: &[u8]) -> String {
    let error = look(file(bytes)).unwrap_err();
    assert_eq!(error.code(), Code::UnsupportedMediaType, "{error}");
    error.problem().facts["reason"].as_str().unwrap().to_owned()
}

fn ascii(tag: Tag, text: &str) -> Field {
    Field { tag, ifd_num: In::PRIMARY, value: Value::Ascii(vec![text.as_bytes().to_vec()]) }
}

fn degrees(tag: Tag, parts: [(u32, u32); 3]) -> Field {
    let parts = parts.map(|(num, denom)| Rational { num, denom }).to_vec();
    Field { tag, ifd_num: In::PRIMARY, value: Value::Rational(parts) }
}

fn tiff(fields: &[Field]) -> Vec<u8> {
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut bytes = Cursor::new(Vec::new());
    writer.write(&mut bytes, false).unwrap();
    bytes.into_inner()
}

/// A JPEG with an APP1 segment of these bytes behind the EXIF mark.
fn jpeg_with(tiff: &[u8]) -> Vec<u8> {
    let plain = picture(ImageFormat::Jpeg);
    let length = u16::try_from(tiff.len() + 8).unwrap().to_be_bytes();
    let segment = [&[0xff, 0xe1][..], &length, b"Exif\0\0", tiff].concat();
    [&plain[..2], &segment, &plain[2..]].concat()
}

fn usual_fields() -> Vec<Field> {
    vec![
        ascii(Tag::Make, "  Field Camera "),
        ascii(Tag::Model, "FC-1\u{7}"),
        Field { tag: Tag::Orientation, ifd_num: In::PRIMARY, value: Value::Short(vec![6]) },
        ascii(Tag::DateTimeOriginal, "2026:03:02 09:30:15"),
        ascii(Tag::SubSecTimeOriginal, "250"),
        ascii(Tag::OffsetTimeOriginal, "+08:00"),
        ascii(Tag::GPSLatitudeRef, "N"),
        degrees(Tag::GPSLatitude, [(30, 1), (16, 1), (2676, 100)]),
        ascii(Tag::GPSLongitudeRef, "E"),
        degrees(Tag::GPSLongitude, [(120, 1), (7, 1), (4872, 100)]),
    ]
}

#[test]
fn real_pictures_are_told_apart_and_measured() {
    for (format, media_type) in [
        (ImageFormat::Jpeg, MediaType::Jpeg),
        (ImageFormat::Png, MediaType::Png),
        (ImageFormat::WebP, MediaType::Webp),
    ] {
        let found = look(file(&picture(format))).unwrap();
        assert_eq!((found.media_type, found.width, found.height), (media_type, 40, 30));
        assert_eq!(found.camera, CameraFacts::default());
    }
}

/// A file type box of this major brand, and something behind it.
fn base_media(major: &[u8; 4]) -> Vec<u8> {
    [&b"\0\0\0\x14ftyp"[..], major, &[0; 4], major, &[0x5a; 500]].concat()
}

#[test]
fn heic_and_video_are_known_by_their_brand_and_not_decoded() {
    for (major, media_type) in [
        (b"heic", MediaType::Heic),
        (b"mp42", MediaType::Mp4),
        (b"qt  ", MediaType::QuickTime),
        (b"3gp5", MediaType::ThreeGp),
    ] {
        let found = look(file(&base_media(major))).unwrap();
        assert_eq!((found.media_type, found.width, found.height), (media_type, 0, 0));
    }
    for major in [b"avif", b"M4A ", b"jpx ", b"crx "] {
        assert_eq!(reason(&base_media(major)), "not_a_picture");
    }
}

#[test]
fn only_a_video_may_be_longer_than_a_picture() {
    let long = |mut bytes: Vec<u8>| {
        bytes.resize(usize::try_from(MOST_BYTES).unwrap() + 1, 0);
        bytes
    };
    for bytes in [picture(ImageFormat::Jpeg), picture(ImageFormat::Png), base_media(b"heic")] {
        assert_eq!(reason(&long(bytes)), "too_large_for_a_picture");
    }
    assert!(look(file(&long(base_media(b"mp42")))).is_ok());
}

#[test]
fn a_header_behind_megabytes_of_notes_is_still_found() {
    let plain = picture(ImageFormat::Jpeg);
    let segment = [&[0xff, 0xe2, 0xff, 0xff][..], &[0x20; 65_533]].concat();
    let mut bytes = plain[..2].to_vec();
    for _ in 0..40 {
        bytes.extend(&segment);
    }
    bytes.extend(&plain[2..]);
    assert!(u64::try_from(bytes.len()).unwrap() > 2 * HEADER_BYTES);
    let found = look(file(&bytes)).unwrap();
    assert_eq!((found.width, found.height), (40, 30));
}

#[test]
fn whatever_is_no_picture_is_refused_with_its_reason() {
    assert_eq!(reason(b""), "not_a_picture");
    assert_eq!(reason(b"<svg/>"), "not_a_picture");
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let whole = picture(format);
        assert_eq!(reason(&whole[..16]), "unreadable_header", "{format:?}");
    }
    let mut wide = picture(ImageFormat::Jpeg);
    let frame = wide.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    wide[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert_eq!(reason(&wide), "too_many_pixels");
}

#[test]
fn no_bytes_make_a_look_panic_or_fail_otherwise() {
    // Every single-byte change of a small picture with notes, and every truncation.
    let whole = jpeg_with(&tiff(&usual_fields()));
    let header = whole.len().min(700);
    for n in 0..header {
        let mut changed = whole.clone();
        changed[n] ^= 0xff;
        for bytes in [&changed[..], &whole[..n]] {
            if let Err(error) = look(file(bytes)) {
                assert_eq!(error.code(), Code::UnsupportedMediaType, "{n}: {error}");
            }
        }
    }
}

#[test]
fn what_the_camera_wrote_is_read() {
    let found = look(file(&jpeg_with(&tiff(&usual_fields())))).unwrap();
    let taken_at = chrono::NaiveDate::from_ymd_opt(2026, 3, 2)
        .and_then(|day| day.and_hms_milli_opt(9, 30, 15, 250));
    let expected = CameraFacts {
        taken_at_local: taken_at,
        utc_offset_minutes: Some(480),
        position: Some(Position { lat: 30.2741, lon: 120.1302, accuracy_m: None }),
        orientation: Some(6),
        make: Some("Field Camera".into()),
        model: Some("FC-1".into()),
        software: None,
        gps_at: None,
        marks: Vec::new(),
    };
    assert_eq!(found.camera, expected);
    assert_eq!((found.width, found.height), (40, 30), "as stored, whatever the orientation says");
}

#[test]
fn programs_are_named_in_every_directory_of_exif() {
    let comment = Value::Undefined(b"ASCII\0\0\0Screenshot".to_vec(), 0);
    let thumbnail = Field {
        tag: Tag::Software,
        ifd_num: In::THUMBNAIL,
        value: Value::Ascii(vec![b"Meitu".to_vec()]),
    };
    for (field, text) in [
        (ascii(Tag::Software, "Adobe Photoshop 25.0"), "Adobe Photoshop 25.0"),
        (Field { tag: Tag::UserComment, ifd_num: In::PRIMARY, value: comment }, "Screenshot"),
        (thumbnail, "Meitu"),
    ] {
        let found = look(file(&jpeg_with(&tiff(&[ascii(Tag::Make, "Camera"), field])))).unwrap();
        let texts: Vec<_> = found.camera.marks.iter().map(|mark| mark.text.as_str()).collect();
        assert_eq!(texts, [text]);
    }
}

#[test]
fn strange_notes_of_a_camera_are_left_out_and_refuse_nothing() {
    for (tag, text) in [
        (Tag::DateTimeOriginal, "0000:00:00 00:00:00"),
        (Tag::DateTimeOriginal, "2026:13:40 25:61:61"),
        (Tag::DateTimeOriginal, "1970:01:01 00:00:00"),
        (Tag::DateTimeOriginal, "yesterday"),
        (Tag::OffsetTimeOriginal, "+99:99"),
        (Tag::Make, "   "),
    ] {
        let found = look(file(&jpeg_with(&tiff(&[ascii(tag, text)])))).unwrap();
        assert_eq!(found.camera, CameraFacts::default(), "{text}");
    }
    let nowhere = [
        ascii(Tag::GPSLatitudeRef, "N"),
        degrees(Tag::GPSLatitude, [(30, 0), (0, 1), (0, 1)]),
        ascii(Tag::GPSLongitudeRef, "E"),
        degrees(Tag::GPSLongitude, [(400, 1), (0, 1), (0, 1)]),
    ];
    let found = look(file(&jpeg_with(&tiff(&nowhere)))).unwrap();
    assert_eq!(found.camera.position, None);
    let found = look(file(&jpeg_with(b"MM\0*\xff\xff\xff\xff"))).unwrap();
    assert_eq!(found.camera, CameraFacts::default());
}
