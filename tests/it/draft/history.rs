//! The audit: who changed what and when, the draft at a past point, what differs.

use serde_json::{Value, json};
use tests::each_engine;
use uuid::Uuid;

use super::phone::{draft_of, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

each_engine!(history_tells_who_changed_what_and_the_past_can_be_read, |app| {
    let (case, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    a.sync();
    let then = a.server_draft();
    b.sync();
    b.edit(|pen| {
        pen.set_line_field(LINE, "unit_price_fen", 250).unwrap();
        pen.set_scene("place", "x").unwrap();
    });
    b.sync();
    let price = format!("lines/{LINE}/unit_price_fen");

    let get = |what: &str| a.person.get(&draft_of(&case, what));
    let all = get("/history").expect(200).value();
    let changes = all["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &all["lsn"]), (4, &json!(4)));
    assert_eq!(changes[0]["person_id"], Value::Null, "what the case started with");
    assert_eq!(changes[1]["person_id"], json!(a.person.id));
    assert_eq!(changes[2]["person_id"], json!(b.person.id));
    let write = json!([{ "path": price, "before": 100, "after": 250 }]);
    assert_eq!(changes[2]["writes"], write);
    let page = get("/history?after=1&limit=2").expect(200).value();
    assert_eq!(page["changes"], json!(changes[1..3]));
    assert_eq!(page["next_after"], 3);
    assert_eq!(get("/history?after=3").expect(200).value()["next_after"], Value::Null);
    get("/history?limit=0").refuses("limit", "out_of_range");

    let past = get("?lsn=2").expect(200).value();
    for part in ["draft", "heads", "content_sha256", "lsn"] {
        assert_eq!(past[part], then[part], "{part}");
    }
    get("?lsn=0").refuses("lsn", "out_of_range");
    get("?lsn=5").refuses("lsn", "out_of_range");

    let difference = get("/difference?from=2").expect(200).value();
    assert_eq!((&difference["from"], &difference["to"]), (&json!(2), &json!(4)));
    assert_eq!(
        difference["writes"],
        json!([
            { "path": "scene/place", "before": null, "after": "x" },
            { "path": price, "before": 100, "after": 250 },
        ])
    );
    assert_eq!(get("/difference?from=3&to=3").expect(200).value()["writes"], json!([]));
    get("/difference?from=9").refuses("lsn", "out_of_range");
});
