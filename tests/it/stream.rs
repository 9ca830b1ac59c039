//! Journeys: the stream of changes, resumed and from several writers at once.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::json;
use server::{auth::policy::Role, case_log};
use tests::{Event, Events, Person, TestApp, each_engine, report};

use crate::field::{Scene, accept, assign, new_case};

fn watch(person: &Person, after: Option<&str>) -> Events {
    let request = person.request("GET", "/board/stream");
    match after {
        Some(id) => request.header("last-event-id", id).listen(),
        None => request.listen(),
    }
}

fn topics(events: &Events, most: usize) -> Vec<String> {
    (0..most).map(|_| events.next().data["topic"].as_str().unwrap().to_owned()).collect()
}

each_engine!(whoever_watches_hears_what_they_may_see_and_nothing_else, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let elsewhere = app.person_at("nb", &[Role::Dispatcher]);
    let surveyor = app.person(Role::Surveyor);
    let streams = [&dispatcher, &elsewhere, &surveyor].map(|person| watch(person, None));
    for stream in &streams {
        assert_eq!(stream.next().kind, "open");
    }
    let [office, other, phone] = streams;
    let case = new_case(&app);
    let task = assign(&dispatcher, &case, &surveyor).expect(201).value();
    let _ = accept(&app, &surveyor, &task).expect(200);
    let expected = ["case_reported", "task_assigned", "task_accepted"];
    let first = office.next();
    assert_eq!((first.kind.as_str(), &first.data["topic"]), ("change", &json!("case_reported")));
    assert_eq!(first.data["case_id"], json!(case));
    assert_eq!(first.data["cursor"], json!(first.id));
    assert_eq!(topics(&office, 2), expected[1..]);
    // Sent by the assignment: what was before it stands in the case.
    let heard = topics(&phone, 1);
    assert!(heard[0] == "task_assigned" || heard[0] == "case_reported", "{heard:?}");
    assert_eq!(other.within(Duration::from_millis(400)), None);
});

each_engine!(a_watcher_who_was_away_misses_nothing, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let seen = {
        let stream = watch(&dispatcher, None);
        let _ = stream.next();
        new_case(&app);
        stream.next()
    };
    let scene = Scene::new(&app);
    let _ = accept(&app, &scene.surveyor, &scene.task).expect(200);
    let resumed = watch(&dispatcher, Some(&seen.id));
    assert_eq!(resumed.next().id, seen.id);
    assert_eq!(topics(&resumed, 3), ["case_reported", "task_assigned", "task_accepted"]);
    let _ = new_case(&app);
    assert_eq!(topics(&resumed, 1), ["case_reported"]);
    let by_query = dispatcher.request("GET", &format!("/board/stream?after={}", seen.id)).listen();
    let _ = by_query.next();
    assert_eq!(topics(&by_query, 4).len(), 4);
    for bad in ["x", "1", "-1.2"] {
        let reply = dispatcher.request("GET", "/board/stream").header("last-event-id", bad).send();
        reply.refuses("Last-Event-ID", "malformed");
    }
});

each_engine!(what_one_node_writes_is_heard_on_another_and_resumed_on_either, |app| {
    let node = app.beside();
    let dispatcher = app.person(Role::Dispatcher);
    let there = node.again(&dispatcher);
    let on_the_other = watch(&there, None);
    assert_eq!(on_the_other.next().kind, "open");
    let case = new_case(&app);
    let heard = on_the_other.next();
    assert_eq!(
        (&heard.data["topic"], &heard.data["case_id"]),
        (&json!("case_reported"), &json!(case))
    );
    let _ = assign(&there, &case, &app.person(Role::Surveyor)).expect(201);
    assert_eq!(topics(&on_the_other, 1), ["task_assigned"]);
    for watcher in [&dispatcher, &there] {
        let resumed = watch(watcher, Some(&heard.id));
        assert_eq!(resumed.next().kind, "open");
        assert_eq!(topics(&resumed, 1), ["task_assigned"]);
    }
});

each_engine!(a_place_that_was_pruned_or_never_was_is_told, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    new_case(&app);
    app.advance(sync_core::time::Span::days(8));
    app.run_due_jobs();
    new_case(&app);
    for place in ["0.0", "9000000000000000000.1"] {
        let stream = watch(&dispatcher, Some(place));
        let _ = stream.next();
        let reset = stream.next();
        assert_eq!(reset.kind, "reset", "{place}");
        let again = watch(&dispatcher, Some(&reset.id));
        let _ = again.next();
        let known = json!(new_case(&app));
        // A change that was about to settle may be told twice around a reset, never none.
        while again.next().data["case_id"] != known {}
    }
});

