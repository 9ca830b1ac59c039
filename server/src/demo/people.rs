//! The demo's people, with fixed ids so that loading them twice changes nothing.

use sync_core::ids::{BranchId, PersonId, ShopId};
use uuid::Uuid;

use crate::{
    app::App,
    auth::policy::Role,
    error::ApiError,
    identity::{self, NewPerson},
};

/// Everybody's password. These log-ins work under `serve --demo` only.
pub(super) const PASSWORD: &str = "chakan-demo";
/// Branch code.
const BRANCH: &str = "demo";

/// User name, name, staff number, role.
pub(super) const PEOPLE: &[(&str, &str, Option<&str>, Role)] = &[
    ("intake", "接报案员", Some("D0001"), Role::Intake),
    ("dispatcher", "调度员", Some("D0002"), Role::Dispatcher),
    ("surveyor1", "查勘员一", Some("D0101"), Role::Surveyor),
    ("surveyor2", "查勘员二", Some("D0102"), Role::Surveyor),
    ("assessor", "定损员", Some("D0201"), Role::Assessor),
    ("verifier", "核损员", Some("D0202"), Role::Verifier),
    ("adjudicator", "核赔员", Some("D0203"), Role::Adjudicator),
    ("shop1", "示范修理厂", None, Role::Shop),
    ("callback", "回访员", Some("D0301"), Role::Callback),
    ("complaints", "投诉专员", Some("D0302"), Role::Complaints),
    ("manager", "理赔经理", Some("D0401"), Role::Manager),
    ("admin", "管理员", Some("D0501"), Role::Admin),
    ("core_system", "核心系统", None, Role::CoreSystem),
];

/// The shop that `shop1` works for.
pub(super) const SHOP: ShopId = ShopId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0f01));

/// The id of the demo person with this place in the list.
fn person_id(index: usize) -> PersonId {
    let offset = u128::try_from(index).unwrap_or_default();
    PersonId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001 + offset))
}

/// Ids of all demo people.
pub(super) fn ids() -> Vec<PersonId> {
    (0..PEOPLE.len()).map(person_id).collect()
}

/// Loads the branch and its people, and opens their log-ins.
pub(super) async fn load(app: &App) -> Result<(), ApiError> {
    let hashing = app.clone();
    let hash = tokio::task::spawn_blocking(move || identity::hash_password(&hashing, PASSWORD))
        .await
        .map_err(ApiError::internal)??;
    let now = app.now();
    let branch: BranchId = app.new_id();
    app.db
        .write(move |conn| {
            let branch = match identity::find_branch(conn, BRANCH)? {
                Some(branch) => branch,
                None => {
                    identity::insert_branch(conn, branch, BRANCH, "示范分公司", None, now)?;
                    branch
                }
            };
            for (index, (username, name, staff_no, role)) in PEOPLE.iter().enumerate() {
                let id = person_id(index);
                if identity::is_person(conn, id)? {
                    continue;
                }
                let person = NewPerson {
                    id,
                    username: (*username).into(),
                    name: (*name).into(),
                    staff_no: staff_no.map(Into::into),
                    phone: None,
                    password_hash: hash.clone(),
                    roles: vec![*role],
                    branch,
                    shop: (*role == Role::Shop).then_some(SHOP),
                };
                identity::insert_person(conn, &person, now)?;
            }
            identity::open_log_ins(conn, &ids())
        })
        .await
}

/// Closes the log-ins of demo people: their passwords are known to everybody.
pub(super) async fn close(app: &App) -> Result<(), ApiError> {
    let now = app.now();
    app.db.write(move |conn| identity::close_log_ins(conn, &ids(), now)).await
}
