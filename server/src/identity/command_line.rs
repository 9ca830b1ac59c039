//! Adding people without a running server: the first admin has nobody to create them.

use api_spec::identity::CreatePersonRequest;
use sync_core::ids::{BranchId, PersonId, ShopId};
use uuid::Uuid;

use super::{
    NewPerson, check,
    rules::person::check_branch_code,
    store::{branches, people},
};
use crate::{app::App, db::Conn, error::ApiError, identity};

/// A person to add from the command line.
#[derive(Clone, Debug)]
pub struct AddPerson {
    /// User name.
    pub username: String,
    /// Name.
    pub name: String,
    /// Role codes.
    pub roles: Vec<String>,
    /// Code of the branch; made at the top of the tree if there is none with that code.
    pub branch_code: String,
    /// Staff number.
    pub staff_no: Option<String>,
    /// Repair shop, for shop users.
    pub shop: Option<ShopId>,
}

/// Adds a person, outside a running server. Checked by the same rules as over the network.
///
/// # Errors
/// Refused fields.
pub fn add_person(app: &App, person: AddPerson, password: &str) -> Result<PersonId, ApiError> {
    check_branch_code(&person.branch_code)
        .map_err(|r| ApiError::invalid_field("branch", r.code, r.allowed))?;
    let checked = check::check_new(&CreatePersonRequest {
        username: person.username,
        name: person.name,
        password: password.to_owned(),
        roles: person.roles,
        // Not known before the transaction; the check does not look at it.
        branch_id: Uuid::nil(),
        shop_id: person.shop.map(Into::into),
        staff_no: person.staff_no,
        phone: None,
    })?;
    let password_hash = identity::hash_password(app, password)?;
    let (now, id, new_branch) = (app.now(), app.new_id(), app.new_id::<BranchId>());
    let work = move |conn: &mut Conn| {
        refuse_taken(conn, &checked, id)?;
        let branch = match branches::find_branch_by_code(conn, &person.branch_code)? {
            Some(branch) => branch,
            None => {
                let code = &person.branch_code;
                branches::insert_branch(conn, new_branch, code, code, None, now)?;
                new_branch
            }
        };
        let new = NewPerson {
            id,
            username: checked.username.clone(),
            name: checked.name.clone(),
            staff_no: checked.staff_no.clone(),
            phone: checked.phone.clone(),
            password_hash: password_hash.clone(),
            roles: checked.roles.clone(),
            branch,
            shop: checked.shop,
        };
        people::insert_person(conn, &new, now)?;
        Ok(id)
    };
    actix_web::rt::System::new().block_on(app.db.write(work))
}

fn refuse_taken(
    conn: &mut Conn,
    person: &check::CheckedPerson,
    id: PersonId,
) -> Result<(), ApiError> {
    if people::find_person(conn, &person.username)?.is_some() {
        return Err(ApiError::invalid_field("username", "taken", "a name that nobody has"));
    }
    match &person.staff_no {
        Some(no) if people::is_staff_no_taken(conn, no, id)? => {
            Err(ApiError::invalid_field("staff_no", "taken", "a number that nobody has"))
        }
        _ => Ok(()),
    }
}
