//! PURE: what bytes are, by their first ones, and what becomes of them.

/// The kinds of picture and video that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// HEIC: kept, never decoded (B32).
    Heic,
    /// MPEG-4 video, kept like the next ones and never decoded.
    Mp4,
    /// QuickTime video.
    QuickTime,
    /// Video of older phones.
    ThreeGp,
}

/// Majors and compatible brands of ISO base media files (ISO/IEC 14496-12), and what they stand for.
/// `mif1` and `isom` are said by many kinds of file beside the brand that tells which one it is.
const BRANDS: &[(&[[u8; 4]], MediaType)] = &[
    (
        &[*b"heic", *b"heix", *b"heim", *b"heis", *b"hevc", *b"hevx", *b"hevm", *b"hevs"],
        MediaType::Heic,
    ),
    (&[*b"qt  "], MediaType::QuickTime),
    (
        &[*b"3gp4", *b"3gp5", *b"3gp6", *b"3gp7", *b"3gp8", *b"3gp9", *b"3gs7", *b"3ge6", *b"3ge7"],
        MediaType::ThreeGp,
    ),
    (
        &[
            *b"mp41", *b"mp42", *b"isom", *b"iso2", *b"iso4", *b"iso5", *b"iso6", *b"avc1",
            *b"M4V ", *b"MSNV",
        ],
        MediaType::Mp4,
    ),
];
/// Majors that leave it to the compatible brands what the file is.
const GENERAL: &[[u8; 4]] = &[*b"mif1", *b"msf1"];
/// No honest file type box is longer.
const LONGEST_FILE_TYPE: usize = 256;

impl MediaType {
    /// The media type on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Heic => "image/heic",
            Self::Mp4 => "video/mp4",
            Self::QuickTime => "video/quicktime",
            Self::ThreeGp => "video/3gpp",
        }
    }

    /// The end of the names of files of this kind.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Heic => "heic",
            Self::Mp4 => "mp4",
            Self::QuickTime => "mov",
            Self::ThreeGp => "3gp",
        }
    }

    /// The kind that has this media type.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Jpeg, Self::Png, Self::Webp, Self::Heic];
        let videos = [Self::Mp4, Self::QuickTime, Self::ThreeGp];
        all.into_iter().chain(videos).find(|kind| kind.as_str() == name)
    }

    /// Whether our worker decodes it. The others are handed out as they are, and only to be saved.
    #[must_use]
    pub fn is_decoded(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp)
    }

    /// Whether it moves.
    #[must_use]
    pub fn is_video(self) -> bool {
        matches!(self, Self::Mp4 | Self::QuickTime | Self::ThreeGp)
    }

    /// What the first bytes say. Nothing that a client claims about its bytes counts (B32).
    #[must_use]
    pub fn of_bytes(start: &[u8]) -> Option<Self> {
        match start {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [a, b, c, d, b'f', b't', b'y', b'p', rest @ ..] => {
                let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).ok()?;
                let brands = rest.get(..length.checked_sub(8)?)?;
                if length <= LONGEST_FILE_TYPE { Self::of_brands(brands) } else { None }
            }
            _ => None,
        }
    }

    /// What a file type box says: its major brand, and where that is a general one, the others.
    fn of_brands(brands: &[u8]) -> Option<Self> {
        let (brands, rest) = brands.as_chunks::<4>();
        let [major, _version, others @ ..] = brands else { return None };
        let of = |brand: &[u8; 4]| {
            BRANDS.iter().find(|(names, _)| names.contains(brand)).map(|(_, kind)| *kind)
        };
        let kind = if GENERAL.contains(major) {
            others.iter().find_map(of).filter(|kind| *kind == Self::Heic)
        } else {
            of(major)
        };
        if rest.is_empty() { kind } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_what_it_is() {
        for (start, expected) in [
            (&b"\xff\xd8\xff\xe0rest"[..], Some(MediaType::Jpeg)),
            (b"\x89PNG\r\n\x1a\nrest", Some(MediaType::Png)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(MediaType::Webp)),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"\xff\xd8", None),
            (b"GIF89a", None),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
            (b"<html>\xff\xd8\xff", None),
            (b"%PDF-1.7", None),
            (b"", None),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heicrest", Some(MediaType::Heic)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heixrest", Some(MediaType::Heic)),
            (b"\0\0\0\x14ftypqt  \0\0\x02\0qt  wide", Some(MediaType::QuickTime)),
            (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", Some(MediaType::Mp4)),
            (b"\0\0\0\x18ftypisom\0\0\x02\0isomavc1", Some(MediaType::Mp4)),
            (b"\0\0\0\x14ftyp3gp5\0\0\x01\0isom", Some(MediaType::ThreeGp)),
            // Sound, AVIF, JPEG XL, and boxes that end before they end or nowhere.
            (b"\0\0\0\x14ftypM4A \0\0\0\0isom", None),
            (b"\0\0\0\x18ftypavif\0\0\0\0mif1heic", None),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", None),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1mp42", None),
            (b"\0\0\0\x14ftypjxl \0\0\0\0jxl ", None),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1", None),
            (b"\0\0\0\x07ftypheic\0\0\0\0mif1", None),
            (b"\0\0\0\x0cftypheic", None),
            (b"\0\0\0\x15ftypheic\0\0\0\0mif1h", None),
            (b"\xff\xff\xff\xffftypheic\0\0\0\0mif1", None),
        ] {
            assert_eq!(MediaType::of_bytes(start), expected, "{start:?}");
        }
    }
}
