//! Journeys: copies for looking at, what they give away, and what hostile files cost (B27, B31, B32).

use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use image::GenericImageView;
use tests::{
    binary,
    jpeg::{self, Frequencies, Pass},
};

use super::*;

each_engine!(copies_are_ours_and_small_and_say_nothing_else, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = with_secrets(&large(7));
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    let path = |what: &str| format!("/cases/{case}/blobs/{}/{what}", hash(&bytes));
    let _ = surveyor.get(&path("preview")).problem(404, "not_found");
    assert_eq!(list(&surveyor, case)["photos"][0]["copies"], json!(false));
    app.run_due_jobs();
    for (what, size) in [("preview", (1_600, 1_200)), ("thumbnail", (320, 240))] {
        let reply = surveyor.get(&path(what)).expect(200);
        assert_eq!(image::load_from_memory(&reply.body).unwrap().dimensions(), size);
        assert!(!contains(&reply.body, b"secret") && !contains(&reply.body, b"Exif"));
        for (name, value) in [
            ("content-type", "image/jpeg"),
            ("content-disposition", "inline"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{what} {name}");
        }
        let etag = reply.header("etag").unwrap().to_owned();
        let again = surveyor.request("GET", &path(what)).header("if-none-match", &etag).send();
        assert_eq!(again.status, 304);
    }
    let original = surveyor.get(&format!("/cases/{case}/blobs/{}", hash(&bytes))).expect(200);
    assert!(original.body == bytes, "the original has changed");
    let photo = &list(&surveyor, case)["photos"][0];
    assert_eq!((&photo["copies"], &photo["flaws"]), (&json!(true), &json!([])));
    let stranger = app.person_at("nb", &[Role::Manager]);
    for what in ["preview", "thumbnail", "preview?caption=strip"] {
        let _ = stranger.get(&path(what)).problem(404, "not_found");
    }
});

each_engine!(a_caption_stands_on_the_shared_copy_and_is_noted, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    let bytes = large(3);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    app.run_due_jobs();
    let preview = format!("/cases/{case}/blobs/{}/preview", hash(&bytes));
    let plain = image::load_from_memory(&surveyor.get(&preview).expect(200).body).unwrap();
    let reply = surveyor.get(&format!("{preview}?caption=strip")).expect(200);
    let captioned = image::load_from_memory(&reply.body).unwrap();
    assert_eq!(captioned.width(), plain.width());
    assert!(captioned.height() > plain.height() + 40);
    surveyor.get(&format!("{preview}?caption=x")).refuses("caption", "unknown");
    let log = app.person(Role::Manager).get(&format!("/cases/{case}/custody")).expect(200).value();
    let acts: Vec<_> =
        log["entries"].as_array().unwrap().iter().map(|entry| entry["act"].clone()).collect();
    assert_eq!(acts, ["captured", "received", "derived", "viewed", "shared"]);
});

each_engine!(a_photo_that_cannot_be_decoded_is_kept_and_marked, |app| {
    let case = new_case(&app);
    let surveyor = surveyor_of(&app, case);
    // The header is that of a picture; what follows is not.
    let mut bytes = picture(1, ImageFormat::Png);
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0);
    let _ = declare(&surveyor, case, &[entry(&bytes)]).expect(200);
    let _ = upload(&surveyor, case, &bytes).expect(201);
    app.run_due_jobs();
    let path = format!("/cases/{case}/blobs/{}", hash(&bytes));
    let _ = surveyor.get(&format!("{path}/preview")).problem(404, "not_found");
    assert!(surveyor.get(&path).expect(200).body == bytes);
    let log = app.person(Role::Manager).get(&format!("/cases/{case}/custody")).expect(200).text();
    assert!(log.contains("\"unreadable\""), "{log}");
});

