//! The glyphs of the font.

use ttf_parser::GlyphId;

use super::{FONT, PrintFault};

/// Printed in place of a character that the font lacks.
const MISSING: char = '〓';

/// The font, opened.
pub struct Face {
    face: ttf_parser::Face<'static>,
    units: f32,
}

impl Face {
    /// Opens the font.
    ///
    /// # Errors
    /// [`PrintFault::Font`] for a damaged build.
    pub fn open() -> Result<Self, PrintFault> {
        let face = ttf_parser::Face::parse(FONT, 0)
            .map_err(|error| PrintFault::Font(error.to_string()))?;
        let units = f32::from(face.units_per_em());
        Ok(Self { face, units })
    }

    /// Whether the font has a glyph of its own for this character.
    #[must_use]
    pub fn has(&self, c: char) -> bool {
        self.face.glyph_index(c).is_some()
    }

    /// The glyph of a character, or the one that marks a missing one.
    #[must_use]
    pub fn glyph(&self, c: char) -> GlyphId {
        let found = self.face.glyph_index(c).or_else(|| self.face.glyph_index(MISSING));
        found.unwrap_or(GlyphId(0))
    }

    /// How far a glyph advances, in thousandths of the type size.
    #[must_use]
    pub fn advance(&self, glyph: GlyphId) -> f32 {
        f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) * 1_000.0 / self.units
    }

    /// The width of a text in points.
    #[must_use]
    pub fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|c| self.advance(self.glyph(c))).sum::<f32>() * size / 1_000.0
    }

    /// Heights above and below the line, and the box of all glyphs, in thousandths.
    pub(super) fn metrics(&self) -> Metrics {
        let scale = |value: i16| f32::from(value) * 1_000.0 / self.units;
        let bounds = self.face.global_bounding_box();
        Metrics {
            ascent: scale(self.face.ascender()),
            descent: scale(self.face.descender()),
            cap_height: scale(self.face.capital_height().unwrap_or(0)),
            bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(scale),
        }
    }
}

/// See [`Face::metrics`].
pub(super) struct Metrics {
    pub(super) ascent: f32,
    pub(super) descent: f32,
    pub(super) cap_height: f32,
    pub(super) bounds: [f32; 4],
}
