//! PURE: what the customer's page says, in Chinese and English.

use super::rules::{ObjectionReason, VoidReason};

pub use crate::print::words::{Lang, sheet_code};

impl Lang {
    /// The words of this language.
    pub fn words(self) -> &'static Words {
        match self {
            Self::Zh => &ZH,
            Self::En => &EN,
        }
    }
}

/// What happened, as told at the top of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    CodeSent,
    NowAgreed,
    NowObjected,
    CodeForm,
    CodeWrong { left: i64 },
    AskForCode,
    CodeExhausted,
    TooManyCodes,
    AlreadyAgreed,
    NotNow,
    ObjectionForm,
    TooManyObjections,
    NowPartly,
    PartlyForm,
    NowComplained,
    ComplaintForm,
}

impl Notice {
    /// The status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::CodeSent
            | Self::NowAgreed
            | Self::NowObjected
            | Self::NowPartly
            | Self::NowComplained => 200,
            Self::AlreadyAgreed | Self::NotNow => 409,
            Self::CodeForm
            | Self::CodeWrong { .. }
            | Self::AskForCode
            | Self::ObjectionForm
            | Self::PartlyForm
            | Self::ComplaintForm => 422,
            Self::CodeExhausted | Self::TooManyCodes | Self::TooManyObjections => 429,
        }
    }

    /// Whether it tells of a success.
    pub fn is_good(self) -> bool {
        self.status() == 200
    }

    /// What it says.
    pub fn text(self, lang: Lang) -> String {
        let pick = |zh: &str, en: &str| match lang {
            Lang::Zh => zh.to_owned(),
            Lang::En => en.to_owned(),
        };
        match self {
            Self::CodeSent => pick(
                "验证码已发送，10分钟内有效。",
                "The code is on its way; it can be used for 10 minutes.",
            ),
            Self::NowAgreed => {
                pick("您已确认本定损单，谢谢。", "You agreed on this loss sheet. Thank you.")
            }
            Self::NowObjected => pick(
                "您的异议已记录，我们会与您联系。",
                "Your objection is recorded. We will contact you.",
            ),
            Self::CodeForm => pick("请输入6位数字验证码。", "Enter the code of six digits."),
            Self::CodeWrong { left } => match lang {
                Lang::Zh => format!("验证码不正确，还可以输入{left}次。"),
                Lang::En => format!("That is not the code. You have {left} tries left."),
            },
            Self::AskForCode => pick(
                "没有可用的验证码，请重新获取。",
                "There is no code that can be used. Ask for a new one.",
            ),
            Self::CodeExhausted => pick(
                "输入错误次数过多，请重新获取验证码。",
                "Too many wrong tries. Ask for a new code.",
            ),
            Self::TooManyCodes => pick(
                "获取验证码次数过多，请稍后再试或拨打服务热线。",
                "Too many codes were sent. Try again later or call our hotline.",
            ),
            Self::AlreadyAgreed => pick(
                "本定损单此前已确认，如有疑问请拨打服务热线。",
                "This loss sheet was agreed on before. Call our hotline if you have questions.",
            ),
            Self::NotNow => pick(
                "案件当前状态不能进行此操作，请拨打服务热线。",
                "The case is not in a state that allows this. Please call our hotline.",
            ),
            Self::ObjectionForm => pick(
                "请选择异议原因；说明最多1000字。",
                "Choose a reason; your words may have at most 1,000 characters.",
            ),
            Self::NowPartly => pick(
                "您同意的项目已记录，其余项目我们会与您协商。",
                "What you agree on is recorded. We will talk with you about the rest.",
            ),
            Self::PartlyForm => pick(
                "请勾选您不同意的项目（至少一项，但不是全部）。",
                "Mark the items that you do not agree on: at least one, but not all.",
            ),
            Self::NowComplained => pick(
                "您的投诉已记录，我们会尽快回复。",
                "Your complaint is recorded. We will answer soon.",
            ),
            Self::ComplaintForm => pick(
                "请填写投诉内容，最多1000字。",
                "Write what you complain of, at most 1,000 characters.",
            ),
            Self::TooManyObjections => pick(
                "您的异议已多次记录，我们会与您联系。",
                "Your objections are recorded. We will contact you.",
            ),
        }
    }
}

