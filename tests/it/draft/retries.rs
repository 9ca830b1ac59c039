//! What happens when answers are lost, requests doubled and people write at the same time.

use std::{sync::Barrier, thread};

use server::auth::policy::Role;
use sync_core::protocol::{Effect, SyncReply};
use tests::each_engine;
use uuid::Uuid;

use super::phone::{Phone, case_of, draft_of, issue, replace, two_phones};

const LINE: Uuid = Uuid::from_u128(0x71);

each_engine!(a_push_whose_answer_was_lost_lands_once, |app| {
    let (_, mut a, mut b) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    let request = a.session.next_request();
    let lost = a.send("push", &request).expect(200);
    b.edit(|pen| {
        pen.set_scene("place", "meanwhile").unwrap();
    });
    b.sync();
    let again = a.send("push", &request).expect(200);
    assert_eq!(again.body, lost.body);
    assert!(a.take(&again).contains(&Effect::InStep));
    // The same changes under another push id: known by their hash.
    let other = a.send("other", &request).expect(200).json::<SyncReply>();
    assert_eq!((other.accepted, other.last_seq, other.cursor), (0, 1, 3));
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 3);
    // The same push id for something else.
    a.edit(|pen| {
        pen.set_scene("place", "else").unwrap();
    });
    let reused = a.send("push", &a.session.next_request());
    let _ = reused.problem(422, "idempotency_key_reused");
    a.sync();
    a.assert_same_as_server();
    // Another person's same push id is another push.
    b.edit(|pen| {
        pen.set_scene("weather", "snow").unwrap();
    });
    let _ = b.send("push", &b.session.next_request()).expect(200);
});

each_engine!(answers_to_pushes_are_forgotten_in_the_end_and_changes_are_not, |app| {
    let (_, mut a, _) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
    });
    a.sync();
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_push"), 1);
    app.advance(sync_core::time::Span::days(91));
    app.run_due_jobs();
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_push"), 0);
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 2);
});

each_engine!(one_push_sent_many_times_at_once_lands_once, |app| {
    let (_, mut a, _) = two_phones(&app);
    a.edit(|pen| {
        pen.add_line(LINE, &replace(100)).unwrap();
        pen.set_scene("place", "x").unwrap();
    });
    let request = a.session.next_request();
    let start = Barrier::new(6);
    let answers: Vec<SyncReply> = thread::scope(|scope| {
        let send = || {
            start.wait();
            a.send("push", &request).expect(200).json()
        };
        let sent: Vec<_> = (0..6).map(|_| scope.spawn(send)).collect();
        sent.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!(answers[0].accepted, 2);
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 3);
    assert_eq!(app.count("SELECT count(*) AS n FROM case_events WHERE kind = 'draft_synced'"), 1);
});

each_engine!(many_phones_that_push_at_once_all_land, |app| {
    let case = case_of(&app);
    let people: Vec<_> = (0..5).map(|_| app.person(Role::Assessor)).collect();
    let start = Barrier::new(people.len());
    let work = |n: u128| {
        let mut phone = Phone::open(&app, &people[usize::try_from(n).unwrap()], &case);
        start.wait();
        for round in 0..4 {
            phone.edit(|pen| {
                pen.add_line(Uuid::from_u128(100 * n + round + 1), &replace(5)).unwrap();
            });
            phone.sync();
        }
        phone
    };
    let work = &work;
    let mut phones: Vec<Phone> = thread::scope(|scope| {
        let threads: Vec<_> = (0..5).map(|n| scope.spawn(move || work(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for phone in &mut phones {
        phone.sync();
        assert_eq!(phone.draft().lines.len(), 20);
        phone.assert_same_as_server();
    }
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 21);
    assert_eq!(app.count("SELECT max(lsn) AS n FROM draft_change"), 21);
    assert_eq!(app.count("SELECT lsn AS n FROM case_draft"), 21);
});

each_engine!(a_draft_begun_by_many_at_once_begins_once, |app| {
    let case = case_of(&app);
    let people: Vec<_> = (0..5).map(|_| app.person(Role::Assessor)).collect();
    let start = Barrier::new(people.len());
    let open = |person| {
        start.wait();
        Phone::open(&app, person, &case).session.doc().get_heads()
    };
    let open = &open;
    let mut heads: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> =
            people.iter().map(|person| scope.spawn(move || open(person))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    heads.dedup();
    assert_eq!(heads.len(), 1);
    assert_eq!(app.count("SELECT count(*) AS n FROM draft_change"), 1);
});

each_engine!(an_installation_keeps_its_actor_until_it_gives_it_up, |app| {
    let case = case_of(&app);
    let person = app.person(Role::Assessor);
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let actor = |install, replaces: Option<&str>| {
        let issued = issue(&person, &case, install, replaces).expect(200).value();
        issued["actor"].as_str().unwrap().to_owned()
    };
    let first = actor(one, None);
    assert_eq!(actor(one, None), first);
    assert_ne!(actor(two, None), first);
    let second = actor(one, Some(&first));
    assert_ne!(second, first);
    assert_eq!(actor(one, None), second);
    // Two copies of one phone that both gave it up go on apart.
    assert_ne!(actor(one, Some(&first)), second);

    // A retry gets the same one, another request under its key does not.
    let path = draft_of(&case, "/actors");
    let ask = |install: Uuid| {
        let body = serde_json::json!({ "install_id": install, "replaces": second });
        person.request("POST", &path).key("ask").json(&body).send()
    };
    let third = ask(one).expect(200).value();
    assert_eq!(ask(one).expect(200).value()["actor"], third["actor"]);
    let _ = ask(two).problem(422, "idempotency_key_reused");
    issue(&person, &case, one, Some(&"0f".repeat(16))).refuses("replaces", "unknown");
    issue(&person, &case, one, Some("zz")).refuses("replaces", "wrong_form");
});
