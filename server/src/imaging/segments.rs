//! The segments of a JPEG: what stands before its pixels, each with a marker and a length.

/// A segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// What it is (ITU-T T.81, table B.1), without the 0xff before it.
    pub marker: u8,
    /// What stands in it, behind its length.
    pub content: &'a [u8],
    /// What stands behind it.
    pub rest: &'a [u8],
}

/// The segments up to the first scan, or up to where they make no sense.
pub fn segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    more_segments(bytes.strip_prefix(&[0xff, 0xd8]).unwrap_or_default())
}

/// The same from the middle of a file: what stands between its scans.
pub(super) fn more_segments(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let (mut rest, mut over) = (bytes, false);
    std::iter::from_fn(move || {
        // Any number of full bytes may stand before a marker.
        while let [0xff, 0xff, ..] = rest {
            rest = rest.get(1..).unwrap_or_default();
        }
        let [0xff, marker, behind @ ..] = rest else { return None };
        if over || matches!(marker, 0x01 | 0xd0..=0xd9) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(*behind.first_chunk()?));
        let (segment, behind) = behind.split_at_checked(length)?;
        (rest, over) = (behind, *marker == 0xda);
        Some(Segment { marker: *marker, content: segment.get(2..)?, rest })
    })
}

/// What the camera wrote into a JPEG: the EXIF segment without its mark.
#[must_use]
pub fn exif(bytes: &[u8]) -> Option<&[u8]> {
    let mut application = segments(bytes).filter(|segment| segment.marker == 0xe1);
    application.find_map(|segment| segment.content.strip_prefix(b"Exif\0\0"))
}
