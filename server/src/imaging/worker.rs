//! The worker process and the side that speaks to it.
//!
//! The server starts its own program with `image-worker` and one JSON argument, writes the photo into
//! its standard input and reads the answer from its standard output: one line of JSON, then the
//! pictures. A worker serves one photo and ends.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, Command},
    sync::Semaphore,
    time::timeout,
};

use super::{Ask, Header, Made, Picture, Unreadable, make};
use crate::ports::{
    blobs::Blob,
    imaging::{Imaging, ImagingFault},
};

/// What a worker may take beyond what the program itself takes.
const MEMORY: u64 = 64 * 1024 * 1024;
/// Seconds of processor time; a build without optimisation takes ten times longer.
const CPU_SECONDS: u64 = if cfg!(debug_assertions) { 20 } else { 2 };
/// On a busy machine two seconds of work take longer.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 120 } else { 15 });
/// More than any answer of ours.
const MOST_ANSWERED: u64 = 16 * 1024 * 1024;
/// Workers at a time.
const PLACES: usize = 2;
/// The argument that makes the program a worker.
pub const ARGUMENT: &str = "image-worker";

/// Runs as a worker: reads one photo from standard input, answers on standard output.
///
/// # Errors
/// One line about what went wrong; the caller ends the process with it.
pub fn run(ask: &str) -> Result<(), String> {
    limit().map_err(|error| format!("limits: {error}"))?;
    let ask: Ask = serde_json::from_str(ask).map_err(|error| error.to_string())?;
    let bytes = read().map_err(|error| error.to_string())?;
    let made = make(&ask, bytes).map_err(|error| error.0)?;
    let pictures =
        made.pictures.iter().map(|picture| (picture.width, picture.height, picture.jpeg.len()));
    let header = Header { pictures: pictures.collect(), looks: made.looks };
    let mut output = io::stdout().lock();
    let mut write = || {
        writeln!(output, "{}", serde_json::to_string(&header).map_err(io::Error::other)?)?;
        made.pictures.iter().try_for_each(|picture| output.write_all(&picture.jpeg))?;
        output.flush()
    };
    write().map_err(|error| error.to_string())
}

/// The photo, in no more memory than it needs: doubling the room would cost what decoding needs.
fn read() -> io::Result<Vec<u8>> {
    const STEP: usize = 1024 * 1024;
    let mut bytes = Vec::new();
    let mut input = io::stdin().lock().take(sync_core::photo::MOST_BYTES + 1);
    loop {
        let length = bytes.len();
        bytes.try_reserve_exact(STEP).map_err(io::Error::other)?;
        bytes.resize(length + STEP, 0);
        let mut filled = length;
        while filled < bytes.len() {
            match input.read(bytes.get_mut(filled..).unwrap_or_default())? {
                0 => {
                    bytes.truncate(filled);
                    return Ok(bytes);
                }
                more => filled += more,
            }
        }
    }
}

/// From now on this process can take only so much.
fn limit() -> io::Result<()> {
    let set = |resource, most: u64| {
        let hard = getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        setrlimit(resource, Rlimit { current: Some(most.min(hard)), maximum: Some(hard) })
    };
    set(Resource::As, mapped()? + MEMORY)?;
    set(Resource::Cpu, CPU_SECONDS)?;
    set(Resource::Core, 0)?;
    // It writes to the pipe that it has, and to no file.
    set(Resource::Fsize, 0)?;
    Ok(())
}

/// What the program itself takes of the address space.
fn mapped() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kilobytes = size.and_then(|text| text.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.map(|n: u64| n * 1_024).ok_or_else(|| io::Error::other("/proc/self/status"))
}

/// Images in worker processes.
pub struct ProcessImaging {
    program: PathBuf,
    places: Semaphore,
}

impl ProcessImaging {
    /// Workers are this program, started anew.
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program, places: Semaphore::new(PLACES) }
    }

    /// Workers are the running program.
    ///
    /// # Errors
    /// When the system does not tell which one that is.
    pub fn of_this_program() -> io::Result<Self> {
        std::env::current_exe().map(Self::new)
    }

    async fn ask(&self, ask: Ask, blob: Blob) -> Result<Result<Made, Unreadable>, ImagingFault> {
        let _place = self.places.acquire().await.map_err(|_| ImagingFault("closing".into()))?;
        let argument =
            serde_json::to_string(&ask).map_err(|error| ImagingFault(error.to_string()))?;
        let mut child = Command::new(&self.program)
            .args([ARGUMENT, &argument])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| ImagingFault(format!("{}: {error}", self.program.display())))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ImagingFault("no pipes".into()));
        };
        let mut answer = Vec::new();
        let mut output = output.take(MOST_ANSWERED);
        let (sent, read) = match timeout(PATIENCE, async {
            tokio::join!(send(input, blob), output.read_to_end(&mut answer))
        })
        .await
        {
            Ok(done) => done,
            // Dropping the child kills it.
            Err(_) => return Ok(Err(Unreadable("took too long".into()))),
        };
        sent?;
        read.map_err(|error| ImagingFault(error.to_string()))?;
        let status = timeout(PATIENCE, child.wait()).await;
        let good = matches!(status, Ok(Ok(status)) if status.success());
        let unreadable = || Unreadable("not within the limits".into());
        Ok(if good { parse(&answer).ok_or_else(unreadable) } else { Err(unreadable()) })
    }
}

impl Imaging for ProcessImaging {
    fn make(
        &self,
        ask: Ask,
        blob: Blob,
    ) -> BoxFuture<'_, Result<Result<Made, Unreadable>, ImagingFault>> {
        self.ask(ask, blob).boxed()
    }
}

/// Writes the photo. A worker that ends early has its reasons, which its answer tells.
async fn send(mut input: ChildStdin, mut blob: Blob) -> Result<(), ImagingFault> {
    while let Some(piece) = blob.bytes.next().await {
        let piece = piece.map_err(|fault| ImagingFault(fault.to_string()))?;
        if input.write_all(&piece).await.is_err() {
            return Ok(());
        }
    }
    let _ = input.shutdown().await;
    Ok(())
}

/// Reads an answer; nothing when it is not whole.
fn parse(answer: &[u8]) -> Option<Made> {
    let end = answer.iter().position(|byte| *byte == b'\n')?;
    let (line, mut rest) = answer.split_at_checked(end + 1)?;
    let header: Header = serde_json::from_slice(line).ok()?;
    let mut pictures = Vec::new();
    for (width, height, length) in header.pictures {
        let (jpeg, more) = rest.split_at_checked(length)?;
        pictures.push(Picture { width, height, jpeg: jpeg.to_vec() });
        rest = more;
    }
    rest.is_empty().then_some(Made { pictures, looks: header.looks })
}
