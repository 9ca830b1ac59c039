//! What devices sign: one text for each purpose, so that no signature serves another.

use base64::{Engine, prelude::BASE64_STANDARD};
use sync_core::{
    ids::{DeviceId, PersonId},
    time::Instant,
};

use super::rules::lineage::Proof;
use crate::auth::keys;

/// Signed to enrol a device: the key's owner wants this person to have it.
pub(super) fn enrol_text(device: DeviceId, person: PersonId) -> String {
    format!("chakan-enrol:{device}:{person}")
}

/// Signed to log in; the user name as it was sent.
pub(super) fn login_text(username: &str, device: DeviceId, at: Instant) -> String {
    format!("chakan-login:{username}:{device}:{}", at.0)
}

/// Signed to exchange a refresh token.
pub(super) fn refresh_text(token: &str) -> String {
    format!("chakan-refresh:{token}")
}

/// A 32-byte public key from base64.
pub(super) fn public_key(text: &str) -> Option<Vec<u8>> {
    exactly(text, 32)
}

/// Whether the key signed the text. A signature that cannot be read is one by another key.
pub(super) fn check(public_key: &[u8], text: &str, signature: &str) -> Proof {
    match self::signature(public_key, text, signature) {
        Some(_) => Proof::Valid,
        None => Proof::Invalid,
    }
}

/// The bytes of a signature that the key made over the text.
pub(super) fn signature(public_key: &[u8], text: &str, signature: &str) -> Option<Vec<u8>> {
    exactly(signature, 64).filter(|bytes| keys::verify(public_key, text.as_bytes(), bytes))
}

fn exactly(base64: &str, length: usize) -> Option<Vec<u8>> {
    // Nothing longer is even decoded.
    let short = base64.len() <= 128;
    BASE64_STANDARD.decode(base64).ok().filter(|bytes| short && bytes.len() == length)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    #[test]
    fn only_the_right_key_over_the_right_text_counts() {
        let (own, other) =
            (Ed25519KeyPair::generate().unwrap(), Ed25519KeyPair::generate().unwrap());
        let key = own.public_key().as_ref();
        let sign =
            |pair: &Ed25519KeyPair, text: &str| BASE64_STANDARD.encode(pair.sign(text.as_bytes()));
        let text = refresh_text("token");
        assert_eq!(check(key, &text, &sign(&own, &text)), Proof::Valid);
        for (name, signature) in [
            ("another key", sign(&other, &text)),
            ("another token", sign(&own, &refresh_text("tokem"))),
            ("another purpose", sign(&own, "chakan-login:token")),
            ("not base64", "%".repeat(88)),
            ("too short", BASE64_STANDARD.encode([0_u8; 63])),
            ("too long", "A".repeat(100_000)),
            ("empty", String::new()),
        ] {
            assert_eq!(check(key, &text, &signature), Proof::Invalid, "{name}");
        }
        assert_eq!(check(&[], &text, &sign(&own, &text)), Proof::Invalid);
        // A key of small order, for which signatures can be made without any secret.
        assert_eq!(check(&[0; 32], &text, &BASE64_STANDARD.encode([0_u8; 64])), Proof::Invalid);
    }
}
