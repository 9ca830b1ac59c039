//! PURE: what bytes pass for a photo, when two declarations are one, how many are in, and which
//! facts do not fit together. Doubts about time and place are notes, never refusals (B29).

use sync_core::{
    geo::Point,
    ids::{CaseId, LineId, PhotoId},
    photo::{ContentHash, PhotoSlot},
    time::{Instant, Span},
};

/// Most photos of one case.
pub const MOST_PHOTOS: usize = 1_000;
/// Most pixels of one photo: what the largest sensors of phones give.
const MOST_PIXELS: u64 = 200_000_000;

/// A photo as announced by the phone.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    pub id: PhotoId,
    pub case_id: CaseId,
    pub sha256: ContentHash,
    pub size: u64,
    pub slot: PhotoSlot,
    pub captured_at: Instant,
    pub position: Option<Point>,
    pub accuracy_m: Option<f64>,
    pub mock: Option<bool>,
    pub line_id: Option<LineId>,
}

/// What to do with a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// Store it.
    New,
    /// It stands already.
    Known,
}

/// Why a photo is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhotoRefusal {
    /// The id stands for something else.
    IdTaken,
    /// The same hash was declared with another size, so one of the two can never arrive.
    SizeDiffers,
    /// The case has as many photos as a case may have.
    TooMany,
    /// More pixels than any honest photo.
    TooManyPixels,
}

impl PhotoRefusal {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::IdTaken => "id_taken",
            Self::SizeDiffers => "size_differs",
            Self::TooMany => "too_many_photos",
            Self::TooManyPixels => "too_many_pixels",
        }
    }
}

/// Judges a declaration by the photo with the same id, if there is one, and the others of the case.
///
/// # Errors
/// [`PhotoRefusal`].
pub fn judge_declaration(
    new: &Declaration,
    same_id: Option<&Declaration>,
    of_case: &[Declaration],
) -> Result<Declared, PhotoRefusal> {
    match same_id {
        Some(known) if known == new => return Ok(Declared::Known),
        Some(_) => return Err(PhotoRefusal::IdTaken),
        None => {}
    }
    if of_case.iter().any(|other| other.sha256 == new.sha256 && other.size != new.size) {
        Err(PhotoRefusal::SizeDiffers)
    } else if of_case.len() >= MOST_PHOTOS {
        Err(PhotoRefusal::TooMany)
    } else {
        Ok(Declared::New)
    }
}

/// Whether somebody may later have to decode this many pixels (B31).
///
/// # Errors
/// [`PhotoRefusal::TooManyPixels`].
pub fn judge_pixels(width: u32, height: u32) -> Result<(), PhotoRefusal> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels <= MOST_PIXELS { Ok(()) } else { Err(PhotoRefusal::TooManyPixels) }
}

/// What the camera wrote into the file, as far as it can be compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Camera {
    /// The camera's wall clock, as if it showed UTC.
    pub wall_clock: Option<Instant>,
    /// How far that wall clock is ahead of UTC.
    pub utc_offset: Option<Span>,
    /// Where the camera was.
    pub position: Option<Point>,
    /// When the satellites said that it was.
    pub gps_at: Option<Instant>,
    /// What programs have left in the file: their names, from every place where they leave them.
    pub marks: Vec<String>,
    /// Whether it says which camera it was.
    pub named: bool,
}

/// What else is known about a photo's surroundings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surroundings {
    /// The reported scene and its radius in metres.
    pub scene: Option<(Point, f64)>,
    /// Where the surveyor said they had arrived.
    pub arrival: Option<Point>,
    /// How far the phone's clock was ahead of ours when it announced the photo.
    pub device_ahead: Option<Span>,
    /// Pixels across and down.
    pub pixels: (u32, u32),
    /// Whether the bytes are a PNG, as screenshots are.
    pub png: bool,
    /// Whether another case has the same bytes.
    pub same_elsewhere: bool,
    /// Whether a photo that was there before looks like it.
    pub like_another: bool,
}

