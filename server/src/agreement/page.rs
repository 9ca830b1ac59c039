//! The customer's page: server-rendered, without script, readable on any phone.

mod style;
#[cfg(test)]
mod tests;

use maud::{DOCTYPE, Markup, html};
use sync_core::{
    estimate::Cover,
    money::Fen,
    sheet::{CaseSheet, SheetRow, Totals, VehicleSheet},
    time::Instant,
};

use super::{
    rules::{LinkState, ObjectionReason, VoidReason},
    words::{Lang, Notice, Words, objection_text, sheet_code, void_text},
};
pub(super) use crate::print::words::yuan;
use crate::{
    print::words::{NO_ADMISSION_EN, NO_ADMISSION_ZH, beijing, percent, thousandths},
    repair::{FREE_CHOICE_EN, FREE_CHOICE_ZH},
};

pub(super) use style::content_security_policy;

/// Everything that the page of a valid link shows.
pub(super) struct SheetPage<'a> {
    pub(super) lang: Lang,
    /// The token, for the addresses of the forms.
    pub(super) token: &'a str,
    pub(super) hotline: &'a str,
    pub(super) report_no: &'a str,
    pub(super) plate: &'a str,
    pub(super) staff_name: &'a str,
    pub(super) staff_no: Option<&'a str>,
    pub(super) number: i64,
    pub(super) sheet_sha256: &'a str,
    pub(super) frozen_at: Instant,
    /// Where codes go, masked.
    pub(super) code_to: &'a str,
    pub(super) state: LinkState,
    pub(super) agreed_at: Option<Instant>,
    pub(super) notice: Option<Notice>,
    pub(super) sheet: &'a CaseSheet,
}

/// The page of a valid link.
pub(super) fn sheet(page: &SheetPage<'_>) -> String {
    let (lang, words) = (page.lang, page.lang.words());
    let body = html! {
        @if let Some(notice) = page.notice {
            p.note.bad[!notice.is_good()] role="status" { (notice.text(lang)) }
        }
        (head(page, words))
        @for vehicle in &page.sheet.vehicles {
            (vehicle_section(vehicle, page.sheet.vehicles.len() > 1, lang))
        }
        (outside(page.sheet, Cover::Uncovered, words.uncovered, lang))
        (outside(page.sheet, Cover::SelfBorne, words.self_borne, lang))
        (rates(page.sheet, lang))
        (totals(&page.sheet.totals, words))
        (indicative(page.sheet, words))
        section { p { (lang.pick(NO_ADMISSION_ZH, NO_ADMISSION_EN)) } p { (free_choice(lang)) } }
        @if matches!(page.state, LinkState::Open | LinkState::Objected) {
            (agree_forms(page, words))
            (object_form(page, words))
            (partly_form(page, words))
        }
        @if page.state == LinkState::Agreed { (keep(page, words)) }
        (complain_form(page, words))
    };
    whole(lang, words.title, &switch(page.token, lang), page.hotline, body)
}

/// The page of a link that shows nothing any more.
pub(super) fn void(
    lang: Lang,
    token: &str,
    hotline: &str,
    reason: VoidReason,
    agreed_at: Option<Instant>,
) -> String {
    let words = lang.words();
    let body = html! {
        h1 { (words.void) }
        p.note.bad role="status" { (void_text(reason, lang)) }
        @if let Some(at) = agreed_at { p { (words.was_agreed) ": " (beijing(at)) } }
    };
    whole(lang, words.void, &switch(token, lang), hotline, body)
}

/// The page of an address that leads nowhere. It repeats nothing of the address.
pub(super) fn unknown(lang: Lang, hotline: &str) -> String {
    let words = lang.words();
    let body = html! {
        h1 { (words.unknown_title) }
        p.note.bad role="status" { (words.unknown) }
    };
    whole(lang, words.unknown_title, "", hotline, body)
}

