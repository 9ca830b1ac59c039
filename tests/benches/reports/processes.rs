//! The contestants, each a process of its own: this program, started again with a role.

#![expect(
    clippy::disallowed_methods,
    reason = "a rival server with one route, and settings of the bench"
)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
};

use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer, web};
use diesel::{ExpressionMethods, RunQueryDsl, SqliteConnection, connection::SimpleConnection};
use server::{
    auth::{policy::Role, token::Bearer},
    config::Database,
    db::{
        Native,
        schema::{case_changes, case_events, cases, idempotency_keys},
    },
    identity::{self, NewPerson},
    ports::ids,
};
use sync_core::ids::{BranchId, PersonId};

/// Who is measured.
#[derive(Clone, PartialEq, Eq)]
pub enum Contestant {
    Bare,
    RawSqlite,
    ChakanSqlite,
    /// With the URL of an empty database.
    ChakanPostgres(String),
}

/// Those that can run here.
pub fn available() -> Vec<Contestant> {
    let mut all = vec![Contestant::Bare, Contestant::RawSqlite, Contestant::ChakanSqlite];
    match std::env::var("CHAKAN_BENCH_POSTGRES") {
        Ok(url) => all.push(Contestant::ChakanPostgres(url)),
        Err(_) => {
            println!("PostgreSQL is left out: name an empty database in CHAKAN_BENCH_POSTGRES")
        }
    }
    all
}

impl Contestant {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::RawSqlite => "raw sqlite",
            Self::ChakanSqlite => "chakan sqlite",
            Self::ChakanPostgres(_) => "chakan postgres",
        }
    }

    fn argument(&self) -> String {
        match self {
            Self::ChakanPostgres(url) => format!("role=chakan postgres={url}"),
            other => format!("role={}", other.name()),
        }
    }

    pub fn from_argument(text: &str) -> Option<Self> {
        let role = text.strip_prefix("role=")?;
        Some(match role {
            "bare" => Self::Bare,
            "raw sqlite" => Self::RawSqlite,
            "chakan sqlite" => Self::ChakanSqlite,
            other => Self::ChakanPostgres(other.strip_prefix("chakan postgres=")?.to_owned()),
        })
    }
}

/// Where requests go.
#[derive(Clone)]
pub struct Target {
    pub port: u16,
    pub path: &'static str,
    pub token: String,
}

/// A running contestant; killed and its files removed when dropped.
pub struct Process {
    child: Child,
    target: Target,
    directory: std::path::PathBuf,
}

impl Process {
    pub fn start(contestant: &Contestant) -> Self {
        let unique = format!("chakan-bench-{}-{:?}", std::process::id(), std::time::Instant::now());
        let directory =
            std::env::temp_dir().join(unique.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        std::fs::create_dir_all(&directory).expect("a directory");
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg(contestant.argument())
            .arg(&directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("one line");
        let (port, token) = line.trim().split_once(' ').expect("port and token");
        let path =
            if contestant.name().starts_with("chakan") { "/api/v1/cases" } else { "/report" };
        let target = Target { port: port.parse().expect("a port"), path, token: token.to_owned() };
        Self { child, target, directory }
    }

    pub fn target(&self) -> Target {
        self.target.clone()
    }

    /// Processor time used so far in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.unwrap_or_default();
        // After the name, which is in parentheses: user and system time are fields 14 and 15 of all.
        let fields: Vec<f64> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(|field| field.parse().unwrap_or(0.0))
            .collect();
        // Linux counts in hundredths of a second wherever this runs.
        fields.iter().skip(11).take(2).sum::<f64>() / 100.0
    }

    pub fn peak_memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1_024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Runs one contestant until it is killed.
pub fn serve(contestant: Contestant, directory: &Path) {
    actix_web::rt::System::new().block_on(async {
        match contestant {
            Contestant::Bare => floor(None).await,
            Contestant::RawSqlite => floor(Some(raw_writer(directory))).await,
            Contestant::ChakanSqlite => {
                chakan(Database::Sqlite(directory.join("chakan.db")), directory).await
            }
            Contestant::ChakanPostgres(url) => chakan(Database::Postgres(url), directory).await,
        }
    });
}

async fn chakan(database: Database, directory: &Path) {
    let running = tests::alone::build(database, directory).await;
    let app = running.app();
    let (person, branch): (PersonId, BranchId) = (app.new_id(), app.new_id());
    let now = app.now();
    app.db
        .write(move |conn| {
            identity::insert_branch(conn, branch, &branch.to_string(), "bench", None, now)?;
            let new = NewPerson {
                id: person,
                username: person.to_string(),
                name: "bench".into(),
                staff_no: None,
                phone: None,
                password_hash: String::new(),
                roles: vec![Role::Intake],
                branch,
                shop: None,
            };
            identity::insert_person(conn, &new, now)
        })
        .await
        .expect("a person");
    let bearer = Bearer { person, device: None };
    let (token, _) = app.auth.tokens.issue(bearer, app.ports.ids.uuid(), now).expect("a token");
    println!("{} {token}", running.address().port());
    running.run_until_stopped().await.expect("the server runs");
}

/// What to store and whom to tell.
struct Row {
    key: String,
    body: web::Bytes,
    done: tokio::sync::oneshot::Sender<()>,
}

async fn floor(writer: Option<mpsc::SyncSender<Row>>) {
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(web::Data::new(writer.clone()))
            .route("/report", web::post().to(report))
    })
    .workers(2)
    .bind("127.0.0.1:0")
    .expect("a port");
    println!("{} none", server.addrs()[0].port());
    server.run().await.expect("the server runs");
}

