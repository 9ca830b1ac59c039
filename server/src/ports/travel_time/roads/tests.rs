//! A small town written as an extract, read back, and driven through.

use std::io::Write as _;

use flate2::write::ZlibEncoder;

use super::*;

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
}

fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(u64::try_from(value.len()).unwrap(), out);
    out.extend_from_slice(value);
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn deltas(values: &[i64]) -> Vec<u8> {
    let (mut out, mut last) = (Vec::new(), 0);
    for value in values {
        let delta = value - last;
        last = *value;
        varint(u64::from_le_bytes(((delta << 1) ^ (delta >> 63)).to_le_bytes()), &mut out);
    }
    out
}

/// A grid of `side` by `side` crossings, 100 m apart; the northernmost street is one-way eastwards.
pub(super) fn town(side: i64) -> Vec<u8> {
    let ids: Vec<i64> = (0..side * side).map(|n| 1_000 + n).collect();
    let step = |n: i64, scale: f64| whole_metres(f64::from(i32::try_from(n).unwrap()) * scale);
    // Units of 100 nano-degrees.
    let lats: Vec<i64> = (0..side * side).map(|n| 302_000_000 + step(n / side, 8_993.2)).collect();
    let lons: Vec<i64> =
        (0..side * side).map(|n| 1_201_000_000 + step(n % side, 10_405.0)).collect();
    let mut dense = Vec::new();
    bytes(1, &deltas(&ids), &mut dense);
    bytes(8, &deltas(&lats), &mut dense);
    bytes(9, &deltas(&lons), &mut dense);
    let mut group = Vec::new();
    bytes(2, &dense, &mut group);
    let strings = ["", "highway", "residential", "oneway", "yes", "footway"];
    let mut way = |nodes: Vec<i64>, tags: &[(u64, u64)]| {
        let (mut keys, mut values, mut way) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in tags {
            varint(*key, &mut keys);
            varint(*value, &mut values);
        }
        number(1, 7, &mut way);
        bytes(2, &keys, &mut way);
        bytes(3, &values, &mut way);
        bytes(8, &deltas(&nodes), &mut way);
        bytes(3, &way, &mut group);
    };
    for row in 0..side {
        let tags: &[(u64, u64)] = if row == side - 1 { &[(1, 2), (3, 4)] } else { &[(1, 2)] };
        way((0..side).map(|n| 1_000 + row * side + n).collect(), tags);
    }
    for column in 0..side {
        way((0..side).map(|n| 1_000 + n * side + column).collect(), &[(1, 2)]);
    }
    // A footpath across, and a road that leaves the extract.
    way(vec![1_000, 1_000 + side * side - 1], &[(1, 5)]);
    way(vec![1_000, 99], &[(1, 2)]);
    let mut table = Vec::new();
    strings.iter().for_each(|text| bytes(1, text.as_bytes(), &mut table));
    let mut block = Vec::new();
    bytes(1, &table, &mut block);
    bytes(2, &group, &mut block);

    let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&block).unwrap();
    let mut blob = Vec::new();
    number(2, u64::try_from(block.len()).unwrap(), &mut blob);
    bytes(3, &packed.finish().unwrap(), &mut blob);
    let mut header = Vec::new();
    bytes(1, b"OSMData", &mut header);
    number(3, u64::try_from(blob.len()).unwrap(), &mut header);
    let mut file = u32::try_from(header.len()).unwrap().to_be_bytes().to_vec();
    file.extend(header);
    file.extend(blob);
    file
}

