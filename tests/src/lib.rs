//! The harness: a whole server in this process, spoken to over real HTTP, on either database.
//!
//! A test reads like a story: [`TestApp::person`] makes somebody who can log in, [`Person::post`]
//! and [`Person::get`] are what they do, [`TestApp::advance`] lets time pass. [`each_engine!`] runs
//! one story on SQLite and on PostgreSQL.
//!
//! The harness watches by itself: every answer must be one that the OpenAPI document describes, and when
//! a [`TestApp`] goes away no server error was answered, no job has failed and no personal data
//! stands in the log, unless the test said so.

pub mod alone;
mod app;
pub mod binary;
mod builders;
mod client;
mod device;
mod document;
mod expect;
pub mod jpeg;
pub mod logs;
mod network;
mod people;
mod ports;
mod postgres;
mod receiver;
mod schema;
mod scratch;

pub use app::{Engine, Node, PASSWORD, START, TestApp};
pub use builders::{report, report_of};
pub use client::{Event, Events, Reply, Request};
pub use device::Device;
pub use document::{Documented, documented, openapi_document};
pub use expect::expect_file;
pub use network::{Network, Weather};
pub use people::Person;
pub use ports::{TestClock, TestNotifier};
pub use postgres::{Cluster, Safety, psql};
pub use receiver::{Received, Receiver};
pub use schema::example_body;
pub use scratch::Scratch;

/// Runs one story on both databases, as two tests `<name>::sqlite` and `<name>::postgres`.
///
/// ```ignore
/// each_engine!(a_report_is_saved, |app| {
///     let agent = app.person(Role::Intake);
///     agent.post("/cases", &report()).expect(201);
/// });
/// ```
#[macro_export]
macro_rules! each_engine {
    ($(#[$attribute:meta])* $name:ident, |$app:pat_param| $story:block) => {
        mod $name {
            #[allow(unused_imports, clippy::allow_attributes, reason = "a story may need nothing from around it")]
            use super::*;

            $(#[$attribute])*
            fn story($app: $crate::TestApp) $story

            #[test]
            fn sqlite() {
                if let Some(app) = $crate::TestApp::start($crate::Engine::Sqlite) {
                    story(app);
                }
            }

            #[test]
            fn postgres() {
                if let Some(app) = $crate::TestApp::start($crate::Engine::Postgres) {
                    story(app);
                }
            }
        }
    };
}
