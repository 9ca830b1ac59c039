//! From requests to checked field commands: the same for one sent now and one from an outbox.

use api_spec::{
    problem::FieldError,
    survey::{
        AgreeArrivalRequest, CompleteSurveyRequest, NotifyDelayRequest, RecordArrivalRequest,
        RecordContactRequest, WaiveSurveyRequest,
    },
};
use chrono::{DateTime, Utc};
use sync_core::{
    ids::{CaseId, EventId},
    time::{Instant, Span},
};
use uuid::Uuid;

use super::{
    FieldCommand,
    rules::{Action, Exception, Fix, Plan},
};
use crate::{
    body::parse,
    case_log::Receipt,
    error::ApiError,
    wire::{self, Fields},
};

/// How far ahead somebody can honestly agree on a time.
const AHEAD: Span = Span::days(7);

/// A command that is accepted as to its form, and when it reached the server.
pub(super) struct Checked {
    pub(super) command: FieldCommand,
    pub(super) receipt: Receipt,
}

/// A request that makes one kind of field event.
pub(super) trait FieldRequest: serde::de::DeserializeOwned {
    /// The event's id, `device_now` and `occurred_at`.
    fn frame(&self) -> (Uuid, DateTime<Utc>, DateTime<Utc>);

    /// The action; refused fields are noted.
    fn action(&self, fields: &mut Fields, device_at: Instant) -> Option<Action>;

    /// Checks everything at once.
    fn check(&self, case_id: CaseId, now: Instant) -> Result<Checked, ApiError> {
        let (id, device_now, occurred_at) = self.frame();
        let mut fields = Fields::default();
        let device_now = fields.keep(wire::instant("device_now", device_now));
        let device_at = fields.keep(wire::instant("occurred_at", occurred_at));
        let action = self.action(&mut fields, device_at.unwrap_or(now));
        match (device_now, device_at, action) {
            (Some(device_now), Some(device_at), Some(action)) => Ok(Checked {
                command: FieldCommand { id: EventId(id), case_id, device_at, action },
                receipt: Receipt::new(device_now, now),
            }),
            _ => Err(fields.refused()),
        }
    }
}

/// Reads a command of an outbox. None for a kind that is no field event.
pub(super) fn check_kind(
    kind: &str,
    case_id: CaseId,
    json: &[u8],
    now: Instant,
) -> Option<Result<FieldCommand, ApiError>> {
    let read = match kind {
        "record_contact" => read::<RecordContactRequest>,
        "notify_delay" => read::<NotifyDelayRequest>,
        "agree_arrival" => read::<AgreeArrivalRequest>,
        "record_arrival" => read::<RecordArrivalRequest>,
        "waive_survey" => read::<WaiveSurveyRequest>,
        "complete_survey" => read::<CompleteSurveyRequest>,
        _ => return None,
    };
    Some(read(json, case_id, now))
}

fn read<T: FieldRequest>(
    json: &[u8],
    case_id: CaseId,
    now: Instant,
) -> Result<FieldCommand, ApiError> {
    Ok(parse::<T>(json)?.check(case_id, now)?.command)
}

impl FieldRequest for RecordContactRequest {
    fn frame(&self) -> (Uuid, DateTime<Utc>, DateTime<Utc>) {
        (self.id, self.device_now, self.occurred_at)
    }

    fn action(&self, fields: &mut Fields, device_at: Instant) -> Option<Action> {
        let plan = code(fields, "plan", self.plan.as_deref(), Plan::ALL, Plan::as_str);
        let note = note(fields, self.note.as_deref());
        let appointment =
            self.appointment_at.map(|at| fields.keep(span_after("appointment_at", at, device_at)));
        let appointment_after = match appointment {
            Some(span) => Some(span?),
            None => None,
        };
        Some(Action::Contact { reached: self.reached, plan: plan?, note: note?, appointment_after })
    }
}

impl FieldRequest for NotifyDelayRequest {
    fn frame(&self) -> (Uuid, DateTime<Utc>, DateTime<Utc>) {
        (self.id, self.device_now, self.occurred_at)
    }

