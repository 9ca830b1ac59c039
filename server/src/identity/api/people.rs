//! Creating, listing and changing people.

use actix_web::{HttpResponse, get, patch, post, web};
use api_spec::{
    identity::{CreatePersonRequest, ListPeopleQuery, PersonResponse, UpdatePersonRequest},
    page::{Page, PageQuery},
    problem::{Code, FieldError},
};
use sync_core::{
    ids::{BranchId, PersonId},
    time::Instant,
};

use super::{branches::covered_branch, person_response, refused_field};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, Role, op},
    },
    body::{Body, Command, IdPath, IfMatch, Query},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity::{
        NewPerson,
        check::{CheckedChange, check_change, check_new, shop_field},
        passwords,
        rules::person::{Change, Whose, check_shop, may_change},
        store::{
            people::{self, Filter, PersonRow, PersonState, roles},
            tokens,
        },
    },
    wire::Fields,
};

/// Create a person who can log in
#[utoipa::path(operation_id = "create_person", tags = ["identity", "command"], request_body = CreatePersonRequest, responses((status = 201, description = "created", body = PersonResponse)))]
#[post("/people")]
pub async fn create_person(
    app: web::Data<App>,
    actor: By<op::CreatePerson>,
    command: Command<CreatePersonRequest>,
) -> Result<HttpResponse, ApiError> {
    let person = check_new(&command.value)?;
    let mut key = command.key;
    // A plain hash of a body with a password in it would be a quick way to guess the password.
    let keyed = app.auth.secret.derive("create-person", &key.request_sha256);
    key.request_sha256 = keyed.try_into().map_err(|_| ApiError::internal("32 bytes"))?;
    let password_hash = hash(&app, command.value.password).await?;
    let new = NewPerson {
        id: app.new_id(),
        username: person.username,
        name: person.name,
        staff_no: person.staff_no,
        phone: person.phone,
        password_hash,
        roles: person.roles,
        branch: person.branch,
        shop: person.shop,
    };
    let (actor, now) = (actor.into_actor(), app.now());
    idempotency::once(&app, actor.person.to_string(), key, move |conn| {
        covered_branch(conn, &actor, new.branch, "branch_id")?;
        let mut fields = Fields::default();
        if people::find_person(conn, &new.username)?.is_some() {
            fields.keep::<()>(Err(FieldError::new("username", "taken", "a name that nobody has")));
        }
        staff_no_free(conn, &mut fields, new.staff_no.as_deref(), new.id)?;
        fields.finish()?;
        people::insert_person(conn, &new, now)?;
        Reply::created(&person_response(people::get_person(conn, new.id)?))
    })
    .await
}

async fn hash(app: &App, password: String) -> Result<String, ApiError> {
    let ids = app.ports.ids.clone();
    app.auth.hashing.place()?.run(move || passwords::hash(ids.as_ref(), &password)).await?
}

fn staff_no_free(
    conn: &mut Conn,
    fields: &mut Fields,
    staff_no: Option<&str>,
    person: PersonId,
) -> Result<(), ApiError> {
    if let Some(staff_no) = staff_no
        && people::is_staff_no_taken(conn, staff_no, person)?
    {
        fields.keep::<()>(Err(FieldError::new("staff_no", "taken", "a number that nobody has")));
    }
    Ok(())
}

/// People of your branch and those below it, oldest first
#[utoipa::path(operation_id = "list_people", tag = "identity", params(ListPeopleQuery), responses((status = 200, description = "a page", body = Page<PersonResponse>)))]
#[get("/people")]
pub async fn list_people(
    app: web::Data<App>,
    actor: By<op::ListPeople>,
    query: Query<ListPeopleQuery>,
) -> Result<web::Json<Page<PersonResponse>>, ApiError> {
    let ListPeopleQuery { role, branch_id, username, cursor, limit } = query.0;
    let paging = PageQuery { cursor, limit };
    let after = Cursor::of(&paging)?;
    let role = role.map(|role| role.parse::<Role>()).transpose().map_err(|_| {
        ApiError::invalid_field("role", "unknown_role", "a role code such as surveyor")
    })?;
    let filter = Filter { role, branch: branch_id.map(BranchId), username };
    let (path, size) = (actor.branch_path.clone(), i64::from(paging.size()) + 1);
    let rows = app
        .db
        .read(move |conn| people::list_people(conn, &path, &filter, after.as_ref(), size))
        .await?;
    let cursor = |row: &PersonRow| Cursor { at_ms: row.created_at.0.0, id: row.id.0.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, person_response)))
}

