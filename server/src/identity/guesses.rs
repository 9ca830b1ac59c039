//! Counting guesses: which subjects a log-in counts for, and their rows.

use std::net::IpAddr;

use api_spec::problem::Code;
use sync_core::{
    ids::DeviceId,
    time::{Instant, Span},
};

use super::{
    rules::throttle::{Scope, give_back, take},
    store::throttle as store,
};
use crate::{auth::keys::Secret, db::Conn, error::ApiError};

/// Whose guesses are counted. Holds a keyed hash: the table tells nobody who tried to log in where.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    scope: Scope,
    key: String,
}

/// The subjects of a stranger's guess: the account, whether it exists or not, and the address.
pub(super) fn of_stranger(
    secret: &Secret,
    username: &str,
    address: Option<IpAddr>,
) -> Vec<Subject> {
    // Without an address (which a TCP connection always has) all share one.
    let network = address.map(network).unwrap_or_default();
    vec![
        subject(secret, Scope::Account, &username.to_lowercase()),
        subject(secret, Scope::Address, &network),
    ]
}

/// The subject of a guess on an enrolled device that proved its key.
pub(super) fn of_device(secret: &Secret, device: DeviceId) -> Vec<Subject> {
    vec![subject(secret, Scope::Device, &device.to_string())]
}

fn subject(secret: &Secret, scope: Scope, value: &str) -> Subject {
    let hash = secret.derive("login-throttle", format!("{}:{value}", scope.as_str()).as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Subject { scope, key: format!("{}:{hex}", scope.as_str()) }
}

/// One household or machine has a whole /64 of IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Takes a place for one guess from every subject, or from none.
///
/// # Errors
/// `too_many_requests` with the wait.
pub(super) fn take_all(
    conn: &mut Conn,
    subjects: &[Subject],
    now: Instant,
) -> Result<(), ApiError> {
    let mut longest: Option<Span> = None;
    for Subject { scope, key } in subjects {
        match take(*scope, &store::list_guesses(conn, key)?, now) {
            Ok(guesses) => store::save_guesses(conn, key, &guesses, now)?,
            Err(wait) => longest = longest.max(Some(wait)),
        }
    }
    // The refusal undoes what was taken from the other subjects.
    longest.map_or(Ok(()), |wait| Err(too_many(wait)))
}

fn too_many(wait: Span) -> ApiError {
    metrics::counter!("chakan_logins_total", "outcome" => "throttled").increment(1);
    let seconds = wait.0.saturating_add(999).div_euclid(1_000).max(1);
    ApiError::new(Code::TooManyRequests).retry_after(u32::try_from(seconds).unwrap_or(3_600))
}

/// Gives the places of a right password back.
///
/// # Errors
/// Database faults.
pub(super) fn give_all_back(
    conn: &mut Conn,
    subjects: &[Subject],
    taken: Instant,
    now: Instant,
) -> Result<(), ApiError> {
    for Subject { key, .. } in subjects {
        let rest = give_back(&store::list_guesses(conn, key)?, taken);
        store::save_guesses(conn, key, &rest, now)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_by_who_holds_them() {
        for (address, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(network(address.parse().unwrap()), expected);
        }
    }
}
