//! The loss sheet of a whole case (B1): what is frozen, shown to the customer and agreed on.
//!
//! One part for each vehicle, each computed by [`crate::estimate`], and the totals over all of them.
//! Phone and server make it from the same draft, so both show the same amounts. Once frozen it is
//! these bytes ([`FrozenSheet::canonical_json`]) and nothing else.

mod compare;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use compare::{Comparison, FieldChange, LineChange, compare};

use crate::{
    cover::{Indicative, Loss, PolicySnapshot, TotalLoss, split, total_loss},
    estimate::{
        Cover, LaborType, Rates, SalvageKeeper, Sheet, SheetFault, chinese_capitals, compute,
    },
    ids::{CaseId, LineId},
    model::{
        Draft, Line, LineKind, PartSource, PriceBasis, SheetGap, Vehicle, VehicleRole,
        schema::{Path, Section},
    },
    money::Fen,
    rate_card::RateCardRef,
    wire_name::wire_names,
};

/// The version of the form of a frozen sheet.
pub const SCHEMA: i64 = 1;

/// A sheet as it was frozen: the case, the number of the version, the draft it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenSheet {
    /// [`SCHEMA`].
    pub schema: i64,
    /// The case.
    pub case_id: CaseId,
    /// 1 for the first version of the case.
    pub version: i64,
    /// SHA-256 of the draft's canonical bytes, in lower-case hexadecimal.
    pub draft_sha256: String,
    /// What was frozen.
    pub sheet: CaseSheet,
    /// The photos of the draft at that moment, by id, so that a version keeps its own evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<PinnedPhoto>,
}

/// A photo that belongs to a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedPhoto {
    /// The photo.
    pub id: Uuid,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The line it proves, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_id: Option<Uuid>,
}

/// The photos of a draft that were not taken off, by id.
#[must_use]
pub fn photos_of(draft: &Draft) -> Vec<PinnedPhoto> {
    let pinned = |(id, photo): (&Uuid, &crate::model::Photo)| {
        let sha256 = photo.sha256.clone()?;
        Some(PinnedPhoto { id: *id, sha256, line_id: photo.line_id })
    };
    draft.photos.iter().filter(|(_, photo)| !photo.removed).filter_map(pinned).collect()
}

impl FrozenSheet {
    /// The bytes that are stored, hashed and agreed on: compact JSON, fields in the order of the
    /// types, vehicles and lines by id. Equal sheets have equal bytes.
    #[must_use]
    pub fn canonical_json(&self) -> Vec<u8> {
        // Maps with string keys and whole numbers cannot fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// SHA-256 of [`Self::canonical_json`].
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.canonical_json()).into()
    }
}

/// The sheet of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseSheet {
    /// The vehicles that have lines, by id.
    pub vehicles: Vec<VehicleSheet>,
    /// Fees and discounts that were applied.
    pub rates: Rates,
    /// Sums over all vehicles.
    pub totals: Totals,
    /// The rate card that was in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_card: Option<RateCardRef>,
    /// What the policy would bear of it; no promise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indicative: Option<Indicative>,
}

/// What a sheet is made under, besides the draft: data that the insurer gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The rate card in force.
    pub rate_card: Option<RateCardRef>,
    /// The share of the actual value from which repair is no longer worth while; only a repair that
    /// reaches the whole value is suggested as a total loss where it is missing.
    pub total_loss_from_bp: Option<i64>,
    /// What the policy covers.
    pub policy: Option<PolicySnapshot>,
}

/// The sheet of one vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VehicleSheet {
    /// The vehicle.
    pub vehicle_id: Uuid,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<VehicleRole>,
    /// Number plate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<String>,
    /// Vehicle identification number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vin: Option<String>,
    /// Brand and model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand_model: Option<String>,
    /// Its lines, by id.
    pub lines: Vec<SheetRow>,
    /// Its sums.
    pub totals: Totals,
    /// How the repair stands to what the vehicle was worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_loss: Option<TotalLoss>,
}

