//! What a sheet is made under and held against.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::{
    ids::{CaseId, LineId},
    model::Draft,
    money::Fen,
    rate_card::RateCardRef,
    sheet::{CaseSheet, Terms, photos_of},
    time::Instant,
};

use super::{
    rules::marks::{self, Against, Known, Mark},
    store,
};
use crate::{
    db::Conn,
    error::ApiError,
    repair,
    tariff::{self, CardInForce, ListKind, ListedPrice},
};

/// How many earlier prices of one part are looked at.
const SIMILAR: usize = 20;

/// The insurer's terms for a case at this moment.
pub(super) fn of_case(
    conn: &mut Conn,
    case_id: CaseId,
    branch_path: &str,
    now: Instant,
) -> Result<(Terms, Option<CardInForce>), ApiError> {
    let class = repair::chosen_class(conn, case_id)?;
    let card = tariff::card_in_force(conn, branch_path, class, now)?;
    let policy = tariff::policy(conn, case_id)?;
    let terms = Terms {
        rate_card: card.as_ref().map(|card| RateCardRef { id: card.id, version: card.version }),
        total_loss_from_bp: card.as_ref().and_then(|card| card.card.total_loss_from_bp),
        policy,
    };
    Ok((terms, card))
}

/// What a verifier should look at in this sheet.
pub(super) fn marks_of(
    conn: &mut Conn,
    case_id: CaseId,
    branch_path: &str,
    draft: &Draft,
    sheet: &CaseSheet,
    card: Option<&CardInForce>,
) -> Result<Vec<Mark>, ApiError> {
    let codes = codes_of(sheet);
    let mut listed = Vec::new();
    for kind in ListKind::ALL {
        let prices = tariff::listed(conn, branch_path, kind, &codes)?;
        listed.extend(prices.into_iter().map(|ListedPrice { code, source, price, .. }| Known {
            code,
            source,
            price,
        }));
    }
    let photographed: BTreeSet<LineId> =
        photos_of(draft).into_iter().filter_map(|photo| photo.line_id.map(LineId)).collect();
    let against = Against {
        listed,
        similar: similar(conn, case_id, &codes)?,
        off_card: card.map(|card| card.card.departures(draft)).unwrap_or_default(),
        tolerance_bp: card.and_then(|card| card.card.tolerance_bp),
        photographed,
    };
    Ok(marks::marks(sheet, &against))
}

fn codes_of(sheet: &CaseSheet) -> Vec<String> {
    let lines = sheet.vehicles.iter().flat_map(|vehicle| &vehicle.lines);
    let codes: BTreeSet<String> = lines.filter_map(|line| line.part_no.clone()).collect();
    codes.into_iter().collect()
}

/// The middle of what the same parts cost in the last other cases.
fn similar(conn: &mut Conn, case_id: CaseId, codes: &[String]) -> Result<Vec<Known>, ApiError> {
    let mut prices: BTreeMap<(String, String), Vec<Fen>> = BTreeMap::new();
    for (code, source, price) in store::list_earlier_prices(conn, case_id, codes)? {
        let known = prices.entry((code, source)).or_default();
        if known.len() < SIMILAR {
            known.push(price);
        }
    }
    let middle =
        |((code, source), prices)| marks::middle(prices).map(|price| Known { code, source, price });
    Ok(prices.into_iter().filter_map(middle).collect())
}
