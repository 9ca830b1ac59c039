//! PURE: who may do what. One table of operations and roles, and the rule which cases an actor sees.
//!
//! A handler names its operation in its signature (`By<op::ReportCase>`), so an operation without a
//! row does not compile; the guard tests hold this table against the OpenAPI document.

use std::{fmt, str::FromStr};

use sync_core::ids::{BranchId, DeviceId, PersonId, ShopId};

macro_rules! roles {
    ($($(#[doc = $doc:literal])* $name:ident = $wire:literal;)*) => {
        /// What a person works as. A person may have several roles.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($(#[doc = $doc])* $name),* }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code on the wire and in the database.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire),* }
            }
        }

        impl FromStr for Role {
            type Err = UnknownRole;
            fn from_str(text: &str) -> Result<Self, UnknownRole> {
                match text { $($wire => Ok(Self::$name),)* _ => Err(UnknownRole) }
            }
        }
    };
}

roles! {
    /// Takes loss reports.
    Intake = "intake";
    /// Sends surveyors.
    Dispatcher = "dispatcher";
    /// Surveys and assesses in the field.
    Surveyor = "surveyor";
    /// Assesses losses.
    Assessor = "assessor";
    /// Verifies assessments.
    Verifier = "verifier";
    /// Adjudicates claims.
    Adjudicator = "adjudicator";
    /// Works for a repair shop.
    Shop = "shop";
    /// Calls customers back.
    Callback = "callback";
    /// Handles complaints.
    Complaints = "complaints";
    /// Heads a branch's claims work.
    Manager = "manager";
    /// Keeps people, branches and settings.
    Admin = "admin";
    /// The insurer's core system, as a client.
    CoreSystem = "core_system";
}

/// Not one of our roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown role")]
pub struct UnknownRole;

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who is calling, as checked at this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub person: PersonId,
    /// The enrolled device, if they logged in from one.
    pub device: Option<DeviceId>,
    /// Their roles now, whatever they were at log-in.
    pub roles: Vec<Role>,
    /// Their branch.
    pub branch: BranchId,
    /// Their branch's place in the tree: `/head/province/city/`.
    pub branch_path: String,
    /// Their shop, for shop users.
    pub shop: Option<ShopId>,
    /// Name.
    pub name: String,
    /// Staff number.
    pub staff_no: Option<String>,
}

impl Actor {
    /// Whether the actor has this role.
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the actor's branch is this one or above it.
    #[must_use]
    pub fn covers(&self, branch_path: &str) -> bool {
        branch_path.starts_with(&self.branch_path)
    }
}

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anybody: the operation has another proof, or nothing to protect.
    Public,
    /// People with one of these roles.
    Roles(&'static [Role]),
    /// Every person who is logged in.
    Everyone,
}

impl Audience {
    /// Whether somebody with these roles may call.
    #[must_use]
    pub fn admits(self, roles: &[Role]) -> bool {
        match self {
            Self::Public | Self::Everyone => true,
            Self::Roles(allowed) => roles.iter().any(|role| allowed.contains(role)),
        }
    }
}

/// One row of the table.
pub trait Operation: 'static {
    /// The operation id: handler, OpenAPI and tests use the same name.
    const ID: &'static str;
    /// Who may call it.
    const AUDIENCE: Audience;
}

/// Those who may read cases that they see; which ones, [`see_case`] says.
const CASE_READERS: &[Role] = &[
    Role::Intake,
    Role::Dispatcher,
    Role::Surveyor,
    Role::Assessor,
    Role::Verifier,
    Role::Adjudicator,
    Role::Callback,
    Role::Complaints,
    Role::Manager,
    Role::Admin,
    Role::CoreSystem,
];
/// Those who work on the loss itself.
const FIELD: &[Role] = &[Role::Surveyor, Role::Assessor];

