//! From pages to the bytes of a PDF file.

use std::{collections::BTreeMap, io::Write};

use chrono::{DateTime, Datelike, Timelike, Utc};
use flate2::{Compression, write::ZlibEncoder};
use pdf_writer::{
    Content, Date, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr,
    types::{CidFontType, FontFlags, LineCapStyle, SystemInfo, TextRenderingMode, UnicodeCmap},
};
use subsetter::GlyphRemapper;

use super::{
    FONT, Face, PrintFault, Printout, Weight,
    layout::{Mark, PAGE_HEIGHT, PAGE_WIDTH, Page},
};
use crate::wire;

const FONT_NAME: Name<'static> = Name(b"CHAKAN+ChakanSansSC-Regular");
const RESOURCE: Name<'static> = Name(b"F");
const CATALOG: i32 = 1;
const TREE: i32 = 2;
const INFO: i32 = 3;
const TYPE0: i32 = 4;
const CID: i32 = 5;
const DESCRIPTOR: i32 = 6;
const FONT_FILE: i32 = 7;
const CMAP: i32 = 8;
/// Two objects for each page follow.
const FIRST_PAGE: i32 = 10;
const IDENTITY: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// The whole file.
pub(super) fn file(
    printout: &Printout,
    pages: &[Page],
    face: &Face,
) -> Result<Vec<u8>, PrintFault> {
    let used = Used::of(pages, face);
    let mut pdf = Pdf::new();
    pdf.set_version(1, 7);
    let refs: Vec<(Ref, Ref)> =
        (FIRST_PAGE..).step_by(2).zip(pages).map(|(n, _)| (Ref::new(n), Ref::new(n + 1))).collect();
    let mut catalog = pdf.catalog(Ref::new(CATALOG));
    catalog.pages(Ref::new(TREE)).lang(TextStr(printout.lang));
    catalog.viewer_preferences().display_doc_title(true);
    catalog.finish();
    pdf.pages(Ref::new(TREE))
        .kids(refs.iter().map(|(page, _)| *page))
        .count(i32::try_from(refs.len()).unwrap_or(i32::MAX));
    info(&mut pdf, printout);
    for ((page, content), marks) in refs.iter().zip(pages) {
        let mut object = pdf.page(*page);
        object.media_box(Rect::new(0.0, 0.0, PAGE_WIDTH, PAGE_HEIGHT));
        object.parent(Ref::new(TREE)).contents(*content);
        object.resources().fonts().pair(RESOURCE, Ref::new(TYPE0));
        object.finish();
        let bytes = packed(&drawn(marks, &used, face));
        pdf.stream(*content, &bytes).filter(Filter::FlateDecode);
    }
    font(&mut pdf, &used, face)?;
    Ok(pdf.finish())
}

