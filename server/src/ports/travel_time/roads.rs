//! Driving times over real roads, in this process: contraction hierarchies over an OpenStreetMap extract.
//!
//! `chakan roads import` reads an extract once and writes the prepared graph; a server reads that file
//! when it starts. Map data: (c) OpenStreetMap contributors, ODbL; the operator brings the extract.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::Path,
    sync::Mutex,
};

use fast_paths::{FastGraph, InputGraph, PathCalculator};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use sync_core::{
    geo::Point,
    time::{Instant, Span},
};

use super::{
    Estimate, Goal, TravelTime,
    components::kept,
    pbf::{self, Entity, PbfFault},
    straight_line,
};
use crate::wire::whole_metres;

/// The prepared roads of one extract.
#[derive(Serialize, Deserialize)]
struct Prepared {
    /// Changes when the file can no longer be read by older releases.
    format: u32,
    /// Latitude and longitude of each node.
    nodes: Vec<(f64, f64)>,
    graph: FastGraph,
}

const FORMAT: u32 = 1;

/// The roads cannot be used: one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RoadsFault {
    /// The extract cannot be read.
    #[error("{0}")]
    Extract(#[from] PbfFault),
    /// The prepared file cannot be read or written.
    #[error("{0}")]
    Prepared(String),
    /// The extract has no roads.
    #[error("the extract holds no roads on which cars come and go")]
    NoRoads,
}

/// What an import has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Nodes of roads.
    pub nodes: usize,
    /// Pieces of road, each direction by itself.
    pub edges: usize,
}

/// Reads an extract and writes the prepared graph. Takes minutes for a province.
///
/// # Errors
/// One line for the operator; then nothing is written.
pub fn import(extract: &Path, to: &Path) -> Result<Imported, RoadsFault> {
    let network = read(extract)?;
    let (nodes, edges) = (network.nodes.len(), network.edges.len());
    let mut input = InputGraph::new();
    for (from, to, ms) in &network.edges {
        input.add_edge(*from, *to, *ms);
    }
    input.freeze();
    let graph = fast_paths::prepare(&input);
    write(&Prepared { format: FORMAT, nodes: network.nodes, graph }, to)?;
    Ok(Imported { nodes, edges })
}

/// The roads of an extract that lead somewhere and back.
struct Network {
    /// Latitude and longitude.
    nodes: Vec<(f64, f64)>,
    /// From, to, milliseconds.
    edges: Vec<(usize, usize, usize)>,
}

fn read(extract: &Path) -> Result<Network, RoadsFault> {
    let open = || File::open(extract).map(BufReader::new).map_err(PbfFault::Io);
    // Ways first, so that only the nodes of roads are kept in memory.
    let mut ways = Vec::new();
    pbf::read(open()?, |entity| {
        if let Entity::Way(nodes, tags) = entity
            && let Some(road) = road(nodes, &tags)
        {
            ways.push(road);
        }
    })?;
    let mut places: HashMap<i64, Option<(f64, f64)>> =
        ways.iter().flat_map(|road| &road.nodes).map(|node| (*node, None)).collect();
    pbf::read(open()?, |entity| {
        if let Entity::Node(id, lat, lon) = entity
            && let Some(place) = places.get_mut(&id)
        {
            *place = Some((lat, lon));
        }
    })?;
    network(&ways, &places).connected()
}

struct Road {
    nodes: Vec<i64>,
    metres_per_s: f64,
    forward: bool,
    backward: bool,
}

