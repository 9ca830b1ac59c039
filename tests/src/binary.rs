//! The `chakan` command itself, for stories about processes.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The command, built once for this test run if it is not up to date.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // target/<profile>/deps/it-0123: the command stands two levels up.
        let target = std::env::current_exe().unwrap();
        let target = target.ancestors().nth(2).unwrap().to_owned();
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--offline", "-q", "-p", "server", "--bin", "chakan", "--target-dir"]);
        build.arg(target.parent().unwrap()).current_dir(repository());
        let status = build.status().unwrap();
        assert!(status.success(), "the command does not build");
        target.join("chakan")
    })
}

/// The top folder of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository")
}

/// A run of the command with nothing in its environment but the settings given here.
#[must_use]
pub fn chakan(arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(path());
    command.args(arguments).env_clear().envs(settings.iter().copied());
    command
}
