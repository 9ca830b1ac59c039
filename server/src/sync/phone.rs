//! A whole phone in one request: each item is read and done by itself.

use api_spec::{
    draft::{SyncDraftRequest, SyncDraftResponse},
    evidence::{DeclarePhotosRequest, DeclarePhotosResponse},
    problem::Code,
    sync::{
        PhoneChange, PhoneDraftResult, PhoneFeed, PhoneFeedRequest, PhoneManifestResult,
        SyncPhoneRequest, SyncPhoneResponse, SyncResult,
    },
};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sync_core::ids::CaseId;
use uuid::Uuid;

use super::commands;
use crate::{
    app::App,
    auth::policy::{Actor, Operation, op},
    body::parse,
    case_log::{self, FeedCursor},
    draft,
    error::ApiError,
    evidence, wire,
};

/// The most drafts, and the most manifests, of one request.
const MOST_ITEMS: usize = 50;
/// Drafts of one phone that are worked on at a time: it must not take all places of the others.
const AT_A_TIME: usize = 4;

/// Does everything that is asked; what one item comes to holds up no other.
///
/// # Errors
/// `invalid_fields` when the frame itself is wrong.
pub(super) async fn sync(
    app: &App,
    actor: Actor,
    request: SyncPhoneRequest,
) -> Result<SyncPhoneResponse, ApiError> {
    let SyncPhoneRequest { device_now, commands, drafts, manifests, feed } = request;
    for (field, items) in [("drafts", drafts.len()), ("manifests", manifests.len())] {
        if items > MOST_ITEMS {
            let allowed = format!("at most {MOST_ITEMS}");
            return Err(ApiError::invalid_field(field, "out_of_range", allowed));
        }
    }
    // Commands first: what somebody did decides what they may write.
    let commands = do_commands(app, &actor, device_now, commands).await?;
    let drafts = stream::iter(drafts)
        .map(|item| do_draft(app, actor.clone(), item))
        .buffered(AT_A_TIME)
        .collect()
        .await;
    let mut declared = Vec::with_capacity(manifests.len());
    for item in manifests {
        declared.push(do_manifest(app, actor.clone(), device_now, item).await);
    }
    let feed = match feed {
        // What cannot be read now is asked for again with the same cursor.
        Some(asked) => match follow(app, actor, asked).await {
            Err(error) if error.code().status() < 500 => return Err(error),
            other => other.ok(),
        },
        None => None,
    };
    let server_time = app.now().0;
    Ok(SyncPhoneResponse { commands, drafts, manifests: declared, feed, server_time })
}

async fn do_commands(
    app: &App,
    actor: &Actor,
    device_now: DateTime<Utc>,
    commands: Vec<Value>,
) -> Result<Vec<SyncResult>, ApiError> {
    let ids: Vec<Option<Uuid>> = commands.iter().map(|item| uuid_of(item, "id")).collect();
    if !commands.is_empty() && !op::SyncCommands::AUDIENCE.admits(&actor.roles) {
        let refused = |id| commands::refused(id, &ApiError::new(Code::Forbidden));
        return Ok(ids.into_iter().map(refused).collect());
    }
    match commands::apply_all(app, actor.clone(), device_now, commands).await {
        // None of them was applied: they stay in the outbox, and the drafts go on.
        Err(error) if error.code().status() >= 500 => {
            Ok(ids.into_iter().map(|id| commands::result(id, "retry")).collect())
        }
        other => other,
    }
}

async fn do_draft(app: &App, actor: Actor, item: Value) -> PhoneDraftResult {
    let case_id = uuid_of(&item, "case_id");
    let (reply, problem) = match exchange(app, actor, item).await {
        Ok(reply) => (Some(reply), None),
        Err(error) => (None, Some(error.problem())),
    };
    PhoneDraftResult { case_id, reply, problem }
}

async fn exchange(app: &App, actor: Actor, item: Value) -> Result<SyncDraftResponse, ApiError> {
    let (case_id, mut fields) = split(item)?;
    let push_id = match fields.remove("push_id") {
        Some(Value::String(text)) if is_key(&text) => text,
        _ => {
            let allowed = "1 to 128 visible ASCII characters";
            return Err(ApiError::invalid_field("push_id", "wrong_form", allowed));
        }
    };
    let request: SyncDraftRequest = read(fields)?;
    let body = draft::sync(app, actor, case_id, push_id, request).await?;
    serde_json::from_slice(&body).map_err(ApiError::internal)
}

fn is_key(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
}

async fn do_manifest(
    app: &App,
    actor: Actor,
    device_now: DateTime<Utc>,
    item: Value,
) -> PhoneManifestResult {
    let case_id = uuid_of(&item, "case_id");
    let (reply, problem) = match declare(app, actor, device_now, item).await {
        Ok(reply) => (Some(reply), None),
        Err(error) => (None, Some(error.problem())),
    };
    PhoneManifestResult { case_id, reply, problem }
}

async fn declare(
    app: &App,
    actor: Actor,
    device_now: DateTime<Utc>,
    item: Value,
) -> Result<DeclarePhotosResponse, ApiError> {
    let (case_id, fields) = split(item)?;
    let mut request: DeclarePhotosRequest = read(fields)?;
    request.device_now.get_or_insert(device_now);
    evidence::declare(app, actor, case_id, &request).await
}

type Fields = serde_json::Map<String, Value>;

/// An item's case and its other fields.
fn split(item: Value) -> Result<(CaseId, Fields), ApiError> {
    let Value::Object(mut fields) = item else {
        return Err(ApiError::invalid_field("", "wrong_shape", "an object"));
    };
    let case_id = fields.remove("case_id");
    let case_id = case_id.as_ref().and_then(Value::as_str).and_then(|id| id.parse().ok());
    let case_id =
        case_id.ok_or_else(|| ApiError::invalid_field("case_id", "wrong_shape", "a UUID"))?;
    Ok((case_id, fields))
}

fn read<T: DeserializeOwned>(fields: Fields) -> Result<T, ApiError> {
    parse(&serde_json::to_vec(&Value::Object(fields)).map_err(ApiError::internal)?)
}

fn uuid_of(item: &Value, field: &str) -> Option<Uuid> {
    item.get(field).and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok())
}

/// What changed in the actor's cases; at the first time only where to go on.
async fn follow(app: &App, actor: Actor, asked: PhoneFeedRequest) -> Result<PhoneFeed, ApiError> {
    let after = asked.after.map(|text| text.parse::<FeedCursor>()).transpose();
    let after = after
        .map_err(|fault| ApiError::invalid_field("feed.after", "malformed", fault.to_string()))?;
    let Some(after) = after else {
        let cursor = app.db.read(case_log::latest_change).await?.to_string();
        return Ok(PhoneFeed { changes: Vec::new(), cursor, more: false, reset: true });
    };
    let changes = app.db.read(move |conn| case_log::changes_for(conn, &actor, after)).await?;
    let change = |change: case_log::Change| PhoneChange {
        case_id: change.case_id.into(),
        topic: change.topic,
        at: wire::time(change.at),
    };
    Ok(PhoneFeed {
        cursor: changes.next.to_string(),
        more: changes.more,
        reset: changes.reset,
        changes: changes.items.into_iter().map(change).collect(),
    })
}
