//! The server as it runs in production, in a process that does nothing else.

use std::{path::Path, sync::Arc};

use server::{
    auth::{Auth, keys::Missing},
    config::{Config, Database, Mode},
    ports::{Ports, blobs, clock, ids, imaging, notifier, post, travel_time},
    startup::{self, Running},
};

/// Builds a server on a free port with all its files in one directory.
///
/// # Panics
/// When it does not start.
pub async fn build(database: Database, directory: &Path) -> Running {
    let keys = directory.join("keys");
    Auth::load(&keys, Missing::Generate, &ids::SystemIds).expect("keys");
    let config = Config {
        database,
        data_dir: directory.to_owned(),
        keys_dir: Some(keys),
        ..Config::from_text("listen = '127.0.0.1:0'", Mode::Production).expect("settings")
    };
    let blobs = blobs::FileBlobs::open(&directory.join("blobs")).expect("a directory");
    let ports = Ports {
        clock: Arc::new(clock::SystemClock),
        ids: Arc::new(ids::SystemIds),
        notifier: Arc::new(notifier::NoGateway),
        post: Arc::new(post::HttpPost::to_strangers(false)),
        blobs: Arc::new(blobs),
        imaging: Arc::new(imaging::HereImaging),
        travel_time: Arc::new(travel_time::StraightLine),
        calibration: Arc::default(),
    };
    startup::build(config, ports).await.expect("the server starts")
}
