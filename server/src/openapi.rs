//! The contract as a document: gathered from the annotated handlers, then completed from the policy
//! table, so that security entries and error responses cannot be forgotten.

use api_spec::{problem::Problem, webhook::WebhookMessage};
use utoipa::{
    OpenApi,
    openapi::{
        ContentBuilder, OpenApi as Document, PathItem, Ref, RefOr, ResponseBuilder,
        path::{HttpMethod, Operation, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::auth::policy::{Audience, op};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chakan",
        description = "Motor-claims survey: dispatch, offline field work, evidence, agreement. Times are RFC 3339 in UTC, money is integer fen, positions are WGS-84."
    ),
    components(schemas(Problem, WebhookMessage))
)]
struct Base;

/// The document of every registered operation.
#[must_use]
pub fn document() -> Document {
    let (_, gathered) = crate::routes::openapi_app();
    complete(gathered)
}

/// The base that handlers are gathered into.
pub(crate) fn base() -> Document {
    Base::openapi()
}

fn complete(mut document: Document) -> Document {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations(item) {
            complete_operation(method, operation);
        }
    }
    document
}

/// The operations of one path, with their methods.
pub(crate) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    [
        (HttpMethod::Get, item.get.as_mut()),
        (HttpMethod::Post, item.post.as_mut()),
        (HttpMethod::Put, item.put.as_mut()),
        (HttpMethod::Patch, item.patch.as_mut()),
        (HttpMethod::Delete, item.delete.as_mut()),
        (HttpMethod::Head, item.head.as_mut()),
        (HttpMethod::Options, item.options.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation?)))
}

fn complete_operation(method: HttpMethod, operation: &mut Operation) {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let audience = op::TABLE.iter().find(|(name, _)| *name == id).map(|(_, audience)| *audience);
    // Without a row there is no security entry either, and the guard test fails.
    let Some(audience) = audience else { return };
    let mut statuses = vec![400, 404, 413, 422, 503];
    if audience == Audience::Public {
        operation.security = Some(vec![SecurityRequirement::default()]);
    } else {
        operation.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
        statuses.extend([401, 403]);
    }
    if let Audience::Roles(roles) = audience {
        let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        let note = format!("Roles: {}.", roles.join(", "));
        operation.description = Some(match operation.description.take() {
            Some(text) => format!("{text}\n\n{note}"),
            None => note,
        });
    }
    if !matches!(method, HttpMethod::Get | HttpMethod::Head | HttpMethod::Options) {
        statuses.extend([409, 412, 415, 428, 429, 507]);
    }
    for status in statuses {
        operation.responses.responses.entry(status.to_string()).or_insert_with(problem);
    }
    name_missing_parameters(operation);
}

fn problem() -> RefOr<utoipa::openapi::Response> {
    let content =
        ContentBuilder::new().schema(Some(RefOr::Ref(Ref::from_schema_name("Problem")))).build();
    let response = ResponseBuilder::new()
        .description("a problem with a stable code")
        .content("application/problem+json", content)
        .build();
    RefOr::T(response)
}

/// Headers of commands are read by extractors that the annotations do not see.
fn name_missing_parameters(operation: &mut Operation) {
    let wants = |name: &str| operation.tags.iter().flatten().any(|tag| tag == name);
    let header = |name: &str, description: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(utoipa::openapi::Required::True)
            .description(Some(description))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build()
    };
    let mut headers = Vec::new();
    if wants("command") {
        headers.push(header(
            "Idempotency-Key",
            "a new random value for each command, the same on every retry",
        ));
    }
    if wants("versioned") {
        headers.push(header("If-Match", "the version that the change is based on"));
    }
    if let Some(tags) = &mut operation.tags {
        tags.retain(|tag| tag != "command" && tag != "versioned");
    }
    operation.parameters.get_or_insert_default().extend(headers.into_iter().map(RefOr::T));
}
