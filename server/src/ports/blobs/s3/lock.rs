//! Object lock: the bucket itself keeps originals until their day, and while they are held.
//!
//! The client library knows no headers of object lock, and whatever begins with `x-amz-` must be signed.
//! So what is wished for travels beside the request, and is put into it and signed anew just before it
//! goes out. Every try of the library's own retries passes here.

use std::sync::Arc;

use chrono::SecondsFormat;
use futures_util::future::BoxFuture;
use object_store::{
    ClientOptions, HeaderValue,
    aws::{AwsAuthorizer, AwsCredentialProvider},
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpService, ReqwestConnector,
    },
};
use sync_core::time::Instant;

use crate::{config::ObjectLock, wire};

/// What a request wishes of the lock, as an extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The object of this request is kept until then.
    Keep(ObjectLock, Instant),
    /// The request's body is the object's new retention.
    Retention,
    /// The request's body says whether the object is held.
    LegalHold,
}

/// The body of a request that sets a retention.
pub(super) fn retention(mode: ObjectLock, until: Instant) -> String {
    format!(
        "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{}</Mode>\
         <RetainUntilDate>{}</RetainUntilDate></Retention>",
        mode.as_str(),
        day(until),
    )
}

/// The body of a request that holds an object, or lets go of it.
pub(super) fn legal_hold(held: bool) -> String {
    let status = if held { "ON" } else { "OFF" };
    format!(
        "<LegalHold xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>{status}</Status>\
         </LegalHold>"
    )
}

fn day(at: Instant) -> String {
    wire::time(at).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Makes clients that fulfil wishes.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) credentials: AwsCredentialProvider,
    pub(super) region: String,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        let (credentials, region) = (self.credentials.clone(), self.region.clone());
        Ok(HttpClient::new(Wishing { client, credentials, region: region.into() }))
    }
}

#[derive(Debug)]
struct Wishing {
    client: HttpClient,
    credentials: AwsCredentialProvider,
    region: Arc<str>,
}

impl HttpService for Wishing {
    fn call<'a, 'b>(
        &'a self,
        mut request: HttpRequest,
    ) -> BoxFuture<'b, Result<HttpResponse, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let Some(wish) = request.extensions().get::<Wish>().copied() else {
                return self.client.execute(request).await;
            };
            fulfil(wish, &mut request)?;
            let credential = self.credentials.get_credential().await.map_err(unsigned)?;
            let digest = digest(&request);
            request.headers_mut().remove("authorization");
            AwsAuthorizer::new(&credential, "s3", &self.region)
                .with_sign_payload(digest.is_some())
                .try_authorize(&mut request, digest.as_deref())
                .map_err(unsigned)?;
            let mut response = self.client.execute(request).await?;
            // The library asks every answer to a PUT for one.
            if !response.headers().contains_key("etag") {
                response.headers_mut().insert("etag", HeaderValue::from_static("\"-\""));
            }
            Ok(response)
        })
    }
}

fn fulfil(wish: Wish, request: &mut HttpRequest) -> Result<(), HttpError> {
    let part = match wish {
        Wish::Keep(mode, until) => {
            let until = HeaderValue::from_str(&day(until)).map_err(unsigned)?;
            let mode = HeaderValue::from_static(mode.as_str());
            request.headers_mut().insert("x-amz-object-lock-mode", mode);
            request.headers_mut().insert("x-amz-object-lock-retain-until-date", until);
            return Ok(());
        }
        Wish::Retention => "retention",
        Wish::LegalHold => "legal-hold",
    };
    let uri = format!("{}?{part}", request.uri());
    *request.uri_mut() = uri.parse().map_err(unsigned)?;
    Ok(())
}

/// The body's hash as the library has signed it; nothing when it signs no bodies.
fn digest(request: &HttpRequest) -> Option<Vec<u8>> {
    let text = request.headers().get("x-amz-content-sha256")?.to_str().ok()?;
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect()
}

fn unsigned(error: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Request, error)
}
