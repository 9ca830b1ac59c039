//! The refresh tokens of one log-in, in the caller's transaction.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sync_core::{
    identifiers::{PhoneKind, check_phone},
    ids::{DeviceId, PersonId},
    time::{Instant, Span},
};
use uuid::Uuid;

use super::{
    proofs,
    rules::lineage::{FAMILY_LIFETIME, Presented, Standing, Verdict, judge},
    store::{
        devices::{self, DeviceRow},
        people::{self, PersonRow},
        tokens::{self, NewToken, TokenRow},
    },
};
use crate::{
    app::App,
    auth::{keys::Secret, token::Bearer},
    db::Conn,
    error::ApiError,
    jobs::{self, NewMessage},
};

/// A log-in from an enrolled device.
pub(super) struct NewSession {
    pub(super) person: PersonId,
    pub(super) device: DeviceId,
    pub(super) family: Uuid,
    pub(super) token: String,
}

/// The token to hand out.
pub(super) struct Session {
    pub(super) token: String,
    pub(super) expires_at: Instant,
}

/// The token that follows: derived, so that it can be handed out again without being stored.
pub(super) fn successor(secret: &Secret, token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(secret.derive("refresh", token.as_bytes()))
}

/// Begins a family and ends the device's earlier ones: one device, one lineage.
///
/// # Errors
/// Database faults.
pub(super) fn begin(conn: &mut Conn, new: &NewSession, now: Instant) -> Result<Session, ApiError> {
    tokens::revoke_of_device(conn, new.device, now)?;
    let expires_at = now + FAMILY_LIFETIME;
    let row = NewToken {
        token: &new.token,
        family: new.family,
        person: new.person,
        device: new.device,
        issued_at: now,
        expires_at,
    };
    tokens::insert_token(conn, &row)?;
    Ok(Session { token: new.token.clone(), expires_at })
}

/// A refresh token that was presented.
pub(super) struct Exchange<'a> {
    pub(super) token: &'a str,
    pub(super) proof: &'a str,
    pub(super) successor: &'a str,
}

/// Exchanges a token, or nothing; what it ended stays ended either way.
///
/// # Errors
/// Database faults.
pub(super) fn exchange(
    conn: &mut Conn,
    app: &App,
    exchange: &Exchange<'_>,
    now: Instant,
) -> Result<Option<(Bearer, Session, PersonRow)>, ApiError> {
    let Some(row) = tokens::find_token(conn, exchange.token)? else { return Ok(None) };
    let person = people::get_person(conn, row.person_id.0)?;
    let device = devices::find_device(conn, row.device_id.0)?.ok_or_else(ApiError::not_found)?;
    match judge(&presented(&row, &person, &device, exchange), now) {
        Verdict::Refuse => return Ok(None),
        Verdict::Revoke => {
            tokens::revoke_family(conn, row.family_id.0, now)?;
            tell_owner(conn, app, &person, &device, now)?;
            metrics::counter!("chakan_refresh_families_revoked_total").increment(1);
            return Ok(None);
        }
        Verdict::Replay => {}
        Verdict::Rotate => {
            tokens::update_used(conn, exchange.token, now)?;
            let next = NewToken {
                token: exchange.successor,
                family: row.family_id.0,
                person: row.person_id.0,
                device: row.device_id.0,
                issued_at: now,
                expires_at: row.expires_at.0,
            };
            tokens::insert_token(conn, &next)?;
        }
    }
    let bearer = Bearer { person: row.person_id.0, device: Some(row.device_id.0) };
    let session = Session { token: exchange.successor.to_owned(), expires_at: row.expires_at.0 };
    Ok(Some((bearer, session, person)))
}

fn presented(
    row: &TokenRow,
    person: &PersonRow,
    device: &DeviceRow,
    exchange: &Exchange<'_>,
) -> Presented {
    let standing = |ended: bool| if ended { Standing::Ended } else { Standing::InForce };
    let text = proofs::refresh_text(exchange.token);
    Presented {
        expires_at: row.expires_at.0,
        used_at: row.used_at.map(|at| at.0),
        family: standing(row.revoked_at.is_some()),
        owner: standing(person.disabled_at.is_some() || device.revoked_at.is_some()),
        proof: proofs::check(&device.public_key, &text, exchange.proof),
    }
}

/// A copied token is the owner's business (B15).
fn tell_owner(
    conn: &mut Conn,
    app: &App,
    person: &PersonRow,
    device: &DeviceRow,
    now: Instant,
) -> Result<(), ApiError> {
    let phone = person.phone.as_deref().and_then(|phone| check_phone(phone).ok());
    let Some(phone) = phone.filter(|phone| phone.kind == PhoneKind::Mobile) else { return Ok(()) };
    let text = format!(
        "【查勘】设备“{}”的登录凭证被重复使用，为安全起见已退出登录。如非本人操作，请联系管理员。",
        device.name
    );
    let message = NewMessage {
        case_id: None,
        recipient: phone.normalised,
        text,
        expires_at: Some(now + Span::days(1)),
    };
    jobs::send_message(conn, app, &message).map(|_| ())
}
