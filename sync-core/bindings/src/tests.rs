//! What the binding adds to the engine: names, errors, and that nothing gets out of hand. The whole
//! visit is played by a client in Python (`tests/python/visit.py`).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};

use serde_json::{Value, json};
use sync_core::{
    cbor,
    model::{ActorId, Seed, seed},
    time::Instant,
};
use uuid::Uuid;

use super::*;

const NOW: i64 = 1_772_415_000_000;
const CASE: &str = "00000000-0000-0000-0000-000000000001";
const LINE: &str = "lines/00000000-0000-0000-0000-000000000009";
const INSTALL: &str = "00000000-0000-0000-0000-00000000000a";

/// A store that can fail, panic, or call back.
#[derive(Default)]
struct Shelf {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
    mood: Mutex<Mood>,
    phone: OnceLock<Arc<Phone>>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Mood {
    #[default]
    Fine,
    Full,
    Panics,
    CallsBack,
}

impl Shelf {
    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

impl PhoneStore for Shelf {
    fn put(&self, name: String, bytes: Vec<u8>) -> Result<(), StoreError> {
        // Not held through a panic.
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Fine => {}
            Mood::Full => return Err(StoreError::Failed { why: "full".into() }),
            Mood::Panics => panic!("as a store should not"),
            Mood::CallsBack => {
                let said = self.phone.get().unwrap().look().unwrap_err();
                return Err(StoreError::Failed { why: said.to_string() });
            }
        }
        self.values.lock().unwrap().insert(name, bytes);
        Ok(())
    }

    fn remove(&self, name: String) -> Result<(), StoreError> {
        self.values.lock().unwrap().remove(&name);
        Ok(())
    }

    fn all(&self) -> Result<Vec<StoredValue>, StoreError> {
        let values = self.values.lock().unwrap();
        let stored = |(name, bytes): (&String, &Vec<u8>)| StoredValue {
            name: name.clone(),
            bytes: bytes.clone(),
        };
        // The order of names is not asked for.
        Ok(values.iter().rev().map(stored).collect())
    }
}

fn open(shelf: &Arc<Shelf>) -> Arc<Phone> {
    Phone::open(shelf.clone(), INSTALL.into(), 7).unwrap()
}

fn posted(phone: &Phone) -> Arc<Exchange> {
    match phone.next_step(NOW).unwrap() {
        NextStep::Post { exchange } => exchange,
        other => panic!("{other:?}"),
    }
}

fn answer(body: &Value) -> Answer {
    Answer {
        status: 200,
        body: body.to_string().into_bytes(),
        form: Form::Json,
        retry_after_s: None,
    }
}

/// A phone that holds the draft of [`CASE`].
fn holding(shelf: &Arc<Shelf>) -> Arc<Phone> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let phone = open(shelf);
    phone.want(CASE.into()).unwrap();
    phone.answered(posted(&phone), NOW, answer(&json!({}))).unwrap();
    let doc = seed(&Seed {
        case_id: CASE.parse().unwrap(),
        actor: ActorId::from([1; 16]),
        at: Instant(NOW),
        vehicles: Vec::new(),
        checklist: vec!["photos".to_owned()],
    });
    let exchange = posted(&phone);
    assert_eq!(exchange.path(), format!("/api/v1/cases/{CASE}/draft/actors"));
    assert_eq!(
        exchange.body(Form::Json).unwrap(),
        json!({ "install_id": INSTALL }).to_string().into_bytes()
    );
    let issued = json!({
        "actor": "05".repeat(16), "person_id": Uuid::from_u128(3), "roles": ["surveyor"], "epoch": 1,
        "cursor": 1, "last_seq": 0, "snapshot": BASE64_STANDARD.encode(doc.unwrap().save()),
    });
    phone.answered(exchange, NOW, answer(&issued)).unwrap();
    phone
}

fn text(value: &str) -> FieldValue {
    FieldValue::Text { value: value.into() }
}

fn entry(name: &str, value: FieldValue) -> FieldEntry {
    FieldEntry { name: name.into(), value }
}

fn draft(phone: &Phone) -> Value {
    serde_json::from_str(&phone.draft(CASE.into()).unwrap()).unwrap()
}