each_engine!(a_photo_of_another_case_is_seen_by_its_looks, |app| {
    let (first, second, third) = (new_case(&app), new_case(&app), new_case(&app));
    let surveyor = surveyor_of(&app, first);
    let other = surveyor_of(&app, second);
    send(&app, third, &other);
    let original = large(9);
    let turned = image::load_from_memory(&original).unwrap().rotate90().brighten(12);
    let turned = jpeg_of(&turned.resize_exact(600, 800, image::imageops::FilterType::Triangle), 50);
    for (person, case, bytes) in
        [(&surveyor, first, &original), (&other, second, &turned), (&other, third, &large(10))]
    {
        let _ = declare(person, case, &[entry(bytes)]).expect(200);
        let _ = upload(person, case, bytes).expect(201);
        app.run_due_jobs();
    }
    let codes = |person: &Person, case| -> Vec<Value> {
        let photos = list(person, case)["photos"].clone();
        let notes = photos[0]["notes"].as_array().unwrap().iter();
        notes.map(|note| note["code"].clone()).collect()
    };
    assert_eq!(codes(&other, second), ["like_another_photo"]);
    assert_eq!(codes(&surveyor, first), ["like_another_photo"]);
    assert_eq!(codes(&other, third), Vec::<Value>::new());
    // In which case, only those hear who see it.
    assert_eq!(list(&other, second)["photos"][0]["also_in_cases"], json!([]));
    let manager = app.person(Role::Manager);
    assert_eq!(list(&manager, second)["photos"][0]["also_in_cases"], json!([first.to_string()]));
});

/// A worker process on these bytes: what it said and how long it took.
fn work(bytes: &[u8]) -> (Output, Duration) {
    let began = Instant::now();
    let mut child = binary::image_worker();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, &bytes));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    (output, began.elapsed())
}

#[test]
fn a_worker_makes_copies_of_twelve_megapixels() {
    let (output, took) = work(&big(4_032, 3_024));
    assert!(output.status.success(), "{:?} after {took:?}", output.status);
    let line = output.stdout.split(|byte| *byte == b'\n').next().unwrap();
    let header: Value = serde_json::from_slice(line).unwrap();
    assert_eq!(header["pictures"][0][0], json!(1_600));
}

/// Within the same 64 MiB as a bomb, and the time of a worker: phones make such photos (B31).
#[test]
fn a_worker_makes_copies_of_the_largest_photos() {
    for (width, height, preview) in [
        (8_000, 6_000, (1_600, 1_200)),
        (12_000, 9_000, (1_600, 1_200)),
        (9_000, 12_000, (1_200, 1_600)),
    ] {
        let (output, took) = work(&strips(width, height));
        let what = format!("{width} x {height}");
        assert!(output.status.success(), "{what}: {:?} after {took:?}", output.status);
        let end = output.stdout.iter().position(|byte| *byte == b'\n').unwrap();
        let header: Value = serde_json::from_slice(&output.stdout[..end]).unwrap();
        let length = usize::try_from(header["pictures"][0][2].as_u64().unwrap()).unwrap();
        let rest = &output.stdout[end + 1..];
        let made = image::load_from_memory(&rest[..length]).unwrap();
        assert_eq!(made.dimensions(), preview, "{what}");
        let small = image::load_from_memory(&rest[length..]).unwrap();
        assert_eq!(small.dimensions().0.max(small.dimensions().1), 320, "{what}");
        // The left is dark and red, the right is light and green, from top to foot.
        let made = made.into_rgb8();
        for y in [1, made.height() / 2, made.height() - 2] {
            let (left, right) = (made.get_pixel(40, y), made.get_pixel(made.width() - 40, y));
            assert!(left[0] > left[1] && right[1] > right[0] && left[0] < right[1], "{what} {y}");
        }
    }
}

const FINE: &[(u8, u8)] = &[(1, 1), (1, 1), (1, 1)];
const USUAL: &[(u8, u8)] = &[(2, 2), (1, 1), (1, 1)];

/// A photo in many passes: from left to right it becomes lighter, and every other block has stripes.
fn in_passes(width: u16, height: u16, factors: &[(u8, u8)], passes: &[Pass]) -> Vec<u8> {
    let across = usize::from(width).div_ceil(8);
    let light = |n: i16| {
        let mut block = [0; 64];
        (block[0], block[1], block[5], block[20]) = ((n / 2 - 32) * 4, n % 2 * 6, n % 2 * 3, n % 3);
        block
    };
    let light: Vec<_> = (0..128).map(light).collect();
    let block = |component: usize, x: usize, _| match component {
        0 => &light[(x * 126 / across).min(125) + x % 2],
        // No colours.
        _ => &light[64],
    };
    jpeg::progressive(Frequencies { width, height, factors, restart: 0, block: &block }, passes)
}