fn info(pdf: &mut Pdf, printout: &Printout) {
    let at: DateTime<Utc> = wire::time(printout.dated);
    let small = |value: u32| u8::try_from(value).unwrap_or(0);
    let date = Date::new(u16::try_from(at.year()).unwrap_or(0))
        .month(small(at.month()))
        .day(small(at.day()))
        .hour(small(at.hour()))
        .minute(small(at.minute()))
        .second(small(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let mut info = pdf.document_info(Ref::new(INFO));
    info.title(TextStr(&printout.title)).creator(TextStr("Chakan")).creation_date(date);
}

/// The glyphs that occur, with their numbers in the embedded font.
struct Used {
    remapper: GlyphRemapper,
    /// By new number: the character that is copied out, and the old glyph.
    chars: BTreeMap<u16, (char, ttf_parser::GlyphId)>,
}

impl Used {
    fn of(pages: &[Page], face: &Face) -> Self {
        let mut used = Self { remapper: GlyphRemapper::new(), chars: BTreeMap::new() };
        for mark in pages.iter().flatten() {
            let Mark::Text { text, .. } = mark else { continue };
            for c in text.chars() {
                let glyph = face.glyph(c);
                let number = used.remapper.remap(glyph.0);
                used.chars.entry(number).or_insert((c, glyph));
            }
        }
        used
    }

    /// A text as the two-byte numbers of its glyphs.
    fn encoded(&self, text: &str, face: &Face) -> Vec<u8> {
        let number = |c| self.remapper.get(face.glyph(c).0).unwrap_or(0).to_be_bytes();
        text.chars().flat_map(number).collect()
    }
}

fn drawn(page: &Page, used: &Used, face: &Face) -> Vec<u8> {
    let mut content = Content::new();
    for mark in page {
        match mark {
            Mark::Text { x, y, size, weight, text } => {
                // There is one font; sums and headings are set with a thin outline of its own colour.
                let (mode, outline) = match weight {
                    Weight::Plain => (TextRenderingMode::Fill, 0.0),
                    Weight::Strong => (TextRenderingMode::FillStroke, size * 0.03),
                };
                content.set_line_width(outline);
                content.begin_text().set_font(RESOURCE, *size).set_text_rendering_mode(mode);
                content.set_text_matrix([1.0, 0.0, 0.0, 1.0, *x, *y]);
                content.show(Str(&used.encoded(text, face)));
                content.end_text();
            }
            Mark::Rule { x1, y1, x2, y2, width } => {
                content.set_line_width(*width).move_to(*x1, *y1).line_to(*x2, *y2).stroke();
            }
            Mark::Stroke(points) => stroke(&mut content, points),
        }
    }
    content.finish().into_vec()
}

fn stroke(content: &mut Content, points: &[(f32, f32)]) {
    let Some(((x, y), rest)) = points.split_first() else { return };
    content.set_line_width(1.4).set_line_cap(LineCapStyle::RoundCap).move_to(*x, *y);
    for (x, y) in rest {
        content.line_to(*x, *y);
    }
    content.stroke();
}

fn font(pdf: &mut Pdf, used: &Used, face: &Face) -> Result<(), PrintFault> {
    let program = subsetter::subset(FONT, 0, &used.remapper)
        .map_err(|error| PrintFault::Font(error.to_string()))?;
    pdf.type0_font(Ref::new(TYPE0))
        .base_font(FONT_NAME)
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(Ref::new(CID))
        .to_unicode(Ref::new(CMAP));
    let mut cid = pdf.cid_font(Ref::new(CID));
    cid.subtype(CidFontType::Type2).base_font(FONT_NAME).system_info(IDENTITY);
    cid.font_descriptor(Ref::new(DESCRIPTOR)).default_width(1_000.0);
    cid.cid_to_gid_map_predefined(Name(b"Identity"));
    let mut widths = cid.widths();
    for (number, (_, glyph)) in &used.chars {
        widths.consecutive(*number, [face.advance(*glyph)]);
    }
    widths.finish();
    cid.finish();
    let metrics = face.metrics();
    let [x1, y1, x2, y2] = metrics.bounds;
    pdf.font_descriptor(Ref::new(DESCRIPTOR))
        .name(FONT_NAME)
        .flags(FontFlags::SYMBOLIC)
        .bbox(Rect::new(x1, y1, x2, y2))
        .italic_angle(0.0)
        .ascent(metrics.ascent)
        .descent(metrics.descent)
        .cap_height(metrics.cap_height)
        .stem_v(80.0)
        .font_file2(Ref::new(FONT_FILE));
    let packed_program = packed(&program);
    pdf.stream(Ref::new(FONT_FILE), &packed_program)
        .filter(Filter::FlateDecode)
        .pair(Name(b"Length1"), i32::try_from(program.len()).unwrap_or(0));
    let mut cmap = UnicodeCmap::new(Name(b"Custom"), IDENTITY);
    for (number, (c, _)) in &used.chars {
        cmap.pair(*number, *c);
    }
    pdf.cmap(Ref::new(CMAP), &cmap.finish());
    Ok(())
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
