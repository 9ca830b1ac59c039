//! From refusals of rules and the gate to problems, and what of a refused push is kept.

use api_spec::problem::Code;
use sha2::{Digest, Sha256};
use sync_core::{
    gate::{Class, Rejection, Rule},
    lifecycle::EventKind,
    model::{ChangeHash, ReadFault},
    protocol::{Held, SyncRefusal},
};

use super::{
    append::Appender,
    rules::{self, ActorRefusal, ExchangeRefusal, ReviewRefusal, SettleRefusal},
    store::{self, HeldPush},
};
use crate::{
    app::App,
    case_log::{self, Author, NewEvent},
    error::ApiError,
};

/// A refusal as the phone's library knows it: its fields are the facts of the problem.
pub(super) fn problem(refusal: &SyncRefusal) -> ApiError {
    let code = match refusal {
        SyncRefusal::ActorReused => Code::ActorReused,
        SyncRefusal::SeqGap { .. } => Code::SeqGap,
        SyncRefusal::UnknownDeps => Code::UnknownDeps,
        SyncRefusal::EpochOver => Code::EpochOver,
        SyncRefusal::TooLarge => Code::TooLarge,
        SyncRefusal::Quarantined(_) => Code::Quarantined,
        SyncRefusal::Locked => Code::DraftLocked,
    };
    let facts = serde_json::to_value(refusal).unwrap_or_default();
    let facts = facts.as_object().cloned().unwrap_or_default();
    facts.into_iter().fold(ApiError::new(code), |error, (name, value)| error.fact(&name, value))
}

impl From<ActorRefusal> for ApiError {
    fn from(refusal: ActorRefusal) -> Self {
        problem(&SyncRefusal::ActorReused).fact("actor", refusal.code())
    }
}

impl From<ExchangeRefusal> for ApiError {
    fn from(refusal: ExchangeRefusal) -> Self {
        problem(&match refusal {
            ExchangeRefusal::EpochOver => SyncRefusal::EpochOver,
            ExchangeRefusal::Locked => SyncRefusal::Locked,
        })
    }
}

impl From<ReviewRefusal> for ApiError {
    fn from(refusal: ReviewRefusal) -> Self {
        let reason = match refusal {
            ReviewRefusal::Covered => "already_covered",
            ReviewRefusal::Reviewed => "already_decided",
            ReviewRefusal::OwnWork => "own_work",
            ReviewRefusal::Closed => "case_closed",
        };
        ApiError::new(Code::Conflict).fact("reason", reason)
    }
}

impl From<SettleRefusal> for ApiError {
    fn from(refusal: SettleRefusal) -> Self {
        let conflict = |reason: &str| ApiError::new(Code::Conflict).fact("reason", reason);
        match refusal {
            SettleRefusal::NotOpen => conflict("conflict_not_open"),
            SettleRefusal::Changed => conflict("conflict_changed"),
            SettleRefusal::ReasonMissing => ApiError::invalid_field(
                "reason",
                "required",
                "the value is none of the candidates: say why",
            ),
        }
    }
}

/// The answer to a push that the gate did not let in. Malformed and forbidden ones are put aside for
/// a person to look into; nothing of them enters the draft.
pub(super) async fn rejected(
    app: &App,
    by: &Appender,
    changes: &[Vec<u8>],
    rejection: Rejection,
) -> ApiError {
    let rule = rejection.rule.code();
    metrics::counter!("chakan_gate_refusals_total", "rule" => rule).increment(1);
    if rejection.rule == Rule::LibraryPanic {
        metrics::counter!("chakan_gate_panics_total").increment(1);
    }
    let refusal = match rejection.class {
        Class::ActorReused => SyncRefusal::ActorReused,
        Class::SeqGap { expected } => SyncRefusal::SeqGap { expected_seq: expected },
        Class::UnknownDeps => SyncRefusal::UnknownDeps,
        Class::TooLarge => SyncRefusal::TooLarge,
        Class::Malformed | Class::Forbidden => match hold(app, by, changes, &rejection).await {
            Ok(held) => SyncRefusal::Quarantined(held),
            // Not told before it is kept: the device sends it again.
            Err(fault) => return fault,
        },
    };
    let error = problem(&refusal).fact("rule", rule);
    match rejection.change_index {
        Some(index) => error.fact("change_index", index),
        None => error,
    }
}

/// A draft that the gate let pass and that cannot be read all the same.
pub(super) fn unreadable(fault: &ReadFault) -> Rejection {
    Rejection {
        rule: Rule::Unreadable,
        class: Class::Malformed,
        change_index: None,
        path: None,
        detail: fault.to_string(),
    }
}

async fn hold(
    app: &App,
    by: &Appender,
    changes: &[Vec<u8>],
    rejection: &Rejection,
) -> Result<Held, ApiError> {
    let from = rejection.change_index.unwrap_or(0);
    let bytes = changes.iter().skip(from).flatten().copied().collect::<Vec<u8>>();
    let held = Held {
        change: rejection.change_index.and_then(|index| change_hash(changes.get(index)?)),
        rule: rejection.rule.code().to_owned(),
        path: rejection.path.clone(),
    };
    let push = HeldPush {
        id: app.new_id(),
        case_id: by.case_id,
        actor: by.actor.clone(),
        person: by.writer.person,
        device: by.writer.device,
        signature: by.signature.as_ref().map(|signature| signature.bytes.clone()),
        push_id: by.key.key.clone(),
        held: held.clone(),
        detail: rejection.detail.chars().take(500).filter(|c| *c != '\0').collect(),
        sha256: Sha256::digest(&bytes).into(),
        bytes,
        now: app.now(),
    };
    keep(app, push).await?;
    Ok(held)
}

/// Keeps a refused push within the bounds of its person and case; answers whether it is kept.
pub(super) async fn keep(app: &App, push: HeldPush) -> Result<bool, ApiError> {
    let size = u64::try_from(push.bytes.len()).unwrap_or(u64::MAX);
    let inner = app.clone();
    app.db
        .write(move |conn| {
            let so_far = store::held_so_far(conn, push.case_id, push.person)?;
            if !rules::may_hold(so_far, size) {
                metrics::counter!("chakan_draft_held_dropped_total").increment(1);
                return Ok(false);
            }
            if store::insert_held(conn, &push)? {
                case_log::append(conn, &quarantined(&inner, &push))?;
            }
            Ok(true)
        })
        .await
}

/// So that managers hear of it.
fn quarantined(app: &App, push: &HeldPush) -> NewEvent {
    NewEvent {
        id: app.new_id(),
        case_id: push.case_id,
        kind: EventKind::WorkQuarantined,
        author: Author::Person(push.person, push.device),
        device_at: None,
        occurred_at: push.now,
        recorded_at: push.now,
        data: serde_json::json!({
            "quarantine_id": push.id, "rule": push.held.rule, "path": push.held.path,
        }),
    }
}

/// The hash of a change, if it stands there uncompressed with a matching checksum: magic bytes,
/// checksum, then what is hashed, from the type on.
fn change_hash(bytes: &[u8]) -> Option<ChangeHash> {
    let (checksum, hashed) = (bytes.get(4..8)?, bytes.get(8..)?);
    if hashed.first() != Some(&1) {
        return None;
    }
    let hash: [u8; 32] = Sha256::digest(hashed).into();
    (hash.get(..4) == Some(checksum)).then_some(ChangeHash(hash))
}
