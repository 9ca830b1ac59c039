//! PURE: from the datums of map services to WGS-84.
//!
//! The shift applies in the mainland only; which places those are, an outline of about two kilobytes
//! tells, and not the usual rectangle, which holds half of the neighbours. Within some hundred metres of
//! the border a place may be taken for one on the other side. Outline: (c) OpenStreetMap contributors, ODbL.

use sync_core::geo::{Datum, Point};

/// The same place in WGS-84.
pub(super) fn to_wgs84(given: Point, datum: Datum) -> Point {
    let convert = match datum {
        Datum::Wgs84 => return given,
        Datum::Gcj02 => coordtransform::gcj02_to_wgs84,
        Datum::Bd09 => coordtransform::bd09_to_wgs84,
    };
    let (lon, lat) = convert(given.lon(), given.lat());
    // Below a kilometre, and far from the poles and the date line: it stays on the globe.
    Point::new(lat, lon).unwrap_or(given)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(lat: f64, lon: f64) -> Point {
        Point::new(lat, lon).unwrap()
    }

    /// The formula as it is published, without any border.
    fn published(place: Point) -> Point {
        use std::f64::consts::PI;
        const AXIS: f64 = 6_378_245.0;
        const ECCENTRICITY: f64 = 0.006_693_421_622_965_943;
        let (x, y) = (place.lon() - 105.0, place.lat() - 35.0);
        let waves = |of: f64, parts: [(f64, f64); 2]| -> f64 {
            parts.iter().map(|(size, turns)| size * (of * turns * PI).sin()).sum::<f64>() * 2.0
                / 3.0
        };
        let both = waves(x, [(20.0, 6.0), (20.0, 2.0)]);
        let north = -100.0
            + 2.0 * x
            + 3.0 * y
            + 0.2 * y * y
            + 0.1 * x * y
            + 0.2 * x.abs().sqrt()
            + both
            + waves(y, [(20.0, 1.0), (40.0, 1.0 / 3.0)])
            + waves(y, [(160.0, 1.0 / 12.0), (320.0, 1.0 / 30.0)]);
        let east = 300.0
            + x
            + 2.0 * y
            + 0.1 * x * x
            + 0.1 * x * y
            + 0.1 * x.abs().sqrt()
            + both
            + waves(x, [(20.0, 1.0), (40.0, 1.0 / 3.0)])
            + waves(x, [(150.0, 1.0 / 12.0), (300.0, 1.0 / 30.0)]);
        let lat = place.lat().to_radians();
        let magic = 1.0 - ECCENTRICITY * lat.sin().powi(2);
        let metres_north = AXIS * (1.0 - ECCENTRICITY) / magic.powf(1.5);
        let metres_east = AXIS / magic.sqrt() * lat.cos();
        at(
            place.lat() + (north / metres_north).to_degrees(),
            place.lon() + (east / metres_east).to_degrees(),
        )
    }

    #[test]
    fn the_known_place_comes_back() {
        let (west_lake, shifted) = (at(30.2741, 120.1551), at(30.271_771, 120.159_794));
        assert!(published(west_lake).distance_m(shifted) < 0.1);
        assert!(west_lake.distance_m(shifted) > 500.0);
        assert!(to_wgs84(shifted, Datum::Gcj02).distance_m(west_lake) < 0.1);
        assert_eq!(to_wgs84(shifted, Datum::Wgs84), shifted);
        // Baidu's place of the same point, by the published second step.
        let (lon, lat) = coordtransform::gcj02_to_bd09(shifted.lon(), shifted.lat());
        assert!(to_wgs84(at(lat, lon), Datum::Bd09).distance_m(west_lake) < 0.1);
    }

    #[test]
    fn elsewhere_nothing_is_shifted() {
        for (name, lat, lon) in [
            ("Hong Kong", 22.2819, 114.1582),
            ("Macau", 22.1899, 113.5438),
            ("Taipei", 25.0375, 121.5637),
            ("Kaohsiung", 22.6273, 120.3014),
            ("Seoul", 37.5665, 126.9780),
            ("Hanoi", 21.0278, 105.8342),
            ("Ulaanbaatar", 47.8864, 106.9057),
            ("Kathmandu", 27.7172, 85.3240),
            ("Vladivostok", 43.1155, 131.8855),
            ("Helsinki", 60.1699, 24.9384),
        ] {
            let place = at(lat, lon);
            assert_eq!(to_wgs84(place, Datum::Gcj02), place, "{name}");
            assert_eq!(to_wgs84(place, Datum::Bd09), place, "{name}");
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same_place(lat in 24.5..40.0, lon in 103.0..117.0) {
            let place = at(lat, lon);
            let back = to_wgs84(published(place), Datum::Gcj02);
            prop_assert!(back.distance_m(place) < 1.0, "{} m", back.distance_m(place));
        }
    }
}
