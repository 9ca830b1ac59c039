//! The documents around a sheet: negotiation record, visit appointment, survey record, formalities notice.

use api_spec::negotiation::{NegotiationResponse, PointResponse, RoundResponse, VisitResponse};
use chrono::{DateTime, Utc};
use sync_core::{money::Fen, time::Instant};

use super::{
    Block, Column, Printout, Row, Table,
    sheet::Head,
    words::{Lang, beijing, sheet_code, yuan},
};

fn time(at: DateTime<Utc>) -> String {
    beijing(Instant(at.timestamp_millis()))
}

fn amount(fen: Option<i64>) -> String {
    fen.map_or_else(|| "–".into(), |fen| yuan(Fen(fen)))
}

/// The negotiation record (协商记录): rounds, what was agreed and what not, explanations.
#[must_use]
pub fn negotiation_record(
    head: &Head,
    record: &NegotiationResponse,
    name_of: &dyn Fn(Option<uuid::Uuid>) -> String,
    dated: Instant,
    lang: Lang,
) -> Printout {
    let mut blocks = vec![Block::Heading(lang.pick("协商过程", "Rounds").to_owned())];
    let columns = vec![
        Column::words(lang.pick("时间", "Time"), 1.6),
        Column::words(lang.pick("一方", "Side"), 1.0),
        Column::words(lang.pick("项目", "Item"), 2.0),
        Column::words(lang.pick("意见", "Move"), 1.0),
        Column::words(lang.pick("说明", "Statement"), 3.0),
        Column::amounts(lang.pick("金额", "Amount"), 1.5),
    ];
    let row = |round: &RoundResponse| {
        // `insurer` also names who keeps salvage.
        let side = match round.side.as_str() {
            "insurer" => lang.pick("保险公司", "insurer"),
            other => sheet_code(other, lang),
        };
        Row::plain([
            time(round.said_at),
            side.to_owned(),
            name_of(round.line_id),
            sheet_code(&round.action, lang).to_owned(),
            round.statement.clone(),
            amount(round.amount_fen),
        ])
    };
    let rows = record.rounds.iter().map(row).collect();
    blocks.push(Block::Table(Table { columns, rows }));
    blocks.push(Block::Heading(lang.pick("协商结果", "What was agreed").to_owned()));
    let columns = vec![
        Column::words(lang.pick("项目", "Item"), 3.0),
        Column::words(lang.pick("结果", "State"), 1.2),
        Column::amounts(lang.pick("保险公司", "Insurer"), 1.5),
        Column::amounts(lang.pick("客户", "Customer"), 1.5),
        Column::amounts(lang.pick("一致金额", "Agreed"), 1.5),
    ];
    let row = |point: &PointResponse| {
        let state = if point.state == "agreed" {
            lang.pick("达成一致", "agreed")
        } else {
            lang.pick("未达成一致", "open")
        };
        Row::plain([
            name_of(point.line_id),
            state.to_owned(),
            amount(point.insurer_fen),
            amount(point.customer_fen),
            amount(point.agreed_fen),
        ])
    };
    let rows = record.points.iter().map(row).collect();
    blocks.push(Block::Table(Table { columns, rows }));
    for told in &record.explanations {
        blocks.push(Block::Heading(lang.pick("异议说明", "Explanation").to_owned()));
        blocks.push(Block::Text(format!(
            "{} {} {}：{}",
            time(told.explained_at),
            sheet_code(&told.basis, lang),
            sheet_code(&told.outcome, lang),
            told.words
        )));
    }
    blocks.push(signatures(lang));
    head.document(lang.pick("协商记录", "Negotiation record"), lang, dated, blocks)
}

fn signatures(lang: Lang) -> Block {
    Block::Signatures(vec![
        lang.pick("客户签字", "Customer").to_owned(),
        lang.pick("查勘定损员签字", "Surveyor").to_owned(),
    ])
}