/// A way that cars may use, at an ordinary speed in traffic.
fn road(nodes: Vec<i64>, tags: &[(String, String)]) -> Option<Road> {
    let tag =
        |name: &str| tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let kind = tag("highway")?;
    let km_per_h = match kind.strip_suffix("_link").unwrap_or(kind) {
        "motorway" => 80.0,
        "trunk" => 55.0,
        "primary" => 38.0,
        "secondary" => 34.0,
        "tertiary" => 30.0,
        "unclassified" | "residential" => 22.0,
        "service" | "living_street" => 12.0,
        _ => return None,
    };
    // The most particular word counts.
    let may = ["motorcar", "motor_vehicle", "vehicle", "access"].into_iter().find_map(tag);
    if matches!(may, Some("no" | "private" | "agricultural" | "forestry")) {
        return None;
    }
    let round = tag("junction") == Some("roundabout") || kind == "motorway";
    let (forward, backward) = match tag("oneway") {
        Some("yes" | "1" | "true") => (true, false),
        Some("-1" | "reverse") => (false, true),
        Some("no") => (true, true),
        _ => (true, !round),
    };
    Some(Road { nodes, metres_per_s: km_per_h / 3.6, forward, backward })
}

fn network(ways: &[Road], places: &HashMap<i64, Option<(f64, f64)>>) -> Network {
    let mut numbers: HashMap<i64, usize> = HashMap::new();
    let (mut nodes, mut edges) = (Vec::new(), Vec::new());
    for road in ways {
        let mut before: Option<(usize, Point)> = None;
        for id in &road.nodes {
            // A way may leave the extract.
            let place = places.get(id).copied().flatten();
            let here = place.and_then(|(lat, lon)| Some((lat, lon, Point::new(lat, lon).ok()?)));
            let Some((lat, lon, point)) = here else {
                before = None;
                continue;
            };
            let number = *numbers.entry(*id).or_insert_with(|| {
                nodes.push((lat, lon));
                nodes.len() - 1
            });
            if let Some((last, from)) = before.filter(|(last, _)| *last != number) {
                let ms = whole_metres(from.distance_m(point) / road.metres_per_s * 1_000.0).max(1);
                let weight = usize::try_from(ms).unwrap_or(usize::MAX);
                if road.forward {
                    edges.push((last, number, weight));
                }
                if road.backward {
                    edges.push((number, last, weight));
                }
            }
            before = Some((number, point));
        }
    }
    Network { nodes, edges }
}

impl Network {
    /// Without what nobody comes back from or never gets to: ways that the edge of the extract cut off,
    /// car parks behind a footpath. A place near one of them is reached from the next real road.
    fn connected(self) -> Result<Self, RoadsFault> {
        let pairs: Vec<(usize, usize)> = self.edges.iter().map(|(a, b, _)| (*a, *b)).collect();
        let kept = kept(self.nodes.len(), &pairs);
        let mut numbers = vec![None; self.nodes.len()];
        let mut nodes = Vec::new();
        for ((place, kept), number) in self.nodes.iter().zip(kept).zip(&mut numbers) {
            if kept {
                *number = Some(nodes.len());
                nodes.push(*place);
            }
        }
        let number = |old: usize| numbers.get(old).copied().flatten();
        let edge = |(from, to, ms)| Some((number(from)?, number(to)?, ms));
        let edges: Vec<_> = self.edges.into_iter().filter_map(edge).collect();
        if edges.is_empty() { Err(RoadsFault::NoRoads) } else { Ok(Self { nodes, edges }) }
    }
}

/// Writes beside and renames, so that a server never reads half a file.
fn write(prepared: &Prepared, to: &Path) -> Result<(), RoadsFault> {
    let fault =
        |error: &dyn std::fmt::Display| RoadsFault::Prepared(format!("{}: {error}", to.display()));
    let part = to.with_extension("part");
    let file = File::create(&part).map_err(|error| fault(&error))?;
    let mut packed = GzEncoder::new(BufWriter::new(file), Compression::fast());
    serde_json::to_writer(&mut packed, prepared).map_err(|error| fault(&error))?;
    let mut file = packed.finish().map_err(|error| fault(&error))?;
    file.flush().map_err(|error| fault(&error))?;
    std::fs::rename(&part, to).map_err(|error| fault(&error))
}