macro_rules! operations {
    ($($name:ident $id:literal $audience:expr;)*) => {
        /// One type for each operation, for use as `By<op::Name>`.
        pub mod op {
            use super::{Audience::{self, Everyone, Public, Roles}, CASE_READERS, FIELD, Operation, Role::*};
            $(
                #[doc = concat!("`", $id, "`")]
                pub enum $name {}
                impl Operation for $name {
                    const ID: &'static str = $id;
                    const AUDIENCE: Audience = $audience;
                }
            )*
            /// The whole table: operation id and audience.
            pub const TABLE: &[(&str, Audience)] = &[$(($id, $audience)),*];
        }
    };
}

operations! {
    // operation                   id                             who
    // ops
    Live                           "live"                         Public;
    Ready                          "ready"                        Public;
    Metrics                        "metrics"                      Public;
    // identity
    Login                          "login"                        Public;
    RefreshTokens                  "refresh_tokens"               Public;
    Jwks                           "jwks"                         Public;
    Logout                         "logout"                       Everyone;
    GetMe                          "get_me"                       Everyone;
    EnrolDevice                    "enrol_device"                 Everyone;
    ListDevices                    "list_devices"                 Everyone;
    RevokeDevice                   "revoke_device"                Everyone;
    ListBranches                   "list_branches"                Everyone;
    CreateBranch                   "create_branch"                Roles(&[Admin]);
    CreatePerson                   "create_person"                Roles(&[Admin]);
    ListPeople                     "list_people"                  Roles(&[Admin, Manager, Dispatcher]);
    UpdatePerson                   "update_person"                Roles(&[Admin]);
    RotateSigningKey               "rotate_signing_key"           Roles(&[Admin]);
    // promise
    ImportWorkingDays              "import_working_days"          Roles(&[Admin]);
    ListWorkingYears               "list_working_years"           Roles(&[Admin, Manager, Dispatcher]);
    ImportPromise                  "import_promise"               Roles(&[Admin]);
    ListPromises                   "list_promises"                Roles(&[Admin, Manager, Dispatcher]);
    ChoosePromise                  "choose_promise"               Roles(&[Admin]);
    // intake
    ReportCase                     "report_case"                  Roles(&[Intake, Dispatcher, Manager, CoreSystem]);
    ListCases                      "list_cases"                   Roles(CASE_READERS);
    GetCase                        "get_case"                     Roles(CASE_READERS);
    // repair
    CreateShop                     "create_shop"                  Roles(&[Manager, Admin]);
    ListShops                      "list_shops"                   Roles(CASE_READERS);
    ChooseShop                     "choose_shop"                  Roles(&[Intake, Dispatcher, Surveyor, Assessor, Manager]);
    RecommendShops                 "recommend_shops"              Roles(&[Intake, Dispatcher, Surveyor, Assessor, Manager]);
    ReportProgress                 "report_progress"              Roles(&[Shop]);
    RequestSupplement              "request_supplement"           Roles(&[Shop]);
    GetRepair                      "get_repair"                   Roles(&[Shop]);
    ListSupplements                "list_supplements"             Roles(CASE_READERS);
    ListOpenSupplements            "list_open_supplements"        Roles(&[Surveyor, Assessor, Manager]);
    AnswerSupplement               "answer_supplement"            Roles(FIELD);
    CreateShopLink                 "create_shop_link"             Roles(&[Intake, Dispatcher, Surveyor, Assessor, Manager]);
    ListShopLinks                  "list_shop_links"              Roles(CASE_READERS);
    RevokeShopLink                 "revoke_shop_link"             Roles(&[Intake, Dispatcher, Surveyor, Assessor, Manager]);
    // dispatch
    ImportZones                    "import_zones"                 Roles(&[Manager, Admin]);
    ListZones                      "list_zones"                   Roles(&[Dispatcher, Manager, Admin]);
    ReportPositions                "report_positions"             Roles(&[Surveyor]);
    ListCandidates                 "list_candidates"              Roles(&[Dispatcher, Manager]);
    AssignTask                     "assign_task"                  Roles(&[Dispatcher, Manager]);
    ListTasks                      "list_tasks"                   Roles(&[Surveyor, Dispatcher, Manager]);
    AcceptTask                     "accept_task"                  Roles(&[Surveyor]);
    DeclineTask                    "decline_task"                 Roles(&[Surveyor]);
    WithdrawTask                   "withdraw_task"                Roles(&[Dispatcher, Manager]);
    CreateTracking                 "create_tracking"              Roles(&[Dispatcher, Surveyor, Manager]);
    ShowTracking                   "show_tracking"                Public;
    ConfirmArrival                 "confirm_arrival"              Public;
    ListOffers                     "list_offers"                  Roles(&[Surveyor]);
    AcceptOffer                    "accept_offer"                 Roles(&[Surveyor]);
    DeclineOffer                   "decline_offer"                Roles(&[Surveyor]);
    SetDispatchMode                "set_dispatch_mode"            Roles(&[Manager]);
    DeclareCatastrophe             "declare_catastrophe"          Roles(&[Manager]);
    ListCatastrophes               "list_catastrophes"            Roles(CASE_READERS);
    PlanBatch                      "plan_batch"                   Roles(&[Dispatcher, Manager]);
    CreateShift                    "create_shift"                 Roles(&[Dispatcher, Manager]);
    ListShifts                     "list_shifts"                  Roles(&[Dispatcher, Manager, Surveyor]);
    CancelShift                    "cancel_shift"                 Roles(&[Dispatcher, Manager]);
    SetDuty                        "set_duty"                     Roles(&[Surveyor]);
    SetSurveyorProfile             "set_surveyor_profile"         Roles(&[Manager]);
    DeclareInterest                "declare_interest"             Roles(&[Surveyor, Manager]);
    SetCaseNeeds                   "set_case_needs"               Roles(&[Intake, Dispatcher, Manager]);
    // survey
    RecordContact                  "record_contact"               Roles(&[Surveyor]);
    NotifyDelay                    "notify_delay"                 Roles(&[Surveyor]);
    AgreeArrival                   "agree_arrival"                Roles(&[Surveyor]);
    RecordArrival                  "record_arrival"               Roles(&[Surveyor]);
    WaiveSurvey                    "waive_survey"                 Roles(&[Surveyor]);
    CompleteSurvey                 "complete_survey"              Roles(&[Surveyor]);
    GetClocks                      "get_clocks"                   Roles(CASE_READERS);
    InsistOnSurvey                 "insist_on_survey"             Roles(&[Intake, Dispatcher, Surveyor, Manager]);
    OfferRescue                    "offer_rescue"                 Roles(&[Intake, Dispatcher, Surveyor]);
    AnswerRescue                   "answer_rescue"                Roles(&[Intake, Dispatcher, Surveyor]);
    CallRescue                     "call_rescue"                  Roles(&[Intake, Dispatcher, Surveyor]);
    NeedProxy                      "need_proxy"                   Roles(&[Intake, Dispatcher, Manager]);
    ArrangeProxy                   "arrange_proxy"                Roles(&[Dispatcher, Manager]);
    AgreeRepairPlace               "agree_repair_place"           Roles(&[Intake, Dispatcher, Surveyor, Assessor, Manager]);
    WriteUnit                      "write_unit"                   Roles(&[Dispatcher, Surveyor, Assessor, Manager]);
    EnterFee                       "enter_fee"                    Roles(&[Manager]);
    SettleFee                      "settle_fee"                   Roles(&[Manager]);
    ListFees                       "list_fees"                    Roles(&[Manager, Admin]);
    ListUnitCases                  "list_unit_cases"              Roles(&[Dispatcher, Assessor, Manager]);
    GetUnits                       "get_units"                    Roles(CASE_READERS);
    GetArrivalProof                "get_arrival_proof"            Roles(CASE_READERS);
    // draft
    IssueDraftActor                "issue_draft_actor"            Roles(FIELD);
    SyncDraft                      "sync_draft"                   Roles(FIELD);
    GetDraft                       "get_draft"                    Roles(CASE_READERS);
    GetDraftHistory                "get_draft_history"            Roles(CASE_READERS);
    CompareDraft                   "compare_draft"                Roles(CASE_READERS);
    ListAmendments                 "list_amendments"              Roles(CASE_READERS);
    ReviewAmendment                "review_amendment"             Roles(&[Assessor, Verifier, Manager]);
    ListLateWork                   "list_late_work"               Roles(&[Surveyor, Assessor, Verifier, Dispatcher, Manager]);
    TakeLateWork                   "take_late_work"               Roles(FIELD);
    HandInDraft                    "hand_in_draft"                Public;
    ListQuarantine                 "list_quarantine"              Roles(&[Manager]);
    GetQuarantine                  "get_quarantine"               Roles(&[Manager]);
    DecideQuarantine               "decide_quarantine"            Roles(&[Manager]);
    SettleConflict                 "settle_conflict"              Roles(&[Surveyor, Assessor, Verifier, Manager]);
    // evidence
    DeclarePhotos                  "declare_photos"               Roles(FIELD);
    ListPhotos                     "list_photos"                  Roles(CASE_READERS);
    GetSetReceipt                  "get_set_receipt"              Roles(CASE_READERS);
    UploadPhoto                    "upload_photo"                 Roles(FIELD);
    GetPhoto                       "get_photo"                    Roles(CASE_READERS);
    GetPreview                     "get_preview"                  Roles(CASE_READERS);
    GetThumbnail                   "get_thumbnail"                Roles(CASE_READERS);
    GetCapturePlan                 "get_capture_plan"             Roles(CASE_READERS);
    GetPhotoPlans                  "get_photo_plans"              Roles(CASE_READERS);
    ImportPhotoPlans               "import_photo_plans"           Roles(&[Admin]);
    RequestPhotos                  "request_photos"               Roles(&[Assessor, Verifier, Adjudicator, Manager]);
    HoldEvidence                   "hold_evidence"                Roles(&[Manager, Complaints, Adjudicator]);
    ReleaseEvidence                "release_evidence"             Roles(&[Manager]);
    DeletePhotoBytes               "delete_photo_bytes"           Roles(&[Admin]);
    ListDamaged                    "list_damaged"                 Roles(&[Manager, Admin]);
    GetManifest                    "get_manifest"                 Roles(CASE_READERS);
    ExportEvidence                 "export_evidence"              Roles(&[Verifier, Adjudicator, Complaints, Manager, Admin]);
    SendShopPhoto                  "send_shop_photo"              Roles(&[Shop]);
    TusOptions                     "tus_options"                  Public;
    CreateUpload                   "create_upload"                Roles(FIELD);
    GetUpload                      "get_upload"                   Roles(FIELD);
    AppendUpload                   "append_upload"                Roles(FIELD);
    EndUpload                      "end_upload"                   Roles(FIELD);
    OverrideUpload                 "override_upload"              Roles(FIELD);
    GetCustody                     "get_custody"                  Roles(&[Verifier, Adjudicator, Complaints, Manager, Admin]);
    SealKeys                       "seal_keys"                    Public;
    // tariff
    CreateRateCard                 "create_rate_card"             Roles(&[Manager, Admin]);
    ListRateCards                  "list_rate_cards"              Roles(CASE_READERS);
    PreviewPriceList               "preview_price_list"           Roles(&[Manager, Admin]);
    ImportPriceList                "import_price_list"            Roles(&[Manager, Admin]);
    ListPriceLists                 "list_price_lists"             Roles(CASE_READERS);
    RecordPolicy                   "record_policy"                Roles(&[Intake, Adjudicator, Manager, CoreSystem]);
    GetCaseTerms                   "get_case_terms"               Roles(CASE_READERS);
    // assessment
    FreezeVersion                  "freeze_version"               Roles(FIELD);
    ListVersions                   "list_versions"                Roles(CASE_READERS);
    GetVersion                     "get_version"                  Roles(CASE_READERS);
    CompareVersions                "compare_versions"             Roles(CASE_READERS);
    // negotiation
    RecordRound                    "record_round"                 Roles(FIELD);
    GetNegotiation                 "get_negotiation"              Roles(CASE_READERS);
    ExplainObjection               "explain_objection"            Roles(FIELD);
    AgreeVisit                     "agree_visit"                  Roles(FIELD);
    ChangeVisit                    "change_visit"                 Roles(FIELD);
    RecordVisit                    "record_visit"                 Roles(FIELD);
    // verification
    SetAuthority                   "set_authority"                Roles(&[Manager, Admin]);
    ListAuthority                  "list_authority"               Roles(&[Verifier, Adjudicator, Manager, Admin]);
    DelegateAuthority              "delegate_authority"           Roles(&[Verifier, Manager]);
    ListDelegations                "list_delegations"             Roles(&[Verifier, Manager]);
    RevokeDelegation               "revoke_delegation"            Roles(&[Verifier, Manager]);
    ListVerificationQueue          "list_verification_queue"      Roles(&[Verifier, Manager]);
    GetVerification                "get_verification"             Roles(CASE_READERS);
    StartVerification              "start_verification"           Roles(&[Verifier, Manager]);
    VerifyVersion                  "verify_version"               Roles(&[Verifier, Manager]);
    ReturnVersion                  "return_version"               Roles(&[Verifier, Manager]);
    AnswerReturn                   "answer_return"                Roles(FIELD);
    // agreement: the customer's proof is the link and the one-time code
    CreateLink                     "create_link"                  Roles(FIELD);
    GetAgreement                   "get_agreement"                Roles(CASE_READERS);
    RecordAuthorisation            "record_authorisation"         Roles(FIELD);
    ListAuthorisations             "list_authorisations"          Roles(CASE_READERS);
    RevokeAuthorisation            "revoke_authorisation"         Roles(FIELD);
    DeliverAgreement               "deliver_agreement"            Roles(FIELD);
    GetAgreementBundle             "get_agreement_bundle"         Roles(CASE_READERS);
    AgreePartly                    "agree_partly"                 Public;
    Complain                       "complain"                     Public;
    DownloadBundle                 "download_bundle"              Public;
    DownloadAgreement              "download_agreement"           Public;
    ShowSheet                      "show_sheet"                   Public;
    RequestCode                    "request_code"                 Public;
    AgreeSheet                     "agree_sheet"                  Public;
    ObjectSheet                    "object_sheet"                 Public;
    // settlement
    AdjudicateClaim                "adjudicate_claim"             Roles(&[Adjudicator]);
    GetAdjudication                "get_adjudication"             Roles(CASE_READERS);
    // sla
    ListAlarms                     "list_alarms"                  Roles(&[Dispatcher, Manager, Admin]);
    ListLimits                     "list_limits"                  Roles(CASE_READERS);
    PauseClock                     "pause_clock"                  Roles(&[Dispatcher, Manager]);
    ResumeClock                    "resume_clock"                 Roles(&[Dispatcher, Manager]);
    ExtendClock                    "extend_clock"                 Roles(&[Manager]);
    SetContractLimit               "set_contract_limit"           Roles(&[Manager, Admin, CoreSystem]);
    // documents
    GetDocument                    "get_document"                 Roles(CASE_READERS);
    // sync
    SyncCommands                   "sync_commands"                Roles(&[Surveyor]);
    SyncPhone                      "sync_phone"                   Roles(FIELD);
    // board
    GetCaseStatus                  "get_case_status"              Roles(CASE_READERS);
    ListShopCases                  "list_shop_cases"              Roles(&[Shop]);
    GetShopCase                    "get_shop_case"                Roles(&[Shop]);
    ShowShopCase                   "show_shop_case"               Public;
    AskByShopLink                  "ask_by_shop_link"             Public;
    TellByShopLink                 "tell_by_shop_link"            Public;
    ShowProgress                   "show_progress"                Public;
    GetFigures                     "get_figures"                  Roles(&[Manager, Admin]);
    GetFiguresTable                "get_figures_table"            Roles(&[Manager, Admin]);
    GetQueue                       "get_queue"                    Roles(&[Dispatcher, Manager]);
    StreamChanges                  "stream_changes"               Roles(CASE_READERS);
    // webhook
    CreateWebhook                  "create_webhook"               Roles(&[Admin]);
    ListWebhooks                   "list_webhooks"                Roles(&[Admin]);
    GetWebhook                     "get_webhook"                  Roles(&[Admin]);
    RevokeWebhook                  "revoke_webhook"               Roles(&[Admin]);
    SettleStuck                    "settle_stuck"                 Roles(&[Admin]);
}

