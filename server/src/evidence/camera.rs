//! What the camera wrote into the file (EXIF), read in a bounded way: a claim to be compared, never
//! a reason to refuse.

use std::io::Cursor;

use api_spec::{case::Position, evidence::CameraFacts};
use chrono::{NaiveDate, NaiveDateTime};
use exif::{Exif, In, Reader, Tag, Value};
use sync_core::{
    geo::Point,
    time::{Instant, Span},
};

use super::{marks, rules::Camera};

/// EXIF stands in the first 64 KiB after the file's start; anything further on is not looked for.
pub(super) const MOST_BYTES: usize = 256 * 1024;
/// Characters of a maker's or model's name.
const MOST_CHARACTERS: usize = 64;

/// The camera's facts in the first bytes of a picture; empty when there are none.
pub(super) fn read(start: &[u8]) -> CameraFacts {
    let start = start.get(..MOST_BYTES).unwrap_or(start);
    let exif = Reader::new()
        .continue_on_error(true)
        .read_from_container(&mut Cursor::new(start))
        // Common phones write directories that a strict reader refuses.
        .or_else(|error| error.distill_partial_result(|_| {}));
    let exif = exif.ok();
    let mut found = exif.as_ref().map(facts).unwrap_or_default();
    found.marks = marks::read(start, exif.as_ref());
    found
}

/// The facts as rules compare them.
pub(super) fn camera(facts: &CameraFacts) -> Camera {
    Camera {
        wall_clock: facts.taken_at_local.map(|at| Instant(at.and_utc().timestamp_millis())),
        utc_offset: facts.utc_offset_minutes.map(|minutes| Span::minutes(minutes.into())),
        position: facts.position.and_then(|at| Point::new(at.lat, at.lon).ok()),
        gps_at: facts.gps_at.map(|at| Instant(at.and_utc().timestamp_millis())),
        marks: facts
            .software
            .iter()
            .chain(facts.marks.iter().map(|mark| &mark.text))
            .cloned()
            .collect(),
        named: facts.make.is_some() || facts.model.is_some(),
    }
}

fn facts(exif: &Exif) -> CameraFacts {
    CameraFacts {
        taken_at_local: taken_at_local(exif),
        utc_offset_minutes: ascii(exif, Tag::OffsetTimeOriginal).and_then(offset_minutes),
        position: position(exif),
        orientation: orientation(exif),
        make: text(exif, Tag::Make),
        model: text(exif, Tag::Model),
        software: text(exif, Tag::Software),
        gps_at: gps_at(exif),
        marks: Vec::new(),
    }
}

fn value(exif: &Exif, tag: Tag) -> Option<&Value> {
    exif.get_field(tag, In::PRIMARY).map(|field| &field.value)
}

fn ascii(exif: &Exif, tag: Tag) -> Option<&[u8]> {
    match value(exif, tag)? {
        Value::Ascii(lines) => lines.first().map(Vec::as_slice),
        _ => None,
    }
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let text = String::from_utf8_lossy(ascii(exif, tag)?);
    let clean: String =
        text.trim().chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS).collect();
    (!clean.is_empty()).then_some(clean)
}

fn taken_at_local(exif: &Exif) -> Option<NaiveDateTime> {
    let mut at = exif::DateTime::from_ascii(ascii(exif, Tag::DateTimeOriginal)?).ok()?;
    if let Some(fraction) = ascii(exif, Tag::SubSecTimeOriginal) {
        // A strange fraction leaves the second as it is.
        let _ = at.parse_subsec(fraction);
    }
    let millis = at.nanosecond.unwrap_or(0) / 1_000_000;
    let taken_at = NaiveDate::from_ymd_opt(at.year.into(), at.month.into(), at.day.into())?
        .and_hms_milli_opt(at.hour.into(), at.minute.into(), at.second.into(), millis)?;
    Instant(taken_at.and_utc().timestamp_millis()).is_plausible().then_some(taken_at)
}

/// `+08:00` as minutes; no place on Earth is more than 14 hours from UTC.
fn offset_minutes(text: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let digits = |part: &str| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (hours, minutes): (i32, i32) = (digits(hours)?, digits(minutes)?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn position(exif: &Exif) -> Option<Position> {
    let lat = degrees(exif, Tag::GPSLatitude, Tag::GPSLatitudeRef, b"S")?;
    let lon = degrees(exif, Tag::GPSLongitude, Tag::GPSLongitudeRef, b"W")?;
    let point = Point::new(lat, lon).ok()?;
    let accuracy_m = match value(exif, Tag::GPSHPositioningError) {
        Some(Value::Rational(metres)) => metres.first().map(exif::Rational::to_f64),
        _ => None,
    };
    let accuracy_m = accuracy_m.filter(|metres| (0.0..=100_000.0).contains(metres));
    // Cameras without a fix write zeros.
    (lat != 0.0 || lon != 0.0).then_some(Position {
        lat: point.lat(),
        lon: point.lon(),
        accuracy_m,
    })
}

/// Degrees, minutes and seconds as one number, negative on the `negative` side.
fn degrees(exif: &Exif, tag: Tag, side: Tag, negative: &[u8]) -> Option<f64> {
    let Value::Rational(parts) = value(exif, tag)? else { return None };
    let [degrees, minutes, seconds] = parts.as_slice() else { return None };
    let sum = degrees.to_f64() + minutes.to_f64() / 60.0 + seconds.to_f64() / 3_600.0;
    let side = ascii(exif, side)?;
    // To a centimetre: what is left of the division below it means nothing.
    let sum = (sum * 1e7).round() / 1e7;
    sum.is_finite().then_some(if side.starts_with(negative) { -sum } else { sum })
}

/// Date and time of the fix, in UTC.
fn gps_at(exif: &Exif) -> Option<NaiveDateTime> {
    let date = std::str::from_utf8(ascii(exif, Tag::GPSDateStamp)?).ok()?;
    let date = NaiveDate::parse_from_str(date.trim(), "%Y:%m:%d").ok()?;
    let Value::Rational(parts) = value(exif, Tag::GPSTimeStamp)? else { return None };
    let [hours, minutes, seconds] = parts.as_slice() else { return None };
    let whole =
        |part: &exif::Rational| u32::try_from(crate::wire::whole_metres(part.to_f64())).ok();
    let at = date.and_hms_opt(whole(hours)?, whole(minutes)?, whole(seconds)?.min(59))?;
    Instant(at.and_utc().timestamp_millis()).is_plausible().then_some(at)
}

fn orientation(exif: &Exif) -> Option<u8> {
    let code = value(exif, Tag::Orientation)?.get_uint(0)?;
    u8::try_from(code).ok().filter(|code| (1..=8).contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_strictly() {
        for (text, expected) in [
            ("+08:00", Some(480)),
            ("-03:30", Some(-210)),
            ("+14:00", Some(840)),
            ("+15:00", None),
            ("+08:60", None),
            ("08:00", None),
            ("+8:00", None),
            ("++8:00", None),
            ("   :  ", None),
            ("", None),
        ] {
            assert_eq!(offset_minutes(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(offset_minutes("查勘".as_bytes()), None);
    }
}
