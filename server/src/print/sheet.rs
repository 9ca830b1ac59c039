//! The documents that are made from a frozen sheet: the assessment sheet, the explanation of what is not
//! covered, the loss agreement.

use sync_core::{
    cover::{Indicative, LossSuggestion},
    estimate::{Cover, chinese_capitals},
    money::Fen,
    sheet::{CaseSheet, FrozenSheet, SheetRow, Totals, VehicleSheet},
    time::Instant,
};

use super::{
    Block, Column, Printout, Row, Table,
    words::{
        Lang, NO_ADMISSION_EN, NO_ADMISSION_ZH, beijing, percent, sheet_code, thousandths, yuan,
    },
};

/// What stands at the top of every document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Report number.
    pub report_no: String,
    /// Number plate of the case.
    pub plate: String,
    /// The customer.
    pub customer: String,
    /// Who answers for it.
    pub staff: String,
    /// Their staff number (C12).
    pub staff_no: Option<String>,
    /// The hotline (C01).
    pub hotline: String,
}

impl Head {
    /// The facts that every document begins with.
    #[must_use]
    pub fn facts(&self, lang: Lang) -> Vec<(String, String)> {
        let mut facts = vec![
            (lang.pick("报案号", "Report number").to_owned(), self.report_no.clone()),
            (lang.pick("号牌号码", "Number plate").to_owned(), self.plate.clone()),
            (lang.pick("客户", "Customer").to_owned(), self.customer.clone()),
            (lang.pick("查勘定损员", "Surveyor").to_owned(), self.staff.clone()),
        ];
        let staff_no = self.staff_no.clone().unwrap_or_else(|| "–".into());
        facts.push((lang.pick("工号", "Staff number").to_owned(), staff_no));
        facts.push((
            lang.pick("服务热线（24小时）", "Hotline (24 hours)").to_owned(),
            self.hotline.clone(),
        ));
        facts
    }

    /// A document with this head.
    #[must_use]
    pub fn document(
        &self,
        title: &str,
        lang: Lang,
        dated: Instant,
        blocks: Vec<Block>,
    ) -> Printout {
        let mut all = vec![Block::Title(title.to_owned()), Block::Facts(self.facts(lang))];
        all.extend(blocks);
        all.push(Block::Small(lang.pick(NO_ADMISSION_ZH, NO_ADMISSION_EN).to_owned()));
        Printout {
            title: format!("{title} {}", self.report_no),
            lang: lang.tag(),
            footer: format!("{title} · {}", self.report_no),
            dated,
            blocks: all,
        }
    }
}

/// A version as it is printed.
pub struct PrintedVersion<'a> {
    /// The frozen sheet.
    pub frozen: &'a FrozenSheet,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: &'a str,
    /// When it was frozen.
    pub frozen_at: Instant,
}

impl PrintedVersion<'_> {
    fn facts(&self, lang: Lang) -> Block {
        Block::Facts(vec![
            (lang.pick("版本", "Version").to_owned(), self.frozen.version.to_string()),
            (lang.pick("出具时间", "Issued").to_owned(), beijing(self.frozen_at)),
            (lang.pick("校验码", "Fingerprint").to_owned(), self.sha256.to_owned()),
        ])
    }
}

/// The assessment sheet (定损单).
#[must_use]
pub fn assessment_sheet(head: &Head, version: &PrintedVersion<'_>, lang: Lang) -> Printout {
    let mut blocks = vec![version.facts(lang)];
    blocks.extend(sheet_blocks(&version.frozen.sheet, lang));
    let title = lang.pick("车辆损失情况确认书", "Loss assessment sheet");
    head.document(title, lang, version.frozen_at, blocks)
}