/// Programs write photos in many passes, and all of it must be held until the last one (B31).
#[test]
fn a_worker_makes_copies_of_photos_in_many_passes() {
    let few = [0, 1, 4, 5, 6, 9].map(|n| jpeg::USUAL[n]);
    for (width, height, factors, passes, preview) in [
        (4_032, 3_024, USUAL, &jpeg::USUAL[..], (1_600, 1_200)),
        (4_032, 3_024, FINE, &jpeg::USUAL[..], (1_600, 1_200)),
        (8_000, 6_000, USUAL, &few[..], (1_600, 1_200)),
        // Too small to be made smaller and too large to be decoded whole.
        (3_000, 3_000, FINE, &few[..], (1_500, 1_500)),
    ] {
        let photo = in_passes(width, height, factors, passes);
        let (output, took) = work(&photo);
        let what = format!("{width} x {height}, {factors:?}");
        assert!(output.status.success(), "{what}: {:?} after {took:?}", output.status);
        let end = output.stdout.iter().position(|byte| *byte == b'\n').unwrap();
        let header: Value = serde_json::from_slice(&output.stdout[..end]).unwrap();
        let length = usize::try_from(header["pictures"][0][2].as_u64().unwrap()).unwrap();
        let made = image::load_from_memory(&output.stdout[end + 1..][..length]).unwrap();
        assert_eq!(made.dimensions(), preview, "{what}");
        let made = made.into_rgb8();
        for y in [1, made.height() / 2, made.height() - 2] {
            let lights = [20, made.width() / 2, made.width() - 20];
            let lights = lights.map(|x| made.get_pixel(x, y)[0]);
            let right = [66, 127, 188];
            let far = lights.iter().zip(right).map(|(a, b)| a.abs_diff(b)).max();
            assert!(far <= Some(12), "{what}: {lights:?} at {y}");
        }
    }
}

/// A few hundred bytes each ask for another way over all blocks.
#[test]
fn passes_over_nothing_cost_no_more_than_a_photo() {
    let gray = &[(1, 1)];
    let only = [Pass { components: &[0], ..jpeg::USUAL[0] }];
    let with = |passes: usize| {
        let mut bytes = in_passes(8, 8, gray, &only);
        let frame = bytes.windows(2).position(|two| two == [0xff, 0xc2]).unwrap();
        bytes[frame + 5..frame + 9].copy_from_slice(&[0x23, 0x28, 0x31, 0x9c]);
        bytes.truncate(bytes.len() - 2);
        for _ in 1..passes {
            bytes.extend([0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0x10]);
            // Four times 16,384 blocks without anything: a code of eight bits, and 14 of the number.
            bytes.extend([0xe0, 0, 3, 0x80, 0, 0x0e, 0, 0, 0x38, 0, 0].repeat(28));
        }
        bytes.extend([0xff, 0xd9]);
        bytes
    };
    // 12,700 by 9,000 pixels.
    let (output, took) = work(&with(100));
    assert!(output.status.success(), "{:?} after {took:?}", output.status);
    let (output, _) = work(&with(101));
    assert!(!output.status.success() && output.stdout.is_empty());
}

/// The limit is the kernel's, and stands before the first byte of the photo is read.
#[test]
fn a_worker_has_sixty_four_mebibytes_beyond_the_program() {
    let mut child = Command::new(binary::path())
        .args(["image-worker", "\"Copies\""])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let read =
        |what: &str| std::fs::read_to_string(format!("/proc/{}/{what}", child.id())).unwrap();
    let number = |text: &str| text.split_whitespace().next().and_then(|n| n.parse::<u64>().ok());
    let limit = loop {
        let limits = read("limits");
        let line = limits.lines().find_map(|line| line.strip_prefix("Max address space")).unwrap();
        if let Some(bytes) = number(line) {
            break bytes;
        }
        std::thread::yield_now();
    };
    let status = read("status");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let program = number(size).unwrap() * 1_024;
    // It may have taken a first mebibyte for the photo already.
    assert!(limit <= program + 64 * 1_024 * 1_024, "{limit} beyond {program}");
    assert!(limit >= program + 60 * 1_024 * 1_024, "{limit} beyond {program}");
    drop(child.stdin.take());
    assert!(!child.wait().unwrap().success(), "no bytes are no photo");
}

