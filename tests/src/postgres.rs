//! A PostgreSQL of our own, from the binaries that are installed.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use server::{config::Database, db::migrate};

use crate::Scratch;

/// Whether a cluster survives a crash of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safety {
    /// No: nothing is flushed.
    Fast,
    /// Yes, as in production.
    Durable,
}

/// A running cluster. It ends with its owner, also when the owner is killed.
pub struct Cluster {
    scratch: Scratch,
    binaries: PathBuf,
    owner: Option<(u32, u32)>,
    // Its closing tells the keeper to stop the server.
    _leash: ChildStdin,
    keeper: Child,
    databases: AtomicU64,
}

/// The cluster that all journeys share, or nothing where PostgreSQL is not installed.
///
/// # Panics
/// When it is missing and `CHAKAN_TEST_POSTGRES=require` says that it must not be.
pub(crate) fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(Safety::Fast)).as_ref()
}

/// Runs SQL in a database of a cluster; answers what `psql` prints, one row a line.
pub fn psql(cluster: &Cluster, database: &str, sql: &str) -> String {
    let output = cluster
        .command("psql")
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"])
        .arg(cluster.scratch.path())
        .args(["-d", database, "-c", sql])
        .output()
        .unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const TEMPLATE: &str = "chakan_template";

impl Cluster {
    /// Starts a cluster and migrates its template database; `None` where PostgreSQL is not installed.
    ///
    /// # Panics
    /// When it does not start, or is missing and `CHAKAN_TEST_POSTGRES=require`.
    #[must_use]
    pub fn start(safety: Safety) -> Option<Self> {
        let Some(binaries) = find_binaries() else {
            assert!(!is_required(), "CHAKAN_TEST_POSTGRES=require, but no server binaries found");
            // Not eprintln: the test runner would keep it to itself.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: PostgreSQL journeys (no server binaries found)"
            );
            return None;
        };
        let scratch = Scratch::new("postgres");
        let owner = unprivileged_owner();
        if let Some((uid, gid)) = owner {
            chown(scratch.path(), Some(uid), Some(gid)).unwrap();
        }
        let (keeper, leash) = keep(&binaries, scratch.path(), owner, safety);
        let cluster =
            Self { scratch, binaries, owner, _leash: leash, keeper, databases: AtomicU64::new(0) };
        psql(&cluster, "postgres", &format!("CREATE DATABASE {TEMPLATE}"));
        migrate::run(&Database::Postgres(cluster.url(TEMPLATE))).unwrap();
        Some(cluster)
    }

    /// A database of its own with an up-to-date schema; answers its name.
    #[must_use]
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        psql(self, "postgres", &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"));
        name
    }

    /// Drops a database, whoever is connected to it.
    pub fn drop_database(&self, name: &str) {
        psql(self, "postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }

    /// How to connect to a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}", self.scratch.path().display())
    }

    /// Kills the server as a crash would.
    pub fn stop(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Starts the server again and waits until it takes connections.
    pub fn start_again(&self) {
        self.control(&["start"]);
    }

    fn control(&self, arguments: &[&str]) {
        let status = self
            .command("pg_ctl")
            .args(["-w", "-t", "60", "-l"])
            .arg(self.scratch.path().join("log"))
            .arg("-D")
            .arg(self.scratch.path().join("data"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "pg_ctl {arguments:?}");
    }

    fn command(&self, program: &str) -> Command {
        command(self.binaries.join(program), self.scratch.path(), self.owner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The leash closes with the fields; until then the keeper waits, so it is ended here.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        let _ = self
            .command("pg_ctl")
            .args(["-m", "immediate", "-D"])
            .arg(self.scratch.path().join("data"))
            .arg("stop")
            .output();
    }
}

fn command(program: impl AsRef<OsStr>, dir: &Path, owner: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env("LC_ALL", "C").env("TZ", "UTC");
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
    command
}

/// Starts the server below a shell that waits for its input to end: that happens when this process
/// ends, whatever ends it. Then it stops the server and removes the data.
fn keep(
    binaries: &Path,
    dir: &Path,
    owner: Option<(u32, u32)>,
    safety: Safety,
) -> (Child, ChildStdin) {
    const SCRIPT: &str = r#"
trap '' INT HUP TERM
"$1/initdb" -D data -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync </dev/null >log 2>&1 &&
cat conf >>data/postgresql.conf &&
"$1/pg_ctl" -w -t 60 -D data -l log start </dev/null >>log 2>&1 &&
echo ready
read -r line
"$1/pg_ctl" -m immediate -D data stop </dev/null >/dev/null 2>&1
rm -rf "$2"
"#;
    let flushing = match safety {
        Safety::Fast => "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n",
        Safety::Durable => "",
    };
    let settings = format!(
        "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 400\n\
         shared_buffers = 64MB\nautovacuum = off\nmax_wal_size = 256MB\n{flushing}",
        dir.display()
    );
    fs::write(dir.join("conf"), settings).unwrap();
    let mut keeper = command("/bin/sh", dir, owner)
        .args(["-c", SCRIPT, "keeper"])
        .arg(binaries)
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let leash = keeper.stdin.take().unwrap();
    let mut said = String::new();
    BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let log = || fs::read_to_string(dir.join("log")).unwrap_or_default();
    assert_eq!(said.trim(), "ready", "PostgreSQL does not start: {}", log());
    (keeper, leash)
}

fn is_required() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "how the tests are run, not what the server does"
    )]
    let wish = std::env::var("CHAKAN_TEST_POSTGRES");
    wish.is_ok_and(|wish| wish == "require")
}

/// The newest installed version, or whatever is on the path.
fn find_binaries() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = installed
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    versions
        .into_iter()
        .rev()
        .map(|(_, path)| path)
        .chain(std::env::split_paths(&on_path))
        .find(|dir| ["initdb", "pg_ctl", "psql"].iter().all(|name| dir.join(name).exists()))
}

/// PostgreSQL refuses to run as root, so root gives it to somebody else.
fn unprivileged_owner() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let people = fs::read_to_string("/etc/passwd").unwrap();
    let find = |name: &str| {
        let row = people.lines().find(|row| row.split(':').next() == Some(name))?;
        let mut fields = row.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("root needs a user postgres or nobody"))
}
