//! The demo: people whose passwords everybody knows, a few cases, and the whole story told over HTTP.
//!
//! `chakan serve --demo` loads the people and cases. `chakan demo` runs the real server on a free port
//! and drives it as the real people would: it prints a timeline and fails if any step is not as
//! expected.

#[expect(dead_code, reason = "the story that uses it follows")]
mod caller;
mod people;
#[cfg_attr(not(test), expect(dead_code, reason = "the story that uses it follows"))]
mod photos;

pub use caller::Fault;

use crate::{app::App, config::Mode, error::ApiError};

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

/// The log-ins to print.
#[must_use]
pub fn log_ins() -> String {
    let names: Vec<&str> = people::PEOPLE.iter().map(|(username, ..)| *username).collect();
    format!("Log in as {} with the password {}", names.join(", "), people::PASSWORD)
}
