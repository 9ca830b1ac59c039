//! What one server process keeps for drafts between requests: documents by use, turns, and bounds
//! for work. All of it may be lost at any time.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use sync_core::{automerge::Automerge, ids::CaseId, model::ChangeHash};
use tokio::sync::{MutexGuard, OwnedSemaphorePermit, Semaphore};

use super::rules::Head;
use crate::error::ApiError;

/// Most bytes that documents in memory may take, as estimated.
const CACHE_BYTES: usize = 512 * 1024 * 1024;
/// Most places for requests that wait for a turn or work on a document; who finds none is told to
/// come back.
const PLACES: usize = 512;
/// A request takes one place and one more for each of so many bytes: few large ones or many small
/// ones wait in the same memory.
const BYTES_OF_A_PLACE: usize = 128 * 1024;
/// Cases share turns by hash: enough that two busy ones seldom meet.
const TURNS: usize = 64;

/// The drafts of one server process.
pub struct Drafts {
    // Held for a map operation only.
    cache: Mutex<Cache>,
    places: Arc<Semaphore>,
    computing: Arc<Semaphore>,
    // Held from reading a draft to storing what was appended, so that two pushes to one case do not
    // make each other start again. Only a courtesy: the tables decide.
    turns: Vec<tokio::sync::Mutex<()>>,
    computed: AtomicU64,
}

impl Default for Drafts {
    fn default() -> Self {
        // The work is all computing: more at once than there are cores would only take turns.
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            cache: Mutex::new(Cache::new(CACHE_BYTES)),
            places: Arc::new(Semaphore::new(PLACES)),
            computing: Arc::new(Semaphore::new(cores)),
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::new(())).collect(),
            computed: AtomicU64::new(0),
        }
    }
}

impl Drafts {
    /// Whether nobody may wait now: then it need not be looked at what is asked.
    pub(super) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// A place among those who may wait, for a request with so many bytes.
    pub(super) fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let places = u32::try_from(bytes / BYTES_OF_A_PLACE + 1).unwrap_or(u32::MAX);
        self.places.clone().try_acquire_many_owned(places).map_err(|_| turned_away())
    }

    /// This case's turn to be appended to.
    pub(super) async fn turn(&self, case_id: CaseId) -> Result<MutexGuard<'_, ()>, ApiError> {
        Ok(self.turn_of(case_id)?.lock().await)
    }

    /// [`Drafts::turn`], if nobody has it or waits for it.
    pub(super) fn free_turn(
        &self,
        case_id: CaseId,
    ) -> Result<Option<MutexGuard<'_, ()>>, ApiError> {
        Ok(self.turn_of(case_id)?.try_lock().ok())
    }

    fn turn_of(&self, case_id: CaseId) -> Result<&tokio::sync::Mutex<()>, ApiError> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(case_id);
        let index = usize::try_from(hash).unwrap_or_default() % TURNS;
        self.turns.get(index).ok_or_else(|| ApiError::internal("no turn"))
    }

    /// Runs work on documents off the async threads, a bounded number at a time. `None`: it panicked.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Option<T>, ApiError> {
        let turn = self.computing_turn().await?;
        let done = tokio::task::spawn_blocking(move || {
            // Kept by the work and not by the request: a caller who hangs up does not end it.
            let _turn = turn;
            catch_unwind(AssertUnwindSafe(work)).ok()
        });
        let done = done.await.map_err(ApiError::internal)?;
        if done.is_none() {
            metrics::counter!("chakan_gate_panics_total").increment(1);
        }
        Ok(done)
    }

    /// A turn to compute, for work that brings a thread of its own.
    pub(super) async fn computing_turn(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = self.computing.clone().acquire_owned().await.map_err(ApiError::internal)?;
        metrics::counter!("chakan_draft_computations_total").increment(1);
        self.computed.fetch_add(1, Ordering::Relaxed);
        Ok(turn)
    }

    /// How often this process has worked on documents: what only reads rows leaves it as it is.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// The document of exactly this head.
    pub(super) fn find(&self, case_id: CaseId, head: &Head) -> Option<Arc<Automerge>> {
        let found = self.cache().find(case_id, head);
        let outcome = if found.is_some() { "hit" } else { "miss" };
        metrics::counter!("chakan_draft_cache_total", "outcome" => outcome).increment(1);
        found
    }

    /// Keeps a document, whose saved form has `saved` bytes before it is deflated, in the place of its
    /// case's older one.
    pub(super) fn keep(&self, case_id: CaseId, head: &Head, doc: Arc<Automerge>, saved: usize) {
        self.cache().keep(case_id, head, doc, saved);
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// There is no place for somebody.
pub(super) fn turned_away() -> ApiError {
    metrics::counter!("chakan_draft_turned_away_total").increment(1);
    ApiError::overloaded()
}

/// Documents, the least recently used one leaving first.
struct Cache {
    most_bytes: usize,
    bytes: usize,
    clock: u64,
    documents: HashMap<CaseId, Kept>,
    by_use: BTreeMap<u64, CaseId>,
}

struct Kept {
    epoch: u32,
    lsn: u64,
    heads: Vec<ChangeHash>,
    doc: Arc<Automerge>,
    bytes: usize,
    used: u64,
}

impl Cache {
    fn new(most_bytes: usize) -> Self {
        let (documents, by_use) = (HashMap::new(), BTreeMap::new());
        Self { most_bytes, bytes: 0, clock: 0, documents, by_use }
    }

    fn find(&mut self, case_id: CaseId, head: &Head) -> Option<Arc<Automerge>> {
        self.clock += 1;
        let kept = self.documents.get_mut(&case_id)?;
        // Heads as well: a database that was restored from a backup may count the same numbers again.
        if (kept.epoch, kept.lsn) != (head.epoch, head.lsn) || kept.heads != head.heads {
            return None;
        }
        self.by_use.remove(&kept.used);
        kept.used = self.clock;
        self.by_use.insert(kept.used, case_id);
        Some(kept.doc.clone())
    }

    fn keep(&mut self, case_id: CaseId, head: &Head, doc: Arc<Automerge>, saved: usize) {
        self.remove(case_id);
        self.clock += 1;
        let bytes = estimate(saved);
        let kept = Kept {
            epoch: head.epoch,
            lsn: head.lsn,
            heads: head.heads.clone(),
            doc,
            bytes,
            used: self.clock,
        };
        self.bytes += bytes;
        self.by_use.insert(kept.used, case_id);
        self.documents.insert(case_id, kept);
        while self.bytes > self.most_bytes
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.remove(oldest);
        }
    }

    fn remove(&mut self, case_id: CaseId) {
        if let Some(kept) = self.documents.remove(&case_id) {
            self.bytes -= kept.bytes;
            self.by_use.remove(&kept.used);
        }
    }
}

