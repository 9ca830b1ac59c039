//! From what stands to what is printed.

use sync_core::{
    ids::CaseId, lifecycle::EventKind, model::VehicleRole, money::Fen, sheet::FrozenSheet,
    time::Instant,
};

use super::rules::{ClaimFacts, DocumentKind, papers};
use crate::{
    agreement,
    app::App,
    assessment::{self, Version, hexadecimal},
    auth::policy::Actor,
    case_log,
    db::Conn,
    draft::Current,
    error::ApiError,
    intake::{self, ReportedCase},
    negotiation,
    print::{
        Printout, notices,
        sheet::{self, Head, PrintedVersion},
        words::{Lang, percent},
    },
};

/// A document.
pub(super) enum Composed {
    /// To be printed.
    Fresh(Box<Printout>),
    /// Printed before, and kept.
    Kept(Vec<u8>),
}

/// The document, if there is anything to print.
pub(super) fn document(
    conn: &mut Conn,
    app: &App,
    actor: &Actor,
    case_id: CaseId,
    kind: DocumentKind,
    draft: Option<&Current>,
    lang: Lang,
) -> Result<Option<Composed>, ApiError> {
    let case = intake::get_case(conn, case_id)?;
    let head = head(app, &case, actor);
    let version = assessment::find_newest(conn, case_id)?;
    let fresh = |printout| Some(Composed::Fresh(Box::new(printout)));
    Ok(match kind {
        DocumentKind::AssessmentSheet => match &version {
            None => None,
            Some(version) => fresh(printed(version, |v| sheet::assessment_sheet(&head, v, lang))?),
        },
        DocumentKind::UncoveredItems => match &version {
            None => None,
            Some(version) => fresh(printed(version, |v| sheet::uncovered(&head, v, lang))?),
        },
        DocumentKind::LossAgreement => agreement::kept_document(conn, case_id)?.map(Composed::Kept),
        DocumentKind::NegotiationRecord => match &version {
            None => None,
            Some(version) => fresh(negotiated(conn, &head, version, lang)?),
        },
        DocumentKind::VisitAppointment => {
            let record = negotiation::of_case(conn, case_id)?;
            let visit = record.visits.last();
            visit.and_then(|visit| {
                let dated = Instant(visit.starts_at.timestamp_millis());
                fresh(notices::visit_appointment(&head, visit, dated, lang))
            })
        }
        DocumentKind::SurveyRecord => fresh(surveyed(conn, &head, &case, draft, lang)?),
        DocumentKind::FormalitiesNotice => {
            let facts = claim_facts(conn, &case, version.as_ref(), draft)?;
            let papers = papers(facts);
            fresh(notices::formalities_notice(&head, &papers, case.reported_at, lang))
        }
    })
}

fn head(app: &App, case: &ReportedCase, actor: &Actor) -> Head {
    Head {
        report_no: case.report_no.clone(),
        plate: case.plate.clone(),
        customer: case.customer_name.clone(),
        staff: actor.name.clone(),
        staff_no: actor.staff_no.clone(),
        hotline: app.config.hotline.clone(),
    }
}

