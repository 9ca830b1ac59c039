//! Forged and foreign tokens (B14): every one gets the same refusal, none a panic.

use aws_lc_rs::{hmac, signature::Ed25519KeyPair};
use serde_json::{Value, json};

use super::*;
use crate::{
    auth::keys::{Key, Missing},
    ports::ids::SystemIds,
};

const NOW: Instant = Instant(1_763_780_400_000);

struct Fixture {
    tokens: Tokens,
    dir: std::path::PathBuf,
}

impl Fixture {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("chakan-token-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let keys = KeyRing::load(&dir, Missing::Generate, &SystemIds).unwrap();
        Self { tokens: Tokens::new(keys), dir }
    }

    fn key(&self) -> Key {
        self.tokens.keys().newest().unwrap()
    }

    fn head(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": self.key().id })
    }

    /// A token with our own signature over any header and claims.
    fn signed(&self, head: &str, claims: &str) -> String {
        let text = joined(head, claims);
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.key().sign(text.as_bytes()));
        format!("{text}.{signature}")
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        let mut claims = claims();
        claims[name] = value;
        self.signed(&self.head().to_string(), &claims.to_string())
    }

    fn with_head(&self, name: &str, value: Value) -> String {
        let mut head = self.head();
        head[name] = value;
        self.signed(&head.to_string(), &claims().to_string())
    }

    fn without(&self, name: &str) -> String {
        let (mut head, mut claims) = (self.head(), claims());
        head.as_object_mut().unwrap().remove(name);
        claims.as_object_mut().unwrap().remove(name);
        self.signed(&head.to_string(), &claims.to_string())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn claims() -> Value {
    let now_s = NOW.0 / 1_000;
    json!({
        "iss": "chakan", "aud": "chakan-api",
        "sub": "0193a5a0-0000-7000-8000-000000000001",
        "jti": "0193a5a0-0000-7000-8000-000000000002",
        "iat": now_s, "exp": now_s + 900,
    })
}

fn joined(head: &str, claims: &str) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}", part(head), part(claims))
}

#[test]
fn an_honest_token_is_read_back() {
    let fixture = Fixture::new("honest");
    let bearer = Bearer { person: PersonId(Uuid::from_u128(1)), device: None };
    for device in [None, Some(DeviceId(Uuid::from_u128(2)))] {
        let bearer = Bearer { device, ..bearer };
        let (token, ends) = fixture.tokens.issue(bearer, Uuid::nil(), NOW).unwrap();
        assert!(token.len() < MOST_CHARACTERS / 2);
        assert_eq!(fixture.tokens.check(&token, ends - Span(1)).unwrap(), bearer);
        assert!(fixture.tokens.check(&token, ends).is_err(), "ended");
    }
    // The fixture of the forgeries is itself honest: nothing but the forgery makes them fail.
    let token = fixture.signed(&fixture.head().to_string(), &claims().to_string());
    assert!(fixture.tokens.check(&token, NOW).is_ok());
    fixture.tokens.check_itself(&SystemIds, NOW).unwrap();
}

/// The same claims under other algorithms, keys and headers.
fn foreign_signatures(fixture: &Fixture) -> Vec<(String, String)> {
    let (head, body) = (fixture.head(), claims().to_string());
    let honest = fixture.signed(&head.to_string(), &body);
    let signature = honest.rsplit('.').next().unwrap().to_owned();
    let with_alg = |alg: &str| json!({ "typ": "at+jwt", "alg": alg, "kid": fixture.key().id });
    let mut vectors = Vec::new();
    let mut add = |name: &str, token: String| vectors.push((name.to_owned(), token));

    for alg in ["none", "None", "NONE", ""] {
        let text = joined(&with_alg(alg).to_string(), &body);
        add(&format!("alg {alg:?}, no signature"), format!("{text}."));
        add(&format!("alg {alg:?}, no third part"), text.clone());
        add(&format!("alg {alg:?}, honest signature"), format!("{text}.{signature}"));
    }
    let public = fixture.key().public();
    let armored = BASE64_URL_SAFE_NO_PAD.encode(&public);
    for (alg, algorithm) in
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        for (kind, secret) in
            [("raw", public.as_slice()), ("base64", armored.as_bytes()), ("empty", b"")]
        {
            let text = joined(&with_alg(alg).to_string(), &body);
            let mac = hmac::sign(&hmac::Key::new(algorithm, secret), text.as_bytes());
            let mac = BASE64_URL_SAFE_NO_PAD.encode(mac.as_ref());
            add(&format!("{alg} with the {kind} public key"), format!("{text}.{mac}"));
        }
    }
    for alg in ["RS256", "PS256", "ES256", "ES384", "Ed25519", "eddsa", "EdDSA "] {
        add(alg, fixture.signed(&with_alg(alg).to_string(), &body));
    }
    let stranger = Ed25519KeyPair::generate().unwrap();
    let text = joined(&head.to_string(), &body);
    let forged = BASE64_URL_SAFE_NO_PAD.encode(stranger.sign(text.as_bytes()).as_ref());
    add("another key", format!("{text}.{forged}"));
    add("signature of zeros", format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode([0_u8; 64])));
    add("no signature", format!("{text}."));
    add("short signature", format!("{text}.{}", &signature[..80]));
    add("padded signature", format!("{text}.{signature}=="));
    add("four parts", format!("{honest}.{signature}"));
    add("two tokens", format!("{honest} {honest}"));
    add("encrypted form", format!("{text}.{signature}.{signature}.{signature}"));
    let mut other = claims();
    other["sub"] = json!("0193a5a0-0000-7000-8000-000000000009");
    let tampered = joined(&head.to_string(), &other.to_string());
    add("tampered payload", format!("{tampered}.{signature}"));
    let other_head = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": fixture.key().id });
    let reordered = joined(&serde_json::to_string_pretty(&other_head).unwrap(), &body);
    add("tampered header", format!("{reordered}.{signature}"));
    vectors
}

