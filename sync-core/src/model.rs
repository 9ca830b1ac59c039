//! The draft of one case, schema version 1: which fields there are, the seed document, typed reads.
//!
//! A draft is one automerge document. The server makes its seed; after that items are map entries
//! keyed by UUID and never list positions, an item is removed by a flag and never deleted, and a
//! total is computed and never stored. So concurrent work merges field by field.

mod codes;
mod read;
pub mod schema;
mod seed;
mod sheet;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use automerge::{ActorId, Automerge, ChangeHash};
pub use codes::{
    AccidentType, CheckState, Impact, LiabilityBasis, LineKind, PartSource, PriceBasis, Road,
    VehicleRole, Weather,
};
pub use read::ReadFault;
pub use seed::{Seed, SeedFault, SeedVehicle, reseed, seed};
pub use sheet::SheetGap;

use crate::{
    estimate::{Cover, LaborType, SalvageKeeper},
    money::Fen,
};
use read::{Entry, Leaf};
use schema::{Concern, Field, Kind, Role, Roles, Writable};

/// The schema version that this crate reads and writes.
pub const SCHEMA: i64 = 1;

/// A draft as plain values. Where devices disagree it shows the value that won by itself;
/// [`crate::conflict::list`] tells where that is not enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Schema version.
    pub schema: i64,
    /// The case.
    pub case_id: Uuid,
    /// The accident and its place.
    pub scene: Scene,
    /// Rates and discounts of the whole sheet.
    pub rates: Rates,
    /// The vehicles involved, removed ones included.
    pub vehicles: BTreeMap<Uuid, Vehicle>,
    /// The lines of the loss sheet, removed ones included.
    pub lines: BTreeMap<Uuid, Line>,
    /// The evidence photos, removed ones included.
    pub photos: BTreeMap<Uuid, Photo>,
    /// The standard procedure by item code (C13).
    pub checklist: BTreeMap<String, ChecklistItem>,
    /// Remarks, removed ones included.
    pub notes: BTreeMap<Uuid, Note>,
}

impl Draft {
    /// The draft as it stands.
    ///
    /// # Errors
    /// [`ReadFault`] if the document is not a draft of this schema.
    pub fn read(doc: &Automerge) -> Result<Self, ReadFault> {
        read::draft(doc, None).map(|(draft, _)| draft)
    }

    /// [`Draft::read`], and whether [`crate::conflict::list`] could find anything in it.
    pub(crate) fn read_contested(doc: &Automerge) -> Result<(Self, bool), ReadFault> {
        read::draft(doc, None)
    }

    /// The draft as it stood at these heads.
    ///
    /// # Errors
    /// [`ReadFault`] if a head is unknown or the document was not a draft of this schema then.
    pub fn read_at(doc: &Automerge, heads: &[ChangeHash]) -> Result<Self, ReadFault> {
        read::draft(doc, Some(heads)).map(|(draft, _)| draft)
    }
}

/// The draft as canonical bytes: compact JSON, fields in the order of the table, items by id, unset
/// fields left out. Equal drafts have equal bytes, on every device and in every later version that
/// only adds fields.
#[must_use]
pub fn canonical_json(draft: &Draft) -> Vec<u8> {
    // Maps with string keys and finite numbers cannot fail to serialise.
    serde_json::to_vec(draft).unwrap_or_default()
}

/// SHA-256 of [`canonical_json`]: what is pinned when a version is frozen.
#[must_use]
pub fn content_hash(draft: &Draft) -> [u8; 32] {
    Sha256::digest(canonical_json(draft)).into()
}

