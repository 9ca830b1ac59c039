//! The pages behind links: a case for its shop, and how far it is for its customer. Looking changes
//! nothing; the token in the path is the whole authority.

use actix_web::{HttpResponse, get, web};
use api_spec::board::{ApprovedLine, ShopCaseResponse};
use maud::{Markup, html};
use sync_core::{money::Fen, time::Instant};

use super::{
    api::shop_case,
    rules::status::{Audience, steps},
    shop_steps,
    words::step_text,
};
use crate::{
    agreement::{self, Reader},
    app::App,
    case_log,
    db::Conn,
    error::ApiError,
    print::words::{Lang, beijing, sheet_code, thousandths, yuan},
    repair::{self, FREE_CHOICE_EN, FREE_CHOICE_ZH},
};

type Steps = Vec<(&'static str, Instant)>;

/// Show a case to the shop that its customer chose
///
/// Status and approved lines of this case and nothing else. A link that is unknown, expired, taken back,
/// or of a shop that the customer left is answered the same.
#[utoipa::path(operation_id = "show_shop_case", tag = "board", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`; by Accept-Language if absent")), responses((status = 200, description = "the case", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String)))]
#[get("/s/{token}")]
pub async fn show_shop_case(app: web::Data<App>, reader: Reader) -> HttpResponse {
    let (token, now) = (reader.token.clone(), app.now());
    let read = move |conn: &mut Conn| {
        let Some((case_id, shop)) = repair::find_by_link(conn, &token, now)? else {
            return Ok(None);
        };
        let case = shop_case(conn, shop, case_id)?;
        let told = shop_steps(conn, case_id, shop)?;
        let steps: Steps = told.into_iter().map(|step| (step.step, step.at)).collect();
        Ok(Some((case, steps)))
    };
    match app.db.read(read).await {
        Err(error) => agreement::broken(&app, &reader, &error),
        Ok(None) => agreement::led_nowhere(&app, &reader),
        Ok(Some((case, steps))) => {
            let lang = reader.lang;
            let switch = format!("/s/{}?lang={}", reader.token, lang.other().tag());
            let body = shop_page(&case, &steps, lang);
            agreement::framed(&app, &reader, shop_title(lang), &switch, body)
        }
    }
}

/// Show the customer how far the case is
///
/// Before and after agreeing, by the link to the sheet. 410 says why a link is void.
#[utoipa::path(operation_id = "show_progress", tag = "board", params(("token" = String, Path, description = "from the message"), ("lang" = Option<String>, Query, description = "`zh-CN` or `en`; by Accept-Language if absent")), responses((status = 200, description = "the steps", content_type = "text/html", body = String), (status = 404, description = "no such link", content_type = "text/html", body = String), (status = 410, description = "expired or void", content_type = "text/html", body = String)))]
#[get("/a/{token}/progress")]
pub async fn show_progress(app: web::Data<App>, reader: Reader) -> HttpResponse {
    let case_id = match agreement::case_of(&app, &reader).await {
        Ok(case_id) => case_id,
        Err(page) => return page,
    };
    let read = move |conn: &mut Conn| -> Result<Steps, ApiError> {
        let log = case_log::entries(conn, case_id)?;
        let entries = log.iter().map(|entry| (&entry.kind, entry.recorded_at));
        Ok(steps(Audience::Customer, entries))
    };
    match app.db.read(read).await {
        Err(error) => agreement::broken(&app, &reader, &error),
        Ok(steps) => {
            let (lang, token) = (reader.lang, &reader.token);
            let title = lang.pick("案件进度", "How far your case is");
            let switch = format!("/a/{token}/progress?lang={}", lang.other().tag());
            let body = html! {
                h1 { (title) }
                (step_table(&steps, lang))
                p { a href={ "/a/" (token) "?lang=" (lang.tag()) } { (lang.pick("返回定损单", "Back to the loss sheet")) } }
            };
            agreement::framed(&app, &reader, title, &switch, body)
        }
    }
}

/// Where it stands, and how it came there.
fn step_table(steps: &[(&'static str, Instant)], lang: Lang) -> Markup {
    html! {
        @if let Some((now, at)) = steps.last() {
            dl {
                dt { (lang.pick("当前状态", "Now")) }
                dd { strong { (step_text(now, lang)) } " " (beijing(*at)) }
            }
        }
        @if !steps.is_empty() {
            section {
                h2 { (lang.pick("进度", "Steps")) }
                table {
                    thead { tr { th { (lang.pick("事项", "What")) } th { (lang.pick("时间", "When")) } } }
                    tbody {
                        @for (step, at) in steps {
                            tr { th { (step_text(step, lang)) } td { (beijing(*at)) } }
                        }
                    }
                }
            }
        }
    }
}

fn shop_title(lang: Lang) -> &'static str {
    lang.pick("维修案件", "Repair case")
}

fn shop_page(case: &ShopCaseResponse, steps: &[(&'static str, Instant)], lang: Lang) -> Markup {
    let total: Fen = case.lines.iter().map(|line| Fen(line.amount_fen)).sum();
    html! {
        h1 { (shop_title(lang)) }
        dl {
            dt { (lang.pick("号牌号码", "Number plate")) } dd { (case.plate) }
            @if let Some(vehicle) = &case.vehicle {
                dt { (lang.pick("车型", "Vehicle")) } dd { (vehicle) }
            }
            @if let Some(version) = case.version {
                dt { (lang.pick("定损单版本", "Version of the sheet")) } dd { (version) }
            }
        }
        section {
            h2 { (lang.pick("客户已确认的定损项目", "Lines that the customer agreed on")) }
            @if case.lines.is_empty() {
                p { (lang.pick("目前没有已确认的项目。", "Nothing is agreed on yet.")) }
            } @else {
                table {
                    thead { tr { th { (lang.pick("项目", "Item")) } th { (lang.pick("金额", "Amount")) } } }
                    tbody {
                        @for line in &case.lines {
                            tr {
                                th { (line.name) small { (details(line, lang)) } }
                                td { (yuan(Fen(line.amount_fen))) }
                            }
                        }
                        tr.sum { th { (lang.pick("合计", "Total")) } td { (yuan(total)) } }
                    }
                }
            }
        }
        (step_table(steps, lang))
        section { p { (lang.pick(FREE_CHOICE_ZH, FREE_CHOICE_EN)) } }
    }
}

fn details(line: &ApprovedLine, lang: Lang) -> String {
    let mut parts = vec![sheet_code(&line.kind, lang).to_owned()];
    let codes = [&line.labor_type, &line.part_source];
    parts.extend(codes.into_iter().flatten().map(|code| sheet_code(code, lang).to_owned()));
    parts.extend(line.part_no.clone());
    parts.extend(line.qty_milli.map(|qty| format!("× {}", thousandths(qty))));
    if let Some(hours) = line.hours_milli {
        parts.push(format!("{} {}", thousandths(hours), lang.pick("小时", "h")));
    }
    if line.supplement {
        parts.push(lang.pick("增补", "supplement").to_owned());
    }
    parts.join(" · ")
}
