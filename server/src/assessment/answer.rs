//! Versions and refusals as they go over the wire.

use api_spec::{
    assessment::{
        IndicativeSplit, SheetLine, SheetTotals, TotalLossHint, VehicleSheet, VersionResponse,
        VersionSummary,
    },
    problem::{Code, FieldError},
};
use sync_core::{
    cover::Indicative,
    estimate::chinese_capitals,
    money::Fen,
    sheet::{self, SheetProblem},
};

use super::{Version, rules::FreezeRefusal};
use crate::{error::ApiError, wire};

pub(super) fn refused(refusal: FreezeRefusal) -> ApiError {
    let error = ApiError::new(Code::Conflict).fact("reason", refusal.code());
    match refusal {
        FreezeRefusal::DraftMoved { heads } => error.fact("heads", heads),
        FreezeRefusal::OpenConflicts { paths } => error.fact("paths", paths),
        FreezeRefusal::NoDraft | FreezeRefusal::Unchanged => error,
    }
}

/// Places of the draft that must be put right first, each with a stable code.
pub(super) fn unpriced(problems: Vec<SheetProblem>) -> ApiError {
    let field = |problem: SheetProblem| {
        let allowed = match problem.code {
            "sheet_value_missing" => "needed on a sheet",
            "sheet_vehicle_unknown" => "a vehicle of the draft that was not removed",
            "sheet_no_lines" => "at least one line",
            "sheet_salvage_of_which_vehicle" => "exactly one of the vehicles must be the insured's",
            "sheet_value_negative" => "not negative",
            "sheet_value_too_large" => "smaller",
            "sheet_deduction_not_covered" => "a deduction from something that is covered",
            "sheet_below_zero" => "deductions below the loss",
            _ => "a sheet that can be computed",
        };
        FieldError::new(problem.path, problem.code, allowed)
    };
    ApiError::invalid(problems.into_iter().map(field).collect())
}

pub(super) fn summary(version: &Version) -> VersionSummary {
    VersionSummary {
        id: version.id.into(),
        case_id: version.case_id.into(),
        number: version.number,
        heads: version.heads.clone(),
        draft_sha256: hexadecimal(&version.draft_sha256),
        sheet_sha256: hexadecimal(&version.sheet_sha256),
        total_fen: version.total_fen.0,
        total_in_capitals: chinese_capitals(version.total_fen),
        rescue_fen: version.rescue_fen.0,
        uncovered_fen: version.uncovered_fen.0,
        self_borne_fen: version.self_borne_fen.0,
        note: version.note.clone(),
        author: version.author.into(),
        frozen_at: wire::time(version.frozen_at),
    }
}

pub(super) fn whole(version: &Version) -> Result<VersionResponse, ApiError> {
    let frozen = version.read()?;
    let photos = frozen.photos.iter().map(|photo| photo.id).collect();
    let sheet = frozen.sheet;
    Ok(VersionResponse {
        version: summary(version),
        indicative: sheet.indicative.map(indicative),
        rate_card_version: sheet.rate_card.as_ref().map(|card| card.version),
        photos,
        vehicles: sheet.vehicles.into_iter().map(vehicle).collect(),
        totals: totals(&sheet.totals),
        canonical: String::from_utf8(version.sheet.clone()).map_err(ApiError::internal)?,
    })
}

fn vehicle(sheet: sheet::VehicleSheet) -> VehicleSheet {
    VehicleSheet {
        vehicle_id: sheet.vehicle_id,
        role: sheet.role.map(|role| role.as_str().to_owned()),
        plate: sheet.plate,
        brand_model: sheet.brand_model,
        lines: sheet.lines.into_iter().map(line).collect(),
        totals: totals(&sheet.totals),
        total_loss: sheet.total_loss.map(|loss| TotalLossHint {
            actual_value_fen: loss.actual_value_fen.0,
            share_bp: loss.share_bp,
            suggestion: loss.suggestion.as_str().to_owned(),
        }),
    }
}

fn indicative(split: Indicative) -> IndicativeSplit {
    IndicativeSplit {
        indicative: true,
        policy_number: split.policy_number,
        liability_bp: split.liability_bp,
        own_damage_fen: split.own_damage_fen.0,
        rescue_fen: split.rescue_fen.0,
        compulsory_fen: split.compulsory_fen.0,
        third_party_fen: split.third_party_fen.0,
        insurer_fen: split.insurer_fen.0,
        customer_fen: split.customer_fen.0,
    }
}

fn line(row: sheet::SheetRow) -> SheetLine {
    let fen = |amount: Option<Fen>| amount.map(|amount| amount.0);
    SheetLine {
        id: row.id.into(),
        kind: row.kind.as_str().to_owned(),
        name: row.name,
        part_no: row.part_no,
        part_source: row.part_source.map(|source| source.as_str().to_owned()),
        labor_type: row.labor_type.map(|labor| labor.as_str().to_owned()),
        qty_milli: row.qty_milli,
        unit_price_fen: fen(row.unit_price_fen),
        hours_milli: row.hours_milli,
        rate_fen: fen(row.rate_fen),
        price_basis: row.price_basis.map(|basis| basis.as_str().to_owned()),
        price_ref: row.price_ref,
        part_returned: row.part_returned,
        kept_by: row.kept_by.map(|keeper| keeper.as_str().to_owned()),
        discount_bp: row.discount_bp,
        cover: row.cover.as_str().to_owned(),
        reason: row.reason,
        explained: row.explained,
        supplement: row.supplement,
        amount_fen: row.amount_fen.0,
    }
}

fn totals(totals: &sheet::Totals) -> SheetTotals {
    SheetTotals {
        parts_fen: totals.parts_fen.0,
        labor_fen: totals.labor_fen.0,
        management_fee_fen: totals.management_fee_fen.0,
        material_fen: totals.material_fen.0,
        sublet_fen: totals.sublet_fen.0,
        salvage_fen: totals.salvage_fen.0,
        betterment_fen: totals.betterment_fen.0,
        total_fen: totals.total_fen.0,
        rescue_fen: totals.rescue_fen.0,
        uncovered_fen: totals.uncovered_fen.0,
        self_borne_fen: totals.self_borne_fen.0,
    }
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
