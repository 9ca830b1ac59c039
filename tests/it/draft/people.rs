//! Who may open, read and write a draft.

use serde_json::json;
use server::{auth::policy::Role, case_log};
use tests::{Person, TestApp, each_engine};
use uuid::Uuid;

use super::phone::{Phone, case_of, draft_of, issue, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

pub fn send_to(app: &TestApp, person: &Person, case: &str) {
    let (case, person, now) = (case.parse().unwrap(), person.id, app.now());
    app.write(move |conn| case_log::send_person(conn, case, person, now));
}

each_engine!(a_surveyor_works_on_the_cases_they_were_sent_to, |app| {
    let case = case_of(&app);
    let (sent, other) = (app.person(Role::Surveyor), app.person(Role::Surveyor));
    send_to(&app, &sent, &case);
    let mut phone = Phone::open(&app, &sent, &case);
    phone.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    phone.sync();
    phone.assert_same_as_server();

    let hidden = issue(&other, &case, LINE, None);
    let missing = issue(&other, &Uuid::from_u128(5).to_string(), LINE, None);
    let _ = hidden.problem(404, "not_found");
    assert_eq!(hidden.body, missing.body);
});

each_engine!(others_get_nothing, |app| {
    let (case, mut a, _) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    let request = a.session.next_request();
    let settle = json!({ "path": "scene/place", "value": "x" });
    // Hidden: another branch. Seen, but not theirs to write: other roles of the branch.
    let elsewhere = app.person_at("nb", &[Role::Assessor, Role::Surveyor, Role::Verifier]);
    let verifier = app.person(Role::Verifier);
    let both = app.person_at("hz", &[Role::Verifier, Role::Surveyor]);
    let agent = app.person(Role::Intake);
    let shop = app.person(Role::Shop);
    for (person, read, write, settled) in [
        (&elsewhere, (404, "not_found"), (404, "not_found"), (404, "not_found")),
        (&verifier, (200, ""), (403, "forbidden"), (409, "conflict")),
        (&both, (200, ""), (403, "forbidden"), (409, "conflict")),
        (&agent, (200, ""), (403, "forbidden"), (403, "forbidden")),
        (&shop, (403, "forbidden"), (403, "forbidden"), (403, "forbidden")),
    ] {
        let check = |reply: tests::Reply, (status, code): (u16, &str)| match status {
            200 => drop(reply.expect(200)),
            _ => drop(reply.problem(status, code)),
        };
        check(person.get(&draft_of(&case, "")), read);
        check(issue(person, &case, LINE, None), write);
        check(person.post(&draft_of(&case, "/sync"), &request), write);
        check(person.post(&draft_of(&case, "/conflicts/settle"), &settle), settled);
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 1);
});

each_engine!(a_case_without_a_draft_has_nothing_to_read, |app| {
    let case = case_of(&app);
    let person = app.person(Role::Assessor);
    let _ = person.get(&draft_of(&case, "")).problem(404, "not_found");
    let settle = json!({ "path": "scene/place", "value": "x" });
    let _ = person.post(&draft_of(&case, "/conflicts/settle"), &settle).problem(404, "not_found");
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_actor"), 0);
});
