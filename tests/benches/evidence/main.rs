//! Photos through HTTP beside what the machine could do at best in the same run:
//! `cargo bench -p tests --bench evidence`. Names after `--` choose:
//! `upload phones bundle previews reuse network`.
//!
//! * `upload`: photos of 3 MB, one after the other, by PUT and by tus, beside writing and hashing the
//!   same bytes with the same flushes in this process
//! * `phones`: 50 phones that send photos of 5 MB at once
//! * `bundle`: all photos of one case as one ZIP file of more than 4 GiB (`CHAKAN_BENCH_BUNDLE_MB`), read
//!   back with Python's zipfile
//! * `previews`: preview and thumbnail of 12 megapixels, beside libjpeg-turbo as Pillow brings it
//!   (`CHAKAN_BENCH_PYTHON` names a Python that has it; `--features turbo` lets us use it, too), and
//!   what the worker process takes for 12 to 200 megapixels, and for 12 to 108 in many passes
//! * `reuse`: one photo looked up among a million
//! * `network`: photos over a slow, lossy line that flaps; `CHAKAN_BENCH_PHOTOS` and
//!   `CHAKAN_BENCH_PHOTO_KB` set how many (20) and how large (300). `CHAKAN_BENCH_SPEED` (50) runs the
//!   line's own times so many times faster; the server's waits stay as they are. At 1, 100 photos of
//!   3 MB take three hours, as on the real line
//!
//! Only ratios between lines of one run mean anything.

mod bundle;
mod network;
mod previews;
mod reuse;
mod uploads;

use std::io::Read;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let all: [(&str, fn()); 6] = [
        ("upload", uploads::beside_the_floor),
        ("phones", uploads::fifty_phones),
        ("bundle", bundle::beyond_four_gibibytes),
        ("previews", previews::beside_turbo),
        ("reuse", reuse::among_a_million),
        ("network", network::bad_line),
    ];
    for (name, run) in all {
        if chosen.is_empty() || chosen.iter().any(|one| one == name) {
            run();
        }
    }
}

/// A setting of the run, from the environment.
fn setting(name: &str, default: usize) -> usize {
    #[expect(clippy::disallowed_methods, reason = "how the benches are run")]
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    given.unwrap_or(default)
}

/// A JPEG of about so many bytes, another one for every number: a small picture and noise behind it,
/// which every reader of JPEG passes over.
fn photo(number: u32, bytes: usize) -> Vec<u8> {
    let mut jpeg = Vec::with_capacity(bytes + 8);
    let _ = Noise::new(number, bytes).read_to_end(&mut jpeg);
    jpeg
}

/// The bytes of [`photo`], made as they are read.
struct Noise {
    jpeg: std::io::Cursor<Vec<u8>>,
    state: u64,
    left: usize,
}

impl Noise {
    fn new(number: u32, bytes: usize) -> Self {
        let jpeg = small(number);
        let left = bytes.saturating_sub(jpeg.len());
        let state = u64::from(number) + 0x9e37_79b9_7f4a_7c15;
        Self { jpeg: std::io::Cursor::new(jpeg), state, left }
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.jpeg.read(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        let count = buffer.len().min(self.left);
        let mut piece = [0; 8];
        for (n, byte) in buffer[..count].iter_mut().enumerate() {
            if n % 8 == 0 {
                self.state ^= self.state << 13;
                self.state ^= self.state >> 7;
                self.state ^= self.state << 17;
                piece = self.state.to_le_bytes();
            }
            *byte = piece[n % 8];
        }
        self.left -= count;
        Ok(count)
    }
}

/// The most memory that this process has held since [`forget_peak`], in MiB.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1_024
}

/// Measures the peak anew from here on.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A small picture of its own for every number.
fn small(number: u32) -> Vec<u8> {
    let pixels = image::RgbImage::from_fn(64, 48, |x, y| {
        let [a, b, ..] = (x * 7 + y * number).to_le_bytes();
        image::Rgb([a, b, 90])
    });
    let mut jpeg = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("a picture");
    jpeg.into_inner()
}