/// A section: the struct that a typed read gives and the rows of the table, from one list. Columns:
/// name, Rust type, kind, who may write, concern, when.
macro_rules! section {
    ($(#[doc = $doc:literal])* $name:ident $table:ident {
        $($(#[doc = $field_doc:literal])* $field:ident: $type:ty = $kind:expr, $writers:expr, $concern:ident, $writable:ident;)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {$(
            $(#[doc = $field_doc])*
            #[serde(skip_serializing_if = "Leaf::is_unset")]
            pub $field: $type,
        )*}

        static $table: &[Field] = &[$(Field {
            name: stringify!($field),
            kind: $kind,
            writers: $writers,
            concern: Concern::$concern,
            writable: Writable::$writable,
        }),*];

        impl $name {
            fn read(entry: &Entry<'_>) -> Result<Self, ReadFault> {
                Ok(Self { $($field: entry.leaf(stringify!($field))?,)* })
            }
        }
    };
}

/// Surveyor and office: the facts of the accident.
const FACTS: Roles = Roles::NONE.with(Role::Surveyor).with(Role::Office);
/// Surveyor and verifier: the assessment.
const ASSESS: Roles = Roles::NONE.with(Role::Surveyor).with(Role::Verifier);
/// Surveyor alone.
const FIELD: Roles = Roles::NONE.with(Role::Surveyor);
/// Whoever may take photos.
const CAMERA: Roles = Roles::NONE.with(Role::Surveyor).with(Role::Shop);

/// A price or amount in fen.
const PRICE: Kind = Kind::Int(0, Fen::MAX_LINE.0);
/// A rate in basis points, up to all of it.
const RATE: Kind = Kind::Int(0, 10_000);
/// An instant in milliseconds, 2000 to 2100.
const AT: Kind = Kind::Int(crate::time::Instant::EARLIEST.0, crate::time::Instant::LATEST.0 - 1);

section! {
    /// The accident and its place.
    Scene SCENE {
        /// Kind of accident.
        accident_type: Option<AccidentType> = Kind::Code(AccidentType::NAMES), FACTS, Plain, Anytime;
        /// When it happened, milliseconds.
        occurred_at_ms: Option<i64> = AT, FACTS, Liability, Anytime;
        /// Where it happened, in words.
        place: Option<String> = Kind::Str(300), FACTS, Plain, Anytime;
        /// Degrees north x 10^7, WGS-84.
        lat_e7: Option<i64> = Kind::Int(-900_000_000, 900_000_000), FACTS, Plain, Anytime;
        /// Degrees east x 10^7, WGS-84.
        lon_e7: Option<i64> = Kind::Int(-1_800_000_000, 1_800_000_000), FACTS, Plain, Anytime;
        /// Accuracy of the position in metres.
        accuracy_m: Option<i64> = Kind::Int(0, 100_000), FACTS, Plain, Anytime;
        /// Weather.
        weather: Option<Weather> = Kind::Code(Weather::NAMES), FACTS, Plain, Anytime;
        /// Road.
        road: Option<Road> = Kind::Code(Road::NAMES), FACTS, Plain, Anytime;
        /// Report number of the police.
        police_report_no: Option<String> = Kind::Str(64), FACTS, Identity, Anytime;
        /// What a proposed liability rests on.
        liability_basis: Option<LiabilityBasis> = Kind::Code(LiabilityBasis::NAMES), FACTS, Liability, Anytime;
        /// Reasons for the proposed liability.
        liability_note: Option<String> = Kind::Str(1_000), FACTS, Liability, Anytime;
        /// How many people were hurt.
        injured_count: Option<i64> = Kind::Int(0, 1_000), FACTS, Liability, Anytime;
        /// What the customer objects to (C14).
        objection: Option<String> = Kind::Str(2_000), FACTS, Plain, Anytime;
        /// What happened, written together.
        description: String = Kind::Text(4_000), FACTS, Plain, InSeed;
    }
}

section! {
    /// Rates and discounts of the whole sheet, in basis points (B1). A discount is the share that is
    /// paid: 10,000 means none is taken off.
    Rates RATES {
        /// Parts management fee on the parts.
        parts_management_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Management fee on the labor.
        labor_management_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount on all parts.
        parts_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount on remove-and-install labor.
        remove_install_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount on body labor.
        body_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount on refinish labor.
        refinish_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount on mechanical labor.
        mechanical_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount on electrical labor.
        electrical_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount on glass labor.
        glass_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount on frame labor.
        frame_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Discount when several panels are painted.
        multi_panel_discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// From how many painted panels on that holds.
        multi_panel_from: Option<i64> = Kind::Int(2, 100), ASSESS, Money, Anytime;
        /// Salvage of the whole vehicle.
        whole_salvage_fen: Option<Fen> = PRICE, ASSESS, Money, Anytime;
    }
}

section! {
    /// A vehicle involved.
    Vehicle VEHICLES {
        /// Whose it is.
        role: Option<VehicleRole> = Kind::Code(VehicleRole::NAMES), FACTS, Liability, Anytime;
        /// Number plate.
        plate: Option<String> = Kind::Str(32), FACTS, Identity, Anytime;
        /// Colour of the plate.
        plate_colour: Option<String> = Kind::Slug(16), FACTS, Identity, Anytime;
        /// Vehicle identification number.
        vin: Option<String> = Kind::Str(32), FACTS, Identity, Anytime;
        /// Engine number.
        engine_no: Option<String> = Kind::Str(64), FACTS, Identity, Anytime;
        /// Brand and model.
        brand_model: Option<String> = Kind::Str(128), FACTS, Plain, Anytime;
        /// Colour of the body.
        colour: Option<String> = Kind::Str(32), FACTS, Plain, Anytime;
        /// What it is used for.
        use_type: Option<String> = Kind::Slug(32), FACTS, Liability, Anytime;
        /// Kilometres on the dial.
        mileage_km: Option<i64> = Kind::Int(0, 10_000_000), FACTS, Plain, Anytime;
        /// Main point of impact.
        point_of_impact: Option<Impact> = Kind::Code(Impact::NAMES), FACTS, Liability, Anytime;
        /// Second point of impact.
        second_impact: Option<Impact> = Kind::Code(Impact::NAMES), FACTS, Plain, Anytime;
        /// Whether it can move by itself (C17).
        drivable: Option<bool> = Kind::Bool, FACTS, Plain, Anytime;
        /// Share of liability proposed for it, basis points.
        liability_bp: Option<i64> = RATE, FACTS, Liability, Anytime;
        /// Its value at the time of loss.
        actual_value_fen: Option<Fen> = PRICE, ASSESS, Money, Anytime;
        /// Name of the driver.
        driver_name: Option<String> = Kind::Str(128), FACTS, Identity, Anytime;
        /// Phone of the driver.
        driver_phone: Option<String> = Kind::Str(32), FACTS, Identity, Anytime;
        /// Licence number of the driver.
        driver_licence_no: Option<String> = Kind::Str(32), FACTS, Identity, Anytime;
        /// Its insurer, if not ours.
        insurer: Option<String> = Kind::Str(128), FACTS, Plain, Anytime;
        /// The shop that the customer chose (C18: never designated).
        shop_id: Option<Uuid> = Kind::Id, FACTS, Plain, Anytime;
        /// Entered by mistake.
        removed: bool = Kind::Bool, FACTS, Liability, Anytime;
    }
}

section! {
    /// A line of the loss sheet (B1, C25, C26).
    Line LINES {
        /// What it is.
        kind: Option<LineKind> = Kind::Code(LineKind::NAMES), ASSESS, Money, Required;
        /// The vehicle it is for.
        vehicle_id: Option<Uuid> = Kind::Id, ASSESS, Money, Anytime;
        /// Part or operation.
        name: Option<String> = Kind::Str(200), ASSESS, Plain, Anytime;
        /// Part number.
        part_no: Option<String> = Kind::Str(64), ASSESS, Plain, Anytime;
        /// Where the price comes from.
        part_source: Option<PartSource> = Kind::Code(PartSource::NAMES), ASSESS, Money, Anytime;
        /// Labor type.
        labor_type: Option<LaborType> = Kind::Code(LaborType::NAMES), ASSESS, Money, Anytime;
        /// Where the damage is.
        damage_area: Option<String> = Kind::Slug(64), ASSESS, Plain, Anytime;
        /// Quantity in thousandths.
        qty_milli: Option<i64> = Kind::Int(0, 1_000_000_000), ASSESS, Money, Anytime;
        /// Price of one.
        unit_price_fen: Option<Fen> = PRICE, ASSESS, Money, Anytime;
        /// Labor hours in thousandths.
        hours_milli: Option<i64> = Kind::Int(0, 10_000_000), ASSESS, Money, Anytime;
        /// Price of one labor hour.
        rate_fen: Option<Fen> = PRICE, ASSESS, Money, Anytime;
        /// What the price rests on.
        price_basis: Option<PriceBasis> = Kind::Code(PriceBasis::NAMES), ASSESS, Plain, Anytime;
        /// Which list, bill or offer that is.
        price_ref: Option<String> = Kind::Str(100), ASSESS, Plain, Anytime;
        /// A fixed amount, where there is no quantity or time.
        amount_fen: Option<Fen> = PRICE, ASSESS, Money, Anytime;
        /// Who keeps what is left, for salvage.
        kept_by: Option<SalvageKeeper> = Kind::Code(SalvageKeeper::NAMES), ASSESS, Money, Anytime;
        /// Share that is paid, basis points; 10,000 means no discount.
        discount_bp: Option<i64> = RATE, ASSESS, Money, Anytime;
        /// Whether it is insured.
        cover: Option<Cover> = Kind::Code(Cover::NAMES), ASSESS, Money, Anytime;
        /// Why it is not insured, or why it is deducted.
        reason: Option<String> = Kind::Str(500), ASSESS, Plain, Anytime;
        /// Told and explained to the customer before agreement (C26).
        explained: Option<bool> = Kind::Bool, ASSESS, Plain, Anytime;
        /// What the customer offers instead (C25).
        counter_offer_fen: Option<Fen> = PRICE, ASSESS, Money, Anytime;
        /// Added after the first agreement.
        supplement: Option<bool> = Kind::Bool, ASSESS, Plain, Anytime;
        /// The old part is taken back.
        part_returned: Option<bool> = Kind::Bool, ASSESS, Plain, Anytime;
        /// Remark.
        note: Option<String> = Kind::Str(500), ASSESS, Plain, Anytime;
        /// Taken off the sheet.
        removed: bool = Kind::Bool, ASSESS, Money, Anytime;
    }
}

section! {
    /// An evidence photo (B3). The bytes travel by themselves; this is what is said about them.
    Photo PHOTOS {
        /// SHA-256 of the original bytes, lower-case hexadecimal.
        sha256: Option<String> = Kind::Sha256, CAMERA, Plain, Required;
        /// Size of the original in bytes.
        size_bytes: Option<i64> = Kind::Int(1, 1_000_000_000), CAMERA, Plain, AtCreation;
        /// When it was taken by the device's clock, milliseconds.
        captured_at_ms: Option<i64> = AT, CAMERA, Plain, Required;
        /// Degrees north x 10^7, WGS-84.
        lat_e7: Option<i64> = Kind::Int(-900_000_000, 900_000_000), CAMERA, Plain, AtCreation;
        /// Degrees east x 10^7, WGS-84.
        lon_e7: Option<i64> = Kind::Int(-1_800_000_000, 1_800_000_000), CAMERA, Plain, AtCreation;
        /// Accuracy of the position in metres.
        accuracy_m: Option<i64> = Kind::Int(0, 100_000), CAMERA, Plain, AtCreation;
        /// The photo that this one takes the place of.
        retake_of: Option<Uuid> = Kind::Id, CAMERA, Plain, AtCreation;
        /// What it is meant to show.
        slot: Option<String> = Kind::Slug(64), CAMERA, Plain, Anytime;
        /// The vehicle it shows.
        vehicle_id: Option<Uuid> = Kind::Id, CAMERA, Plain, Anytime;
        /// The loss line it proves.
        line_id: Option<Uuid> = Kind::Id, CAMERA, Plain, Anytime;
        /// Remark.
        note: Option<String> = Kind::Str(500), CAMERA, Plain, Anytime;
        /// Not to be used.
        removed: bool = Kind::Bool, CAMERA, Plain, Anytime;
    }
}

section! {
    /// An item of the standard procedure (C13).
    ChecklistItem CHECKLIST {
        /// Done or not.
        state: Option<CheckState> = Kind::Code(CheckState::NAMES), FIELD, Plain, Anytime;
        /// What was found.
        answer: Option<String> = Kind::Str(500), FIELD, Plain, Anytime;
        /// When it was answered by the device's clock, milliseconds.
        at_ms: Option<i64> = AT, FIELD, Plain, Anytime;
    }
}

section! {
    /// A remark.
    Note NOTES {
        /// Who made it.
        author: Option<Uuid> = Kind::OwnId, Roles::ALL, Plain, Required;
        /// When it was made by the device's clock, milliseconds.
        at_ms: Option<i64> = AT, Roles::ALL, Plain, AtCreation;
        /// What it says.
        text: String = Kind::Text(2_000), Roles::ALL, Plain, Required;
        /// Taken back.
        removed: bool = Kind::Bool, Roles::ALL, Plain, Anytime;
    }
}

#[cfg(test)]
mod tests;
