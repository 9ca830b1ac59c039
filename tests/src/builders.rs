//! Requests that are valid as they are; a test changes what it is about.

use serde_json::{Value, json};
use server::wire;
use sync_core::time::Span;

use crate::START;

/// A loss report that is accepted without a warning and without a policy number.
#[must_use]
pub fn report() -> Value {
    report_of("浙A7T3K9")
}

/// [`report`] for another number plate, so that two of them are not probable duplicates.
#[must_use]
pub fn report_of(plate: &str) -> Value {
    json!({
        "customer_name": "沈听澜",
        "contact_name": "顾望舒",
        "contact_phone": "18667091253",
        "plate": plate,
        "loss_at": wire::time(START - Span::minutes(10)),
        "loss_place": "杭州市西湖区文三路口",
        "position": { "lat": 30.2741, "lon": 120.1302, "accuracy_m": 12.0 },
        "description": "追尾，前保险杠和大灯损坏",
        "injured": false,
        "drivable": true,
    })
}