/// The page of a request that could not be handled.
pub(super) fn fault(lang: Lang, hotline: &str) -> String {
    let words = lang.words();
    let body = html! {
        h1 { (words.fault_title) }
        p.note.bad role="status" { (words.fault) }
    };
    whole(lang, words.fault_title, "", hotline, body)
}

/// The frame of every page; `switch` is where the same page is found in the other language.
pub(super) fn whole(lang: Lang, title: &str, switch: &str, hotline: &str, body: Markup) -> String {
    let words = lang.words();
    let page = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (maud::PreEscaped(style::CSS)) }
            }
            body {
                @if !switch.is_empty() {
                    nav { a href=(switch) hreflang=(lang.other().tag()) { (words.switch) } }
                }
                main { (body) }
                footer { (words.hotline) ": " a href={ "tel:" (hotline) } { (hotline) } }
            }
        }
    };
    page.into_string()
}

/// The switch leads to the page itself, also from the answer to a form.
fn switch(token: &str, lang: Lang) -> String {
    format!("/a/{token}?lang={}", lang.other().tag())
}

fn head(page: &SheetPage<'_>, words: &Words) -> Markup {
    let status = match page.state {
        LinkState::Open => words.open,
        LinkState::Objected => words.objected,
        LinkState::Agreed => words.agreed,
        LinkState::Void(_) => words.void,
    };
    let hash: String = page.sheet_sha256.chars().take(16).collect();
    html! {
        h1 { (words.title) }
        dl {
            dt { (words.status) }
            dd { strong { (status) } @if let Some(at) = page.agreed_at { " " (beijing(at)) } }
            dt { (words.report_no) } dd { (page.report_no) }
            dt { (words.plate) } dd { (page.plate) }
            dt { (words.version) } dd { (page.number) }
            dt { (words.hash) } dd { code { (hash) } }
            dt { (words.frozen_at) } dd { (beijing(page.frozen_at)) }
            dt { (words.staff) } dd { (page.staff_name) }
            @if let Some(number) = page.staff_no { dt { (words.staff_no) } dd { (number) } }
        }
        p { a href={ "/a/" (page.token) "/progress?lang=" (page.lang.tag()) } { (words.progress) } }
    }
}

fn vehicle_section(vehicle: &VehicleSheet, several: bool, lang: Lang) -> Markup {
    let words = lang.words();
    let plate = vehicle.plate.as_deref().unwrap_or("–");
    let role = vehicle.role.map_or("", |role| sheet_code(role.as_str(), lang));
    let lines = vehicle.lines.iter().filter(|line| line.cover == Cover::Covered);
    html! {
        section {
            h2 { (plate) " " small { (role) @if let Some(model) = &vehicle.brand_model { " " (model) } } }
            table {
                thead { tr { th { (words.item) } th { (words.amount) } } }
                tbody { @for line in lines { (row(line, lang)) } }
                @if several {
                    tfoot { tr { th { (words.total) } td { (yuan(vehicle.totals.total_fen)) } } }
                }
            }
        }
    }
}

fn row(line: &SheetRow, lang: Lang) -> Markup {
    html! {
        tr {
            th {
                (line.name) small { (details(line, lang)) }
                @if let Some(reason) = &line.reason { small { (reason) } }
            }
            td { (yuan(line.amount_fen)) }
        }
    }
}

