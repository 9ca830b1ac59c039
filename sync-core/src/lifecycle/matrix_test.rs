//! The whole table of statuses and events, written out to be read.

use proptest::prelude::{Just, Strategy as _};

use super::*;

/// Columns: the status before. Cells: the status after, `.` when it stays, `!` and a letter of
/// [`REFUSALS`] when the decision is refused.
const MATRIX: &str = "
kind                 Rp Di Co Wa Px Ar Su As Ne Dp Ag Ve Dc Ad Pa Pd Rj Cl

duplicate_suspected  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
task_accepted        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
task_declined        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
task_withdrawn       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
contact_attempted    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
delay_notified       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
arrival_agreed       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
proxy_needed         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
proxy_dropped        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
repair_place_agreed  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
photo_declared       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
photo_received       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
draft_synced         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
late_work_held       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
late_work_decided    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
draft_amended        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
amendment_reviewed   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
work_quarantined     .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
quarantine_decided   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
draft_renewed        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
shop_chosen          .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
note_added           .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
task_offered         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
offer_lapsed         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
dispatch_escalated   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
catastrophe_tagged   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
delay_predicted      .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
arrival_confirmed    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
survey_insisted      .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
rescue_offered       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
rescue_answered      .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
rescue_called        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
clock_paused         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
clock_resumed        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
clock_extended       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
contract_limit_set   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
surge_limit_set      .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
callback_planned     .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
timeliness_called    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
slot_agreed          .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
assessor_arrived     .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
claim_applied        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
documents_received   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
deficiency_listed    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
agreement_eligible   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
fast_track_eligible  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
extension_told       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
rejection_told       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
settled_called       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
claim_end_called     .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
month_began          .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
samples_completed    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
complaint_received   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
complaint_responded  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
complaint_answered   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
regulator_complained .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
regulator_reported   .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
complaint_concluded  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
contract_ended       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
retention_ended      .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
engagement_signed    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
archive_made         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
star_rated           .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
photos_requested     .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
offline_agreement_void .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
complaint_made       .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
version_returned     .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
offer_made           .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
objection_explained  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
partly_agreed        .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
visit_agreed         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
visit_done           .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
repair_progressed    .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
supplement_requested .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
supplement_answered  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
plan_written         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
unheard_of           .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .

customer_reached     Co Co .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
survey_waived        Wa Wa Wa .  .  .  .  .  .  .  .  .  .  .  .  .  .  .
proxy_arranged       Px Px Px Px .  .  .  .  .  .  .  .  .  .  .  .  .  .
arrived              Ar Ar Ar Ar Ar .  .  .  .  .  .  .  .  .  .  .  .  .
survey_completed     Su Su Su Su Su Su .  .  .  .  .  .  .  .  .  .  .  .
link_sent            .  .  .  .  .  .  .  Ne .  .  .  .  .  .  .  .  .  .
objected             .  .  .  .  .  .  .  Dp Dp .  .  .  .  .  .  .  .  .
documents_completed  .  .  .  .  .  .  .  .  .  .  .  Dc .  .  .  .  .  .

case_reported        !r !r !r !r !r !r !r !r !r !r !r !r !r !r !r !r !r !c
task_assigned        Di .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  !c
version_frozen       !s !s !s As As As As .  As As As As As !j !j !j !x !c
agreed               !f !f !f !f !f !f !f Ag Ag Ag !a !a !a !a !a !a !x !c
agreement_voided     !0 !0 !0 !0 !0 !0 !0 .  .  .  Ne Ne Ne !j !j !j !x !c
verified             !g !g !g !g !g !g !g !g !g !g Ve !v !v !v !v !v !x !c
adjudicated          !u !u !u !u !u !u !u !u !u !u !u Ad Ad !j !j !P !x !c
claim_rejected       Rj Rj Rj Rj Rj Rj Rj Rj Rj Rj Rj Rj Rj Rj !y !P !x !c
payment_agreed       !i !i !i !i !i !i !i !i !i !i !i !i !i Pa !y !P !x !c
advance_paid         .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  !P !x !c
paid                 !p !p !p !p !p !p !p !p !p !p !p !p !p !p Pd !P !x !c
case_closed          Cl Cl Cl Cl Cl Cl Cl Cl Cl Cl Cl Cl Cl Cl Cl Cl Cl !c
case_reopened        !n !n !n !n !n !n !n !n !n !n !n !n !n !n !n !n !n Rp
";

const STATUSES: &[(&str, &str)] = &[
    ("Rp", "reported"),
    ("Di", "dispatched"),
    ("Co", "contacted"),
    ("Wa", "waived"),
    ("Px", "proxy"),
    ("Ar", "arrived"),
    ("Su", "surveyed"),
    ("As", "assessed"),
    ("Ne", "negotiating"),
    ("Dp", "disputed"),
    ("Ag", "agreed"),
    ("Ve", "verified"),
    ("Dc", "documents_complete"),
    ("Ad", "adjudicated"),
    ("Pa", "payment_agreed"),
    ("Pd", "paid"),
    ("Rj", "rejected"),
    ("Cl", "closed"),
];

