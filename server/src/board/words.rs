//! The steps of a case as people outside read them.

use crate::print::words::Lang;

const STEPS: &[(&str, &str, &str)] = &[
    ("reported", "已报案", "Reported"),
    ("surveyor_sent", "已派查勘员", "A surveyor was sent"),
    ("contacted", "已与您联系", "We have called you"),
    ("delayed", "已告知延误", "You were told of a delay"),
    ("arrived", "查勘员已到达", "The surveyor has arrived"),
    ("survey_waived", "无需现场查勘", "No survey at the scene is needed"),
    ("surveyed", "查勘完成", "The survey is done"),
    ("assessed", "已定损", "The loss is assessed"),
    ("waits_for_customer", "待您确认", "Waits for you"),
    ("objected", "已提出异议", "You objected"),
    ("visit_agreed", "已约定复勘", "Another visit is agreed"),
    ("visit_done", "复勘完成", "The visit is done"),
    ("agreed", "客户已确认定损单", "The customer agreed on the loss sheet"),
    (
        "agreement_void",
        "定损单已更新，原确认失效",
        "The loss sheet was updated; what was agreed is void",
    ),
    ("verified", "已核损", "Verified"),
    ("shop_chosen", "已选择维修企业", "A repair shop was chosen"),
    ("repairing", "维修进行中", "The repair goes on"),
    ("supplement_requested", "已申请增补", "A supplement was asked for"),
    ("supplement_answered", "增补申请已答复", "The supplement was answered"),
    ("documents_complete", "索赔材料齐全", "The documents are complete"),
    ("adjudicated", "赔付金额已核定", "What is paid is decided"),
    ("payment_agreed", "已达成赔付协议", "The payment is agreed"),
    ("paid", "已支付赔款", "Paid"),
    ("closed", "已结案", "Closed"),
    ("reopened", "案件已重开", "Reopened"),
];

const STAGES: &[(&str, &str, &str)] = &[
    ("received", "已接车", "The vehicle is here"),
    ("dismantled", "已拆检", "Taken apart"),
    ("parts_ordered", "配件已订购", "Parts are ordered"),
    ("parts_arrived", "配件已到货", "Parts have arrived"),
    ("repairing", "维修中", "Under repair"),
    ("completed", "维修完成", "The repair is finished"),
    ("delivered", "已交车", "Handed over"),
];

/// A stage of the repair in words.
pub(super) fn stage_text(stage: &str, lang: Lang) -> &str {
    let known = STAGES.iter().find(|(name, _, _)| *name == stage);
    known.map_or(stage, |(_, zh, en)| lang.pick(zh, en))
}

/// A step in words; one that has none stays as it is.
pub(super) fn step_text(step: &str, lang: Lang) -> &str {
    let known = STEPS.iter().find(|(name, _, _)| *name == step);
    known.map_or(step, |(_, zh, en)| lang.pick(zh, en))
}

#[cfg(test)]
mod tests {
    use sync_core::{lifecycle::EventKind, time::Instant};

    use super::*;
    use crate::board::rules::status::{Audience, steps};

    #[test]
    fn every_stage_of_a_repair_has_words() {
        for stage in crate::repair::STAGES {
            for lang in [Lang::Zh, Lang::En] {
                assert_ne!(stage_text(stage, lang), stage);
            }
        }
    }

    #[test]
    fn every_step_that_people_outside_are_told_has_words() {
        for audience in [Audience::Customer, Audience::Shop] {
            let all = EventKind::KNOWN.iter().map(|kind| (kind, Instant(0)));
            let all = steps(audience, all);
            assert!(all.len() > 5);
            for (step, _) in all {
                for lang in [Lang::Zh, Lang::En] {
                    assert_ne!(step_text(step, lang), step, "{audience:?}");
                }
            }
        }
    }
}
