//! Reading the forms of the customer's page.

use std::convert::Infallible;

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use api_spec::problem::Code;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

use super::words::Lang;
use crate::error::ApiError;

/// More than the longest objection in percent-encoded Chinese.
const MOST_BYTES: usize = 16 * 1024;

/// An `application/x-www-form-urlencoded` body. What is wrong with it is part of the value, because
/// it is answered as a page.
pub(super) struct Form<T>(pub(super) Result<T, ApiError>);

impl<T: DeserializeOwned + 'static> FromRequest for Form<T> {
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let urlencoded = kind.is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        let payload = payload.take();
        Box::pin(async move { Ok(Self(read(urlencoded, payload).await)) })
    }
}

async fn read<T: DeserializeOwned>(urlencoded: bool, payload: Payload) -> Result<T, ApiError> {
    if !urlencoded {
        return Err(ApiError::new(Code::UnsupportedMediaType));
    }
    let body = actix_web::body::BodyStream::new(payload);
    let bytes = match actix_web::body::to_bytes_limited(body, MOST_BYTES).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return Err(ApiError::new(Code::Malformed)),
        Err(_) => return Err(ApiError::new(Code::TooLarge)),
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| ApiError::new(Code::Malformed))?;
    // A form's body is written like a query string.
    let form = web::Query::<T>::from_query(text).map_err(|_| ApiError::new(Code::Invalid))?;
    Ok(form.into_inner())
}

/// Whose page it is: the token in the path, and the language.
pub struct Reader {
    /// As it stands in the address.
    pub token: String,
    /// As asked for, or as the browser prefers.
    pub lang: Lang,
    /// Whether a form led back here.
    pub done: bool,
}

impl FromRequest for Reader {
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = request.match_info().get("token").unwrap_or_default().to_owned();
        let asked = request.query_string().split('&').find_map(|pair| pair.strip_prefix("lang="));
        let accept = request.headers().get(header::ACCEPT_LANGUAGE);
        let accept = accept.and_then(|value| value.to_str().ok());
        let done = request.query_string().split('&').any(|pair| pair == "done=1");
        std::future::ready(Ok(Self { token, lang: Lang::choose(asked, accept), done }))
    }
}