    fn action(&self, fields: &mut Fields, device_at: Instant) -> Option<Action> {
        let reason = fields.text("reason", &self.reason, 1, 500);
        let eta_after = fields.keep(span_after("new_eta", self.new_eta, device_at));
        Some(Action::Delay { reason: reason?, eta_after: eta_after? })
    }
}

impl FieldRequest for AgreeArrivalRequest {
    fn frame(&self) -> (Uuid, DateTime<Utc>, DateTime<Utc>) {
        (self.id, self.device_now, self.occurred_at)
    }

    fn action(&self, fields: &mut Fields, device_at: Instant) -> Option<Action> {
        let agreed_after = fields.keep(span_after("agreed_for", self.agreed_for, device_at));
        let note = note(fields, self.note.as_deref());
        Some(Action::AgreeArrival { agreed_after: agreed_after?, note: note? })
    }
}

impl FieldRequest for RecordArrivalRequest {
    fn frame(&self) -> (Uuid, DateTime<Utc>, DateTime<Utc>) {
        (self.id, self.device_now, self.occurred_at)
    }

    fn action(&self, fields: &mut Fields, _: Instant) -> Option<Action> {
        let (fix, datum) = match self.position {
            None => (None, None),
            Some(position) => {
                let (place, datum) = fields.keep(wire::given_point("position", position))?;
                (Some(Fix { place, accuracy_m: position.accuracy_m }), Some(datum))
            }
        };
        Some(Action::Arrive { fix, datum, mock: self.mock, staff_shown: self.staff_shown })
    }
}

impl FieldRequest for WaiveSurveyRequest {
    fn frame(&self) -> (Uuid, DateTime<Utc>, DateTime<Utc>) {
        (self.id, self.device_now, self.occurred_at)
    }

    fn action(&self, fields: &mut Fields, _: Instant) -> Option<Action> {
        let reason = fields.text("reason", &self.reason, 1, 500);
        let exception =
            code(fields, "exception", self.exception.as_deref(), Exception::ALL, Exception::as_str);
        let exception = exception?;
        if self.customer_insists && exception.is_none() {
            let allowed = "a customer who insists is visited: say what makes this an exception";
            fields.keep::<()>(Err(FieldError::new("exception", "required", allowed)));
            return None;
        }
        let against_wish = exception.filter(|_| self.customer_insists);
        Some(Action::Waive { reason: reason?, against_wish })
    }
}

impl FieldRequest for CompleteSurveyRequest {
    fn frame(&self) -> (Uuid, DateTime<Utc>, DateTime<Utc>) {
        (self.id, self.device_now, self.occurred_at)
    }

    fn action(&self, fields: &mut Fields, _: Instant) -> Option<Action> {
        let note = note(fields, self.note.as_deref());
        Some(Action::Complete { formalities_told: self.formalities_told, note: note? })
    }
}

/// A later time as the span after the event, both by the device's clock.
fn span_after(field: &str, at: DateTime<Utc>, device_at: Instant) -> Result<Span, FieldError> {
    let span = wire::instant(field, at)?.since(device_at);
    if Span::ZERO <= span && span <= AHEAD {
        Ok(span)
    } else {
        Err(FieldError::new(field, "out_of_range", "from occurred_at to 7 days later"))
    }
}

fn note(fields: &mut Fields, note: Option<&str>) -> Option<Option<String>> {
    match note {
        None => Some(None),
        Some(note) => fields.text("note", note, 1, 1_000).map(Some),
    }
}

/// One of a few codes, if one was sent.
fn code<T: Copy>(
    fields: &mut Fields,
    field: &str,
    sent: Option<&str>,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Option<Option<T>> {
    let Some(sent) = sent else { return Some(None) };
    let found = all.iter().copied().find(|value| name(*value) == sent);
    if found.is_none() {
        let names: Vec<&str> = all.iter().map(|value| name(*value)).collect();
        fields.keep::<()>(Err(FieldError::new(field, "unknown", names.join(", "))));
        return None;
    }
    Some(found)
}
