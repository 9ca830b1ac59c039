//! The messages of `POST /api/v1/sync` as the phone writes and reads them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Issued;
use crate::{
    edit::Writer,
    ids::{CaseId, PhotoId},
    model::{ActorId, schema::Role},
    outbox::{ItemResult, OutboxItem, Refusal},
    protocol::{Blob, SyncRefusal, SyncReply, SyncRequest},
    time::Instant,
};

/// One draft in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftPush {
    /// The case.
    pub case_id: CaseId,
    /// Names the push. It is made of what the push says, so the same push always has the same name.
    pub push_id: String,
    /// The exchange.
    pub request: SyncRequest,
    /// By the device's key over [`crate::protocol::push_text`], base64; the app fills it in.
    pub signature: Option<String>,
}

impl DraftPush {
    /// A push under the name that its content gives it.
    #[must_use]
    pub fn new(case_id: CaseId, request: SyncRequest) -> Self {
        let said = serde_json::to_vec(&request).unwrap_or_default();
        let digest = Sha256::new().chain_update(case_id.0.as_bytes()).chain_update(said).finalize();
        let push_id = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { case_id, push_id, request, signature: None }
    }

    /// What the device's key is to sign.
    #[must_use]
    pub fn text(&self) -> String {
        let changes: Vec<&[u8]> =
            self.request.changes.iter().map(|blob| blob.0.as_slice()).collect();
        let push = &self.request;
        crate::protocol::push_text(&self.push_id, self.case_id, &push.actor, &changes)
    }
}

/// One request for everything that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct PhoneRequest {
    /// The phone's clock at sending.
    pub device_now: Instant,
    /// Commands, oldest first.
    pub commands: Vec<OutboxItem>,
    /// Drafts.
    pub drafts: Vec<DraftPush>,
    /// Photos to announce, by case.
    pub manifests: Vec<(CaseId, Vec<Value>)>,
    /// Where the feed goes on; nothing for the first time.
    pub feed: Option<String>,
}

impl PhoneRequest {
    /// The request as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "device_now": rfc3339(self.device_now),
            "commands": self.commands.iter().map(command).collect::<Vec<_>>(),
            "drafts": self.drafts.iter().map(draft).collect::<Vec<_>>(),
            "manifests": self.manifests.iter().map(|(case_id, photos)| {
                json!({ "case_id": case_id, "photos": photos })
            }).collect::<Vec<_>>(),
            "feed": match &self.feed {
                Some(after) => json!({ "after": after }),
                None => json!({}),
            },
        })
    }
}

/// A command as it stands on the wire: its fields beside the frame.
#[must_use]
pub fn command(item: &OutboxItem) -> Value {
    let mut command = json!({
        "id": item.id, "case_id": item.case_id, "kind": item.kind,
        "occurred_at": rfc3339(item.occurred_at),
    });
    if let (Some(command), Some(fields)) = (command.as_object_mut(), item.body.as_object()) {
        command.extend(fields.clone());
    }
    command
}

fn draft(push: &DraftPush) -> Value {
    let mut draft = serde_json::to_value(&push.request).unwrap_or_default();
    if let Some(fields) = draft.as_object_mut() {
        fields.insert("case_id".into(), json!(push.case_id));
        fields.insert("push_id".into(), json!(push.push_id));
        if let Some(signature) = &push.signature {
            fields.insert("signature".into(), json!(signature));
        }
    }
    draft
}

/// What came back.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct PhoneReply {
    /// One for each command.
    #[serde(default)]
    pub commands: Vec<Value>,
    /// One for each draft.
    #[serde(default)]
    pub drafts: Vec<DraftAnswer>,
    /// One for each manifest.
    #[serde(default)]
    pub manifests: Vec<ManifestAnswer>,
    /// What changed.
    #[serde(default)]
    pub feed: Option<Feed>,
}

impl PhoneReply {
    /// What became of the commands; what cannot be read counts as not answered.
    #[must_use]
    pub fn results(&self) -> Vec<ItemResult> {
        let read = |value: &Value| serde_json::from_value(value.clone()).ok();
        self.commands.iter().filter_map(read).collect()
    }
}

/// The answer for one draft.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DraftAnswer {
    /// The case.
    pub case_id: Option<CaseId>,
    /// The exchange.
    #[serde(default)]
    pub reply: Option<SyncReply>,
    /// Or why not.
    #[serde(default)]
    pub problem: Option<Problem>,
}

/// A problem as far as a phone needs it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Problem {
    /// HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What people see.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// What programs need.
    #[serde(default)]
    pub facts: Value,
}

impl Problem {
    /// The refusal of an exchange, if it is one.
    #[must_use]
    pub fn sync_refusal(&self) -> Option<SyncRefusal> {
        serde_json::from_value(self.facts.clone()).ok()
    }
}

/// The answer for one manifest.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ManifestAnswer {
    /// The case.
    pub case_id: Option<CaseId>,
    /// What the server has.
    #[serde(default)]
    pub reply: Option<Manifest>,
    /// Or why not.
    #[serde(default)]
    pub problem: Option<Problem>,
}

/// What the server has of announced photos.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Manifest {
    /// The photos of the request.
    pub photos: Vec<ManifestPhoto>,
}

/// One announced photo.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ManifestPhoto {
    /// Its id.
    pub id: PhotoId,
    /// The hash of its bytes.
    pub sha256: String,
    /// Whether they are on the server, with a receipt.
    pub received: bool,
}

/// What changed in the phone's cases.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Feed {
    /// In order.
    #[serde(default)]
    pub changes: Vec<FeedChange>,
    /// Where to go on.
    pub cursor: String,
    /// Whether more waits.
    #[serde(default)]
    pub more: bool,
    /// Read everything anew.
    #[serde(default)]
    pub reset: bool,
}

/// One change.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct FeedChange {
    /// The case.
    pub case_id: CaseId,
    /// What changed.
    pub topic: String,
}

/// What the server answered to the request for an actor, if it can be read.
#[must_use]
pub fn issued(answer: &Value) -> Option<Issued> {
    let roles = answer.get("roles")?.as_array()?.iter().filter_map(|role| match role.as_str()? {
        "surveyor" => Some(Role::Surveyor),
        "verifier" => Some(Role::Verifier),
        "office" => Some(Role::Office),
        "shop" => Some(Role::Shop),
        _ => None,
    });
    let number = |name: &str| answer.get(name)?.as_u64();
    let text = |name: &str| answer.get(name)?.as_str();
    let snapshot: Blob = serde_json::from_value(answer.get("snapshot")?.clone()).ok()?;
    Some(Issued {
        writer: Writer {
            actor: ActorId::try_from(text("actor")?).ok()?,
            person: text("person_id")?.parse().ok()?,
            roles: roles.collect(),
        },
        epoch: u32::try_from(number("epoch")?).ok()?,
        cursor: number("cursor")?,
        last_seq: number("last_seq")?,
        snapshot: snapshot.0,
    })
}

/// An instant as RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn rfc3339(at: Instant) -> String {
    let (days, ms) = (at.0.div_euclid(86_400_000), at.0.rem_euclid(86_400_000));
    // Civil date of a day number, by eras of 400 years that begin on the first of March.
    let z = days.saturating_add(719_468);
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, milli) = (ms / 1_000 % 60, ms % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_everybody_reads_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_772_415_000_123, "2026-03-02T01:30:00.123Z"),
            (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(Instant(ms)), text);
        }
    }
}
