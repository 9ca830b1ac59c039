//! A strip with lines of text at the foot of a shared copy. Never on an original.

use image::{Rgb, RgbImage};
use ttf_parser::{Face, OutlineBuilder};

use super::{
    Made, PREVIEW, Unreadable,
    pipeline::{decode, encode, fit, unreadable},
};
use crate::print::FONT;

/// Height of a line, in thousandths of the picture's width, and at least this many pixels.
const LINE: u32 = 24;
const LEAST_LINE: u32 = 14;
/// Samples in each direction within a pixel.
const FINE: u32 = 3;

pub(super) fn draw(bytes: Vec<u8>, lines: &[String]) -> Result<Made, Unreadable> {
    let (pixels, _) = decode(bytes)?;
    let picture = fit(pixels, PREVIEW)?;
    let face = Face::parse(FONT, 0).map_err(unreadable)?;
    let line = (picture.width() * LINE / 1_000).max(LEAST_LINE);
    let count = u32::try_from(lines.len()).unwrap_or(0);
    let (width, height) = picture.dimensions();
    let mut whole = RgbImage::from_pixel(width, height + line * count + line / 2, Rgb([16; 3]));
    image::imageops::replace(&mut whole, &picture, 0, 0);
    let mut foot = height + line;
    for text in lines {
        write(&mut whole, &face, text, (line / 2, foot), line);
        foot += line;
    }
    Ok(Made { pictures: vec![encode(&whole)?], looks: None })
}

/// Writes a line of text from the left; what does not fit is left out.
fn write(picture: &mut RgbImage, face: &Face<'_>, text: &str, (x, foot): (u32, u32), line: u32) {
    let scale = pixels(line) * 0.8 / f32::from(face.units_per_em());
    let (mut left, foot) = (pixels(x), pixels(foot));
    for character in text.chars() {
        let glyph = face.glyph_index(character).or_else(|| face.glyph_index('〓'));
        let glyph = glyph.unwrap_or_default();
        let mut outline = Outline { scale, left, foot, ..Outline::default() };
        if face.outline_glyph(glyph, &mut outline).is_some() {
            outline.fill(picture);
        }
        left += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
    }
}

/// Sides of pictures are far below 2^24.
fn pixels(length: u32) -> f32 {
    f32::from(u16::try_from(length).unwrap_or(u16::MAX))
}

/// A glyph's outline as straight lines in pixels.
#[derive(Default)]
struct Outline {
    scale: f32,
    left: f32,
    foot: f32,
    begin: (f32, f32),
    at: (f32, f32),
    edges: Vec<((f32, f32), (f32, f32))>,
}

impl Outline {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.left + x * self.scale, self.foot - y * self.scale)
    }

    fn edge_to(&mut self, to: (f32, f32)) {
        self.edges.push((self.at, to));
        self.at = to;
    }

    /// Lights every pixel by how much of it is inside, by the number of edges around it.
    fn fill(&self, picture: &mut RgbImage) {
        let across =
            |least: f32, (from, to): &((f32, f32), (f32, f32))| least.min(from.0.min(to.0));
        let left = whole(self.edges.iter().fold(f32::MAX, across));
        let right = whole(self.edges.iter().fold(0.0, |most: f32, (a, b)| most.max(a.0.max(b.0))));
        let top = whole(self.edges.iter().fold(f32::MAX, |least, (a, b)| least.min(a.1.min(b.1))));
        let foot = whole(self.edges.iter().fold(0.0, |most: f32, (a, b)| most.max(a.1.max(b.1))));
        for y in top..=foot.min(picture.height().saturating_sub(1)) {
            for x in left..=right.min(picture.width().saturating_sub(1)) {
                let inside = self.samples(x, y);
                if inside > 0 {
                    let light = 16 + 230 * inside / (FINE * FINE);
                    let light = u8::try_from(light).unwrap_or(u8::MAX);
                    if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
                        *pixel = Rgb([light.max(pixel.0[0]); 3]);
                    }
                }
            }
        }
    }

    fn samples(&self, x: u32, y: u32) -> u32 {
        let fine = |n: u32| (pixels(n) + 0.5) / pixels(FINE);
        let mut inside = 0;
        for dy in 0..FINE {
            for dx in 0..FINE {
                inside += u32::from(self.winds(pixels(x) + fine(dx), pixels(y) + fine(dy)));
            }
        }
        inside
    }

    /// Whether the outline winds around a point.
    fn winds(&self, x: f32, y: f32) -> bool {
        let mut winding = 0;
        for ((ax, ay), (bx, by)) in &self.edges {
            let down = *ay <= y && *by > y;
            let up = *by <= y && *ay > y;
            if (down || up) && ax + (y - ay) / (by - ay) * (bx - ax) > x {
                winding += if down { 1 } else { -1 };
            }
        }
        winding != 0
    }
}

fn whole(length: f32) -> u32 {
    u32::try_from(crate::wire::whole_metres(f64::from(length.max(0.0).floor()))).unwrap_or(0)
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.begin = self.place(x, y);
        self.at = self.begin;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.edge_to(self.place(x, y));
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (from, control, to) = (self.at, self.place(cx, cy), self.place(x, y));
        for t in [0.25_f32, 0.5, 0.75, 1.0] {
            let mix = |a: f32, b: f32, c: f32| {
                a * (1.0 - t) * (1.0 - t) + 2.0 * b * t * (1.0 - t) + c * t * t
            };
            self.edge_to((mix(from.0, control.0, to.0), mix(from.1, control.1, to.1)));
        }
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        // The font has quadratic outlines only; a cubic one is near enough to its control points.
        self.quad_to((ax + bx) / 2.0, (ay + by) / 2.0, x, y);
    }

    fn close(&mut self) {
        self.edge_to(self.begin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_with_letters_stands_below_the_picture() {
        let picture = encode(&RgbImage::from_pixel(800, 600, Rgb([200, 30, 30]))).unwrap();
        let lines = ["2026-03-02 09:30 查勘".to_owned(), "S00001".to_owned()];
        let made = draw(picture.jpeg, &lines).unwrap();
        let drawn = image::load_from_memory(&made.pictures[0].jpeg).unwrap().into_rgb8();
        assert_eq!(drawn.dimensions(), (800, 600 + 19 * 2 + 9));
        let light = |y: u32| (0..800).filter(|x| drawn.get_pixel(*x, y)[1] > 150).count();
        assert!((605..619).map(light).sum::<usize>() > 100, "no letters");
        assert_eq!(light(300), 0);
    }
}
