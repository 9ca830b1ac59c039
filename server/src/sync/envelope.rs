//! From one item of an outbox to a checked command.

use api_spec::{
    agreement::OfflineAgreementRequest,
    dispatch::{AcceptTaskRequest, DeclineTaskRequest},
    problem::FieldError,
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use sync_core::{
    ids::{CaseId, EventId, TaskId},
    time::Instant,
};
use uuid::Uuid;

use crate::{
    agreement::{self, Offered},
    body::parse,
    dispatch::{self, Answer, Asked},
    error::ApiError,
    survey::{self, FieldCommand},
};

/// A command that can be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Envelope {
    pub(super) id: EventId,
    pub(super) case_id: CaseId,
    pub(super) kind: String,
    /// Of the item as sent, whatever the order of its fields.
    pub(super) sha256: [u8; 32],
    pub(super) command: Command,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Command {
    Field(FieldCommand),
    Answer(Answer),
    Agreement(Offered),
}

/// An item that cannot be read, with its id if that much could be.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) id: Option<Uuid>,
    pub(super) error: ApiError,
}

/// Reads one item. Its fields are checked exactly as those of its operation online.
pub(super) fn read(
    item: Value,
    device_now: DateTime<Utc>,
    now: Instant,
) -> Result<Envelope, Unreadable> {
    let sha256 = Sha256::digest(item.to_string()).into();
    let Value::Object(mut fields) = item else {
        let error = refused("", "wrong_shape", "an object");
        return Err(Unreadable { id: None, error });
    };
    let id = uuid(&fields, "id");
    let unreadable = |error| Unreadable { id: id.as_ref().ok().copied(), error };
    let event = *id.as_ref().map_err(|refusal| unreadable(invalid(refusal)))?;
    let case_id = CaseId(take_uuid(&mut fields, "case_id").map_err(unreadable)?);
    let kind = take_text(&mut fields, "kind").map_err(unreadable)?;
    let command = command(&kind, case_id, fields, device_now, now).map_err(unreadable)?;
    Ok(Envelope { id: EventId(event), case_id, kind, sha256, command })
}

fn command(
    kind: &str,
    case_id: CaseId,
    mut fields: Map<String, Value>,
    device_now: DateTime<Utc>,
    now: Instant,
) -> Result<Command, ApiError> {
    if fields.contains_key("device_now") {
        return Err(refused("device_now", "forbidden", "stands once, beside the commands"));
    }
    fields.insert("device_now".into(), serde_json::json!(device_now));
    match kind {
        "accept_task" => {
            let task = TaskId(take_uuid(&mut fields, "task_id")?);
            let asked = Asked { task, case_id: Some(case_id) };
            let request: AcceptTaskRequest = parse(&bytes(fields)?)?;
            let (answer, _) = dispatch::check_accept(asked, &request, now)?;
            Ok(Command::Answer(answer))
        }
        "decline_task" => {
            let task = TaskId(take_uuid(&mut fields, "task_id")?);
            let asked = Asked { task, case_id: Some(case_id) };
            let request: DeclineTaskRequest = parse(&bytes(fields)?)?;
            let (answer, _) = dispatch::check_decline(asked, &request, now)?;
            Ok(Command::Answer(answer))
        }
        "deliver_agreement" => {
            // When it happened is when the customer signed.
            if let Some(at) = fields.remove("occurred_at") {
                fields.insert("signed_at".into(), at);
            }
            let request: OfflineAgreementRequest = parse(&bytes(fields)?)?;
            agreement::check_offline(&request, case_id).map(Command::Agreement)
        }
        _ => match survey::read_command(kind, case_id, &bytes(fields)?, now) {
            Some(command) => command.map(Command::Field),
            None => Err(refused("kind", "unknown", "an operation that an outbox may hold")),
        },
    }
}

fn bytes(fields: Map<String, Value>) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(&Value::Object(fields)).map_err(ApiError::internal)
}

fn take_uuid(fields: &mut Map<String, Value>, name: &str) -> Result<Uuid, ApiError> {
    let id = uuid(fields, name).map_err(|refusal| invalid(&refusal))?;
    fields.remove(name);
    Ok(id)
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Result<String, ApiError> {
    match fields.remove(name) {
        Some(Value::String(text)) if text.len() <= 64 => Ok(text),
        _ => Err(refused(name, "wrong_shape", "text of at most 64 bytes")),
    }
}

fn uuid(fields: &Map<String, Value>, name: &str) -> Result<Uuid, FieldError> {
    fields
        .get(name)
        .and_then(Value::as_str)
        .and_then(|text| Uuid::try_parse(text).ok())
        .ok_or_else(|| FieldError::new(name, "wrong_shape", "a UUID"))
}

fn invalid(refusal: &FieldError) -> ApiError {
    ApiError::invalid(vec![refusal.clone()])
}

fn refused(field: &str, code: &str, allowed: &str) -> ApiError {
    ApiError::invalid_field(field, code, allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Instant = Instant(1_772_415_000_000);

    fn read_item(item: Value) -> Result<Envelope, (Option<Uuid>, String, String)> {
        read(item, crate::wire::time(NOW), NOW).map_err(|unreadable| {
            let problem = unreadable.error.problem();
            let first = problem.errors.first().cloned();
            let (field, code) = first.map_or_else(Default::default, |e| (e.field, e.code));
            (unreadable.id, field, code)
        })
    }

    fn arrival() -> Value {
        json!({
            "id": Uuid::from_u128(1), "case_id": Uuid::from_u128(2), "kind": "record_arrival",
            "occurred_at": crate::wire::time(NOW),
        })
    }

    #[test]
    fn the_order_of_fields_makes_no_other_command() {
        let one = read_item(arrival()).unwrap();
        let other: Value = serde_json::from_str(&format!(
            r#"{{"occurred_at":{},"kind":"record_arrival","case_id":"{}","id":"{}"}}"#,
            json!(crate::wire::time(NOW)),
            Uuid::from_u128(2),
            Uuid::from_u128(1),
        ))
        .unwrap();
        assert_eq!(read_item(other), Ok(one));
    }

    #[test]
    fn what_cannot_be_read_names_the_field_and_its_id_if_it_has_one() {
        let id = Some(Uuid::from_u128(1));
        for (name, value, known, field, code) in [
            ("id", json!("x"), None, "id", "wrong_shape"),
            ("id", json!(7), None, "id", "wrong_shape"),
            ("case_id", Value::Null, id, "case_id", "wrong_shape"),
            ("kind", json!("agree_sheet"), id, "kind", "unknown"),
            ("kind", json!(["x"]), id, "kind", "wrong_shape"),
            ("device_now", json!("2026-03-02T01:30:00Z"), id, "device_now", "forbidden"),
            ("occurred_at", json!("yesterday"), id, "occurred_at", "wrong_shape"),
            ("occurred_at", json!("1999-01-01T00:00:00Z"), id, "occurred_at", "out_of_range"),
            ("distance_m", json!(3), id, "distance_m", "wrong_shape"),
            ("position", json!({ "lat": 91, "lon": 0 }), id, "position", "out_of_range"),
            ("kind", json!("accept_task"), id, "task_id", "wrong_shape"),
        ] {
            let mut item = arrival();
            item[name] = value;
            let expected = Err((known, field.to_owned(), code.to_owned()));
            assert_eq!(read_item(item), expected, "{name}");
        }
        assert_eq!(read_item(json!([])), Err((None, String::new(), "wrong_shape".into())));
    }
}
