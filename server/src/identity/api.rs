//! Handlers.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    identity::{LoginRequest, PersonResponse, TokenResponse},
    problem::Code,
};

use super::{passwords, store};
use crate::{
    app::App,
    auth::{actor::By, policy::op, token::Bearer},
    body::Body,
    error::ApiError,
    wire,
};

/// Log in with user name and password
#[utoipa::path(operation_id = "login", tag = "identity", request_body = LoginRequest, responses((status = 200, description = "tokens", body = TokenResponse)))]
#[post("/auth/login")]
pub async fn login(
    app: web::Data<App>,
    body: Body<LoginRequest>,
) -> Result<web::Json<TokenResponse>, ApiError> {
    let LoginRequest { username, password, .. } = body.value;
    let person = app.db.read(move |conn| store::find_person(conn, &username)).await?;
    let hash = person.as_ref().map(|person| person.password_hash.clone());
    let fits = web::block(move || passwords::verify(&password, hash.as_deref()))
        .await
        .map_err(ApiError::internal)?;
    let person = person
        .filter(|person| fits && person.disabled_at.is_none())
        .ok_or_else(|| ApiError::new(Code::LoginFailed))?;
    let bearer = Bearer { person: person.id.0, device: None };
    let (access_token, ends) = app.auth.tokens.issue(bearer, app.ports.ids.uuid(), app.now())?;
    Ok(web::Json(TokenResponse {
        access_token,
        access_expires_at: wire::time(ends),
        refresh_token: None,
        refresh_expires_at: None,
        person: person_response(person),
    }))
}

/// Who is logged in
#[utoipa::path(operation_id = "get_me", tag = "identity", responses((status = 200, description = "the person", body = PersonResponse)))]
#[get("/auth/me")]
pub async fn get_me(
    app: web::Data<App>,
    actor: By<op::GetMe>,
) -> Result<web::Json<PersonResponse>, ApiError> {
    let person = actor.person;
    let row = app.db.read(move |conn| store::get_person(conn, person)).await?;
    Ok(web::Json(person_response(row)))
}

/// The public keys of access tokens
#[utoipa::path(operation_id = "jwks", tag = "identity", responses((status = 200, description = "JWK set", body = Object)))]
#[get("/.well-known/jwks.json")]
pub async fn jwks(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "max-age=60")).json(app.auth.tokens.jwks())
}

fn person_response(row: store::PersonRow) -> PersonResponse {
    PersonResponse {
        id: row.id.0.into(),
        username: row.username,
        name: row.name,
        staff_no: row.staff_no,
        roles: store::roles(&row.roles).into_iter().map(|role| role.as_str().to_owned()).collect(),
        branch_id: row.branch_id.0.into(),
        shop_id: row.shop_id.map(|id| id.0.into()),
        disabled_at: row.disabled_at.map(|at| wire::time(at.0)),
        version: row.version,
    }
}
