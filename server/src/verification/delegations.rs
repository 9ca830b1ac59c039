//! Using somebody else's authority for a while.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    page::{Page, PageQuery},
    problem::{Code, FieldError},
    verification::{DelegateRequest, DelegationResponse, RevokeDelegationRequest},
};
use sync_core::{
    ids::PersonId,
    time::{Instant, Span},
};
use uuid::Uuid;

use super::store::{self, DelegationRow};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Role, op},
        token::Bearer,
    },
    body::{Command, IdPath, Query},
    db::page::{Cursor, page},
    error::ApiError,
    idempotency::{self, Reply},
    identity,
    wire::{self, Fields},
};

const LONGEST: Span = Span::days(60);

/// Let a colleague use your authority for a while
///
/// They act under your limits and with your past: what you assessed they cannot verify for you.
#[utoipa::path(operation_id = "delegate_authority", tags = ["verification", "command"], request_body = DelegateRequest, responses((status = 201, description = "in force from its start on", body = DelegationResponse)))]
#[post("/delegations")]
pub async fn delegate_authority(
    app: web::Data<App>,
    actor: By<op::DelegateAuthority>,
    command: Command<DelegateRequest>,
) -> Result<HttpResponse, ApiError> {
    let wanted = command.value;
    let now = app.now();
    let (starts_at, ends_at, reason) = check(&wanted, now)?;
    let (actor, inner) = (actor.into_actor(), app.clone());
    let to = PersonId(wanted.to);
    if to == actor.person {
        return Err(ApiError::invalid_field("to", "yourself", "somebody else"));
    }
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let delegate = identity::actor_in_good_standing(conn, Bearer { person: to, device: None })?;
        let may = delegate.is_some_and(|delegate| {
            let role = delegate.is(Role::Verifier) || delegate.is(Role::Manager);
            role && (delegate.branch_path.starts_with(&actor.branch_path)
                || actor.branch_path.starts_with(&delegate.branch_path))
        });
        if !may {
            let allowed = "a verifier or manager of your branch, above or below it";
            return Err(ApiError::invalid_field("to", "not_a_verifier", allowed));
        }
        let row = DelegationRow::new(
            inner.ports.ids.uuid(),
            actor.person,
            to,
            (starts_at, ends_at),
            &reason,
        );
        store::insert_delegation(conn, &row, actor.person, inner.now())?;
        Reply::created(&response(row))
    })
    .await
}

fn check(wanted: &DelegateRequest, now: Instant) -> Result<(Instant, Instant, String), ApiError> {
    let mut fields = Fields::default();
    let starts = match wanted.starts_at {
        None => Some(now),
        Some(at) => fields.keep(wire::instant("starts_at", at)),
    };
    let ends = fields.keep(wire::instant("ends_at", wanted.ends_at));
    let reason = fields.text("reason", &wanted.reason, 1, 200);
    if let (Some(starts), Some(ends)) = (starts, ends) {
        let fits = ends > now && ends > starts && ends.since(starts) <= LONGEST;
        if !fits {
            let allowed = "after the start, not over, at most 60 days";
            fields.keep::<()>(Err(FieldError::new("ends_at", "out_of_range", allowed)));
        }
    }
    match (starts, ends, reason) {
        (Some(starts), Some(ends), Some(reason)) => {
            fields.finish()?;
            Ok((starts, ends, reason))
        }
        _ => Err(fields.refused()),
    }
}

fn response(row: DelegationRow) -> DelegationResponse {
    DelegationResponse {
        id: row.id.0,
        from: row.from_person.0.into(),
        to: row.to_person.0.into(),
        starts_at: wire::time(row.starts_at.0),
        ends_at: wire::time(row.ends_at.0),
        reason: row.reason,
        revoked_at: row.revoked_at.map(|at| wire::time(at.0)),
    }
}

/// Delegations from and to you, latest first
#[utoipa::path(operation_id = "list_delegations", tag = "verification", params(PageQuery), responses((status = 200, description = "a page", body = Page<DelegationResponse>)))]
#[get("/delegations")]
pub async fn list_delegations(
    app: web::Data<App>,
    actor: By<op::ListDelegations>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<DelegationResponse>>, ApiError> {
    let (paging, person) = (query.0, actor.person);
    let after = Cursor::of(&paging)?;
    let limit = i64::from(paging.size()) + 1;
    let read = move |conn: &mut _| store::list_delegations(conn, person, after.as_ref(), limit);
    let rows = app.db.read(read).await?;
    let cursor =
        |row: &DelegationRow| Cursor { at_ms: row.starts_at.0.0, id: row.id.0.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, response)))
}

/// Take a delegation back
#[utoipa::path(operation_id = "revoke_delegation", tags = ["verification", "command"], params(("id" = uuid::Uuid, Path, description = "delegation")), request_body = RevokeDelegationRequest, responses((status = 200, description = "ended", body = DelegationResponse)))]
#[post("/delegations/{id}/revoke")]
pub async fn revoke_delegation(
    app: web::Data<App>,
    actor: By<op::RevokeDelegation>,
    id: IdPath<Uuid>,
    command: Command<RevokeDelegationRequest>,
) -> Result<HttpResponse, ApiError> {
    let (person, id, inner) = (actor.person, id.0, app.clone());
    idempotency::once(&app, person.to_string(), command.key, move |conn| {
        let known = store::find_delegation(conn, id)?;
        let known = known.filter(|row| [row.from_person.0, row.to_person.0].contains(&person));
        let row = known.ok_or_else(ApiError::not_found)?;
        if row.from_person.0 != person {
            return Err(ApiError::new(Code::Forbidden).detail("only who gave it takes it back"));
        }
        store::revoke_delegation(conn, id, inner.now())?;
        let row = store::find_delegation(conn, id)?.ok_or_else(ApiError::not_found)?;
        Reply::ok(&response(row))
    })
    .await
}
