//! Signing keys of access tokens (B17).

use serde_json::{Value, json};
use server::{
    auth::{
        Auth,
        keys::{self, Missing},
        policy::Role,
    },
    ports::ids::SystemIds,
};
use sync_core::time::Span;
use tests::{TestApp, each_engine};

fn published(app: &TestApp) -> Vec<String> {
    let set: Value = app.request("GET", "/.well-known/jwks.json").send().expect(200).value();
    let keys = set["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["kty"] == "OKP" && key["crv"] == "Ed25519"));
    assert!(keys.iter().all(|key| key.get("d").is_none()), "private keys stay private");
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

each_engine!(a_rotated_key_costs_no_log_in_and_a_removed_one_ends_its_tokens, |app| {
    let admin = app.person_at("head", &[Role::Admin]);
    let person = app.person(Role::Surveyor);
    let keys_dir = app.data_dir().join("keys");
    // Another node that shares the directory.
    let node = Auth::load(&keys_dir, Missing::Refuse, &SystemIds).unwrap();
    let me = |token: &str| app.request("GET", "/auth/me").token(token).send();
    let first = published(&app);

    let made = admin.post("/signing-keys/rotate", &json!({})).expect(201).value();
    let kid = made["kid"].as_str().unwrap().to_owned();
    assert_eq!(published(&app), [first[0].clone(), kid.clone()]);
    // Ids of keys carry the time of the machine, so the story goes on there.
    let begins = keys::signs_from(&kid);
    assert_eq!(made["signs_from"], json!(server::wire::time(begins)));
    app.clock.set(begins - Span(1));
    let old = person.token();
    app.advance(Span(1));
    let new = person.token();
    let _ = (me(&old).expect(200), me(&new).expect(200));
    assert!(node.tokens.check(&old, app.now()).is_ok());
    assert!(node.tokens.check(&new, app.now()).is_err());
    node.reload().unwrap();
    assert!(node.tokens.check(&new, app.now()).is_ok(), "without a restart");

    std::fs::remove_file(keys_dir.join("token").join(format!("{}.pk8", first[0]))).unwrap();
    app.state().auth.reload().unwrap();
    me(&old).problem(401, "unauthenticated");
    let _ = me(&new).expect(200);
    assert_eq!(published(&app), [kid]);
});

each_engine!(only_an_admin_at_the_top_rotates_keys, |app| {
    for person in [
        app.person(Role::Admin),
        app.person_at("head", &[Role::Manager]),
        app.person_at("head", &[Role::Surveyor]),
    ] {
        person.post("/signing-keys/rotate", &json!({})).problem(403, "forbidden");
    }
    assert_eq!(published(&app).len(), 1);
});
