//! Routers that answer well, badly, late and never.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{super::StraightLine, *};

const NOW: Instant = Instant(1_750_000_000_000);

/// A router that answers every request with this body, perhaps slowly, or takes it and never answers.
struct Fake {
    base: String,
    asked: Arc<AtomicUsize>,
}

impl Fake {
    fn new(body: Option<&'static str>) -> Self {
        Self::start(body, Duration::ZERO, usize::MAX)
    }

    /// One that waits before every `piece` bytes of its answer.
    fn pausing(body: &'static str, pause: Duration, piece: usize) -> Self {
        Self::start(Some(body), pause, piece)
    }

    fn start(body: Option<&'static str>, pause: Duration, piece: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                count.fetch_add(1, Ordering::SeqCst);
                let Some(body) = body else {
                    held.push(stream);
                    continue;
                };
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut length) = (String::new(), 0);
                while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                    if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                        length = n.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let _ = reader.read_exact(&mut vec![0; length]);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n", body.len());
                for some in body.as_bytes().chunks(piece) {
                    // Nobody ever sends: this is a pause.
                    let _ = std::sync::mpsc::channel::<()>().1.recv_timeout(pause);
                    let _ = stream.write_all(some);
                }
            }
        });
        Self { base, asked }
    }

    fn router(&self, kind: RouterKind) -> HttpRouter {
        HttpRouter::new(kind, &self.base, Arc::new(StraightLine))
    }
}

fn places() -> (Vec<Point>, Point) {
    let at = |lat| Point::new(lat, 120.1).unwrap();
    (vec![at(30.1), at(30.2)], at(30.3))
}

fn sources(router: &HttpRouter, now: Instant) -> Vec<(&'static str, i64)> {
    let (from, to) = places();
    let estimates = router.estimate_all(&from, to.into(), now);
    assert_eq!(estimates.len(), 2);
    estimates.iter().map(|estimate| (estimate.source, estimate.span.0)).collect()
}

#[test]
fn both_routers_are_understood() {
    const OSRM: &str = r#"{"code":"Ok","durations":[[600.5],[300]],"distances":[[5000],[2500]]}"#;
    const VALHALLA: &str = r#"{"sources_to_targets":[[{"time":600,"distance":5.0}],[{"time":60,"distance":0.5}]],"units":"kilometers"}"#;
    let osrm = Fake::new(Some(OSRM)).router(RouterKind::Osrm);
    assert_eq!(sources(&osrm, NOW), [("osrm", 600_500), ("osrm", 300_000)]);
    let valhalla = Fake::new(Some(VALHALLA)).router(RouterKind::Valhalla);
    assert_eq!(sources(&valhalla, NOW), [("valhalla", 600_000), ("valhalla", 60_000)]);
}

#[test]
fn an_answer_that_is_none_is_replaced_and_says_so() {
    for body in [
        "",
        "<html>",
        r#"{"code":"NoTable"}"#,
        r#"{"code":"Ok","durations":[[600]],"distances":[[5000]]}"#,
        r#"{"code":"Ok","durations":[[null],[1]],"distances":[[1],[1]]}"#,
        r#"{"code":"Ok","durations":[[-5],[1]],"distances":[[1],[1]]}"#,
        r#"{"code":"Ok","durations":[[1e300],[1]],"distances":[[1],[1]]}"#,
    ] {
        let router = Fake::new(Some(body)).router(RouterKind::Osrm);
        let found = sources(&router, NOW);
        assert!(found.iter().all(|(source, _)| *source == "straight_line"), "{body}");
    }
}

#[test]
fn a_router_that_never_answers_costs_less_than_a_second_once() {
    let fake = Fake::new(None);
    let router = fake.router(RouterKind::Osrm);
    let began = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(sources(&router, NOW)[0].0, "straight_line");
        let _ = sources(&router, NOW + REST - Span(1));
    }
    // Twenty cases one after another wait for it no longer than one.
    assert!(began.elapsed() < Duration::from_millis(1_000), "{:?}", began.elapsed());
    let asked = fake.asked.load(Ordering::SeqCst);
    // After the rest one request decides.
    let _ = sources(&router, NOW + REST);
    let _ = sources(&router, NOW + REST);
    assert_eq!(fake.asked.load(Ordering::SeqCst), asked + 1);
}

#[test]
fn a_slow_answer_is_used_once_and_one_that_trickles_is_cut_off() {
    const OSRM: &str = r#"{"code":"Ok","durations":[[600],[300]],"distances":[[5000],[2500]]}"#;
    let late = Fake::pausing(OSRM, SLOW + Duration::from_millis(50), OSRM.len());
    let router = late.router(RouterKind::Osrm);
    assert_eq!(sources(&router, NOW)[0].0, "osrm");
    for _ in 0..3 {
        assert_eq!(sources(&router, NOW + REST - Span(1))[0].0, "straight_line");
    }
    assert_eq!(late.asked.load(Ordering::SeqCst), 1);
    assert_eq!(sources(&router, NOW + REST)[0].0, "osrm");

    // A byte every now and then is no answer either.
    let trickle = Fake::pausing(OSRM, Duration::from_millis(90), 1);
    let router = trickle.router(RouterKind::Osrm);
    let began = std::time::Instant::now();
    assert_eq!(sources(&router, NOW)[0].0, "straight_line");
    assert!(began.elapsed() < Duration::from_millis(1_000), "{:?}", began.elapsed());
    assert_eq!(sources(&router, NOW)[0].0, "straight_line");
    assert_eq!(trickle.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn after_a_rest_one_request_tries_it_and_no_other_waits() {
    let fake = Fake::new(None);
    let router = fake.router(RouterKind::Osrm);
    let _ = sources(&router, NOW);
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| sources(&router, NOW + REST));
        }
    });
    assert!(began.elapsed() < Duration::from_millis(1_000), "{:?}", began.elapsed());
    assert_eq!(fake.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn quick_failures_are_borne_three_times() {
    let fake = Fake::new(Some("<html>"));
    let router = fake.router(RouterKind::Osrm);
    for _ in 0..10 {
        assert_eq!(sources(&router, NOW)[0].0, "straight_line");
    }
    assert_eq!(fake.asked.load(Ordering::SeqCst), usize::try_from(FAILURES).unwrap());
}