const REFUSALS: &[(&str, &str)] = &[
    ("!c", "case_closed"),
    ("!n", "case_not_closed"),
    ("!r", "already_reported"),
    ("!s", "not_surveyed"),
    ("!f", "no_frozen_version"),
    ("!a", "already_agreed"),
    ("!0", "nothing_agreed"),
    ("!g", "not_agreed"),
    ("!v", "already_verified"),
    ("!u", "not_verified"),
    ("!j", "already_adjudicated"),
    ("!i", "not_adjudicated"),
    ("!y", "payment_already_agreed"),
    ("!p", "payment_not_agreed"),
    ("!P", "already_paid"),
    ("!x", "already_rejected"),
];

fn short<'a>(table: &[(&'a str, &str)], name: &str) -> &'a str {
    table.iter().find(|(_, long)| *long == name).unwrap().0
}

#[test]
fn the_whole_matrix() {
    let mut rows = MATRIX.lines().filter(|row| !row.is_empty());
    let statuses: Vec<CaseStatus> = rows
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .map(|column| STATUSES.iter().find(|(code, _)| *code == column).unwrap().1.parse().unwrap())
        .collect();
    assert_eq!(statuses, CaseStatus::ALL);

    let mut known = 0;
    for row in rows {
        let (kind, cells) = row.split_once(' ').unwrap();
        let kind: EventKind = kind.parse().unwrap();
        known += usize::from(kind.is_known());
        let cells: Vec<_> = cells.split_whitespace().collect();
        assert_eq!(cells.len(), statuses.len(), "{kind}");
        for (status, expected) in statuses.iter().zip(cells) {
            let found = match apply(*status, &kind) {
                Ok(Transition::Moved(next)) => short(STATUSES, next.as_str()),
                Ok(Transition::Stays) => ".",
                Err(refusal) => short(REFUSALS, refusal.code()),
            };
            assert_eq!(found, expected, "{kind} in {status}");
        }
    }
    assert_eq!(known, EventKind::KNOWN.len(), "a kind is missing from the table");
}

#[test]
fn every_status_and_refusal_has_its_code_in_the_table() {
    let statuses: Vec<_> = CaseStatus::ALL.iter().map(|s| s.as_str()).collect();
    assert_eq!(statuses, STATUSES.iter().map(|(_, long)| *long).collect::<Vec<_>>());
    let refusals: Vec<_> = CaseRefusal::ALL.iter().map(|r| r.code()).collect();
    assert_eq!(refusals, REFUSALS.iter().map(|(_, long)| *long).collect::<Vec<_>>());
}

#[test]
fn no_fact_is_refused_or_moves_a_case_back() {
    for kind in EventKind::KNOWN.iter().filter(|kind| kind.nature() == Nature::Fact) {
        for status in CaseStatus::ALL {
            let after = apply(*status, kind).unwrap().after(*status);
            assert!(after >= *status, "{kind} moved {status} back to {after}");
        }
    }
}

#[test]
fn a_whole_job_runs_through() {
    let log = [
        ("case_reported", "reported"),
        ("task_assigned", "dispatched"),
        ("task_accepted", "dispatched"),
        ("contact_attempted", "dispatched"),
        ("customer_reached", "contacted"),
        ("arrived", "arrived"),
        ("photo_declared", "arrived"),
        ("survey_completed", "surveyed"),
        ("version_frozen", "assessed"),
        ("link_sent", "negotiating"),
        ("objected", "disputed"),
        ("version_frozen", "assessed"),
        ("agreed", "agreed"),
        ("photo_received", "agreed"),
        ("customer_reached", "agreed"),
        ("agreement_voided", "negotiating"),
        ("agreed", "agreed"),
        ("verified", "verified"),
        ("documents_completed", "documents_complete"),
        ("adjudicated", "adjudicated"),
        ("payment_agreed", "payment_agreed"),
        ("paid", "paid"),
        ("case_closed", "closed"),
        ("photo_received", "closed"),
        ("case_reopened", "reported"),
    ];
    let kinds: Vec<EventKind> = log.iter().map(|(kind, _)| kind.parse().unwrap()).collect();
    for (n, (kind, expected)) in log.iter().enumerate() {
        assert_eq!(replay(&kinds[..=n]).as_str(), *expected, "after {kind}");
    }
}

proptest::proptest! {
    /// What a phone sends after hours without signal may arrive in any order.
    #[test]
    fn facts_of_the_field_commute(
        order in proptest::sample::subsequence(
            &["customer_reached", "survey_waived", "proxy_arranged", "arrived", "survey_completed",
              "delay_notified", "photo_received"][..], 0..=7,
        ).prop_flat_map(|kinds| (Just(kinds.clone()), Just(kinds).prop_shuffle())),
    ) {
        let status = |kinds: &[&str]| {
            let kinds: Vec<EventKind> = kinds.iter().map(|kind| kind.parse().unwrap()).collect();
            replay(&kinds)
        };
        proptest::prop_assert_eq!(status(&order.0), status(&order.1));
    }
}