/// What must be known of a case to decide who sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFacts {
    /// Path of the branch that handles it.
    pub branch_path: String,
    /// Whether the actor has, or had, a task on it.
    pub tasked: Tasked,
}

/// Whether somebody was sent to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tasked {
    /// Now.
    Now,
    /// Earlier: they may still deliver late work, and read.
    Earlier,
    /// Never.
    Never,
}

/// Whether an actor may deal with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// Answer as if it did not exist.
    Hide,
}

/// Which cases an actor sees: office people those of their branch and below, surveyors those they
/// were sent to, shops none (they have a view of their own).
#[must_use]
pub fn see_case(actor: &Actor, case: &CaseFacts) -> Decision {
    const OFFICE: &[Role] = &[
        Role::Intake,
        Role::Dispatcher,
        Role::Assessor,
        Role::Verifier,
        Role::Adjudicator,
        Role::Callback,
        Role::Complaints,
        Role::Manager,
        Role::Admin,
        Role::CoreSystem,
    ];
    let office = actor.roles.iter().any(|role| OFFICE.contains(role));
    let sent = actor.is(Role::Surveyor) && case.tasked != Tasked::Never;
    if (office && actor.covers(&case.branch_path)) || sent {
        Decision::Allow
    } else {
        Decision::Hide
    }
}

