//! A phone with a key of its own, as the app would hold it.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use server::ports::ids::{Ids, SystemIds};
use sync_core::time::Instant;
use tests::{PASSWORD, Person, Reply, TestApp};
use uuid::Uuid;

pub(super) struct Phone {
    pub(super) id: Uuid,
    pair: Ed25519KeyPair,
}

impl Phone {
    /// A phone that nobody knows yet.
    pub(super) fn new() -> Self {
        Self { id: SystemIds.uuid(), pair: Ed25519KeyPair::generate().unwrap() }
    }

    /// A phone that is enrolled as this person's.
    pub(super) fn of(person: &Person) -> Self {
        let phone = Self::new();
        let _ = person.post("/devices", &phone.enrolment(person)).expect(201);
        phone
    }

    /// The same installation id, but another key.
    pub(super) fn copy_without_key(&self) -> Self {
        Self { id: self.id, ..Self::new() }
    }

    /// The same key, but another installation id.
    pub(super) fn under_another_id(self, id: Uuid) -> Self {
        Self { id, ..self }
    }

    fn sign(&self, text: &str) -> String {
        BASE64_STANDARD.encode(self.pair.sign(text.as_bytes()))
    }

    pub(super) fn enrolment(&self, person: &Person) -> Value {
        json!({
            "id": self.id,
            "public_key": BASE64_STANDARD.encode(self.pair.public_key()),
            "name": "查勘手机",
            "platform": "Android 16",
            "proof": self.sign(&format!("chakan-enrol:{}:{}", self.id, person.id)),
        })
    }

    pub(super) fn login(&self, username: &str, password: &str, at: Instant) -> Value {
        let text = format!("chakan-login:{username}:{}:{}", self.id, at.0);
        json!({
            "username": username,
            "password": password,
            "device_id": self.id,
            "device_proof": { "at": server::wire::time(at), "signature": self.sign(&text) },
        })
    }

    /// Logs in; answers the refresh token.
    pub(super) fn log_in(&self, app: &TestApp, person: &Person) -> String {
        let body = self.login(&person.username, PASSWORD, app.now());
        let tokens = log_in(app, &body).expect(200).value();
        tokens["refresh_token"].as_str().unwrap().to_owned()
    }

    /// Presents a refresh token.
    pub(super) fn refresh(&self, app: &TestApp, token: &str) -> Reply {
        let proof = self.sign(&format!("chakan-refresh:{token}"));
        let body = json!({ "refresh_token": token, "proof": proof });
        app.request("POST", "/auth/refresh").json(&body).send()
    }
}

pub(super) fn log_in(app: &TestApp, body: &Value) -> Reply {
    app.request("POST", "/auth/login").json(body).send()
}

pub(super) fn by_password(app: &TestApp, username: &str, password: &str) -> Reply {
    log_in(app, &json!({ "username": username, "password": password }))
}
