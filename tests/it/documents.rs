//! Documents as PDF: read back by an independent tool, and looked at as pictures.

use std::process::Command;

use image::GenericImageView;
use serde_json::json;
use sync_core::time::Span;
use tests::{Scratch, each_engine};

use crate::assessed::Assessed;

/// Where poppler's tools are not installed, only `CHAKAN_TEST_PDF=require` makes that a failure.
fn tools() -> bool {
    let there = Command::new("pdftotext").arg("-v").output().is_ok();
    #[expect(clippy::disallowed_methods, reason = "says whether a missing tool is a failure")]
    let required = std::env::var("CHAKAN_TEST_PDF").is_ok_and(|value| value == "require");
    assert!(there || !required, "pdftotext is missing: install poppler-utils");
    there
}

fn text_of(pdf: &[u8], place: &Scratch) -> String {
    let file = place.path().join("document.pdf");
    std::fs::write(&file, pdf).unwrap();
    let read = Command::new("pdftotext")
        .args(["-layout", "-enc", "UTF-8"])
        .arg(&file)
        .arg("-")
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    assert!(read.stderr.is_empty(), "{}", String::from_utf8_lossy(&read.stderr));
    String::from_utf8(read.stdout).unwrap()
}

/// Without blanks: a layout may set them as it likes.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

each_engine!(every_document_is_printed_the_same_twice_and_says_what_the_sheet_says, |app| {
    let mut assessed = Assessed::with_a_bumper(&app);
    for n in 0..40 {
        assessed.add_part(&format!("配件{n}号总成"), 10_000 + n);
    }
    let version = assessed.frozen();
    let _ = assessed
        .surveyor
        .post(
            &assessed.path("/negotiation"),
            &json!({
                "version_id": version["id"], "side": "customer", "move": "offer",
                "amount_fen": 1_000_000, "statement": "希望按4S店价格", "channel": "phone",
            }),
        )
        .expect(201);
    let visit = json!({
        "purpose": "resurvey", "reason": "意见不一致", "place": "文三路120号",
        "starts_at": server::wire::time(app.now() + Span::hours(5)), "customer_consent": "phone",
    });
    let _ = assessed.surveyor.post(&assessed.path("/visits"), &visit).expect(201);
    let early = assessed.surveyor.get(&assessed.path("/documents/loss-agreement"));
    let _ = early.problem(404, "not_found");
    let link = assessed.send_version(&version);
    let code = assessed.code(&link);
    let _ = assessed.agree(&link, &code).expect(200);
    let place = Scratch::new("pdf");
    let total = version["total_in_capitals"].as_str().unwrap();
    for (kind, zh, en) in [
        ("assessment-sheet", total, "Loss assessment sheet"),
        ("uncovered-items", "没有不承保", "Every item of this version is covered"),
        ("negotiation-record", "希望按4S店价格", "Negotiation record"),
        ("loss-agreement", "短信验证码", "损失确认协议"),
        ("visit-appointment", "文三路120号", "re-survey"),
        ("survey-record", "查勘记录", "Survey record"),
        ("formalities-notice", "索赔申请书", "Claim application"),
    ] {
        let path = assessed.path(&format!("/documents/{kind}"));
        let first = assessed.surveyor.get(&path).expect(200);
        assert_eq!(first.body, assessed.surveyor.get(&path).expect(200).body, "{kind}");
        assert!(first.body.len() < 300_000, "{kind} has {} bytes", first.body.len());
        let english = assessed.surveyor.get(&format!("{path}?lang=en")).expect(200);
        if tools() {
            let text = dense(&text_of(&first.body, &place));
            assert!(text.contains(&dense(zh)), "{kind} says not {zh}: {text}");
            assert!(!text.contains('〓'), "{kind} has a character that the font lacks");
            let text = dense(&text_of(&english.body, &place));
            assert!(text.contains(&dense(en)), "{kind} says not {en}: {text}");
        }
    }
    // Every line of the sheet, with its amount, in the order of the sheet.
    if tools() {
        let path = assessed.path(&format!("/versions/{}", version["id"].as_str().unwrap()));
        let whole = assessed.surveyor.get(&path).expect(200).value();
        let pdf =
            assessed.surveyor.get(&assessed.path("/documents/assessment-sheet")).expect(200).body;
        let text = dense(&text_of(&pdf, &place));
        let mut rest = text.as_str();
        for line in whole["vehicles"][0]["lines"].as_array().unwrap() {
            let fen = line["amount_fen"].as_i64().unwrap();
            let name = line["name"].as_str().unwrap();
            let yuan = server::print::words::yuan(sync_core::money::Fen(fen));
            let at = rest.find(name).unwrap_or_else(|| panic!("{name} is missing"));
            rest = &rest[at..];
            let amount = rest.find(&yuan).unwrap_or_else(|| panic!("{name}: no {yuan}"));
            assert!(amount < 120, "{name}: {yuan} is far away");
        }
        looks_right(&pdf, &place);
    }
});

/// Ink where a page has text, white at its margins, nothing off the page.
fn looks_right(pdf: &[u8], place: &Scratch) {
    let file = place.path().join("look.pdf");
    std::fs::write(&file, pdf).unwrap();
    let picture = place.path().join("look");
    let drawn = Command::new("pdftoppm")
        .args(["-r", "60", "-png"])
        .arg(&file)
        .arg(&picture)
        .output()
        .unwrap();
    assert!(
        drawn.status.success() && drawn.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&drawn.stderr)
    );
    let mut pages: Vec<_> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    pages.sort();
    assert!(pages.len() >= 2, "a sheet of 41 lines has several pages");
    for page in pages {
        let picture = image::open(&page).unwrap();
        let (width, height) = picture.dimensions();
        assert_eq!((width, height), (497, 702));
        let dark = |x: u32, y: u32| picture.get_pixel(x, y).0[0] < 128;
        let ink = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .filter(|(x, y)| dark(*x, *y))
            .count();
        assert!((500..80_000).contains(&ink), "{} dark points", ink);
        let margin = (0..height).any(|y| (0..30).chain(width - 30..width).any(|x| dark(x, y)));
        assert!(!margin, "something stands in the margin of {}", page.display());
    }
}
