//! The pages behind links: a case for its shop, and how far it is for its customer. Looking changes
//! nothing; the token in the path is the whole authority.

use actix_web::{HttpResponse, get, web};
use api_spec::{
    board::{ApprovedLine, ShopCaseResponse},
    problem::Code,
    repair::RepairResponse,
};
use maud::{Markup, html};
use sync_core::{money::Fen, time::Instant};

use super::{
    api::shop_case,
    rules::status::{Audience, steps},
    shop_steps,
    words::{stage_text, step_text},
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
    shop(&app, &reader, None).await
}

/// The page of a shop's link, with what was wrong with a form that came through it.
pub(super) async fn shop(app: &App, reader: &Reader, wrong: Option<Code>) -> HttpResponse {
    let (token, now) = (reader.token.clone(), app.now());
    let read = move |conn: &mut Conn| {
        let Some((case_id, shop)) = repair::find_by_link(conn, &token, now)? else {
            return Ok(None);
        };
        let case = shop_case(conn, shop, case_id)?;
        let told = shop_steps(conn, case_id, shop)?;
        let steps: Steps = told.into_iter().map(|step| (step.step, step.at)).collect();
        Ok(Some((case, steps, repair::work_of(conn, case_id, shop)?)))
    };
    match app.db.read(read).await {
        Err(error) => agreement::broken(app, reader, &error),
        Ok(None) => agreement::led_nowhere(app, reader),
        Ok(Some((case, steps, work))) => {
            let lang = reader.lang;
            let switch = format!("/s/{}?lang={}", reader.token, lang.other().tag());
            let body = html! {
                @if let Some(code) = wrong {
                    p.note.bad role="status" { (form_fault(code, lang)) }
                } @else if reader.done {
                    p.note role="status" { (lang.pick("已提交。", "Sent.")) }
                }
                (shop_page(&case, &steps, lang))
                (supplements(&work, lang))
                (forms(&reader.token, lang))
            };
            agreement::framed(app, reader, shop_title(lang), &switch, body)
        }
    }
}

fn form_fault(code: Code, lang: Lang) -> &'static str {
    match code {
        Code::TooLarge => lang.pick("文件过大。", "The files are too large."),
        Code::UnsupportedMediaType => {
            lang.pick("照片格式不支持。", "A file is not a picture that we take.")
        }
        Code::Conflict => lang.pick("已达到数量上限。", "There are too many already."),
        Code::TooSlow => lang.pick("上传过慢，请重试。", "It came too slowly. Try again."),
        _ => lang.pick(
            "请填写说明或选择进度，照片最多6张。",
            "Say what was found, or choose a step; at most 6 photos.",
        ),
    }
}

/// What became of the shop's requests.
fn supplements(work: &RepairResponse, lang: Lang) -> Markup {
    html! {
        @if !work.supplements.is_empty() {
            section {
                h2 { (lang.pick("增补申请", "Requests for supplements")) }
                dl {
                    @for request in &work.supplements {
                        dt { (request.words) }
                        dd {
                            (state_text(&request.state, lang))
                            @if let Some(answer) = &request.answer { ": " (answer) }
                        }
                    }
                }
            }
        }
    }
}

fn state_text(state: &str, lang: Lang) -> &str {
    match state {
        "open" => lang.pick("待答复", "Waits for an answer"),
        "accepted" => lang.pick("已同意", "Accepted"),
        "refused" => lang.pick("未同意", "Not accepted"),
        other => other,
    }
}

/// The forms work without any script, and by keyboard.
fn forms(token: &str, lang: Lang) -> Markup {
    let to = |what: &str| format!("/s/{token}/{what}?lang={}", lang.tag());
    let photos = html! {
        label {
            (lang.pick("照片（最多6张）", "Photos (at most 6)"))
            input type="file" name="photos" accept="image/*" multiple;
        }
    };
    html! {
        section {
            h2 { (lang.pick("申请增补", "Ask for a supplement")) }
            form method="post" action=(to("supplements")) enctype="multipart/form-data" {
                label {
                    (lang.pick("新发现的损失", "What was found"))
                    textarea name="words" required maxlength="1000" rows="3" {}
                }
                (photos)
                button type="submit" { (lang.pick("提交申请", "Ask")) }
            }
        }
        section {
            h2 { (lang.pick("报告维修进度", "Tell how far the repair is")) }
            form method="post" action=(to("progress")) enctype="multipart/form-data" {
                label {
                    (lang.pick("进度", "Step"))
                    select name="stage" {
                        @for stage in repair::STAGES {
                            option value=(stage) { (stage_text(stage, lang)) }
                        }
                    }
                }
                label {
                    (lang.pick("说明（可不填）", "Remark (optional)"))
                    textarea name="words" maxlength="500" rows="2" {}
                }
                (photos)
                button type="submit" { (lang.pick("提交进度", "Tell")) }
            }
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