/// A JPEG of any size from one row of its blocks, which stands in it as often as needed: with a
/// restart behind each row, every one of them is the same to the decoder.
fn strips(width: u32, height: u32) -> Vec<u8> {
    assert!(width.is_multiple_of(8) && height.is_multiple_of(8));
    let row = image::RgbImage::from_fn(width, 8, |x, y| {
        let byte = |value: u32| u8::try_from(value).unwrap();
        let (left, grain) = (x * 150 / width, ((x * 7) ^ (y * 13)) % 24);
        image::Rgb([byte(100 - left / 2 + grain), byte(20 + left + grain), byte(30 + grain)])
    });
    let one = jpeg_of(&row.into(), 85);
    let scan = one.windows(2).position(|two| two == [0xff, 0xda]).unwrap();
    let frame = one.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    let begins = scan + 2 + usize::from(u16::from_be_bytes([one[scan + 2], one[scan + 3]]));
    let mut bytes = one[..scan].to_vec();
    bytes[frame + 5..frame + 7].copy_from_slice(&u16::try_from(height).unwrap().to_be_bytes());
    bytes.extend([0xff, 0xdd, 0, 4]);
    bytes.extend(u16::try_from(width / 8).unwrap().to_be_bytes());
    bytes.extend(&one[scan..begins]);
    for n in 0..height / 8 {
        if n > 0 {
            bytes.extend([0xff, 0xd0 + u8::try_from((n - 1) % 8).unwrap()]);
        }
        bytes.extend(&one[begins..one.len() - 2]);
    }
    bytes.extend([0xff, 0xd9]);
    bytes
}

/// A PNG of one light.
fn wide_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let pixels = image::GrayImage::new(width, height);
    image::DynamicImage::ImageLuma8(pixels).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn hostile_files_cost_a_worker_its_life_and_nobody_else() {
    let mut bomb = picture(1, ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let checksum = bytes::crc32(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&checksum);
    let mut wide = bomb.clone();
    wide[16..24].copy_from_slice(&[0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff]);
    let checksum = bytes::crc32(&wide[12..29]).to_be_bytes();
    wide[29..33].copy_from_slice(&checksum);
    let large = wide_png(6_000, 6_000);
    let half = &big(2_000, 2_000)[..40_000];
    for (name, bytes) in [
        ("bomb", bomb.as_slice()),
        ("wide", &wide),
        ("36 megapixels in a format that is decoded whole", &large),
        ("nothing", b""),
        ("noise", &[0xff; 5_000]),
    ] {
        let (output, took) = work(bytes);
        assert!(!output.status.success(), "{name}");
        assert!(took < Duration::from_secs(60), "{name} took {took:?}");
        assert!(output.stdout.is_empty(), "{name}");
    }
    // Half a JPEG is a picture to its decoder; the declared hash keeps it out, not this.
    let _ = work(half);
}

fn jpeg_of(picture: &image::DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    picture.to_rgb8().write_with_encoder(encoder).unwrap();
    bytes
}

/// A picture with a car or so in it, other ones for other numbers, and the same in every size.
pub(crate) fn scene(n: u32, width: u32, height: u32) -> image::RgbImage {
    let mut state = n.wrapping_mul(0x9e37_79b9) | 1;
    let mut dice = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % below
    };
    let mut light = |least: u32| [0; 3].map(|_: u8| u8::try_from(least + dice(120)).unwrap());
    let (sky, road) = (light(120), light(20));
    let colors: Vec<_> = (0..14).map(|_| light(5)).collect();
    let mut picture = image::RgbImage::from_fn(width, height, |_, y| {
        image::Rgb(if y < height * 2 / 5 { sky } else { road })
    });
    for color in colors {
        let (x, y) = (dice(1_000) * width / 1_000, dice(1_000) * height / 1_000);
        let (w, h) = ((60 + dice(330)) * width / 1_000, (60 + dice(330)) * height / 1_000);
        let (round, w, h) = (dice(2) == 0, w.max(2), h.max(2));
        for dy in 0..h {
            for dx in 0..w {
                let (u, v) = (i64::from(2 * dx) - i64::from(w), i64::from(2 * dy) - i64::from(h));
                let (a, b) = (i64::from(w), i64::from(h));
                let inside = !round || u * u * b * b + v * v * a * a < a * a * b * b;
                if inside && x + dx < width && y + dy < height {
                    picture.put_pixel(x + dx, y + dy, image::Rgb(color));
                }
            }
        }
    }
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let grain = u8::try_from((x.wrapping_mul(7) ^ y.wrapping_mul(13)) % 24).unwrap();
        pixel.0 = pixel.0.map(|channel| channel.saturating_add(grain));
    }
    picture
}

fn large(n: u32) -> Vec<u8> {
    jpeg_of(&scene(n, 2_000, 1_500).into(), 90)
}

fn big(width: u32, height: u32) -> Vec<u8> {
    let tile = scene(5, 512, 512);
    let pixels = image::RgbImage::from_fn(width, height, |x, y| *tile.get_pixel(x % 512, y % 512));
    jpeg_of(&pixels.into(), 85)
}

