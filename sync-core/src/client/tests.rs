use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    gate::{self, PushContext},
    ids::{EventId, PersonId},
    model::{
        Draft, Seed, SeedVehicle, VehicleRole,
        schema::{Role, Roles, Section},
        seed,
    },
    protocol::{Blob, Pull, SyncReply},
};

const AT: Instant = Instant(1_772_415_000_000);
const CASE: CaseId = CaseId(Uuid::from_u128(1));
const LINE: Uuid = Uuid::from_u128(9);

fn snapshot() -> Vec<u8> {
    let vehicle = SeedVehicle {
        id: Uuid::from_u128(2),
        role: VehicleRole::Own,
        plate: None,
        vin: None,
        brand_model: None,
    };
    let seeded = Seed {
        case_id: CASE,
        actor: ActorId::from([1; 16]),
        at: AT,
        vehicles: vec![vehicle],
        checklist: vec!["photos".to_owned()],
    };
    seed(&seeded).unwrap().save()
}

fn issued(actor: u8, snapshot: Vec<u8>, cursor: u64) -> Issued {
    let writer = Writer {
        actor: ActorId::from([actor; 16]),
        person: PersonId(Uuid::from_u128(3)),
        roles: Roles::NONE.with(Role::Surveyor),
    };
    Issued { writer, epoch: 1, cursor, last_seq: 0, snapshot }
}

fn engine() -> Engine<MemoryStore> {
    let mut engine = Engine::open(MemoryStore::default(), 7).unwrap();
    engine.want(CASE);
    engine
}

fn opened() -> Engine<MemoryStore> {
    let mut engine = engine();
    engine.look = false;
    assert_eq!(engine.next(AT).unwrap(), Next::Issue { case_id: CASE, replaces: None });
    engine.issued(CASE, issued(5, snapshot(), 1), AT).unwrap();
    let request = expect_sync(&mut engine, AT);
    let reply = served(&request, &mut gate::load(&snapshot()).unwrap(), 1);
    engine.answered(AT, &request, reply).unwrap();
    assert_eq!(engine.next(AT).unwrap(), Next::Idle);
    engine
}

fn expect_sync(engine: &mut Engine<MemoryStore>, now: Instant) -> PhoneRequest {
    match engine.next(now).unwrap() {
        Next::Sync(request) => *request,
        other => panic!("{other:?}"),
    }
}

/// What a server that holds `doc` answers to the drafts; commands are applied.
fn served(request: &PhoneRequest, doc: &mut crate::model::Automerge, cursor: u64) -> PhoneReply {
    let answer = |push: &DraftPush| {
        let changes: Vec<&[u8]> = push.request.changes.iter().map(|b| b.0.as_slice()).collect();
        let last = doc
            .get_changes_meta(&[])
            .iter()
            .filter(|meta| *meta.actor == push.request.actor)
            .map(|meta| meta.seq)
            .max();
        let context = PushContext {
            actor: push.request.actor.clone(),
            person: PersonId(Uuid::from_u128(3)),
            roles: Roles::NONE.with(Role::Surveyor),
            last_seq: last.unwrap_or(0),
            now: AT,
        };
        let admitted = gate::admit(doc, &context, &changes).unwrap();
        *doc = admitted.doc;
        let reply = SyncReply {
            epoch: 1,
            actor: push.request.actor.clone(),
            accepted: u32::try_from(admitted.rows.len()).unwrap(),
            last_seq: admitted.last_seq,
            cursor,
            heads: admitted.heads,
            pull: Pull::Changes { changes: Vec::<Blob>::new(), more: false },
            lock: Lock::Open,
            conflicts: Vec::new(),
            held: Vec::new(),
            late: 0,
            server_time: AT,
        };
        wire::DraftAnswer { case_id: Some(push.case_id), reply: Some(reply), problem: None }
    };
    PhoneReply {
        drafts: request.drafts.iter().map(answer).collect(),
        commands: request
            .commands
            .iter()
            .map(|item| json!({ "id": item.id, "status": "applied" }))
            .collect(),
        ..PhoneReply::default()
    }
}

