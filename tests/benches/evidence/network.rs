//! Photos over a line as bad as a village's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tests::{Engine, Network, TestApp, Weather};
use ureq::http;

use super::{
    photo, setting,
    uploads::{declared, hash},
};

/// 256 kbit/s, 400 ms there and back, every fifth piece lost once, gone for 2 s in every 20.
fn line(speed: u32) -> Weather {
    Weather {
        delay: Duration::from_millis(400) / speed,
        rate: 32_000 * u64::from(speed),
        lost: 200,
        cut_after: 0,
        flap_every: Duration::from_secs(20) / speed,
        flap_for: Duration::from_secs(2) / speed,
    }
}

pub fn bad_line() {
    let (count, kilobytes) =
        (setting("CHAKAN_BENCH_PHOTOS", 20), setting("CHAKAN_BENCH_PHOTO_KB", 300));
    let speed = u32::try_from(setting("CHAKAN_BENCH_SPEED", 50).max(1)).expect("a small number");
    let app = TestApp::start(Engine::Sqlite).expect("SQLite is everywhere");
    let numbers = 0..u32::try_from(count).expect("few");
    let photos: Vec<_> = numbers.map(|n| photo(n, kilobytes * 1_000)).collect();
    let (case, surveyor) = declared(&app, &photos);
    let network = Network::before(app.address(), line(speed));
    let base = format!("http://{}", network.address());
    let token = surveyor.token();
    let done = Arc::new(AtomicBool::new(false));
    let texts = {
        let (done, url, token) = (done.clone(), format!("{base}/api/v1/auth/me"), token.clone());
        std::thread::spawn(move || texts(&url, &token, &done))
    };
    let began = Instant::now();
    let mut cuts = 0;
    for bytes in &photos {
        cuts += send(&base, &token, bytes);
    }
    done.store(true, Ordering::Relaxed);
    let took = began.elapsed();
    let mut texts = texts.join().expect("texts");
    texts.sort();
    let all: u64 = photos.iter().map(|bytes| bytes.len() as u64).sum();
    for bytes in &photos {
        let blob = format!("/cases/{case}/blobs/{}", hash(bytes));
        assert!(surveyor.get(&blob).expect(200).body == *bytes, "other bytes");
    }
    let p95 = texts.get(texts.len() * 95 / 100).copied().unwrap_or_default();
    println!(
        "{count} photos of {kilobytes} kB over 256 kbit/s with 400 ms, 20 % loss and flaps, {speed} times \
         as fast: intact after {took:?}, {cuts} times cut, {:.1} % more bytes sent than the photos have, \
         headers and texts included (aim: at most 10 %); {} texts beside them, p95 {p95:?}, on the line as it \
         is {:?} (aim 5 s)",
        (network.sent() as f64 / all as f64 - 1.0) * 100.0,
        texts.len(),
        p95 * speed,
    );
}

/// Asks for small things all the while; answers how long each took, tries included.
fn texts(url: &str, token: &str, done: &AtomicBool) -> Vec<Duration> {
    let agent = agent();
    let mut took = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        while agent.get(url).header("authorization", &format!("Bearer {token}")).call().is_err() {
            if done.load(Ordering::Relaxed) {
                return took;
            }
        }
        took.push(began.elapsed());
    }
    took
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(120)))
        .build()
        .into()
}

/// Sends one photo until its receipt is here; answers how often it had to go on.
fn send(base: &str, token: &str, bytes: &[u8]) -> u32 {
    let mut cuts = 0;
    let begin = |offset: Option<usize>, url: &str, method: &str| {
        let builder = http::Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {token}"))
            .header("tus-resumable", "1.0.0");
        match offset {
            Some(offset) => builder
                .header("upload-offset", offset.to_string())
                .header("content-type", "application/offset+octet-stream"),
            None => builder.header("upload-length", bytes.len().to_string()),
        }
    };
    let create = || {
        let request = begin(None, &format!("{base}/api/v1/uploads"), "POST").body(()).ok()?;
        let answer = agent().run(request).ok()?;
        Some(answer.headers().get("location")?.to_str().ok()?.to_owned())
    };
    let location = loop {
        if let Some(location) = create() {
            break location;
        }
        cuts += 1;
    };
    let url = format!("{base}{location}");
    let offset = || {
        let request = begin(None, &url, "HEAD").body(()).ok()?;
        let answer = agent().run(request).ok()?;
        answer.headers().get("upload-offset")?.to_str().ok()?.parse::<usize>().ok()
    };
    loop {
        let Some(at) = offset() else {
            cuts += 1;
            continue;
        };
        let request = begin(Some(at), &url, "PATCH").body(bytes[at..].to_vec()).expect("a request");
        match agent().run(request) {
            Ok(answer) if answer.headers().contains_key("chakan-receipt") => return cuts,
            _ => cuts += 1,
        }
    }
}
