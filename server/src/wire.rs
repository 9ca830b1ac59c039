//! Between wire types and rule types: times, positions, refused fields.

mod datum;

use api_spec::{
    case::{self, GivenPosition, Position},
    problem::FieldError,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sync_core::{
    geo::{Datum, Point},
    time::Instant,
};

use crate::error::ApiError;

/// An instant as RFC 3339 on the wire.
#[must_use]
pub fn time(at: Instant) -> DateTime<Utc> {
    // Instants are checked on the way in; one out of chrono's range can only be our own mistake.
    DateTime::from_timestamp_millis(at.0).unwrap_or_default()
}

/// An instant from the wire, within the years that make sense.
///
/// # Errors
/// A refused field.
pub fn instant(field: &str, at: DateTime<Utc>) -> Result<Instant, FieldError> {
    let at = Instant(at.timestamp_millis());
    if at.is_plausible() {
        Ok(at)
    } else {
        Err(FieldError::new(field, "out_of_range", "a time between the years 2000 and 2099"))
    }
}

/// A position from the wire, in WGS-84.
///
/// # Errors
/// A refused field.
pub fn point(field: &str, position: Position) -> Result<Point, FieldError> {
    let accuracy_fits = position.accuracy_m.is_none_or(|m| (0.0..=100_000.0).contains(&m));
    if !accuracy_fits {
        return Err(FieldError::new(
            format!("{field}.accuracy_m"),
            "out_of_range",
            "metres from 0 to 100000",
        ));
    }
    Point::new(position.lat, position.lon)
        .map_err(|refusal| FieldError::new(field, "out_of_range", refusal.to_string()))
}

/// A place as it was given, in WGS-84, and the datum it was given in.
///
/// # Errors
/// A refused field.
pub fn given_point(field: &str, given: GivenPosition) -> Result<(Point, Datum), FieldError> {
    let GivenPosition { lat, lon, accuracy_m, datum } = given;
    let datum = match datum {
        None | Some(case::Datum::Wgs84) => Datum::Wgs84,
        Some(case::Datum::Gcj02) => Datum::Gcj02,
        Some(case::Datum::Bd09) => Datum::Bd09,
    };
    let given = point(field, Position { lat, lon, accuracy_m })?;
    Ok((datum::to_wgs84(given, datum), datum))
}

/// Collects refused fields, so that a caller hears of all of them at once.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// The value, or a note of its refusal.
    pub fn keep<T>(&mut self, checked: Result<T, FieldError>) -> Option<T> {
        checked.map_err(|refusal| self.0.push(refusal)).ok()
    }

    /// Text of `least` to `most` characters without control characters, trimmed.
    pub fn text(&mut self, field: &str, text: &str, least: usize, most: usize) -> Option<String> {
        let text = text.trim();
        let fits = (least..=most).contains(&text.chars().count());
        let clean = text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t');
        if fits && clean {
            return Some(text.to_owned());
        }
        let rule = if fits { "forbidden_character" } else { "wrong_length" };
        let allowed = format!("{least} to {most} characters without control characters");
        self.0.push(FieldError::new(field, rule, allowed));
        None
    }

    /// Ends the check: everything was fine, or all that was not.
    ///
    /// # Errors
    /// `invalid_fields`.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.0)) }
    }

    /// The refused fields.
    #[must_use]
    pub fn refused(self) -> ApiError {
        ApiError::invalid(self.0)
    }
}

/// A distance in whole metres.
#[must_use]
pub fn whole_metres(metres: f64) -> i64 {
    // Distances on Earth are far below 2^53, so this is exact; NaN and infinities become 0.
    #[expect(clippy::as_conversions, reason = "a saturating conversion of a checked range")]
    let whole = metres.round() as i64;
    whole
}

/// What is stored of the token of a link. Only a text of 32 bytes in base64 can be one, so nothing else
/// is looked up.
#[must_use]
pub fn token_sha256(token: &str) -> Option<[u8; 32]> {
    let well_formed =
        token.len() == 43 && BASE64_URL_SAFE_NO_PAD.decode(token).is_ok_and(|t| t.len() == 32);
    well_formed.then(|| Sha256::digest(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_token_is_looked_up() {
        let token = BASE64_URL_SAFE_NO_PAD.encode([7_u8; 32]);
        assert!(token_sha256(&token).is_some());
        for text in
            ["", "x", "../../etc/passwd", &token[1..], &format!("{token}A"), &"%".repeat(43)]
        {
            assert_eq!(token_sha256(text), None, "{text}");
        }
    }
}