/// Something about a photo that does not fit together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// The phone's clock was this far from ours; positive when the phone's was ahead.
    DeviceClockDiffers(Span),
    /// The camera's time is this far from the phone's; positive when the camera is ahead.
    CameraClockDiffers(Span),
    /// The camera's place is this many metres from the phone's.
    CameraPlaceDiffers(f64),
    /// The phone says itself that its position is a mock.
    MockPosition,
    /// The phone says that it took the photo this long after it had announced it.
    CapturedInFuture(Span),
    /// The satellites' time is this far from the phone's.
    GpsClockDiffers(Span),
    /// It was taken this many metres from the reported scene.
    FarFromScene(f64),
    /// It was taken this many metres from where the surveyor arrived.
    FarFromArrival(f64),
    /// A program for editing pictures has written the file.
    Edited,
    /// It has the shape of a screen and no camera.
    Screenshot,
    /// Another case has the same bytes.
    SameElsewhere,
    /// It looks like a photo that was there before.
    LikeAnother,
}

/// How much a photo proves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Something speaks against it.
    Weak,
    /// Nothing speaks against it, and not much for it.
    Fair,
    /// Phone, camera and satellites tell one story.
    Strong,
}

impl Grade {
    /// The stable code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Fair => "fair",
            Self::Strong => "strong",
        }
    }
}

/// Grades a photo by its notes and by what confirms it. Never a reason to refuse it (B29).
#[must_use]
pub fn grade(notes: &[Note], declared: &Declaration, camera: &Camera) -> Grade {
    let confirmed = camera.wall_clock.is_some()
        && camera.position.is_some()
        && declared.position.is_some()
        && declared.mock == Some(false);
    match notes {
        [] if confirmed => Grade::Strong,
        [] => Grade::Fair,
        _ => Grade::Weak,
    }
}

/// Further from the scene than this, or its own radius, is far.
const SCENE_M: f64 = 1_000.0;
/// A surveyor walks around an accident, not around a town.
const ARRIVAL_M: f64 = 500.0;
/// Words in the names of programs that change pictures.
const EDITORS: &[&str] = &[
    "photoshop",
    "lightroom",
    "gimp",
    "snapseed",
    "picsart",
    "meitu",
    "美图",
    "pixelmator",
    "affinity",
    "paint.net",
    "canva",
    "facetune",
    "醒图",
    "acdsee",
    "camera raw",
    "capture one",
    "darktable",
    "luminar",
    "photopea",
    "picsay",
    "vsco",
    "faceapp",
    "b612",
    "beautycam",
    "美颜",
    "黄油相机",
    "imagemagick",
    "轻颜",
];
/// Words by which systems mark pictures of their own screens.
const SCREENSHOTS: &[&str] = &["screenshot", "screen shot", "截屏", "截图"];

/// The first mark that names a program for changing pictures.
#[must_use]
pub fn edited_by(camera: &Camera) -> Option<String> {
    camera.marks.iter().find(|mark| names_one_of(mark, EDITORS)).cloned()
}

fn names_one_of(mark: &str, words: &[&str]) -> bool {
    let mark = mark.to_lowercase();
    words.iter().any(|word| mark.contains(word))
}

/// Whether it calls itself a picture of a screen, or has the shape of one and no camera.
#[must_use]
pub fn is_screenshot(camera: &Camera, around: &Surroundings) -> bool {
    let (long, short) =
        (around.pixels.0.max(around.pixels.1), around.pixels.0.min(around.pixels.1));
    // Screens of phones are at least 16 by 9; cameras take 4 by 3 or 3 by 2, and 16 by 9 in JPEG.
    let tall = u64::from(long) * 9 >= u64::from(short) * 16 && short > 0;
    let shape = tall && (around.png || u64::from(long) * 9 > u64::from(short) * 17);
    !camera.named && shape || camera.marks.iter().any(|mark| names_one_of(mark, SCREENSHOTS))
}

