//! Signing keys of access tokens.

use actix_web::{HttpResponse, get, post, web};
use api_spec::{identity::SigningKeyResponse, problem::Code};

use crate::{
    app::App,
    auth::{actor::By, keys, policy::op},
    error::ApiError,
    wire,
};

/// The public keys of access tokens
#[utoipa::path(operation_id = "jwks", tag = "identity", responses((status = 200, description = "JWK set", body = Object)))]
#[get("/.well-known/jwks.json")]
pub async fn jwks(app: web::Data<App>) -> HttpResponse {
    // A key is published some time before it signs; readers that keep this longer ask for unknown ids.
    HttpResponse::Ok().insert_header(("cache-control", "max-age=5")).json(app.auth.tokens.jwks())
}

/// Put a new signing key into use
///
/// It signs as soon as every node that shares the key directory has read it; tokens of the older keys
/// stay valid. Taking an old file out of the directory ends its tokens within a second. For admins of
/// a branch at the top of the tree. Sent twice it makes two keys, which harms nobody.
#[utoipa::path(operation_id = "rotate_signing_key", tag = "identity", responses((status = 201, description = "the new key", body = SigningKeyResponse)))]
#[post("/signing-keys/rotate")]
pub async fn rotate_signing_key(
    app: web::Data<App>,
    actor: By<op::RotateSigningKey>,
) -> Result<HttpResponse, ApiError> {
    let at_the_top = actor.branch_path.matches('/').count() == 2;
    if !at_the_top {
        return Err(
            ApiError::new(Code::Forbidden).detail("for admins of a branch at the top of the tree")
        );
    }
    let inner = app.clone();
    let rotated = web::block(move || inner.auth.tokens.keys().rotate(inner.ports.ids.as_ref()));
    let kid = rotated.await.map_err(ApiError::internal)??;
    tracing::warn!(%kid, by = %actor.person, "signing key rotated");
    let signs_from = wire::time(keys::signs_from(&kid));
    Ok(HttpResponse::Created().json(SigningKeyResponse { kid, signs_from }))
}
