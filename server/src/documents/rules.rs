//! PURE: which documents there are, and which papers a claim needs (C15).

/// A document that can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    AssessmentSheet,
    UncoveredItems,
    NegotiationRecord,
    LossAgreement,
    VisitAppointment,
    SurveyRecord,
    FormalitiesNotice,
}

impl DocumentKind {
    /// Every document.
    pub const ALL: [Self; 7] = [
        Self::AssessmentSheet,
        Self::UncoveredItems,
        Self::NegotiationRecord,
        Self::LossAgreement,
        Self::VisitAppointment,
        Self::SurveyRecord,
        Self::FormalitiesNotice,
    ];

    /// The name in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AssessmentSheet => "assessment-sheet",
            Self::UncoveredItems => "uncovered-items",
            Self::NegotiationRecord => "negotiation-record",
            Self::LossAgreement => "loss-agreement",
            Self::VisitAppointment => "visit-appointment",
            Self::SurveyRecord => "survey-record",
            Self::FormalitiesNotice => "formalities-notice",
        }
    }

    /// The document with this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What decides which papers are needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimFacts {
    /// Somebody was hurt.
    pub injured: bool,
    /// Somebody else's vehicle or property is on the sheet.
    pub third_party: bool,
    /// The police has the accident.
    pub police: bool,
    /// Rescue or towing is on the sheet.
    pub rescue: bool,
    /// An agent acts for the insured (C51).
    pub agent: bool,
}

/// The papers, in Chinese and English, all at once (C15, C32).
pub fn papers(facts: ClaimFacts) -> Vec<(&'static str, &'static str)> {
    let all = [
        (true, ("索赔申请书（签字或盖章）", "Claim application, signed")),
        (true, ("被保险人有效身份证明", "Proof of identity of the insured")),
        (true, ("驾驶证、行驶证正副页", "Driving licence and vehicle licence, all pages")),
        (true, ("维修发票及维修清单", "Repair invoice and list of repairs")),
        (true, ("收款人银行账户信息", "Bank account of the payee")),
        (facts.police, ("交通事故责任认定书或调解书", "Police finding of liability or mediation")),
        (
            facts.third_party,
            (
                "第三者行驶证、驾驶证及赔偿凭证",
                "Licences of the third party and proof of compensation",
            ),
        ),
        (facts.injured, ("医疗费票据、病历及诊断证明", "Medical bills, records and diagnosis")),
        (facts.rescue, ("施救费发票", "Invoice of rescue and towing")),
        (
            facts.agent,
            ("授权委托书及受托人身份证明", "Power of attorney and identity of the agent"),
        ),
    ];
    all.into_iter().filter(|(needed, _)| *needed).map(|(_, paper)| paper).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_has_a_name_of_its_own() {
        for kind in DocumentKind::ALL {
            assert_eq!(DocumentKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(DocumentKind::parse("sheet"), None);
    }

    #[test]
    fn what_is_not_needed_is_not_asked_for() {
        assert_eq!(papers(ClaimFacts::default()).len(), 5);
        let hurt = ClaimFacts { injured: true, third_party: true, ..ClaimFacts::default() };
        assert_eq!(papers(hurt).len(), 7);
        let all = ClaimFacts {
            injured: true,
            third_party: true,
            police: true,
            rescue: true,
            agent: true,
        };
        assert_eq!(papers(all).len(), 10);
    }
}
