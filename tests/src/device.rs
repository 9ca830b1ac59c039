//! An enrolled device with the key that signs for it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use server::ports::ids::{Ids, SystemIds};
use sync_core::ids::DeviceId;

use crate::Person;

/// A device that was enrolled over HTTP.
pub struct Device {
    /// Id.
    pub id: DeviceId,
    pair: Ed25519KeyPair,
}

impl Device {
    /// A new device of this person, and the person as they work from it.
    #[must_use]
    #[track_caller]
    pub fn of(person: &Person) -> (Self, Person) {
        let device =
            Self { id: SystemIds.uuid().into(), pair: Ed25519KeyPair::generate().unwrap() };
        let body = json!({
            "id": device.id,
            "public_key": BASE64_STANDARD.encode(device.pair.public_key()),
            "name": "查勘手机",
            "platform": "Android 16",
            "proof": device.sign(&format!("chakan-enrol:{}:{}", device.id, person.id)),
        });
        let _ = person.post("/devices", &body).expect(201);
        let there = person.on_device(device.id);
        (device, there)
    }

    /// The key's signature over a text, as base64.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        BASE64_STANDARD.encode(self.pair.sign(text.as_bytes()))
    }
}
