//! Between wire shapes and rate cards, policies and lists.

use std::collections::BTreeMap;

use api_spec::{
    problem::FieldError,
    tariff::{PolicyTerms, RateCardFields},
};
use sync_core::{cover::PolicySnapshot, estimate::LaborType, money::Fen, rate_card::RateCard};

use super::rules::RowFault;
use crate::error::ApiError;

pub(super) const CLASSES: [&str; 4] = ["one", "two", "three", "any"];
pub(super) const ORIGINS: [&str; 3] = ["core_system", "policy_document", "phone_query"];

pub(super) fn one_of(field: &str, text: &str, allowed: &[&str]) -> Result<(), ApiError> {
    if allowed.contains(&text) {
        Ok(())
    } else {
        Err(ApiError::invalid_field(field, "unknown", allowed.join(", ")))
    }
}

pub(super) fn card(fields: &RateCardFields) -> Result<RateCard, ApiError> {
    let hourly = by_trade("card.hourly_fen", &fields.hourly_fen)?;
    let card = RateCard {
        hourly_fen: hourly.into_iter().map(|(trade, fen)| (trade, Fen(fen))).collect(),
        parts_management_bp: fields.parts_management_bp,
        labor_management_bp: fields.labor_management_bp,
        parts_discount_bp: fields.parts_discount_bp.unwrap_or(10_000),
        labor_discount_bp: by_trade("card.labor_discount_bp", &fields.labor_discount_bp)?,
        multi_panel_discount_bp: fields.multi_panel_discount_bp.unwrap_or(10_000),
        multi_panel_from: match fields.multi_panel_from {
            None => 2,
            // Out of range below.
            Some(from) => u32::try_from(from).unwrap_or(0),
        },
        total_loss_from_bp: fields.total_loss_from_bp,
        tolerance_bp: fields.tolerance_bp,
    };
    match card.fault() {
        None => Ok(card),
        Some(field) => {
            let allowed = "shares from 0 to 10,000 basis points, amounts that are not negative, 2 to 100 panels";
            Err(ApiError::invalid_field(&format!("card.{field}"), "out_of_range", allowed))
        }
    }
}

fn by_trade(
    field: &str,
    values: &BTreeMap<String, i64>,
) -> Result<BTreeMap<LaborType, i64>, ApiError> {
    let known = |(trade, value): (&String, &i64)| {
        let trade = trade
            .parse::<LaborType>()
            .map_err(|_| ApiError::invalid_field(field, "unknown", LaborType::NAMES.join(", ")))?;
        Ok((trade, *value))
    };
    values.iter().map(known).collect()
}

pub(super) fn card_fields(card: &RateCard) -> RateCardFields {
    let named = |trade: &LaborType| trade.as_str().to_owned();
    RateCardFields {
        hourly_fen: card.hourly_fen.iter().map(|(trade, fen)| (named(trade), fen.0)).collect(),
        parts_management_bp: card.parts_management_bp,
        labor_management_bp: card.labor_management_bp,
        parts_discount_bp: Some(card.parts_discount_bp),
        labor_discount_bp: card.labor_discount_bp.iter().map(|(t, bp)| (named(t), *bp)).collect(),
        multi_panel_discount_bp: Some(card.multi_panel_discount_bp),
        multi_panel_from: Some(i64::from(card.multi_panel_from)),
        total_loss_from_bp: card.total_loss_from_bp,
        tolerance_bp: card.tolerance_bp,
    }
}

pub(super) fn policy(terms: &PolicyTerms, number: i64) -> Result<PolicySnapshot, ApiError> {
    let fen = |amount: Option<i64>| amount.map(Fen);
    let snapshot = PolicySnapshot {
        number,
        own_damage_fen: fen(terms.own_damage_fen),
        third_party_fen: fen(terms.third_party_fen),
        compulsory_at_fault_fen: fen(terms.compulsory_at_fault_fen),
        compulsory_no_fault_fen: fen(terms.compulsory_no_fault_fen),
        liability_bp: terms.liability_bp,
        fault_rate_bp: terms.fault_rate_bp,
        absolute_rate_bp: terms.absolute_rate_bp,
        deductible_fen: Fen(terms.deductible_fen),
        received_fen: Fen(terms.received_fen),
    };
    match snapshot.fault() {
        None => Ok(snapshot),
        Some(field) => {
            let allowed =
                "amounts in fen that are not negative, shares from 0 to 10,000 basis points";
            Err(ApiError::invalid_field(&format!("terms.{field}"), "out_of_range", allowed))
        }
    }
}

pub(super) fn policy_terms(snapshot: &PolicySnapshot) -> PolicyTerms {
    let fen = |amount: Option<Fen>| amount.map(|fen| fen.0);
    PolicyTerms {
        own_damage_fen: fen(snapshot.own_damage_fen),
        third_party_fen: fen(snapshot.third_party_fen),
        compulsory_at_fault_fen: fen(snapshot.compulsory_at_fault_fen),
        compulsory_no_fault_fen: fen(snapshot.compulsory_no_fault_fen),
        liability_bp: snapshot.liability_bp,
        fault_rate_bp: snapshot.fault_rate_bp,
        absolute_rate_bp: snapshot.absolute_rate_bp,
        deductible_fen: snapshot.deductible_fen.0,
        received_fen: snapshot.received_fen.0,
    }
}

pub(super) fn rows_refused(faults: Vec<RowFault>) -> ApiError {
    let field =
        |fault: RowFault| FieldError::new(format!("csv:{}", fault.line), fault.code, fault.allowed);
    ApiError::invalid(faults.into_iter().map(field).collect())
}
