//! Field commands, inside the caller's transaction.

use serde_json::{Value, json};
use sync_core::{
    ids::{CaseId, EventId},
    lifecycle::EventKind,
    time::Instant,
};

use api_spec::problem::Code;

use super::{
    rules::{Action, Fix, judge_arrival},
    store::{self, NewArrival},
};
use crate::{
    auth::policy::{Actor, Tasked},
    case_log::{self, Appended, Author, NewEvent, Receipt, Seen},
    db::Conn,
    dispatch,
    error::ApiError,
    intake::{self, ReportedCase},
    wire,
};

/// Something that happened in the field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldCommand {
    /// Made by the device; becomes the event's id.
    pub id: EventId,
    /// The case.
    pub case_id: CaseId,
    /// When, by the device's clock.
    pub device_at: Instant,
    /// What.
    pub action: Action,
}

/// Writes down what a surveyor did (A5.9). The same command twice is one event. Work of a surveyor
/// who was released meanwhile is taken too, under their name.
///
/// # Errors
/// `not_found` for a case that the actor does not see; `conflict` (`not_sent`) for one they were
/// never sent to.
pub fn apply_command(
    conn: &mut Conn,
    actor: &Actor,
    command: &FieldCommand,
    receipt: &Receipt,
) -> Result<Appended, ApiError> {
    let tasked = case_log::see(conn, actor, command.case_id)?.facts.tasked;
    if tasked == Tasked::Never {
        return Err(ApiError::new(Code::Conflict).fact("reason", "not_sent"));
    }
    let case = intake::get_case(conn, command.case_id)?;
    let seen = receipt.seen(command.device_at, case.reported_at);
    let arrival = arrival(&command.action, &case);
    let (kind, mut data) = kind_and_data(actor, &command.action, seen, arrival.as_ref());
    if let Some(data) = data.as_object_mut() {
        data.insert("time_confidence".into(), json!(seen.confidence));
        data.insert("by_earlier_surveyor".into(), json!(tasked == Tasked::Earlier));
    }
    let event = NewEvent {
        id: command.id,
        case_id: command.case_id,
        kind,
        author: Author::from(actor),
        device_at: Some(seen.device_at),
        occurred_at: seen.occurred_at,
        recorded_at: receipt.now,
        data,
    };
    let appended = case_log::append(conn, &event)?;
    if let Appended::New(_) = appended {
        if let Some(arrival) = &arrival {
            store::insert_arrival(conn, command, actor, arrival)?;
        }
        if let Action::Complete { .. } = command.action {
            dispatch::complete_task(conn, command.case_id, actor.person, seen.occurred_at)?;
        }
    }
    Ok(appended)
}

/// The arrival that an action reports, judged against the place of loss.
fn arrival(action: &Action, case: &ReportedCase) -> Option<NewArrival> {
    let Action::Arrive { fix, datum, mock, staff_shown } = action else { return None };
    let scene = case.position.map(|place| Fix { place, accuracy_m: case.accuracy_m });
    let (distance_m, plausibility) = judge_arrival(*fix, scene, *mock);
    Some(NewArrival {
        fix: *fix,
        datum: *datum,
        mock: *mock,
        distance_m,
        plausibility,
        staff_shown: *staff_shown,
    })
}

fn kind_and_data(
    actor: &Actor,
    action: &Action,
    seen: Seen,
    arrival: Option<&NewArrival>,
) -> (EventKind, Value) {
    let after = |span| wire::time(seen.occurred_at + span);
    match action {
        Action::Contact { reached, plan, note, appointment_after } => {
            let kind =
                if *reached { EventKind::CustomerReached } else { EventKind::ContactAttempted };
            let plan = plan.map(|plan| plan.as_str());
            let appointment_at = appointment_after.map(after);
            (kind, json!({ "plan": plan, "note": note, "appointment_at": appointment_at }))
        }
        Action::Delay { reason, eta_after } => {
            (EventKind::DelayNotified, json!({ "reason": reason, "new_eta": after(*eta_after) }))
        }
        Action::AgreeArrival { agreed_after, note } => {
            (EventKind::ArrivalAgreed, json!({ "agreed_for": after(*agreed_after), "note": note }))
        }
        Action::Arrive { mock, staff_shown, .. } => (
            EventKind::Arrived,
            json!({
                "distance_m": arrival.and_then(|a| a.distance_m).map(wire::whole_metres),
                "plausibility": arrival.map(|a| a.plausibility.as_str()),
                "mock": mock,
                "staff_no": actor.staff_no,
                "staff_shown": staff_shown,
            }),
        ),
        Action::Waive { reason, against_wish } => {
            let exception = against_wish.map(|exception| exception.as_str());
            let insists = against_wish.is_some();
            let data =
                json!({ "reason": reason, "customer_insists": insists, "exception": exception });
            (EventKind::SurveyWaived, data)
        }
        Action::Complete { formalities_told, note } => (
            EventKind::SurveyCompleted,
            json!({ "formalities_told": formalities_told, "note": note }),
        ),
    }
}