/// Everything that the sheet says.
fn sheet_blocks(sheet: &CaseSheet, lang: Lang) -> Vec<Block> {
    let mut blocks = Vec::new();
    for vehicle in &sheet.vehicles {
        blocks.extend(vehicle_blocks(vehicle, lang));
    }
    blocks.extend(outside_blocks(sheet, lang));
    blocks.push(Block::Heading(lang.pick("合计", "Totals").to_owned()));
    blocks.push(totals(&sheet.totals, lang));
    if let Some(rates) = rates(sheet, lang) {
        blocks.push(rates);
    }
    if let Some(split) = &sheet.indicative {
        blocks.extend(indicative(split, lang));
    }
    blocks
}

fn vehicle_blocks(vehicle: &VehicleSheet, lang: Lang) -> Vec<Block> {
    let role = vehicle.role.map_or("", |role| sheet_code(role.as_str(), lang));
    let plate = vehicle.plate.as_deref().unwrap_or("–");
    let model = vehicle.brand_model.as_deref().unwrap_or_default();
    let mut blocks = vec![Block::Heading(format!("{plate} {role} {model}").trim().to_owned())];
    let columns = vec![
        Column::words(lang.pick("项目", "Item"), 3.2),
        Column::words(lang.pick("类别", "Kind"), 1.5),
        Column::words(lang.pick("计价", "Price"), 2.2),
        Column::words(lang.pick("依据", "Basis"), 1.6),
        Column::amounts(lang.pick("金额", "Amount"), 1.5),
    ];
    let covered = vehicle.lines.iter().filter(|line| line.cover == Cover::Covered);
    let rows = covered.map(|line| {
        Row::plain([
            name(line, lang),
            kind(line, lang),
            price(line, lang),
            basis(line, lang),
            yuan(line.amount_fen),
        ])
    });
    blocks.push(Block::Table(Table { columns, rows: rows.collect() }));
    if let Some(loss) = vehicle.total_loss
        && loss.suggestion != LossSuggestion::Repair
    {
        blocks.push(Block::Text(format!(
            "{}（{} {}，{}）",
            sheet_code(loss.suggestion.as_str(), lang),
            lang.pick("实际价值", "actual value"),
            yuan(loss.actual_value_fen),
            percent(loss.share_bp),
        )));
    }
    blocks
}

fn name(line: &SheetRow, lang: Lang) -> String {
    let mut text = line.name.clone();
    if let Some(number) = &line.part_no {
        text.push_str(&format!(" ({number})"));
    }
    if line.supplement {
        text.push_str(lang.pick("（增补）", " (supplement)"));
    }
    if let Some(reason) = &line.reason {
        text.push_str(&format!("\n{reason}"));
    }
    text
}

fn kind(line: &SheetRow, lang: Lang) -> String {
    let codes = [
        Some(line.kind.as_str()),
        line.labor_type.map(|labor| labor.as_str()),
        line.part_source.map(|source| source.as_str()),
        line.kept_by.map(|keeper| keeper.as_str()),
    ];
    codes.into_iter().flatten().map(|code| sheet_code(code, lang)).collect::<Vec<_>>().join(" ")
}

fn price(line: &SheetRow, lang: Lang) -> String {
    let mut text = match (line.qty_milli, line.unit_price_fen, line.hours_milli, line.rate_fen) {
        (Some(qty), Some(price), _, _) => format!("{} × {}", thousandths(qty), yuan(price)),
        (_, _, Some(hours), Some(rate)) => {
            format!("{}{} × {}", thousandths(hours), lang.pick("小时", " h"), yuan(rate))
        }
        _ => String::new(),
    };
    if line.discount_bp != 10_000 {
        text.push_str(&format!(" × {}", percent(line.discount_bp)));
    }
    text
}

/// What a price rests on. Where the sheet does not say, it is the assessor's judgement, and their
/// name stands at the top.
fn basis(line: &SheetRow, lang: Lang) -> String {
    let code = line.price_basis.map_or("judgement", |basis| basis.as_str());
    let basis = sheet_code(code, lang).to_owned();
    match &line.price_ref {
        Some(reference) => format!("{basis} {reference}"),
        None => basis,
    }
}

