//! The versions of the photo plans: those that come with the server, and those that an operator
//! imports. A case keeps the version that was in force when it was reported.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    photo_plan::{ImportPhotoPlansRequest, PhotoPlansResponse, PlanSlotFields},
    problem::FieldError,
};
use diesel::prelude::*;
use serde::Deserialize;
use sync_core::{
    capture::{AccidentKind, GivenSlot, PlanBook, PlanFault},
    ids::{CaseId, PersonId},
};

use crate::{
    app::App,
    auth::{actor::By, policy::op},
    body::{Command, Query},
    db::{
        Conn,
        schema::photo_plans as plans,
        types::{Id, Ms},
    },
    error::ApiError,
    idempotency::{self, Reply},
    intake,
    wire::{self, Fields},
};

/// A version as stored.
#[derive(Queryable, Selectable)]
#[diesel(table_name = plans)]
struct BookRow {
    version: i64,
    note: String,
    plans: String,
    imported_at: Ms,
    imported_by: Id<PersonId>,
}

impl BookRow {
    fn book(&self) -> Result<PlanBook, ApiError> {
        serde_json::from_str(&self.plans).map_err(ApiError::internal)
    }
}

/// The plans of a case, with their version.
///
/// # Errors
/// Database faults.
pub(super) fn of_case(conn: &mut Conn, case_id: CaseId) -> Result<(i64, PlanBook), ApiError> {
    let reported_at = intake::get_case(conn, case_id)?.reported_at;
    let row: Option<BookRow> = plans::table
        .filter(plans::imported_at.lt(reported_at.0))
        .order(plans::version.desc())
        .select(BookRow::as_select())
        .first(conn)
        .optional()?;
    match row {
        Some(row) => Ok((row.version, row.book()?)),
        None => Ok((0, PlanBook::built_in().clone())),
    }
}

/// Which version is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlansQuery {
    /// Its number.
    version: Option<i64>,
}

/// The photo plans that cases begin with now, or a version of them
#[utoipa::path(operation_id = "get_photo_plans", tag = "evidence",
    params(("version" = Option<i64>, Query, description = "the newest if absent; 0: those that come with the server")),
    responses((status = 200, description = "the plans", body = PhotoPlansResponse)))]
#[get("/photo-plans")]
pub async fn get_photo_plans(
    app: web::Data<App>,
    _actor: By<op::GetPhotoPlans>,
    query: Query<PlansQuery>,
) -> Result<web::Json<PhotoPlansResponse>, ApiError> {
    let asked = query.0.version;
    let find = move |conn: &mut Conn| {
        let mut newest =
            plans::table.order(plans::version.desc()).select(BookRow::as_select()).into_boxed();
        if let Some(version) = asked {
            newest = newest.filter(plans::version.eq(version));
        }
        Ok(newest.first::<BookRow>(conn).optional()?)
    };
    match (app.db.read(find).await?, asked) {
        (Some(row), _) => Ok(web::Json(response(&row)?)),
        (None, None | Some(0)) => Ok(web::Json(PhotoPlansResponse {
            version: 0,
            note: "built-in".to_owned(),
            plans: fields_of(PlanBook::built_in()),
            imported_at: None,
            imported_by: None,
        })),
        (None, Some(_)) => Err(ApiError::not_found()),
    }
}

/// Put new photo plans in force
///
/// All kinds of accident at once. Cases that are reported from now on begin with them; every other case
/// keeps the plans that it has. What is wrong is named by kind, place in the plan, and field.
#[utoipa::path(operation_id = "import_photo_plans", tags = ["evidence", "command"], request_body = ImportPhotoPlansRequest, responses((status = 201, description = "in force", body = PhotoPlansResponse)))]
#[post("/photo-plans")]
pub async fn import_photo_plans(
    app: web::Data<App>,
    actor: By<op::ImportPhotoPlans>,
    command: Command<ImportPhotoPlansRequest>,
) -> Result<HttpResponse, ApiError> {
    let mut fields = Fields::default();
    let note = fields.text("note", &command.value.note, 1, 200);
    let book = check(&command.value.plans).unwrap_or_else(|faults| {
        for fault in faults {
            let field = format!("plans.{}", fault.field);
            fields.keep(Err::<(), _>(FieldError::new(field, fault.code, fault.allowed)));
        }
        PlanBook::default()
    });
    let Some(note) = note.filter(|_| book != PlanBook::default()) else {
        return Err(fields.refused());
    };
    let text = serde_json::to_string(&book).map_err(ApiError::internal)?;
    let (by, inner) = (actor.person, app.clone());
    idempotency::once(&app, by.to_string(), command.key, move |conn| {
        let last: Option<i64> =
            plans::table.select(diesel::dsl::max(plans::version)).first(conn)?;
        // Also when the clock was put back (B30).
        let now = inner.now();
        let imported_at = intake::newest_report(conn)?.map_or(now, |newest| newest.max(now));
        let version = last.unwrap_or(0) + 1;
        let row = (
            plans::version.eq(version),
            plans::note.eq(&note),
            plans::plans.eq(&text),
            plans::imported_at.eq(imported_at.0),
            plans::imported_by.eq(by.to_string()),
        );
        // Somebody else took the number.
        diesel::insert_into(plans::table).values(row).execute(conn).map_err(ApiError::or_again)?;
        let saved = plans::table.find(version).select(BookRow::as_select()).first(conn)?;
        Reply::created(&response(&saved)?)
    })
    .await
}

fn check(given: &BTreeMap<String, Vec<PlanSlotFields>>) -> Result<PlanBook, Vec<PlanFault>> {
    let slot = |fields: &PlanSlotFields| GivenSlot {
        slot: fields.slot.clone(),
        least: fields.least,
        shorter_side: fields.shorter_side,
    };
    let plan = |(kind, slots): (&String, &Vec<PlanSlotFields>)| {
        (kind.clone(), slots.iter().map(slot).collect())
    };
    PlanBook::check(&given.iter().map(plan).collect())
}

fn response(row: &BookRow) -> Result<PhotoPlansResponse, ApiError> {
    Ok(PhotoPlansResponse {
        version: row.version,
        note: row.note.clone(),
        plans: fields_of(&row.book()?),
        imported_at: Some(wire::time(row.imported_at.0)),
        imported_by: Some(row.imported_by.0.into()),
    })
}

fn fields_of(book: &PlanBook) -> BTreeMap<String, Vec<PlanSlotFields>> {
    let plan = |kind: &AccidentKind| {
        let slots = book.plan(*kind).iter().map(|wanted| PlanSlotFields {
            slot: wanted.slot.as_str().to_owned(),
            least: wanted.least.into(),
            shorter_side: wanted.shorter_side.into(),
        });
        (kind.as_str().to_owned(), slots.collect())
    };
    AccidentKind::ALL.iter().map(plan).collect()
}