/// A line of the sheet with its amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetRow {
    /// The line.
    pub id: LineId,
    /// What it is.
    pub kind: LineKind,
    /// Part or operation.
    pub name: String,
    /// Part number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_no: Option<String>,
    /// Where the price comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_source: Option<PartSource>,
    /// Labor type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labor_type: Option<LaborType>,
    /// Quantity in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty_milli: Option<i64>,
    /// Price of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price_fen: Option<Fen>,
    /// Labor hours in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours_milli: Option<i64>,
    /// Price of one labor hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_fen: Option<Fen>,
    /// What the price rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_basis: Option<PriceBasis>,
    /// Which list, bill or offer that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_ref: Option<String>,
    /// The old part is taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub part_returned: bool,
    /// Who keeps what is left, for salvage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<SalvageKeeper>,
    /// Share of the price that is paid, before the discounts of the whole sheet.
    pub discount_bp: i64,
    /// Whether the insurance bears it.
    pub cover: Cover,
    /// Why it does not, or why something is deducted (C26).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Told and explained to the customer (C26).
    pub explained: bool,
    /// Added after an agreement.
    pub supplement: bool,
    /// The rounded amount; negative for a deduction.
    pub amount_fen: Fen,
}

/// The sums of a sheet; see [`Sheet`] for what belongs to which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Covered parts.
    pub parts_fen: Fen,
    /// Covered labor.
    pub labor_fen: Fen,
    /// Management fees.
    pub management_fee_fen: Fen,
    /// Covered material.
    pub material_fen: Fen,
    /// Covered work of other workshops.
    pub sublet_fen: Fen,
    /// Deducted salvage.
    pub salvage_fen: Fen,
    /// Deducted betterment.
    pub betterment_fen: Fen,
    /// What the insurer would bear before deductibles.
    pub total_fen: Fen,
    /// Rescue and towing, outside the total.
    pub rescue_fen: Fen,
    /// Not covered, outside the total.
    pub uncovered_fen: Fen,
    /// Borne by the customer, outside the total.
    pub self_borne_fen: Fen,
}

impl Totals {
    /// The total in Chinese capitals.
    #[must_use]
    pub fn total_in_capitals(&self) -> String {
        chinese_capitals(self.total_fen)
    }

    fn of(sheet: &Sheet) -> Self {
        Self {
            parts_fen: sheet.parts_fen,
            labor_fen: sheet.labor_fen,
            management_fee_fen: sheet.management_fee_fen,
            material_fen: sheet.material_fen,
            sublet_fen: sheet.sublet_fen,
            salvage_fen: sheet.salvage_fen,
            betterment_fen: sheet.betterment_fen,
            total_fen: sheet.total_fen,
            rescue_fen: sheet.rescue_fen,
            uncovered_fen: sheet.uncovered_fen,
            self_borne_fen: sheet.self_borne_fen,
        }
    }

    /// The sums together, or nothing on overflow.
    fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            parts_fen: self.parts_fen.checked_add(other.parts_fen)?,
            labor_fen: self.labor_fen.checked_add(other.labor_fen)?,
            management_fee_fen: self.management_fee_fen.checked_add(other.management_fee_fen)?,
            material_fen: self.material_fen.checked_add(other.material_fen)?,
            sublet_fen: self.sublet_fen.checked_add(other.sublet_fen)?,
            salvage_fen: self.salvage_fen.checked_add(other.salvage_fen)?,
            betterment_fen: self.betterment_fen.checked_add(other.betterment_fen)?,
            total_fen: self.total_fen.checked_add(other.total_fen)?,
            rescue_fen: self.rescue_fen.checked_add(other.rescue_fen)?,
            uncovered_fen: self.uncovered_fen.checked_add(other.uncovered_fen)?,
            self_borne_fen: self.self_borne_fen.checked_add(other.self_borne_fen)?,
        })
    }
}

wire_names! {
    /// What keeps a draft from becoming a sheet, besides [`crate::estimate::SheetFaultReason`].
    pub enum SheetProblemCode {
        /// A field that the line needs is missing.
        Missing = "sheet_value_missing",
        /// The line names no vehicle of the draft.
        UnknownVehicle = "sheet_vehicle_unknown",
        /// There is no line at all.
        NoLines = "sheet_no_lines",
        /// A salvage of the whole vehicle, but several vehicles and none or many of the insured.
        WhichVehicle = "sheet_salvage_of_which_vehicle",
        /// The amounts together do not fit.
        TooLarge = "sheet_value_too_large",
    }
}

/// One thing to put right in the draft before it can be frozen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SheetProblem {
    /// The place in the draft, for example `lines/<id>/unit_price_fen`.
    pub path: String,
    /// What is wrong, as a stable code.
    pub code: &'static str,
}

impl SheetProblem {
    fn new(path: impl ToString, code: SheetProblemCode) -> Self {
        Self { path: path.to_string(), code: code.as_str() }
    }

