//! People, branches, devices and log-in.
//!
//! A person logs in with a password (argon2id) and gets a short access token; from an enrolled device
//! they also get a refresh token that only that device's key can use. Roles and standing are read
//! from here at every request, never from the token.
//!
//! * log-in: a guess takes a place in the throttle, then in the hashing queue, then is looked at
//! * refresh tokens: used once, each with one derived successor; a copied one ends its family
//! * devices: an Ed25519 key that signs each use; revoked at once here, within a second elsewhere
//! * people and branches: an admin keeps those of their part of the tree

mod api;
mod check;
mod command_line;
mod guesses;
mod passwords;
mod proofs;
mod rules;
mod sessions;
mod store;

pub use command_line::{AddPerson, add_person};
use sync_core::{
    ids::{BranchId, DeviceId, PersonId, ShopId},
    time::Instant,
};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    app::App,
    auth::{
        policy::{Actor, Role},
        token::Bearer,
    },
    db::Conn,
    error::ApiError,
};

/// Registers the operations under `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    use api::{branches, devices, keys, people, sessions};
    config
        .service(sessions::login)
        .service(sessions::refresh_tokens)
        .service(sessions::logout)
        .service(sessions::get_me)
        .service(devices::enrol_device)
        .service(devices::list_devices)
        .service(devices::revoke_device)
        .service(branches::list_branches)
        .service(branches::create_branch)
        .service(people::create_person)
        .service(people::list_people)
        .service(people::update_person)
        .service(keys::rotate_signing_key);
}

/// Registers the operations outside `/api/v1`.
pub fn well_known(config: &mut ServiceConfig) {
    config.service(api::keys::jwks);
}

/// A person to create.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// Id.
    pub id: PersonId,
    /// User name.
    pub username: String,
    /// Name.
    pub name: String,
    /// Staff number.
    pub staff_no: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// argon2id in PHC form, from [`hash_password`].
    pub password_hash: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Branch.
    pub branch: BranchId,
    /// Shop, for shop users.
    pub shop: Option<ShopId>,
}

/// The actor that a token speaks for, if person and device are in good standing.
///
/// # Errors
/// Database faults.
pub fn actor_in_good_standing(conn: &mut Conn, bearer: Bearer) -> Result<Option<Actor>, ApiError> {
    store::people::find_actor(conn, bearer)
}

/// A text that a device's key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSignature {
    /// Whose device it is.
    pub person: PersonId,
    /// Whether the device is revoked.
    pub revoked: bool,
    /// The signature.
    pub bytes: Vec<u8>,
}

/// Whether a device's key signed this text; `None` when it did not, or there is no such device.
///
/// # Errors
/// Database faults.
pub fn device_signature(
    conn: &mut Conn,
    device: DeviceId,
    text: &str,
    signature: &str,
) -> Result<Option<DeviceSignature>, ApiError> {
    let Some(row) = store::devices::find_device(conn, device)? else { return Ok(None) };
    let signed = proofs::signature(&row.public_key, text, signature);
    let (person, revoked) = (row.person_id.0, row.revoked_at.is_some());
    Ok(signed.map(|bytes| DeviceSignature { person, revoked, bytes }))
}

/// Hashes a password. Takes tens of milliseconds of CPU: never on an async thread or in a transaction.
///
/// # Errors
/// Internal, when hashing fails.
pub fn hash_password(app: &App, password: &str) -> Result<String, ApiError> {
    passwords::hash(app.ports.ids.as_ref(), password)
}

/// Inserts a person.
///
/// # Errors
/// `conflict` when the user name or staff number is taken.
pub fn insert_person(conn: &mut Conn, person: &NewPerson, now: Instant) -> Result<(), ApiError> {
    store::people::insert_person(conn, person, now)
}

/// Inserts a branch below `parent`, or at the top of the tree.
///
/// # Errors
/// `conflict` when the code is taken.
pub fn insert_branch(
    conn: &mut Conn,
    id: BranchId,
    code: &str,
    name: &str,
    parent: Option<BranchId>,
    now: Instant,
) -> Result<(), ApiError> {
    store::branches::insert_branch(conn, id, code, name, parent, now)
}

/// Where a branch stands in the tree, if there is such a branch.
///
/// # Errors
/// Database faults.
pub fn find_branch_path(conn: &mut Conn, id: BranchId) -> Result<Option<String>, ApiError> {
    store::branches::find_path(conn, id)
}

/// Where a branch stands in the tree: `/head/province/city/`.
///
/// # Errors
/// Internal, when there is no such branch.
pub fn branch_path(conn: &mut Conn, id: BranchId) -> Result<String, ApiError> {
    store::branches::find_path(conn, id)?.ok_or_else(|| ApiError::internal("no such branch"))
}

/// The branch with this code.
///
/// # Errors
/// Database faults.
pub fn find_branch(conn: &mut Conn, code: &str) -> Result<Option<BranchId>, ApiError> {
    store::branches::find_branch_by_code(conn, code)
}

/// The branch with this path and those above it, nearest first.
///
/// # Errors
/// Database faults.
pub fn branches_upwards(conn: &mut Conn, path: &str) -> Result<Vec<BranchId>, ApiError> {
    store::branches::list_upwards(conn, path)
}

/// Phone numbers of everybody in good standing who has this role.
///
/// # Errors
/// Database faults.
pub fn list_phones(conn: &mut Conn, role: Role) -> Result<Vec<String>, ApiError> {
    store::people::list_phones(conn, role)
}

/// Phone numbers of those who have this role at a branch, or at the nearest one above it where somebody
/// can be called.
///
/// # Errors
/// Database faults.
pub fn list_phones_above(
    conn: &mut Conn,
    branch_path: &str,
    role: Role,
) -> Result<Vec<String>, ApiError> {
    for branch in store::branches::list_upwards(conn, branch_path)? {
        let phones = store::people::list_phones_at(conn, branch, role)?;
        if !phones.is_empty() {
            return Ok(phones);
        }
    }
    Ok(Vec::new())
}

/// The person with this user name.
///
/// # Errors
/// Database faults.
pub fn find_username(conn: &mut Conn, username: &str) -> Result<Option<PersonId>, ApiError> {
    Ok(store::people::find_person(conn, username)?.map(|person| person.id.0))
}

/// Whether there is a person with this id.
///
/// # Errors
/// Database faults.
pub fn is_person(conn: &mut Conn, id: PersonId) -> Result<bool, ApiError> {
    store::people::is_person(conn, id)
}

/// Lets people log in again.
///
/// # Errors
/// Database faults.
pub fn open_log_ins(conn: &mut Conn, people: &[PersonId]) -> Result<(), ApiError> {
    store::people::update_disabled(conn, people, None)
}

/// Keeps people from logging in.
///
/// # Errors
/// Database faults.
pub fn close_log_ins(conn: &mut Conn, people: &[PersonId], now: Instant) -> Result<(), ApiError> {
    store::people::update_disabled(conn, people, Some(now))
}

/// Forgets ended tokens and old throttle windows; answers how many rows.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    Ok(store::tokens::prune(conn, now)? + store::throttle::prune(conn, now)?)
}