/// Headers that our own key signed, but that we never write.
fn foreign_headers(fixture: &Fixture) -> Vec<(String, String)> {
    let own_jwk = json!({
        "kty": "OKP", "crv": "Ed25519",
        "x": BASE64_URL_SAFE_NO_PAD.encode(fixture.key().public()),
    });
    let mut vectors = Vec::new();
    for (name, value) in [
        ("jwk", own_jwk),
        ("jku", json!("https://example.org/keys")),
        ("x5u", json!("https://example.org/chain")),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("typ", json!("JWT")),
        ("typ", json!("rt+jwt")),
        ("typ", json!("AT+JWT")),
        ("typ", json!(null)),
        ("alg", json!(["EdDSA"])),
        ("kid", json!("another")),
        ("kid", json!("")),
        ("kid", json!("../token/key")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!(7)),
        ("kid", json!(null)),
        ("kid", json!("k".repeat(500))),
    ] {
        vectors.push((format!("header {name} {value}"), fixture.with_head(name, value)));
    }
    for name in ["kid", "typ", "alg"] {
        vectors.push((format!("no {name}"), fixture.without(name)));
    }
    let kid = fixture.key().id;
    for head in [
        format!(r#"{{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"x","kid":"{kid}"}}"#),
        "[]".to_owned(),
        "null".to_owned(),
        "{".to_owned(),
        String::new(),
    ] {
        let token = fixture.signed(&head, &claims().to_string());
        vectors.push((format!("header {head}"), token));
    }
    vectors
}

/// Claims that our own key signed, but that we never write.
fn foreign_claims(fixture: &Fixture) -> Vec<(String, String)> {
    let now_s = NOW.0 / 1_000;
    let mut vectors = Vec::new();
    for (name, value) in [
        ("iss", json!("chakan2")),
        ("iss", json!("Chakan")),
        ("iss", json!(["chakan"])),
        ("iss", json!(null)),
        ("aud", json!("chakan-seal")),
        ("aud", json!("")),
        ("aud", json!(["chakan-api"])),
        ("aud", json!(["chakan-api", "other"])),
        ("aud", json!(null)),
        ("exp", json!(format!("{}", now_s + 900))),
        ("exp", json!(now_s)),
        ("exp", json!(now_s - 1)),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(null)),
        ("exp", json!(0.5)),
        ("exp", json!(u64::MAX)),
        ("exp", json!([now_s + 900])),
        ("exp", json!(true)),
        ("iat", json!(now_s + 3_600)),
        ("iat", json!("now")),
        ("sub", json!("admin")),
        ("sub", json!("")),
        ("sub", json!(1)),
        ("sub", json!(null)),
        ("jti", json!("1")),
        ("dev", json!("phone")),
        ("dev", json!(0)),
        ("nbf", json!(now_s + 100)),
        ("roles", json!(["admin"])),
        ("scope", json!("admin")),
    ] {
        vectors.push((format!("claim {name} {value}"), fixture.with_claim(name, value)));
    }
    for name in ["iss", "aud", "sub", "jti", "iat", "exp"] {
        vectors.push((format!("no {name}"), fixture.without(name)));
    }
    let head = fixture.head().to_string();
    let body = claims().to_string();
    for (name, twice) in [
        ("exp", format!(r#""exp":{},"#, now_s + 900)),
        ("sub", r#""sub":"0193a5a0-0000-7000-8000-000000000009","#.to_owned()),
        ("aud", r#""aud":"chakan-api","#.to_owned()),
        ("iss", r#""iss":"chakan","#.to_owned()),
    ] {
        let doubled = body.replacen('{', &format!("{{{twice}"), 1);
        vectors.push((format!("{name} twice"), fixture.signed(&head, &doubled)));
    }
    for body in ["[]", "null", "{}", "\"\"", "{", ""] {
        vectors.push((format!("claims {body}"), fixture.signed(&head, body)));
    }
    let long = fixture.with_claim("dev", json!("x".repeat(100_000)));
    vectors.push(("oversize".into(), long));
    let honest = fixture.signed(&head, &body);
    vectors.push((
        "honest, but padded beyond the limit".into(),
        format!("{honest}{}", "=".repeat(MOST_CHARACTERS)),
    ));
    vectors
}

#[test]
fn forged_and_foreign_tokens_all_get_the_same_refusal() {
    let fixture = Fixture::new("forged");
    let mut vectors = foreign_signatures(&fixture);
    vectors.extend(foreign_headers(&fixture));
    vectors.extend(foreign_claims(&fixture));
    for garbage in ["", ".", "..", "...", "a.b.c", "eyJ.eyJ.", "\u{0}", "é.é.é", " "] {
        vectors.push((format!("garbage {garbage:?}"), garbage.to_owned()));
    }
    assert!(vectors.len() > 100, "{}", vectors.len());
    let refusal = ApiError::new(Code::Unauthenticated);
    for (name, token) in vectors {
        let error =
            fixture.tokens.check(&token, NOW).err().unwrap_or_else(|| panic!("{name} passed"));
        assert_eq!(format!("{error:?}"), format!("{refusal:?}"), "{name}");
    }
}

#[test]
fn each_single_changed_character_spoils_a_token() {
    let fixture = Fixture::new("changed");
    let honest = fixture.signed(&fixture.head().to_string(), &claims().to_string());
    for at in 0..honest.len() {
        let mut bytes = honest.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(fixture.tokens.check(&changed, NOW).is_err(), "character {at}");
    }
}

#[test]
fn a_key_verifies_before_it_signs_and_ends_with_its_file() {
    let fixture = Fixture::new("rotation");
    let keys = fixture.tokens.keys();
    let first = fixture.key().id;
    let second = keys.rotate(&SystemIds).unwrap();
    let begins = super::super::keys::signs_from(&second);
    let bearer = Bearer { person: PersonId(Uuid::from_u128(1)), device: None };
    let kid = |token: &str| Head::read(token).unwrap().kid;
    let (early, _) = fixture.tokens.issue(bearer, Uuid::nil(), begins - Span(1)).unwrap();
    let (late, _) = fixture.tokens.issue(bearer, Uuid::nil(), begins).unwrap();
    assert_eq!((kid(&early), kid(&late)), (first.clone(), second.clone()));
    assert!(fixture.tokens.check(&early, begins).is_ok());
    assert!(fixture.tokens.check(&late, begins).is_ok());
    assert_eq!(fixture.tokens.jwks()["keys"].as_array().unwrap().len(), 2);

    std::fs::remove_file(fixture.dir.join(format!("{first}.pk8"))).unwrap();
    keys.reload().unwrap();
    assert!(fixture.tokens.check(&early, begins).is_err());
    assert!(fixture.tokens.check(&late, begins).is_ok());
    assert_eq!(fixture.tokens.jwks()["keys"][0]["kid"], json!(second));

    // What is not a key, and then no key at all, leaves the good one in use.
    std::fs::write(fixture.dir.join("zzz.pk8"), "half a file").unwrap();
    assert!(keys.reload().is_err());
    assert!(fixture.tokens.check(&late, begins).is_ok());
    std::fs::remove_file(fixture.dir.join("zzz.pk8")).unwrap();
    std::fs::remove_file(fixture.dir.join(format!("{second}.pk8"))).unwrap();
    assert!(keys.reload().is_err());
    assert!(fixture.tokens.check(&late, begins).is_ok());
}

#[test]
fn a_key_that_was_taken_away_vouches_for_no_token_seen_before() {
    let fixture = Fixture::new("taken-away");
    let bearer = Bearer { person: PersonId(Uuid::from_u128(1)), device: None };
    let (token, _) = fixture.tokens.issue(bearer, Uuid::nil(), NOW).unwrap();
    assert!(fixture.tokens.check(&token, NOW).is_ok());
    let old = fixture.key().id;
    fixture.tokens.keys().rotate(&SystemIds).unwrap();
    assert!(fixture.tokens.check(&token, NOW).is_ok(), "rotation alone ends nothing");
    std::fs::remove_file(fixture.dir.join(format!("{old}.pk8"))).unwrap();
    fixture.tokens.keys().reload().unwrap();
    assert!(fixture.tokens.check(&token, NOW).is_err());
}

#[test]
fn a_token_seen_before_vouches_for_no_other() {
    let fixture = Fixture::new("seen-before");
    let honest = fixture.signed(&fixture.head().to_string(), &claims().to_string());
    assert!(fixture.tokens.check(&honest, NOW).is_ok());
    let (text, signature) = honest.rsplit_once('.').unwrap();
    let other = fixture.with_claim("sub", json!(Uuid::from_u128(9)));
    let (other_text, _) = other.rsplit_once('.').unwrap();
    assert!(fixture.tokens.check(&format!("{other_text}.{signature}"), NOW).is_err());
    assert!(fixture.tokens.check(&format!("{text}."), NOW).is_err());
    let early = NOW - Span::minutes(30);
    assert!(fixture.tokens.check(&honest, early).is_err(), "issued in the future");
}
