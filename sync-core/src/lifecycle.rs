//! What may happen to a case, and what it changes.
//!
//! A case is an append-only log of events. [`apply`] says what one more event does to the status of
//! the case. There are two natures of events:
//!
//! * A **fact** was true in the field, perhaps hours before the server hears of it. Facts are never
//!   refused, and they only carry a case forward: a `customer_reached` that is synced after `arrived`
//!   stays in the log and changes nothing. So facts may come in any order.
//! * A **decision** is made by the server when a person asks for it. It is refused when it makes no
//!   sense in the present status, with a reason that has a stable code.
//!
//! Whether the person may decide it, and whether its own conditions hold (a reason is given, the
//! version is the newest), is for the rules of the slice that offers it.

mod event_kind;
#[cfg(test)]
mod matrix_test;
mod task;

pub use event_kind::{BadEventKind, EventKind, Nature, OtherKind};
pub use task::{TaskAction, TaskRefusal, TaskStatus, apply_to_task};

use crate::wire_name::wire_names;

wire_names! {
    /// How far a case has come. The order is the order of the flow; a fact never moves a case to an
    /// earlier status.
    pub enum CaseStatus {
        /// The loss report is saved (C02); nobody is on the way. Also a case that was reopened.
        Reported = "reported",
        /// A surveyor has the task (C04).
        Dispatched = "dispatched",
        /// The surveyor has spoken with the customer (C06).
        Contacted = "contacted",
        /// Nobody needs to go to the scene (C07).
        Waived = "waived",
        /// Somebody else surveys for us, out of the province (C11).
        Proxy = "proxy",
        /// The surveyor is at the scene (C09).
        Arrived = "arrived",
        /// The checklist of the survey is complete (C13).
        Surveyed = "surveyed",
        /// A version of the loss sheet is frozen.
        Assessed = "assessed",
        /// The frozen sheet is before the customer (C25).
        Negotiating = "negotiating",
        /// The customer objected; a re-survey or a joint assessment may follow (C14, C28).
        Disputed = "disputed",
        /// The customer agreed on exactly the frozen sheet.
        Agreed = "agreed",
        /// The agreed sheet is verified (C27).
        Verified = "verified",
        /// Every document is in, or nothing more is needed (C31).
        DocumentsComplete = "documents_complete",
        /// The claim is adjudicated (C33).
        Adjudicated = "adjudicated",
        /// The payment agreement is reached (C36).
        PaymentAgreed = "payment_agreed",
        /// Paid (C40), where something was paid in advance: the balance (C44).
        Paid = "paid",
        /// Not covered; the rejection is decided (C41).
        Rejected = "rejected",
        /// Nothing more is to be done, unless it is reopened.
        Closed = "closed",
    }
}

wire_names! {
    /// Why a decision makes no sense in the present status.
    pub enum CaseRefusal {
        /// The case is closed; reopen it first.
        CaseClosed = "case_closed",
        /// Only a closed case can be reopened.
        NotClosed = "case_not_closed",
        /// A case is reported once; a second report is a case of its own.
        AlreadyReported = "already_reported",
        /// Nobody was there, and the survey was not waived either.
        NotSurveyed = "not_surveyed",
        /// There is no frozen sheet that could be agreed.
        NoFrozenVersion = "no_frozen_version",
        /// The frozen sheet is agreed already.
        AlreadyAgreed = "already_agreed",
        /// There never was a sheet whose agreement could be void.
        NothingAgreed = "nothing_agreed",
        /// Only an agreed sheet can be verified.
        NotAgreed = "not_agreed",
        /// The sheet is verified already.
        AlreadyVerified = "already_verified",
        /// Only a verified sheet can be adjudicated.
        NotVerified = "not_verified",
        /// The claim is adjudicated: its sheet stands. A supplement needs a reopened case.
        AlreadyAdjudicated = "already_adjudicated",
        /// There is no adjudicated amount yet.
        NotAdjudicated = "not_adjudicated",
        /// The payment agreement is reached already.
        PaymentAlreadyAgreed = "payment_already_agreed",
        /// Payment needs a payment agreement first.
        PaymentNotAgreed = "payment_not_agreed",
        /// The claim is paid.
        AlreadyPaid = "already_paid",
        /// The claim is rejected.
        AlreadyRejected = "already_rejected",
    }
}

impl CaseRefusal {
    /// The stable code for problems on the wire.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.as_str()
    }
}

/// What an event does to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition<S> {
    /// The status becomes this one.
    Moved(S),
    /// The event is kept in the log; the status stays.
    Stays,
}

impl<S> Transition<S> {
    /// The status afterwards.
    #[must_use]
    pub fn after(self, before: S) -> S {
        match self {
            Self::Moved(status) => status,
            Self::Stays => before,
        }
    }
}

/// What `kind` does to a case in `status`. A new case begins as [`CaseStatus::Reported`].
///
/// # Errors
/// A [`CaseRefusal`] for a decision that makes no sense now; never for a fact, and never for a kind
/// that this release does not know.
pub fn apply(status: CaseStatus, kind: &EventKind) -> Result<Transition<CaseStatus>, CaseRefusal> {
    match kind.nature() {
        Nature::Fact => Ok(move_to(status, fact(status, kind))),
        Nature::Decision => decision(status, kind).map(|next| move_to(status, next)),
    }
}

/// The status after a whole log, oldest entry first. Entries that would be refused today change
/// nothing: the log is the truth, also where the rules have become stricter since.
#[must_use]
pub fn replay<'a>(log: impl IntoIterator<Item = &'a EventKind>) -> CaseStatus {
    log.into_iter().fold(CaseStatus::Reported, |status, kind| {
        apply(status, kind).unwrap_or(Transition::Stays).after(status)
    })
}

