//! Work of somebody who was not sent to the case any more when it came in.

use serde_json::{Value, json};
use server::{auth::policy::Role, case_log};
use sync_core::{protocol::SyncReply, time::Span};
use tests::{Person, Reply, TestApp, each_engine};
use uuid::Uuid;

use super::{
    people::send_to,
    phone::{Phone, case_of, draft_of, replace},
};

const LINE: Uuid = Uuid::from_u128(0x71);
const OTHER: Uuid = Uuid::from_u128(0x72);

fn release(app: &TestApp, person: &Person, case: &str) {
    let (case, person, now) = (case.parse().unwrap(), person.id, app.now());
    app.write(move |conn| case_log::release_person(conn, case, person, now));
}

/// A case whose surveyor worked offline while somebody else was sent instead; both phones.
fn handed_over(app: &TestApp) -> (String, Phone, Phone) {
    let case = case_of(app);
    let (old, new) = (app.person(Role::Surveyor), app.person(Role::Surveyor));
    send_to(app, &old, &case);
    let mut before = Phone::open(app, &old, &case);
    before.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    before.sync();
    app.advance(Span::hours(2));
    before.edit(|pen| {
        pen.set_line_field(LINE, "unit_price_fen", 150).unwrap();
        pen.add_line(OTHER, &replace(900)).unwrap();
        pen.add_note(Uuid::from_u128(9), "seen on the way out").unwrap();
    });
    release(app, &old, &case);
    send_to(app, &new, &case);
    let now = Phone::open(app, &new, &case);
    (case, before, now)
}

fn late_work(phone: &Phone) -> Vec<Value> {
    let list = phone.person.get(&draft_of(&phone.case, "/late-work")).expect(200).value();
    list["items"].as_array().unwrap().clone()
}

fn take(phone: &Phone, work: &Value, body: &Value) -> Reply {
    let path = draft_of(&phone.case, &format!("/late-work/{}/take", work["id"].as_str().unwrap()));
    phone.person.post(&path, body)
}

fn paths(work: &Value) -> Vec<&str> {
    work["writes"].as_array().unwrap().iter().map(|w| w["path"].as_str().unwrap()).collect()
}

each_engine!(late_work_is_held_and_its_phone_is_done_with_it, |app| {
    let (_, mut old, mut new) = handed_over(&app);
    let before = new.server_draft();
    let request = old.session.next_request();
    let first = old.send("late", &request).expect(200);
    let reply = first.json::<SyncReply>();
    assert_eq!((reply.accepted, reply.last_seq, reply.late), (3, 4, 3));
    assert_eq!(old.send("late", &request).expect(200).body, first.body, "a retry");
    let _ = old.take(&first);
    old.sync();
    assert_eq!(old.session.pending(), 0);
    // Sent again under another push id it is known, and after a snapshot the phone still has it all.
    let again = old.send("other", &request).expect(200).json::<SyncReply>();
    assert_eq!((again.accepted, again.late), (0, 3));
    assert_eq!(new.server_draft(), before, "nothing of it is in the draft");
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_late_change"), 3);

    // It goes on beside the draft, also on top of what it pulls from there.
    new.edit(|pen| {
        pen.set_scene("place", "new").unwrap();
    });
    new.sync();
    old.sync();
    old.edit(|pen| {
        pen.set_scene("weather", "rain").unwrap();
    });
    old.sync();
    assert_eq!(old.draft().scene.place.as_deref(), Some("new"));
    let reopened = Phone::open_on(&app, &old.person, &old.case, old.install);
    assert_eq!(reopened.draft(), old.draft(), "an installation that asks again has its work");
    let work = late_work(&new);
    assert_eq!(work.len(), 1);
    assert_eq!((&work[0]["state"], &work[0]["changes"]), (&json!("held"), &json!(4)));
    assert_eq!(work[0]["person_id"], json!(old.person.id));
    let line = format!("lines/{LINE}/unit_price_fen");
    let price = work[0]["writes"].as_array().unwrap().iter().find(|w| w["path"] == *line);
    assert_eq!(price.unwrap()["before"], 100);
    assert_eq!(price.unwrap()["after"], 150);
    assert!(paths(&work[0]).contains(&"scene/weather"), "{work:?}");
    let told = "SELECT count(*) AS n FROM case_events WHERE kind = 'late_work_held'";
    assert_eq!(app.count(told), 2);
    // Whoever it came from decides nothing.
    let _ = take(&old, &work[0], &json!({ "take": "whole" })).problem(403, "forbidden");
});

