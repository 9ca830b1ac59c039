//! Whoever changes the database by hand is found out, and where (B24).

use diesel::{Connection, QueryableByName, RunQueryDsl, sql_types};
use server::{
    config::Database,
    db::{Conn, open},
    error::ApiError,
    evidence::{self, custody::Finding},
    ports::ids::{Ids, SystemIds},
};
use sync_core::custody::Checkpoint;

use super::*;

/// How many changes are tried; `CHAKAN_MUTATIONS=10000` is the full size.
fn rounds() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "how the tests are run")]
    let given = std::env::var("CHAKAN_MUTATIONS").ok().and_then(|n| n.parse().ok());
    given.unwrap_or(1_000)
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = sql_types::Text)]
    a: String,
}

each_engine!(every_change_by_hand_is_located, |app| {
    let cases: Vec<_> = (1..4).map(|n| case_with_acts(&app, n + 1)).collect();
    app.run_due_jobs();
    checkpoint(&app);
    let (manager, why) = (app.person(Role::Manager), json!({ "reason": "诉讼中" }));
    for case in &cases[..2] {
        let _ = manager.post(&format!("/cases/{case}/evidence/hold"), &why).expect(201);
    }
    let _ = manager.post(&format!("/cases/{}/evidence/release", cases[0]), &why).expect(200);
    checkpoint(&app);
    let state = app.state();
    let (rounds, mut dice) = (rounds(), Dice::new());
    let outside = newest_checkpoint(&app);
    // A connection of our own: whoever changes the database by hand does not ask the server.
    let database = Database::from_url(app.database_url()).unwrap();
    let conn = &mut open::open(&database).unwrap();
    let signed =
        |key: &str, text: &[u8], signature: &[u8]| state.auth.is_sealed(key, text, signature);
    assert_eq!(evidence::examine(conn, Some(&outside), signed).unwrap(), []);
    for round in 0..rounds {
        let change = Change::random(&mut dice, conn);
        #[expect(clippy::disallowed_methods, reason = "to undo the change after each look")]
        let outcome = conn.transaction::<(), Rollback, _>(|conn| {
            for sql in &change.sql {
                diesel::sql_query(sql)
                    .execute(conn)
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
            let found = evidence::examine(conn, Some(&outside), signed).map_err(Rollback::Fault)?;
            assert!(
                found.iter().any(|finding| change.is_located_by(finding)),
                "round {round}: {change:?} was answered with {found:?}"
            );
            Err(Rollback::Done)
        });
        assert!(matches!(outcome, Err(Rollback::Done)), "{outcome:?}");
    }
    assert_eq!(evidence::examine(conn, Some(&outside), signed).unwrap(), []);
});

#[derive(Debug)]
enum Rollback {
    Done,
    #[expect(dead_code, reason = "shown when it happens")]
    Fault(ApiError),
}

impl From<diesel::result::Error> for Rollback {
    fn from(error: diesel::result::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// As it stands in the file beside the database.
fn newest_checkpoint(app: &TestApp) -> Checkpoint {
    let file = std::fs::read_to_string(app.data_dir().join("custody-checkpoints.jsonl")).unwrap();
    let line: Value = serde_json::from_str(file.lines().last().unwrap()).unwrap();
    let text = |name: &str| line[name].as_str().unwrap();
    Checkpoint {
        number: line["number"].as_u64().unwrap(),
        at: sync_core::time::Instant(line["at"].as_i64().unwrap()),
        previous: text("previous").parse().unwrap(),
        root: text("root").parse().unwrap(),
        heads: line["heads"].as_u64().unwrap(),
        key_id: text("key_id").to_owned(),
    }
}

/// One change by hand, and where it must be found.
#[derive(Debug)]
struct Change {
    sql: Vec<String>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// At this entry of this case.
    Entry(String, u64),
    /// In the log of this case.
    Log(String),
    /// At this checkpoint.
    Checkpoint(u64),
    /// At this photo.
    Photo(String),
    /// At what is kept of this content.
    Content(String),
    /// At the holds of this case.
    Holds(String),
}

impl Change {
    fn is_located_by(&self, finding: &Finding) -> bool {
        match (&self.place, finding) {
            (Place::Entry(case, seq), Finding::Case(found, fault)) => {
                found.to_string() == *case && fault.seq == Some(*seq)
            }
            (Place::Log(case), Finding::Case(found, _) | Finding::Unreadable(Some(found))) => {
                found.to_string() == *case
            }
            (Place::Checkpoint(n), Finding::Checkpoint(found) | Finding::RolledBack(found)) => {
                found == n
            }
            (Place::Photo(id), Finding::Photo(_, found)) => found.to_string() == *id,
            (Place::Content(hash), Finding::Content(found)) => found.to_string() == *hash,
            (Place::Holds(case), Finding::Holds(found)) => found.to_string() == *case,
            _ => false,
        }
    }

    fn random(dice: &mut Dice, conn: &mut Conn) -> Self {
        match dice.below(32) {
            20..=23 => Self::of_content(dice, conn),
            24..=28 => Self::of_derived(dice, conn),
            29..=31 => Self::of_hold(dice, conn),
            0..=8 => Self::of_entry(dice, conn),
            9..=11 => Self::of_head(dice, conn),
            12..=14 => Self::of_checkpoint(dice, conn),
            _ => Self::of_photo(dice, conn),
        }
    }

    fn of_entry(dice: &mut Dice, conn: &mut Conn) -> Self {
        const ALL: &str =
            "SELECT case_id || ' ' || seq AS a FROM custody_entries ORDER BY case_id, seq";
        let rows = texts(conn, ALL);
        let (case, seq) = dice.pick(&rows).split_once(' ').unwrap();
        let seq: u64 = seq.parse().unwrap();
        let row = format!("WHERE case_id = '{case}' AND seq = {seq}");
        let (hex, id) = (dice.hash(), dice.uuid());
        let what = match dice.below(12) {
            0 => format!("previous = '{hex}'"),
            1 => "act = 'expired'".into(),
            2 => format!("actor = '{id}'"),
            3 => format!("device_id = '{id}'"),
            4 => format!("at = at + {}", 1 + dice.below(1_000_000)),
            5 => format!("subject = '{id}'"),
            6 => "data = data || ' '".into(),
            7 => format!("sha256 = '{hex}'"),
            8 => {
                let sql = format!("UPDATE custody_entries SET previous = 'no hash' {row}");
                return Self { sql: vec![sql], place: Place::Log(case.to_owned()) };
            }
            9 => return Self::at_entry(format!("DELETE FROM custody_entries {row}"), case, seq),
            10 => {
                let tail = format!("WHERE case_id = '{case}' AND seq >= {seq}");
                return Self::at_entry(format!("DELETE FROM custody_entries {tail}"), case, seq);
            }
            _ => {
                let last = rows.iter().filter(|row| row.starts_with(case)).count();
                let next = u64::try_from(last).unwrap() + 1;
                let sql = format!(
                    "INSERT INTO custody_entries (case_id, seq, previous, act, actor, device_id, at, \
                     subject, data, sha256) SELECT case_id, {next}, sha256, act, actor, device_id, at, \
                     subject, data, '{hex}' FROM custody_entries WHERE case_id = '{case}' AND seq = {last}"
                );
                return Self::at_entry(sql, case, next);
            }
        };
        Self::at_entry(format!("UPDATE custody_entries SET {what} {row}"), case, seq)
    }

    fn at_entry(sql: String, case: &str, seq: u64) -> Self {
        Self { sql: vec![sql], place: Place::Entry(case.to_owned(), seq) }
    }

    fn of_head(dice: &mut Dice, conn: &mut Conn) -> Self {
        let cases = texts(conn, "SELECT case_id AS a FROM custody_heads ORDER BY case_id");
        let case = dice.pick(&cases).to_owned();
        let hex = dice.hash();
        let row = format!("WHERE case_id = '{case}'");
        let what = match dice.below(7) {
            0 => "seq = seq - 1".into(),
            1 => "seq = seq + 1".into(),
            2 => format!("sha256 = '{hex}'"),
            3 => "at = at + 1".into(),
            4 => "key_id = 'other'".into(),
            5 => format!("signature = '{hex}'"),
            _ => {
                let sql = format!("DELETE FROM custody_heads {row}");
                return Self { sql: vec![sql], place: Place::Log(case) };
            }
        };
        let sql = format!("UPDATE custody_heads SET {what} {row}");
        Self { sql: vec![sql], place: Place::Log(case) }
    }

    fn of_checkpoint(dice: &mut Dice, conn: &mut Conn) -> Self {
        const ALL: &str = "SELECT '' || number AS a FROM custody_checkpoints ORDER BY number";
        let numbers = texts(conn, ALL);
        let number: u64 = dice.pick(&numbers).parse().unwrap();
        let hex = dice.hash();
        let row = format!("WHERE number = {number}");
        let sql = match dice.below(9) {
            0 => format!("UPDATE custody_checkpoints SET at = at + 1 {row}"),
            1 => format!("UPDATE custody_checkpoints SET previous = '{hex}' {row}"),
            2 => format!("UPDATE custody_checkpoints SET root = '{hex}' {row}"),
            3 => format!("UPDATE custody_checkpoints SET heads = heads + 1 {row}"),
            4 => format!("UPDATE custody_checkpoints SET signature = '{hex}' {row}"),
            5 => format!("UPDATE custody_checkpoint_heads SET sha256 = '{hex}' {row}"),
            6 => format!("UPDATE custody_checkpoint_heads SET seq = seq + 1 {row}"),
            7 => format!("DELETE FROM custody_checkpoint_heads {row}"),
            _ => {
                // A tail that is cut whole is told by what was seen outside.
                let newest: u64 = numbers.last().unwrap().parse().unwrap();
                let sql = vec![
                    format!("DELETE FROM custody_checkpoint_heads WHERE number >= {number}"),
                    format!("DELETE FROM custody_checkpoints WHERE number >= {number}"),
                ];
                return Self { sql, place: Place::Checkpoint(newest) };
            }
        };
        Self { sql: vec![sql], place: Place::Checkpoint(number) }
    }

    fn of_photo(dice: &mut Dice, conn: &mut Conn) -> Self {
        let ids = texts(conn, "SELECT id AS a FROM photos ORDER BY id");
        let id = dice.pick(&ids).to_owned();
        let (hex, other) = (dice.hash(), dice.uuid());
        if dice.below(3) == 0 {
            return Self::of_facts(dice, id);
        }
        let what = match dice.below(14) {
            0 => format!("sha256 = '{hex}'"),
            1 => "size = size + 1".into(),
            2 => "slot = 'vin'".into(),
            3 => "captured_at = captured_at - 1".into(),
            4 => "lat = lat + 0.0001".into(),
            5 => "lon = NULL".into(),
            6 => "accuracy_m = 1".into(),
            7 => "mock = NULL".into(),
            8 => format!("line_id = '{other}'"),
            9 => "declared_at = declared_at + 1".into(),
            10 => format!("device_id = '{other}'"),
            11 => "received_at = received_at + 1".into(),
            12 => "received_at = NULL".into(),
            _ => {
                let tables = [("photo_facts", "photo_id"), ("photos", "id")];
                let delete = |(table, key)| format!("DELETE FROM {table} WHERE {key} = '{id}'");
                return Self { sql: tables.map(delete).into(), place: Place::Photo(id) };
            }
        };
        Self {
            sql: vec![format!("UPDATE photos SET {what} WHERE id = '{id}'")],
            place: Place::Photo(id),
        }
    }
}

impl Change {
    /// What was known around a photo, and seen in it.
    fn of_facts(dice: &mut Dice, photo: String) -> Self {
        let what = match dice.below(10) {
            0 => "announced_at = announced_at + 1",
            1 => "device_ahead = COALESCE(device_ahead, 0) + 1",
            2 => "scene_m = COALESCE(scene_m, -1) + 1",
            3 => "arrival_m = COALESCE(arrival_m, -1) + 1",
            4 => "seen_at = COALESCE(seen_at, 0) + 1",
            5 => "camera_ahead = COALESCE(camera_ahead, 0) + 1",
            6 => "gps_ahead = COALESCE(gps_ahead, 0) + 1",
            7 => "edited_by = 'nobody'",
            8 => "seen_at = COALESCE(seen_at, 0) + 1, screenshot = NULL",
            _ => {
                let sql = format!("DELETE FROM photo_facts WHERE photo_id = '{photo}'");
                return Self { sql: vec![sql], place: Place::Photo(photo) };
            }
        };
        let sql = format!("UPDATE photo_facts SET {what} WHERE photo_id = '{photo}'");
        Self { sql: vec![sql], place: Place::Photo(photo) }
    }

    /// What is known of stored bytes.
    fn of_content(dice: &mut Dice, conn: &mut Conn) -> Self {
        let all = texts(conn, "SELECT sha256 AS a FROM blobs ORDER BY sha256");
        let sha256 = dice.pick(&all).to_owned();
        let (hex, row) = (dice.hash(), format!("WHERE sha256 = '{sha256}'"));
        let what: String = match dice.below(8) {
            0 => "size = size + 1".into(),
            1 => "media_type = 'image/webp'".into(),
            2 => "width = width + 1".into(),
            3 => "height = height - 1".into(),
            4 => "camera = '{\"software\":\"none\"}'".into(),
            5 => "stored_at = stored_at + 1".into(),
            6 => "removed_at = 1".into(),
            _ => {
                let sql = format!(
                    "INSERT INTO blobs (sha256, size, media_type, width, height, camera, stored_at) \
                     SELECT '{hex}', size, media_type, width, height, camera, stored_at FROM blobs {row}"
                );
                return Self { sql: vec![sql], place: Place::Content(hex) };
            }
        };
        Self { sql: vec![format!("UPDATE blobs SET {what} {row}")], place: Place::Content(sha256) }
    }

    /// What was made of bytes and found in them.
    fn of_derived(dice: &mut Dice, conn: &mut Conn) -> Self {
        let likes = "SELECT sha256 AS a FROM photo_likenesses ORDER BY sha256, other_sha256";
        let (alike, all) = (
            texts(conn, likes),
            texts(conn, "SELECT sha256 AS a FROM photo_looks ORDER BY sha256"),
        );
        let (sha256, hex) = (dice.pick(&all).to_owned(), dice.hash());
        let row = format!("WHERE sha256 = '{sha256}'");
        let sql = match dice.below(14) {
            0 => format!("UPDATE copies SET copy_sha256 = '{hex}' {row} AND kind = 'preview'"),
            1 => format!("UPDATE copies SET size = size + 1 {row} AND kind = 'thumbnail'"),
            2 => format!("UPDATE copies SET width = width + 1 {row}"),
            3 => format!("UPDATE copies SET height = height + 1 {row}"),
            4 => format!("UPDATE copies SET made_at = made_at - 1 {row}"),
            5 => format!("DELETE FROM copies {row} AND kind = 'preview'"),
            6 => format!("UPDATE photo_looks SET hashes = NULL {row}"),
            7 => format!("UPDATE photo_looks SET sharpness = sharpness + 1 {row}"),
            8 => format!("UPDATE photo_looks SET dark = 0.77 {row}"),
            9 => format!("UPDATE photo_looks SET bright = 0.77 {row}"),
            10 => format!("UPDATE photo_looks SET looked_at = looked_at + 1 {row}"),
            11 => format!("DELETE FROM photo_looks {row}"),
            12 => format!("UPDATE photo_looks SET seq = seq + 1000 {row}"),
            _ if alike.is_empty() => format!("DELETE FROM copies {row}"),
            _ => {
                let sha256 = dice.pick(&alike).to_owned();
                let what = match dice.below(3) {
                    0 => "DELETE FROM photo_likenesses",
                    1 => "UPDATE photo_likenesses SET distance = distance + 1",
                    _ => "UPDATE photo_likenesses SET found_at = found_at + 1",
                };
                let sql = vec![format!("{what} WHERE sha256 = '{sha256}'")];
                return Self { sql, place: Place::Content(sha256) };
            }
        };
        Self { sql: vec![sql], place: Place::Content(sha256) }
    }

    fn of_hold(dice: &mut Dice, conn: &mut Conn) -> Self {
        let all = texts(conn, "SELECT id || ' ' || case_id AS a FROM evidence_holds ORDER BY id");
        let (id, case) = dice.pick(&all).split_once(' ').unwrap();
        let row = format!("WHERE id = '{id}'");
        let sql = match dice.below(6) {
            0 => format!("UPDATE evidence_holds SET reason = 'none' {row}"),
            1 => format!("UPDATE evidence_holds SET held_at = held_at + 1 {row}"),
            2 => format!("UPDATE evidence_holds SET released_at = 1, released_by = held_by {row}"),
            3 => format!(
                "UPDATE evidence_holds SET held_by = (SELECT MIN(id) FROM people WHERE id <> held_by) {row}"
            ),
            4 => format!(
                "INSERT INTO evidence_holds (id, case_id, reason, held_by, held_at) \
                 SELECT '{}', case_id, reason, held_by, held_at FROM evidence_holds {row}",
                dice.uuid()
            ),
            _ => format!("DELETE FROM evidence_holds {row}"),
        };
        Self { sql: vec![sql], place: Place::Holds(case.to_owned()) }
    }
}

fn texts(conn: &mut Conn, sql: &str) -> Vec<String> {
    let rows: Vec<Text> = diesel::sql_query(sql).load(conn).unwrap();
    rows.into_iter().map(|row| row.a).collect()
}

/// Chance with a seed that is told.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "how the tests are run")]
        let given = std::env::var("CHAKAN_MUTATION_SEED").ok().and_then(|seed| seed.parse().ok());
        let mut random = [0_u8; 8];
        SystemIds.random(&mut random);
        let seed = given.unwrap_or_else(|| u64::from_le_bytes(random)).max(1);
        println!("CHAKAN_MUTATION_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a>(&mut self, all: &'a [String]) -> &'a str {
        let n = usize::try_from(self.next()).unwrap() % all.len();
        &all[n]
    }

    fn hash(&mut self) -> String {
        (0..4).map(|_| format!("{:016x}", self.next())).collect()
    }

    fn uuid(&mut self) -> uuid::Uuid {
        uuid::Uuid::from_u128(u128::from(self.next()))
    }
}