fn printed(
    version: &Version,
    print: impl FnOnce(&PrintedVersion<'_>) -> Printout,
) -> Result<Printout, ApiError> {
    let frozen: FrozenSheet = version.read()?;
    let sha256 = hexadecimal(&version.sheet_sha256);
    let frozen_at = version.frozen_at;
    Ok(print(&PrintedVersion { frozen: &frozen, sha256: &sha256, frozen_at }))
}

fn negotiated(
    conn: &mut Conn,
    head: &Head,
    version: &Version,
    lang: Lang,
) -> Result<Printout, ApiError> {
    let record = negotiation::of_case(conn, version.case_id)?;
    let sheet = version.read()?.sheet;
    let whole = lang.pick("定损合计", "Total").to_owned();
    let name_of = |line: Option<uuid::Uuid>| match line {
        None => whole.clone(),
        Some(line) => {
            let lines = sheet.vehicles.iter().flat_map(|vehicle| &vehicle.lines);
            let found = lines.into_iter().find(|row| row.id.0 == line);
            found.map_or_else(|| "–".into(), |row| row.name.clone())
        }
    };
    let said = record.rounds.iter().map(|round| round.said_at.timestamp_millis());
    let told = record.explanations.iter().map(|told| told.explained_at.timestamp_millis());
    let dated = said.chain(told).max().map_or(version.frozen_at, Instant);
    Ok(notices::negotiation_record(head, &record, &name_of, dated, lang))
}

fn surveyed(
    conn: &mut Conn,
    head: &Head,
    case: &ReportedCase,
    draft: Option<&Current>,
    lang: Lang,
) -> Result<Printout, ApiError> {
    use EventKind as K;
    let mut facts = vec![(lang.pick("出险地点", "Place").to_owned(), case.loss_place.clone())];
    let mut words = None;
    if let Some(Current { draft, .. }) = draft {
        let scene = &draft.scene;
        for (name, value) in [
            (lang.pick("查勘地点", "Surveyed at"), scene.place.clone()),
            (lang.pick("事故类型", "Accident"), scene.accident_type.map(|t| t.to_string())),
            (lang.pick("天气", "Weather"), scene.weather.map(|w| w.to_string())),
            (lang.pick("道路", "Road"), scene.road.map(|r| r.to_string())),
            (lang.pick("交警编号", "Police report"), scene.police_report_no.clone()),
        ] {
            facts.extend(value.map(|value| (name.to_owned(), value)));
        }
        for vehicle in draft.vehicles.values().filter(|vehicle| !vehicle.removed) {
            let plate = vehicle.plate.clone().unwrap_or_else(|| "–".into());
            let model = vehicle.brand_model.clone().unwrap_or_default();
            let share = vehicle.liability_bp.map(percent).unwrap_or_default();
            facts.push((
                lang.pick("车辆", "Vehicle").to_owned(),
                format!("{plate} {model} {share}"),
            ));
        }
        let photos = draft.photos.values().filter(|photo| !photo.removed).count();
        facts.push((lang.pick("照片", "Photos").to_owned(), photos.to_string()));
        words = Some(scene.description.clone());
    }
    let entries = case_log::entries(conn, case.id)?;
    let name = |kind: &EventKind| {
        Some(match kind {
            K::CaseReported => lang.pick("报案", "reported"),
            K::TaskAssigned => lang.pick("派工", "dispatched"),
            K::ContactAttempted => lang.pick("联系客户未接通", "customer not reached"),
            K::CustomerReached => lang.pick("联系客户", "customer reached"),
            K::DelayNotified => lang.pick("告知延误", "told of a delay"),
            K::ArrivalAgreed => lang.pick("约定到场时间", "arrival agreed"),
            K::SurveyWaived => lang.pick("免现场查勘", "survey waived"),
            K::Arrived => lang.pick("到达现场", "arrived"),
            K::SurveyCompleted => lang.pick("查勘完成", "survey completed"),
            _ => return None,
        })
    };
    let log: Vec<(Instant, String)> = entries
        .iter()
        .filter_map(|entry| Some((entry.occurred_at, name(&entry.kind)?.to_owned())))
        .collect();
    let dated = log.iter().map(|(at, _)| *at).max().unwrap_or(case.reported_at);
    Ok(notices::survey_record(head, facts, words.as_deref(), log, dated, lang))
}

fn claim_facts(
    conn: &mut Conn,
    case: &ReportedCase,
    version: Option<&Version>,
    draft: Option<&Current>,
) -> Result<ClaimFacts, ApiError> {
    let mut facts = ClaimFacts {
        rescue: version.is_some_and(|version| version.rescue_fen > Fen::ZERO),
        agent: agreement::has_agent(conn, case.id)?,
        ..ClaimFacts::default()
    };
    if let Some(Current { draft, .. }) = draft {
        facts.injured = draft.scene.injured_count.is_some_and(|count| count > 0);
        facts.police = draft.scene.police_report_no.is_some();
        facts.third_party = draft
            .vehicles
            .values()
            .any(|vehicle| !vehicle.removed && vehicle.role == Some(VehicleRole::ThirdParty));
    }
    Ok(facts)
}
