//! [`TestApp`]: a whole server of one test.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};

use actix_web::{dev::ServerHandle, rt};
use diesel::{QueryableByName, RunQueryDsl, sql_types};
use server::{
    app::App,
    auth::policy::Role,
    config::{Config, Mode},
    db::Conn,
    error::ApiError,
    identity::{self, NewPerson},
    jobs,
    ports::{
        Ports, blobs,
        ids::{Ids, SystemIds},
        imaging,
        notifier::Message,
        post::HttpPost,
        travel_time,
    },
    rounds,
    startup::{self, Control},
    webhook,
};
use sync_core::{
    ids::{BranchId, PersonId, ShopId},
    time::{Instant, Span},
};

use crate::{
    Person, Scratch, TestClock, TestNotifier,
    client::{Client, Request},
    logs, postgres,
};

/// When every story begins: 2026-03-02T01:30:00Z, a Monday morning in Hangzhou.
pub const START: Instant = Instant(1_772_415_000_000);
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// Which database a story runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file in a directory of the test's own.
    Sqlite,
    /// A database of the test's own in a cluster of the test run's own.
    Postgres,
}

/// A server of one test, with clock and notifier in the test's hands.
pub struct TestApp {
    /// Which database it runs on.
    pub engine: Engine,
    /// The server's clock.
    pub clock: Arc<TestClock>,
    /// What the server sent to people.
    pub notifier: Arc<TestNotifier>,
    database_url: String,
    database_name: Option<String>,
    server: Option<RunningServer>,
    faults: Arc<Mutex<Vec<String>>>,
    server_errors_expected: AtomicBool,
    job_failures_expected: AtomicBool,
    people: AtomicU64,
    /// Settings of this story, beside the usual ones.
    settings: Vec<(&'static str, serde_json::Value)>,
    // Last, so that the server is gone before its files are.
    scratch: Scratch,
}

struct RunningServer {
    address: SocketAddr,
    app: App,
    handle: ServerHandle,
    thread: JoinHandle<()>,
}

impl TestApp {
    /// Starts a server at [`START`] with the branches `/head/`, `/head/hz/` and `/head/nb/`;
    /// `None` where the engine is not installed.
    #[must_use]
    pub fn start(engine: Engine) -> Option<Self> {
        Self::start_with(engine, vec![])
    }

    /// [`Self::start`] with settings as they stand in a configuration file.
    #[must_use]
    pub fn start_with(
        engine: Engine,
        settings: Vec<(&'static str, serde_json::Value)>,
    ) -> Option<Self> {
        logs::listen();
        let scratch = Scratch::new("app");
        let (database_url, database_name) = match engine {
            Engine::Sqlite => {
                (format!("sqlite://{}", scratch.path().join("chakan.db").display()), None)
            }
            Engine::Postgres => {
                let cluster = postgres::shared()?;
                let name = cluster.create_database();
                (cluster.url(&name), Some(name))
            }
        };
        Some(Self::launch(engine, (database_url, database_name), settings, scratch))
    }

    /// Starts a server on a database of a cluster that the test holds in its own hands.
    #[must_use]
    pub fn start_on(cluster: &crate::Cluster) -> Self {
        logs::listen();
        let url = cluster.url(&cluster.create_database());
        Self::launch(Engine::Postgres, (url, None), vec![], Scratch::new("app"))
    }

    fn launch(
        engine: Engine,
        (database_url, database_name): (String, Option<String>),
        settings: Vec<(&'static str, serde_json::Value)>,
        scratch: Scratch,
    ) -> Self {
        let mut test = Self {
            engine,
            clock: Arc::new(TestClock::at(START)),
            notifier: Arc::default(),
            database_url,
            database_name,
            server: None,
            faults: Arc::default(),
            server_errors_expected: AtomicBool::new(false),
            job_failures_expected: AtomicBool::new(false),
            people: AtomicU64::new(0),
            settings,
            scratch,
        };
        test.make_keys();
        test.server = Some(test.run());
        let branches = |conn: &mut Conn| {
            let head = SystemIds.uuid().into();
            identity::insert_branch(conn, head, "head", "总公司", None, START)?;
            for (code, name) in [("hz", "杭州"), ("nb", "宁波")] {
                let id = SystemIds.uuid().into();
                identity::insert_branch(conn, id, code, name, Some(head), START)?;
            }
            Ok(())
        };
        test.write(branches);
        test
    }

    /// A server on PostgreSQL makes no keys of its own, so they are there before it starts.
    fn make_keys(&self) {
        use server::auth::{Auth, keys::Missing};
        Auth::load(&self.keys_dir(), Missing::Generate, &SystemIds).unwrap();
    }

    fn keys_dir(&self) -> PathBuf {
        self.scratch.path().join("keys")
    }

    fn config(&self) -> Config {
        let mut settings = serde_json::json!({
            // The machine that runs the tests may be nearly full.
            "blobs_headroom": 0,
            "listen": "127.0.0.1:0",
            "data_dir": self.scratch.path(),
            "keys_dir": self.keys_dir(),
            "database_url": self.database_url,
            "public_url": "https://chakan.example",
        });
        for (name, value) in &self.settings {
            settings[*name] = value.clone();
        }
        let lines =
            settings.as_object().unwrap().iter().map(|(name, value)| format!("{name} = {value}"));
        Config::from_text(&lines.collect::<Vec<_>>().join("\n"), Mode::Production).unwrap()
    }

    fn run(&self) -> RunningServer {
        let config = self.config();
        let calibration = Arc::<travel_time::Calibration>::default();
        let roads = config.roads_file();
        let estimators =
            travel_time::open(config.router.as_ref(), roads.as_deref(), calibration.clone());
        let ports = Ports {
            clock: self.clock.clone(),
            ids: Arc::new(SystemIds),
            notifier: self.notifier.clone(),
            post: Arc::new(HttpPost::to_strangers(config.webhooks_loopback)),
            blobs: blobs::open(&config).unwrap(),
            imaging: Arc::new(imaging::HereImaging),
            travel_time: estimators.unwrap(),
            calibration,
        };
        let (told, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            rt::System::new().block_on(async move {
                let running = startup::build_under(config, ports, Control::Caller).await.unwrap();
                told.send((running.address(), running.app(), running.handle())).unwrap();
                running.run_until_stopped().await.unwrap();
            });
        });
        let (address, app, handle) = started.recv().expect("the server starts");
        RunningServer { address, app, handle, thread }
    }

    fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            // Sent at once; what it returns only waits for the end, as the join below does.
            drop(server.handle.stop(false));
            drop(server.app);
            let ended = server.thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }

    /// Ends the server and starts another one on the same data. People have to be asked for again
    /// with [`Self::again`], since the new server listens elsewhere.
    pub fn restart(&mut self) {
        self.stop();
        self.server = Some(self.run());
    }

    fn server(&self) -> &RunningServer {
        self.server.as_ref().expect("the server runs")
    }

    /// A second server on the same data, as another node would be.
    #[must_use]
    pub fn beside(&self) -> Node {
        Node { server: Some(self.run()), faults: self.faults.clone() }
    }

    /// The shared state of the server.
    #[must_use]
    pub fn state(&self) -> App {
        self.server().app.clone()
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server().address
    }

    /// Where the server keeps its files.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.scratch.path()
    }

    /// How the server reaches its database.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// What time it is for the server.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.state().now()
    }

    /// Lets time pass. Nothing happens by itself: see [`Self::run_due_jobs`].
    pub fn advance(&self, span: Span) {
        self.clock.advance(span);
    }

    /// Runs all background work that is due, including what that work makes due; answers how many
    /// jobs ran.
    pub fn run_due_jobs(&self) -> usize {
        self.settle_feed();
        let app = self.state();
        let mut all = 0;
        rt::Runtime::new().unwrap().block_on(async {
            loop {
                let ran = rounds::once(&app).await.unwrap()
                    + jobs::run_due(&app).await.unwrap()
                    + webhook::once(&app).await.unwrap();
                all += ran;
                assert!(all < 10_000, "the jobs never end");
                if ran == 0 {
                    return all;
                }
            }
        })
    }

    /// Waits until every committed change is settled. On PostgreSQL a reader of the feed stops before
    /// the oldest running transaction of the cluster, which may be one of another test.
    fn settle_feed(&self) {
        if self.engine == Engine::Sqlite {
            return;
        }
        let waiting = "SELECT count(*) AS n FROM case_changes \
                       WHERE tx >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
        while self.count(waiting) > 0 {
            // Nobody unparks this thread: it only leaves the processor to the other test.
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }

    /// Every message to people so far; runs the due jobs first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.run_due_jobs();
        self.notifier.sent()
    }

    /// The last message to this number; runs the due jobs first.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn last_message_to(&self, phone: &str) -> String {
        let sent = self.messages();
        let last = sent.iter().rev().find(|message| message.recipient == phone);
        last.unwrap_or_else(|| panic!("no message to {phone}")).text.clone()
    }

    /// Asks the database, beside the API.
    pub fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, ApiError> + Send + 'static,
    ) -> T {
        let db = self.state().db;
        rt::Runtime::new().unwrap().block_on(db.read(query)).unwrap()
    }

    /// Changes the database, beside the API.
    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Conn) -> Result<T, ApiError> + Send + 'static,
    ) -> T {
        let db = self.state().db;
        rt::Runtime::new().unwrap().block_on(db.write(work)).unwrap()
    }

    /// The number that `SELECT ... AS n` answers, beside the API.
    #[must_use]
    pub fn count(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = sql_types::BigInt)]
            n: i64,
        }
        let sql = sql.to_owned();
        self.read(move |conn| Ok(diesel::sql_query(sql).get_result::<Row>(conn)?.n))
    }

    /// A branch by its code: `head`, or `hz` and `nb` below it.
    #[must_use]
    pub fn branch(&self, code: &str) -> BranchId {
        let code = code.to_owned();
        self.read(move |conn| identity::find_branch(conn, &code)).expect("a branch of the story")
    }

    /// Somebody with this role at the branch `hz`.
    #[must_use]
    pub fn person(&self, role: Role) -> Person {
        self.person_at("hz", &[role])
    }

    /// Somebody with these roles at this branch.
    #[must_use]
    pub fn person_at(&self, branch: &str, roles: &[Role]) -> Person {
        self.insert_person(branch, roles, None)
    }

    /// Somebody who works for this repair shop.
    #[must_use]
    pub fn shop_person(&self, shop: ShopId) -> Person {
        self.insert_person("hz", &[Role::Shop], Some(shop))
    }

    fn insert_person(&self, branch: &str, roles: &[Role], shop: Option<ShopId>) -> Person {
        let n = self.people.fetch_add(1, Ordering::Relaxed);
        let new = NewPerson {
            id: SystemIds.uuid().into(),
            username: format!("{}{n}", roles.first().map_or("nobody", |role| role.as_str())),
            name: format!("员工{n}"),
            staff_no: Some(format!("S{n:05}")),
            phone: None,
            password_hash: self.password_hash(),
            roles: roles.to_vec(),
            branch: self.branch(branch),
            shop,
        };
        let (id, username, branch) = (new.id, new.username.clone(), new.branch);
        let now = self.now();
        self.write(move |conn| identity::insert_person(conn, &new, now));
        self.logged_in(id, username, roles, branch)
    }

    /// The same person at the server as it runs now.
    #[must_use]
    pub fn again(&self, person: &Person) -> Person {
        let known =
            self.logged_in(person.id, person.username.clone(), &person.roles, person.branch);
        Person { device: person.device, ..known }
    }

    fn logged_in(
        &self,
        id: PersonId,
        username: String,
        roles: &[Role],
        branch: BranchId,
    ) -> Person {
        let (app, client) = (self.state(), self.client());
        Person { id, username, roles: roles.to_vec(), branch, device: None, app, client }
    }

    /// Hashing is slow on purpose, so everybody shares one hash.
    fn password_hash(&self) -> String {
        static HASH: OnceLock<String> = OnceLock::new();
        HASH.get_or_init(|| identity::hash_password(&self.state(), PASSWORD).unwrap()).clone()
    }

    fn client(&self) -> Client {
        Client::new(self.address(), self.faults.clone())
    }

    /// A request without a token.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.client().request(method, path)
    }

    /// This story makes the server answer 5xx.
    pub fn expect_server_errors(&self) {
        self.server_errors_expected.store(true, Ordering::Relaxed);
    }

    /// In this story jobs fail.
    pub fn expect_job_failures(&self) {
        self.job_failures_expected.store(true, Ordering::Relaxed);
    }

    fn check_at_the_end(&self) {
        if !self.server_errors_expected.load(Ordering::Relaxed) {
            let faults = self.faults.lock().unwrap();
            assert!(faults.is_empty(), "server errors were answered: {faults:#?}");
        }
        if !self.job_failures_expected.load(Ordering::Relaxed) {
            let failed = self.count("SELECT count(*) AS n FROM jobs WHERE attempts > 0");
            assert_eq!(failed, 0, "jobs have failed: {:?}", self.job_errors());
        }
        let leaks = logs::leaks();
        assert!(leaks.is_empty(), "personal data stands in the log: {leaks:#?}");
    }

    /// What failed jobs say.
    #[must_use]
    pub fn job_errors(&self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = sql_types::Text)]
            said: String,
        }
        const SQL: &str =
            "SELECT kind || ': ' || last_error AS said FROM jobs WHERE last_error IS NOT NULL";
        self.read(|conn| Ok(diesel::sql_query(SQL).load::<Row>(conn)?))
            .into_iter()
            .map(|row| row.said)
            .collect()
    }
}

/// Another server on a story's data.
pub struct Node {
    server: Option<RunningServer>,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Node {
    /// The same person, speaking to this server.
    ///
    /// # Panics
    /// Never while it runs.
    #[must_use]
    pub fn again(&self, person: &Person) -> Person {
        let server = self.server.as_ref().expect("it runs");
        let client = Client::new(server.address, self.faults.clone());
        Person { app: server.app.clone(), client, ..person.clone() }
    }

    /// A request without a token to this server.
    ///
    /// # Panics
    /// Never while it runs.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Client::new(self.address(), self.faults.clone()).request(method, path)
    }

    /// Where it listens.
    ///
    /// # Panics
    /// Never while it runs.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.as_ref().expect("it runs").address
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            drop(server.handle.stop(false));
            drop(server.app);
            let _ = server.thread.join();
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // A test that failed already has said what is wrong.
        if !std::thread::panicking() && self.server.is_some() {
            self.check_at_the_end();
        }
        self.stop();
        if let (Some(name), Some(cluster)) = (&self.database_name, postgres::shared()) {
            cluster.drop_database(name);
        }
    }
}