fn scratch(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("chakan-roads-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn a_town_is_imported_and_driven_through() {
    let dir = scratch("town");
    let (extract, graph) = (dir.join("town.osm.pbf"), dir.join("roads.graph"));
    std::fs::write(&extract, town(12)).unwrap();
    let imported = import(&extract, &graph).unwrap();
    // 11 two-way rows, one one-way row, 12 two-way columns, of 11 pieces each.
    assert_eq!(imported, Imported { nodes: 144, edges: 11 * (2 * 11 + 1 + 2 * 12) });
    let roads = Roads::load(&graph).unwrap();
    let crossing = |row: f64, column: f64| {
        Point::new(30.2 + row * 0.000_899_32, 120.1 + column * 0.001_040_5).unwrap()
    };
    let at = Instant(0);
    let drive = |from, to: Point| roads.estimate(from, to.into(), at);
    // Round the corner: 11 blocks each way at 22 km/h, not along the footpath.
    let there = drive(crossing(0.0, 0.0), crossing(11.0, 11.0));
    assert_eq!(there.source, "roads");
    assert!((there.distance_m - 2_200.0).abs() < 10.0, "{there:?}");
    assert!((there.span.0 - 360_000).abs() < 5_000, "{there:?}");
    // Against the one-way street it goes round the block.
    let east = drive(crossing(11.0, 0.0), crossing(11.0, 11.0));
    let west = drive(crossing(11.0, 11.0), crossing(11.0, 0.0));
    assert!((west.distance_m - east.distance_m - 200.0).abs() < 5.0, "{east:?} {west:?}");
    // Far from any road somebody still gets an answer that says what it is.
    assert_eq!(drive(Point::new(31.0, 121.0).unwrap(), crossing(0.0, 0.0)).source, "straight_line");
    let _ = std::fs::remove_dir_all(dir);
}

/// The shortest way by hand: slow, and right.
fn shortest(network: &Network, from: usize) -> Vec<usize> {
    let mut ahead = vec![Vec::new(); network.nodes.len()];
    for (a, b, ms) in &network.edges {
        ahead[*a].push((*b, *ms));
    }
    let mut best = vec![usize::MAX; network.nodes.len()];
    let mut next = std::collections::BTreeSet::from([(0, from)]);
    best[from] = 0;
    while let Some((ms, at)) = next.pop_first() {
        for (to, more) in &ahead[at] {
            if ms + more < best[*to] {
                next.remove(&(best[*to], *to));
                best[*to] = ms + more;
                next.insert((best[*to], *to));
            }
        }
    }
    best
}

/// A real extract if one lies beside the repository (`../shared/data`), else a town of our own.
#[test]
fn ways_through_a_real_town_are_the_shortest_and_lead_everywhere() {
    let dir = scratch("real");
    let (own, graph) = (dir.join("town.osm.pbf"), dir.join("roads.graph"));
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/Helsinki.osm.pbf");
    let is_real = real.exists();
    let extract = if is_real {
        real
    } else {
        std::fs::write(&own, town(30)).unwrap();
        own
    };
    println!("roads of {}", extract.display());
    let imported = import(&extract, &graph).unwrap();
    let (network, roads) = (read(&extract).unwrap(), Roads::load(&graph).unwrap());
    assert_eq!((imported.nodes, imported.edges), (network.nodes.len(), network.edges.len()));
    assert!(imported.nodes > 800, "{imported:?}");
    let place = |n: usize| Point::new(network.nodes[n].0, network.nodes[n].1).unwrap();
    let (mut detours, mut pairs) = (Vec::new(), 0);
    for from in (0..network.nodes.len()).step_by(network.nodes.len() / 25) {
        let best = shortest(&network, from);
        for to in (0..network.nodes.len()).step_by(network.nodes.len() / 20) {
            let crow = place(from).distance_m(place(to));
            if crow < 150.0 {
                continue;
            }
            let found = roads.estimate(place(from), place(to).into(), Instant(0));
            // Whatever is on a road is reached from any other road, and by the fastest way.
            assert_eq!(found.source, "roads", "{from} to {to}");
            assert_eq!(usize::try_from(found.span.0).unwrap(), best[to], "{from} to {to}");
            assert!(found.distance_m > crow * 0.999, "{from} to {to}: {found:?}");
            detours.push(found.distance_m / crow);
            pairs += 1;
        }
    }
    detours.sort_by(f64::total_cmp);
    let middle = detours[pairs / 2];
    assert!(pairs > 300 && (1.0..1.8).contains(&middle), "{pairs} pairs, {middle}");
    if is_real {
        // The railway cuts this part of the town in two, and most of its streets are one-way.
        let at = |lat, lon| Point::new(lat, lon).unwrap();
        let (west, east) = (at(60.1687, 24.9370), at(60.1752, 24.9500));
        for (from, to) in [(west, east), (east, west)] {
            let found = roads.estimate(from, to.into(), Instant(0));
            let km_per_h = found.distance_m
                / 1_000.0
                / (f64::from(i32::try_from(found.span.0).unwrap()) / 3_600_000.0);
            assert_eq!(found.source, "roads");
            assert!((1_000.0..4_000.0).contains(&found.distance_m), "{found:?}");
            assert!((10.0..45.0).contains(&km_per_h), "{found:?}");
        }
    }
    let _ = std::fs::remove_dir_all(dir);
}

#[test]
fn what_is_no_extract_or_no_graph_is_said_in_one_line() {
    let dir = scratch("bad");
    let (extract, graph) = (dir.join("bad.osm.pbf"), dir.join("roads.graph"));
    for bytes in [&b"<osm/>"[..], &[], &town(3)[..40], &[0, 0, 0, 2, 8]] {
        std::fs::write(&extract, bytes).unwrap();
        let fault = import(&extract, &graph).unwrap_err().to_string();
        assert!(fault.lines().count() == 1 && !graph.exists(), "{fault}");
        std::fs::write(&graph, bytes).unwrap();
        assert!(Roads::load(&graph).is_err());
        std::fs::remove_file(&graph).unwrap();
    }
    let _ = std::fs::remove_dir_all(dir);
}