/// Whether an actor sees how a case stands between units because their branch, or one below it, surveys
/// for the case's branch: where to go, whom to call, what the units write and owe (C46, C48).
#[must_use]
pub fn see_as_unit(actor: &Actor, unit_path: &str) -> Decision {
    const OFFICE: &[Role] = &[Role::Dispatcher, Role::Assessor, Role::Manager];
    let office = actor.roles.iter().any(|role| OFFICE.contains(role));
    if office && actor.covers(unit_path) { Decision::Allow } else { Decision::Hide }
}

/// Whether an actor hears of a change to a case. One that concerns one person in the field, such as an
/// offer, is heard by them, although they may not see the case, and by the office; others who were sent
/// hear nothing of it.
#[must_use]
pub fn hears_of(actor: &Actor, case: &CaseFacts, person: Option<PersonId>) -> bool {
    let Some(person) = person else { return see_case(actor, case) == Decision::Allow };
    let office = CaseFacts { tasked: Tasked::Never, ..case.clone() };
    (actor.is(Role::Surveyor) && actor.person == person)
        || see_case(actor, &office) == Decision::Allow
}

/// Whether an actor who sees a case may deliver field work to it: surveyors who are or were sent
/// there (late work still lands), assessors of the branch or above.
#[must_use]
pub fn may_deliver(actor: &Actor, case: &CaseFacts) -> bool {
    let sent = actor.is(Role::Surveyor) && case.tasked != Tasked::Never;
    sent || (actor.is(Role::Assessor) && actor.covers(&case.branch_path))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn actor(role: Role, branch_path: &str) -> Actor {
        Actor {
            person: PersonId(Uuid::nil()),
            device: None,
            roles: vec![role],
            branch: BranchId(Uuid::nil()),
            branch_path: branch_path.into(),
            shop: None,
            name: String::new(),
            staff_no: None,
        }
    }

    #[test]
    fn who_sees_a_case() {
        use Decision::{Allow, Hide};
        let case = |tasked| CaseFacts { branch_path: "/head/zj/hz/".into(), tasked };
        for (role, branch, tasked, expected) in [
            (Role::Dispatcher, "/head/zj/hz/", Tasked::Never, Allow),
            (Role::Manager, "/head/zj/", Tasked::Never, Allow),
            (Role::Admin, "/head/", Tasked::Never, Allow),
            (Role::Dispatcher, "/head/zj/nb/", Tasked::Never, Hide),
            (Role::Dispatcher, "/head/zj/h/", Tasked::Never, Hide),
            (Role::Surveyor, "/head/zj/hz/", Tasked::Never, Hide),
            (Role::Surveyor, "/head/zj/nb/", Tasked::Now, Allow),
            (Role::Surveyor, "/head/zj/hz/", Tasked::Earlier, Allow),
            (Role::Shop, "/head/zj/hz/", Tasked::Now, Hide),
        ] {
            assert_eq!(
                see_case(&actor(role, branch), &case(tasked)),
                expected,
                "{role} {branch} {tasked:?}"
            );
        }
    }

    #[test]
    fn who_sees_a_case_as_the_unit_that_surveys_it() {
        use Decision::{Allow, Hide};
        for (role, branch, expected) in [
            (Role::Dispatcher, "/head/zj/nb/", Allow),
            (Role::Manager, "/head/", Allow),
            (Role::Dispatcher, "/head/zj/nb/ys/", Hide),
            (Role::Dispatcher, "/head/zj/hz/", Hide),
            (Role::Surveyor, "/head/zj/nb/", Hide),
            (Role::Shop, "/head/zj/nb/", Hide),
        ] {
            let seen = see_as_unit(&actor(role, branch), "/head/zj/nb/");
            assert_eq!(seen, expected, "{role} {branch}");
        }
    }

    #[test]
    fn who_hears_of_what_concerns_one_person() {
        let case = |tasked| CaseFacts { branch_path: "/head/zj/hz/".into(), tasked };
        let (own, other) = (PersonId(Uuid::nil()), PersonId(Uuid::from_u128(7)));
        for (role, branch, tasked, person, expected) in [
            (Role::Surveyor, "/head/zj/hz/", Tasked::Never, Some(own), true),
            (Role::Surveyor, "/head/zj/nb/", Tasked::Never, Some(own), true),
            (Role::Surveyor, "/head/zj/hz/", Tasked::Never, Some(other), false),
            (Role::Surveyor, "/head/zj/hz/", Tasked::Now, Some(other), false),
            (Role::Surveyor, "/head/zj/hz/", Tasked::Now, None, true),
            (Role::Surveyor, "/head/zj/hz/", Tasked::Never, None, false),
            (Role::Dispatcher, "/head/zj/hz/", Tasked::Never, Some(other), true),
            (Role::Manager, "/head/", Tasked::Never, Some(other), true),
            (Role::Dispatcher, "/head/zj/nb/", Tasked::Never, Some(other), false),
            (Role::Dispatcher, "/head/zj/nb/", Tasked::Never, Some(own), false),
            (Role::Shop, "/head/zj/hz/", Tasked::Now, Some(own), false),
        ] {
            assert_eq!(
                hears_of(&actor(role, branch), &case(tasked), person),
                expected,
                "{role} {branch} {tasked:?} {person:?}"
            );
        }
    }

    #[test]
    fn who_delivers_work_to_a_case() {
        let case = |tasked| CaseFacts { branch_path: "/head/zj/hz/".into(), tasked };
        for (role, branch, tasked, expected) in [
            (Role::Surveyor, "/head/zj/nb/", Tasked::Now, true),
            (Role::Surveyor, "/head/zj/hz/", Tasked::Earlier, true),
            (Role::Surveyor, "/head/zj/hz/", Tasked::Never, false),
            (Role::Assessor, "/head/zj/", Tasked::Never, true),
            (Role::Assessor, "/head/zj/nb/", Tasked::Never, false),
            (Role::Dispatcher, "/head/zj/hz/", Tasked::Now, false),
        ] {
            assert_eq!(
                may_deliver(&actor(role, branch), &case(tasked)),
                expected,
                "{role} {branch} {tasked:?}"
            );
        }
    }
}
