//! PURE: who may write, what a device is sent, when a snapshot is due, which conflicts opened or
//! ended, what of a refused push is kept.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::{
    conflict::{Conflict, ConflictKind},
    model::{
        ActorId, ChangeHash,
        schema::{Path, Scalar},
    },
    protocol::{Lock, Want},
};

/// The standard procedure (C13), version 1: the checklist items that every draft starts with.
pub(super) const STANDARD_PROCEDURE: &[&str] = &[
    "identify_to_customer",
    "driver_licence",
    "vehicle_licence",
    "vin_compared",
    "odometer",
    "scene_overview",
    "collision_points",
    "damage_extent",
    "other_parties",
    "injuries",
    "police_report",
    "cause_and_course",
    "liability_explained",
    "rescue_offered",
    "next_steps_explained",
];

/// A snapshot is stored after this many changes ...
const SNAPSHOT_CHANGES: u64 = 200;
/// ... or this many bytes of changes. A device that has nothing gets the snapshot and the changes since,
/// and those compress badly one by one. Before it is stored the gate loads it, so this also says how many
/// bytes of changes are kept at most that nobody has loaded together with the rest.
const SNAPSHOT_BYTES: u64 = 2 * 1024;
/// A device that lacks more changes than this gets a snapshot instead.
const FAR_BEHIND: u64 = 400;
/// Most changes in one reply.
pub(super) const PAGE_CHANGES: usize = 200;
/// Most bytes of changes in one reply, unless a single change is larger.
pub(super) const PAGE_BYTES: u64 = 512 * 1024;
/// Most conflicts that are kept and shown for one draft; those that need a person come first.
pub(super) const MOST_CONFLICTS: usize = 200;
/// Most actors that one person may have in one case.
pub(super) const MOST_ACTORS: usize = 100;
/// Most refused pushes that are kept of one person in one case.
const MOST_HELD: u64 = 20;
/// Most refused bytes that are kept of one person in one case.
const MOST_HELD_BYTES: u64 = 2 * 1024 * 1024;

/// A draft without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) epoch: u32,
    /// The last number of the change log.
    pub(super) lsn: u64,
    /// Sorted.
    pub(super) heads: Vec<ChangeHash>,
    pub(super) max_op: u64,
    pub(super) snapshot_lsn: u64,
    pub(super) tail_bytes: u64,
    pub(super) lock: Lock,
    /// What stands still whatever is written from now on.
    pub(super) pin: Option<Pin>,
}

/// What of a draft stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    /// A version is frozen.
    Frozen,
    /// A version is agreed.
    Approved,
    /// The case is closed.
    Closed,
}

impl Pin {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Approved => "approved",
            Self::Closed => "closed",
        }
    }
}

impl Head {
    /// Whether a snapshot is to be stored with a push that brings so many changes and bytes.
    pub(super) fn snapshot_due(&self, changes: u64, bytes: u64) -> bool {
        let tail = self.lsn.saturating_sub(self.snapshot_lsn).saturating_add(changes);
        tail >= SNAPSHOT_CHANGES || self.tail_bytes.saturating_add(bytes) >= SNAPSHOT_BYTES
    }
}

/// An actor as it was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Issued<Person, Device> {
    pub(super) person: Option<Person>,
    pub(super) device: Option<Device>,
    pub(super) revoked: bool,
}

/// Why somebody may not append under an actor. All have one cure: get another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActorRefusal {
    /// It was not issued to this person on this device for this case.
    NotIssued,
    /// It was given up for another one.
    Revoked,
}

impl ActorRefusal {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NotIssued => "not_issued",
            Self::Revoked => "revoked",
        }
    }
}

/// Whether a person on a device may append under an actor of the case. The device must be the same,
/// or a stolen token of another device could go on with this one's chain.
pub(super) fn may_append<P: PartialEq, D: PartialEq>(
    issued: Option<&Issued<P, D>>,
    person: &P,
    device: Option<&D>,
) -> Result<(), ActorRefusal> {
    match issued {
        Some(issued) if issued.person.as_ref() != Some(person) => Err(ActorRefusal::NotIssued),
        Some(issued) if issued.device.as_ref() != device => Err(ActorRefusal::NotIssued),
        Some(issued) if issued.revoked => Err(ActorRefusal::Revoked),
        Some(_) => Ok(()),
        None => Err(ActorRefusal::NotIssued),
    }
}

