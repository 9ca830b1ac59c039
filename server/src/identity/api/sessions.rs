//! Log-in, refresh and log-out.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use api_spec::{
    identity::{LoginRequest, PersonResponse, RefreshRequest, TokenResponse},
    problem::{Code, FieldError, Problem},
};
use sync_core::{
    ids::DeviceId,
    time::{Instant, Span},
};

use super::person_response;
use crate::{
    app::App,
    auth::{actor::By, policy::op, token::Bearer},
    body::Body,
    db::Conn,
    error::ApiError,
    identity::{
        guesses::{self, Subject},
        passwords, proofs,
        rules::lineage::Proof,
        sessions::{self, Exchange, NewSession, Session},
        store::{
            devices::{self, DeviceRow},
            people::{self, PersonRow},
            tokens,
        },
    },
    wire::{self, Fields},
};

/// How far a device's signature may be from the server's time.
const SKEW: Span = Span::minutes(5);

/// Log in with user name and password
///
/// An enrolled device that proves its key gets a refresh token too. Too many wrong passwords in an
/// hour are answered 429 with `Retry-After`, the same for user names that nobody has; guesses of
/// strangers do not shut out an enrolled device.
#[utoipa::path(operation_id = "login", tag = "identity", request_body = LoginRequest, responses(
    (status = 200, description = "tokens", body = TokenResponse),
    (status = 401, description = "wrong; the fact `server_time` says that the device's clock is wrong, the fact `reason` `device_refused` that only the device is not accepted", body = Problem, content_type = "application/problem+json"),
))]
#[post("/auth/login")]
pub async fn login(
    app: web::Data<App>,
    request: HttpRequest,
    body: Body<LoginRequest>,
) -> Result<web::Json<TokenResponse>, ApiError> {
    // Only the connection says where it comes from: a header could say anything.
    let address = request.peer_addr().map(|peer| peer.ip());
    let attempt = Attempt::read(body.value, address, app.now())?;
    let place = app.auth.hashing.place()?;
    let (username, device) = (attempt.username(), attempt.device_id());
    let (person, device) = app
        .db
        .read(move |conn| {
            let person = people::find_person(conn, &username)?;
            // Looked up also for a user name that nobody has: the same work for both.
            let device = device.map(|id| devices::find_device(conn, id)).transpose()?.flatten();
            Ok((person, device))
        })
        .await?;
    let known_device = attempt.known_device(person.as_ref(), device.as_ref());
    let subjects = attempt.subjects(&app, known_device);

    let (taken, counted) = (app.now(), subjects.clone());
    app.db.write(move |conn| guesses::take_all(conn, &counted, taken)).await?;
    let hash = person.as_ref().map(|person| person.password_hash.clone());
    let password = attempt.request.password.clone();
    let fits = place.run(move || passwords::verify(&password, hash.as_deref())).await?;
    let person = person
        .filter(|person| fits && person.disabled_at.is_none())
        .ok_or_else(|| count(ApiError::new(Code::LoginFailed), "failed"))?;
    if attempt.request.device_id.is_some() && known_device.is_none() {
        let refused = ApiError::new(Code::LoginFailed).fact("reason", "device_refused");
        return Err(count(refused, "device_refused"));
    }
    begin_session(&app, person, known_device, subjects, taken).await
}

fn count(error: ApiError, outcome: &'static str) -> ApiError {
    metrics::counter!("chakan_logins_total", "outcome" => outcome).increment(1);
    error
}

async fn begin_session(
    app: &App,
    person: PersonRow,
    device: Option<DeviceId>,
    subjects: Vec<Subject>,
    taken: Instant,
) -> Result<web::Json<TokenResponse>, ApiError> {
    let (bearer, now) = (Bearer { person: person.id.0, device }, app.now());
    let new = device.map(|device| NewSession {
        person: person.id.0,
        device,
        family: app.ports.ids.uuid(),
        token: app.ports.ids.secret(),
    });
    let checked_hash = person.password_hash;
    let (person, session) = app
        .db
        .write(move |conn| {
            let person = people::get_person(conn, bearer.person)?;
            if person.disabled_at.is_some() || person.password_hash != checked_hash {
                // Switched off or given a new password while the old one was being checked.
                return Err(ApiError::new(Code::LoginFailed));
            }
            guesses::give_all_back(conn, &subjects, taken, now)?;
            let session = new.as_ref().map(|new| sessions::begin(conn, new, now)).transpose()?;
            Ok((person, session))
        })
        .await?;
    metrics::counter!("chakan_logins_total", "outcome" => "ok").increment(1);
    token_response(app, bearer, session, person_response(person))
}

fn token_response(
    app: &App,
    bearer: Bearer,
    session: Option<Session>,
    person: PersonResponse,
) -> Result<web::Json<TokenResponse>, ApiError> {
    let (access_token, ends) = app.auth.tokens.issue(bearer, app.ports.ids.uuid(), app.now())?;
    Ok(web::Json(TokenResponse {
        access_token,
        access_expires_at: wire::time(ends),
        refresh_expires_at: session.as_ref().map(|session| wire::time(session.expires_at)),
        refresh_token: session.map(|session| session.token),
        person,
    }))
}

