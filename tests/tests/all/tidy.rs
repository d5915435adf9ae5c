//! The rules of the house that no compiler keeps: who may import what, how small a
//! `main.rs` is, where key strings are made, and what the API has no place for.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace has a root").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folders(below: &str) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(root().join(below))
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .collect();
    folders.sort();
    folders
}

/// Every file below a folder with this ending, but for what is built.
fn files(below: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).expect("the folder can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && !matches!(name.as_str(), "target" | ".git" | ".pingan") {
            found.extend(files(&path, ending));
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The names of a crate's dependencies, those of its tests left out.
fn dependencies(folder: &Path) -> Vec<String> {
    let manifest = read(&folder.join("Cargo.toml"));
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.split(['.', '=', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn crates_import_what_the_architecture_allows_and_nothing_else() {
    // What a shared crate may use of the workspace, and of AWS.
    let allowed: &[(&str, &[&str], &[&str])] = &[
        ("domain", &[], &[]),
        ("store", &["pingan-domain"], &["aws-sdk-dynamodb", "aws_lambda_events"]),
        (
            "cloud",
            &["pingan-domain"],
            &["aws-sdk-cognitoidentityprovider", "aws-sdk-kms", "aws-sdk-s3", "aws-sdk-scheduler", "aws-sdk-sns"],
        ),
        ("http", &["pingan-domain"], &["lambda_http"]),
        ("briefing", &["pingan-domain"], &[]),
        ("bankfile", &["pingan-domain"], &[]),
        ("poster", &[], &[]),
        ("inspect", &["pingan-domain"], &[]),
        ("roster", &["pingan-domain"], &[]),
        (
            "membership",
            &["pingan-cloud", "pingan-domain", "pingan-http", "pingan-runtime", "pingan-store"],
            &["aws-config", "aws-sdk-cognitoidentityprovider", "aws-sdk-dynamodb", "aws-sdk-kms"],
        ),
        ("runtime", &[], &["aws-config", "aws-types", "aws_lambda_events", "lambda_http", "lambda_runtime"]),
        (
            "workflow",
            &["pingan-domain", "pingan-http", "pingan-runtime", "pingan-store"],
            &["aws-config", "aws-sdk-dynamodb"],
        ),
    ];
    let is_aws = |name: &str| name.starts_with("aws") || name.starts_with("lambda");
    let functions: Vec<_> = folders("functions").iter().map(|path| name_of(path)).collect();
    for folder in folders("shared") {
        let name = name_of(&folder);
        let (_, ours, aws) = allowed
            .iter()
            .find(|(known, ..)| *known == name)
            .unwrap_or_else(|| panic!("shared/{name} is not in the import table"));
        for dependency in dependencies(&folder) {
            if dependency.starts_with("pingan-") || functions.contains(&dependency) {
                assert!(ours.contains(&dependency.as_str()), "shared/{name} must not import {dependency}");
            }
            if is_aws(&dependency) {
                assert!(aws.contains(&dependency.as_str()), "shared/{name} must not import {dependency}");
            }
        }
    }
    for folder in folders("functions") {
        for dependency in dependencies(&folder) {
            let other = functions.contains(&dependency) || dependency == "pingan-local";
            assert!(!other, "functions/{} must not import {dependency}", name_of(&folder));
        }
    }
}

#[test]
fn the_domain_does_no_input_or_output() {
    let allowed = ["data-encoding", "jiff", "serde", "serde_json", "sha2", "thiserror", "uuid"];
    for dependency in dependencies(&root().join("shared/domain")) {
        assert!(allowed.contains(&dependency.as_str()), "the domain must not import {dependency}");
    }
    for file in files(&root().join("shared/domain/src"), ".rs") {
        let source = read(&file);
        for word in ["std::fs", "std::net", "std::env", "async fn", "Timestamp::now", "SystemTime", "new_v4"] {
            assert!(!source.contains(word), "{} has {word}", file.display());
        }
    }
}

#[test]
fn a_main_only_configures_and_runs() {
    for folder in folders("functions") {
        let lines = read(&folder.join("src/main.rs")).lines().count();
        assert!(lines <= 30, "functions/{}/src/main.rs has {lines} lines", name_of(&folder));
    }
}

#[test]
fn key_strings_are_made_in_one_module() {
    let keys = root().join("shared/store/src/keys.rs");
    for below in ["shared", "functions", "infra/local/src"] {
        for file in files(&root().join(below), ".rs").into_iter().filter(|file| *file != keys) {
            let source = read(&file);
            let code: String = source
                .lines()
                .take_while(|line| !line.contains("#[cfg(test)]"))
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            for word in [
                "\"REPORT#",
                "\"MEMBER#",
                "\"CENSUS#",
                "\"TASK#",
                "\"PLACE#",
                "\"RECEIPTS#",
                "\"COUNT#",
                "\"ANSWER#",
                "\"DONE#",
                "\"BRIEFING#",
                "\"DISTRICTS\"",
                "\"IDENTITY#",
                "\"PHONE#",
                "\"INVITE#",
                "\"OPENING#",
                "\"DISTRICT#",
                "\"QUEUE#",
                "\"MEDIA#",
                "\"RECEIPT#",
                "\"NODE#",
                "\"REPORTER#",
                "\"ACCESS#",
                "\"WEBHOOK#",
                "\"DELIVERIES#",
            ] {
                assert!(!code.contains(word), "{} makes a key string of its own: {word}…", file.display());
            }
        }
    }
}

#[test]
fn every_dependency_has_its_reason_written_down() {
    let manifest = read(&root().join("Cargo.toml"));
    let reasons = read(&root().join("docs/dependencies.md"));
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("the section is there");
    let section = section.split("\n[").next().expect("a split has a first part");
    for line in section.lines().filter(|line| line.contains('=') && !line.contains("path = ")) {
        let name = line.split([' ', '=']).next().expect("a split has a first part");
        assert!(reasons.contains(&format!("`{name}`")), "docs/dependencies.md says nothing of {name}");
    }
}

/// A patch that no version asks for any more is left out with a warning alone.
#[test]
fn the_checksums_are_those_that_stand_in() {
    let lock = read(&root().join("Cargo.lock"));
    let packages: Vec<_> = lock.split("[[package]]").filter(|text| text.contains("\nname = \"crc-fast\"\n")).collect();
    assert_eq!(packages.len(), 1, "there is more than one crc-fast: raise the version of infra/crc-fast");
    assert!(!packages[0].contains("source = "), "infra/crc-fast is not used: raise its version");
}

/// The API has no field, value or parameter for what a person is or thinks.
#[test]
fn the_api_has_no_place_for_what_people_are_or_think() {
    let document: Value =
        serde_json::from_str(&read(&root().join("infra/openapi.json"))).expect("the description is JSON");
    let mut names = Vec::new();
    collect_names(&document, &mut names);
    assert!(names.len() > 100, "the description has too few names to be the real one");
    for name in names {
        let lower = name.to_lowercase();
        for word in
            ["ethnic", "religi", "faith", "politic", "petition", "nationalit", "sexual", "watch_list", "suspect_name"]
        {
            assert!(!lower.contains(word), "the API has {name}");
        }
    }
}

/// Names of properties and parameters, and values of closed lists.
fn collect_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if key == "properties" {
                    names.extend(field.as_object().into_iter().flat_map(|object| object.keys().cloned()));
                }
                if key == "enum" {
                    names.extend(
                        field.as_array().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned),
                    );
                }
                if key == "parameters" {
                    names.extend(
                        field
                            .as_array()
                            .into_iter()
                            .flatten()
                            .filter_map(|parameter| parameter["name"].as_str())
                            .map(ToOwned::to_owned),
                    );
                }
                collect_names(field, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
}
