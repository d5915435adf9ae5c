//! What `cargo metadata` tells of the workspace.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Error, Result, build};

/// The workspace whose functions are packaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its folder.
    pub root: PathBuf,
    /// Where its builds go.
    pub target: PathBuf,
    /// The names of its functions, in their order.
    pub functions: Vec<String>,
}

impl Workspace {
    /// The workspace of the current folder.
    pub fn here() -> Result<Self> {
        let mut command = build::cargo();
        command.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]);
        command.stderr(std::process::Stdio::inherit());
        let output = command.output().map_err(|source| Error::NotRun { program: "cargo".to_owned(), source })?;
        if !output.status.success() {
            return Err(Error::Build { command: "cargo metadata".to_owned() });
        }
        let metadata =
            serde_json::from_slice(&output.stdout).map_err(|_| Error::Metadata { what: "anything in JSON" })?;
        Self::of(&metadata)
    }

    /// The functions are the folders of functions/; package and program must be called the same.
    fn of(metadata: &Value) -> Result<Self> {
        let text = |value: &Value, what| value.as_str().map(PathBuf::from).ok_or(Error::Metadata { what });
        let root = text(&metadata["workspace_root"], "the root of the workspace")?;
        let target = text(&metadata["target_directory"], "the folder of builds")?;
        let packages = metadata["packages"].as_array().ok_or(Error::Metadata { what: "the packages" })?;
        let mut functions = Vec::new();
        for package in packages {
            let manifest = text(&package["manifest_path"], "the folder of a package")?;
            if let Some(folder) = function_folder(&root, &manifest) {
                let programs = package["targets"].as_array().into_iter().flatten().filter(|target| is_program(target));
                let called = programs.into_iter().any(|target| target["name"] == *folder);
                if package["name"] != *folder || !called {
                    return Err(Error::Misnamed { folder });
                }
                functions.push(folder);
            }
        }
        functions.sort();
        Ok(Self { root, target, functions })
    }

    /// The functions that were named; all when none was.
    pub fn chosen(&self, names: &[String]) -> Result<Vec<String>> {
        if let Some(name) = names.iter().find(|name| !self.functions.contains(name)) {
            return Err(Error::UnknownFunction { name: name.clone(), known: self.functions.clone() });
        }
        let is_chosen = |function: &&String| names.is_empty() || names.contains(function);
        Ok(self.functions.iter().filter(is_chosen).cloned().collect())
    }
}

fn function_folder(root: &Path, manifest: &Path) -> Option<String> {
    let folder = manifest.parent()?;
    let is_function = folder.parent()? == root.join("functions");
    is_function.then(|| folder.file_name()?.to_str().map(ToOwned::to_owned)).flatten()
}

fn is_program(target: &Value) -> bool {
    target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(packages: &[(&str, &str, &str)]) -> Value {
        let packages: Vec<_> = packages
            .iter()
            .map(|(folder, name, program)| {
                json!({
                    "name": name,
                    "manifest_path": format!("/w/{folder}/Cargo.toml"),
                    "targets": [{ "kind": ["lib"], "name": name }, { "kind": ["bin"], "name": program }],
                })
            })
            .collect();
        json!({ "workspace_root": "/w", "target_directory": "/w/target", "packages": packages })
    }

    fn workspace() -> Workspace {
        Workspace::of(&metadata(&[
            ("functions/notify", "notify", "notify"),
            ("functions/media", "media", "media"),
            ("infra/local", "pingan-local", "pingan-local"),
        ]))
        .unwrap()
    }

    #[test]
    fn functions_are_the_folders_of_functions() {
        assert_eq!(workspace().functions, ["media", "notify"]);
        assert_eq!(workspace().target, Path::new("/w/target"));
    }

    #[test]
    fn a_function_with_another_name_than_its_folder_is_refused() {
        for (name, program) in [("media", "main"), ("mediums", "media")] {
            let refused = Workspace::of(&metadata(&[("functions/media", name, program)])).unwrap_err().to_string();
            assert!(
                refused.starts_with("functions/media has no package and program that are called media"),
                "{refused}"
            );
        }
    }

    #[test]
    fn all_functions_are_chosen_or_those_that_are_named() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(workspace().chosen(&[]).unwrap(), ["media", "notify"]);
        assert_eq!(workspace().chosen(&names(&["notify", "notify"])).unwrap(), ["notify"]);
        let refused = workspace().chosen(&names(&["media", "medai"])).unwrap_err();
        assert_eq!(refused.to_string(), "There is no function medai. There are: media, notify.");
    }
}