fn totals(totals: &Totals, lang: Lang) -> Block {
    let less = |amount: Fen| Fen(-amount.0);
    let parts = [
        (lang.pick("配件", "Parts"), totals.parts_fen),
        (lang.pick("工时", "Labor"), totals.labor_fen),
        (lang.pick("管理费", "Management fee"), totals.management_fee_fen),
        (lang.pick("辅料", "Material"), totals.material_fen),
        (lang.pick("外修", "Other workshops"), totals.sublet_fen),
        (lang.pick("残值扣除", "Less salvage"), less(totals.salvage_fen)),
        (lang.pick("折旧扣除", "Less betterment"), less(totals.betterment_fen)),
    ];
    let mut rows: Vec<Row> = parts
        .into_iter()
        .filter(|(_, amount)| *amount != Fen::ZERO)
        .map(|(name, amount)| Row::plain([name.to_owned(), yuan(amount)]))
        .collect();
    rows.push(Row::strong([lang.pick("定损合计", "Total").to_owned(), yuan(totals.total_fen)]));
    let capitals = lang.pick("大写", "In Chinese capitals").to_owned();
    rows.push(Row::strong([capitals, chinese_capitals(totals.total_fen)]));
    let beside = [
        (lang.pick("施救费（另计）", "Rescue, beside the total"), totals.rescue_fen),
        (lang.pick("不属于保险责任", "Not covered"), totals.uncovered_fen),
        (lang.pick("自行承担", "Borne by the customer"), totals.self_borne_fen),
    ];
    rows.extend(
        beside
            .into_iter()
            .filter(|(_, amount)| *amount != Fen::ZERO)
            .map(|(name, amount)| Row::plain([name.to_owned(), yuan(amount)])),
    );
    let columns = vec![
        Column::words(lang.pick("项目", "Item"), 2.0),
        Column::amounts(lang.pick("金额", "Amount"), 3.0),
    ];
    Block::Table(Table { columns, rows })
}

fn rates(sheet: &CaseSheet, lang: Lang) -> Option<Block> {
    let rates = &sheet.rates;
    let mut parts: Vec<String> = [
        (lang.pick("配件管理费率", "management fee on parts"), rates.parts_management_bp, 0),
        (lang.pick("工时管理费率", "management fee on labor"), rates.labor_management_bp, 0),
        (lang.pick("配件折扣", "discount on parts"), rates.parts_discount_bp, 10_000),
        (
            lang.pick("多幅喷漆折扣", "discount on several panels"),
            rates.multi_panel_discount_bp,
            10_000,
        ),
    ]
    .into_iter()
    .filter(|(_, value, plain)| value != plain)
    .map(|(name, value, _)| format!("{name} {}", percent(value)))
    .collect();
    let trades = rates.labor_discount_bp.iter().filter(|(_, share)| **share != 10_000);
    parts.extend(
        trades.map(|(trade, share)| {
            format!("{} {}", sheet_code(trade.as_str(), lang), percent(*share))
        }),
    );
    let note = lang.pick("（折扣为实际支付的比例）", " (a discount is the share that is paid)");
    (!parts.is_empty())
        .then(|| Block::Small(format!("{}{note}", parts.join(lang.pick("，", ", ")))))
}

fn indicative(split: &Indicative, lang: Lang) -> Vec<Block> {
    let title = lang.pick("赔付测算（仅供参考，不构成赔付承诺）", "Indicative split (no promise)");
    let row = |name: &str, amount: Fen| (name.to_owned(), yuan(amount));
    vec![
        Block::Heading(title.to_owned()),
        Block::Facts(vec![
            (
                lang.pick("事故责任比例", "Share of liability").to_owned(),
                percent(split.liability_bp),
            ),
            row(lang.pick("车损险", "Own-damage cover"), split.own_damage_fen),
            row(lang.pick("施救费", "Rescue"), split.rescue_fen),
            row(lang.pick("交强险财产", "Compulsory cover"), split.compulsory_fen),
            row(lang.pick("三者险", "Third-party cover"), split.third_party_fen),
            row(lang.pick("保险承担合计", "Borne by the insurance"), split.insurer_fen),
            row(lang.pick("客户承担", "Left to the customer"), split.customer_fen),
        ]),
    ]
}

