//! PURE: zones as shapes, and what they say of a place (C09, C11, A5.6).

use geo::{BoundingRect, Coord, Intersects, LineString, MultiPolygon, Polygon, Rect};
use sync_core::{geo::Point, promise::ZoneClass};

/// `[longitude, latitude]` in degrees, WGS-84.
pub type LonLat = [f64; 2];

/// The rings of several polygons: for each its outline, then its holes.
pub type Rings = Vec<Vec<Vec<LonLat>>>;

/// The most zones of one import.
pub const MOST_ZONES: usize = 2_000;
/// The most vertices of one import.
pub const MOST_VERTICES: usize = 200_000;

/// What a zone says of the places in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneKind {
    /// The shorter arrival limit holds there (C09).
    Urban,
    /// The branch surveys there itself; elsewhere another unit does (C11).
    Area,
}

impl ZoneKind {
    /// The code on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Urban => "urban",
            Self::Area => "area",
        }
    }

    /// The kind of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Urban, Self::Area].into_iter().find(|kind| kind.as_str() == code)
    }
}

/// One zone with its outline.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    kind: ZoneKind,
    shape: MultiPolygon<f64>,
    /// Most places are outside most zones: the box tells without walking the outline.
    bounds: Rect<f64>,
}

impl Zone {
    /// A zone; none if the rings hold no point at all.
    #[must_use]
    pub fn new(kind: ZoneKind, rings: &Rings) -> Option<Self> {
        let line = |ring: &Vec<LonLat>| {
            LineString::new(ring.iter().map(|[lon, lat]| Coord { x: *lon, y: *lat }).collect())
        };
        let polygon = |rings: &Vec<Vec<LonLat>>| {
            let (outline, holes) = rings.split_first()?;
            Some(Polygon::new(line(outline), holes.iter().map(line).collect()))
        };
        let shape = MultiPolygon::new(rings.iter().filter_map(polygon).collect());
        let bounds = shape.bounding_rect()?;
        Some(Self { kind, shape, bounds })
    }

    /// Whether the place is inside or on the edge. An outline that crosses itself is taken as it is.
    fn holds(&self, place: Coord<f64>) -> bool {
        self.bounds.intersects(&place) && self.shape.intersects(&place)
    }
}

/// All zones of one import.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ZoneMap(Vec<Zone>);

impl ZoneMap {
    /// A map of these zones.
    #[must_use]
    pub fn new(zones: Vec<Zone>) -> Self {
        Self(zones)
    }

    /// What decides the arrival limit at a place: urban if any urban zone holds it.
    #[must_use]
    pub fn class_at(&self, place: Point) -> ZoneClass {
        let place = Coord { x: place.lon(), y: place.lat() };
        let urban = self.of(ZoneKind::Urban).any(|zone| zone.holds(place));
        if urban { ZoneClass::Urban } else { ZoneClass::Other }
    }

    /// Whether a place is outside every area of the branch; nothing is known where no area is told.
    #[must_use]
    pub fn is_outside(&self, place: Point) -> Option<bool> {
        let place = Coord { x: place.lon(), y: place.lat() };
        let mut areas = self.of(ZoneKind::Area).peekable();
        areas.peek()?;
        Some(!areas.any(|zone| zone.holds(place)))
    }

    fn of(&self, kind: ZoneKind) -> impl Iterator<Item = &Zone> {
        self.0.iter().filter(move |zone| zone.kind == kind)
    }
}

/// The branches whose zones hold for a branch: its own, then those above it, nearest first.
#[must_use]
pub fn paths_upwards(branch_path: &str) -> Vec<String> {
    let ends = branch_path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
    let mut paths: Vec<String> =
        ends.filter_map(|at| branch_path.get(..=at)).map(str::to_owned).collect();
    paths.reverse();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(lon: f64, lat: f64, side: f64) -> Vec<LonLat> {
        vec![[lon, lat], [lon + side, lat], [lon + side, lat + side], [lon, lat + side], [lon, lat]]
    }

    #[test]
    fn a_place_is_urban_inside_and_on_the_edge_but_not_in_a_hole() {
        let rings = vec![vec![square(120.0, 30.0, 1.0), square(120.4, 30.4, 0.2)]];
        let map = ZoneMap::new(vec![Zone::new(ZoneKind::Urban, &rings).unwrap()]);
        for (lat, lon, expected) in [
            (30.1, 120.1, ZoneClass::Urban),
            (30.0, 120.5, ZoneClass::Urban),
            (31.0, 121.0, ZoneClass::Urban),
            (30.5, 120.5, ZoneClass::Other),
            (29.999, 120.5, ZoneClass::Other),
            (-30.1, -120.1, ZoneClass::Other),
        ] {
            let place = Point::new(lat, lon).unwrap();
            assert_eq!(map.class_at(place), expected, "{lat} {lon}");
        }
    }

    #[test]
    fn an_outline_that_crosses_itself_still_judges() {
        let bow_tie = vec![vec![vec![[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]]];
        let map = ZoneMap::new(vec![Zone::new(ZoneKind::Urban, &bow_tie).unwrap()]);
        assert_eq!(map.class_at(Point::new(1.0, 0.2).unwrap()), ZoneClass::Urban);
        assert_eq!(map.class_at(Point::new(1.9, 1.0).unwrap()), ZoneClass::Other);
    }

    #[test]
    fn a_place_is_outside_when_no_area_holds_it_and_some_area_is_told() {
        let zone = |kind, lon| Zone::new(kind, &vec![vec![square(lon, 30.0, 1.0)]]).unwrap();
        let town = || zone(ZoneKind::Urban, 120.0);
        for (zones, lon, expected) in [
            (vec![], 120.5, None),
            (vec![town()], 120.5, None),
            (vec![zone(ZoneKind::Area, 120.0)], 120.5, Some(false)),
            (vec![zone(ZoneKind::Area, 120.0)], 121.5, Some(true)),
            (vec![zone(ZoneKind::Area, 120.0), zone(ZoneKind::Area, 121.0)], 121.5, Some(false)),
            // A town outside the areas does not make them larger, and an area makes no town.
            (vec![zone(ZoneKind::Area, 121.0), town()], 120.5, Some(true)),
        ] {
            let map = ZoneMap::new(zones);
            assert_eq!(map.is_outside(Point::new(30.5, lon).unwrap()), expected, "{map:?} {lon}");
        }
        let area = ZoneMap::new(vec![zone(ZoneKind::Area, 120.0)]);
        assert_eq!(area.class_at(Point::new(30.5, 120.5).unwrap()), ZoneClass::Other);
    }

    #[test]
    fn the_nearest_branch_upwards_comes_first() {
        assert_eq!(paths_upwards("/head/zj/hz/"), ["/head/zj/hz/", "/head/zj/", "/head/"]);
        assert!(paths_upwards("/").is_empty());
    }
}