/// Kind, source, part number and what the amount is made of.
fn details(line: &SheetRow, lang: Lang) -> String {
    let words = lang.words();
    let mut parts = vec![sheet_code(line.kind.as_str(), lang).to_owned()];
    if let Some(labor) = line.labor_type {
        parts.push(sheet_code(labor.as_str(), lang).to_owned());
    }
    if let Some(source) = line.part_source {
        parts.push(sheet_code(source.as_str(), lang).to_owned());
    }
    if let Some(keeper) = line.kept_by {
        parts.push(sheet_code(keeper.as_str(), lang).to_owned());
    }
    parts.extend(line.part_no.clone());
    if let (Some(qty), Some(price)) = (line.qty_milli, line.unit_price_fen) {
        parts.push(format!("{} × {}", thousandths(qty), yuan(price)));
    }
    if let (Some(hours), Some(rate)) = (line.hours_milli, line.rate_fen) {
        parts.push(format!("{} {} × {}", thousandths(hours), words.hours, yuan(rate)));
    }
    if line.discount_bp != 10_000 {
        parts.push(format!("× {}", percent(line.discount_bp)));
    }
    if line.supplement {
        parts.push(words.supplement.to_owned());
    }
    parts.join(" · ")
}

/// What the insurance does not bear, with the reasons (C26).
fn outside(sheet: &CaseSheet, cover: Cover, title: &str, lang: Lang) -> Markup {
    let words = lang.words();
    let lines: Vec<&SheetRow> =
        sheet.vehicles.iter().flat_map(|v| &v.lines).filter(|line| line.cover == cover).collect();
    html! {
        @if !lines.is_empty() {
            section {
                h2 { (title) }
                p { (words.outside) }
                table {
                    thead { tr { th { (words.item) " / " (words.reason) } th { (words.amount) } } }
                    tbody {
                        @for line in lines {
                            tr {
                                th {
                                    (line.name) small { (details(line, lang)) }
                                    p { (words.reason) ": " (line.reason.as_deref().unwrap_or(words.not_explained)) }
                                }
                                td { (yuan(line.amount_fen)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Fees and discounts of the whole sheet, so that the amounts can be followed.
fn rates(sheet: &CaseSheet, lang: Lang) -> Markup {
    let words = lang.words();
    let rates = &sheet.rates;
    let mut applied: Vec<(String, i64)> = Vec::new();
    for (name, value, plain) in [
        (words.parts_management, rates.parts_management_bp, 0),
        (words.labor_management, rates.labor_management_bp, 0),
        (words.parts_discount, rates.parts_discount_bp, 10_000),
        (words.panel_discount, rates.multi_panel_discount_bp, 10_000),
    ] {
        if value != plain {
            applied.push((name.to_owned(), value));
        }
    }
    let by_trade = rates.labor_discount_bp.iter().filter(|(_, share)| **share != 10_000);
    applied.extend(
        by_trade.map(|(trade, share)| (sheet_code(trade.as_str(), lang).to_owned(), *share)),
    );
    html! {
        @if !applied.is_empty() {
            section {
                h2 { (words.rates) }
                dl { @for (name, value) in &applied { dt { (name) } dd { (percent(*value)) } } }
                p { small { (words.discount_note) } }
            }
        }
    }
}

fn totals(totals: &Totals, words: &Words) -> Markup {
    let negative = |amount: Fen| Fen(-amount.0);
    let parts = [
        (words.parts, totals.parts_fen),
        (words.labor, totals.labor_fen),
        (words.management, totals.management_fee_fen),
        (words.material, totals.material_fen),
        (words.sublet, totals.sublet_fen),
        (words.salvage, negative(totals.salvage_fen)),
        (words.betterment, negative(totals.betterment_fen)),
    ];
    let beside = [
        (words.rescue, totals.rescue_fen),
        (words.uncovered, totals.uncovered_fen),
        (words.self_borne, totals.self_borne_fen),
    ];
    let some =
        |(name, amount): (&'static str, Fen)| (amount != Fen::ZERO).then_some((name, amount));
    html! {
        section {
            h2 { (words.totals) }
            table {
                tbody {
                    @for (name, amount) in parts.into_iter().filter_map(some) {
                        tr { th { (name) } td { (yuan(amount)) } }
                    }
                    tr.sum { th { (words.total) } td { (yuan(totals.total_fen)) } }
                    tr { th { (words.capitals) } td lang="zh-CN" { (totals.total_in_capitals()) } }
                    @for (name, amount) in beside.into_iter().filter_map(some) {
                        tr { th { (name) } td { (yuan(amount)) } }
                    }
                }
            }
        }
    }
}

/// What the policy would bear, marked as no promise (B2).
fn indicative(sheet: &CaseSheet, words: &Words) -> Markup {
    html! {
        @if let Some(split) = &sheet.indicative {
            section {
                h2 { (words.indicative) }
                dl {
                    dt { (words.insurer_part) } dd { (yuan(split.insurer_fen)) }
                    dt { (words.customer_part) } dd { (yuan(split.customer_fen)) }
                }
            }
        }
    }
}

/// What the customer keeps of an agreement.
fn keep(page: &SheetPage<'_>, words: &Words) -> Markup {
    html! {
        section {
            p { a href={ "/a/" (page.token) "/agreement.pdf" } { (words.keep_pdf) } }
            p { a href={ "/a/" (page.token) "/bundle" } { (words.keep_bundle) } }
        }
    }
}

fn partly_form(page: &SheetPage<'_>, words: &Words) -> Markup {
    let address = format!("/a/{}/partly?lang={}", page.token, page.lang.tag());
    let lines: Vec<&SheetRow> = page
        .sheet
        .vehicles
        .iter()
        .flat_map(|vehicle| &vehicle.lines)
        .filter(|line| line.cover == Cover::Covered)
        .collect();
    html! {
        // With one line there is nothing to divide; a list that is too long is talked over.
        @if (2..=60).contains(&lines.len()) {
            details {
                summary { (words.partly_title) }
                form method="post" action=(address) {
                    p { (words.partly_note) }
                    @for line in &lines {
                        label.tick {
                            input type="checkbox" name={ "d_" (line.id) } value="1";
                            " " (line.name) " " (yuan(line.amount_fen))
                        }
                    }
                    label { (words.code)
                        input name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required;
                    }
                    button { (words.partly) }
                }
            }
        }
    }
}

fn complain_form(page: &SheetPage<'_>, words: &Words) -> Markup {
    let address = format!("/a/{}/complain?lang={}", page.token, page.lang.tag());
    html! {
        details {
            summary { (words.complain_title) }
            form method="post" action=(address) {
                label { (words.complain_words) textarea name="text" rows="3" maxlength="1000" required {} }
                button { (words.complain) }
            }
        }
    }
}

fn agree_forms(page: &SheetPage<'_>, words: &Words) -> Markup {
    let address = |action: &str| format!("/a/{}/{action}?lang={}", page.token, page.lang.tag());
    html! {
        section {
            h2 { (words.agree_title) }
            form method="post" action=(address("code")) {
                p { (words.code_goes_to) " " (page.code_to) }
                button { (words.ask_code) }
            }
            form method="post" action=(address("agree")) {
                label { (words.code)
                    input name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required;
                }
                button.main { (words.agree) " (" (page.number) ") " (yuan(page.sheet.totals.total_fen)) }
            }
        }
    }
}

fn object_form(page: &SheetPage<'_>, words: &Words) -> Markup {
    let address = format!("/a/{}/object?lang={}", page.token, page.lang.tag());
    html! {
        section {
            h2 { (words.object_title) }
            form method="post" action=(address) {
                p { (words.object_note) }
                label { (words.reason)
                    select name="reason" {
                        @for reason in ObjectionReason::ALL {
                            option value=(reason.code()) { (objection_text(reason, page.lang)) }
                        }
                    }
                }
                label { (words.object_words) textarea name="text" rows="3" maxlength="1000" {} }
                label { (words.amount_wanted)
                    input name="amount_yuan" inputmode="decimal" maxlength="20";
                }
                button { (words.object) }
            }
        }
    }
}

fn free_choice(lang: Lang) -> &'static str {
    match lang {
        Lang::Zh => FREE_CHOICE_ZH,
        Lang::En => FREE_CHOICE_EN,
    }
}
