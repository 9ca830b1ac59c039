//! Guard: a server that is killed at any moment keeps what it acknowledged, once (B1).

use std::{
    collections::BTreeSet,
    io::Write,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use diesel::{QueryableByName, RunQueryDsl, sql_types::Text};
use serde_json::{Value, json};
use server::{
    config::Database,
    db::{Conn, open},
    ports::ids::{Ids, SystemIds},
};
use tests::{
    PASSWORD, Scratch,
    binary::{self, Process},
    report,
};

const KILLS: usize = 50;
const CLIENTS: usize = 8;
/// How many reports are acknowledged before every second kill: enough load to prove something.
const MORE: usize = 10;
/// A boot that takes longer has gone wrong, also on a busy machine.
const BOOT: Duration = Duration::from_secs(30);

/// What the clients know of their reports.
#[derive(Default)]
struct Journal {
    /// The server has said that these are saved.
    acknowledged: BTreeSet<String>,
    /// Sent, and no answer came: they may be saved, and are sent again.
    unknown: BTreeSet<String>,
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_fifty_kills() {
    let mut dice = Dice::new();
    let scratch = Scratch::new("crash");
    let data = scratch.path().join("data");
    let settings = [("CHAKAN_DATA_DIR", data.to_str().unwrap())];
    add_agent(&settings);
    let journal = Arc::new(Mutex::new(Journal::default()));
    let mut token = None;

    for kill in 0..KILLS {
        if kill % 5 == 4 {
            // Also while it starts and recovers.
            let mut starting = Process::launch(&settings);
            wait(dice.upto(120));
            starting.kill();
        }
        let began = Instant::now();
        let mut server = Process::launch(&settings).ready();
        assert!(began.elapsed() < BOOT, "the boot after kill {kill} took {:?}", began.elapsed());
        check(&data.join("chakan.db"), &journal.lock().unwrap());
        let token = token.get_or_insert_with(|| log_in(&server));
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| client(&server, token, journal.clone(), stop.clone())).collect();
        if kill % 2 == 1 {
            // In the midst of the load; the other kills meet the first requests after a boot.
            wait_for_more(&journal);
        }
        wait(dice.upto(300));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(|client| client.join().unwrap());
    }

    let server = Process::launch(&settings).ready();
    let unknown = std::mem::take(&mut journal.lock().unwrap().unknown);
    for id in unknown {
        // Whether it was saved or not, the retry settles it.
        send(&server, token.as_deref().unwrap(), &id).expect("an answer");
        journal.lock().unwrap().acknowledged.insert(id);
    }
    let journal = journal.lock().unwrap();
    check(&data.join("chakan.db"), &journal);
    assert!(server.terminate().success());
    let saved = ids(&data.join("chakan.db"), "SELECT id AS a FROM cases");
    assert_eq!(saved, journal.acknowledged);
    assert_eq!(
        ids(&data.join("chakan.db"), "SELECT integrity_check AS a FROM pragma_integrity_check"),
        ["ok".into()].into()
    );
    assert!(saved.len() >= MORE * KILLS / 2, "only {} reports", saved.len());
}

/// Until [`MORE`] reports more are acknowledged, however slow the machine is.
fn wait_for_more(journal: &Mutex<Journal>) {
    let count = || journal.lock().unwrap().acknowledged.len();
    let (before, began) = (count(), Instant::now());
    while count() < before + MORE {
        assert!(began.elapsed() < BOOT, "nothing is acknowledged");
        wait(Duration::from_millis(1));
    }
}

fn add_agent(settings: &[(&str, &str)]) {
    let add = ["user", "add", "agent", "--name", "Agent", "--role", "intake"];
    let mut child =
        binary::chakan(&add, settings).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn log_in(server: &Process) -> String {
    let login = json!({ "username": "agent", "password": PASSWORD });
    let tokens = server.request("POST", "/auth/login").json(&login).send().expect(200).value();
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Reports until it is told to stop or nobody answers any more.
fn client(
    server: &Process,
    token: &str,
    journal: Arc<Mutex<Journal>>,
    stop: Arc<AtomicBool>,
) -> JoinHandle<()> {
    let (caller, token) = (server.caller(), token.to_owned());
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            let id = {
                let mut journal = journal.lock().unwrap();
                let id =
                    journal.unknown.pop_first().unwrap_or_else(|| SystemIds.uuid().to_string());
                journal.unknown.insert(id.clone());
                id
            };
            let Some(()) = send_by(&caller, &token, &id) else { return };
            let mut journal = journal.lock().unwrap();
            journal.unknown.remove(&id);
            journal.acknowledged.insert(id);
        }
    })
}

fn send(server: &Process, token: &str, id: &str) -> Option<()> {
    send_by(&server.caller(), token, id)
}

/// Reports the case with this id; nothing when no answer came.
fn send_by(caller: &binary::Caller, token: &str, id: &str) -> Option<()> {
    let mut body = report();
    body["id"] = json!(id);
    body["loss_at"] = json!("2026-01-05T02:00:00Z");
    let reply =
        caller.request("POST", "/cases").token(token).key(id).json(&body).try_send().ok()?;
    assert_eq!(reply.status, 201, "{reply}");
    let saved: Value = reply.value();
    assert_eq!(saved["case"]["id"], id, "somebody else's reply");
    Some(())
}

/// After a boot: everything acknowledged is there whole and once, and nothing is there that nobody sent.
#[track_caller]
fn check(file: &std::path::Path, journal: &Journal) {
    let saved = ids(file, "SELECT id AS a FROM cases");
    let lost: Vec<_> = journal.acknowledged.difference(&saved).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let known: BTreeSet<_> = journal.acknowledged.union(&journal.unknown).cloned().collect();
    let strange: Vec<_> = saved.difference(&known).collect();
    assert!(strange.is_empty(), "nobody has sent {strange:?}");
    const HALF: &str = "SELECT c.id AS a FROM cases c WHERE
        (SELECT count(*) FROM case_events e WHERE e.case_id = c.id) <> 1 OR
        (SELECT count(*) FROM idempotency_keys k WHERE k.idempotency_key = c.id) <> 1
        UNION SELECT case_id FROM case_events WHERE case_id NOT IN (SELECT id FROM cases)";
    let half = ids(file, HALF);
    assert!(half.is_empty(), "saved by halves: {half:?}");
}

fn ids(file: &std::path::Path, sql: &str) -> BTreeSet<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        a: String,
    }
    let mut conn: Conn = open::open(&Database::Sqlite(file.to_owned())).unwrap();
    let rows: Vec<Row> = diesel::sql_query(sql).load(&mut conn).unwrap();
    let all = rows.len();
    let found: BTreeSet<String> = rows.into_iter().map(|row| row.a).collect();
    assert_eq!(found.len(), all, "doubled");
    found
}

#[expect(clippy::disallowed_methods, reason = "the moment of a crash is real time")]
fn wait(span: Duration) {
    std::thread::sleep(span);
}

/// Chance with a seed that is told, so that a bad run can be looked at again.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "how the tests are run, not what the server does"
        )]
        let given = std::env::var("CHAKAN_CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
        let mut random = [0_u8; 8];
        SystemIds.random(&mut random);
        let seed = given.unwrap_or_else(|| u64::from_le_bytes(random)).max(1);
        println!("CHAKAN_CRASH_SEED={seed}");
        Self(seed)
    }

    /// A span from nothing to this many milliseconds.
    fn upto(&mut self, most_ms: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(self.0 % (most_ms * 1_000))
    }
}