fn item(n: u128) -> OutboxItem {
    OutboxItem {
        id: EventId(Uuid::from_u128(n)),
        case_id: CASE,
        kind: "record_arrival".into(),
        occurred_at: AT,
        body: json!({}),
    }
}

fn photo(n: u128, preview: bool) -> WaitingPhoto {
    WaitingPhoto {
        case_id: CASE,
        id: PhotoId(Uuid::from_u128(n)),
        sha256: format!("{n:064x}"),
        size: 5,
        declaration: json!({ "id": Uuid::from_u128(n) }),
        preview_sha256: preview.then(|| "00".into()),
        stage: Stage::New,
    }
}

#[test]
fn what_is_typed_becomes_one_change_and_survives_a_crash_before_that() {
    let mut engine = opened();
    let place = Path::single(Section::Scene, "place");
    let weather = Path::single(Section::Scene, "weather");
    for text in ["文", "文三", "文三路"] {
        engine.type_in(CASE, place.clone(), text.into(), AT).unwrap();
    }
    engine.type_in(CASE, weather, "rain".into(), AT).unwrap();
    assert_eq!(engine.next(AT + Span(1_999)).unwrap(), Next::Idle, "still typing");
    // Killed now: what was typed is there again.
    let mut engine = Engine::open(engine.store.clone(), 7).unwrap();
    assert_eq!(engine.unsent().len(), 2);
    let request = expect_sync(&mut engine, AT + Span(2_000));
    assert_eq!(request.drafts[0].request.changes.len(), 1, "one form, one change");
    assert_eq!(engine.unsent(), [Unsent::Changes(CASE, 1)]);
    let draft = Draft::read(engine.session(CASE).unwrap().doc()).unwrap();
    assert_eq!(draft.scene.place.as_deref(), Some("文三路"));
    // Sent again it is the same push under the same name.
    assert_eq!(expect_sync(&mut engine, AT + Span(2_001)).drafts, request.drafts);
}

#[test]
fn everything_goes_in_one_request_and_photos_after_it_previews_first() {
    let mut engine = opened();
    engine.edit(CASE, AT, |pen| pen.add_line(LINE, &[("kind", "replace".into())])).unwrap();
    engine.note(item(20)).unwrap();
    engine.add_photo(photo(30, false)).unwrap();
    engine.add_photo(photo(31, true)).unwrap();
    assert_eq!(engine.unsent().len(), 4);
    let mut doc = gate::load(&snapshot()).unwrap();
    let request = expect_sync(&mut engine, AT);
    assert_eq!((request.commands.len(), request.drafts.len()), (1, 1));
    assert_eq!(request.manifests[0].1.len(), 2);
    let mut reply = served(&request, &mut doc, 2);
    let photos = [30, 31].map(|n| wire::ManifestPhoto {
        id: PhotoId(Uuid::from_u128(n)),
        sha256: format!("{n:064x}"),
        received: false,
    });
    let manifest = wire::Manifest { photos: photos.into() };
    reply.manifests.push(wire::ManifestAnswer {
        case_id: Some(CASE),
        reply: Some(manifest),
        problem: None,
    });
    engine.answered(AT, &request, reply).unwrap();
    let upload = |n, stage| Next::Upload { photo: PhotoId(Uuid::from_u128(n)), stage };
    assert_eq!(engine.next(AT).unwrap(), upload(31, Stage::Announced));
    engine.uploaded(PhotoId(Uuid::from_u128(31)), Stage::Announced).unwrap();
    assert_eq!(engine.next(AT).unwrap(), upload(30, Stage::Previewed));
    // Text overtakes what is being uploaded.
    engine.note(item(21)).unwrap();
    assert!(matches!(engine.next(AT).unwrap(), Next::Sync(_)));
    let request = expect_sync(&mut engine, AT);
    let reply = served(&request, &mut doc, 2);
    engine.answered(AT, &request, reply).unwrap();
    for n in [30, 31] {
        engine.uploaded(PhotoId(Uuid::from_u128(n)), Stage::Previewed).unwrap();
    }
    assert_eq!((engine.next(AT).unwrap(), engine.unsent()), (Next::Idle, vec![]));
}

