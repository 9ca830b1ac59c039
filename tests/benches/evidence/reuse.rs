//! How fast a photo is looked up among a million that stand in a database.

use std::time::Instant;

use server::{
    evidence::find_like,
    imaging::{Looks, VARIANTS},
};
use tests::{Engine, TestApp};

const MANY: u32 = 1_000_000;
const LOOKUPS: usize = 400;

/// The hashes are noise, as those of photos are to each other; every lookup looks at all of them.
/// So many rows at a time: a statement has as long as that of a request.
const STEP: u32 = 10_000;

fn rows(engine: Engine, after: u32) -> [String; 2] {
    let (first, last) = (after + 1, after + STEP);
    let (numbers, name, noise) = match engine {
        Engine::Sqlite => (
            format!(
                "(WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last}) \
                 SELECT i FROM n)"
            ),
            "printf('%064x', i)",
            "randomblob(48)",
        ),
        Engine::Postgres => (
            format!("(SELECT i FROM generate_series({first}, {last}) AS s(i)) AS numbers"),
            "lpad(to_hex(i), 64, '0')",
            "decode(md5(i::text) || md5((-i)::text) || md5('a' || i::text), 'hex')",
        ),
    };
    [
        format!(
            "INSERT INTO blobs (sha256, size, media_type, width, height, camera, stored_at) \
             SELECT {name}, 1, 'image/jpeg', 1, 1, '{{}}', 0 FROM {numbers}"
        ),
        format!("INSERT INTO photo_looks SELECT i, {name}, {noise}, 50, 0, 0, 0 FROM {numbers}"),
    ]
}

pub fn among_a_million() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(app) = TestApp::start(engine) else {
            println!("no {engine:?}");
            continue;
        };
        for sql in (0..MANY).step_by(STEP as usize).flat_map(|after| rows(engine, after)) {
            app.write(move |conn| {
                use diesel::RunQueryDsl;
                Ok(diesel::sql_query(sql.as_str()).execute(conn)?)
            });
        }
        let (state, mut state_of_dice) = (app.state(), 1_u64);
        let mut dice = move || {
            state_of_dice ^= state_of_dice << 13;
            state_of_dice ^= state_of_dice >> 7;
            state_of_dice ^= state_of_dice << 17;
            state_of_dice
        };
        let picture = image::RgbImage::new(320, 240);
        let mut looks = Looks::of(&picture, &picture);
        let runtime = actix_web::rt::Runtime::new().expect("a runtime");
        let began = Instant::now();
        runtime.block_on(find_like(&state, &looks)).expect("an answer");
        let first = began.elapsed().as_secs_f64();
        let mut times: Vec<f64> = (0..LOOKUPS)
            .map(|_| {
                looks.hashes = [0; VARIANTS].map(|_: u64| dice());
                looks.turned = looks.turned.map(|_| dice());
                let began = Instant::now();
                let found = runtime.block_on(find_like(&state, &looks)).expect("an answer");
                std::hint::black_box(found);
                began.elapsed().as_secs_f64() * 1_000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "one photo among {MANY} on {engine:?}: p50 {:.1} ms, p99 {:.1} ms; the first one, which \
             reads them all, {first:.1} s",
            times[LOOKUPS / 2],
            times[LOOKUPS * 99 / 100]
        );
    }
}