/// A document in memory takes up to seventeen times its saved form: each change and each operation is
/// kept with its place, where the saved form has runs of equal ones.
fn estimate(saved: usize) -> usize {
    saved.saturating_mul(17).saturating_add(16 * 1024)
}

/// What a document counts as that grew change by change since it was loaded: it takes up to a fifth more
/// memory than one that was loaded just now.
pub(super) fn grown(saved: usize) -> usize {
    saved.saturating_add(saved / 4)
}

#[cfg(test)]
mod tests {
    use sync_core::protocol::Lock;
    use uuid::Uuid;

    use super::*;

    fn head(lsn: u64) -> Head {
        Head {
            epoch: 1,
            lsn,
            heads: vec![ChangeHash([u8::try_from(lsn).unwrap(); 32])],
            max_op: 0,
            snapshot_lsn: 0,
            tail_bytes: 0,
            lock: Lock::Open,
            pin: None,
        }
    }

    fn case(n: u128) -> CaseId {
        CaseId(Uuid::from_u128(n))
    }

    #[test]
    fn only_the_document_of_exactly_this_head_is_found() {
        let mut cache = Cache::new(1 << 20);
        cache.keep(case(1), &head(2), Arc::default(), 10);
        assert!(cache.find(case(1), &head(2)).is_some());
        assert!(cache.find(case(1), &head(3)).is_none());
        assert!(cache.find(case(2), &head(2)).is_none());
        assert!(cache.find(case(1), &Head { epoch: 2, ..head(2) }).is_none());
        let restored = Head { heads: vec![ChangeHash([9; 32])], ..head(2) };
        assert!(cache.find(case(1), &restored).is_none());
        cache.keep(case(1), &head(3), Arc::default(), 10);
        assert!(cache.find(case(1), &head(2)).is_none());
        assert_eq!(cache.by_use.len(), 1);
    }

