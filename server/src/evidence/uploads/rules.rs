//! PURE: who may go on with an upload, and where.

use sync_core::time::{Instant, Span};

/// An upload that does not go on for this long is given up.
pub const KEPT: Span = Span::days(7);
/// A lease lasts this long without a word from its holder.
pub const LEASE: Span = Span::seconds(30);

/// Whether somebody holds an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// When the lease runs out; nothing when nobody holds it.
    pub until: Option<Instant>,
}

impl Held {
    /// Whether it may be taken at once.
    #[must_use]
    pub fn is_free(self, now: Instant) -> bool {
        self.until.is_none_or(|until| until < now)
    }
}

/// Why bytes are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendRefusal {
    /// They belong elsewhere: the offset is this.
    OtherOffset(u64),
    /// They would be more than announced.
    TooMany,
}

/// Whether bytes fit: `offset` and `more` are the request's, the others the upload's. Answers how many
/// bytes are still to come.
///
/// # Errors
/// [`AppendRefusal`].
pub fn judge_append(
    (offset, more): (u64, Option<u64>),
    (received, length): (u64, u64),
) -> Result<u64, AppendRefusal> {
    let room = length.saturating_sub(received);
    if offset != received {
        Err(AppendRefusal::OtherOffset(received))
    } else if more.is_some_and(|more| more > room) {
        Err(AppendRefusal::TooMany)
    } else {
        Ok(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_on_where_the_others_end() {
        use AppendRefusal::{OtherOffset, TooMany};
        for (request, upload, expected) in [
            ((0, Some(10)), (0, 10), Ok(10)),
            ((0, None), (0, 10), Ok(10)),
            ((4, Some(6)), (4, 10), Ok(6)),
            ((10, Some(0)), (10, 10), Ok(0)),
            ((0, Some(0)), (0, 0), Ok(0)),
            ((3, Some(1)), (4, 10), Err(OtherOffset(4))),
            ((5, Some(1)), (4, 10), Err(OtherOffset(4))),
            ((4, Some(7)), (4, 10), Err(TooMany)),
            ((10, Some(1)), (10, 10), Err(TooMany)),
        ] {
            assert_eq!(judge_append(request, upload), expected, "{request:?} {upload:?}");
        }
    }

    #[test]
    fn a_lease_ends_by_release_or_silence() {
        let now = Instant(1_000);
        assert!(Held { until: None }.is_free(now));
        assert!(Held { until: Some(Instant(999)) }.is_free(now));
        assert!(!Held { until: Some(now) }.is_free(now));
    }
}
