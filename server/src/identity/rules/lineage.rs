//! What a refresh token is worth (B15).
//!
//! Each token is used once and has one successor, derived from it; the chain from one log-in is a
//! family. A phone whose reply was lost sends the old token again and gets the same successor. A token
//! that turns up later, or without the device's signature, was copied: the whole family ends.

use sync_core::time::{Instant, Span};

/// How long a family lives after the log-in, used or not.
pub(in crate::identity) const FAMILY_LIFETIME: Span = Span::days(30);
/// How long after its use a token still gets the same successor.
pub(in crate::identity) const REPLAY: Span = Span::seconds(60);

/// What is known of a presented token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Presented {
    /// When the family ends.
    pub(in crate::identity) expires_at: Instant,
    /// When the token was exchanged.
    pub(in crate::identity) used_at: Option<Instant>,
    /// Whether the family is in force.
    pub(in crate::identity) family: Standing,
    /// Whether person and device are in good standing.
    pub(in crate::identity) owner: Standing,
    /// Whether the device's key signed this very token.
    pub(in crate::identity) proof: Proof,
}

/// Whether something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Standing {
    /// It does.
    InForce,
    /// Not any more.
    Ended,
}

/// Whether a signature was made by the device's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Proof {
    /// By that key.
    Valid,
    /// By another key, or by none.
    Invalid,
}

/// What to do with a presented token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Verdict {
    /// Mark it used and hand out its successor.
    Rotate,
    /// Hand out the same successor again.
    Replay,
    /// End the family and refuse.
    Revoke,
    /// Refuse.
    Refuse,
}

/// Judges a presented token.
pub(in crate::identity) fn judge(token: &Presented, now: Instant) -> Verdict {
    let ended = token.family == Standing::Ended || token.owner == Standing::Ended;
    if ended || now >= token.expires_at {
        return Verdict::Refuse;
    }
    if token.proof == Proof::Invalid {
        return Verdict::Revoke;
    }
    match token.used_at {
        None => Verdict::Rotate,
        // Another node's clock may be a little ahead, which makes the span negative.
        Some(used_at) if now.since(used_at) <= REPLAY => Verdict::Replay,
        Some(_) => Verdict::Revoke,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_present_a_token() {
        use Verdict::{Refuse, Replay, Revoke, Rotate};
        let now = Instant(1_750_000_000_000);
        let fresh = Presented {
            expires_at: now + Span::days(1),
            used_at: None,
            family: Standing::InForce,
            owner: Standing::InForce,
            proof: Proof::Valid,
        };
        let used = |ago: Span| Presented { used_at: Some(now - ago), ..fresh };
        let stolen = |token: Presented| Presented { proof: Proof::Invalid, ..token };
        for (name, token, expected) in [
            ("fresh", fresh, Rotate),
            ("reply lost", used(Span::seconds(1)), Replay),
            ("reply lost, last moment", used(Span::seconds(60)), Replay),
            ("reply lost, node ahead", used(Span::seconds(-3)), Replay),
            ("reuse", used(Span(60_001)), Revoke),
            ("another key", stolen(fresh), Revoke),
            ("another key at once after use", stolen(used(Span::seconds(1))), Revoke),
            ("ended family", Presented { family: Standing::Ended, ..fresh }, Refuse),
            (
                "ended family, reply lost",
                Presented { family: Standing::Ended, ..used(Span::ZERO) },
                Refuse,
            ),
            ("disabled or revoked owner", Presented { owner: Standing::Ended, ..fresh }, Refuse),
            ("expired", Presented { expires_at: now, ..fresh }, Refuse),
            ("last moment", Presented { expires_at: now + Span(1), ..fresh }, Rotate),
            ("expired, another key", stolen(Presented { expires_at: now, ..fresh }), Refuse),
        ] {
            assert_eq!(judge(&token, now), expected, "{name}");
        }
    }
}
