//! Limits of authority as data.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    page::{Page, PageQuery},
    problem::FieldError,
    verification::{AuthorityResponse, RoleLimit, SetAuthorityRequest},
};
use serde::{Deserialize, Serialize};
use sync_core::{
    money::Fen,
    time::{Instant, Span},
};

use super::{
    rules::{Limits, authority::RoleLimits},
    store::{self, AuthorityRow},
};
use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Role, op},
    },
    body::{Command, Query},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity, wire,
};

/// The terms as they are stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    limits: Vec<RoleLimit>,
    verify_within_hours: i64,
}

/// Limits in force.
pub(super) struct Authority {
    pub(super) version: i64,
    pub(super) table: Vec<RoleLimits>,
    pub(super) verify_within: Span,
}

/// The limits that hold for a branch: the newest of the nearest branch upwards that has any.
pub(super) fn in_force(
    conn: &mut Conn,
    branch_path: &str,
    now: Instant,
) -> Result<Option<Authority>, ApiError> {
    for branch in identity::branches_upwards(conn, branch_path)? {
        if let Some(row) = store::find_authority_in_force(conn, branch, now)? {
            let stored: Stored = serde_json::from_str(&row.terms).map_err(ApiError::internal)?;
            let table = stored.limits.iter().filter_map(role_limits).collect();
            let verify_within = Span::hours(stored.verify_within_hours);
            return Ok(Some(Authority { version: row.version, table, verify_within }));
        }
    }
    Ok(None)
}

fn role_limits(row: &RoleLimit) -> Option<RoleLimits> {
    let limits = Limits {
        single: Fen(row.single_fen),
        case: Fen(row.case_fen),
        shop: row.shop_fen.map(Fen),
        pair: row.pair_fen.map(Fen),
        period: Span::days(row.period_days),
    };
    Some(RoleLimits { role: row.role.parse().ok()?, limits })
}

/// Put limits of authority in force
///
/// They hold for your branch and those below it that have none of their own. Earlier versions stay:
/// each decision names the one it was made under.
#[utoipa::path(operation_id = "set_authority", tags = ["verification", "command"], request_body = SetAuthorityRequest, responses((status = 201, description = "saved", body = AuthorityResponse)))]
#[post("/authority-limits")]
pub async fn set_authority(
    app: web::Data<App>,
    actor: By<op::SetAuthority>,
    command: Command<SetAuthorityRequest>,
) -> Result<HttpResponse, ApiError> {
    let wanted = command.value;
    let from = wanted.valid_from.map(|at| wire::instant("valid_from", at));
    let from = from.transpose().map_err(|field| ApiError::invalid(vec![field]))?;
    let stored = check(wanted.limits, wanted.verify_within_hours)?;
    let terms = serde_json::to_string(&stored).map_err(ApiError::internal)?;
    let (branch, by, inner) = (actor.branch, actor.person, app.clone());
    idempotency::once(&app, by.to_string(), command.key, move |conn| {
        let now = inner.now();
        let id = inner.ports.ids.uuid();
        let valid_from = from.unwrap_or(now);
        let row = store::insert_authority(conn, id, branch, &terms, valid_from, by, now)?;
        Reply::created(&response(row)?)
    })
    .await
}

fn check(limits: Vec<RoleLimit>, hours: Option<i64>) -> Result<Stored, ApiError> {
    const MAY: [Role; 3] = [Role::Verifier, Role::Manager, Role::Adjudicator];
    let fits = |fen: i64| (0..=Fen::MAX_LINE.0).contains(&fen);
    let mut faults = Vec::new();
    if !(1..=10).contains(&limits.len()) {
        faults.push(FieldError::new("limits", "out_of_range", "1 to 10 rows"));
    }
    let mut seen = Vec::new();
    for (n, row) in limits.iter().enumerate() {
        let mut fault = |field: &str, code: &str, allowed: &str| {
            faults.push(FieldError::new(format!("limits[{n}].{field}"), code, allowed));
        };
        match row.role.parse::<Role>().ok().filter(|role| MAY.contains(role)) {
            None => fault("role", "unknown", "verifier, manager, adjudicator"),
            Some(role) if seen.contains(&role) => fault("role", "twice", "each role once"),
            Some(role) => seen.push(role),
        }
        for (field, value) in [
            ("single_fen", Some(row.single_fen)),
            ("case_fen", Some(row.case_fen)),
            ("shop_fen", row.shop_fen),
            ("pair_fen", row.pair_fen),
        ] {
            if !value.is_none_or(fits) {
                fault(field, "out_of_range", "0 to 100,000,000,000 fen");
            }
        }
        if !(1..=366).contains(&row.period_days) {
            fault("period_days", "out_of_range", "1 to 366 days");
        }
    }
    let verify_within_hours = hours.unwrap_or(24);
    if !(1..=720).contains(&verify_within_hours) {
        faults.push(FieldError::new("verify_within_hours", "out_of_range", "1 to 720 hours"));
    }
    if faults.is_empty() {
        Ok(Stored { limits, verify_within_hours })
    } else {
        Err(ApiError::invalid(faults))
    }
}

fn response(row: AuthorityRow) -> Result<AuthorityResponse, ApiError> {
    let stored: Stored = serde_json::from_str(&row.terms).map_err(ApiError::internal)?;
    Ok(AuthorityResponse {
        id: row.id.0,
        branch_id: row.branch_id.0.into(),
        version: row.version,
        limits: stored.limits,
        verify_within_hours: stored.verify_within_hours,
        valid_from: wire::time(row.valid_from.0),
        created_by: row.created_by.0.into(),
        created_at: wire::time(row.created_at.0),
    })
}

/// Limits of authority of your branch and those above it, newest first
#[utoipa::path(operation_id = "list_authority", tag = "verification", params(PageQuery), responses((status = 200, description = "a page", body = Page<AuthorityResponse>)))]
#[get("/authority-limits")]
pub async fn list_authority(
    app: web::Data<App>,
    actor: By<op::ListAuthority>,
    query: Query<PageQuery>,
) -> Result<web::Json<Page<AuthorityResponse>>, ApiError> {
    let (paging, path) = (query.0, actor.branch_path.clone());
    let after = Cursor::of(&paging)?;
    let limit = i64::from(paging.size()) + 1;
    let rows = app
        .db
        .read(move |conn| {
            let branches = identity::branches_upwards(conn, &path)?;
            let rows = store::list_authority(conn, &branches, after.as_ref(), limit)?;
            rows.into_iter().map(response).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let cursor = |row: &AuthorityResponse| Cursor {
        at_ms: row.created_at.timestamp_millis(),
        id: row.id.to_string(),
    };
    Ok(web::Json(page(rows, &paging, cursor, |row| row)))
}
