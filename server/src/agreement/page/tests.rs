use sync_core::{
    estimate::Rates,
    ids::LineId,
    model::{LineKind, VehicleRole},
};
use uuid::Uuid;

use super::*;

fn line(n: u128, name: &str, cover: Cover, amount: i64) -> SheetRow {
    SheetRow {
        id: LineId(Uuid::from_u128(n)),
        kind: LineKind::Replace,
        name: name.into(),
        part_no: Some("A-1".into()),
        part_source: None,
        labor_type: None,
        qty_milli: Some(1_500),
        unit_price_fen: Some(Fen(123_456)),
        hours_milli: None,
        rate_fen: None,
        price_basis: None,
        price_ref: None,
        part_returned: false,
        kept_by: None,
        discount_bp: 9_500,
        cover,
        reason: (cover != Cover::Covered).then(|| "旧伤，与本次事故无关".into()),
        explained: true,
        supplement: false,
        amount_fen: Fen(amount),
    }
}

fn case_sheet(lines: Vec<SheetRow>) -> CaseSheet {
    let totals = Totals { total_fen: Fen(140_950), uncovered_fen: Fen(500), ..Totals::default() };
    let vehicle = VehicleSheet {
        vehicle_id: Uuid::from_u128(7),
        role: Some(VehicleRole::Own),
        plate: Some("浙A7T3K9".into()),
        vin: Some("LSVAA4182E2184847".into()),
        brand_model: None,
        lines,
        totals,
        total_loss: None,
    };
    let rates = Rates { parts_discount_bp: 9_000, ..Rates::default() };
    CaseSheet { vehicles: vec![vehicle], rates, totals, ..CaseSheet::default() }
}

fn shown(sheet: &CaseSheet, lang: Lang, state: LinkState) -> String {
    super::sheet(&SheetPage {
        lang,
        token: "TOKEN",
        hotline: "95500",
        report_no: "2026112200000001",
        plate: "浙A7T3K9",
        staff_name: "员工",
        staff_no: Some("S00001"),
        number: 2,
        sheet_sha256: "0123456789abcdef0123",
        frozen_at: Instant(1_772_415_000_000),
        code_to: "186****1253",
        state,
        agreed_at: None,
        notice: None,
        sheet,
    })
}

fn three_lines() -> CaseSheet {
    case_sheet(vec![
        line(1, "前保险杠", Cover::Covered, 140_950),
        line(2, "后视镜", Cover::Uncovered, 500),
        line(3, "轮毂", Cover::SelfBorne, 900),
    ])
}

#[test]
fn the_page_shows_what_is_agreed_and_what_the_customer_must_know() {
    let page = shown(&three_lines(), Lang::Zh, LinkState::Open);
    for expected in [
        "前保险杠",
        "¥1,409.50",
        "壹仟肆佰零玖元伍角整",
        "旧伤，与本次事故无关",
        "轮毂",
        "不等于保险公司承认承担赔偿责任",
        "自主选择",
        "S00001",
        "95500",
        "0123456789abcdef",
        "1.5 × ¥1,234.56",
        "95%",
        "90%",
        "/a/TOKEN/agree?lang=zh-CN",
        "/a/TOKEN/object?lang=zh-CN",
        "186****1253",
        "lang=\"zh-CN\"",
    ] {
        assert!(page.contains(expected), "{expected} is not on the page");
    }
    assert!(shown(&three_lines(), Lang::En, LinkState::Open).contains("no admission of liability"));
}

#[test]
fn only_what_can_still_be_done_is_offered() {
    for (state, forms) in [(LinkState::Open, 4), (LinkState::Objected, 4), (LinkState::Agreed, 1)] {
        let page = shown(&three_lines(), Lang::Zh, state);
        assert_eq!(page.matches("<form").count(), forms, "{state:?}");
    }
}

#[test]
fn a_large_sheet_stays_small_and_without_script() {
    let lines = (0..80).map(|n| line(n, "左前大灯总成（含支架）", Cover::Covered, 140_950));
    let page = shown(&case_sheet(lines.collect()), Lang::Zh, LinkState::Open);
    assert!(page.len() <= 30 * 1024, "{} bytes", page.len());
    for forbidden in ["<script", "javascript:", "onclick", "style=", "http://", "https://", "src="]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;";
    let mut sheet = case_sheet(vec![line(1, hostile, Cover::Uncovered, 1)]);
    for vehicle in &mut sheet.vehicles {
        vehicle.plate = Some(hostile.into());
        vehicle.brand_model = Some(hostile.into());
        for line in &mut vehicle.lines {
            line.reason = Some(hostile.into());
            line.part_no = Some(hostile.into());
        }
    }
    let page = shown(&sheet, Lang::Zh, LinkState::Open);
    assert!(!page.contains("<script>") && !page.contains("<img"));
    assert_eq!(page.matches("&lt;script&gt;").count(), 5);
}

#[test]
fn nothing_but_our_own_style_is_allowed() {
    let policy = content_security_policy();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(!policy.contains("unsafe"));
    // The browser hashes what stands between the tags, byte for byte.
    let page = unknown(Lang::Zh, "95500");
    let inner = page.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next());
    assert_eq!(inner, Some(style::CSS));
}

#[test]
fn amounts_and_shares_are_written_as_people_read_them() {
    for (fen, expected) in [
        (0, "¥0.00"),
        (5, "¥0.05"),
        (99_999, "¥999.99"),
        (100_000, "¥1,000.00"),
        (123_456_789, "¥1,234,567.89"),
        (-5_000, "−¥50.00"),
        (i64::MIN, "−¥92,233,720,368,547,758.08"),
    ] {
        assert_eq!(yuan(Fen(fen)), expected);
    }
    for (milli, expected) in [(1_000, "1"), (1_500, "1.5"), (333, "0.333"), (12_000, "12")] {
        assert_eq!(thousandths(milli), expected);
    }
    for (bp, expected) in [(10_000, "100%"), (9_550, "95.5%"), (0, "0%"), (5, "0.05%")] {
        assert_eq!(percent(bp), expected);
    }
}
