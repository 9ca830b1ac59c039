//! Enrolling, listing and revoking devices.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{
    identity::{DeviceResponse, EnrolDeviceRequest, ListDevicesQuery, RevokeDeviceRequest},
    page::{Page, PageQuery},
    problem::{Code, FieldError},
};
use sync_core::ids::{DeviceId, PersonId};

use crate::{
    app::App,
    auth::{
        actor::By,
        policy::{Actor, Role, op},
    },
    body::{Command, IdPath, Query},
    db::{
        Conn,
        page::{Cursor, page},
    },
    error::ApiError,
    idempotency::{self, Reply},
    identity::{
        proofs,
        rules::lineage::Proof,
        store::{
            devices::{self, DeviceRow, NewDevice},
            people, tokens,
        },
    },
    wire::{self, Fields},
};

/// More devices in force than anybody carries.
const MOST_DEVICES: i64 = 20;

/// Enrol a device
///
/// The device makes an Ed25519 key pair and signs with it that it wants to be this person's.
#[utoipa::path(operation_id = "enrol_device", tags = ["identity", "command"], request_body = EnrolDeviceRequest, responses((status = 201, description = "enrolled", body = DeviceResponse)))]
#[post("/devices")]
pub async fn enrol_device(
    app: web::Data<App>,
    actor: By<op::EnrolDevice>,
    command: Command<EnrolDeviceRequest>,
) -> Result<HttpResponse, ApiError> {
    let new = read(&command.value, actor.person)?;
    let now = app.now();
    idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        Reply::created(&device_response(enrol(conn, &new, now)?))
    })
    .await
}

fn read(request: &EnrolDeviceRequest, person: PersonId) -> Result<NewDevice, ApiError> {
    let mut fields = Fields::default();
    let id = DeviceId(request.id);
    let public_key = fields.keep(proofs::public_key(&request.public_key).ok_or_else(|| {
        FieldError::new("public_key", "not_a_key", "base64 of the 32 bytes of an Ed25519 key")
    }));
    let name = fields.text("name", &request.name, 1, 64);
    let platform = fields.text("platform", &request.platform, 1, 64);
    if let Some(key) = &public_key
        && proofs::check(key, &proofs::enrol_text(id, person), &request.proof) == Proof::Invalid
    {
        fields.keep::<()>(Err(FieldError::new(
            "proof",
            "bad_signature",
            "base64 of the key's signature over chakan-enrol:<id>:<person_id>",
        )));
    }
    match (public_key, name, platform) {
        (Some(public_key), Some(name), Some(platform)) => {
            fields.finish()?;
            Ok(NewDevice { id, person, public_key, name, platform })
        }
        _ => Err(fields.refused()),
    }
}

fn enrol(
    conn: &mut Conn,
    new: &NewDevice,
    now: sync_core::time::Instant,
) -> Result<DeviceRow, ApiError> {
    if let Some(known) = devices::find_device(conn, new.id)? {
        let same = known.person_id.0 == new.person
            && known.public_key == new.public_key
            && known.revoked_at.is_none();
        return if same { Ok(known) } else { Err(taken("id", "id_taken")) };
    }
    if devices::is_key_taken(conn, &new.public_key)? {
        return Err(taken("public_key", "key_taken"));
    }
    if devices::count_in_force(conn, new.person)? >= MOST_DEVICES {
        return Err(ApiError::new(Code::Conflict).fact("reason", "too_many_devices"));
    }
    devices::insert_device(conn, new, now)?;
    devices::find_device(conn, new.id)?
        .ok_or_else(|| ApiError::internal("the new device is missing"))
}

fn taken(field: &str, code: &str) -> ApiError {
    ApiError::invalid_field(field, code, "this one was used before; make a new id and a new key")
}

/// Your devices, newest first
///
/// Managers and admins may name a person of their branch.
#[utoipa::path(operation_id = "list_devices", tag = "identity", params(ListDevicesQuery), responses((status = 200, description = "a page", body = Page<DeviceResponse>)))]
#[get("/devices")]
pub async fn list_devices(
    app: web::Data<App>,
    actor: By<op::ListDevices>,
    query: Query<ListDevicesQuery>,
) -> Result<web::Json<Page<DeviceResponse>>, ApiError> {
    let ListDevicesQuery { person_id, cursor, limit } = query.0;
    let paging = PageQuery { cursor, limit };
    let after = Cursor::of(&paging)?;
    let person = person_id.map_or(actor.person, PersonId);
    let actor = actor.into_actor();
    let size = i64::from(paging.size()) + 1;
    let rows = app
        .db
        .read(move |conn| {
            answer_for(conn, &actor, person)?;
            devices::list_devices(conn, person, after.as_ref(), size)
        })
        .await?;
    let cursor = |row: &DeviceRow| Cursor { at_ms: row.enrolled_at.0.0, id: row.id.0.to_string() };
    Ok(web::Json(page(rows, &paging, cursor, device_response)))
}

/// Everybody answers for themselves, managers and admins for the people of their branch; the others'
/// devices do not exist.
fn answer_for(conn: &mut Conn, actor: &Actor, person: PersonId) -> Result<(), ApiError> {
    if person == actor.person {
        return Ok(());
    }
    let in_charge = actor.is(Role::Manager) || actor.is(Role::Admin);
    let found = people::find_with_path(conn, person)?;
    match found {
        Some((_, path)) if in_charge && actor.covers(&path) => Ok(()),
        _ => Err(ApiError::not_found()),
    }
}

/// Revoke a device
///
/// Its tokens end at once on the node that hears of it and within a second on every other.
#[utoipa::path(operation_id = "revoke_device", tags = ["identity", "command"], params(("id" = uuid::Uuid, Path, description = "device")), request_body = RevokeDeviceRequest, responses((status = 200, description = "revoked, now or earlier", body = DeviceResponse)))]
#[post("/devices/{id}/revoke")]
pub async fn revoke_device(
    app: web::Data<App>,
    actor: By<op::RevokeDevice>,
    id: IdPath<DeviceId>,
    command: Command<RevokeDeviceRequest>,
) -> Result<HttpResponse, ApiError> {
    let (actor, id, now) = (actor.into_actor(), id.0, app.now());
    let reply = idempotency::once(&app, actor.person.to_string(), command.key, move |conn| {
        let device = devices::find_device(conn, id)?.ok_or_else(ApiError::not_found)?;
        answer_for(conn, &actor, device.person_id.0)?;
        devices::update_revoked(conn, id, actor.person, now)?;
        tokens::revoke_of_device(conn, id, now)?;
        let device = devices::find_device(conn, id)?.ok_or_else(ApiError::not_found)?;
        Reply::ok(&device_response(device))
    })
    .await?;
    app.auth.trust.forget();
    Ok(reply)
}

fn device_response(row: DeviceRow) -> DeviceResponse {
    DeviceResponse {
        id: row.id.0.into(),
        person_id: row.person_id.0.into(),
        name: row.name,
        platform: row.platform,
        enrolled_at: wire::time(row.enrolled_at.0),
        revoked_at: row.revoked_at.map(|at| wire::time(at.0)),
        revoked_by: row.revoked_by.map(|id| id.0.into()),
    }
}