/// A log-in whose shape and time are right. Nothing here depends on what the database holds.
struct Attempt {
    request: LoginRequest,
    address: Option<IpAddr>,
}

impl Attempt {
    fn read(
        request: LoginRequest,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        let length = |field: &str, text: &str, most: usize| {
            let fits = (1..=most).contains(&text.chars().count());
            let allowed =
                || FieldError::new(field, "wrong_length", format!("1 to {most} characters"));
            fits.then_some(()).ok_or_else(allowed)
        };
        fields.keep(length("username", &request.username, 64));
        fields.keep(length("password", &request.password, 256));
        if request.device_id.is_some() != request.device_proof.is_some() {
            let missing = if request.device_id.is_some() { "device_proof" } else { "device_id" };
            fields.keep::<()>(Err(FieldError::new(
                missing,
                "required",
                "device_id and device_proof go together",
            )));
        }
        fields.finish()?;
        let skew = |signed_at: Instant| now.since(signed_at).abs();
        match &request.device_proof {
            Some(proof) if skew(Instant(proof.at.timestamp_millis())) > SKEW => {
                Err(ApiError::new(Code::LoginFailed)
                    .fact("reason", "device_clock")
                    .fact("server_time", wire::time(now).to_rfc3339()))
            }
            _ => Ok(Self { request, address }),
        }
    }

    /// Telephone keyboards begin with a capital and end with a blank; user names have neither.
    fn username(&self) -> String {
        self.request.username.trim().to_lowercase()
    }

    fn device_id(&self) -> Option<DeviceId> {
        self.request.device_id.map(DeviceId)
    }

    /// The device, if it is this person's, in force, and signed this log-in.
    fn known_device(
        &self,
        person: Option<&PersonRow>,
        device: Option<&DeviceRow>,
    ) -> Option<DeviceId> {
        let proof = self.request.device_proof.as_ref()?;
        let at = Instant(proof.at.timestamp_millis());
        let text = proofs::login_text(&self.request.username, self.device_id()?, at);
        let key = device.map(|device| device.public_key.as_slice());
        // Checked against some key in any case: the time taken says nothing about devices either.
        let proof = proofs::check(key.unwrap_or(&[1; 32]), &text, &proof.signature);
        let (person, device) = (person?, device?);
        let own = device.person_id == person.id && device.revoked_at.is_none();
        (own && proof == Proof::Valid).then_some(device.id.0)
    }

    fn subjects(&self, app: &App, known_device: Option<DeviceId>) -> Vec<Subject> {
        match known_device {
            Some(device) => guesses::of_device(&app.auth.secret, device),
            None => guesses::of_stranger(&app.auth.secret, &self.username(), self.address),
        }
    }
}

/// Exchange a refresh token for new tokens
///
/// A token is used once. If the reply is lost, the same device may send it again within a minute and
/// gets the same tokens' successor. Any other reuse ends every token of the log-in (B15).
#[utoipa::path(operation_id = "refresh_tokens", tag = "identity", request_body = RefreshRequest, responses(
    (status = 200, description = "tokens", body = TokenResponse),
    (status = 401, description = "log in again", body = Problem, content_type = "application/problem+json"),
))]
#[post("/auth/refresh")]
pub async fn refresh_tokens(
    app: web::Data<App>,
    body: Body<RefreshRequest>,
) -> Result<web::Json<TokenResponse>, ApiError> {
    let RefreshRequest { refresh_token: token, proof } = body.value;
    let refused = || ApiError::new(Code::RefreshRefused);
    let looked_for = token.clone();
    // A flood of made-up tokens must not reach the one writer.
    if !app.db.read(move |conn| Ok(tokens::find_token(conn, &looked_for)?.is_some())).await? {
        return Err(refused());
    }
    let successor = sessions::successor(&app.auth.secret, &token);
    let (inner, now) = (app.clone(), app.now());
    let exchanged = app
        .db
        .write(move |conn| {
            let exchange = Exchange { token: &token, proof: &proof, successor: &successor };
            sessions::exchange(conn, &inner, &exchange, now)
        })
        .await?;
    let (bearer, session, person) = exchanged.ok_or_else(refused)?;
    token_response(&app, bearer, Some(session), person_response(person))
}

/// End the log-in of this device
///
/// Its refresh tokens are of no use any more. The access token ends by itself within minutes.
#[utoipa::path(operation_id = "logout", tag = "identity", responses((status = 204, description = "done, now or earlier")))]
#[post("/auth/logout")]
pub async fn logout(app: web::Data<App>, actor: By<op::Logout>) -> Result<HttpResponse, ApiError> {
    if let Some(device) = actor.device {
        let now = app.now();
        let end = move |conn: &mut Conn| tokens::revoke_of_device(conn, device, now);
        app.db.write(end).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Who is logged in
#[utoipa::path(operation_id = "get_me", tag = "identity", responses((status = 200, description = "the person", body = PersonResponse)))]
#[get("/auth/me")]
pub async fn get_me(
    app: web::Data<App>,
    actor: By<op::GetMe>,
) -> Result<web::Json<PersonResponse>, ApiError> {
    let person = actor.person;
    let row = app.db.read(move |conn| people::get_person(conn, person)).await?;
    Ok(web::Json(person_response(row)))
}
