//! From GeoJSON to checked zones: every refused feature at once.

use api_spec::{
    dispatch::{ZoneCollection, ZoneGeometry},
    problem::FieldError,
};
use sync_core::geo::Point;

use super::zones::{LonLat, MOST_VERTICES, MOST_ZONES, Rings, ZoneKind};
use crate::{error::ApiError, wire::Fields};

/// A zone that is accepted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CheckedZone {
    pub(super) name: String,
    pub(super) kind: ZoneKind,
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
        let kind = fields.keep(kind(&at, &feature.properties.class));
        let rings = fields.keep(rings(&at, feature.geometry));
        if let (Some(name), Some(kind), Some(rings)) = (name, kind, rings) {
            let own = rings.iter().flatten().map(Vec::len).sum();
            vertices += own;
            let shape = serde_json::to_string(&rings).map_err(ApiError::internal)?;
            zones.push(CheckedZone { name, kind, vertices: own, shape });
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
fn kind(at: &str, class: &str) -> Result<ZoneKind, FieldError> {
    let refused = || FieldError::new(format!("{at}.properties.class"), "unknown", "urban, area");
    ZoneKind::parse(class).ok_or_else(refused)
}

fn rings(at: &str, geometry: ZoneGeometry) -> Result<Rings, FieldError> {
    let at = format!("{at}.geometry.coordinates");
    let (many, polygons) = match geometry {
        ZoneGeometry::Polygon { coordinates } => (false, vec![coordinates]),
        ZoneGeometry::MultiPolygon { coordinates } => (true, coordinates),
    };
    let empty = polygons.is_empty() || polygons.iter().any(Vec::is_empty);
    if empty {
        return Err(FieldError::new(at, "empty", "a polygon with an outline"));
    }
    let mut checked = Vec::with_capacity(polygons.len());
    for (p, polygon) in polygons.into_iter().enumerate() {
        let mut rings = Vec::with_capacity(polygon.len());
        for (r, ring) in polygon.into_iter().enumerate() {
            let at = if many { format!("{at}[{p}][{r}]") } else { format!("{at}[{r}]") };
            rings.push(checked_ring(&at, ring)?);
        }
        checked.push(rings);
    }
    Ok(checked)
}

fn checked_ring(at: &str, ring: Vec<Vec<f64>>) -> Result<Vec<LonLat>, FieldError> {
    /// No road leads farther north, and China's longitudes begin beyond it: so a latitude that is given
    /// first never passes.
    const FARTHEST_NORTH: f64 = 72.0;
    let place = |(n, place): (usize, Vec<f64>)| match place.as_slice() {
        [_, lat] | [_, lat, _] if (FARTHEST_NORTH..=90.0).contains(lat) => Err(FieldError::new(
            format!("{at}[{n}]"),
            "axes_swapped",
            "[longitude, latitude]: nobody surveys so far north, so longitude and latitude are swapped",
        )),
        // A third number is a height, which no limit depends on.
        [lon, lat] | [lon, lat, _] if Point::new(*lat, *lon).is_ok() => Ok([*lon, *lat]),
        _ => Err(FieldError::new(
            format!("{at}[{n}]"),
            "not_on_earth",
            "[longitude, latitude] in degrees, WGS-84, longitude first",
        )),
    };
    let ring =
        ring.into_iter().enumerate().map(place).collect::<Result<Vec<LonLat>, FieldError>>()?;
    let closed = ring.len() >= 4 && ring.first() == ring.last();
    if !closed {
        let allowed = "rings of at least 4 positions whose last is the same as the first";
        return Err(FieldError::new(at, "ring_not_closed", allowed));
    }
    match crossing(&ring) {
        Crossing::None => Ok(ring),
        Crossing::At(n) => {
            let allowed = "an outline that does not cross itself; the line from this vertex does";
            Err(FieldError::new(format!("{at}[{n}]"), "crosses_itself", allowed))
        }
        Crossing::TooManyPairs => {
            let allowed = "a simpler outline: this one cannot be checked in reasonable time";
            Err(FieldError::new(at, "too_complex", allowed))
        }
    }
}

/// Whether an outline crosses itself.
enum Crossing {
    None,
    /// The line that starts at this vertex crosses an earlier one.
    At(usize),
    TooManyPairs,
}

/// Pairs of lines that are looked at: an honest outline needs a few for each line.
const MOST_PAIRS: usize = 20_000_000;

/// Lines in order from west to east; each is compared with those that reach as far as it begins.
fn crossing(ring: &[LonLat]) -> Crossing {
    let lines: Vec<(usize, LonLat, LonLat)> =
        ring.iter().zip(ring.iter().skip(1)).enumerate().map(|(n, (a, b))| (n, *a, *b)).collect();
    let last = lines.len().saturating_sub(1);
    let west = |(_, [a, _], [b, _]): &(usize, LonLat, LonLat)| a.min(*b);
    let east = |(_, [a, _], [b, _]): &(usize, LonLat, LonLat)| a.max(*b);
    // A vertex that stands twice makes a line without an inside, which crosses nothing.
    let mut ordered: Vec<_> = lines.into_iter().filter(|line| line.1 != line.2).collect();
    ordered.sort_by(|a, b| west(a).total_cmp(&west(b)));
    let mut open: Vec<(usize, LonLat, LonLat)> = Vec::new();
    let mut pairs = 0_usize;
    for line in ordered {
        open.retain(|other| west(&line) <= east(other));
        pairs += open.len();
        if pairs > MOST_PAIRS {
            return Crossing::TooManyPairs;
        }
        for other in &open {
            let (first, second) = (other.0.min(line.0), other.0.max(line.0));
            // Neighbours share a vertex, the first and the last one too.
            let neighbours = second - first == 1 || (first == 0 && second == last);
            if !neighbours && cross((line.1, line.2), (other.1, other.2)) {
                return Crossing::At(second);
            }
        }
        open.push(line);
    }
    Crossing::None
}

/// Whether two lines have an inner point in common. Touching at a vertex is no crossing: rounded
/// outlines touch themselves often enough.
fn cross(one: (LonLat, LonLat), other: (LonLat, LonLat)) -> bool {
    let side = |([ax, ay], [bx, by]): (LonLat, LonLat), [x, y]: LonLat| {
        (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    };
    let apart = |line, a, b| side(line, a) * side(line, b) < 0.0;
    apart(one, other.0, other.1) && apart(other, one.0, one.1)
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
                format!("{coordinates}[0] ring_not_closed"),
            ),
            ("urban", polygon("[[0,0],[1,0],[0,0]]"), format!("{coordinates}[0] ring_not_closed")),
            (
                "urban",
                polygon("[[0,0],[1,0],[30.27,120.13],[0,0]]"),
                format!("{coordinates}[0][2] not_on_earth"),
            ),
            (
                "urban",
                polygon("[[0,0],[1,0],[39.5,76.0,3],[0,0]]"),
                format!("{coordinates}[0][2] axes_swapped"),
            ),
            (
                "urban",
                polygon("[[0],[1,0],[1,1],[0]]"),
                format!("{coordinates}[0][0] not_on_earth"),
            ),
            (
                "urban",
                polygon("[[0,0],[2,2],[2,0],[0,2],[0,0]]"),
                format!("{coordinates}[0][2] crosses_itself"),
            ),
            ("urban", polygon(""), format!("{coordinates} empty")),
        ] {
            assert_eq!(check(&feature(class, &geometry)), Err(expected), "{geometry}");
        }
        // A saw with many teeth takes no time, and a comb whose teeth all overlap is refused in time.
        let teeth = |n: i32, across: bool| {
            let mut ring: Vec<String> = (0..n)
                .map(|i| {
                    let (a, b) = (f64::from(i) / f64::from(n), if i % 2 == 0 { 0.0 } else { 1.0 });
                    if across { format!("[{b},{a}]") } else { format!("[{a},{b}]") }
                })
                .collect();
            ring.push(if across { "[2,1]".into() } else { "[1,2]".into() });
            ring.push(if across { "[2,-1]".into() } else { "[-1,2]".into() });
            ring.push("[0,0]".into());
            polygon(&format!("[{}]", ring.join(",")))
        };
        assert!(check(&feature("urban", &teeth(20_000, false))).is_ok());
        let comb = check(&feature("urban", &teeth(60_000, true)));
        assert_eq!(comb, Err(format!("{coordinates}[0] too_complex")));
        assert_eq!(check(""), Err("features out_of_range".to_owned()));
        assert!(check(&feature("urban", r#"{"type":"Point","coordinates":[0,0]}"#)).is_err());
    }
}