#[test]
fn every_way_to_write_is_a_change_that_waits_to_be_signed() {
    let phone = holding(&Arc::default());
    let number = FieldValue::Number { value: 86_000 };
    let line = vec![entry("kind", text("replace")), entry("unit_price_fen", number)];
    phone.add(CASE.into(), LINE.into(), line, Vec::new(), NOW).unwrap();
    let form = vec![
        entry("name", text("前保险杠")),
        entry("qty_milli", FieldValue::Number { value: 1_000 }),
    ];
    phone.write_form(CASE.into(), LINE.into(), form, NOW).unwrap();
    phone.write(CASE.into(), "scene/place".into(), text("文三路"), NOW).unwrap();
    phone.write(CASE.into(), "scene/description".into(), text("追尾🚗"), NOW).unwrap();
    phone.tick(CASE.into(), "photos".into(), "done".into(), "齐".into(), NOW).unwrap();
    phone.add_note(CASE.into(), Uuid::from_u128(8).to_string(), "旧伤".into(), NOW).unwrap();
    phone
        .settle(
            CASE.into(),
            "rates/parts_management_bp".into(),
            FieldValue::Number { value: 5 },
            NOW,
        )
        .unwrap();
    phone.type_in(CASE.into(), "scene/weather".into(), text("rain"), NOW).unwrap();
    let typing = Unsent::Typing { case_id: CASE.into(), path: "scene/weather".into() };
    assert!(phone.unsent().unwrap().contains(&typing));
    phone.leave(CASE.into(), NOW).unwrap();
    let changes = Unsent::Changes { case_id: CASE.into(), count: 8 };
    assert_eq!(phone.unsent().unwrap(), [changes]);
    let draft = draft(&phone);
    let line = &draft["lines"]["00000000-0000-0000-0000-000000000009"];
    assert_eq!((&line["name"], &line["qty_milli"]), (&json!("前保险杠"), &json!(1_000)));
    assert_eq!(draft["scene"]["place"], "文三路");
    assert_eq!(draft["scene"]["description"], "追尾🚗");
    assert_eq!(draft["scene"]["weather"], "rain");
    assert_eq!(phone.heads(CASE.into()).unwrap().len(), 1);

    let exchange = posted(&phone);
    let texts = exchange.texts_to_sign();
    assert_eq!(texts.len(), 1);
    exchange.sign(vec![Some("c2ln".into())]);
    let json: Value = serde_json::from_slice(&exchange.body(Form::Json).unwrap()).unwrap();
    assert_eq!(json["drafts"][0]["signature"], "c2ln");
    assert!(texts[0].contains(json["drafts"][0]["push_id"].as_str().unwrap()));
    assert_eq!(cbor::to_json(&exchange.body(Form::Cbor).unwrap()).unwrap(), json);
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let phone = holding(&Arc::default());
    let before = draft(&phone);
    let write = |path: &str, value| phone.write(CASE.into(), path.into(), value, NOW).unwrap_err();
    let add = |path: &str, fields| {
        phone.add(CASE.into(), path.into(), fields, Vec::new(), NOW).unwrap_err()
    };
    assert!(matches!(write("scene/nowhere", text("x")), PhoneError::UnknownPath(_)));
    assert!(matches!(write("scene", text("x")), PhoneError::UnknownPath(_)));
    assert!(matches!(write(&format!("{LINE}/name"), text("x")), PhoneError::NoSuchItem(_)));
    assert!(matches!(write("scene/weather", text("hot")), PhoneError::NotAllowed(_)));
    assert!(matches!(
        write("scene/place", FieldValue::Flag { value: true }),
        PhoneError::WrongType(_)
    ));
    assert!(matches!(write("scene/place", text("a\u{7}")), PhoneError::ControlCharacter(_)));
    assert!(matches!(add("lines/x", Vec::new()), PhoneError::Argument(_)));
    assert!(matches!(add("scene", Vec::new()), PhoneError::Argument(_)));
    assert!(matches!(add(LINE, vec![entry("nothing", text("x"))]), PhoneError::UnknownPath(_)));
    let early = phone.write(CASE.into(), "scene/place".into(), text("x"), 0).unwrap_err();
    assert!(matches!(early, PhoneError::Clock(_)));
    let other = phone.draft(Uuid::from_u128(77).to_string()).unwrap_err();
    assert!(matches!(other, PhoneError::NotHere));
    assert!(matches!(phone.want("case".into()).unwrap_err(), PhoneError::Argument(_)));
    assert_eq!(draft(&phone), before);

    let event = |body: &str| FieldEvent {
        id: CASE.into(),
        case_id: CASE.into(),
        kind: "record_arrival".into(),
        occurred_at: NOW,
        body: body.into(),
    };
    assert!(matches!(phone.note(event("[]")).unwrap_err(), PhoneError::Argument(_)));
    phone.note(event("")).unwrap();
    phone.note(event("{}")).unwrap();
    assert!(matches!(phone.note(event(r#"{"a":1}"#)).unwrap_err(), PhoneError::IdTaken(_)));
}

#[test]
fn answers_that_cannot_be_used_lose_nothing() {
    let shelf = Arc::default();
    let phone = holding(&shelf);
    phone.write(CASE.into(), "scene/place".into(), text("文三路"), NOW).unwrap();
    let waits = phone.unsent().unwrap();
    let bodies: [(u16, &[u8], Form); 5] = [
        (200, b"", Form::Json),
        (200, b"[]", Form::Json),
        (200, b"\xff\xff\x00", Form::Cbor),
        (503, b"<html>", Form::Json),
        (204, b"{}", Form::Json),
    ];
    for (status, body, form) in bodies {
        phone.look().unwrap();
        let exchange = posted(&phone);
        let answer = Answer { status, body: body.to_vec(), form, retry_after_s: Some(3) };
        phone.answered(exchange, NOW, answer).unwrap();
        assert_eq!(phone.unsent().unwrap(), waits, "{status}");
        assert!(matches!(phone.next_step(NOW).unwrap(), NextStep::Wait { until } if until > NOW));
    }
    phone.look().unwrap();
    phone.unanswered(posted(&phone), NOW).unwrap();
    assert!(matches!(phone.next_step(NOW).unwrap(), NextStep::Wait { .. }));
    // Killed here, it goes on from its store.
    let phone = open(&shelf);
    assert_eq!(phone.unsent().unwrap(), waits);
    assert_eq!(draft(&phone)["scene"]["place"], "文三路");
}

#[test]
fn a_store_that_fails_is_told_of_and_one_that_panics_ends_the_phone_only() {
    let shelf: Arc<Shelf> = Arc::default();
    let phone = holding(&shelf);
    let write = |phone: &Phone| phone.write(CASE.into(), "scene/place".into(), text("x"), NOW);
    shelf.is(Mood::Full);
    assert!(matches!(write(&phone).unwrap_err(), PhoneError::Store(said) if said.contains("full")));
    let _ = shelf.phone.set(phone.clone());
    shelf.is(Mood::CallsBack);
    let said = write(&phone).unwrap_err().to_string();
    assert!(said.contains("the store may not call the phone"), "{said}");
    shelf.is(Mood::Panics);
    assert!(matches!(write(&phone).unwrap_err(), PhoneError::Broken));
    shelf.is(Mood::Fine);
    assert!(matches!(write(&phone).unwrap_err(), PhoneError::Broken), "it stays so");
    let phone = open(&shelf);
    write(&phone).unwrap();
    assert_eq!(draft(&phone)["scene"]["place"], "x");

    shelf.values.lock().unwrap().insert("outbox".into(), b"?".to_vec());
    let damaged = Phone::open(shelf, INSTALL.into(), 7).err().unwrap();
    assert!(matches!(damaged, PhoneError::Damaged(_)));
}

#[test]
fn only_a_receipt_for_these_bytes_is_one() {
    let phone = open(&Arc::default());
    let id = Uuid::from_u128(5).to_string();
    let photo = NewPhoto {
        case_id: CASE.into(),
        id: id.clone(),
        sha256: "ab".repeat(32),
        size: 5,
        declaration: r#"{"slot":"vin"}"#.into(),
        preview_sha256: None,
    };
    let wrong = NewPhoto { sha256: "ab".into(), ..photo.clone() };
    assert!(matches!(phone.add_photo(wrong).unwrap_err(), PhoneError::Argument(_)));
    phone.add_photo(photo).unwrap();
    let body: Value = serde_json::from_slice(&posted(&phone).body(Form::Json).unwrap()).unwrap();
    let announced = json!({ "id": id, "sha256": "ab".repeat(32), "size": 5, "slot": "vin" });
    assert_eq!(body["manifests"][0]["photos"], json!([announced]));
    let receipt = json!({
        "case_id": CASE, "sha256": "ab".repeat(32), "size": 5, "photo_ids": [id],
        "received_at": "2026-03-02T01:30:00.000Z", "key_id": "k", "signature": "AAEC",
    });
    let read = |receipt: &Value| phone.receipt(id.clone(), receipt.to_string().into_bytes());
    let signed = read(&receipt).unwrap();
    assert_eq!((signed.key_id.as_str(), signed.signature.as_slice()), ("k", &[0, 1, 2][..]));
    assert!(signed.text.contains(&format!("received_at {NOW}\nphoto {id}\nkey k\n")));
    for (field, value) in [
        ("case_id", json!(id)),
        ("sha256", json!("cd".repeat(32))),
        ("size", json!(6)),
        ("photo_ids", json!([CASE])),
        ("photo_ids", json!(null)),
        ("received_at", json!("yesterday")),
        ("key_id", json!(1)),
        ("signature", json!("%")),
    ] {
        let mut receipt = receipt.clone();
        receipt[field] = value;
        assert!(matches!(read(&receipt), Err(PhoneError::WrongReceipt(_))), "{field}");
    }
    assert_eq!(phone.unsent().unwrap(), [Unsent::Photo { id: id.clone() }]);
    phone.uploaded(id.clone(), false).unwrap();
    assert_eq!(phone.unsent().unwrap(), []);
    assert!(matches!(read(&receipt), Err(PhoneError::WrongReceipt(_))));
}

#[test]
fn an_agreement_is_signed_over_what_it_is_about() {
    let id = |n: u32| format!("00000000-0000-4000-8000-{n:012}");
    let (sheet, drawn) = ("a".repeat(64), "b".repeat(64));
    let text = crate::agreement_to_sign(&id(1), &id(2), &id(3), &sheet, 17, &drawn).unwrap();
    let ids = [id(1), id(2), id(3)].join(":");
    assert_eq!(text, format!("chakan-agree:{ids}:{sheet}:17:{drawn}"));
    for wrong in [["x", &id(2), &id(3)], [&id(1), "x", &id(3)], [&id(1), &id(2), "x"]] {
        let [agreement, case, version] = wrong;
        let refused = crate::agreement_to_sign(agreement, case, version, &sheet, 17, &drawn);
        assert!(matches!(refused, Err(PhoneError::Argument(_))), "{wrong:?}");
    }
}