each_engine!(taken_in_whole_it_enters_the_draft_under_its_writers_name, |app| {
    let (case, mut old, mut new) = handed_over(&app);
    new.edit(|pen| {
        pen.set_line_field(LINE, "unit_price_fen", 120).unwrap();
    });
    new.sync();
    old.sync();
    let work = late_work(&new);
    let taken = take(&new, &work[0], &json!({ "take": "whole" })).expect(200).value();
    assert_eq!((&taken["state"], &taken["accepted"]), (&json!("taken"), &json!(3)));
    assert_eq!(taken["waiting"], 1, "two prices that knew nothing of each other wait for a person");
    old.sync();
    new.sync();
    assert_eq!(old.draft(), new.draft());
    new.assert_same_as_server();
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_late_change"), 0);
    let history = new.person.get(&draft_of(&case, "/history?after=3")).expect(200).value();
    let by: Vec<_> =
        history["changes"].as_array().unwrap().iter().map(|c| &c["person_id"]).collect();
    assert_eq!(by, [&json!(old.person.id); 3]);
    let decided = take(&new, &work[0], &json!({ "take": "whole" }));
    assert_eq!(decided.problem(409, "conflict").facts["reason"], "late_work_decided");
    // What comes even later is late work again.
    old.edit(|pen| {
        pen.set_scene("weather", "snow").unwrap();
    });
    old.sync();
    let work = late_work(&new);
    assert_eq!((&work[0]["state"], &work[0]["changes"]), (&json!("held"), &json!(1)));
});

each_engine!(taken_by_item_it_is_written_again_by_who_takes_it, |app| {
    let (case, mut old, mut new) = handed_over(&app);
    old.sync();
    let work = late_work(&new);
    let whole = json!({ "take": "items", "paths": [format!("lines/{OTHER}")] });
    let taken = take(&new, &work[0], &whole).expect(200).value();
    assert_eq!((&taken["state"], &taken["accepted"]), (&json!("held"), &json!(1)));
    new.sync();
    assert_eq!(new.draft().lines[&OTHER].unit_price_fen.unwrap().0, 900);
    assert_eq!(new.draft().lines[&LINE].unit_price_fen.unwrap().0, 100, "not asked for");
    let history = new.person.get(&draft_of(&case, "/history?after=2")).expect(200).value();
    assert_eq!(history["changes"][0]["person_id"], json!(new.person.id));
    let again = take(&new, &work[0], &whole);
    assert_eq!(again.problem(409, "conflict").facts["reason"], "nothing_to_take");
    // A note stays its author's.
    let note = json!({ "take": "items", "paths": [format!("notes/{}", Uuid::from_u128(9))] });
    let refused = take(&new, &work[0], &note).problem(409, "conflict");
    assert_eq!(refused.facts["reason"], "cannot_take");
    let work = late_work(&new);
    assert_eq!(work[0]["taken"], json!([format!("lines/{OTHER}")]));
    for (body, field, code) in [
        (json!({ "take": "all" }), "take", "unknown"),
        (json!({ "take": "items" }), "paths", "out_of_range"),
        (json!({ "take": "items", "paths": ["scene/x"] }), "paths[0]", "unknown"),
    ] {
        take(&new, &work[0], &body).refuses(field, code);
    }
    // No more of it is wanted; it is kept, and the phone's later work follows it.
    let closed = take(&new, &work[0], &json!({ "take": "close" })).expect(200).value();
    assert_eq!(closed["state"], "closed");
    old.edit(|pen| {
        pen.set_scene("weather", "snow").unwrap();
    });
    old.sync();
    let work = late_work(&new);
    assert_eq!((&work[0]["state"], &work[0]["changes"]), (&json!("held"), &json!(4)));
});
