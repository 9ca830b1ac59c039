//! Every capability's operations, one line each, and what is answered when nothing matches.

use actix_web::{App, HttpRequest, HttpResponse, dev::ServiceFactory, web};
use api_spec::problem::Code;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::{AppExt, UtoipaApp, scope, service_config::ServiceConfig};

use crate::{
    agreement, assessment, board, dispatch, documents, draft, error::ApiError, evidence, identity,
    intake, negotiation, openapi, ops, promise, repair, settlement, sla, survey, sync, tariff,
    verification, webhook,
};

/// Everything under `/api/v1`. Exactly one scope: two with one prefix would shadow each other.
fn api(config: &mut ServiceConfig) {
    config
        .configure(identity::routes)
        .configure(promise::routes)
        .configure(intake::routes)
        .configure(repair::routes)
        .configure(dispatch::routes)
        .configure(survey::routes)
        .configure(draft::routes)
        .configure(evidence::routes)
        .configure(tariff::routes)
        .configure(assessment::routes)
        .configure(negotiation::routes)
        .configure(verification::routes)
        .configure(agreement::routes)
        .configure(settlement::routes)
        .configure(documents::routes)
        .configure(sla::routes)
        .configure(sync::routes)
        .configure(board::routes)
        .configure(webhook::routes);
}

/// Registers every operation on an application.
pub(crate) fn register<T>(app: App<T>) -> UtoipaApp<T>
where
    T: ServiceFactory<
            actix_web::dev::ServiceRequest,
            Config = (),
            Error = actix_web::Error,
            InitError = (),
        >,
{
    app.into_utoipa_app()
        .openapi(openapi::base())
        .configure(ops::routes)
        .configure(identity::well_known)
        .configure(evidence::well_known)
        .configure(agreement::pages)
        .configure(dispatch::pages)
        .configure(board::pages)
        .service(scope("/api/v1").configure(api))
}

/// An application that exists only to gather its document.
pub(crate) fn openapi_app() -> ((), OpenApi) {
    let (_, document) = register(App::new()).split_for_parts();
    ((), document)
}

/// The methods that each path takes, to tell "no such address" from "not with this method".
#[derive(Clone, Debug, Default)]
pub struct KnownPaths(Vec<(Vec<Option<String>>, Vec<&'static str>)>);

impl KnownPaths {
    /// Reads the paths of a document.
    #[must_use]
    pub fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter().map(|(path, item)| {
            let mut item = item.clone();
            let methods =
                openapi::operations(&mut item).map(|(method, _)| method_name(&method)).collect();
            let segments = path.split('/').map(|segment| {
                // A template segment matches anything.
                (!segment.starts_with('{')).then(|| segment.to_owned())
            });
            (segments.collect(), methods)
        });
        Self(paths.collect())
    }

    fn methods(&self, path: &str) -> Vec<&'static str> {
        let asked: Vec<&str> = path.split('/').collect();
        let matches = |known: &[Option<String>]| {
            known.len() == asked.len()
                && known
                    .iter()
                    .zip(&asked)
                    .all(|(known, asked)| known.as_deref().is_none_or(|k| k == *asked))
        };
        self.0
            .iter()
            .filter(|(known, _)| matches(known))
            .flat_map(|(_, methods)| methods.clone())
            .collect()
    }
}

fn method_name(method: &utoipa::openapi::path::HttpMethod) -> &'static str {
    use utoipa::openapi::path::HttpMethod as M;
    match method {
        M::Get => "GET",
        M::Post => "POST",
        M::Put => "PUT",
        M::Patch => "PATCH",
        M::Delete => "DELETE",
        M::Head => "HEAD",
        _ => "OPTIONS",
    }
}

/// What is answered when no operation matches.
pub(crate) async fn no_operation(
    request: HttpRequest,
    known: web::Data<KnownPaths>,
) -> HttpResponse {
    use actix_web::ResponseError;
    let methods = known.methods(request.path());
    if methods.is_empty() || methods.contains(&request.method().as_str()) {
        return ApiError::not_found().error_response();
    }
    let mut response = ApiError::new(Code::MethodNotAllowed).error_response();
    if let Ok(allow) = methods.join(", ").parse() {
        response.headers_mut().insert(actix_web::http::header::ALLOW, allow);
    }
    response
}
