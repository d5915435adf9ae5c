//! What every operation of the OpenAPI description has, added in one place: the function
//! that serves it, the security, and the problems that any operation may answer with.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        extensions::Extensions,
        path::Operation,
        request_body::RequestBody,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::{problem::ProblemBody, schema};

/// The name of the security scheme.
const BEARER: &str = "bearer";

/// Problems that every operation may answer with.
const COMMON: [(&str, &str); 5] = [
    ("400", "A field is bad; `errors` names each one"),
    ("401", "Not signed in"),
    ("403", "Signed in, but not allowed"),
    ("500", "Something went wrong on our side"),
    ("503", "Not now; nothing was lost. Retry after `Retry-After` seconds"),
];

/// Problems that every operation with a body may answer with.
const WITH_BODY: [(&str, &str); 2] =
    [("413", "The body is larger than 64 KiB"), ("415", "The body is not declared as JSON")];

/// Marks every operation of a function's router as served by `function` and as needing a
/// bearer token. An operation that says otherwise itself (`security(())`) stays public.
pub fn finish<S: Clone + Send + Sync + 'static>(function: &str, mut router: OpenApiRouter<S>) -> OpenApiRouter<S> {
    for operation in operations(router.get_openapi_mut()) {
        operation.tags = Some(vec![function.to_owned()]);
        let extensions = Extensions::builder().add("x-function", function).build();
        match &mut operation.extensions {
            Some(existing) => existing.merge(extensions),
            none => *none = Some(extensions),
        }
        operation.security.get_or_insert_with(|| vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        describe_problems(operation);
        describe_parameters(operation);
    }
    router
}

fn describe_problems(operation: &mut Operation) {
    let json = |body: &RefOr<RequestBody>| match body {
        RefOr::T(body) => body.content.contains_key("application/json"),
        RefOr::Ref(_) => true,
    };
    let with_body: &[_] = if operation.request_body.as_ref().is_some_and(json) { &WITH_BODY } else { &[] };
    let responses = &mut operation.responses.responses;
    for (status, description) in COMMON.iter().chain(with_body) {
        responses
            .entry((*status).to_owned())
            .or_insert_with(|| RefOr::T(ResponseBuilder::new().description(*description).build()));
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
            && response.content.is_empty()
        {
            let schema = Ref::from_schema_name("ProblemBody");
            let content = ContentBuilder::new().schema(Some(schema)).build();
            response.content.insert("application/problem+json".to_owned(), RefOr::T(content));
        }
    }
}

/// The parameters that many operations have look the same in all of them.
fn describe_parameters(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            // The derive drops the comment of a parameter that brings its own schema.
            let description = match parameter.name.as_str() {
                "node" => Some("A node of your territory; all of it when nothing is said"),
                "role" => Some("Of this role"),
                "kind" => Some("Of this kind"),
                "state" => Some("In this state"),
                "from" => Some("The first day; that of the year of `to` when nothing is said"),
                "to" => Some("The last day; today when nothing is said"),
                "by" => Some("Into what it is divided, always whole; months when nothing is said"),
                "language" => Some("`zh-CN` or `en`; `zh-CN` when nothing is said"),
                _ => None,
            };
            if let Some(description) = description {
                parameter.description = Some(description.to_owned());
            }
            let schema = match parameter.name.as_str() {
                "report_id" | "briefing_id" | "export_id" | "reward_id" | "code" => schema::code(),
                "media_id" | "opening_id" | "Idempotency-Key" => schema::uuid(),
                "district" => schema::node(),
                "If-Match" => schema::etag(),
                _ => continue,
            };
            parameter.schema = Some(schema.into());
        }
    }
}

/// Puts a word before every operation's id: the same operations served by more than one
/// function need ids of their own.
pub fn prefix_ids<S: Clone + Send + Sync + 'static>(prefix: &str, mut router: OpenApiRouter<S>) -> OpenApiRouter<S> {
    for operation in operations(router.get_openapi_mut()) {
        if let Some(id) = &mut operation.operation_id {
            *id = format!("{prefix}_{id}");
        }
    }
    router
}

/// Every operation of a description.
pub fn operations(document: &mut Document) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|path| {
        [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch].into_iter().flatten()
    })
}

/// The description into which the functions' own are merged.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Ping'an 平安",
        description = "Community public-safety reporting: residents report, three stages review, the reporter is answered at every step.\n\nErrors are `application/problem+json` (RFC 9457). Every `POST` takes an `Idempotency-Key` and can be repeated safely; what changes a report takes the `ETag` of the version that was read in `If-Match`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Bearer),
)]
pub struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    }
}
