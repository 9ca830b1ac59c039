//! PURE: languages, names of codes, amounts and times as people read them.

use chrono::{DateTime, FixedOffset, Utc};
use sync_core::{money::Fen, time::Instant};

use crate::wire;

/// A language for people outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Chinese, as written in the mainland.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    /// The one of two texts.
    #[must_use]
    pub fn pick<'t>(self, zh: &'t str, en: &'t str) -> &'t str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// The language that was asked for by the switch, else the best of `Accept-Language`, else
    /// Chinese.
    #[must_use]
    pub fn choose(asked: Option<&str>, accept: Option<&str>) -> Self {
        asked.and_then(Self::of_tag).or_else(|| Self::best(accept?)).unwrap_or(Self::Zh)
    }

    /// The language of a tag.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.trim().split('-').next()?.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    fn best(accept: &str) -> Option<Self> {
        let ranked = accept.split(',').take(20).filter_map(|part| {
            let (tag, quality) = part.split_once(";q=").unwrap_or((part, "1"));
            let quality: f32 = quality.trim().parse().unwrap_or(0.0);
            Some((Self::of_tag(tag)?, quality)).filter(|(_, quality)| *quality > 0.0)
        });
        // The first of equals.
        ranked
            .fold(None, |best: Option<(Self, f32)>, (lang, quality)| match best {
                Some((_, known)) if known >= quality => best,
                _ => Some((lang, quality)),
            })
            .map(|(lang, _)| lang)
    }
}

/// The name of a code of the sheet: kind of line, labor type, source of a part, basis of a price.
#[must_use]
pub fn sheet_code(code: &str, lang: Lang) -> &str {
    const NAMES: &[(&str, &str, &str)] = &[
        ("replace", "换件", "replace"),
        ("repair", "修理", "labor"),
        ("material", "辅料", "material"),
        ("sublet", "外修", "other workshop"),
        ("betterment", "折旧", "betterment"),
        ("salvage", "残值", "salvage"),
        ("rescue", "施救", "rescue"),
        ("remove_install", "拆装", "remove and install"),
        ("body", "钣金", "body"),
        ("refinish", "喷漆", "refinish"),
        ("mechanical", "机修", "mechanical"),
        ("electrical", "电工", "electrical"),
        ("glass", "玻璃", "glass"),
        ("frame", "大梁", "frame"),
        ("oe_dealer", "原厂件（4S）", "original, dealer"),
        ("oe_market", "原厂件（市场）", "original, market"),
        ("aftermarket", "品牌件", "aftermarket"),
        ("recycled", "拆车件", "recycled"),
        ("remanufactured", "再制造件", "remanufactured"),
        ("list", "价格表", "price list"),
        ("quote", "报价", "quotation"),
        ("invoice", "发票", "invoice"),
        ("market", "市场询价", "market inquiry"),
        ("standard", "工时标准", "time standard"),
        ("negotiated", "协商", "negotiated"),
        ("judgement", "定损员估价", "assessor's judgement"),
        ("insured", "归被保险人", "kept by the insured"),
        ("insurer", "归保险公司", "kept by the insurer"),
        ("own", "本车", "insured vehicle"),
        ("third_party", "第三者车辆", "third party"),
        ("constructive_total_loss", "建议按推定全损处理", "constructive total loss suggested"),
        ("total_loss", "建议按全部损失处理", "total loss suggested"),
        ("offer", "报价", "offer"),
        ("accept", "同意", "accepts"),
        ("reject", "不同意", "does not accept"),
        ("customer", "客户", "customer"),
        ("page", "网页", "page"),
        ("phone", "电话", "phone"),
        ("on_site", "当面", "on site"),
        ("written", "书面", "written"),
        ("assessment", "定损", "assessment"),
        ("resurvey", "复勘", "re-survey"),
        ("joint_assessment", "共同定损", "joint assessment"),
        ("agreed", "已约定", "agreed"),
        ("cancelled", "已取消", "called off"),
        ("done", "已完成", "done"),
        ("adjuster", "公估人", "independent adjuster"),
        ("expert", "专家", "expert"),
        ("evidence", "现场证据", "evidence"),
        ("contract", "保险合同", "contract"),
        ("law", "法律法规", "law"),
        ("police", "交警认定", "police finding"),
        ("accepted", "客户接受", "accepted"),
        ("maintained", "客户仍有异议", "still disputed"),
        ("resurvey_wanted", "需复勘", "re-survey wanted"),
    ];
    match NAMES.iter().find(|(name, _, _)| *name == code) {
        Some((_, zh, en)) => lang.pick(zh, en),
        None => code,
    }
}

/// `¥1,234.50`, negative amounts with a minus sign in front.
#[must_use]
pub fn yuan(amount: Fen) -> String {
    let all = amount.0.unsigned_abs();
    let whole = (all / 100).to_string();
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if amount < Fen::ZERO { "−" } else { "" };
    format!("{sign}¥{grouped}.{:02}", all % 100)
}

/// Thousandths as a decimal number without needless zeros: 1500 is `1.5`.
#[must_use]
pub fn thousandths(value: i64) -> String {
    let text = format!("{}.{:03}", value / 1_000, value.unsigned_abs() % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Basis points as a percentage: 9500 is `95%`.
#[must_use]
pub fn percent(basis_points: i64) -> String {
    thousandths(basis_points * 10) + "%"
}

/// An instant in Beijing time, to the minute.
#[must_use]
pub fn beijing(at: Instant) -> String {
    let zone = FixedOffset::east_opt(8 * 3_600);
    let at: DateTime<Utc> = wire::time(at);
    match zone {
        Some(zone) => at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
        None => at.format("%Y-%m-%d %H:%M UTC").to_string(),
    }
}

/// Taking reports, surveying and assessing are no admission of liability (clauses 20 and 37).
pub const NO_ADMISSION_ZH: &str =
    "受理报案、现场查勘和定损，不等于保险公司承认承担赔偿责任；赔付以保险合同和核赔结果为准。";
/// The same in English.
pub const NO_ADMISSION_EN: &str = "Taking reports, surveying and assessing are no admission of liability. What is paid follows from the contract and its adjudication.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_asked_for_or_the_best_accepted() {
        for (asked, accept, expected) in [
            (None, None, Lang::Zh),
            (Some("en"), Some("zh-CN"), Lang::En),
            (Some("zh-CN"), Some("en"), Lang::Zh),
            (Some("fr"), Some("en"), Lang::En),
            (None, Some("en-GB,en;q=0.9"), Lang::En),
            (None, Some("zh-CN,zh;q=0.9,en;q=0.8"), Lang::Zh),
            (None, Some("fr, en;q=0.5, zh;q=0.7"), Lang::Zh),
            (None, Some("en;q=0, fr"), Lang::Zh),
            (None, Some("en;q=x"), Lang::Zh),
            (None, Some("*"), Lang::Zh),
        ] {
            assert_eq!(Lang::choose(asked, accept), expected, "{asked:?} {accept:?}");
        }
    }
}