/// Change a person
///
/// Taken rights and a disabled log-in are in force at once on the node that hears of it and within a
/// second on every other. Your own roles, branch and log-in take another admin.
#[utoipa::path(operation_id = "update_person", tags = ["identity", "versioned"], params(("id" = uuid::Uuid, Path, description = "person")), request_body = UpdatePersonRequest, responses((status = 200, description = "the person from now on", body = PersonResponse)))]
#[patch("/people/{id}")]
pub async fn update_person(
    app: web::Data<App>,
    actor: By<op::UpdatePerson>,
    id: IdPath<PersonId>,
    version: IfMatch,
    body: Body<UpdatePersonRequest>,
) -> Result<web::Json<PersonResponse>, ApiError> {
    let (actor, id) = (actor.into_actor(), id.0);
    let reader = actor.clone();
    let username = app.db.read(move |conn| Ok(covered_person(conn, &reader, id)?.username)).await?;
    let change = check_change(&body.value, &username)?;
    let password_hash = match body.value.password {
        Some(password) => Some(hash(&app, password).await?),
        None => None,
    };
    let update = Update { id, version: version.0, change, password_hash, now: app.now() };
    let row = app.db.write(move |conn| save(conn, &actor, &update)).await?;
    app.auth.trust.forget();
    Ok(web::Json(person_response(row)))
}

/// The person, if they are of the actor's branch or below it. Others do not exist.
fn covered_person(conn: &mut Conn, actor: &Actor, id: PersonId) -> Result<PersonRow, ApiError> {
    people::find_with_path(conn, id)?
        .filter(|(_, path)| actor.covers(path))
        .map(|(row, _)| row)
        .ok_or_else(ApiError::not_found)
}

struct Update {
    id: PersonId,
    version: i64,
    change: CheckedChange,
    password_hash: Option<String>,
    now: Instant,
}

fn save(conn: &mut Conn, actor: &Actor, update: &Update) -> Result<PersonRow, ApiError> {
    let row = covered_person(conn, actor, update.id)?;
    if row.version != update.version {
        return Err(ApiError::new(Code::VersionMismatch));
    }
    let whose = if update.id == actor.person { Whose::Own } else { Whose::Other };
    let what = if update.change.changes_standing() { Change::Standing } else { Change::Details };
    if !may_change(whose, what) {
        return Err(ApiError::new(Code::Conflict).fact("reason", "own_standing"));
    }
    if let Some(branch) = update.change.branch {
        covered_branch(conn, actor, branch, "branch_id")?;
    }
    let state = merged(row, update);
    let mut fields = Fields::default();
    let shop = shop_field(state.shop.map(Into::into));
    fields.keep(check_shop(&state.roles, shop).map_err(refused_field));
    staff_no_free(conn, &mut fields, state.staff_no.as_deref(), update.id)?;
    fields.finish()?;
    if !people::update_person(conn, update.id, update.version, &state)? {
        return Err(ApiError::new(Code::VersionMismatch));
    }
    if update.password_hash.is_some() || state.disabled_at.is_some() {
        tokens::revoke_of_person(conn, update.id, update.now)?;
    }
    people::get_person(conn, update.id)
}

/// The record with the change in it.
fn merged(row: PersonRow, update: &Update) -> PersonState {
    let change = update.change.clone();
    let roles = change.roles.unwrap_or_else(|| roles(&row.roles));
    let kept_shop = row.shop_id.map(|id| id.0).filter(|_| roles.contains(&Role::Shop));
    let disabled_at = match change.disabled {
        // Switched off again stays switched off since the first time.
        Some(true) => Some(row.disabled_at.map_or(update.now, |at| at.0)),
        Some(false) => None,
        None => row.disabled_at.map(|at| at.0),
    };
    PersonState {
        name: change.name.unwrap_or(row.name),
        staff_no: change.staff_no.or(row.staff_no),
        phone: change.phone.unwrap_or(row.phone),
        password_hash: update.password_hash.clone().unwrap_or(row.password_hash),
        shop: change.shop.or(kept_shop),
        roles,
        branch: change.branch.unwrap_or(row.branch_id.0),
        disabled_at,
    }
}
