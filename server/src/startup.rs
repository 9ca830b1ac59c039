//! Building and running a server.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::{
    App as ActixApp, HttpServer,
    dev::Server,
    middleware::{Compress, from_fn},
    web,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::sync::watch;
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    app::App,
    auth::{Auth, follow, keys::Missing},
    board,
    config::{Config, Database},
    db::{Db, migrate},
    demo, draft,
    error::ApiError,
    evidence,
    jobs::{self, Prune, Runner},
    middleware, openapi,
    ports::Ports,
    rounds,
    routes::{self, KnownPaths},
    webhook,
};

/// Why a server cannot start: one line for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartFault(pub String);

/// How long running requests may go on after SIGTERM.
const DRAIN: Duration = Duration::from_secs(20);

/// How long a connection without a request is kept. Longer than phones' libraries and proxies usually
/// keep theirs: one that the server closes at the moment of the next request costs that request.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Who decides when the server stops and when its background work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The process: signals stop it, and due work runs by itself.
    Process,
    /// Whoever started it, by [`Running::handle`], [`crate::jobs::run_due`] and
    /// [`crate::rounds::once`].
    Caller,
}

/// A server that listens.
pub struct Running {
    app: App,
    address: SocketAddr,
    server: Server,
    stop: watch::Sender<bool>,
    jobs: Option<tokio::task::JoinHandle<()>>,
}

/// Migrates the database, reads the keys and starts to listen. Call inside an actix system.
///
/// # Errors
/// One line for the operator.
pub async fn build(config: Config, ports: Ports) -> Result<Running, StartFault> {
    build_under(config, ports, Control::Process).await
}

/// [`build`], under somebody's control.
///
/// # Errors
/// One line for the operator.
pub async fn build_under(
    config: Config,
    ports: Ports,
    control: Control,
) -> Result<Running, StartFault> {
    let metrics = metrics_handle()?;
    let app = assemble(config, ports)?;
    demo::prepare(&app).await.map_err(|error| StartFault(error.to_string()))?;
    schedule(&app).await.map_err(|error| StartFault(error.to_string()))?;
    let document = openapi::document();
    let known = web::Data::new(KnownPaths::of(&document));
    let (data, handle) = (web::Data::new(app.clone()), web::Data::new(metrics));
    let listen = app.config.listen;
    let mut server = HttpServer::new(move || {
        let app = ActixApp::new()
            .app_data(data.clone())
            .app_data(handle.clone())
            .app_data(known.clone())
            .wrap(Compress::default())
            .wrap(from_fn(middleware::around))
            .service(SwaggerUi::new("/docs/{_:.*}").url("/api/v1/openapi.json", document.clone()))
            .service(web::redirect("/docs", "/docs/"));
        routes::register(app).into_app().default_service(web::to(routes::no_operation))
    })
    .workers(2)
    .client_request_timeout(Duration::from_secs(10))
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(DRAIN.as_secs());
    if control == Control::Caller {
        server = server.disable_signals();
    }
    let server = server.bind(listen).map_err(|error| {
        StartFault(format!("CHAKAN_LISTEN: cannot listen on {listen}: {error}"))
    })?;
    let address = server.addrs().first().copied().ok_or_else(|| StartFault("no address".into()))?;
    let (stop, stopped) = watch::channel(false);
    actix_web::rt::spawn(follow::keys(app.clone(), stopped.clone()));
    actix_web::rt::spawn(board::follow(app.clone(), stopped.clone()));
    let jobs = (control == Control::Process).then(|| {
        actix_web::rt::spawn(rounds::run(app.clone(), stopped.clone()));
        actix_web::rt::spawn(webhook::run(app.clone(), stopped.clone()));
        actix_web::rt::spawn(Runner::new(app.clone(), stopped).run())
    });
    Ok(Running { app, address, server: server.run(), stop, jobs })
}

/// Work that comes round again.
async fn schedule(app: &App) -> Result<(), ApiError> {
    evidence::catch_up(app).await?;
    jobs::schedule(app, Prune {}).await?;
    jobs::schedule(app, evidence::SealCustody {}).await?;
    jobs::schedule(app, evidence::Scrub { after: None }).await?;
    jobs::schedule(app, draft::RenewDrafts {}).await
}

/// Everything but the listener: for commands that work on the database directly.
///
/// # Errors
/// One line for the operator.
pub fn assemble(config: Config, ports: Ports) -> Result<App, StartFault> {
    migrate::run(&config.database)
        .map_err(|error| StartFault(format!("CHAKAN_DATABASE_URL: {error}")))?;
    let missing = match (&config.database, &config.keys_dir) {
        (Database::Sqlite(_), None) => Missing::Generate,
        _ => Missing::Refuse,
    };
    let keys_dir = config.keys_dir.clone().unwrap_or_else(|| config.data_dir.join("keys"));
    let auth = Auth::load(&keys_dir, missing, ports.ids.as_ref())
        .map_err(|error| StartFault(format!("CHAKAN_KEYS_DIR: {error}")))?;
    auth.tokens
        .check_itself(ports.ids.as_ref(), ports.clock.now())
        .map_err(|error| StartFault(format!("CHAKAN_KEYS_DIR: tokens do not work: {error}")))?;
    let db = Db::open(&config.database)
        .map_err(|error| StartFault(format!("CHAKAN_DATABASE_URL: {error}")))?;
    Ok(App {
        db,
        ports,
        auth: Arc::new(auth),
        drafts: Arc::default(),
        reuse: Arc::default(),
        room: Arc::default(),
        config: Arc::new(config),
        zones: Arc::default(),
        tail: Arc::default(),
    })
}

/// [`assemble`] with ports made from the settings.
///
/// # Errors
/// One line for the operator.
pub fn assemble_for_command(
    config: Config,
    ports: impl FnOnce(&Config) -> Result<Ports, StartFault>,
) -> Result<App, StartFault> {
    let ports = ports(&config)?;
    assemble(config, ports)
}

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The shared state, for tests and the demo.
    #[must_use]
    pub fn app(&self) -> App {
        self.app.clone()
    }

    /// A handle that stops the server from another thread.
    #[must_use]
    pub fn handle(&self) -> actix_web::dev::ServerHandle {
        self.server.handle()
    }

    /// Serves until SIGTERM, SIGINT or the handle says stop; then lets requests and the running jobs
    /// finish.
    ///
    /// # Errors
    /// When the listener breaks.
    pub async fn run_until_stopped(self) -> std::io::Result<()> {
        let outcome = self.server.await;
        let _ = self.stop.send(true);
        // Jobs stop between two of them; what does not end in time is run again after the restart.
        if let Some(jobs) = self.jobs {
            let _ = tokio::time::timeout(Duration::from_secs(8), jobs).await;
        }
        outcome
    }
}

/// The process has one recorder, however many servers run in it.
fn metrics_handle() -> Result<PrometheusHandle, StartFault> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    // Another server of this process may have been faster; its recorder serves both.
    let _ = metrics::set_global_recorder(recorder);
    Ok(HANDLE.get_or_init(|| handle).clone())
}
