//! The `chakan` command itself, for stories about processes.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, OnceLock},
};

use crate::{Request, client::Client};

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
        build.args(["build", "--offline", "-q", "-p", "server", "--bin", "chakan"]);
        if target.ends_with("release") {
            build.arg("--release");
        }
        if cfg!(feature = "turbo") {
            build.args(["--features", "turbo"]);
        }
        build.arg("--target-dir").arg(target.parent().unwrap()).current_dir(repository());
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

/// The worker that makes copies of one photo, started as the server starts it.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn image_worker() -> Child {
    Command::new(path())
        .args(["image-worker", "\"Copies\""])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program")
}

/// A server in a process of its own, killed on drop.
pub struct Process {
    child: Child,
    client: Option<Client>,
}

impl Process {
    /// Starts `chakan serve` on a free port; it may not listen yet.
    #[must_use]
    pub fn launch(settings: &[(&str, &str)]) -> Self {
        let child = chakan(&["serve"], settings)
            .env("CHAKAN_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, client: None }
    }

    /// Waits until it listens.
    ///
    /// # Panics
    /// When it ends instead.
    #[must_use]
    pub fn ready(mut self) -> Self {
        let stdout = self.child.stdout.take().expect("waited for once");
        let mut lines = BufReader::new(stdout).lines();
        let said = lines.next().and_then(Result::ok).unwrap_or_default();
        let address = said.split("http://").nth(1).and_then(|text| text.trim().parse().ok());
        let address = address.unwrap_or_else(|| panic!("chakan says {said:?}"));
        // Somebody has to go on listening, or the process could not say anything more.
        std::thread::spawn(move || lines.for_each(drop));
        self.client = Some(Client::new(address, Arc::default()));
        self
    }

    /// A request without a token.
    ///
    /// # Panics
    /// Before [`Self::ready`].
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.client.as_ref().expect("it listens").request(method, path)
    }

    /// A way to it for another thread.
    ///
    /// # Panics
    /// Before [`Self::ready`].
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller(self.client.clone().expect("it listens"))
    }

    /// Ends it without a warning.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits.
    pub fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

/// Somebody without a token who speaks to a [`Process`].
#[derive(Clone)]
pub struct Caller(Client);

impl Caller {
    /// A request.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.0.request(method, path)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
