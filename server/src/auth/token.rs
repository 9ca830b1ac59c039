//! Access tokens: short-lived JWTs, signed with Ed25519 and nothing else.

use api_spec::problem::Code;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sync_core::{
    ids::{DeviceId, PersonId},
    time::{Instant, Span},
};
use uuid::Uuid;

mod seen;

use seen::{SeenToken, SeenTokens};

use super::keys::{KeyFault, KeyRing};
use crate::{error::ApiError, ports::ids::Ids};

/// How long an access token lives.
pub const LIFETIME: Span = Span::minutes(15);
const ISSUER: &str = "chakan";
const AUDIENCE: &str = "chakan-api";
/// RFC 9068: keeps other JWTs signed with these keys from passing for access tokens.
const TYPE: &str = "at+jwt";
/// An honest token has about 450 characters.
const MOST_CHARACTERS: usize = 1_024;

/// Signs and checks access tokens.
pub struct Tokens {
    keys: KeyRing,
    seen: SeenTokens,
}

/// Who a valid token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bearer {
    /// The person who logged in.
    pub person: PersonId,
    /// The enrolled device they logged in from.
    pub device: Option<DeviceId>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dev: Option<Uuid>,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

/// The header as we write it. Anything more (`jwk`, `jku`, `x5c`, `crit` ...) is somebody else's token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    typ: String,
    alg: String,
    kid: String,
}

impl Head {
    fn read(token: &str) -> Option<Self> {
        let (head, _) = token.split_once('.')?;
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(head).ok()?).ok()
    }
}

impl Tokens {
    /// Uses these keys.
    #[must_use]
    pub fn new(keys: KeyRing) -> Self {
        Self { keys, seen: SeenTokens::default() }
    }

    /// The keys, for rotation.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// A token and the instant it ends.
    ///
    /// # Errors
    /// Internal, when signing fails.
    pub fn issue(
        &self,
        bearer: Bearer,
        jti: Uuid,
        now: Instant,
    ) -> Result<(String, Instant), ApiError> {
        let key = self.keys.signer(now).map_err(ApiError::internal)?;
        let expires_at = now + LIFETIME;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.into());
        header.kid = Some(key.id.clone());
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: bearer.person.0,
            dev: bearer.device.map(|device| device.0),
            jti,
            iat: now.0.div_euclid(1_000),
            exp: expires_at.0.div_euclid(1_000),
        };
        let token = encode(&header, &claims, &EncodingKey::from_ed_der(key.pkcs8()))
            .map_err(ApiError::internal)?;
        Ok((token, expires_at))
    }

    /// Who the token speaks for, if it is ours and has not ended.
    ///
    /// # Errors
    /// `unauthenticated`, whatever was wrong.
    pub fn check(&self, token: &str, now: Instant) -> Result<Bearer, ApiError> {
        self.claims(token, now)
            .map(|claims| Bearer { person: claims.sub.into(), device: claims.dev.map(Into::into) })
            .ok_or_else(|| ApiError::new(Code::Unauthenticated))
    }

    fn claims(&self, token: &str, now: Instant) -> Option<Claims> {
        if token.len() > MOST_CHARACTERS {
            return None;
        }
        let known = self.seen.find(token).filter(|seen| self.is_key(&seen.key_id, &seen.public));
        let seen = match known {
            Some(seen) => seen,
            None => {
                let seen = self.verify(token)?;
                self.seen.keep(token, seen.clone(), now);
                seen
            }
        };
        lives_at(&seen.claims, now).then_some(seen.claims)
    }

    /// Whether a key that was good is still in use: a key that was taken away vouches for nothing.
    fn is_key(&self, id: &str, public: &[u8]) -> bool {
        self.keys.find(id).is_some_and(|key| key.public() == public)
    }

    fn verify(&self, token: &str) -> Option<SeenToken> {
        let head = Head::read(token)?;
        if head.alg != "EdDSA" || head.typ != TYPE {
            return None;
        }
        let key = self.keys.find(&head.kid)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Judged below by the clock port instead of the library's own clock.
        rules.validate_exp = false;
        let claims =
            decode::<Claims>(token, &DecodingKey::from_ed_der(&key.public()), &rules).ok()?.claims;
        Some(SeenToken { key_id: head.kid, public: key.public(), claims })
    }

    /// Signs and checks one token: keys and cryptography work, found out before anybody logs in.
    ///
    /// # Errors
    /// Internal, when they do not.
    pub fn check_itself(&self, ids: &dyn Ids, now: Instant) -> Result<(), ApiError> {
        let bearer = Bearer { person: ids.uuid().into(), device: Some(ids.uuid().into()) };
        let (token, _) = self.issue(bearer, ids.uuid(), now)?;
        match self.check(&token, now) {
            Ok(read) if read == bearer => Ok(()),
            _ => Err(ApiError::internal("a token signed a moment ago is not valid")),
        }
    }

    /// The public keys as a JWK set.
    #[must_use]
    pub fn jwks(&self) -> serde_json::Value {
        jwks(&self.keys)
    }
}

/// A minute of grace on `iat` only: another node's clock may be a little ahead.
fn lives_at(claims: &Claims, now: Instant) -> bool {
    let now_s = now.0.div_euclid(1_000);
    now_s < claims.exp && claims.iat <= now_s + 60
}

/// The public keys of a ring as a JWK set.
#[must_use]
pub fn jwks(keys: &KeyRing) -> serde_json::Value {
    let keys = keys.all().into_iter().map(|key| {
        json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": key.id, "x": BASE64_URL_SAFE_NO_PAD.encode(key.public()),
        })
    });
    json!({ "keys": keys.collect::<Vec<_>>() })
}

impl From<KeyFault> for ApiError {
    fn from(fault: KeyFault) -> Self {
        Self::internal(fault)
    }
}

#[cfg(test)]
mod vectors_test;
