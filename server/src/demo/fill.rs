//! What `serve --demo` shows at first: a town and three cases at different stages.

use serde_json::{Value, json};

use super::{
    caller::{Caller, Fault},
    phone::text,
    story::now,
    town,
};

/// Loads town and cases over the server's own API, unless there are cases already.
pub(super) fn fill(base: &str) -> Result<(), Fault> {
    let net = Caller::new(base);
    let manager = net.log_in("manager")?;
    let cases = manager.get("/api/v1/cases?limit=1")?;
    if cases.pointer("/items").and_then(Value::as_array).is_some_and(|items| !items.is_empty()) {
        return Ok(());
    }
    town::furnish(&net)?;
    let intake = net.log_in("intake")?;
    let report = |plate: &str, place: &str, lat: f64, lon: f64| {
        json!({
            "customer_name": "示范客户", "contact_phone": "13800000000", "plate": plate, "loss_at": now(),
            "loss_place": place, "position": { "lat": lat, "lon": lon, "accuracy_m": 20.0 },
        })
    };
    // One waits for a dispatcher, one has a surveyor, one is out of town.
    intake.post("/api/v1/cases", &report("浙A10001", "示范市区一号路口", 30.274, 120.155))?;
    let sent =
        intake.post("/api/v1/cases", &report("浙AD10002", "示范市区二号路口", 30.21, 120.27))?;
    intake.post("/api/v1/cases", &report("浙A10003", "示范县三号公路", 29.9, 119.7))?;
    let case_id = text(&sent, "/case/id")?;
    let dispatcher = net.log_in("dispatcher")?;
    let ranked = dispatcher.get(&format!("/api/v1/cases/{case_id}/candidates"))?;
    let order = json!({ "surveyor_id": text(&ranked, "/candidates/0/surveyor/id")? });
    dispatcher.post(&format!("/api/v1/cases/{case_id}/tasks"), &order).map(|_| ())
}