/// How far the two clocks in a file are ahead of the phone's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// The camera's.
    pub camera: Option<Span>,
    /// The satellites'.
    pub gps: Option<Span>,
}

/// Compares a file's clocks with the phone's.
#[must_use]
pub fn clocks(declared: &Declaration, camera: &Camera) -> Clocks {
    let wall_clock = camera.wall_clock.map(|at| at - camera.utc_offset.unwrap_or(USUAL_OFFSET));
    Clocks {
        camera: wall_clock.map(|at| at.since(declared.captured_at)),
        gps: camera.gps_at.map(|at| at.since(declared.captured_at)),
    }
}

/// How far from the scene and from the arrival a photo was taken, in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distances {
    /// From the reported scene.
    pub scene: Option<f64>,
    /// From where the surveyor said they had arrived.
    pub arrival: Option<f64>,
}

/// Measures from where the phone says that it was.
#[must_use]
pub fn distances(declared: &Declaration, around: &Surroundings) -> Distances {
    let metres = |from: Option<Point>| {
        declared.position.zip(from).map(|(here, there)| here.distance_m(there))
    };
    Distances {
        scene: metres(around.scene.map(|(place, _)| place)),
        arrival: metres(around.arrival),
    }
}

/// Doubts that come from a photo's surroundings.
#[must_use]
pub fn notes_about(declared: &Declaration, camera: &Camera, around: &Surroundings) -> Vec<Note> {
    let accuracy = declared.accuracy_m.unwrap_or(0.0);
    let far =
        |metres: Option<f64>, within: f64| metres.filter(|metres| *metres > within + accuracy);
    let distances = distances(declared, around);
    let radius = around.scene.map_or(0.0, |(_, radius)| radius);
    let scene = far(distances.scene, SCENE_M.max(radius));
    let arrival = far(distances.arrival, ARRIVAL_M);
    let differs = |ahead: &Span| ahead.abs() > CLOCK_TOLERANCE;
    let gps = clocks(declared, camera).gps.filter(differs);
    let device = around.device_ahead.filter(differs);
    [
        device.map(Note::DeviceClockDiffers),
        gps.map(Note::GpsClockDiffers),
        scene.map(Note::FarFromScene),
        arrival.map(Note::FarFromArrival),
        edited_by(camera).is_some().then_some(Note::Edited),
        is_screenshot(camera, around).then_some(Note::Screenshot),
        around.same_elsewhere.then_some(Note::SameElsewhere),
        around.like_another.then_some(Note::LikeAnother),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Note {
    /// Whether the bytes speak against when and where the phone says that they were taken.
    #[must_use]
    pub fn contradicts(self) -> bool {
        matches!(
            self,
            Self::CameraClockDiffers(_)
                | Self::GpsClockDiffers(_)
                | Self::CameraPlaceDiffers(_)
                | Self::Edited
                | Self::Screenshot
                | Self::SameElsewhere
        )
    }

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::DeviceClockDiffers(_) => "device_clock_differs",
            Self::CameraClockDiffers(_) => "camera_clock_differs",
            Self::CameraPlaceDiffers(_) => "camera_place_differs",
            Self::MockPosition => "mock_position",
            Self::CapturedInFuture(_) => "captured_in_future",
            Self::GpsClockDiffers(_) => "gps_clock_differs",
            Self::FarFromScene(_) => "far_from_scene",
            Self::FarFromArrival(_) => "far_from_arrival",
            Self::Edited => "edited",
            Self::Screenshot => "screenshot",
            Self::SameElsewhere => "same_in_another_case",
            Self::LikeAnother => "like_another_photo",
        }
    }
}

/// A camera and its phone share one clock; this much may pass between shutter and file.
const CLOCK_TOLERANCE: Span = Span::minutes(5);
/// Cameras of the mainland market may write GCJ-02, which is off by up to 680 m, without saying so.
const PLACE_TOLERANCE_M: f64 = 800.0;
/// The one time zone of the mainland, for cameras that do not say theirs.
const USUAL_OFFSET: Span = Span::hours(8);

