//! PURE: what a report is, which reports may be the same accident, what the caller is told.

use sync_core::{
    geo::{Datum, Point},
    ids::CaseId,
    time::{Instant, Span},
};

/// A checked report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub customer_name: String,
    pub contact_name: String,
    pub contact_phone: String,
    pub plate: String,
    pub vin: Option<String>,
    pub policy_no: Option<String>,
    pub loss_at: Instant,
    pub loss_place: String,
    pub position: Option<Point>,
    /// What the position was given in.
    pub datum: Option<Datum>,
    pub accuracy_m: Option<f64>,
    pub description: Option<String>,
    pub injured: bool,
    pub drivable: Option<bool>,
}

/// Another report of the same plate.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherReport {
    pub id: CaseId,
    pub report_no: String,
    pub loss_at: Instant,
    pub position: Option<Point>,
}

/// A report that may be the same accident, and how far apart the two are.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicate {
    pub id: CaseId,
    pub report_no: String,
    pub apart: Span,
    pub distance_m: Option<f64>,
}

/// Two reports of one plate are probably one accident within this time ...
pub const CLOSE_IN_TIME: Span = Span::hours(6);
/// ... and this distance, if both places are known.
const CLOSE_IN_PLACE_M: f64 = 3_000.0;

/// Which of the other reports of the same plate may be the same accident. The caller is asked, the
/// report is never refused: a second accident on one day happens.
#[must_use]
pub fn probable_duplicates(report: &Report, others: Vec<OtherReport>) -> Vec<Duplicate> {
    let judge = |other: OtherReport| {
        let apart = report.loss_at.since(other.loss_at).abs();
        let distance_m = report.position.zip(other.position).map(|(a, b)| a.distance_m(b));
        let close = apart <= CLOSE_IN_TIME && distance_m.is_none_or(|m| m <= CLOSE_IN_PLACE_M);
        close.then_some(Duplicate { id: other.id, report_no: other.report_no, apart, distance_m })
    };
    others.into_iter().filter_map(judge).collect()
}

/// What the agent tells the caller after saving (C02), in Chinese and English.
#[must_use]
pub fn next_steps(report: &Report, report_no: &str, contact_minutes: i64) -> (String, String) {
    let mut zh = format!(
        "报案已登记，报案号{report_no}。查勘员将在{contact_minutes}分钟内与您电话联系，请保持手机畅通。"
    );
    let mut en = format!(
        "Your report is registered under number {report_no}. A surveyor will call you within \
         {contact_minutes} minutes; please keep your phone free."
    );
    if report.injured {
        zh.push_str("如有人员受伤，请先拨打120和122。");
        en.push_str(" If anybody is hurt, call 120 and 122 first.");
    }
    if report.drivable == Some(false) {
        zh.push_str(
            "车辆无法行驶时，请打开双闪、放置警示牌，人员撤离到安全地带；如需救援请告知我们。",
        );
        en.push_str(
            " As the vehicle cannot be driven, switch on the hazard lights, set up the warning \
             triangle and wait in a safe place; tell us if you want a rescue vehicle.",
        );
    } else {
        zh.push_str("请在确保安全的前提下拍摄现场照片。");
        en.push_str(" Take photos of the scene if it is safe to do so.");
    }
    (zh, en)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn report(position: Option<Point>) -> Report {
        Report {
            customer_name: "c".into(),
            contact_name: "c".into(),
            contact_phone: "13800000000".into(),
            plate: "浙A12345".into(),
            vin: None,
            policy_no: None,
            loss_at: Instant(1_750_000_000_000),
            loss_place: "p".into(),
            position,
            datum: position.map(|_| Datum::Wgs84),
            accuracy_m: None,
            description: None,
            injured: false,
            drivable: None,
        }
    }

    #[test]
    fn reports_close_in_time_and_place_are_probably_one_accident() {
        let here = Point::new(30.0, 120.0).ok();
        let near = Point::new(30.02, 120.0).ok();
        let far = Point::new(30.1, 120.0).ok();
        for (minutes, other, expected) in [
            (0, here, true),
            (360, near, true),
            (-360, near, true),
            (361, near, false),
            (0, far, false),
            (60, None, true),
        ] {
            let others = vec![OtherReport {
                id: CaseId(Uuid::nil()),
                report_no: "r".into(),
                loss_at: Instant(1_750_000_000_000) + Span::minutes(minutes),
                position: other,
            }];
            let found = probable_duplicates(&report(here), others);
            assert_eq!(!found.is_empty(), expected, "{minutes} {other:?}");
        }
    }

    #[test]
    fn the_caller_hears_what_fits_the_case() {
        let mut report = report(None);
        assert!(next_steps(&report, "R1", 10).0.contains("R1"));
        assert!(!next_steps(&report, "R1", 10).0.contains("120"));
        report.injured = true;
        assert!(next_steps(&report, "R1", 10).0.contains("120"));
        report.drivable = Some(false);
        assert!(next_steps(&report, "R1", 10).1.contains("rescue"));
    }
}
