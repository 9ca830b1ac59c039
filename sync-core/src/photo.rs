//! Evidence photos (B3): what they are meant to show, how their bytes are named, and the receipt on
//! which a phone may delete its own copy.

mod set;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{CaseId, PhotoId},
    time::Instant,
    wire_name::wire_names,
};

pub use set::{SetFault, SetPhoto, SetReceipt};

/// Most bytes of one original that is a picture.
pub const MOST_BYTES: u64 = 25 * 1024 * 1024;
/// Most bytes of one original that is a video: a minute or two of a phone's camera.
pub const MOST_VIDEO_BYTES: u64 = 200 * 1024 * 1024;
/// Most photos that one call may declare.
pub const MOST_DECLARED: usize = 200;

wire_names! {
    /// What a photo is meant to show (B3).
    pub enum PhotoSlot {
        /// Driving licence, main page.
        DrivingLicenceFront = "driving_licence_front",
        /// Driving licence, second page.
        DrivingLicenceBack = "driving_licence_back",
        /// Vehicle licence, main page.
        VehicleLicenceFront = "vehicle_licence_front",
        /// Vehicle licence, second page.
        VehicleLicenceBack = "vehicle_licence_back",
        /// Special permit, for vehicles and goods that need one.
        SpecialPermit = "special_permit",
        /// The scene from ahead, wide.
        SceneFront = "scene_front",
        /// The scene from behind, wide.
        SceneRear = "scene_rear",
        /// The scene from the left, wide.
        SceneLeft = "scene_left",
        /// The scene from the right, wide.
        SceneRight = "scene_right",
        /// The struck object, whole.
        StruckObject = "struck_object",
        /// The whole vehicle with a readable plate.
        VehicleWithPlate = "vehicle_with_plate",
        /// At 45 degrees: model, plate and damage in one shot.
        VehicleAt45 = "vehicle_at_45",
        /// The 17 characters of the VIN, legible.
        Vin = "vin",
        /// A damage and the parts around it.
        DamageNear = "damage_near",
        /// A damage alone.
        DamageClose = "damage_close",
        /// Marks of the contact on both sides.
        ContactMarks = "contact_marks",
        /// Dashboard with the mileage.
        Mileage = "mileage",
        /// The surveyor with the vehicle.
        SurveyorWithVehicle = "surveyor_with_vehicle",
        /// The customer with the vehicle.
        CustomerWithVehicle = "customer_with_vehicle",
        /// A photo in HEIC, whatever it shows: kept as it is, never decoded, so nobody sees it in a
        /// list. In another slot such a photo is taken, too.
        HeicPhoto = "heic_photo",
        /// A video of the scene or the vehicle: kept as it is, never decoded.
        Video = "video",
        /// Damage that the repair shop found.
        RepairDamage = "repair_damage",
        /// The repaired vehicle, from the repair shop.
        RepairDone = "repair_done",
        /// Anything else.
        Other = "other",
    }
}

impl PhotoSlot {
    /// Most bytes of an original of this slot.
    #[must_use]
    pub fn most_bytes(self) -> u64 {
        if self == Self::Video { MOST_VIDEO_BYTES } else { MOST_BYTES }
    }
}

/// SHA-256 of a photo's original bytes; 64 lower-case hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash(pub [u8; 32]);

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("64 lower-case hexadecimal digits")]
pub struct NotAHash;

impl FromStr for ContentHash {
    type Err = NotAHash;

    // One spelling only: the text is compared, signed and used as a name.
    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut hash = [0_u8; 32];
        if pairs.len() != hash.len() || !rest.is_empty() {
            return Err(NotAHash);
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high).ok_or(NotAHash)? << 4 | digit(*low).ok_or(NotAHash)?;
        }
        Ok(Self(hash))
    }
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for ContentHash {
    type Error = NotAHash;
    fn try_from(text: String) -> Result<Self, NotAHash> {
        text.parse()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

/// What the server vouches for: these bytes of this case are stored for good. A phone may delete its
/// copy only on a receipt whose signature it has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The case that the bytes belong to.
    pub case_id: CaseId,
    /// SHA-256 of the stored bytes.
    pub sha256: ContentHash,
    /// Number of stored bytes.
    pub size: u64,
    /// When the last of the photos was received, by the server's clock.
    pub received_at: Instant,
    /// Every declared photo of the case with these bytes.
    pub photo_ids: Vec<PhotoId>,
    /// The seal key that signs.
    pub key_id: String,
}

impl Receipt {
    /// The text that is signed with Ed25519. Every line ends with a line feed:
    ///
    /// ```text
    /// chakan photo receipt 1
    /// case 018f3a5e-0000-7000-8000-000000000001
    /// sha256 <64 lower-case hexadecimal digits>
    /// size <bytes>
    /// received_at <milliseconds since 1970-01-01T00:00:00Z>
    /// photo <id>         one line for each photo, in ascending order of the id
    /// key <key id>
    /// ```
    #[must_use]
    pub fn signed_text(&self) -> String {
        let mut photo_ids = self.photo_ids.clone();
        photo_ids.sort_unstable();
        let photos: String = photo_ids.iter().map(|id| format!("photo {id}\n")).collect();
        format!(
            "chakan photo receipt 1\ncase {}\nsha256 {}\nsize {}\nreceived_at {}\n{photos}key {}\n",
            self.case_id, self.sha256, self.size, self.received_at.0, self.key_id,
        )
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_hash_has_one_spelling() {
        let hash = ContentHash(std::array::from_fn(|n| u8::try_from(n * 8).unwrap()));
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        let (upper, long) = (text.to_uppercase(), format!("{text}0"));
        let dots = "../".repeat(21) + ".";
        for wrong in ["", "0", &upper, &long, &text[1..], &dots, &"查".repeat(32), &"g".repeat(64)]
        {
            assert_eq!(wrong.parse::<ContentHash>(), Err(NotAHash), "{wrong}");
        }
    }

    #[test]
    fn a_receipt_is_signed_over_every_field() {
        let id = |n| PhotoId(Uuid::from_u128(n));
        let receipt = Receipt {
            case_id: CaseId(Uuid::from_u128(7)),
            sha256: ContentHash([0xab; 32]),
            size: 5,
            received_at: Instant(1_795_320_000_123),
            photo_ids: vec![id(2), id(1)],
            key_id: "k".into(),
        };
        assert_eq!(
            receipt.signed_text(),
            format!(
                "chakan photo receipt 1\ncase 00000000-0000-0000-0000-000000000007\nsha256 {}\n\
                 size 5\nreceived_at 1795320000123\nphoto 00000000-0000-0000-0000-000000000001\n\
                 photo 00000000-0000-0000-0000-000000000002\nkey k\n",
                "ab".repeat(32)
            )
        );
    }
}
