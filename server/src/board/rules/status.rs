//! PURE: what an audience is told of a case, from its log alone.

use sync_core::{lifecycle::EventKind, time::Instant};

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Customer,
    Shop,
    Dispatcher,
    Verifier,
}

impl Audience {
    /// The audience with this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "customer" => Some(Self::Customer),
            "shop" => Some(Self::Shop),
            "dispatcher" => Some(Self::Dispatcher),
            "verifier" => Some(Self::Verifier),
            _ => None,
        }
    }

    /// The step that an event is for this audience; nothing for what does not concern it.
    fn step(self, kind: &EventKind) -> Option<&'static str> {
        use Audience::{Customer, Dispatcher, Shop, Verifier};
        use EventKind as K;
        let (step, audiences): (_, &[Self]) = match kind {
            K::CaseReported => ("reported", &[Customer, Dispatcher]),
            K::TaskAssigned => ("surveyor_sent", &[Customer, Dispatcher]),
            K::TaskAccepted => ("task_accepted", &[Dispatcher]),
            K::CustomerReached => ("contacted", &[Customer, Dispatcher]),
            K::DelayNotified => ("delayed", &[Customer, Dispatcher]),
            K::Arrived => ("arrived", &[Customer, Dispatcher]),
            K::SurveyWaived => ("survey_waived", &[Customer, Dispatcher]),
            K::SurveyCompleted => ("surveyed", &[Customer, Dispatcher]),
            K::VersionFrozen => ("assessed", &[Customer, Dispatcher, Verifier]),
            K::LinkSent => ("waits_for_customer", &[Customer, Verifier]),
            K::Objected | K::PartlyAgreed => ("objected", &[Customer, Verifier]),
            K::VisitAgreed => ("visit_agreed", &[Customer, Dispatcher]),
            K::VisitDone => ("visit_done", &[Customer]),
            K::Agreed => ("agreed", &[Customer, Shop, Verifier]),
            K::AgreementVoided => ("agreement_void", &[Customer, Shop, Verifier]),
            // What passes between verifier and assessor is not the customer's business.
            K::VersionReturned => ("returned", &[Verifier]),
            K::Verified => ("verified", &[Customer, Shop, Verifier]),
            K::ShopChosen => ("shop_chosen", &[Customer, Shop]),
            K::RepairProgressed => ("repairing", &[Customer, Shop]),
            K::SupplementRequested => ("supplement_requested", &[Shop, Verifier]),
            K::SupplementAnswered => ("supplement_answered", &[Shop, Verifier]),
            K::DocumentsCompleted => ("documents_complete", &[Customer]),
            K::Paid => ("paid", &[Customer]),
            K::CaseClosed => ("closed", &[Customer, Shop, Dispatcher, Verifier]),
            K::CaseReopened => ("reopened", &[Customer, Shop, Dispatcher, Verifier]),
            _ => return None,
        };
        audiences.contains(&self).then_some(step)
    }
}

/// The steps of a case for an audience, in the order in which the server learned of them. The last one
/// is where the case stands for them.
pub fn steps<'a>(
    audience: Audience,
    log: impl IntoIterator<Item = (&'a EventKind, Instant)>,
) -> Vec<(&'static str, Instant)> {
    log.into_iter().filter_map(|(kind, at)| Some((audience.step(kind)?, at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_audience_is_told_what_concerns_it_and_nothing_that_did_not_happen() {
        use EventKind as K;
        let log = [
            K::CaseReported,
            K::TaskAssigned,
            K::VersionFrozen,
            K::LinkSent,
            K::Agreed,
            K::VersionReturned,
            K::NoteAdded,
        ];
        let told = |audience| -> Vec<&str> {
            let log = log.iter().zip(0..).map(|(kind, at)| (kind, Instant(at)));
            steps(audience, log).into_iter().map(|(step, _)| step).collect()
        };
        assert_eq!(
            told(Audience::Customer),
            ["reported", "surveyor_sent", "assessed", "waits_for_customer", "agreed"]
        );
        assert_eq!(told(Audience::Shop), ["agreed"]);
        assert_eq!(told(Audience::Dispatcher), ["reported", "surveyor_sent", "assessed"]);
        assert_eq!(
            told(Audience::Verifier),
            ["assessed", "waits_for_customer", "agreed", "returned"]
        );
        assert!(steps(Audience::Customer, []).is_empty());
    }
}
