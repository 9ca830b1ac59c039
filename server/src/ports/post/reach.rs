//! PURE: which servers somebody else's address may make us speak to. Whoever names an address must not
//! get at what stands in our own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ureq::http::Uri;

/// Why an address is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlRefusal {
    /// No address at all, or one with parts that have no business in it.
    Malformed,
    /// Names and passwords in an address end up in logs.
    Credentials,
    /// What is sent must not be read on the way.
    NotHttps,
    /// It names this machine or a private network.
    NotPublic,
}

impl UrlRefusal {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Credentials => "credentials",
            Self::NotHttps => "not_https",
            Self::NotPublic => "not_public",
        }
    }
}

/// Whether an address may be kept. Where its name leads is judged when it is called, each time anew.
///
/// # Errors
/// The [`UrlRefusal`].
pub fn check_url(url: &str, loopback: bool) -> Result<(), UrlRefusal> {
    let clean = (10..=2_000).contains(&url.len())
        && url.bytes().all(|b| b.is_ascii_graphic())
        && !url.contains(['#', '\\']);
    let uri: Uri = url.parse().map_err(|_| UrlRefusal::Malformed)?;
    let (Some(scheme), Some(authority), true) = (uri.scheme_str(), uri.authority(), clean) else {
        return Err(UrlRefusal::Malformed);
    };
    if authority.as_str().contains('@') {
        return Err(UrlRefusal::Credentials);
    }
    let host = authority.host().trim_matches(['[', ']']);
    let ip = host.parse::<IpAddr>().ok();
    let here = ip.is_some_and(|ip| ip.is_loopback());
    match scheme {
        "https" => {}
        "http" if loopback && here => {}
        _ => return Err(UrlRefusal::NotHttps),
    }
    let public = match ip {
        Some(ip) => may_reach(ip, loopback),
        None => is_public_name(host),
    };
    if public { Ok(()) } else { Err(UrlRefusal::NotPublic) }
}

/// A name below a top-level domain. Those begin with a letter: `127.1` and `2130706433` are numbers
/// that resolvers take for addresses.
fn is_public_name(host: &str) -> bool {
    const LOCAL: [&str; 5] = ["localhost", "local", "internal", "lan", "arpa"];
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let Some((_, top)) = name.rsplit_once('.') else { return false };
    top.starts_with(|c: char| c.is_ascii_alphabetic()) && !LOCAL.contains(&top)
}

/// Whether an address is one of the public network; of this machine, if that is allowed.
#[must_use]
pub fn may_reach(ip: IpAddr, loopback: bool) -> bool {
    match ip {
        IpAddr::V4(ip) => may_reach_v4(ip, loopback),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => may_reach_v4(ip, loopback),
            None => may_reach_v6(ip, loopback),
        },
    }
}

fn may_reach_v4(ip: Ipv4Addr, loopback: bool) -> bool {
    if ip.is_loopback() {
        return loopback;
    }
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocols = a == 192 && ((b == 0 && c == 0) || (b == 88 && c == 99));
    let benchmarks = a == 198 && (18..20).contains(&b);
    let special = ip.is_private() || ip.is_link_local() || ip.is_documentation();
    // From 224 on it is multicast and what was never given out.
    !(a == 0 || a >= 224 || shared || protocols || benchmarks || special)
}

fn may_reach_v6(ip: Ipv6Addr, loopback: bool) -> bool {
    if ip.is_loopback() {
        return loopback;
    }
    let [a, b, ..] = ip.segments();
    let unicast = a & 0xE000 == 0x2000;
    // Teredo and others hide an address of the old kind, and so does 6to4.
    let tunnels = (a == 0x2001 && b < 0x0200) || a == 0x2002;
    let documentation = (a == 0x2001 && b == 0x0DB8) || a & 0xFFF0 == 0x3FF0;
    unicast && !tunnels && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_network_is_reached() {
        for ip in [
            "1.1.1.1",
            "114.114.114.114",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2400:3200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
        ] {
            assert!(may_reach(ip.parse().unwrap(), false), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "100::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
        ] {
            assert!(!may_reach(ip.parse().unwrap(), false), "{ip}");
        }
        for (ip, expected) in
            [("127.0.0.1", true), ("::1", true), ("::ffff:127.0.0.1", true), ("10.0.0.1", false)]
        {
            assert_eq!(may_reach(ip.parse().unwrap(), true), expected, "{ip}");
        }
    }

    #[test]
    fn an_address_is_https_and_names_nobody_at_home() {
        use UrlRefusal::{Credentials, Malformed, NotHttps, NotPublic};
        for (url, expected) in [
            ("https://hooks.example.cn/chakan?shop=1", Ok(())),
            ("https://hooks.example.cn:8443/", Ok(())),
            ("https://1.1.1.1/", Ok(())),
            ("https://[2606:4700::1111]/x", Ok(())),
            ("https://EXAMPLE.CN./x", Ok(())),
            ("http://hooks.example.cn/", Err(NotHttps)),
            ("http://127.0.0.1:1/", Err(NotHttps)),
            ("ftp://hooks.example.cn/", Err(NotHttps)),
            ("https://shop:secret@example.cn/", Err(Credentials)),
            ("https://example.cn@127.0.0.1/", Err(Credentials)),
            ("https://10.0.0.1/", Err(NotPublic)),
            ("https://127.0.0.1/", Err(NotPublic)),
            ("https://169.254.169.254/latest", Err(NotPublic)),
            ("https://[::1]/", Err(NotPublic)),
            ("https://[::ffff:192.168.0.1]/", Err(NotPublic)),
            ("https://localhost/", Err(NotPublic)),
            ("https://printer.local/", Err(NotPublic)),
            ("https://db.internal./", Err(NotPublic)),
            ("https://intranet/", Err(NotPublic)),
            ("https://127.1/", Err(NotPublic)),
            ("https://2130706433/", Err(NotPublic)),
            ("https://0x7f.0.0.1/", Err(NotPublic)),
            ("https://example.cn/#top", Err(Malformed)),
            ("https://example.cn\\@127.0.0.1/", Err(Malformed)),
            ("https://exa mple.cn/", Err(Malformed)),
            ("/only/a/path", Err(Malformed)),
            ("https://", Err(Malformed)),
            ("", Err(Malformed)),
        ] {
            assert_eq!(check_url(url, false), expected, "{url}");
        }
        assert_eq!(check_url("http://127.0.0.1:1/", true), Ok(()));
        assert_eq!(check_url("http://10.0.0.1:1/", true), Err(NotHttps));
        assert_eq!(check_url("https://10.0.0.1:1/", true), Err(NotPublic));
        let long = format!("https://example.cn/{}", "x".repeat(2_000));
        assert_eq!(check_url(&long, false), Err(Malformed));
    }
}