/// Why nothing can be pushed or pulled at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExchangeRefusal {
    /// The device has another draft document, or one that this log has not come to: the server lost
    /// what it once gave out.
    EpochOver,
    /// The case is over: nothing new is begun or settled.
    Locked,
}

/// Whether an exchange makes sense. Honest work that comes after the case was closed is taken, too: it
/// amends what was closed.
pub(super) fn may_exchange(head: &Head, epoch: u32, cursor: u64) -> Result<(), ExchangeRefusal> {
    if epoch != head.epoch || cursor > head.lsn { Err(ExchangeRefusal::EpochOver) } else { Ok(()) }
}

/// How a device is brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PullPlan {
    /// The changes after its cursor.
    Changes,
    /// The whole draft.
    Snapshot,
}

/// A device that asks, has nothing, or is far behind gets the whole draft.
pub(super) fn plan_pull(head: &Head, cursor: u64, want: Want) -> PullPlan {
    let behind = head.lsn.saturating_sub(cursor);
    if want == Want::Snapshot || cursor == 0 || behind > FAR_BEHIND {
        PullPlan::Snapshot
    } else {
        PullPlan::Changes
    }
}

/// How many of the next changes, given by size, fit into one reply; at least one.
pub(super) fn page_len(sizes: &[u64]) -> usize {
    let mut bytes = 0_u64;
    let fitting = sizes.iter().take(PAGE_CHANGES).take_while(|size| {
        bytes = bytes.saturating_add(**size);
        bytes <= PAGE_BYTES
    });
    fitting.count().max(usize::from(!sizes.is_empty()))
}

/// A conflict that is open in the tables.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Standing {
    pub(super) opened_lsn: u64,
    pub(super) changed_lsn: u64,
    pub(super) conflict: Conflict,
}

/// What a push did to the open conflicts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ConflictChanges {
    pub(super) opened: Vec<Conflict>,
    /// The same field with other values, and when it opened.
    pub(super) changed: Vec<(u64, Conflict)>,
    /// Fields that agree again, and when they opened.
    pub(super) resolved: Vec<(u64, Path)>,
}

/// Compares the open conflicts with those of the document now.
pub(super) fn compare_conflicts(before: &[Standing], now: Vec<Conflict>) -> ConflictChanges {
    let standing: BTreeMap<&Path, &Standing> =
        before.iter().map(|standing| (&standing.conflict.path, standing)).collect();
    let present: BTreeSet<Path> = now.iter().map(|conflict| conflict.path.clone()).collect();
    let mut changes = ConflictChanges::default();
    for conflict in kept_conflicts(now) {
        match standing.get(&conflict.path) {
            None => changes.opened.push(conflict),
            Some(known) if known.conflict != conflict => {
                changes.changed.push((known.opened_lsn, conflict));
            }
            Some(_) => {}
        }
    }
    changes.resolved = before
        .iter()
        .filter(|known| !present.contains(&known.conflict.path))
        .map(|known| (known.opened_lsn, known.conflict.path.clone()))
        .collect();
    changes
}

/// The conflicts that are kept: those that need a person first, and not more than a person can see.
fn kept_conflicts(mut all: Vec<Conflict>) -> Vec<Conflict> {
    all.sort_by_key(|conflict| !conflict.needs_person());
    all.truncate(MOST_CONFLICTS);
    all
}

/// Why a conflict is not settled so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SettleRefusal {
    /// No such conflict is open.
    NotOpen,
    /// Its values changed since they were looked at.
    Changed,
    /// The value is none of those that stand there, and no reason is given.
    ReasonMissing,
}

/// Whether a person may settle a conflict with this value.
pub(super) fn may_settle(
    open: Option<&Standing>,
    value: &Scalar,
    reason: Option<&str>,
    looked_at: Option<u64>,
) -> Result<(), SettleRefusal> {
    let open = open.ok_or(SettleRefusal::NotOpen)?;
    if looked_at.is_some_and(|lsn| lsn < open.changed_lsn) {
        return Err(SettleRefusal::Changed);
    }
    let conflict = &open.conflict;
    let stands = conflict
        .candidates
        .iter()
        .any(|candidate| candidate.path == conflict.path && candidate.value == *value);
    // Against later writes to an item, both removing it and keeping it are answers.
    let answers =
        conflict.kind == ConflictKind::RemovedMeanwhile && matches!(value, Scalar::Bool(_));
    if stands || answers || reason.is_some() { Ok(()) } else { Err(SettleRefusal::ReasonMissing) }
}

