//! How fast copies are made beside libjpeg-turbo, and what they cost the worker that makes them.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use server::imaging::{Ask, make};
use tests::{
    Scratch,
    jpeg::{self, Frequencies},
};

const ROUNDS: usize = 9;

/// A picture with shades and the noise of a camera.
fn noisy(width: u32, height: u32, quality: u8) -> Vec<u8> {
    let mut state = 1_u32;
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 27).to_le_bytes()[0];
        let [light, ..] = ((x / 16) ^ (y / 16)).to_le_bytes();
        image::Rgb([light.saturating_add(noise), light / 2 + noise, 120_u8.saturating_add(noise)])
    });
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, quality);
    picture.write_with_encoder(encoder).expect("a picture");
    jpeg
}

/// libjpeg-turbo as Pillow brings it: decoded at half size, made smaller, encoded. With a number it
/// works that often and says the median; one round at a time keeps both sides in the same weather.
const PILLOW: &str = "
import io, sys, time
from PIL import Image, features
data = open(sys.argv[1], 'rb').read()
print(features.version_feature('libjpeg_turbo'), flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    image = Image.open(io.BytesIO(data)); image.draft('RGB', (1600, 1200)); image = image.convert('RGB')
    preview = image.resize((1600, 1200), Image.LANCZOS); thumb = preview.resize((320, 240), Image.LANCZOS)
    preview.save(io.BytesIO(), 'JPEG', quality=82); thumb.save(io.BytesIO(), 'JPEG', quality=82)
    print((time.perf_counter() - began) * 1000, flush=True)
";

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

pub fn beside_turbo() {
    let ours = if cfg!(feature = "turbo") { "with the feature turbo" } else { "pure Rust" };
    let jpeg = noisy(4_032, 3_024, 90);
    let scratch = Scratch::new("bench");
    let file = scratch.path().join("photo.jpg");
    std::fs::write(&file, &jpeg).expect("room");
    let mut turbo = Turbo::begin(&file);
    let (mut mine, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let bytes = jpeg.clone();
        let began = Instant::now();
        let made = make(&Ask::Copies, bytes).expect("a picture");
        assert_eq!(made.pictures.len(), 2);
        let took = began.elapsed().as_secs_f64() * 1_000.0;
        mine.push(took);
        if let Some(turbo) = &mut turbo {
            let other = turbo.round();
            theirs.push(other);
            ratios.push(took / other);
        }
    }
    println!(
        "preview, thumbnail, hashes and sharpness of 12 megapixels ({} kB), {ours}: {:.0} ms",
        jpeg.len() / 1_000,
        median(mine)
    );
    match turbo {
        Some(turbo) => println!(
            "preview and thumbnail by libjpeg-turbo {} (Pillow): {:.0} ms; ours / libjpeg-turbo, median \
             of {ROUNDS} rounds side by side: {:.2}",
            turbo.version,
            median(theirs),
            median(ratios)
        ),
        None => println!("no Python with Pillow: set CHAKAN_BENCH_PYTHON"),
    }
    // The first call builds the program.
    drop(tests::binary::image_worker().kill());
    for (name, width, height) in [
        ("12", 4_032, 3_024),
        ("48", 8_000, 6_000),
        ("108", 12_000, 9_000),
        ("200", 16_320, 12_240),
    ] {
        cost(name, &noisy(width, height, 60));
    }
    // The same frequencies in one pass and in those that libjpeg makes.
    for (name, width, height) in
        [("12", 4_032, 3_024), ("48", 8_000, 6_000), ("108", 12_000, 9_000)]
    {
        let blocks = busy_blocks();
        let block =
            |c: usize, x: usize, y: usize| &blocks[(c * 31 + x * 7 + y * 13) % blocks.len()];
        let factors = &[(2, 2), (1, 1), (1, 1)];
        let picture = Frequencies { width, height, factors, restart: 0, block: &block };
        cost(&format!("{name} (in one pass)"), &jpeg::baseline(picture));
        cost(&format!("{name} (in ten passes)"), &jpeg::progressive(picture, &jpeg::USUAL));
    }
}

/// Blocks as those of a photo: most of their lower frequencies, and few of the others.
fn busy_blocks() -> Vec<[i16; 64]> {
    let mut state = 1_u32;
    let mut dice = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i16::try_from((state >> 8) % below).expect("small")
    };
    let value = |at: i16, dice: &mut dyn FnMut(u32) -> i16| {
        let large = (90 / (1 + at)).max(3);
        if dice(64) > at { dice(2 * u32::from(large.unsigned_abs()) + 1) - large } else { 0 }
    };
    (0..1_009)
        .map(|n| {
            let mut block = [0; 64];
            // Every third block has little in it.
            for (at, place) in (0..if n % 3 == 0 { 8 } else { 40 }).zip(&mut block) {
                *place = value(at, &mut dice);
            }
            block
        })
        .collect()
}

/// A Python that makes the same copies whenever it is asked to.
struct Turbo {
    child: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
    version: String,
}

impl Turbo {
    fn begin(file: &std::path::Path) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "how the benches are run")]
        let python = std::env::var("CHAKAN_BENCH_PYTHON").unwrap_or_else(|_| "python3".into());
        let mut child = Command::new(python)
            .args(["-c", PILLOW])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let output = std::io::BufReader::new(child.stdout.take()?);
        let mut lines = std::io::BufRead::lines(output);
        let version = lines.next()?.ok()?;
        Some(Self { child, lines, version })
    }

    fn round(&mut self) -> f64 {
        let input = self.child.stdin.as_mut().expect("a pipe");
        std::io::Write::write_all(input, b"go\n").expect("a reader");
        let line = self.lines.next().expect("an answer").expect("text");
        line.parse().expect("milliseconds")
    }
}

impl Drop for Turbo {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Time and memory of one worker process, as the server starts it.
fn cost(name: &str, jpeg: &[u8]) {
    let began = Instant::now();
    let mut child = tests::binary::image_worker();
    let status = format!("/proc/{}/status", child.id());
    let mut input = child.stdin.take().expect("a pipe");
    let bytes = jpeg.to_vec();
    let mut output = child.stdout.take().expect("a pipe");
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (over, peak) = (
        done.clone(),
        std::thread::spawn(move || {
            let mut peak = 0_u64;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                let now =
                    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
                peak = peak.max(now.unwrap_or(0));
                std::thread::yield_now();
            }
            peak
        }),
    );
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, &bytes));
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut output, &mut answer).expect("an answer");
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    let peak = peak.join().expect("a reader");
    let _ = writer.join();
    let made = child.wait().expect("a child").success();
    println!(
        "worker, {name} megapixels ({} kB): {} in {:.0} ms, largest resident size {} MiB (program and all)",
        jpeg.len() / 1_000,
        if made { "copies" } else { "no copies" },
        began.elapsed().as_secs_f64() * 1_000.0,
        peak / 1_024
    );
}
