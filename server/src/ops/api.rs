//! Handlers.

use actix_web::{HttpRequest, HttpResponse, get, web};
use api_spec::problem::{Code, Problem};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{app::App, error::ApiError, ports::blobs::BlobFault};

/// The process runs
#[utoipa::path(operation_id = "live", tag = "ops", responses((status = 200, description = "alive", body = String)))]
#[get("/live")]
pub async fn live() -> &'static str {
    "alive\n"
}

/// The server can do its work: the database takes a write, the photo store knows what it flushed
#[utoipa::path(
    operation_id = "ready", tag = "ops",
    responses((status = 200, description = "ready", body = String), (status = 503, description = "not ready", body = Problem))
)]
#[get("/ready")]
pub async fn ready(app: web::Data<App>) -> Result<&'static str, ApiError> {
    app.db.probe().await.map_err(|_| ApiError::database_unavailable())?;
    if !app.ports.blobs.is_trustworthy() {
        return Err(BlobFault::Untrustworthy.into());
    }
    Ok("ready\n")
}

/// Counters in the Prometheus text format, for this machine or with the configured token
#[utoipa::path(
    operation_id = "metrics", tag = "ops",
    responses((status = 200, description = "metrics", body = String), (status = 404, description = "not for you", body = Problem))
)]
#[get("/metrics")]
pub async fn metrics(
    request: HttpRequest,
    app: web::Data<App>,
    metrics: web::Data<PrometheusHandle>,
) -> Result<HttpResponse, ApiError> {
    let admitted = match &app.config.metrics_token {
        Some(token) => {
            let sent = request
                .headers()
                .get("authorization")
                .map(actix_web::http::header::HeaderValue::as_bytes);
            let wanted = format!("Bearer {token}");
            sent.is_some_and(|sent| {
                aws_lc_rs::constant_time::verify_slices_are_equal(sent, wanted.as_bytes()).is_ok()
            })
        }
        // A proxy on this machine makes everybody look local, so anything forwarded is not.
        None => {
            request.peer_addr().is_some_and(|peer| peer.ip().is_loopback())
                && !request.headers().contains_key("forwarded")
                && !request.headers().contains_key("x-forwarded-for")
        }
    };
    if !admitted {
        return Err(ApiError::new(Code::NotFound));
    }
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(metrics.render()))
}