/// What does not fit together. A photo without doubts may still be false; one with doubts is kept.
#[must_use]
pub fn notes(declared: &Declaration, declared_at: Instant, camera: &Camera) -> Vec<Note> {
    let clock = clocks(declared, camera).camera;
    let clock = clock.filter(|ahead| ahead.abs() > CLOCK_TOLERANCE).map(Note::CameraClockDiffers);
    let place = camera.position.zip(declared.position).and_then(|(camera, phone)| {
        let metres = camera.distance_m(phone);
        let tolerance = PLACE_TOLERANCE_M + declared.accuracy_m.unwrap_or(0.0);
        (metres > tolerance).then_some(Note::CameraPlaceDiffers(metres))
    });
    let ahead = declared.captured_at.since(declared_at);
    let future = (ahead > CLOCK_TOLERANCE).then_some(Note::CapturedInFuture(ahead));
    let mock = (declared.mock == Some(true)).then_some(Note::MockPosition);
    [clock, place, mock, future].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOON: Instant = Instant(1_795_320_000_000);

    fn declaration(n: u128) -> Declaration {
        Declaration {
            id: PhotoId(Uuid::from_u128(n)),
            case_id: CaseId(Uuid::from_u128(1)),
            sha256: ContentHash([7; 32]),
            size: 100,
            slot: PhotoSlot::Vin,
            captured_at: NOON,
            position: Point::new(30.0, 120.0).ok(),
            accuracy_m: Some(10.0),
            mock: None,
            line_id: None,
        }
    }

    #[test]
    fn the_same_id_is_the_same_photo_or_refused() {
        let known = declaration(1);
        assert_eq!(judge_declaration(&known, Some(&known), &[]), Ok(Declared::Known));
        let changes: [fn(&mut Declaration); 6] = [
            |d| d.case_id = CaseId(Uuid::from_u128(2)),
            |d| d.sha256 = ContentHash([8; 32]),
            |d| d.size = 101,
            |d| d.slot = PhotoSlot::Other,
            |d| d.captured_at = NOON + Span(1),
            |d| d.position = None,
        ];
        for change in changes {
            let mut other = known.clone();
            change(&mut other);
            let judged = judge_declaration(&other, Some(&known), &[]);
            assert_eq!(judged, Err(PhotoRefusal::IdTaken), "{other:?}");
        }
    }

    #[test]
    fn one_content_has_one_size_and_a_case_has_room_for_a_thousand() {
        let new = declaration(1);
        assert_eq!(judge_declaration(&new, None, &[declaration(2)]), Ok(Declared::New));
        let other_size = Declaration { size: 99, ..declaration(2) };
        assert_eq!(judge_declaration(&new, None, &[other_size]), Err(PhotoRefusal::SizeDiffers));
        let full: Vec<_> = (2..=1_001).map(declaration).collect();
        assert_eq!(judge_declaration(&new, None, &full), Err(PhotoRefusal::TooMany));
        assert_eq!(judge_declaration(&new, None, &full[1..]), Ok(Declared::New));
        assert_eq!(judge_declaration(&new, Some(&new), &full), Ok(Declared::Known));
    }

    #[test]
    fn two_hundred_megapixels_are_enough() {
        assert_eq!(judge_pixels(16_320, 12_240), Ok(()));
        assert_eq!(judge_pixels(1, 65_535), Ok(()));
        for (width, height) in [(20_001, 10_000), (50_000, 50_000), (u32::MAX, u32::MAX)] {
            assert_eq!(judge_pixels(width, height), Err(PhotoRefusal::TooManyPixels));
        }
    }

    #[test]
    fn doubts_about_time() {
        let wall = |ahead: Span| Some(NOON + Span::hours(8) + ahead);
        for (wall_clock, utc_offset, expected) in [
            (None, None, vec![]),
            (wall(Span::ZERO), None, vec![]),
            (wall(Span::minutes(5)), None, vec![]),
            (wall(Span::minutes(-6)), None, vec![Note::CameraClockDiffers(Span::minutes(-6))]),
            (wall(Span::ZERO), Some(Span::hours(8)), vec![]),
            (Some(NOON), Some(Span::ZERO), vec![]),
            (
                wall(Span::ZERO),
                Some(Span::hours(9)),
                vec![Note::CameraClockDiffers(Span::hours(-1))],
            ),
        ] {
            let camera = Camera { wall_clock, utc_offset, ..Camera::default() };
            assert_eq!(notes(&declaration(1), NOON, &camera), expected, "{camera:?}");
        }
        let declared_at = NOON - Span::minutes(6);
        assert_eq!(
            notes(&declaration(1), declared_at, &Camera::default()),
            [Note::CapturedInFuture(Span::minutes(6))]
        );
    }

    #[test]
    fn doubts_about_place() {
        let at = |lat| Camera { position: Point::new(lat, 120.0).ok(), ..Camera::default() };
        // One thousandth of a degree of latitude is 111 m.
        assert_eq!(notes(&declaration(1), NOON, &at(30.007)), []);
        assert_eq!(notes(&declaration(1), NOON, &at(30.008)).len(), 1);
        let rough = Declaration { accuracy_m: Some(500.0), ..declaration(1) };
        assert_eq!(notes(&rough, NOON, &at(30.008)), []);
        let nowhere = Declaration { position: None, ..declaration(1) };
        assert_eq!(notes(&nowhere, NOON, &at(31.0)), []);
        let mock = Declaration { mock: Some(true), ..declaration(1) };
        assert_eq!(notes(&mock, NOON, &at(30.0)), [Note::MockPosition]);
    }

    fn marked(mark: &str) -> Camera {
        Camera { marks: vec![mark.to_owned()], named: true, ..Camera::default() }
    }

    #[test]
    fn programs_that_change_pictures_are_known_and_phones_are_not() {
        for mark in
            ["Adobe Photoshop 25.0 (Windows)", "Snapseed 2.21", "美图秀秀 9", "MEITU", "GIMP"]
        {
            assert_eq!(edited_by(&marked(mark)), Some(mark.to_owned()));
            let notes = notes_about(&declaration(1), &marked(mark), &Surroundings::default());
            assert_eq!(notes, [Note::Edited]);
        }
        for mark in ["16.4", "HarmonyOS 4", "MIUI Camera", "SM-S9180XXU1", "CREATOR: gd-jpeg v1.0"]
        {
            assert_eq!(edited_by(&marked(mark)), None, "{mark}");
        }
    }

    #[test]
    fn a_screenshot_has_the_shape_of_a_screen_or_says_so() {
        let shaped = |pixels, png| Surroundings { pixels, png, ..Surroundings::default() };
        let nameless = Camera::default();
        for (camera, around, expected) in [
            (&nameless, shaped((1_080, 2_400), true), true),
            (&nameless, shaped((1_080, 2_400), false), true),
            (&nameless, shaped((4_000, 3_000), true), false),
            (&nameless, shaped((1_920, 1_080), false), false),
            (&marked("16.4"), shaped((1_080, 2_400), false), false),
            (&marked("Screenshot"), shaped((4_000, 3_000), false), true),
            (&nameless, shaped((0, 0), true), false),
        ] {
            assert_eq!(is_screenshot(camera, &around), expected, "{camera:?} {around:?}");
        }
    }

    #[test]
    fn a_phone_whose_clock_is_wrong_is_noted() {
        let ahead = |span| Surroundings { device_ahead: Some(span), ..Surroundings::default() };
        let notes = |span| notes_about(&declaration(1), &Camera::default(), &ahead(span));
        assert_eq!(notes(Span::minutes(5)), []);
        for wrong in [Span::minutes(6), Span::days(3_650), Span::days(-3_650)] {
            assert_eq!(notes(wrong), [Note::DeviceClockDiffers(wrong)]);
        }
    }
}