/// Roads in memory.
pub struct Roads {
    nodes: Vec<Point>,
    graph: FastGraph,
    /// Nodes by square of a hundredth of a degree.
    squares: HashMap<(i64, i64), Vec<usize>>,
    /// Working memory of queries, handed on from one to the next.
    calculators: Mutex<Vec<PathCalculator>>,
}

impl Roads {
    /// Reads a prepared graph.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn load(from: &Path) -> Result<Self, RoadsFault> {
        let fault = |error: &dyn std::fmt::Display| {
            RoadsFault::Prepared(format!("{}: {error}; import the extract again", from.display()))
        };
        let file = File::open(from).map_err(|error| fault(&error))?;
        let prepared: Prepared =
            serde_json::from_reader(BufReader::new(GzDecoder::new(BufReader::new(file))))
                .map_err(|error| fault(&error))?;
        if prepared.format != FORMAT {
            return Err(fault(&"written by another release"));
        }
        let nodes: Vec<Point> =
            prepared.nodes.iter().filter_map(|(lat, lon)| Point::new(*lat, *lon).ok()).collect();
        if nodes.len() != prepared.nodes.len() || nodes.len() < prepared.graph.get_num_nodes() {
            return Err(fault(&"damaged"));
        }
        let mut squares: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
        for (number, node) in nodes.iter().enumerate() {
            squares.entry(square(*node)).or_default().push(number);
        }
        Ok(Self { nodes, graph: prepared.graph, squares, calculators: Mutex::default() })
    }

    /// The nearest node of a road and how far it is, if there is one within about a kilometre.
    fn snap(&self, place: Point) -> Option<(usize, f64)> {
        let (lat, lon) = square(place);
        let around =
            (lat - 1..=lat + 1).flat_map(|lat| (lon - 1..=lon + 1).map(move |lon| (lat, lon)));
        let near = around.filter_map(|at| self.squares.get(&at)).flatten();
        near.filter_map(|number| Some((*number, self.nodes.get(*number)?.distance_m(place))))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|(_, metres)| *metres <= 1_000.0)
    }

    /// Driving time and distance between two places; none off the roads or without a way.
    fn drive(
        &self,
        calculator: &mut PathCalculator,
        from: Point,
        to: (usize, f64),
    ) -> Option<Estimate> {
        /// From the road to the place itself, at walking pace in a car park: 4 m/s.
        const MS_PER_METRE: f64 = 250.0;
        let start = self.snap(from)?;
        let path = calculator.calc_path(&self.graph, start.0, to.0)?;
        let along = path.get_nodes();
        let pairs = along.iter().zip(along.iter().skip(1));
        let length =
            |(a, b): (&usize, &usize)| Some(self.nodes.get(*a)?.distance_m(*self.nodes.get(*b)?));
        let on_road: f64 = pairs.filter_map(length).sum();
        let off_road = start.1 + to.1;
        let weight = i64::try_from(path.get_weight()).unwrap_or(i64::MAX);
        let span = Span(weight) + Span(whole_metres(off_road * MS_PER_METRE));
        Some(Estimate {
            span,
            distance_m: on_road + off_road,
            uncertainty: Span(span.0 / 5) + Span::minutes(2),
            source: "roads",
        })
    }
}

fn square(place: Point) -> (i64, i64) {
    (whole_metres(place.lat() * 100.0), whole_metres(place.lon() * 100.0))
}

impl TravelTime for Roads {
    fn estimate_all(&self, from: &[Point], to: Goal, _: Instant) -> Vec<Estimate> {
        let pool = || self.calculators.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = pool().pop();
        let mut calculator = known.unwrap_or_else(|| fast_paths::create_calculator(&self.graph));
        let goal = self.snap(to.place);
        let estimate = |from: &Point| {
            let drive = goal.and_then(|goal| self.drive(&mut calculator, *from, goal));
            drive.unwrap_or_else(|| straight_line(*from, to.place))
        };
        let estimates = from.iter().map(estimate).collect();
        pool().push(calculator);
        estimates
    }
}

#[cfg(test)]
mod tests;
