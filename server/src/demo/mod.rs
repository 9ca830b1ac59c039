//! The demo: people whose passwords everybody knows, a few cases, and the whole story told over HTTP.
//!
//! `chakan serve --demo` loads the people and cases. `chakan demo` runs the real server on a free port
//! and drives it as the real people would: it prints a timeline and fails if any step is not as
//! expected.

mod caller;
mod fill;
mod inbox;
mod people;
mod phone;
mod photos;
mod story;
mod town;

use std::{path::PathBuf, sync::Arc};

pub use caller::Fault;
pub use inbox::Inbox;

use crate::{
    app::App,
    auth::{Auth, keys::Missing},
    config::{BlobsPlace, Config, Database, Mode},
    error::ApiError,
    ports::{Ports, ids::SystemIds},
    startup,
};

/// Loads the demo's people under `--demo`; closes their log-ins otherwise.
///
/// # Errors
/// Database faults.
pub async fn prepare(app: &App) -> Result<(), ApiError> {
    match app.config.mode {
        Mode::Demo => people::load(app).await,
        Mode::Production => people::close(app).await,
    }
}

/// Loads the demo's town and cases into a running server, unless it has cases. Blocking.
///
/// # Errors
/// The first request that was not answered as expected.
pub fn fill(address: std::net::SocketAddr) -> Result<(), Fault> {
    fill::fill(&format!("http://{address}"))
}

/// The log-ins to print.
#[must_use]
pub fn log_ins() -> String {
    let names: Vec<&str> = people::PEOPLE.iter().map(|(username, ..)| *username).collect();
    format!("Log in as {} with the password {}", names.join(", "), people::PASSWORD)
}

/// Runs the real server on a free port and tells the story; `say` gets each line.
///
/// With SQLite everything happens in a directory that is removed afterwards; with PostgreSQL in the
/// configured database, with keys made for the occasion.
///
/// # Errors
/// The first step that is not as expected, or why the server could not start.
pub fn tell_story(
    config: Config,
    ports: impl FnOnce(&Config) -> Result<Ports, startup::StartFault>,
    say: &mut dyn FnMut(&str),
) -> Result<(), Fault> {
    let fault = |error: String| Fault(error);
    let stage = Stage::new().map_err(|error| fault(error.to_string()))?;
    let database = match config.database {
        Database::Sqlite(_) => Database::Sqlite(stage.0.join("chakan.db")),
        postgres @ Database::Postgres(_) => postgres,
    };
    let keys = stage.0.join("keys");
    Auth::load(&keys, Missing::Generate, &SystemIds).map_err(|error| fault(error.to_string()))?;
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        database,
        data_dir: stage.0.clone(),
        blobs: BlobsPlace::Files(stage.0.join("blobs")),
        keys_dir: Some(keys),
        mode: Mode::Demo,
        ..config
    };
    let inbox = Arc::new(Inbox::default());
    let ports =
        Ports { notifier: inbox.clone(), ..ports(&config).map_err(|error| fault(error.0))? };
    let (started, start) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let running = startup::build(config, ports).await.map_err(|error| error.0)?;
            let _ = started.send((running.address(), running.handle()));
            running.run_until_stopped().await.map_err(|error| error.to_string())
        })
    });
    let Ok((address, handle)) = start.recv() else {
        return Err(Fault(match server.join() {
            Ok(Err(error)) => error,
            _ => "the server did not start".into(),
        }));
    };
    let outcome = story::tell(&format!("http://{address}"), &inbox, say);
    actix_web::rt::System::new().block_on(handle.stop(true));
    match server.join() {
        Ok(Ok(())) => outcome,
        Ok(Err(error)) => outcome.and(Err(Fault(error))),
        Err(_) => outcome.and(Err(Fault("the server panicked".into()))),
    }
}

/// A directory that is removed when the story is over.
struct Stage(PathBuf);

impl Stage {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("chakan-demo-{}", caller::new_id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be removed is the operating system's to clean.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