/// What the insurance does not bear, each with its reason and whether it was explained (C26).
fn outside_blocks(sheet: &CaseSheet, lang: Lang) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (cover, title) in [
        (Cover::Uncovered, lang.pick("不属于保险责任的项目", "Items that are not covered")),
        (Cover::SelfBorne, lang.pick("由客户自行承担的项目", "Items that the customer bears")),
    ] {
        let lines = sheet.vehicles.iter().flat_map(|vehicle| &vehicle.lines);
        let rows: Vec<Row> = lines
            .filter(|line| line.cover == cover)
            .map(|line| {
                let told = if line.explained { lang.pick("已说明", "yes") } else { "–" };
                let reason = line.reason.clone().unwrap_or_default();
                Row::plain([line.name.clone(), reason, told.to_owned(), yuan(line.amount_fen)])
            })
            .collect();
        if !rows.is_empty() {
            let columns = vec![
                Column::words(lang.pick("项目", "Item"), 2.5),
                Column::words(lang.pick("原因", "Reason"), 4.0),
                Column::words(lang.pick("说明", "Explained"), 1.0),
                Column::amounts(lang.pick("金额", "Amount"), 1.5),
            ];
            blocks.push(Block::Heading(title.to_owned()));
            blocks.push(Block::Table(Table { columns, rows }));
        }
    }
    blocks
}

/// The explanation of what the insurance does not bear (C26).
#[must_use]
pub fn uncovered(head: &Head, version: &PrintedVersion<'_>, lang: Lang) -> Printout {
    let mut blocks = vec![version.facts(lang)];
    let outside = outside_blocks(&version.frozen.sheet, lang);
    if outside.is_empty() {
        let none = lang.pick(
            "本版定损单没有不承保或自行承担的项目。",
            "Every item of this version is covered.",
        );
        blocks.push(Block::Text(none.to_owned()));
    }
    blocks.extend(outside);
    let told = lang.pick(
        "以上项目不计入定损合计。如有异议，可通过短信链接或服务热线提出。",
        "These are not part of the total. You may object through the link or by the hotline.",
    );
    blocks.push(Block::Text(told.to_owned()));
    blocks.push(Block::Signatures(places(lang)));
    let title = lang.pick("不承保及自行承担项目说明", "Items not covered or borne by the customer");
    head.document(title, lang, version.frozen_at, blocks)
}

fn places(lang: Lang) -> Vec<String> {
    vec![
        lang.pick("客户签字", "Customer").to_owned(),
        lang.pick("查勘定损员签字", "Surveyor").to_owned(),
    ]
}

/// How an agreement was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Names and values: who, how, when.
    pub facts: Vec<(String, String)>,
    /// What the customer drew, if they signed by hand.
    pub drawing: Vec<Vec<(u16, u16)>>,
    /// When it was given.
    pub agreed_at: Instant,
}

/// The loss agreement (损失确认协议): the whole sheet, and how it was agreed on.
#[must_use]
pub fn loss_agreement(
    head: &Head,
    version: &PrintedVersion<'_>,
    proof: &Proof,
    lang: Lang,
) -> Printout {
    let mut blocks = vec![version.facts(lang)];
    blocks.extend(sheet_blocks(&version.frozen.sheet, lang));
    blocks.push(Block::Heading(lang.pick("确认", "Agreement").to_owned()));
    blocks.push(Block::Text(
        lang.pick(
            "客户已阅读并同意本版定损单所列的维修项目、方式和费用。确认信息如下：",
            "The customer has read and agreed on the repair items, methods and costs of this version:",
        )
        .to_owned(),
    ));
    blocks.push(Block::Facts(proof.facts.clone()));
    if !proof.drawing.is_empty() {
        blocks.push(Block::Drawing(proof.drawing.clone()));
    }
    let title = lang.pick("损失确认协议", "Loss agreement");
    head.document(title, lang, proof.agreed_at, blocks)
}
