//! From GeoJSON to checked zones: every refused feature at once.

use api_spec::{
    dispatch::{ZoneCollection, ZoneGeometry},
    problem::FieldError,
};
use sync_core::{geo::Point, promise::ZoneClass};

use super::zones::{LonLat, MOST_VERTICES, MOST_ZONES, Rings};
use crate::{error::ApiError, wire::Fields};

/// A zone that is accepted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CheckedZone {
    pub(super) name: String,
    pub(super) class: ZoneClass,
    pub(super) vertices: usize,
    /// Its [`Rings`] in JSON, written here so that the transaction does not wait for it.
    pub(super) shape: String,
}

/// After this many refused places nobody learns anything new.
const MOST_REFUSALS: usize = 20;

pub(super) fn check_zones(collection: ZoneCollection) -> Result<Vec<CheckedZone>, ApiError> {
    if collection.features.is_empty() || collection.features.len() > MOST_ZONES {
        let allowed = format!("1 to {MOST_ZONES} zones");
        return Err(ApiError::invalid_field("features", "out_of_range", allowed));
    }
    let mut fields = Fields::default();
    let mut zones = Vec::new();
    let mut vertices = 0;
    for (n, feature) in collection.features.into_iter().enumerate() {
        let at = format!("features[{n}]");
        let name = fields.text(&format!("{at}.properties.name"), &feature.properties.name, 1, 100);
        let class = fields.keep(urban(&at, &feature.properties.class));
        let rings = fields.keep(rings(&at, feature.geometry));
        if let (Some(name), Some(class), Some(rings)) = (name, class, rings) {
            let own = rings.iter().flatten().map(Vec::len).sum();
            vertices += own;
            let shape = serde_json::to_string(&rings).map_err(ApiError::internal)?;
            zones.push(CheckedZone { name, class, vertices: own, shape });
        } else if n - zones.len() >= MOST_REFUSALS {
            break;
        }
    }
    fields.finish()?;
    if vertices > MOST_VERTICES {
        let allowed = format!("at most {MOST_VERTICES} vertices in all zones together");
        return Err(ApiError::invalid_field("features", "too_many_vertices", allowed));
    }
    Ok(zones)
}

/// A zone of class `other` would say nothing: that is what every place outside the zones is.
fn urban(at: &str, class: &str) -> Result<ZoneClass, FieldError> {
    if class == ZoneClass::Urban.as_str() {
        Ok(ZoneClass::Urban)
    } else {
        Err(FieldError::new(format!("{at}.properties.class"), "unknown", "urban"))
    }
}

fn rings(at: &str, geometry: ZoneGeometry) -> Result<Rings, FieldError> {
    let (at, polygons) = match geometry {
        ZoneGeometry::Polygon { coordinates } => {
            (format!("{at}.geometry.coordinates"), vec![coordinates])
        }
        ZoneGeometry::MultiPolygon { coordinates } => {
            (format!("{at}.geometry.coordinates"), coordinates)
        }
    };
    let empty = polygons.is_empty() || polygons.iter().any(Vec::is_empty);
    if empty {
        return Err(FieldError::new(at, "empty", "a polygon with an outline"));
    }
    let ring = |ring: Vec<Vec<f64>>| checked_ring(&at, ring);
    let polygon = |rings: Vec<Vec<Vec<f64>>>| rings.into_iter().map(ring).collect();
    polygons.into_iter().map(polygon).collect()
}

fn checked_ring(at: &str, ring: Vec<Vec<f64>>) -> Result<Vec<LonLat>, FieldError> {
    let place = |place: Vec<f64>| match place.as_slice() {
        // A third number is a height, which no limit depends on.
        [lon, lat] | [lon, lat, _] if Point::new(*lat, *lon).is_ok() => Ok([*lon, *lat]),
        _ => Err(FieldError::new(
            at,
            "not_on_earth",
            "[longitude, latitude] in degrees, WGS-84, longitude first",
        )),
    };
    let ring = ring.into_iter().map(place).collect::<Result<Vec<LonLat>, FieldError>>()?;
    let closed = ring.len() >= 4 && ring.first() == ring.last();
    if closed {
        Ok(ring)
    } else {
        let allowed = "rings of at least 4 positions whose last is the same as the first";
        Err(FieldError::new(at, "ring_not_closed", allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(features: &str) -> Result<Vec<CheckedZone>, String> {
        let json = format!(r#"{{"type":"FeatureCollection","features":[{features}]}}"#);
        let collection = serde_json::from_str(&json).map_err(|error| error.to_string())?;
        check_zones(collection).map_err(|error| {
            let refused = error.problem().errors;
            refused.iter().map(|e| format!("{} {}", e.field, e.code)).collect::<Vec<_>>().join(";")
        })
    }

    fn feature(class: &str, geometry: &str) -> String {
        format!(
            r#"{{"type":"Feature","id":7,"properties":{{"name":"n","class":"{class}","x":1}},"geometry":{geometry}}}"#
        )
    }

    #[test]
    fn refusals_name_the_feature() {
        let polygon = |ring: &str| format!(r#"{{"type":"Polygon","coordinates":[{ring}]}}"#);
        let good = polygon("[[0,0],[1,0,9.5],[1,1],[0,0]]");
        assert_eq!(check(&feature("urban", &good)).unwrap()[0].vertices, 4);
        let multi = r#"{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}"#;
        let stored: Rings =
            serde_json::from_str(&check(&feature("urban", multi)).unwrap()[0].shape).unwrap();
        assert_eq!(stored, [[[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]]);
        let coordinates = "features[0].geometry.coordinates";
        for (class, geometry, expected) in [
            ("rural", good.clone(), "features[0].properties.class unknown".to_owned()),
            (
                "urban",
                polygon("[[0,0],[1,0],[1,1],[0,0.1]]"),
                format!("{coordinates} ring_not_closed"),
            ),
            ("urban", polygon("[[0,0],[1,0],[0,0]]"), format!("{coordinates} ring_not_closed")),
            (
                "urban",
                polygon("[[0,91],[1,0],[1,1],[0,91]]"),
                format!("{coordinates} not_on_earth"),
            ),
            ("urban", polygon("[[0],[1,0],[1,1],[0]]"), format!("{coordinates} not_on_earth")),
            ("urban", polygon(""), format!("{coordinates} empty")),
        ] {
            assert_eq!(check(&feature(class, &geometry)), Err(expected), "{geometry}");
        }
        assert_eq!(check(""), Err("features out_of_range".to_owned()));
        assert!(check(&feature("urban", r#"{"type":"Point","coordinates":[0,0]}"#)).is_err());
    }
}
