//! argon2id with the parameters that OWASP's storage advice names: 19 MiB, two passes, one lane.

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};

use crate::{error::ApiError, ports::ids::Ids};

pub(super) fn hash(ids: &dyn Ids, password: &str) -> Result<String, ApiError> {
    let mut salt = [0_u8; 16];
    ids.random(&mut salt);
    let hash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(ApiError::internal)?;
    Ok(hash.to_string())
}

/// Whether the password fits. With no hash it works as long and answers no, so that nobody learns
/// from the time taken which user names exist.
pub(super) fn verify(password: &str, hash: Option<&str>) -> bool {
    // Parameters as above, hash of nothing anybody knows.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let fits = PasswordHash::new(hash.unwrap_or(NOBODY)).is_ok_and(|parsed| {
        Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
    });
    fits && hash.is_some()
}