/// The appointment of a re-survey, a joint assessment or an assessment (C22, C28).
#[must_use]
pub fn visit_appointment(
    head: &Head,
    visit: &VisitResponse,
    dated: Instant,
    lang: Lang,
) -> Printout {
    let mut facts = vec![
        (lang.pick("方式", "Kind").to_owned(), sheet_code(&visit.purpose, lang).to_owned()),
        (lang.pick("时间", "Time").to_owned(), time(visit.starts_at)),
        (lang.pick("地点", "Place").to_owned(), visit.place.clone()),
        (lang.pick("状态", "State").to_owned(), sheet_code(&visit.status, lang).to_owned()),
        (
            lang.pick("客户同意方式", "Consent of the customer").to_owned(),
            sheet_code(&visit.customer_consent, lang).to_owned(),
        ),
    ];
    if let Some(expert) = &visit.expert {
        let who = format!("{} {}", expert.name, expert.organisation);
        facts.push((sheet_code(&expert.kind, lang).to_owned(), who));
    }
    if let Some(came) = visit.came_at {
        facts.push((lang.pick("实际到场", "Came at").to_owned(), time(came)));
    }
    let mut blocks = vec![
        Block::Facts(facts),
        Block::Text(format!("{}：{}", lang.pick("原因", "Reason"), visit.reason)),
    ];
    for change in &visit.changes {
        let after = change.after.map_or_else(|| lang.pick("取消", "called off").to_owned(), time);
        blocks.push(Block::Small(format!(
            "{} → {after}：{}",
            time(change.before),
            change.explanation
        )));
    }
    if let Some(result) = &visit.result {
        blocks.push(Block::Text(format!("{}：{result}", lang.pick("结果", "Result"))));
    }
    blocks.push(signatures(lang));
    let title = lang.pick("复勘及共同定损预约单", "Re-survey and joint assessment appointment");
    head.document(title, lang, dated, blocks)
}

/// The survey record (查勘记录).
#[must_use]
pub fn survey_record(
    head: &Head,
    facts: Vec<(String, String)>,
    words: Option<&str>,
    log: Vec<(Instant, String)>,
    dated: Instant,
    lang: Lang,
) -> Printout {
    let mut blocks = vec![Block::Facts(facts)];
    if let Some(words) = words.filter(|words| !words.trim().is_empty()) {
        blocks.push(Block::Heading(lang.pick("事故经过", "What happened").to_owned()));
        blocks.push(Block::Text(words.to_owned()));
    }
    let columns = vec![
        Column::words(lang.pick("时间", "Time"), 1.0),
        Column::words(lang.pick("事项", "Event"), 3.0),
    ];
    let rows = log.into_iter().map(|(at, what)| Row::plain([beijing(at), what])).collect();
    blocks.push(Block::Heading(lang.pick("查勘过程", "Survey").to_owned()));
    blocks.push(Block::Table(Table { columns, rows }));
    blocks.push(signatures(lang));
    head.document(lang.pick("查勘记录", "Survey record"), lang, dated, blocks)
}

/// The formalities notice (C15): which papers the claim needs, told once and in full.
#[must_use]
pub fn formalities_notice(
    head: &Head,
    papers: &[(&str, &str)],
    dated: Instant,
    lang: Lang,
) -> Printout {
    let columns = vec![
        Column::words("#", 0.5),
        Column::words(lang.pick("所需单证", "Paper"), 6.0),
        Column::words(lang.pick("已收", "Received"), 1.0),
    ];
    let rows = papers.iter().zip(1..).map(|((zh, en), n)| {
        Row::plain([n.to_string(), lang.pick(zh, en).to_owned(), "□".to_owned()])
    });
    let told = lang.pick(
        "以下为本次索赔所需的全部单证，请一次性备齐。保险公司已有的资料无需重复提供。",
        "These are all papers that this claim needs. What we have already need not be handed in again.",
    );
    let blocks = vec![
        Block::Text(told.to_owned()),
        Block::Table(Table { columns, rows: rows.collect() }),
        signatures(lang),
    ];
    head.document(lang.pick("索赔手续告知书", "Claim formalities notice"), lang, dated, blocks)
}