    fn of_line(line: Uuid, field: &'static str, code: SheetProblemCode) -> Self {
        Self::new(Path::of_item(Section::Lines, line.to_string(), field), code)
    }
}

impl From<SheetGap> for SheetProblem {
    fn from(SheetGap(path): SheetGap) -> Self {
        Self::new(path, SheetProblemCode::Missing)
    }
}

impl From<SheetFault> for SheetProblem {
    fn from(fault: SheetFault) -> Self {
        let path = match fault.line {
            Some(line) => format!("lines/{line}/{}", fault.field),
            None if fault.field == "lines" || fault.field == "total_fen" => fault.field.to_owned(),
            None => format!("rates/{}", fault.field),
        };
        Self { path, code: fault.reason.as_str() }
    }
}

/// Makes the sheet of a draft.
///
/// # Errors
/// Everything that has to be put right first, in the order of the lines: every line needs a vehicle,
/// a name and what its price is made of; every line that the insurance does not bear, and every
/// betterment, needs its reason (C26).
pub fn of_draft(draft: &Draft) -> Result<CaseSheet, Vec<SheetProblem>> {
    under(draft, &Terms::default())
}

/// Makes the sheet of a draft under the insurer's terms. The amounts of lines and totals are those of
/// [`of_draft`]; the terms add what they mean.
///
/// # Errors
/// As [`of_draft`].
pub fn under(draft: &Draft, terms: &Terms) -> Result<CaseSheet, Vec<SheetProblem>> {
    let lines: Vec<(&Uuid, &Line)> = draft.lines.iter().filter(|(_, line)| !line.removed).collect();
    if lines.is_empty() {
        return Err(vec![SheetProblem::new("lines", SheetProblemCode::NoLines)]);
    }
    let mut problems: Vec<SheetProblem> =
        lines.iter().flat_map(|(id, line)| line_problems(draft, **id, line)).collect();
    let mut rates = draft.sheet_rates();
    let mut vehicles: BTreeMap<Uuid, &Vehicle> = BTreeMap::new();
    for id in lines.iter().filter_map(|(_, line)| line.vehicle_id) {
        if let Some(vehicle) = draft.vehicles.get(&id).filter(|vehicle| !vehicle.removed) {
            vehicles.insert(id, vehicle);
        }
    }
    let wreck = match wreck_of(&rates, &vehicles) {
        Ok(wreck) => wreck,
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    let whole_salvage_fen = rates.whole_salvage_fen;
    let mut sheets = Vec::new();
    for (id, vehicle) in vehicles {
        rates.whole_salvage_fen = if wreck == Some(id) { whole_salvage_fen } else { Fen::ZERO };
        match of_vehicle(draft, id, vehicle, &rates, terms) {
            Ok(sheet) => sheets.push(sheet),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(problems);
    }
    rates.whole_salvage_fen = whole_salvage_fen;
    let totals = sheets
        .iter()
        .try_fold(Totals::default(), |sum, sheet| sum.checked_add(sheet.totals))
        .ok_or_else(|| vec![SheetProblem::new("total_fen", SheetProblemCode::TooLarge)])?;
    let indicative = terms.policy.as_ref().and_then(|policy| split(policy, &loss_of(&sheets)));
    Ok(CaseSheet {
        vehicles: sheets,
        rates,
        totals,
        rate_card: terms.rate_card.clone(),
        indicative,
    })
}

/// What a line lacks besides its price: the arithmetic looks after that.
fn line_problems(draft: &Draft, id: Uuid, line: &Line) -> Vec<SheetProblem> {
    use SheetProblemCode as C;
    let mut problems = Vec::new();
    let vehicle = line.vehicle_id.and_then(|vehicle| draft.vehicles.get(&vehicle));
    match (line.vehicle_id, vehicle) {
        (None, _) => problems.push(SheetProblem::of_line(id, "vehicle_id", C::Missing)),
        (Some(_), Some(vehicle)) if !vehicle.removed => {}
        _ => problems.push(SheetProblem::of_line(id, "vehicle_id", C::UnknownVehicle)),
    }
    if line.name.is_none() {
        problems.push(SheetProblem::of_line(id, "name", C::Missing));
    }
    let outside = line.cover.is_some_and(|cover| cover != Cover::Covered);
    let deducted = line.kind == Some(LineKind::Betterment);
    if (outside || deducted) && line.reason.is_none() {
        problems.push(SheetProblem::of_line(id, "reason", C::Missing));
    }
    problems
}

/// The vehicle that a salvage of the whole vehicle is deducted from: the only one, or the only one
/// of the insured.
fn wreck_of(
    rates: &Rates,
    vehicles: &BTreeMap<Uuid, &Vehicle>,
) -> Result<Option<Uuid>, SheetProblem> {
    if rates.whole_salvage_fen == Fen::ZERO || vehicles.is_empty() {
        return Ok(None);
    }
    let own = |vehicle: &Vehicle| vehicle.role == Some(VehicleRole::Own);
    let all: Vec<Uuid> = vehicles.keys().copied().collect();
    let owned: Vec<Uuid> =
        vehicles.iter().filter(|(_, vehicle)| own(vehicle)).map(|(id, _)| *id).collect();
    match (all.as_slice(), owned.as_slice()) {
        ([one], _) | (_, [one]) => Ok(Some(*one)),
        _ => Err(SheetProblem::new("rates/whole_salvage_fen", SheetProblemCode::WhichVehicle)),
    }
}

fn of_vehicle(
    draft: &Draft,
    id: Uuid,
    vehicle: &Vehicle,
    rates: &Rates,
    terms: &Terms,
) -> Result<VehicleSheet, SheetProblem> {
    let sheet = compute(&draft.sheet_lines(id)?, rates)?;
    let rows = sheet.lines.iter().filter_map(|priced| {
        let line = draft.lines.get(&priced.id.0)?;
        Some(row(priced.id, line, line.kind?, priced.amount_fen))
    });
    let repair = sheet.total_fen;
    let total_loss = vehicle
        .actual_value_fen
        .and_then(|value| total_loss(repair, value, terms.total_loss_from_bp));
    Ok(VehicleSheet {
        vehicle_id: id,
        role: vehicle.role,
        plate: vehicle.plate.clone(),
        vin: vehicle.vin.clone(),
        brand_model: vehicle.brand_model.clone(),
        lines: rows.collect(),
        totals: Totals::of(&sheet),
        total_loss,
    })
}

/// The sums that the policy is asked about: vehicles of nobody in particular count as the insured's.
fn loss_of(sheets: &[VehicleSheet]) -> Loss {
    let mut loss = Loss::default();
    for VehicleSheet { role, totals, .. } in sheets {
        let (total, rescue) = if *role == Some(VehicleRole::ThirdParty) {
            (&mut loss.third_party_fen, &mut loss.third_party_rescue_fen)
        } else {
            (&mut loss.own_fen, &mut loss.own_rescue_fen)
        };
        *total = Fen(total.0.saturating_add(totals.total_fen.0));
        *rescue = Fen(rescue.0.saturating_add(totals.rescue_fen.0));
        loss.outside_fen = Fen(loss
            .outside_fen
            .0
            .saturating_add(totals.uncovered_fen.0)
            .saturating_add(totals.self_borne_fen.0));
    }
    loss
}

/// A line with what was not said filled in as the arithmetic understands it, and without values
/// that have no part in its price.
fn row(id: LineId, line: &Line, kind: LineKind, amount_fen: Fen) -> SheetRow {
    let counted = matches!(kind, LineKind::Replace | LineKind::Material);
    let timed = kind == LineKind::Repair && line.hours_milli.is_some();
    SheetRow {
        id,
        kind,
        name: line.name.clone().unwrap_or_default(),
        part_no: line.part_no.clone(),
        part_source: line.part_source,
        labor_type: line.labor_type.filter(|_| kind == LineKind::Repair),
        qty_milli: counted.then(|| line.qty_milli.unwrap_or(1_000)),
        unit_price_fen: line.unit_price_fen.filter(|_| counted),
        hours_milli: line.hours_milli.filter(|_| timed),
        rate_fen: line.rate_fen.filter(|_| timed),
        price_basis: line.price_basis,
        price_ref: line.price_ref.clone(),
        part_returned: line.part_returned.unwrap_or_default(),
        kept_by: (kind == LineKind::Salvage)
            .then(|| line.kept_by.unwrap_or(SalvageKeeper::Insured)),
        discount_bp: line.discount_bp.unwrap_or(10_000),
        cover: line.cover.unwrap_or(Cover::Covered),
        reason: line.reason.clone(),
        explained: line.explained.unwrap_or_default(),
        supplement: line.supplement.unwrap_or_default(),
        amount_fen,
    }
}
