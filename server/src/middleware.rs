//! What every request passes: a request id, a time limit, security headers, a log line and counters.
//! Nothing here logs a path, a query, a header or a body: they may hold plates, phones and tokens.

use std::time::{Duration, Instant};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web,
};

use crate::{app::App, error::ApiError, evidence};

/// An answer that takes longer than this is of no use to anybody.
const TIME: Duration = Duration::from_secs(30);
/// Photos come over slow links.
const UPLOAD_TIME: Duration = Duration::from_secs(600);

/// Wraps every request.
pub(crate) async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let request_id =
        request.app_data::<web::Data<App>>().map(|app| app.ports.ids.uuid().to_string());
    let request_id = request_id.unwrap_or_default();
    let method = request.method().clone();
    let uploads = request.path().starts_with("/api/v1/uploads");
    let limit = if method == Method::PUT || uploads { UPLOAD_TIME } else { TIME };
    let docs = request.path().starts_with("/docs");

    let mut response = match tokio::time::timeout(limit, next.call(request)).await {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        // Keeping the request to answer here would break routing; these two are answered without headers.
        Ok(Err(error)) => return Err(problem_of(&error).into()),
        Err(_) => return Err(ApiError::overloaded().into()),
    };
    if uploads {
        evidence::speak_tus(response.headers_mut());
    }
    secure(response.headers_mut(), docs, &request_id);
    record(&method, &response, began.elapsed(), &request_id);
    Ok(response)
}

/// The framework's own refusals become problems like all others.
fn problem_of(error: &Error) -> ApiError {
    use api_spec::problem::Code;
    let status = error.as_response_error().status_code().as_u16();
    match Code::ALL.iter().find(|code| code.status() == status && status < 500) {
        Some(code) => ApiError::new(*code),
        None if status < 500 => ApiError::new(Code::Malformed),
        None => ApiError::internal("the framework answered an error"),
    }
}

fn secure(headers: &mut header::HeaderMap, docs: bool, request_id: &str) {
    let policy = if docs {
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
    } else {
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
    };
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (header::CACHE_CONTROL, if docs { "no-cache" } else { "no-store" }),
    ];
    for (name, value) in fixed {
        // A page that needs a policy of its own has set it already.
        if !headers.contains_key(&name) {
            headers.insert(name, header::HeaderValue::from_static(value));
        }
    }
    if let Ok(value) = header::HeaderValue::from_str(request_id) {
        headers.insert(header::HeaderName::from_static("x-request-id"), value);
    }
}

fn record(method: &Method, response: &ServiceResponse<BoxBody>, took: Duration, request_id: &str) {
    let status = response.status().as_u16();
    // The pattern, not the path: bounded in number and without ids.
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".into());
    let labels =
        [("method", method.to_string()), ("route", route.clone()), ("status", status.to_string())];
    metrics::counter!("chakan_http_requests_total", &labels).increment(1);
    metrics::histogram!("chakan_http_request_seconds", "route" => route.clone())
        .record(took.as_secs_f64());
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(target: "chakan::request", %method, route, status, took_ms, request_id);
}