async fn report(
    request: HttpRequest,
    body: web::Bytes,
    writer: web::Data<Option<mpsc::SyncSender<Row>>>,
) -> HttpResponse {
    if let Some(writer) = writer.as_ref() {
        let (done, wait) = tokio::sync::oneshot::channel();
        let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
        let row = Row { key: key.unwrap_or_default().to_owned(), body, done };
        if writer.try_send(row).is_err() || wait.await.is_err() {
            return HttpResponse::ServiceUnavailable().finish();
        }
    }
    // As long as a real answer.
    HttpResponse::Created().content_type("application/json").body(ANSWER)
}

const ANSWER: &str = answer();

/// 900 bytes.
const fn answer() -> &'static str {
    const BYTES: [u8; 900] = [b'x'; 900];
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
}

/// The four rows of a report in the real schema, with the real settings, prepared once, many reports
/// a commit. Keys are as random as those of real reports: that decides how many pages a commit writes.
fn raw_writer(directory: &Path) -> mpsc::SyncSender<Row> {
    let database = Database::Sqlite(directory.join("raw.db"));
    server::db::migrate::run(&database).expect("migrations");
    let (send, receive) = mpsc::sync_channel::<Row>(2_048);
    std::thread::spawn(move || {
        let opened = server::db::open::open(&database).expect("a database");
        let Native::Sqlite(mut conn) = opened.into_native() else { unreachable!("it is SQLite") };
        conn.batch_execute(
            "INSERT INTO branches VALUES ('b','b','b',NULL,'/b/',0,1);
             INSERT INTO people VALUES ('p','p','p',NULL,NULL,'','intake','b',NULL,NULL,0,1);",
        )
        .expect("a person");
        while let Ok(first) = receive.recv() {
            let mut group = vec![first];
            conn.batch_execute("BEGIN IMMEDIATE").expect("begin");
            let mut done = 0;
            while done < group.len() {
                insert_raw(&mut conn, &group[done]);
                done += 1;
                if done == group.len()
                    && done < 512
                    && let Ok(next) = receive.try_recv()
                {
                    group.push(next);
                }
            }
            conn.batch_execute("COMMIT").expect("commit");
            for row in group {
                let _ = row.done.send(());
            }
        }
    });
    send
}

fn insert_raw(conn: &mut SqliteConnection, row: &Row) {
    use ids::Ids;
    let ids: &dyn Ids = &ids::SystemIds;
    let (case, event) = (ids.uuid().to_string(), ids.uuid().to_string());
    let report_no = format!("{}{}", ids.six_digits(), ids.six_digits());
    // The plate, from where the generator puts it.
    let plate = row.body.split(|byte| *byte == b'"').nth(11).expect("the generator's own body");
    let plate = std::str::from_utf8(plate).expect("UTF-8");
    assert!(plate.starts_with('浙'), "{plate}");
    let values = (
        (
            cases::id.eq(&case),
            cases::report_no.eq(&report_no),
            cases::branch_id.eq("b"),
            cases::status.eq("reported"),
            cases::customer_name.eq("压测"),
            cases::contact_name.eq("压测"),
            cases::contact_phone.eq("13800000000"),
            cases::plate.eq(plate),
            cases::loss_at.eq(0),
            cases::loss_place.eq("文三路 90 号"),
        ),
        (
            cases::lat.eq(30.2741),
            cases::lon.eq(120.1551),
            cases::accuracy_m.eq(12.0),
            cases::injured.eq(false),
            cases::promise_code.eq("zhejiang-2010"),
            cases::promise_version.eq(1),
            cases::reported_at.eq(0),
            cases::reported_by.eq("p"),
            cases::version.eq(1),
        ),
    );
    diesel::insert_into(cases::table).values(values).execute(conn).expect("a case");
    let values = (
        case_events::id.eq(&event),
        case_events::case_id.eq(&case),
        case_events::seq.eq(1),
        case_events::kind.eq("case_reported"),
        case_events::actor.eq("p"),
        case_events::occurred_at.eq(0),
        case_events::recorded_at.eq(0),
        case_events::data.eq("{}"),
    );
    diesel::insert_into(case_events::table).values(values).execute(conn).expect("an event");
    let values = (
        case_changes::case_id.eq(&case),
        case_changes::topic.eq("case_reported"),
        case_changes::at.eq(0),
    );
    diesel::insert_into(case_changes::table).values(values).execute(conn).expect("a change");
    let values = (
        idempotency_keys::actor.eq("p"),
        idempotency_keys::idempotency_key.eq(&row.key),
        idempotency_keys::request_sha256.eq(row.body.get(..32).expect("a body").to_vec()),
        idempotency_keys::status.eq(201),
        idempotency_keys::body.eq(ANSWER.as_bytes()),
        idempotency_keys::created_at.eq(0),
    );
    diesel::insert_into(idempotency_keys::table).values(values).execute(conn).expect("a key");
}
