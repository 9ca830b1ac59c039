//! Positions on the ground: WGS-84 degrees with an accuracy in metres.

use serde::{Deserialize, Serialize};

use crate::wire_name::wire_names;

wire_names! {
    /// What the degrees of a place are measured against, as it was given. Kept beside the place, which is
    /// always converted to WGS-84.
    pub enum Datum {
        /// Of satellites and browsers.
        Wgs84 = "wgs84",
        /// Of map services in the mainland: shifted by hundreds of metres there, and nowhere else.
        Gcj02 = "gcj02",
        /// Of Baidu's maps: shifted once more.
        Bd09 = "bd09",
    }
}

/// A point in WGS-84 degrees that has been checked to lie on the globe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Point {
    lat: f64,
    lon: f64,
}

/// A point as it came in.
#[derive(Deserialize)]
struct Unchecked {
    lat: f64,
    lon: f64,
}

/// The numbers are not a place on Earth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("latitude must be from -90 to 90 and longitude from -180 to 180")]
pub struct NotOnEarth;

impl Point {
    /// A point, if latitude and longitude are numbers within the globe.
    ///
    /// # Errors
    /// [`NotOnEarth`] for NaN, infinities and values out of range.
    pub fn new(lat: f64, lon: f64) -> Result<Self, NotOnEarth> {
        let on_earth = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
        if on_earth { Ok(Self { lat, lon }) } else { Err(NotOnEarth) }
    }

    /// Degrees north.
    #[must_use]
    pub fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east.
    #[must_use]
    pub fn lon(self) -> f64 {
        self.lon
    }

    /// Great-circle distance in metres on the mean sphere; within 0.5 % of the geodesic.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        const MEAN_RADIUS_M: f64 = 6_371_008.8;
        let (a, b) = (self.lat.to_radians(), other.lat.to_radians());
        let half_lat = ((b - a) / 2.0).sin();
        let half_lon = ((other.lon - self.lon).to_radians() / 2.0).sin();
        let h = (half_lat * half_lat + a.cos() * b.cos() * half_lon * half_lon).clamp(0.0, 1.0);
        2.0 * MEAN_RADIUS_M * h.sqrt().asin()
    }
}

impl TryFrom<Unchecked> for Point {
    type Error = NotOnEarth;
    fn try_from(raw: Unchecked) -> Result<Self, NotOnEarth> {
        Self::new(raw.lat, raw.lon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_on_earth() {
        for (lat, lon) in [(91.0, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Point::new(lat, lon), Err(NotOnEarth));
        }
        assert!(Point::new(-90.0, 180.0).is_ok());
    }

    #[test]
    fn distances_follow_the_mean_sphere() -> Result<(), NotOnEarth> {
        let west_lake = Point::new(30.2741, 120.1551)?;
        let one_degree_north = Point::new(31.2741, 120.1551)?;
        let expected = 1.0_f64.to_radians() * 6_371_008.8;
        assert!((west_lake.distance_m(one_degree_north) - expected).abs() < 0.01);
        assert!(west_lake.distance_m(west_lake) < 0.001);
        let antipode = Point::new(-30.2741, -59.8449)?;
        assert!((west_lake.distance_m(antipode) - std::f64::consts::PI * 6_371_008.8).abs() < 1.0);
        Ok(())
    }
}
