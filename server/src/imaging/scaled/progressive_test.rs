//! Pictures in many passes, beside the same frequencies in one.

#[path = "../../../../tests/src/jpeg.rs"]
mod jpeg;

use jpeg::{Frequencies, Pass, USUAL};

use super::*;

const ANY: usize = 300_000_000;
const ALL: &[usize] = &[0, 1, 2];

/// Blocks of all sorts, from empty to full.
fn blocks() -> Vec<[i16; 64]> {
    let mut state = 7_u32;
    let mut dice = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        i16::try_from(state % below).unwrap()
    };
    let mut blocks = vec![[0; 64]];
    for n in 0..96 {
        let mut block = [0; 64];
        block[0] = dice(400) - 200;
        for value in &mut block[1..] {
            // Large ones are rare, and so are any in most blocks.
            if dice(64) < n % 48 {
                *value = (dice(41) - 20) / (1 + dice(12));
            }
        }
        if n % 5 == 0 {
            block[63] = 1;
        }
        blocks.push(block);
    }
    blocks
}

fn pass(components: &'static [usize], band: (usize, usize), refines: bool, bit: u8) -> Pass {
    Pass { components, band, refines, bit }
}

/// Ways to send a picture with colours, and those that do for gray.
fn ways() -> Vec<Vec<Pass>> {
    let each: [&'static [usize]; 3] = [&[0], &[1], &[2]];
    // Everything at once but for the first frequency, which comes by itself.
    let mut few = vec![pass(ALL, (0, 0), false, 0)];
    few.extend(each.map(|one| pass(one, (1, 63), false, 0)));
    // Nothing of colours together, in narrow bands, from the highest bit to the lowest.
    let mut many = Vec::new();
    for one in each {
        many.push(pass(one, (0, 0), false, 3));
        for band in [(40, 63), (3, 39), (1, 2)] {
            many.push(pass(one, band, false, 3));
        }
    }
    for bit in [2, 1, 0] {
        for one in each {
            many.push(pass(one, (0, 0), true, bit));
            many.push(pass(one, (2, 63), true, bit));
            many.push(pass(one, (1, 1), true, bit));
        }
    }
    vec![USUAL.to_vec(), few, many]
}

#[test]
fn many_passes_make_the_same_pixels_as_one() {
    let blocks = blocks();
    let block = |c: usize, x: usize, y: usize| &blocks[(c * 31 + x * 7 + y * 13) % blocks.len()];
    let colours: [&[(u8, u8)]; 6] = [
        &[(2, 2), (1, 1), (1, 1)],
        &[(1, 1), (1, 1), (1, 1)],
        &[(2, 1), (1, 1), (1, 1)],
        &[(1, 2), (1, 1), (1, 1)],
        &[(4, 1), (1, 1), (1, 1)],
        &[(2, 2)],
    ];
    for factors in colours {
        for (width, height, restart) in [(333, 257, 0), (160, 97, 1), (75, 300, 7), (16, 16, 3)] {
            let picture = Frequencies { width, height, factors, restart, block: &block };
            let one = jpeg::baseline(picture);
            let whole = image::load_from_memory(&one).unwrap();
            for (n, way) in ways().into_iter().enumerate() {
                let way: Vec<_> = if factors.len() == 1 {
                    let own = way.into_iter().filter(|pass| pass.components.contains(&0));
                    own.map(|it| Pass { components: &[0], ..it }).collect()
                } else {
                    way
                };
                let many = jpeg::progressive(picture, &way);
                let case = format!("{factors:?} {width} x {height} {restart}, way {n}");
                let same = image::load_from_memory(&many).unwrap();
                assert!(same == whole, "{case}: not a picture that others read");
                let longer = usize::from(width.max(height));
                for by in [2, 4, 8] {
                    let found = decode(&many, longer / by, ANY).unwrap().unwrap();
                    let right = decode(&one, longer / by, ANY).unwrap().unwrap();
                    assert_eq!((found.width, found.height), (right.width, right.height));
                    assert!(found.rgb == right.rgb, "{case} by {by}");
                }
            }
        }
    }
}

/// Soft shades in three components of the same size.
fn shades(width: u16, height: u16, see: impl FnOnce(Frequencies<'_>)) {
    let blocks: Vec<_> = (-100..100)
        .map(|light| {
            let mut block = [0; 64];
            (block[0], block[1], block[2], block[12]) = (light * 2, 9 - light / 8, 5, light / 4);
            block
        })
        .collect();
    let block = |c: usize, x: usize, y: usize| &blocks[(c * 50 + x * 3 + y * 2) % blocks.len()];
    let factors = &[(2, 2), (1, 1), (1, 1)];
    see(Frequencies { width, height, factors, restart: 0, block: &block });
}

#[test]
fn what_is_cut_off_leaves_a_coarser_picture() {
    shades(320, 240, |picture| {
        let bytes = jpeg::progressive(picture, &USUAL);
        let whole = decode(&bytes, 160, ANY).unwrap().unwrap();
        let scans = heads(&bytes);
        let mut means = Vec::new();
        for at in scans.iter().skip(1).copied().chain([bytes.len() - 3]) {
            let found = decode(&bytes[..at], 160, ANY).unwrap().unwrap();
            let pairs = found.rgb.iter().zip(&whole.rgb);
            let sum: u32 = pairs.map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
            means.push(sum / u32::try_from(whole.rgb.len()).unwrap());
        }
        assert!(means[0] <= 12 && means[0] >= means[4], "{means:?}");
        assert!(means[5..].iter().all(|mean| *mean <= 1), "{means:?}");
        // In the middle of the first pass the rest is gray.
        let half = decode(&bytes[..scans[0] + (scans[1] - scans[0]) / 2], 160, ANY);
        let half = half.unwrap().unwrap();
        assert_eq!(half.rgb[half.rgb.len() - 3..], [128; 3]);
        assert_eq!(
            half.rgb[..30],
            decode(&bytes[..scans[1]], 160, ANY).unwrap().unwrap().rgb[..30]
        );
    });
}

/// Every size has its price, and what is too dear becomes smaller (B31).
#[test]
fn pictures_are_as_large_as_there_is_room_for() {
    shades(330, 250, |picture| {
        let bytes = jpeg::progressive(picture, &USUAL);
        let Some(header::Found::Progressive(frame, scans)) = header::read(&bytes) else {
            panic!("not progressive")
        };
        let room = 58 * 1024 * 1024;
        // 42 by 32 blocks of light and half as many of colours: 16, 4 or 1 frequencies of two bytes, and
        // which ones are not zero; only for an eighth nobody needs that.
        for (kind, taken, size) in [
            (Kind::Half, 42 * 32 * 3 / 2 * (32 + 8) + 165 * 125 * 3, (165, 125)),
            (Kind::Quarter, 42 * 32 * 3 / 2 * (8 + 8) + 83 * 63 * 3, (83, 63)),
            (Kind::Eighth, 42 * 32 * 3 / 2 * 2 + 42 * 32 * 3, (42, 32)),
        ] {
            let fits = |photo, kind| progressive::decode(&frame, &scans, kind, photo);
            let found = fits(room - taken, Some(Kind::Half)).unwrap();
            assert_eq!((found.width, found.height), size, "{kind:?}");
            // Also where whole pixels are asked for, which the general decoder has no room for.
            let found = fits(room - taken, None).unwrap();
            assert_eq!((found.width, found.height), size, "{kind:?}");
            let less = fits(room - taken + 1, Some(kind));
            assert!(less.is_none_or(|found| found.width < size.0), "{kind:?}");
        }
        assert!(progressive::decode(&frame, &scans, None, bytes.len()).is_none());
    });
}

#[test]
fn more_passes_than_anybody_makes_are_refused() {
    shades(64, 64, |picture| {
        let mut passes = USUAL[..1].to_vec();
        passes.resize(MOST_SCANS, pass(&[1], (1, 63), false, 0));
        assert!(decode(&jpeg::progressive(picture, &passes), 32, ANY).unwrap().is_some());
        passes.push(passes[1]);
        assert!(decode(&jpeg::progressive(picture, &passes), 32, ANY).is_err());
    });
}

#[test]
fn a_pass_that_makes_no_sense_adds_nothing_up_to_a_restart() {
    shades(320, 240, |picture| {
        for restart in [0, 40] {
            let bytes = jpeg::progressive(Frequencies { restart, ..picture }, &USUAL);
            let whole = decode(&bytes, 160, ANY).unwrap().unwrap();
            let mut heads = heads(&bytes);
            heads.push(bytes.len() - 2);
            for (scan, pass) in USUAL.iter().enumerate() {
                let (begin, end) = (heads[scan], heads[scan + 1]);
                let at = begin + 8 + 2 * pass.components.len();
                let mut broken = bytes.clone();
                // No code begins like this.
                broken.splice(at..at + 2, [0xff, 0, 0xff, 0, 0xff, 0]);
                let mut without = bytes.clone();
                without.drain(begin..end);
                let [broken, without] =
                    [broken, without].map(|it| decode(&it, 160, ANY).unwrap().unwrap().rgb);
                // The refinement of the first frequency has no codes.
                if restart == 0 && (pass.band.0 > 0 || !pass.refines) {
                    assert!(broken == without, "{pass:?}");
                } else if scan == 0 {
                    assert!(broken != without && broken != whole.rgb);
                }
            }
        }
    });
}

/// Where the passes begin.
fn heads(bytes: &[u8]) -> Vec<usize> {
    let scans = bytes.windows(2).enumerate().filter(|(_, two)| *two == [0xff, 0xda]);
    scans.map(|(at, _)| at).collect()
}

#[test]
fn nonsense_between_passes_is_left_to_others() {
    shades(64, 64, |picture| {
        let bytes = jpeg::progressive(picture, &USUAL);
        let heads = heads(&bytes);
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            decode(&bytes, 32, ANY).unwrap()
        };
        // The second pass: its component, its frequencies and its bits.
        let second = heads[1];
        assert!(with(second + 5, 1).is_some());
        for (at, byte, what) in [
            (4, 0, "no component"),
            (5, 9, "a component that is not there"),
            (6, 3, "codes that are not there"),
            (7, 6, "frequencies from the sixth to the fifth"),
            (8, 64, "frequencies beyond the last"),
            (9, 0x0e, "bits beyond any"),
            (9, 0x31, "bits that leave one out"),
        ] {
            assert!(with(second + at, byte).is_none(), "{what}");
        }
        // Components in the first pass must stand in their order.
        assert!(with(heads[0] + 7, 1).is_none());
        // A second beginning.
        let mut twice = bytes[..second].to_vec();
        twice.extend(&bytes[2..]);
        assert!(decode(&twice, 32, ANY).unwrap().is_none());
    });
}

/// Arithmetic that overflows panics in this build, and so does every index that is out of bounds.
#[test]
fn no_bytes_make_it_panic() {
    let blocks = blocks();
    let block = |c: usize, x: usize, y: usize| &blocks[(c * 31 + x * 7 + y * 13) % blocks.len()];
    for (way, restart) in ways().iter().zip([0, 0, 2]) {
        let factors = &[(2, 1), (1, 1), (1, 1)];
        let picture = Frequencies { width: 40, height: 24, factors, restart, block: &block };
        let whole = jpeg::progressive(picture, way);
        for n in 0..whole.len() {
            for flip in [0xff, 0x01, 0x10] {
                let mut changed = whole.clone();
                changed[n] ^= flip;
                for side in [20, 5] {
                    // A size that is larger now costs no more than it says.
                    let _ = decode(&changed, side, 100_000);
                }
            }
            let _ = decode(&whole[..n], 20, ANY);
        }
    }
}
