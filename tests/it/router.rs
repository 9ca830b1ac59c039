//! Journeys: driving times from a router that is of no use, and from real roads (C09).

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use server::{auth::policy::Role, ports::travel_time, wire};
use sync_core::time::Span;
use tests::{Engine, Person, Scratch, TestApp, report};

use crate::field::{assign, at_metres_north, new_case};

const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

fn be_at(app: &TestApp, surveyor: &Person, (lat, lon): (f64, f64)) {
    let now = wire::time(app.now());
    let point = json!({ "lat": lat, "lon": lon, "accuracy_m": 10.0, "measured_at": now });
    let body = json!({ "device_now": now, "points": [point] });
    let _ = surveyor.post("/positions", &body).expect(200);
}

fn first(dispatcher: &Person, case: &str) -> Value {
    let found = dispatcher.get(&format!("/cases/{case}/candidates")).expect(200).value();
    found["candidates"][0].clone()
}

/// Something that takes connections, counts them and does this with each.
fn nonsense(answer: fn(TcpStream) -> Option<TcpStream>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("osrm+http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
            held.extend(answer(stream));
        }
    });
    (url, asked)
}

#[test]
fn a_router_that_is_of_no_use_holds_up_no_dispatch() {
    let silent: fn(TcpStream) -> Option<TcpStream> = Some;
    let garbage: fn(TcpStream) -> Option<TcpStream> = |mut stream| {
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\n{\"code\":1",
        );
        Some(stream)
    };
    // Once for whoever waits in vain, three times for what is quickly seen to be nonsense.
    for (answer, most) in [(silent, 1), (garbage, 3)] {
        for engine in ENGINES {
            let (url, asked) = nonsense(answer);
            let settings = vec![("router_url", json!(url))];
            let Some(app) = TestApp::start_with(engine, settings) else { continue };
            let (manager, dispatcher) = (app.person(Role::Manager), app.person(Role::Dispatcher));
            let _ = manager.put("/dispatch-mode", &json!({ "mode": "automatic" })).expect(200);
            let surveyors: Vec<Person> = (0..6).map(|_| app.person(Role::Surveyor)).collect();
            for (n, surveyor) in surveyors.iter().enumerate() {
                let metres = 500.0 * f64::from(u32::try_from(n).unwrap());
                be_at(&app, surveyor, at_metres_north(metres));
            }
            let cases: Vec<String> = (0..6).map(|_| new_case(&app)).collect();
            app.run_due_jobs();
            // Everybody was asked, one case each, by the estimate that is always at hand.
            for surveyor in &surveyors {
                let offers = surveyor.get("/offers").expect(200).value();
                assert_eq!(offers["items"].as_array().unwrap().len(), 1);
            }
            for case in &cases {
                assert_eq!(first(&dispatcher, case)["estimate_source"], "straight_line");
            }
            let task = assign(&dispatcher, &cases[0], &surveyors[5]).expect(201).value();
            assert_eq!(task["estimate_ms"], 525_000);
            app.run_due_jobs();
            assert_eq!(asked.load(Ordering::SeqCst), most);
            // After its rest it is tried again, by one.
            app.advance(Span::seconds(30));
            for case in &cases {
                assert_eq!(first(&dispatcher, case)["estimate_source"], "straight_line");
            }
            assert_eq!(asked.load(Ordering::SeqCst), most + 1);
        }
    }
}

/// With the real extract beside the repository; without it there are only the roads of the unit tests.
#[test]
fn candidates_drive_along_real_roads() {
    let extract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/Helsinki.osm.pbf");
    if !extract.exists() {
        println!("no extract at {}", extract.display());
        return;
    }
    let scratch = Scratch::new("roads");
    let graph = scratch.path().join("roads.graph");
    let _ = travel_time::import(&extract, &graph).unwrap();
    for engine in ENGINES {
        let settings = vec![("roads", json!(graph))];
        let Some(app) = TestApp::start_with(engine, settings) else { continue };
        let (dispatcher, surveyor) = (app.person(Role::Dispatcher), app.person(Role::Surveyor));
        let mut body = report();
        body["position"] = json!({ "lat": 60.1752, "lon": 24.9500 });
        let saved = app.person(Role::Intake).post("/cases", &body).expect(201).value();
        let case = saved["case"]["id"].as_str().unwrap();
        be_at(&app, &surveyor, (60.1687, 24.9370));
        let found = first(&dispatcher, case);
        assert_eq!(found["estimate_source"], "roads");
        // A kilometre as the crow flies, along one-way streets.
        let (metres, ms) =
            (found["distance_m"].as_i64().unwrap(), found["travel_ms"].as_i64().unwrap());
        assert!((1_000..4_000).contains(&metres) && (90_000..900_000).contains(&ms), "{found}");
        // Beyond the roads that are known somebody still gets an answer, which says what it is.
        app.advance(Span::seconds(1));
        be_at(&app, &surveyor, (60.3000, 25.1000));
        assert_eq!(first(&dispatcher, case)["estimate_source"], "straight_line");
    }
}
