//! People, branches, devices and log-in.
//!
//! A person logs in with a password (argon2id) and gets a short access token; from an enrolled device
//! they also get a refresh token that only that device's key can use. Roles and standing are read
//! from here at every request, never from the token.

mod api;
mod passwords;
mod rules;
mod store;

use sync_core::{
    ids::{BranchId, PersonId, ShopId},
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
    config.service(api::login).service(api::get_me);
}

/// Registers the operations outside `/api/v1`.
pub fn well_known(config: &mut ServiceConfig) {
    config.service(api::jwks);
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
    store::find_actor(conn, bearer)
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
    store::insert_person(conn, person, now)
}

/// A person to add from the command line.
#[derive(Clone, Debug)]
pub struct AddPerson {
    /// User name.
    pub username: String,
    /// Name.
    pub name: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Code of the branch; made at the top of the tree if there is none with that code.
    pub branch_code: String,
    /// Staff number.
    pub staff_no: Option<String>,
}

/// Adds a person, outside a running server.
///
/// # Errors
/// Refused fields; `conflict` when the user name or staff number is taken.
pub fn add_person(app: &App, person: AddPerson, password: &str) -> Result<PersonId, ApiError> {
    let password_hash = hash_password(app, password)?;
    let (now, id, branch_id) = (app.now(), app.new_id(), app.new_id::<BranchId>());
    let work = move |conn: &mut Conn| {
        let branch = match find_branch(conn, &person.branch_code)? {
            Some(branch) => branch,
            None => {
                insert_branch(
                    conn,
                    branch_id,
                    &person.branch_code,
                    &person.branch_code,
                    None,
                    now,
                )?;
                branch_id
            }
        };
        let new = NewPerson {
            id,
            username: person.username.clone(),
            name: person.name.clone(),
            staff_no: person.staff_no.clone(),
            phone: None,
            password_hash: password_hash.clone(),
            roles: person.roles.clone(),
            branch,
            shop: None,
        };
        insert_person(conn, &new, now)?;
        Ok(id)
    };
    actix_web::rt::System::new().block_on(app.db.write(work))
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
    store::insert_branch(conn, id, code, name, parent, now)
}

/// The branch with this code.
///
/// # Errors
/// Database faults.
pub fn find_branch(conn: &mut Conn, code: &str) -> Result<Option<BranchId>, ApiError> {
    store::find_branch(conn, code)
}

/// Whether there is a person with this id.
///
/// # Errors
/// Database faults.
pub fn is_person(conn: &mut Conn, id: PersonId) -> Result<bool, ApiError> {
    store::is_person(conn, id)
}

/// Lets people log in again.
///
/// # Errors
/// Database faults.
pub fn open_log_ins(conn: &mut Conn, people: &[PersonId]) -> Result<(), ApiError> {
    store::update_disabled(conn, people, None)
}

/// Keeps people from logging in.
///
/// # Errors
/// Database faults.
pub fn close_log_ins(conn: &mut Conn, people: &[PersonId], now: Instant) -> Result<(), ApiError> {
    store::update_disabled(conn, people, Some(now))
}

/// Forgets ended tokens and old throttle windows; answers how many rows.
///
/// # Errors
/// Database faults.
pub fn prune(conn: &mut Conn, now: Instant) -> Result<usize, ApiError> {
    store::prune(conn, now)
}
