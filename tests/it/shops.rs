//! What stories about repair shops begin with: a shop of the registry, and the customer's choice.

use serde_json::{Value, json};
use server::auth::policy::Role;
use tests::{Person, TestApp};
use uuid::Uuid;

use crate::field::new_id;

/// The number of a shop that takes links.
pub(crate) const SHOP: &str = "13588110022";

/// A shop of the registry with this number, or without one.
pub(crate) fn shop(app: &TestApp, licence_no: &str, phone: Option<&str>) -> Uuid {
    let id = new_id();
    let mut body = json!({
        "id": id, "name": format!("维修厂{licence_no}"), "address": "文三路1号", "class": "two",
        "licence_no": licence_no, "licence_valid_until": "2030-12-31",
        "credit_code": "91350100M000100Y43",
    });
    if let Some(phone) = phone {
        body["phone"] = json!(phone);
    }
    let _ = app.person(Role::Manager).post("/shops", &body).expect(201);
    id
}

/// Records that the customer chose a shop.
pub(crate) fn choose(person: &Person, case: &str, shop: Uuid) {
    let choice = json!({ "shop_id": shop, "free_choice_told": true });
    let _ = person.post(&format!("/cases/{case}/shop"), &choice).expect(200);
}

/// Sends the shop a link; answers what the sender hears and the link's path.
pub(crate) fn send(app: &TestApp, person: &Person, case: &str) -> (Value, String) {
    let path = format!("/cases/{case}/shop-links");
    let sent = person.post(&path, &json!({})).expect(201).value();
    let message = app.last_message_to(SHOP);
    let at = message.find("/s/").unwrap_or_else(|| panic!("no link in {message}"));
    (sent, message[at..].split(' ').next().unwrap().to_owned())
}