macro_rules! words {
    ($($field:ident: $zh:literal, $en:literal;)*) => {
        /// Fixed words of the page.
        pub struct Words { $(pub $field: &'static str,)* }
        static ZH: Words = Words { $($field: $zh,)* };
        static EN: Words = Words { $($field: $en,)* };
    };
}

words! {
    title: "定损单", "Loss sheet";
    progress: "查看案件进度", "How far the case is";
    switch: "English", "中文";
    report_no: "报案号", "Report number";
    plate: "号牌号码", "Number plate";
    version: "版本", "Version";
    hash: "校验码", "Fingerprint";
    frozen_at: "出具时间", "Issued";
    staff: "查勘定损员", "Surveyor";
    staff_no: "工号", "Staff number";
    hotline: "服务热线（24小时）", "Hotline (24 hours)";
    status: "状态", "Status";
    open: "待您确认", "Waits for you";
    objected: "已提出异议", "You objected";
    agreed: "已确认", "Agreed";
    void: "已失效", "Not valid any more";
    item: "项目", "Item";
    amount: "金额", "Amount";
    reason: "原因", "Reason";
    not_explained: "（未填写原因）", "(no reason given)";
    uncovered: "不属于保险责任的项目", "Items that are not covered";
    self_borne: "由您自行承担的项目", "Items that you bear yourself";
    outside: "以下项目不计入定损合计。", "These are not part of the total.";
    rates: "费率和折扣", "Fees and discounts";
    parts_management: "配件管理费率", "Management fee on parts";
    labor_management: "工时管理费率", "Management fee on labor";
    parts_discount: "配件折扣", "Discount on parts";
    panel_discount: "多幅喷漆折扣", "Discount on several painted panels";
    discount_note: "折扣为实际支付的比例。", "A discount is the share that is paid.";
    totals: "合计", "Totals";
    parts: "配件", "Parts";
    labor: "工时", "Labor";
    management: "管理费", "Management fee";
    material: "辅料", "Material";
    sublet: "外修", "Other workshops";
    salvage: "残值扣除", "Less salvage";
    betterment: "折旧扣除", "Less betterment";
    total: "定损合计", "Total";
    capitals: "大写", "In Chinese capitals";
    rescue: "施救费（另计）", "Rescue, beside the total";
    supplement: "增补", "supplement";
    hours: "小时", "h";
    ask_code: "获取验证码", "Send me a code";
    code_goes_to: "验证码将发送至", "The code goes to";
    code: "短信验证码", "Code from the text message";
    agree: "我已阅读并同意本版定损单", "I have read this version and agree";
    agree_title: "确认", "Agree";
    partly_title: "部分同意", "Agree on some items";
    partly_note: "勾选您不同意的项目，其余项目视为同意，需要验证码。", "Mark what you do not agree on; the rest counts as agreed. Needs the code.";
    partly: "确认其余项目", "Agree on the rest";
    amount_wanted: "您认为合理的总金额（元，可不填）", "The total that you think right (yuan, may be left empty)";
    complain_title: "投诉", "Complain";
    complain: "提交投诉", "Send the complaint";
    complain_words: "投诉内容", "What you complain of";
    keep_pdf: "下载损失确认协议（PDF）", "Download the loss agreement (PDF)";
    keep_bundle: "下载电子凭证（可离线验证）", "Download the proof (verified offline)";
    indicative: "赔付测算（仅供参考，不构成赔付承诺）", "Indicative split (no promise)";
    insurer_part: "保险承担（测算）", "Borne by the insurance";
    customer_part: "您承担（测算）", "Left to you";
    object_title: "有异议", "Object";
    object_note: "提出异议无需验证码，也不影响您的权利。", "No code is needed to object, and no right is lost by it.";
    object_words: "说明（可不填）", "Your words (may be left empty)";
    object: "提交异议", "Object";
    unknown_title: "链接无效", "Unknown link";
    unknown: "没有这个链接。请检查是否完整打开短信中的地址，或拨打服务热线。",
        "There is no such link. Open the whole address from the message, or call our hotline.";
    fault_title: "暂时无法处理", "This did not work";
    fault: "请求未能处理，请稍后重试或拨打服务热线。", "The request could not be handled. Try again later or call our hotline.";
    was_agreed: "本版曾于以下时间确认", "This version was agreed on at";
}

/// Why a link is void, in words.
pub fn void_text(reason: VoidReason, lang: Lang) -> &'static str {
    match (reason, lang) {
        (VoidReason::NewerVersion, Lang::Zh) => {
            "定损单已更新，本版不再有效。请打开最新短信中的链接。"
        }
        (VoidReason::NewerVersion, Lang::En) => {
            "The loss sheet was updated; this version does not hold any more. Open the link in the latest message."
        }
        (VoidReason::NewerLink, Lang::Zh) => "已向您发送新的链接，请打开最新短信中的链接。",
        (VoidReason::NewerLink, Lang::En) => {
            "A newer link was sent to you. Open the one in the latest message."
        }
        (VoidReason::Expired, Lang::Zh) => "链接已过期，请联系查勘定损员或拨打服务热线重新获取。",
        (VoidReason::Expired, Lang::En) => {
            "The link has expired. Ask your surveyor or our hotline for a new one."
        }
    }
}

/// A reason to object, in words.
pub fn objection_text(reason: ObjectionReason, lang: Lang) -> &'static str {
    use ObjectionReason as R;
    match (reason, lang) {
        (R::Amount, Lang::Zh) => "金额不认可",
        (R::Amount, Lang::En) => "An amount is not right",
        (R::MissingDamage, Lang::Zh) => "有损失未列入",
        (R::MissingDamage, Lang::En) => "Damage is missing",
        (R::WrongItem, Lang::Zh) => "维修或更换方式不认可",
        (R::WrongItem, Lang::En) => "Repair or part is not right",
        (R::Cover, Lang::Zh) => "对不承保或自行承担项目有异议",
        (R::Cover, Lang::En) => "Something should be covered",
        (R::Other, Lang::Zh) => "其他",
        (R::Other, Lang::En) => "Something else",
    }
}
