//! The kinds of entries in a case's event log.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Whether an event reports something true or decides something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Was true when it happened; never refused, may arrive late and out of order.
    Fact,
    /// Becomes true when the server accepts it; may be refused.
    Decision,
}

/// The text cannot be the name of an event kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event kind is 1 to 64 of a-z, 0-9 and _, beginning with a letter")]
pub struct BadEventKind;

macro_rules! event_kinds {
    ($($(#[doc = $doc:literal])* $nature:ident $variant:ident = $wire:literal,)*) => {
        /// What an entry of the log says. The log is append-only and outlives releases, so a kind
        /// that this release does not know is kept by name and changes nothing.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum EventKind {
            $($(#[doc = $doc])* $variant,)*
            /// A kind of another release.
            Other(OtherKind),
        }

        impl EventKind {
            /// Every kind that this release knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Other(OtherKind(name)) => name,
                }
            }

            /// Whether the event reports a fact or takes a decision; an unknown kind reports.
            #[must_use]
            pub fn nature(&self) -> Nature {
                match self {
                    $(Self::$variant => Nature::$nature,)*
                    Self::Other(_) => Nature::Fact,
                }
            }
        }

        impl FromStr for EventKind {
            type Err = BadEventKind;
            fn from_str(text: &str) -> Result<Self, BadEventKind> {
                match text {
                    $($wire => Ok(Self::$variant),)*
                    _ => OtherKind::new(text).map(Self::Other),
                }
            }
        }
    };
}

event_kinds! {
    /// The loss report was saved: the first entry of every log (C02).
    Decision CaseReported = "case_reported",
    /// Another open report looks like the same accident.
    Fact DuplicateSuspected = "duplicate_suspected",
    /// A surveyor was given the task (C04).
    Decision TaskAssigned = "task_assigned",
    /// The surveyor took the task.
    Fact TaskAccepted = "task_accepted",
    /// The surveyor did not take the task; the case waits for another one.
    Fact TaskDeclined = "task_declined",
    /// The dispatcher took the task back.
    Fact TaskWithdrawn = "task_withdrawn",
    /// The surveyor tried to reach the customer and failed (C06).
    Fact ContactAttempted = "contact_attempted",
    /// The surveyor spoke with the customer and said what happens next (C06).
    Fact CustomerReached = "customer_reached",
    /// The customer was told of a delay and its reason (C10).
    Fact DelayNotified = "delay_notified",
    /// Another time of arrival was agreed with the customer.
    Fact ArrivalAgreed = "arrival_agreed",
    /// It was decided that nobody needs to go to the scene (C07).
    Fact SurveyWaived = "survey_waived",
    /// The loss is outside the province or the area that the branch surveys itself (C11).
    Fact ProxyNeeded = "proxy_needed",
    /// Somebody of our own goes after all: no other unit is needed.
    Fact ProxyDropped = "proxy_dropped",
    /// A proxy survey was arranged and the customer told who comes (C11).
    Fact ProxyArranged = "proxy_arranged",
    /// Where the vehicle of an out-of-area case is repaired was agreed (C47).
    Fact RepairPlaceAgreed = "repair_place_agreed",
    /// The surveyor reached the scene (C09).
    Fact Arrived = "arrived",
    /// The survey's checklist was completed (C13).
    Fact SurveyCompleted = "survey_completed",
    /// A device announced a photo that it will send.
    Fact PhotoDeclared = "photo_declared",
    /// The bytes of a photo are stored and match their hash.
    Fact PhotoReceived = "photo_received",
    /// Somebody who reviews the case has asked for more photos.
    Fact PhotosRequested = "photos_requested",
    /// Changes of the draft were stored.
    Fact DraftSynced = "draft_synced",
    /// Work of an earlier surveyor came in and is held beside the draft.
    Fact LateWorkHeld = "late_work_held",
    /// Held work was taken over into the draft, or closed.
    Fact LateWorkDecided = "late_work_decided",
    /// The draft was changed after a version of it was frozen, agreed or closed.
    Fact DraftAmended = "draft_amended",
    /// Somebody looked at what was written after a version was frozen, agreed or closed.
    Fact AmendmentReviewed = "amendment_reviewed",
    /// Changes of a device were put aside for a manager.
    Fact WorkQuarantined = "work_quarantined",
    /// Somebody decided on changes that were put aside.
    Fact QuarantineDecided = "quarantine_decided",
    /// The closed case's draft goes on as a new document without its history.
    Fact DraftRenewed = "draft_renewed",
    /// A version of the loss sheet was frozen.
    Decision VersionFrozen = "version_frozen",
    /// A link was sent to the customer.
    Fact LinkSent = "link_sent",
    /// The customer agreed on the frozen version.
    Decision Agreed = "agreed",
    /// The customer objected (C14).
    Fact Objected = "objected",
    /// An agreement that was given without signal does not hold; the reason is told.
    Fact OfflineAgreementVoid = "offline_agreement_void",
    /// The customer complained on their page.
    Fact ComplaintMade = "complaint_made",
    /// An agreement is void, because what was agreed has changed.
    Decision AgreementVoided = "agreement_voided",
    /// The agreed version was verified (C27).
    Decision Verified = "verified",
    /// The verifier returned the agreed version with reasons.
    Fact VersionReturned = "version_returned",
    /// An offer, or an answer to one, was made by either side (C25).
    Fact OfferMade = "offer_made",
    /// What the customer objected to was explained (C14).
    Fact ObjectionExplained = "objection_explained",
    /// The customer agreed on some lines and objects to others (C25).
    Fact PartlyAgreed = "partly_agreed",
    /// A visit was agreed with the customer, moved, or called off (C22, C23, C28).
    Fact VisitAgreed = "visit_agreed",
    /// A visit took place, with its result.
    Fact VisitDone = "visit_done",
    /// The repair shop told how far it is.
    Fact RepairProgressed = "repair_progressed",
    /// The repair shop found more damage and asks for a supplement.
    Fact SupplementRequested = "supplement_requested",
    /// The assessor answered a request for a supplement.
    Fact SupplementAnswered = "supplement_answered",
    /// The customer chose a repair shop (C18).
    Fact ShopChosen = "shop_chosen",
    /// Somebody wrote a note.
    Fact NoteAdded = "note_added",
    /// Every document was handed in (C31).
    Fact DocumentsCompleted = "documents_completed",
    /// The claim was adjudicated (C33).
    Decision Adjudicated = "adjudicated",
    /// It was decided that the loss is not covered (C41, C42).
    Decision ClaimRejected = "claim_rejected",
    /// The payment agreement was reached (C36).
    Decision PaymentAgreed = "payment_agreed",
    /// The provable part was paid before the amount was fixed (C43).
    Decision AdvancePaid = "advance_paid",
    /// The claim was paid (C40), or what was left of it (C44).
    Decision Paid = "paid",
    /// A surveyor was asked whether they take the case.
    Fact TaskOffered = "task_offered",
    /// The surveyor did not take what was offered, or did not answer in time.
    Fact OfferLapsed = "offer_lapsed",
    /// Nobody took the case so far: a person has to decide before the limit runs out (C04).
    Fact DispatchEscalated = "dispatch_escalated",
    /// The case belongs to a catastrophe (C58).
    Fact CatastropheTagged = "catastrophe_tagged",
    /// Somebody said that the surveyor will be late, before the limit ran out.
    Fact DelayPredicted = "delay_predicted",
    /// The customer confirmed that the surveyor is there.
    Fact ArrivalConfirmed = "arrival_confirmed",
    /// The customer insists that somebody comes (C08).
    Fact SurveyInsisted = "survey_insisted",
    /// Help was offered for a vehicle that cannot move, and who pays was told (C17).
    Fact RescueOffered = "rescue_offered",
    /// The customer accepted or refused the help.
    Fact RescueAnswered = "rescue_answered",
    /// A rescue unit was called.
    Fact RescueCalled = "rescue_called",
    /// A clock stands still, with a reason.
    Fact ClockPaused = "clock_paused",
    /// A clock that stood still goes on.
    Fact ClockResumed = "clock_resumed",
    /// Somebody who may do so gave a clock a later limit (C38).
    Fact ClockExtended = "clock_extended",
    /// The contract has another limit, which prevails (C45).
    Fact ContractLimitSet = "contract_limit_set",
    /// A manager ordered a longer limit in a catastrophe (C58).
    Fact SurgeLimitSet = "surge_limit_set",
    /// The case stands on a list of customers to call back (Q09).
    Fact CallbackPlanned = "callback_planned",
    /// The timeliness call-back was answered, or tried often enough (Q10).
    Fact TimelinessCalled = "timeliness_called",
    /// A time for the assessment was agreed (C22).
    Fact SlotAgreed = "slot_agreed",
    /// The assessor was there (C22).
    Fact AssessorArrived = "assessor_arrived",
    /// The claim application was received (C37).
    Fact ClaimApplied = "claim_applied",
    /// Papers were handed in (C30).
    Fact DocumentsReceived = "documents_received",
    /// The one list of what is missing was delivered (C32).
    Fact DeficiencyListed = "deficiency_listed",
    /// Every condition of the ten-day payment agreement is met (C37).
    Fact AgreementEligible = "agreement_eligible",
    /// Every condition of the fast track is met (C39).
    Fact FastTrackEligible = "fast_track_eligible",
    /// An extension was approved and the customer told (C38).
    Fact ExtensionTold = "extension_told",
    /// The rejection notice was delivered (C41).
    Fact RejectionTold = "rejection_told",
    /// The settled-claim call-back is done (Q04).
    Fact SettledCalled = "settled_called",
    /// The call-back after the end of the claim is done (Q18).
    Fact ClaimEndCalled = "claim_end_called",
    /// A month began for an assessor (Q06).
    Fact MonthBegan = "month_began",
    /// Two calls for an assessor succeeded (Q06).
    Fact SamplesCompleted = "samples_completed",
    /// A complaint was received (Q31).
    Fact ComplaintReceived = "complaint_received",
    /// A complaint had its first response (Q35).
    Fact ComplaintResponded = "complaint_responded",
    /// The owner of a complaint answered (Q36).
    Fact ComplaintAnswered = "complaint_answered",
    /// The regulator passed a complaint on (Q38).
    Fact RegulatorComplained = "regulator_complained",
    /// The report on a regulator's complaint was returned (Q38).
    Fact RegulatorReported = "regulator_reported",
    /// A complaint was handled and the complainant told (B6).
    Fact ComplaintConcluded = "complaint_concluded",
    /// The insurance contract ended (Q02).
    Fact ContractEnded = "contract_ended",
    /// What is kept for its time may be deleted (Q02).
    Fact RetentionEnded = "retention_ended",
    /// An engagement was signed (M03).
    Fact EngagementSigned = "engagement_signed",
    /// Team and archive stand (M04, M05).
    Fact ArchiveMade = "archive_made",
    /// The star rating stands (M07).
    Fact StarRated = "star_rated",
    /// The service plan stands (M10).
    Fact PlanWritten = "plan_written",
    /// The case was closed.
    Decision CaseClosed = "case_closed",
    /// The case was opened again, with a reason.
    Decision CaseReopened = "case_reopened",
}

/// The name of a kind that this release does not know; checked, so that it is short and printable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherKind(String);

impl OtherKind {
    const MAX_BYTES: usize = 64;

    fn new(text: &str) -> Result<Self, BadEventKind> {
        let name_like = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let fits = text.len() <= Self::MAX_BYTES
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(name_like);
        if fits { Ok(Self(text.to_owned())) } else { Err(BadEventKind) }
    }
}

impl EventKind {
    /// Whether this release knows the kind. What comes in from a device must be known; what is read
    /// from the log need not be.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for EventKind {
    type Error = BadEventKind;
    fn try_from(text: String) -> Result<Self, BadEventKind> {
        text.parse()
    }
}

impl From<EventKind> for String {
    fn from(kind: EventKind) -> Self {
        kind.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_kind_keeps_its_name() {
        for kind in EventKind::KNOWN {
            assert_eq!(kind.as_str().parse(), Ok(kind.clone()));
            let json = serde_json::to_string(kind).unwrap();
            assert_eq!(json, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<EventKind>(&json).unwrap(), *kind);
            assert!(kind.is_known());
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = EventKind::KNOWN.iter().map(EventKind::as_str).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EventKind::KNOWN.len());
    }

    #[test]
    fn a_kind_of_another_release_stays_readable() {
        let kind: EventKind = serde_json::from_str("\"drone_launched\"").unwrap();
        assert!(!kind.is_known());
        assert_eq!(kind.to_string(), "drone_launched");
        assert_eq!(serde_json::to_string(&kind).unwrap(), "\"drone_launched\"");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(65);
        for text in ["", "Arrived", "_arrived", "9lives", "ar rived", "到达", "arrived\n", &long]
        {
            assert_eq!(text.parse::<EventKind>(), Err(BadEventKind), "{text:?}");
        }
        assert!("a".repeat(64).parse::<EventKind>().is_ok());
    }
}
