//! Journeys: places given in the datums of map services.

use serde_json::{Value, json};
use server::{auth::policy::Role, wire};
use sync_core::time::Span;
use tests::{TestApp, each_engine, report};

use crate::field::{Phone, assign};

/// One place, as satellites and as map services of the mainland give it: half a kilometre apart.
const WGS84: (f64, f64) = (30.2741, 120.1551);
const GCJ02: (f64, f64) = (30.271_771, 120.159_794);

fn given((lat, lon): (f64, f64), datum: &str) -> Value {
    json!({ "lat": lat, "lon": lon, "accuracy_m": 10.0, "datum": datum })
}

/// Whether a place is the known one, to a metre.
fn is_known(place: &Value) -> bool {
    let near = |name: &str, known: f64| (place[name].as_f64().unwrap() - known).abs() < 0.000_01;
    near("lat", WGS84.0) && near("lon", WGS84.1)
}

/// How many rows of a table have the known place, tagged so.
fn tagged(app: &TestApp, table: &str, datum: &str) -> i64 {
    app.count(&format!(
        "SELECT count(*) AS n FROM {table} WHERE datum = '{datum}' \
         AND abs(lat - {}) < 0.00001 AND abs(lon - {}) < 0.00001",
        WGS84.0, WGS84.1
    ))
}

each_engine!(a_place_given_as_map_services_do_is_converted_and_tagged, |app| {
    let (intake, dispatcher) = (app.person(Role::Intake), app.person(Role::Dispatcher));
    let surveyor = app.person(Role::Surveyor);
    let report = |position: Value| {
        let mut body = report();
        body["position"] = position;
        intake.post("/cases", &body)
    };
    let case = report(given(GCJ02, "gcj02")).expect(201).value()["case"].clone();
    assert!(is_known(&case["position"]) && case["position"]["datum"].is_null(), "{case}");
    assert_eq!(case["position_datum"], "gcj02");
    assert_eq!(tagged(&app, "cases", "gcj02"), 1);
    let same = report(given(WGS84, "wgs84")).expect(201).value()["case"].clone();
    assert!(is_known(&same["position"]) && same["position_datum"].is_null(), "{same}");
    report(given(GCJ02, "cgcs2000")).refuses("position.datum", "wrong_shape");
    report(given((95.0, 120.0), "gcj02")).refuses("position", "out_of_range");
    // Hong Kong is not shifted, whatever the datum is called.
    let abroad = report(given((22.2819, 114.1582), "gcj02")).expect(201).value()["case"].clone();
    assert_eq!(abroad["position"]["lat"], 22.2819);

    let point = |seconds: i64, position: Value| {
        let mut point = position;
        point["measured_at"] = json!(wire::time(app.now() - Span::seconds(seconds)));
        point
    };
    let points = [point(20, given(WGS84, "wgs84")), point(10, given(GCJ02, "gcj02"))];
    let body = json!({ "device_now": wire::time(app.now()), "points": points });
    let _ = surveyor.post("/positions", &body).expect(200);
    assert_eq!((tagged(&app, "positions", "wgs84"), tagged(&app, "positions", "gcj02")), (1, 1));

    // Both are one place: the surveyor stands there, and arrives there.
    let id = case["id"].as_str().unwrap();
    let found = dispatcher.get(&format!("/cases/{id}/candidates")).expect(200).value();
    assert_eq!(found["candidates"][0]["distance_m"], 0);
    let _ = assign(&dispatcher, id, &surveyor).expect(201);
    let phone = Phone::new(&app, &surveyor);
    let event = phone.event(app.now(), json!({ "position": given(GCJ02, "gcj02") }));
    let arrived = phone.send(&format!("/cases/{id}/arrivals"), &event).expect(200).value();
    assert_eq!(
        (&arrived["event"]["data"]["distance_m"], &arrived["event"]["data"]["plausibility"]),
        (&json!(0), &json!("at_scene"))
    );
    assert_eq!(tagged(&app, "survey_arrivals", "gcj02"), 1);
});
