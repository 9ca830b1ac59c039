//! How fast copies are made, and how fast a photo is looked up.

use std::{process::Command, time::Instant};

use server::{
    evidence::ReuseIndex,
    imaging::{Ask, Looks, VARIANTS, make},
};
use sync_core::photo::ContentHash;
use tests::Scratch;

const ROUNDS: usize = 7;

/// Twelve megapixels with the noise of a camera.
fn twelve_megapixels() -> Vec<u8> {
    let mut state = 1_u32;
    let picture = image::RgbImage::from_fn(4_032, 3_024, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 27).to_le_bytes()[0];
        let [light, ..] = ((x / 16) ^ (y / 16)).to_le_bytes();
        image::Rgb([light.saturating_add(noise), light / 2 + noise, 120_u8.saturating_add(noise)])
    });
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90);
    picture.write_with_encoder(encoder).expect("a picture");
    jpeg
}

/// Decoded at half size, made smaller and encoded by libjpeg-turbo; milliseconds, the median.
const PILLOW: &str = "
import io, sys, time
from PIL import Image
data, times = open(sys.argv[1], 'rb').read(), []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    image = Image.open(io.BytesIO(data)); image.draft('RGB', (1600, 1200)); image = image.convert('RGB')
    preview = image.resize((1600, 1200), Image.LANCZOS); thumb = preview.resize((320, 240), Image.LANCZOS)
    preview.save(io.BytesIO(), 'JPEG', quality=82); thumb.save(io.BytesIO(), 'JPEG', quality=82)
    times.append((time.perf_counter() - began) * 1000)
print(sorted(times)[len(times) // 2])
";

pub fn beside_turbo() {
    let jpeg = twelve_megapixels();
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let bytes = jpeg.clone();
            let began = Instant::now();
            let made = make(&Ask::Copies, bytes).expect("a picture");
            assert_eq!(made.pictures.len(), 2);
            began.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let ours = times[ROUNDS / 2];
    println!("preview, thumbnail, hashes and sharpness of 12 megapixels: {ours:.0} ms");
    let scratch = Scratch::new("bench");
    let file = scratch.path().join("photo.jpg");
    std::fs::write(&file, &jpeg).expect("room");
    #[expect(clippy::disallowed_methods, reason = "how the benches are run")]
    let python = std::env::var("CHAKAN_BENCH_PYTHON").unwrap_or_else(|_| "python3".into());
    let output =
        Command::new(python).args(["-c", PILLOW]).arg(&file).arg(ROUNDS.to_string()).output();
    let turbo = output.ok().filter(|output| output.status.success());
    let turbo = turbo.and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok());
    match turbo {
        Some(turbo) => {
            let turbo: f64 = turbo;
            println!("libjpeg-turbo: {turbo:.0} ms; ours / libjpeg-turbo: {:.2}", ours / turbo);
        }
        None => println!("no Python with Pillow: set CHAKAN_BENCH_PYTHON"),
    }
}

pub fn among_a_million() {
    let mut state = 1_u64;
    let mut dice = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let index = ReuseIndex::default();
    for n in 0..1_000_000_u32 {
        let name = ContentHash(std::array::from_fn(|i| n.to_be_bytes()[i % 4]));
        index.add(name, [0; VARIANTS].map(|_: u64| dice()));
    }
    let mut looks = Looks::of(&image::RgbImage::new(320, 240), &image::RgbImage::new(320, 240));
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            looks.hashes = looks.hashes.map(|_| dice());
            looks.turned = looks.turned.map(|_| dice());
            let began = Instant::now();
            std::hint::black_box(index.find(&looks));
            began.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("one photo among a million: p50 {:.1} ms, p99 {:.1} ms", times[100], times[198]);
}
