//! The description of the API: it is the code's own, and says what someone who writes a client needs.

use std::collections::BTreeSet;

use pingan_local::api::{self, Functions};
use serde_json::Value;

use crate::harness::World;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// Every operation: its method, its path, and what is said of it.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                operations.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    operations
}

fn document() -> String {
    api::document(Functions::unconnected().unwrap()).unwrap()
}

/// The description, as the code says it.
pub(crate) fn described() -> Value {
    serde_json::from_str(&document()).unwrap()
}

/// What a reference points to, or the value itself.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere"),
        None => value,
    }
}

#[test]
fn the_file_in_the_repository_is_what_the_code_says() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/openapi.json");
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(written == document(), "infra/openapi.json is not what the code says; run `cargo openapi`");
}

#[tokio::test]
async fn the_bundle_serves_the_same() {
    let world = World::start().await;
    let served = world.stranger().get("/openapi.json").await.unwrap();
    assert_eq!(served.body, described());
}

#[test]
fn every_operation_says_what_a_client_needs_to_know() {
    let document = described();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_ne!(document["components"]["securitySchemes"]["bearer"], Value::Null);
    let operations = operations(&document);
    let mut missing = Vec::new();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in &operations {
        let mut check = |there: bool, what: &str| {
            if !there {
                missing.push(format!("{method} {path}: {what}"));
            }
        };
        let said = |field: &str| operation[field].as_str().is_some_and(|text| !text.trim().is_empty());
        check(said("operationId") && ids.insert(operation["operationId"].as_str()), "an operationId of its own");
        check(said("summary"), "a summary");
        check(said("x-function"), "x-function");
        // All operations need a token; one that is public on purpose says so with an empty list.
        check(operation["security"].is_array(), "its security");
        for status in ["400", "401", "403", "503"] {
            let content = &operation["responses"][status]["content"];
            check(content["application/problem+json"].is_object(), &format!("the problem of {status}"));
        }
        let responses = operation["responses"].as_object().unwrap();
        check(responses.keys().any(|status| status.starts_with('2')), "an answer of success");
        for (status, response) in responses {
            let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
            check(described, &format!("the description of {status}"));
            let problem = response["content"]["application/problem+json"].is_object();
            check(status.starts_with('2') || problem, &format!("{status} as problem+json"));
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in &parameters {
            let described = parameter["description"].as_str().is_some_and(|text| !text.is_empty());
            check(described, &format!("the description of {}", parameter["name"]));
            let schema = resolve(&document, &parameter["schema"]);
            check(schema["type"] != Value::Null, &format!("the type of {}", parameter["name"]));
        }
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let there = parameters.iter().any(|parameter| parameter["in"] == "path" && parameter["name"] == *name);
            check(there, &format!("the parameter {name}"));
        }
        let takes = |name: &str| parameters.iter().any(|parameter| parameter["name"] == *name);
        check(method != "POST" || takes("Idempotency-Key"), "the Idempotency-Key header");
        check(!responses.contains_key("428") || takes("If-Match"), "the If-Match header");
        if let Some(body) = operation.get("requestBody") {
            // A file that is sent as it is has no example.
            if ["application/octet-stream", "text/csv"].iter().any(|kind| body["content"][kind].is_object()) {
                check(responses.contains_key("413"), "the problem of 413");
                continue;
            }
            let content = &body["content"]["application/json"];
            let schema = resolve(&document, &content["schema"]);
            let has = |value: &Value| value.get("example").is_some() || value.get("examples").is_some();
            let fields = schema["properties"].as_object();
            let each_has = fields.is_some_and(|fields| !fields.is_empty() && fields.values().all(has));
            check(has(content) || has(schema) || each_has, "an example of its body");
            check(body["required"] == true, "that its body is required");
            for status in ["413", "415"] {
                check(responses.contains_key(status), &format!("the problem of {status}"));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(operations.len() >= 24, "{}", operations.len());
}

/// A closed list stands in the description as one, so that a client can be made from it.
#[test]
fn every_reference_leads_somewhere() {
    let text = document();
    let document: Value = serde_json::from_str(&text).unwrap();
    for part in text.split("\"$ref\": \"").skip(1) {
        let (reference, _) = part.split_once('"').unwrap();
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}
