//! Real photos, made on the spot: JPEG files with the EXIF that a phone writes.

use chrono::{DateTime, Utc};
use exif::{Field, In, Rational, Tag, Value, experimental::Writer};
use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};
use sync_core::geo::Point;

/// What a camera knows of a photo.
pub(super) struct Shot {
    /// Makes each picture different.
    pub(super) number: u8,
    pub(super) taken_at: DateTime<Utc>,
    pub(super) place: Point,
}

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

/// The bytes of one photo.
pub(super) fn take(shot: &Shot) -> Result<Vec<u8>, String> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 85)
        .write_image(&pixels(shot.number), WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .map_err(|error| error.to_string())?;
    with_exif(&jpeg, &exif(shot)?).ok_or_else(|| "the EXIF segment is too long".into())
}

/// Sky, road and a dented box of a car.
fn pixels(number: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let grain = low_byte(x.wrapping_mul(y ^ u32::from(number).wrapping_mul(977)) >> 3) % 16;
            let car = (160..480).contains(&x) && (200..340).contains(&y);
            let dent = car && (x + y).is_multiple_of(u32::from(number) + 5) && x > 400;
            let [r, g, b] = match (dent, car, y < 240) {
                (true, ..) => [40, 40, 44],
                (_, true, _) => [190, 30_u8.saturating_add(number.saturating_mul(20)), 30],
                (_, _, true) => [150, 185, 215],
                _ => [95, 95, 95],
            };
            bytes.extend([r, g, b].map(|channel: u8| channel.saturating_add(grain)));
        }
    }
    bytes
}

fn low_byte(n: u32) -> u8 {
    n.to_le_bytes()[0]
}

fn exif(shot: &Shot) -> Result<Vec<u8>, String> {
    let ascii = |text: String| Value::Ascii(vec![text.into_bytes()]);
    let local = shot.taken_at + chrono::TimeDelta::hours(8);
    let field = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
    let fields = [
        field(Tag::Make, ascii("Chakan".into())),
        field(Tag::Model, ascii("Demo phone".into())),
        field(Tag::Orientation, Value::Short(vec![1])),
        field(Tag::DateTimeOriginal, ascii(local.format("%Y:%m:%d %H:%M:%S").to_string())),
        field(Tag::OffsetTimeOriginal, ascii("+08:00".into())),
        field(Tag::GPSLatitudeRef, ascii("N".into())),
        field(Tag::GPSLatitude, degrees(shot.place.lat())),
        field(Tag::GPSLongitudeRef, ascii("E".into())),
        field(Tag::GPSLongitude, degrees(shot.place.lon())),
    ];
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut bytes = std::io::Cursor::new(Vec::new());
    writer.write(&mut bytes, false).map_err(|error| error.to_string())?;
    Ok(bytes.into_inner())
}

/// Degrees, minutes and hundredths of seconds.
fn degrees(value: f64) -> Value {
    let hundredths = u32::try_from(crate::wire::whole_metres(value.abs() * 360_000.0)).unwrap_or(0);
    let part = |num, denom| Rational { num, denom };
    Value::Rational(vec![
        part(hundredths / 360_000, 1),
        part(hundredths / 6_000 % 60, 1),
        part(hundredths % 6_000, 100),
    ])
}

/// Puts an APP1 segment right behind the start-of-image marker.
fn with_exif(jpeg: &[u8], exif: &[u8]) -> Option<Vec<u8>> {
    let (start, rest) = jpeg.split_at_checked(2)?;
    let length = u16::try_from(exif.len() + 8).ok()?;
    let mut bytes = start.to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(exif);
    bytes.extend(rest);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_a_jpeg_whose_exif_a_reader_finds() {
        let shot = Shot {
            number: 3,
            taken_at: DateTime::from_timestamp(1_750_000_000, 0).unwrap(),
            place: Point::new(30.2741, 120.1551).unwrap(),
        };
        let bytes = take(&shot).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), image::ImageFormat::Jpeg);
        assert_eq!(image::load_from_memory(&bytes).unwrap().width(), WIDTH);
        let exif =
            exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&bytes)).unwrap();
        let taken = exif.get_field(Tag::DateTimeOriginal, In::PRIMARY).unwrap();
        assert_eq!(taken.display_value().to_string(), "2025-06-15 23:06:40");
        assert!(exif.get_field(Tag::GPSLatitude, In::PRIMARY).is_some());
        assert_ne!(bytes, take(&Shot { number: 4, ..shot }).unwrap());
    }
}