    #[test]
    fn work_that_panics_costs_nobody_else_anything() {
        actix_web::rt::System::new().block_on(async {
            let drafts = Drafts::default();
            for _ in 0..100 {
                assert_eq!(
                    drafts.compute(|| -> u8 { panic!("as the library may") }).await.unwrap(),
                    None
                );
            }
            assert_eq!(drafts.compute(|| 7).await.unwrap(), Some(7));
        });
    }

    #[test]
    fn those_who_wait_are_bounded_by_bytes() {
        let drafts = Drafts::default();
        let large: Vec<_> =
            (0..PLACES / 9).map(|_| drafts.place(8 * BYTES_OF_A_PLACE).unwrap()).collect();
        assert!(drafts.place(8 * BYTES_OF_A_PLACE).is_err());
        assert!(drafts.place(100).is_ok());
        drop(large);
        assert!(drafts.place(8 * BYTES_OF_A_PLACE).is_ok());
        assert!(drafts.place(usize::MAX).is_err());
    }

    /// Whatever is kept, found and pushed out: the bytes are those of what is there, never more than the
    /// limit, and what is found is what was kept for exactly this head.
    #[test]
    fn the_limit_holds_by_bytes_and_nothing_else_is_ever_found() {
        for seed in 1..200_u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut roll = |below: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % below
            };
            let most = estimate(200) * 5;
            let mut cache = Cache::new(most);
            let mut newest: HashMap<CaseId, (u64, Arc<Automerge>)> = HashMap::new();
            for step in 0..200 {
                let case_id = case(roll(12).into());
                if roll(2) == 0 {
                    let (lsn, doc) = (roll(5), Arc::<Automerge>::default());
                    cache.keep(
                        case_id,
                        &head(lsn),
                        doc.clone(),
                        usize::try_from(roll(400)).unwrap(),
                    );
                    newest.insert(case_id, (lsn, doc));
                }
                let asked = roll(5);
                let found = cache.find(case_id, &head(asked));
                let fits = newest.get(&case_id).filter(|(lsn, _)| *lsn == asked);
                if let Some(found) = found {
                    let same = fits.is_some_and(|(_, doc)| Arc::ptr_eq(doc, &found));
                    assert!(same, "seed {seed} step {step}");
                }
                let bytes: usize = cache.documents.values().map(|kept| kept.bytes).sum();
                assert_eq!((cache.bytes, cache.by_use.len()), (bytes, cache.documents.len()));
                assert!(bytes <= most, "seed {seed} step {step}: {bytes}");
            }
            assert!(!cache.documents.is_empty(), "seed {seed}");
        }
    }

    /// Asked before anything is read for a request: with places left nobody is sent away by it.
    #[test]
    fn a_server_is_full_when_its_last_place_is_taken_and_no_longer() {
        let drafts = Drafts::default();
        let rest = drafts.place(BYTES_OF_A_PLACE * (PLACES - 2)).unwrap();
        assert!(!drafts.is_full());
        let last = drafts.place(0).unwrap();
        assert!(drafts.is_full());
        assert_eq!(drafts.place(0).unwrap_err().code(), api_spec::problem::Code::Overloaded);
        drop(last);
        assert!(!drafts.is_full());
        drop(rest);
    }

    /// Sync's figure: a thousand large drafts in 0.6 GB. A draft of 3,000 changes is 13 KB as saved.
    #[test]
    fn a_thousand_large_drafts_fit_into_the_limit() {
        assert!(estimate(12_900) * 1_000 <= CACHE_BYTES);
        const { assert!(CACHE_BYTES <= 600_000_000) };
    }

    #[test]
    fn what_was_not_used_for_longest_leaves_first_and_bytes_add_up() {
        let mut cache = Cache::new(estimate(100) * 2);
        cache.keep(case(1), &head(1), Arc::default(), 100);
        cache.keep(case(2), &head(1), Arc::default(), 100);
        assert!(cache.find(case(1), &head(1)).is_some());
        cache.keep(case(3), &head(1), Arc::default(), 100);
        assert!(cache.find(case(2), &head(1)).is_none());
        assert!(cache.find(case(1), &head(1)).is_some());
        assert!(cache.find(case(3), &head(1)).is_some());
        cache.keep(case(4), &head(1), Arc::default(), usize::MAX / 50);
        assert_eq!(cache.bytes, 0, "larger than all room: nothing stays");
        assert!(cache.by_use.is_empty() && cache.documents.is_empty());
    }
}
