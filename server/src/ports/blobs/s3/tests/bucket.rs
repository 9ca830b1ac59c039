//! A bucket that speaks S3 over HTTP, keeps what it is sent and checks every signature.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, mpsc},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::hmac;
use object_store::aws::AmazonS3Builder;
use sha2::{Digest, Sha256};

const SECRET: &str = "not a secret";
const REGION: &str = "cn-north-1";

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) key: String,
    pub(super) query: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    objects: BTreeMap<String, Vec<u8>>,
    held: BTreeMap<String, bool>,
    /// So many requests are answered with 500 first.
    failures: usize,
}

pub(super) struct Bucket {
    state: Arc<Mutex<State>>,
    port: u16,
    handle: actix_web::dev::ServerHandle,
}

impl Bucket {
    pub(super) fn open() -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let (tell, told) = mpsc::channel();
        let shared = state.clone();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(web::Data::from(shared.clone()))
                        .app_data(web::PayloadConfig::new(64 << 20))
                        .default_service(web::to(answer))
                })
                .workers(1)
                .disable_signals()
                .bind(("127.0.0.1", 0))
                .unwrap();
                let port = server.addrs()[0].port();
                let server = server.run();
                tell.send((port, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (port, handle) = told.recv().unwrap();
        Self { state, port, handle }
    }

    pub(super) fn builder(&self) -> AmazonS3Builder {
        AmazonS3Builder::new()
            .with_bucket_name("claims")
            .with_endpoint(format!("http://127.0.0.1:{}", self.port))
            .with_allow_http(true)
            .with_access_key_id("somebody")
            .with_secret_access_key(SECRET)
            .with_region(REGION)
    }

    /// What has come since the last time.
    pub(super) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }

    pub(super) fn fail(&self, times: usize) {
        self.state.lock().unwrap().failures = times;
    }

    pub(super) fn damage(&self, key: &str) {
        self.state.lock().unwrap().objects.get_mut(key).unwrap()[0] ^= 1;
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn answer(
    state: web::Data<Mutex<State>>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let text = |value: &actix_web::http::header::HeaderValue| value.to_str().unwrap().to_owned();
    let seen = Seen {
        method: request.method().to_string(),
        key: request.path().trim_start_matches("/claims/").to_owned(),
        query: request.query_string().to_owned(),
        headers: request.headers().iter().map(|(n, v)| (n.to_string(), text(v))).collect(),
        body: body.to_vec(),
    };
    let signed = is_signed(&seen, request.path());
    let mut state = state.lock().unwrap();
    state.seen.push(seen.clone());
    if !signed {
        return refuse(403, "SignatureDoesNotMatch");
    }
    if state.failures > 0 {
        state.failures -= 1;
        return refuse(500, "InternalError");
    }
    match (seen.method.as_str(), seen.query.as_str()) {
        ("PUT", "retention") => HttpResponse::Ok().finish(),
        ("PUT", "legal-hold") => {
            let on = String::from_utf8(seen.body).unwrap().contains("<Status>ON</Status>");
            state.held.insert(seen.key, on);
            HttpResponse::Ok().finish()
        }
        ("PUT", "") => {
            let there = state.objects.contains_key(&seen.key);
            if there && seen.header("if-none-match") == Some("*") {
                return refuse(412, "PreconditionFailed");
            }
            state.objects.insert(seen.key, seen.body);
            HttpResponse::Ok().insert_header(("etag", "\"1\"")).finish()
        }
        ("GET", "") => match state.objects.get(&seen.key) {
            Some(bytes) => HttpResponse::Ok()
                .insert_header(("etag", "\"1\""))
                .insert_header(("last-modified", "Wed, 25 Jun 2014 16:00:00 GMT"))
                .body(bytes.clone()),
            None => refuse(404, "NoSuchKey"),
        },
        ("DELETE", "") => {
            if state.held.get(&seen.key).copied().unwrap_or(false) {
                return refuse(403, "AccessDenied");
            }
            state.objects.remove(&seen.key);
            HttpResponse::NoContent().finish()
        }
        ("POST", query) if query.starts_with("delete") => {
            let body = String::from_utf8(seen.body).unwrap();
            let key = body.split("<Key>").nth(1).unwrap().split("</Key>").next().unwrap();
            let held = state.held.get(key).copied().unwrap_or(false);
            let said = if held {
                format!(
                    "<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>held</Message></Error>"
                )
            } else {
                state.objects.remove(key);
                format!("<Deleted><Key>{key}</Key></Deleted>")
            };
            HttpResponse::Ok().body(format!("<DeleteResult>{said}</DeleteResult>"))
        }
        other => panic!("{other:?}"),
    }
}

fn refuse(status: u16, code: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap();
    HttpResponse::build(status)
        .body(format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}

/// Signature version 4 as a bucket checks it: every `x-amz-` header must be under it.
fn is_signed(seen: &Seen, path: &str) -> bool {
    let Some(authorization) = seen.header("authorization") else { return false };
    let part = |name: &str| {
        let from = authorization.split(&format!("{name}=")).nth(1).unwrap();
        from.split(',').next().unwrap().trim().to_owned()
    };
    let signed = part("SignedHeaders");
    let names: Vec<&str> = signed.split(';').collect();
    let covers = |name: &String| !name.starts_with("x-amz-") || names.contains(&name.as_str());
    if !seen.headers.keys().all(covers) {
        return false;
    }
    let digest = seen.header("x-amz-content-sha256").unwrap();
    if digest != hex(&Sha256::digest(&seen.body)) {
        return false;
    }
    let headers: String =
        names.iter().map(|name| format!("{name}:{}\n", seen.headers[*name].trim())).collect();
    let query = match seen.query.as_str() {
        "" => String::new(),
        query if query.contains('=') => query.to_owned(),
        query => format!("{query}="),
    };
    let canonical = format!("{}\n{path}\n{query}\n{headers}\n{signed}\n{digest}", seen.method);
    let date = seen.header("x-amz-date").unwrap();
    let scope = format!("{}/{REGION}/s3/aws4_request", &date[..8]);
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let sign = |key: &[u8], text: &str| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let mut key = sign(format!("AWS4{SECRET}").as_bytes(), &date[..8]);
    for text in [REGION, "s3", "aws4_request"] {
        key = sign(&key, text);
    }
    hex(&sign(&key, &text)) == part("Signature")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
