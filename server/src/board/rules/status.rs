//! PURE: what an audience is told of a case, from its log alone.

use sync_core::{ids::ShopId, lifecycle::EventKind, time::Instant};

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
            K::Adjudicated => ("adjudicated", &[Customer, Verifier]),
            K::PaymentAgreed => ("payment_agreed", &[Customer]),
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

/// An entry of the log with whose work it is about, if it is about a shop's.
#[derive(Clone, Copy, Debug)]
pub struct WorkEntry<'a> {
    pub seq: i64,
    pub kind: &'a EventKind,
    pub at: Instant,
    pub shop: Option<ShopId>,
    /// The id of a request for a supplement.
    pub supplement: Option<&'a str>,
}

/// The steps of a case for the shop that its customer goes to now, with their places in the log. What a
/// shop did to which the customer went before is not told.
pub fn shop_steps<'a>(
    shop: ShopId,
    log: impl IntoIterator<Item = WorkEntry<'a>>,
) -> Vec<(i64, &'static str, Instant)> {
    let mut requests = Vec::new();
    let mut own = |entry: &WorkEntry<'a>| match entry.kind {
        EventKind::ShopChosen | EventKind::RepairProgressed => entry.shop == Some(shop),
        EventKind::SupplementRequested => {
            let own = entry.shop == Some(shop);
            requests.extend(entry.supplement.filter(|_| own));
            own
        }
        EventKind::SupplementAnswered => entry.supplement.is_some_and(|id| requests.contains(&id)),
        _ => true,
    };
    let mut told = Vec::new();
    for entry in log {
        if let Some(step) = Audience::Shop.step(entry.kind).filter(|_| own(&entry)) {
            told.push((entry.seq, step, entry.at));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_told_of_its_own_work_only() {
        use EventKind as K;
        let shop = |n| ShopId::from(uuid::Uuid::from_u128(n));
        let log = [
            (K::CaseReported, None, None),
            (K::ShopChosen, Some(1), None),
            (K::Agreed, None, None),
            (K::RepairProgressed, Some(1), None),
            (K::SupplementRequested, Some(1), Some("a")),
            (K::ShopChosen, Some(2), None),
            (K::SupplementRequested, Some(2), Some("b")),
            (K::SupplementAnswered, None, Some("a")),
            (K::SupplementAnswered, None, Some("b")),
            (K::SupplementAnswered, None, None),
            (K::Verified, None, None),
        ];
        let told = |of| -> Vec<i64> {
            let entries = log.iter().zip(1..).map(|((kind, by, supplement), seq)| WorkEntry {
                seq,
                kind,
                at: Instant(seq),
                shop: by.map(shop),
                supplement: *supplement,
            });
            shop_steps(shop(of), entries).into_iter().map(|(seq, _, _)| seq).collect()
        };
        assert_eq!(told(1), [2, 3, 4, 5, 8, 11]);
        assert_eq!(told(2), [3, 6, 7, 9, 11]);
        assert_eq!(told(3), [3, 11]);
    }

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