#[test]
fn a_refused_item_blocks_nothing_and_the_rest_of_an_answer_counts() {
    let mut engine = opened();
    engine.edit(CASE, AT, |pen| pen.set_scene("place", "x")).unwrap();
    for n in [40, 41] {
        engine.note(item(n)).unwrap();
    }
    let request = expect_sync(&mut engine, AT);
    let reply: PhoneReply = serde_json::from_value(json!({
        "commands": [
            { "id": Uuid::from_u128(40), "status": "refused",
              "problem": { "type": "x", "title": "T", "status": 409, "code": "conflict" } },
            { "id": Uuid::from_u128(41), "status": "applied" },
        ],
        "drafts": [{ "case_id": CASE, "problem":
            { "type": "x", "title": "T", "status": 503, "code": "overloaded" } }],
        "manifests": [], "server_time": 0,
        "feed": { "changes": [], "cursor": "0.7", "more": false, "reset": false },
    }))
    .unwrap();
    engine.answered(AT, &request, reply).unwrap();
    assert_eq!(engine.unsent(), [Unsent::Refused(item(40)), Unsent::Changes(CASE, 1)]);
    let Next::Wait(until) = engine.next(AT).unwrap() else { panic!() };
    assert!(until > AT && until <= AT + Span(1_000));
    let request = expect_sync(&mut engine, until);
    assert_eq!((request.commands.len(), request.feed.as_deref()), (0, Some("0.7")));
    engine.failed(until, Some(Span(5_000)));
    assert_eq!(engine.next(until).unwrap(), Next::Wait(until + Span(5_000)));
    engine.look();
    assert!(matches!(engine.next(until).unwrap(), Next::Sync(_)), "the network is back");
}

#[test]
fn a_refused_change_is_held_back_and_the_others_go_on_under_a_new_actor() {
    let mut engine = opened();
    engine.edit(CASE, AT, |pen| pen.set_scene("place", "x")).unwrap();
    engine.edit(CASE, AT, |pen| pen.set_scene("objection", "y")).unwrap();
    let request = expect_sync(&mut engine, AT);
    let reply: PhoneReply = serde_json::from_value(json!({ "drafts": [{ "case_id": CASE,
        "problem": { "title": "T", "status": 422, "code": "quarantined",
            "facts": { "reason": "quarantined", "change": null, "rule": "role", "path": "scene/place" } } }] }))
    .unwrap();
    engine.answered(AT, &request, reply).unwrap();
    let old = ActorId::from([5; 16]);
    assert_eq!(engine.next(AT).unwrap(), Next::Issue { case_id: CASE, replaces: Some(old) });
    // Killed in between, it still knows.
    let mut engine = Engine::open(engine.store.clone(), 7).unwrap();
    engine.look = false;
    assert!(matches!(engine.next(AT).unwrap(), Next::Issue { .. }));
    engine.issued(CASE, issued(6, snapshot(), 1), AT).unwrap();
    let unsent = engine.unsent();
    assert!(unsent.contains(&Unsent::Changes(CASE, 1)), "{unsent:?}");
    let held = |unsent: &Unsent| matches!(unsent, Unsent::Edit(_, edit) if edit.path == Path::single(Section::Scene, "place"));
    assert!(unsent.iter().any(held), "{unsent:?}");
    engine.seen(CASE).unwrap();
    let request = expect_sync(&mut engine, AT);
    let mut doc = gate::load(&snapshot()).unwrap();
    let reply = served(&request, &mut doc, 2);
    engine.answered(AT, &request, reply).unwrap();
    assert_eq!(engine.unsent(), []);
    assert_eq!(Draft::read(&doc).unwrap().scene.objection.as_deref(), Some("y"));
}

#[test]
fn a_change_elsewhere_is_pulled() {
    let mut engine = opened();
    engine.look();
    let request = expect_sync(&mut engine, AT);
    assert!(request.drafts.is_empty());
    let reply: PhoneReply = serde_json::from_value(json!({ "feed": {
        "changes": [{ "case_id": CASE, "topic": "draft_synced", "at": "x" }],
        "cursor": "0.9", "more": false, "reset": false } }))
    .unwrap();
    engine.answered(AT, &request, reply).unwrap();
    let request = expect_sync(&mut engine, AT);
    assert_eq!((request.drafts.len(), request.feed.as_deref()), (1, Some("0.9")));
}
