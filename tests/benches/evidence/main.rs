//! Photos through HTTP beside what the machine could do at best in the same run:
//! `cargo bench -p tests --bench evidence`. Names after `--` choose: `upload phones copies reuse network`.
//!
//! * `upload`: photos of 3 MB, one after the other, by PUT and by tus, beside writing and hashing the
//!   same bytes with the same flushes in this process
//! * `phones`: 50 phones that send photos of 5 MB at once
//! * `copies`: preview and thumbnail of 12 megapixels, beside libjpeg-turbo as Pillow brings it
//!   (`CHAKAN_BENCH_PYTHON` names a Python that has it)
//! * `reuse`: one photo looked up among a million
//! * `network`: photos over a slow, lossy line that flaps; `CHAKAN_BENCH_PHOTOS` and
//!   `CHAKAN_BENCH_PHOTO_KB` set how many (100) and how large (3000): that takes three hours, as on the
//!   real line; the default is 5 of 60 kB
//!
//! Only ratios between lines of one run mean anything.

mod copies;
mod network;
mod uploads;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let all: [(&str, fn()); 5] = [
        ("upload", uploads::beside_the_floor),
        ("phones", uploads::fifty_phones),
        ("copies", copies::beside_turbo),
        ("reuse", copies::among_a_million),
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
    let pixels = image::RgbImage::from_fn(64, 48, |x, y| {
        let [a, b, ..] = (x * 7 + y * number).to_le_bytes();
        image::Rgb([a, b, 90])
    });
    let mut jpeg = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut jpeg, image::ImageFormat::Jpeg).expect("a picture");
    let mut jpeg = jpeg.into_inner();
    let mut state = u64::from(number) + 0x9e37_79b9_7f4a_7c15;
    while jpeg.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        jpeg.extend(state.to_le_bytes());
    }
    jpeg
}