fn move_to(from: CaseStatus, to: CaseStatus) -> Transition<CaseStatus> {
    if from == to { Transition::Stays } else { Transition::Moved(to) }
}

/// Where a fact carries the case: forward or nowhere.
fn fact(status: CaseStatus, kind: &EventKind) -> CaseStatus {
    use CaseStatus as S;
    match kind {
        EventKind::CustomerReached => status.max(S::Contacted),
        EventKind::SurveyWaived => status.max(S::Waived),
        EventKind::ProxyArranged => status.max(S::Proxy),
        EventKind::Arrived => status.max(S::Arrived),
        EventKind::SurveyCompleted => status.max(S::Surveyed),
        // Links are also sent for other ends, such as watching the surveyor approach.
        EventKind::LinkSent if status == S::Assessed => S::Negotiating,
        // An objection before there is a sheet concerns the finding and is kept in the log. One
        // after the agreement does not undo it: only a decision voids an agreement.
        EventKind::Objected if matches!(status, S::Assessed | S::Negotiating) => S::Disputed,
        EventKind::DocumentsCompleted if status == S::Verified => S::DocumentsComplete,
        _ => status,
    }
}

/// Where a decision carries the case, or why it cannot be taken.
fn decision(status: CaseStatus, kind: &EventKind) -> Result<CaseStatus, CaseRefusal> {
    use CaseRefusal as R;
    use CaseStatus as S;
    match (kind, status) {
        (EventKind::CaseReopened, S::Closed) => Ok(S::Reported),
        (_, S::Closed) => Err(R::CaseClosed),
        (EventKind::CaseReopened, _) => Err(R::NotClosed),
        (EventKind::CaseReported, _) => Err(R::AlreadyReported),
        // A case may be closed at any time: the customer withdraws, or it is a duplicate.
        (EventKind::CaseClosed, _) => Ok(S::Closed),
        // Dispatching again (re-survey, another surveyor) leaves the case where it is.
        (EventKind::TaskAssigned, _) => Ok(status.max(S::Dispatched)),
        (_, S::Rejected) => Err(R::AlreadyRejected),
        (EventKind::VersionFrozen, _) => freeze(status),
        (EventKind::Agreed, _) => agree(status),
        (EventKind::AgreementVoided, _) => void_agreement(status),
        (EventKind::Verified, _) => verify(status),
        _ => settle(status, kind),
    }
}

/// A new version replaces what was negotiated or agreed before it, until the claim is adjudicated.
fn freeze(status: CaseStatus) -> Result<CaseStatus, CaseRefusal> {
    if status < CaseStatus::Waived {
        Err(CaseRefusal::NotSurveyed)
    } else if status < CaseStatus::Adjudicated {
        Ok(CaseStatus::Assessed)
    } else {
        Err(CaseRefusal::AlreadyAdjudicated)
    }
}

fn agree(status: CaseStatus) -> Result<CaseStatus, CaseRefusal> {
    if status < CaseStatus::Assessed {
        Err(CaseRefusal::NoFrozenVersion)
    } else if status < CaseStatus::Agreed {
        Ok(CaseStatus::Agreed)
    } else {
        Err(CaseRefusal::AlreadyAgreed)
    }
}

fn void_agreement(status: CaseStatus) -> Result<CaseStatus, CaseRefusal> {
    use CaseStatus as S;
    match status {
        S::Agreed | S::Verified | S::DocumentsComplete => Ok(S::Negotiating),
        // A newer version has been frozen first, which is what made the agreement void.
        S::Assessed | S::Negotiating | S::Disputed => Ok(status),
        _ if status < S::Assessed => Err(CaseRefusal::NothingAgreed),
        _ => Err(CaseRefusal::AlreadyAdjudicated),
    }
}

fn verify(status: CaseStatus) -> Result<CaseStatus, CaseRefusal> {
    if status < CaseStatus::Agreed {
        Err(CaseRefusal::NotAgreed)
    } else if status == CaseStatus::Agreed {
        Ok(CaseStatus::Verified)
    } else {
        Err(CaseRefusal::AlreadyVerified)
    }
}

fn settle(status: CaseStatus, kind: &EventKind) -> Result<CaseStatus, CaseRefusal> {
    use CaseRefusal as R;
    use CaseStatus as S;
    match (kind, status) {
        (_, S::Paid) => Err(R::AlreadyPaid),
        (EventKind::Adjudicated, S::Verified | S::DocumentsComplete) => Ok(S::Adjudicated),
        (EventKind::Adjudicated, _) if status < S::Verified => Err(R::NotVerified),
        (EventKind::Adjudicated, _) => Err(R::AlreadyAdjudicated),
        (EventKind::ClaimRejected | EventKind::PaymentAgreed, S::PaymentAgreed) => {
            Err(R::PaymentAlreadyAgreed)
        }
        (EventKind::ClaimRejected, _) => Ok(S::Rejected),
        (EventKind::PaymentAgreed, S::Adjudicated) => Ok(S::PaymentAgreed),
        (EventKind::PaymentAgreed, _) => Err(R::NotAdjudicated),
        (EventKind::Paid, S::PaymentAgreed) => Ok(S::Paid),
        (EventKind::Paid, _) => Err(R::PaymentNotAgreed),
        // Paying the provable part in advance settles nothing yet (C43).
        _ => Ok(status),
    }
}
