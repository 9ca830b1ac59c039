//! The server as a process of its own: this program, started again with a role.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use server::{
    auth::{Auth, keys::Missing, policy::Role},
    config::Database,
    identity::{self, NewPerson},
    ports::ids,
};
use sync_core::ids::{BranchId, PersonId};
use uuid::Uuid;

/// Somebody of the bench by number: 0 reports cases and revokes devices, the others work on drafts.
pub fn person(n: usize) -> PersonId {
    PersonId(Uuid::from_u128(0x1_0000 + u128::try_from(n).unwrap_or_default()))
}

/// A running server; killed when dropped.
pub struct Process {
    child: Child,
    pub port: u16,
}

impl Process {
    /// Starts a server on what lies in `directory`; with so many people, if it is empty.
    pub fn start(directory: &Path, people: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("role=serve")
            .arg(directory)
            .arg(people.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("one line");
        Self { child, port: line.trim().parse().expect("a port") }
    }

    /// Processor time used so far in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Memory in use now, in megabytes of 10^6.
    pub fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) * 1_024.0 / 1e6
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of a process (or `self`) in seconds.
pub fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
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

/// The keys of the server in a directory.
pub fn auth(directory: &Path) -> Auth {
    Auth::load(&directory.join("keys"), Missing::Generate, &ids::SystemIds).expect("keys")
}

/// Which database lies in a directory.
pub fn database(directory: &Path) -> Database {
    Database::Sqlite(directory.join("chakan.db"))
}

/// Runs until it is killed.
pub fn serve(directory: &Path, people: usize) {
    actix_web::rt::System::new().block_on(async {
        let running = tests::alone::build(database(directory), directory).await;
        let (app, now) = (running.app(), running.app().now());
        if people > 0 {
            app.db
                .write(move |conn| {
                    let branch = BranchId(Uuid::from_u128(1));
                    identity::insert_branch(conn, branch, "bench", "bench", None, now)?;
                    for n in 0..people {
                        let roles = match n {
                            0 => vec![Role::Intake, Role::Manager],
                            _ => vec![Role::Assessor],
                        };
                        let new = NewPerson {
                            id: person(n),
                            username: format!("bench{n}"),
                            name: "bench".into(),
                            staff_no: None,
                            phone: None,
                            password_hash: String::new(),
                            roles,
                            branch,
                            shop: None,
                        };
                        identity::insert_person(conn, &new, now)?;
                    }
                    Ok(())
                })
                .await
                .expect("people");
        }
        println!("{}", running.address().port());
        running.run_until_stopped().await.expect("the server runs");
    });
}