/// What a person makes of an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Review {
    /// It is known, and what it came after stands.
    Acknowledge,
    /// It is to be taken into a new version, and waits until one is frozen.
    NewVersion,
}

impl Review {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::NewVersion => "new_version",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Acknowledge, Self::NewVersion].into_iter().find(|review| review.as_str() == text)
    }
}

/// What is known of an amendment that somebody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reviewable {
    /// A newer version took it up.
    pub(super) covered: bool,
    /// Somebody has decided.
    pub(super) reviewed: bool,
    /// Whoever looks wrote it.
    pub(super) own: bool,
    /// The case is closed: no version comes any more.
    pub(super) closed: bool,
}

/// Why somebody may not decide so on an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReviewRefusal {
    /// A newer version took it up: there is nothing to decide.
    Covered,
    /// It was decided on.
    Reviewed,
    /// Nobody waves their own late writing through.
    OwnWork,
    /// The case is closed.
    Closed,
}

/// Whether a person may decide so on an amendment.
pub(super) fn may_review(amendment: Reviewable, review: Review) -> Result<(), ReviewRefusal> {
    match (amendment, review) {
        (Reviewable { covered: true, .. }, _) => Err(ReviewRefusal::Covered),
        (Reviewable { reviewed: true, .. }, _) => Err(ReviewRefusal::Reviewed),
        (Reviewable { own: true, .. }, Review::Acknowledge) => Err(ReviewRefusal::OwnWork),
        (Reviewable { closed: true, .. }, Review::NewVersion) => Err(ReviewRefusal::Closed),
        _ => Ok(()),
    }
}

/// Where late work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LateState {
    /// It waits for whoever works on the case now.
    Held,
    /// It was taken over in whole.
    Taken,
    /// No more of it is wanted.
    Closed,
}

impl LateState {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Taken => "taken",
            Self::Closed => "closed",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Held, Self::Taken, Self::Closed].into_iter().find(|state| state.as_str() == text)
    }
}

/// The heads of a document that was appended to in this order.
pub(super) fn heads_of(links: &[(ChangeHash, Vec<ChangeHash>)]) -> Vec<ChangeHash> {
    let built_on: BTreeSet<&ChangeHash> = links.iter().flat_map(|(_, deps)| deps).collect();
    let heads = links.iter().map(|(hash, _)| *hash).filter(|hash| !built_on.contains(hash));
    let heads: BTreeSet<ChangeHash> = heads.collect();
    heads.into_iter().collect()
}

/// The heads of a draft with somebody's late work on top, whose changes are given in order with what
/// they build on. Nothing of the draft builds on late work, so a head of the draft stays one unless
/// the late work builds on it directly.
pub(super) fn heads_with(
    draft: &[ChangeHash],
    late: &[(ChangeHash, Vec<ChangeHash>)],
) -> Vec<ChangeHash> {
    let mut heads: BTreeSet<ChangeHash> = draft.iter().copied().collect();
    for (hash, deps) in late {
        heads.insert(*hash);
        for dep in deps {
            heads.remove(dep);
        }
    }
    heads.into_iter().collect()
}

/// What is kept already of somebody's refused pushes in a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeldSoFar {
    pub(super) pushes: u64,
    pub(super) bytes: u64,
}

/// Whether refused bytes are kept. Beyond the bounds the push is refused all the same.
pub(super) fn may_hold(so_far: HeldSoFar, bytes: u64) -> bool {
    so_far.pushes < MOST_HELD && so_far.bytes.saturating_add(bytes) <= MOST_HELD_BYTES
}

/// The sections that changes write to, for the event log.
pub(super) fn sections<'p>(paths: impl Iterator<Item = &'p str>) -> Vec<&'p str> {
    let sections: BTreeSet<&str> =
        paths.filter_map(|path| path.split('/').next()).filter(|name| !name.is_empty()).collect();
    sections.into_iter().collect()
}

/// An actor id of the one length that is issued.
pub(super) fn parse_actor(text: &str) -> Option<ActorId> {
    let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == 32 && lower).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