/// The same JPEG with things in it that must not get out.
fn with_secrets(jpeg: &[u8]) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    for (marker, text) in [
        (0xe1, "Exif\0\0secret-gps"),
        (0xed, "Photoshop 3.0\0secret-iptc"),
        (0xfe, "secret-comment"),
    ] {
        bytes.extend([0xff, marker]);
        bytes.extend(u16::try_from(text.len() + 2).unwrap().to_be_bytes());
        bytes.extend(text.bytes());
    }
    bytes.extend(&jpeg[2..]);
    bytes
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[test]
fn planted_photos_are_found_among_many() {
    #[expect(clippy::disallowed_methods, reason = "how the tests are run")]
    let given = std::env::var("CHAKAN_REUSE").ok().and_then(|n| n.parse().ok());
    // CHAKAN_REUSE=10000 is the full size; false alarms grow with it.
    let (many, planted): (u32, u32) = (given.unwrap_or(400), 200);
    let index = server::evidence::ReuseIndex::default();
    let looks = |picture: &image::RgbImage| server::imaging::Looks::of(picture, picture);
    let name = |n: u32| ContentHash(Sha256::digest(n.to_be_bytes()).into());
    let mut alarms = 0;
    for n in 0..many {
        let looks = looks(&scene(n + 1, 160, 120));
        alarms += u32::from(!index.find(&looks).is_empty());
        index.add(name(n), looks.hashes);
    }
    let mut missed = Vec::new();
    for k in 0..planted {
        let n = k * (many / planted);
        let original = image::DynamicImage::ImageRgb8(scene(n + 1, 320, 240));
        let (what, changed) = change(k, &original);
        let copy = image::load_from_memory(&jpeg_of(&changed, 50)).unwrap();
        let copy = copy.thumbnail(160, 160).into_rgb8();
        let found = index.find(&looks(&copy));
        if !found.iter().any(|(sha256, _)| *sha256 == name(n)) {
            missed.push(what);
        }
    }
    println!(
        "{} of {planted} found, {alarms} false alarms among {many}",
        planted as usize - missed.len()
    );
    assert!(missed.len() <= 10, "missed: {missed:?}");
    assert!(alarms * 200 <= many, "{alarms} false alarms among {many}");
}

/// What somebody does to a photo before using it again.
fn change(k: u32, original: &image::DynamicImage) -> (&'static str, image::DynamicImage) {
    let (w, h) = original.dimensions();
    let (dx, dy) = (w * (k % 6) / 100, h * (k / 2 % 6) / 100);
    match k % 8 {
        0 => ("compressed", original.clone()),
        1 => ("half", original.resize_exact(w / 2, h / 2, image::imageops::FilterType::Triangle)),
        2 => ("cropped left and top", original.crop_imm(dx, dy, w - dx, h - dy)),
        3 => ("cropped right and foot", original.crop_imm(0, 0, w - dx, h - dy)),
        4 => ("brighter", image::DynamicImage::ImageRgb8(scaled(original, 110))),
        5 => ("darker", image::DynamicImage::ImageRgb8(scaled(original, 90))),
        6 => ("turned", original.rotate90()),
        _ => ("turned and cropped", original.rotate270().crop_imm(dy / 2, dx / 2, h - dy, w - dx)),
    }
}

fn scaled(picture: &image::DynamicImage, percent: u16) -> image::RgbImage {
    let mut pixels = picture.to_rgb8();
    for value in pixels.iter_mut() {
        *value = u8::try_from((u16::from(*value) * percent / 100).min(255)).unwrap();
    }
    pixels
}

#[test]
fn a_million_photos_are_searched_in_milliseconds() {
    let index = server::evidence::ReuseIndex::default();
    let mut state = 1_u64;
    let mut dice = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    // Without optimisation a tenth must do; the full figure is in the benches.
    let many = if cfg!(debug_assertions) { 20_000_u32 } else { 1_000_000 };
    for n in 0..many {
        let name = ContentHash(std::array::from_fn(|i| n.to_be_bytes()[i % 4]));
        index.add(name, [0; server::imaging::VARIANTS].map(|_: u64| dice()));
    }
    let looks = server::imaging::Looks::of(&scene(1, 320, 240), &scene(1, 320, 240));
    let began = Instant::now();
    let found = index.find(&looks);
    println!("{many} hashes in {:?}, {} found", began.elapsed(), found.len());
    assert!(began.elapsed() < Duration::from_secs(5));
}
