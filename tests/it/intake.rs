//! Journeys: taking loss reports.

use server::auth::policy::Role;
use tests::{each_engine, report};

each_engine!(a_report_is_saved_without_a_policy_number, |app| {
    let agent = app.person(Role::Intake);
    let saved = agent.post("/cases", &report()).expect(201).value();
    assert_eq!(saved["case"]["status"], "reported");
    assert_eq!(saved["case"]["policy_no"], serde_json::Value::Null);
    assert_eq!(saved["warnings"], serde_json::json!([]));
});
