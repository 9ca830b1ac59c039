//! Many at once: one agreement, however many ask.

use std::{sync::Barrier, thread};

use sync_core::time::Span;
use tests::{TestApp, each_engine};

use crate::{
    assessed::{Assessed, submit},
    field::timeline,
};

/// The statuses of so many requests at the same moment.
fn at_once(app: &TestApp, many: usize, ask: impl Fn(&TestApp, usize) -> u16 + Sync) -> Vec<u16> {
    let start = Barrier::new(many);
    let (start, ask) = (&start, &ask);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..many)
            .map(|n| {
                scope.spawn(move || {
                    start.wait();
                    ask(app, n)
                })
            })
            .collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|found| **found == status).count()
}

each_engine!(fifty_at_once_agree_once, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let form = format!("code={}", assessed.code(&link));
    let path = format!("{link}/agree");
    let statuses = at_once(&app, 50, |app, _| {
        let reply = submit(app, &path, &form);
        // Whoever comes second is told that it is agreed, not that something went wrong.
        assert!(reply.status == 200 || reply.text().contains("此前已确认"), "{reply}");
        reply.status
    });
    assert_eq!((count(&statuses, 200), count(&statuses, 409)), (1, 49), "{statuses:?}");
    assert_eq!(app.count("SELECT count(*) AS n FROM agreements"), 1);
    let log = timeline(&assessed.surveyor, &assessed.case);
    assert_eq!(log.iter().filter(|kind| *kind == "agreed").count(), 1);
});

each_engine!(thirty_wrong_codes_at_once_are_five_tries, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let right: u32 = assessed.code(&link).parse().unwrap();
    let path = format!("{link}/agree");
    let statuses = at_once(&app, 30, |app, n| {
        let wrong = (right + 1 + u32::try_from(n).unwrap()) % 1_000_000;
        submit(app, &path, &format!("code={wrong:06}")).status
    });
    assert_eq!((count(&statuses, 422), count(&statuses, 429)), (4, 26), "{statuses:?}");
    assert_eq!(assessed.agreement()["code"]["wrong_tries"], 5);
});

each_engine!(twenty_wishes_at_once_are_five_messages, |app| {
    let assessed = Assessed::with_a_bumper(&app);
    let (_, link) = assessed.send();
    let before = app.messages().len();
    let path = format!("{link}/code");
    let statuses = at_once(&app, 20, |app, _| app.request("POST", &path).send().status);
    assert_eq!((count(&statuses, 200), count(&statuses, 429)), (5, 15), "{statuses:?}");
    assert_eq!(app.messages().len(), before + 5);
});

each_engine!(agreeing_while_a_newer_version_is_frozen_never_agrees_on_both, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    let mut version = assessed.frozen();
    for round in 1..=5 {
        let link = assessed.send_version(&version);
        let form = format!("code={}", assessed.code(&link));
        assessed.add_part("大灯", round * 100);
        let body = serde_json::json!({ "based_on": assessed.heads() });
        let (freeze, agree) = (assessed.path("/versions"), format!("{link}/agree"));
        let surveyor = &assessed.surveyor;
        let statuses = at_once(&app, 2, |app, n| match n {
            0 => surveyor.post(&freeze, &body).status,
            _ => submit(app, &agree, &form).status,
        });
        assert_eq!(statuses[0], 201);
        let agreed = match statuses[1] {
            // Agreed first: then the newer version has made it void, and the log says so.
            200 => 1,
            // Frozen first: the link is void.
            410 => 0,
            other => panic!("{other}"),
        };
        let id = version["id"].as_str().unwrap();
        let found = format!("SELECT count(*) AS n FROM agreements WHERE version_id = '{id}'");
        assert_eq!(app.count(&found), agreed);
        let log = timeline(&assessed.surveyor, &assessed.case);
        let of = |wanted: &str| log.iter().filter(|kind| *kind == wanted).count();
        assert_eq!(of("agreed"), of("agreement_voided"), "{log:?}");
        assert_ne!(assessed.agreement()["state"], "agreed");
        let newest = assessed.surveyor.get(&assessed.path("/versions?limit=1")).expect(200);
        version = newest.value()["items"][0].clone();
        app.advance(Span::hours(25));
    }
});