each_engine!(nothing_is_lost_or_doubled_when_many_write_at_once, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let (live, agents) = (watch(&dispatcher, None), [0; 6].map(|_| app.person(Role::Intake)));
    let begin = live.next();
    let written: BTreeSet<String> = std::thread::scope(|scope| {
        let report_some = |agent: &Person| -> Vec<String> {
            let ids = (0..8).map(|_| agent.post("/cases", &report()).expect(201).value());
            ids.map(|saved| saved["case"]["id"].as_str().unwrap().to_owned()).collect()
        };
        let threads: Vec<_> = agents.iter().map(|a| scope.spawn(move || report_some(a))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let heard = |stream: &Events| -> Vec<Event> { (0..48).map(|_| stream.next()).collect() };
    let heard_live = heard(&live);
    let late = watch(&dispatcher, Some(&begin.id));
    let _ = late.next();
    assert_eq!(heard(&late), heard_live);
    let ids: BTreeSet<String> =
        heard_live.iter().map(|e| e.data["case_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, written);
    // Readers of the background follow the same feed.
    let all = app.read(|conn| case_log::changes_after(conn, "0.0".parse().unwrap()));
    assert_eq!(all.len(), 48);
    assert!(all.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
});

/// The ids of all changes on a connection that reads nothing until `meanwhile` is over.
fn read_after(app: &TestApp, token: &str, meanwhile: impl FnOnce()) -> Vec<String> {
    let mut line = TcpStream::connect(app.address()).unwrap();
    write!(
        line,
        "GET /api/v1/board/stream HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .unwrap();
    // A small room, so that nothing is read ahead.
    let mut lines = BufReader::with_capacity(64, line).lines();
    while !lines.next().unwrap().unwrap().starts_with("event: open") {}
    meanwhile();
    // An event has been told when its blank line is here: the connection ends anywhere.
    let (mut ids, mut id) = (Vec::new(), None);
    for line in lines.map_while(Result::ok) {
        // An orderly end would wait until a reader who does not read has read everything.
        assert_ne!(line, "0", "the last chunk was sent");
        match line.strip_prefix("id: ") {
            Some(next) => id = Some(next.to_owned()),
            None if line.is_empty() => ids.extend(id.take()),
            None => {}
        }
    }
    ids
}

each_engine!(whoever_reads_too_slowly_is_cut_off_and_resumes_without_loss, |app| {
    let dispatcher = app.person(Role::Dispatcher);
    let case = new_case(&app).parse().unwrap();
    // Together more than sockets hold, and more of them than a node keeps for one watcher.
    let (rounds, each, topic) = (10, 500, "x".repeat(4_000));
    let others = watch(&dispatcher, None);
    let _ = others.next();
    let mut told = Vec::new();
    let seen = read_after(&app, &dispatcher.token(), || {
        for _ in 0..rounds {
            let (now, topic) = (app.now(), topic.clone());
            app.write(move |conn| {
                (0..each).try_for_each(|_| case_log::changed(conn, case, &topic, now))
            });
            told.extend((0..each).map(|_| others.next().id));
        }
    });
    // The connection ended although nothing of the server did: some are missing, none in between.
    assert!(!seen.is_empty() && seen.len() < told.len(), "{} of {}", seen.len(), told.len());
    assert_eq!(seen, told[..seen.len()]);
    let resumed = watch(&dispatcher, seen.last().map(String::as_str));
    let _ = resumed.next();
    let rest: Vec<String> = told[seen.len()..].iter().map(|_| resumed.next().id).collect();
    assert_eq!(rest, told[seen.len()..]);
});

/// On PostgreSQL a later number may commit before an earlier one.
#[test]
fn a_change_that_is_not_committed_yet_holds_later_ones_back() {
    let Some(app) = TestApp::start(tests::Engine::Postgres) else { return };
    let dispatcher = app.person(Role::Dispatcher);
    let case = new_case(&app);
    let stream = watch(&dispatcher, Some("0.0"));
    let _ = stream.next();
    assert_eq!(topics(&stream, 1), ["case_reported"]);
    let database = server::config::Database::from_url(app.database_url()).unwrap();
    let mut slow = server::db::open::open(&database).unwrap();
    let insert = format!(
        "INSERT INTO case_changes (case_id, topic, at) VALUES ('{case}', 'slow', {})",
        app.now().0
    );
    let mut run =
        |sql: &str| diesel::RunQueryDsl::execute(diesel::sql_query(sql), &mut slow).unwrap();
    run("BEGIN");
    run(&insert);
    new_case(&app);
    assert_eq!(stream.within(Duration::from_millis(500)), None);
    run("COMMIT");
    assert_eq!(topics(&stream, 2), ["slow", "case_reported"]);
}
