//! The ordered outbox of field events: what happened in the field, waiting to become server commands.
//!
//! Every item has an id made by the device, so sending it twice does it once. Items of one case keep
//! their order; a case that has to wait does not hold up the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{CaseId, EventId},
    limits,
    time::Instant,
};

/// Something that happened in the field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxItem {
    /// Made by the device; names the event for ever.
    pub id: EventId,
    /// The case.
    pub case_id: CaseId,
    /// Which command it asks for, such as `arrive`.
    pub kind: String,
    /// When it happened, by the device's clock.
    pub occurred_at: Instant,
    /// The command's fields.
    pub body: serde_json::Value,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResult {
    /// The item.
    pub id: EventId,
    /// What became of it; its fields stand beside the id on the wire.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Outcome {
    /// Done now.
    Applied,
    /// Done before; the answer to the first time was lost.
    AlreadyApplied,
    /// Not possible: a person has to look. Later items of the case go on.
    Refused {
        /// Why.
        problem: Refusal,
    },
    /// Not now; this item and later ones of its case stay.
    Retry,
}

/// Why an item was refused: what a phone shows of the problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Stable code.
    pub code: String,
    /// For people.
    pub title: String,
    /// What was wrong this time.
    #[serde(default)]
    pub detail: Option<String>,
}

/// An item was put in twice with different content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another event has the id {0}")]
pub struct IdTaken(pub EventId);

/// Events that wait to be sent, oldest first. Serialise it to store it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outbox {
    waiting: VecDeque<OutboxItem>,
    refused: Vec<(OutboxItem, Outcome)>,
}

impl Outbox {
    /// Puts an item at the end. Putting in the same item again changes nothing.
    ///
    /// # Errors
    /// [`IdTaken`] if the id stands for something else.
    pub fn push(&mut self, item: OutboxItem) -> Result<(), IdTaken> {
        match self.waiting.iter().find(|other| other.id == item.id) {
            Some(other) if *other == item => Ok(()),
            Some(_) => Err(IdTaken(item.id)),
            None => {
                self.waiting.push_back(item);
                Ok(())
            }
        }
    }

    /// The next items to send, oldest first.
    #[must_use]
    pub fn next_batch(&self) -> Vec<OutboxItem> {
        self.waiting.iter().take(limits::OUTBOX_BATCH).cloned().collect()
    }

    /// Takes the results of a batch. Items without a result stay, and so does every later item of
    /// their case, whatever its result says: the order of a case is kept.
    pub fn mark(&mut self, results: &[ItemResult]) {
        let results: BTreeMap<EventId, &Outcome> =
            results.iter().map(|result| (result.id, &result.outcome)).collect();
        let mut blocked = BTreeSet::new();
        let mut waiting = VecDeque::new();
        for item in std::mem::take(&mut self.waiting) {
            match results.get(&item.id) {
                _ if blocked.contains(&item.case_id) => waiting.push_back(item),
                Some(Outcome::Applied | Outcome::AlreadyApplied) => {}
                Some(outcome @ Outcome::Refused { .. }) => {
                    self.refused.push((item, (*outcome).clone()));
                }
                Some(Outcome::Retry) | None => {
                    blocked.insert(item.case_id);
                    waiting.push_back(item);
                }
            }
        }
        self.waiting = waiting;
    }

    /// Everything that waits, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &OutboxItem> {
        self.waiting.iter()
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Items that were refused and that a person has not yet seen.
    #[must_use]
    pub fn refused(&self) -> &[(OutboxItem, Outcome)] {
        &self.refused
    }

    /// Forgets a refused item once a person has seen it.
    pub fn dismiss(&mut self, id: EventId) {
        self.refused.retain(|(item, _)| item.id != id);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn item(id: u128, case: u128) -> OutboxItem {
        OutboxItem {
            id: EventId(Uuid::from_u128(id)),
            case_id: CaseId(Uuid::from_u128(case)),
            kind: "arrive".to_owned(),
            occurred_at: Instant(1_750_000_000_000),
            body: serde_json::json!({ "n": 1 }),
        }
    }

    fn result(id: u128, outcome: Outcome) -> ItemResult {
        ItemResult { id: EventId(Uuid::from_u128(id)), outcome }
    }

    fn ids(outbox: &Outbox) -> Vec<u128> {
        outbox.next_batch().iter().map(|item| item.id.0.as_u128()).collect()
    }

    #[test]
    fn the_order_of_a_case_is_kept_and_other_cases_go_on() {
        let mut outbox = Outbox::default();
        for (id, case) in [(1, 10), (2, 20), (3, 10), (4, 20), (5, 20)] {
            outbox.push(item(id, case)).unwrap();
        }
        // As the server writes it, with fields that a phone does not need.
        let refused: ItemResult = serde_json::from_str(
            r#"{"id":"00000000-0000-0000-0000-000000000004","status":"refused","problem":
               {"type":"urn:x","title":"T","status":409,"code":"conflict"}}"#,
        )
        .unwrap();
        outbox.mark(&[
            result(1, Outcome::Retry),
            result(2, Outcome::Applied),
            result(3, Outcome::Applied),
            refused,
        ]);
        assert_eq!(ids(&outbox), [1, 3, 5]);
        assert_eq!(outbox.refused().len(), 1);
        outbox.mark(&[result(1, Outcome::AlreadyApplied), result(3, Outcome::AlreadyApplied)]);
        assert_eq!(ids(&outbox), [5]);
        outbox.dismiss(EventId(Uuid::from_u128(4)));
        assert!(outbox.refused().is_empty());
    }

    #[test]
    fn an_id_names_one_event() {
        let mut outbox = Outbox::default();
        outbox.push(item(1, 10)).unwrap();
        outbox.push(item(1, 10)).unwrap();
        assert_eq!(outbox.len(), 1);
        assert_eq!(outbox.push(item(1, 11)), Err(IdTaken(EventId(Uuid::from_u128(1)))));
    }

    #[test]
    fn batches_are_bounded_and_survive_storage() {
        let mut outbox = Outbox::default();
        for id in 0..200 {
            outbox.push(item(id, 1)).unwrap();
        }
        assert_eq!(outbox.next_batch().len(), limits::OUTBOX_BATCH);
        let stored = serde_json::to_string(&outbox).unwrap();
        assert_eq!(serde_json::from_str::<Outbox>(&stored).unwrap(), outbox);
    }
}
