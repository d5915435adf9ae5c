//! How the programs are built.
//!
//! cargo-lambda builds for Amazon Linux 2023 on any machine, for both architectures. Without
//! it, plain cargo builds for the machine that it runs on.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::ValueEnum;
use serde_json::Value;

use crate::{Error, Result, archive::ENTRY, workspace::Workspace};

/// What Lambda runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    /// Graviton.
    #[value(name = "arm64")]
    Arm64,
    /// Intel and AMD.
    #[value(name = "x86_64")]
    X86_64,
}

impl Architecture {
    /// As Lambda writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// That of this machine, if its programs are ones that Lambda could run.
    pub fn of_this_machine() -> Option<Self> {
        match (env::consts::OS, env::consts::ARCH) {
            ("linux", "aarch64") => Some(Self::Arm64),
            ("linux", "x86_64") => Some(Self::X86_64),
            _ => None,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Who builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// `cargo lambda build`.
    CargoLambda,
    /// `cargo build`.
    Cargo,
}

/// For whom the programs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Lambda, of this architecture.
    Lambda(Architecture),
    /// This machine: for a proof of the deployment on it.
    ThisMachine,
}

/// Who builds for whom, by what there is on this machine.
pub fn choose(whom: For, host: Option<Architecture>, has_cargo_lambda: bool) -> Result<(Builder, Architecture)> {
    match whom {
        For::ThisMachine => host.map(|host| (Builder::Cargo, host)).ok_or(Error::NotALambdaMachine),
        For::Lambda(wanted) if has_cargo_lambda => Ok((Builder::CargoLambda, wanted)),
        For::Lambda(wanted) if host == Some(wanted) => Ok((Builder::Cargo, wanted)),
        For::Lambda(wanted) => Err(Error::OtherArchitecture { wanted, host }),
    }
}

/// Whether cargo would find `cargo lambda`: on the path, or in its own folder.
pub fn has_cargo_lambda(path: Option<&OsStr>, cargo_home: Option<&Path>) -> bool {
    let name = format!("cargo-lambda{}", env::consts::EXE_SUFFIX);
    let on_path = path.into_iter().flat_map(env::split_paths);
    on_path.chain(cargo_home.map(|home| home.join("bin"))).any(|folder| is_executable(&folder.join(&name)))
}

/// A build of some functions.
#[derive(Debug)]
pub struct Build<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Who builds.
    pub builder: Builder,
    /// What for.
    pub architecture: Architecture,
    /// The cargo profile.
    pub profile: &'a str,
    /// The functions that are wanted.
    pub functions: &'a [String],
    /// Whether paths of this machine are taken out of the programs.
    pub hides_paths: bool,
}

impl Build<'_> {
    /// Builds, and tells where the program of each function is.
    pub fn run(&self) -> Result<BTreeMap<String, PathBuf>> {
        let arguments = self.arguments();
        let mut command = cargo();
        command.args(&arguments).current_dir(&self.workspace.root);
        if self.hides_paths {
            let (name, flags) = rust_flags(
                &self.remaps(cargo_home().as_deref()),
                env::var("RUSTFLAGS").ok().as_deref(),
                env::var("CARGO_ENCODED_RUSTFLAGS").ok().as_deref(),
            );
            command.env(name, flags);
        }
        let not_run = |source| Error::NotRun { program: "cargo".to_owned(), source };
        let output = match self.builder {
            Builder::Cargo => command.stderr(Stdio::inherit()).output().map_err(not_run)?,
            // What it says to people is not among what this command says to programs.
            Builder::CargoLambda => {
                command.stdout(std::io::stderr()).stderr(Stdio::inherit()).output().map_err(not_run)?
            }
        };
        if !output.status.success() {
            let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
            return Err(Error::Build { command: format!("cargo {}", words.join(" ")) });
        }
        match self.builder {
            Builder::Cargo => self.told_by_cargo(&String::from_utf8_lossy(&output.stdout)),
            Builder::CargoLambda => Ok(self.left_by_cargo_lambda()),
        }
    }

    /// All functions are selected, also where a few are wanted: which features of a dependency
    /// are on goes by the selected packages, and a function built alone would have other bytes.
    fn arguments(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = match self.builder {
            Builder::Cargo => {
                ["build", "--locked", "--message-format", "json-render-diagnostics"].map(Into::into).into()
            }
            Builder::CargoLambda => {
                let architecture = match self.architecture {
                    Architecture::Arm64 => "--arm64",
                    Architecture::X86_64 => "--x86-64",
                };
                let folder = self.lambda_folder().into_os_string();
                let words = ["lambda", "build", "--locked", architecture, "--lambda-dir"];
                words.map(Into::into).into_iter().chain([folder]).collect()
            }
        };
        // cargo-lambda adds its optimisations at `--release`, and not at `--profile release`.
        match self.profile {
            "release" => words.push("--release".into()),
            profile => words.extend(["--profile", profile].map(Into::into)),
        }
        words.extend(self.workspace.functions.iter().flat_map(|name| ["--package".into(), name.into()]));
        words.extend(self.functions.iter().flat_map(|name| ["--bin".into(), name.into()]));
        words
    }

    /// Where paths of this machine begin, and what stands for them in the programs. Of those
    /// that fit, the compiler takes the last.
    fn remaps(&self, cargo_home: Option<&Path>) -> Vec<String> {
        let Workspace { root, target, .. } = self.workspace;
        [cargo_home.map(|home| (home, "/cargo")), Some((root, "/pingan")), Some((target, "/pingan/target"))]
            .into_iter()
            .flatten()
            .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
            .collect()
    }

    fn told_by_cargo(&self, messages: &str) -> Result<BTreeMap<String, PathBuf>> {
        let told: BTreeMap<_, _> = messages.lines().filter_map(program_in).collect();
        let missing = self.functions.iter().find(|name| !told.contains_key(*name));
        match missing {
            Some(function) => Err(Error::NotBuilt { function: function.clone(), path: None }),
            None => Ok(told),
        }
    }

    fn left_by_cargo_lambda(&self) -> BTreeMap<String, PathBuf> {
        let folder = self.lambda_folder();
        self.functions.iter().map(|name| (name.clone(), folder.join(name).join(ENTRY))).collect()
    }

    fn lambda_folder(&self) -> PathBuf {
        self.workspace.target.join("lambda")
    }
}

/// The cargo that runs this command, without what it says of this command's own package:
/// build scripts that look at it would run again.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let is_of_this_package =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if is_of_this_package {
            command.env_remove(name);
        }
    }
    command
}

/// The folder of cargo itself.
pub fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))
}

/// The variable that hands flags to the compiler, with those that are there already. Only
/// the encoded one, which outranks the other, can hold flags with spaces; only the other is
/// one that cargo-lambda adds its own to.
fn rust_flags(ours: &[String], plain: Option<&str>, encoded: Option<&str>) -> (&'static str, String) {
    const SEPARATOR: char = '\x1f';
    let theirs: Vec<_> = match encoded {
        Some(encoded) => encoded.split(SEPARATOR).filter(|flag| !flag.is_empty()).collect(),
        None => plain.unwrap_or_default().split_whitespace().collect(),
    };
    let flags: Vec<_> = ours.iter().map(String::as_str).chain(theirs).collect();
    if encoded.is_some() || flags.iter().any(|flag| flag.contains(char::is_whitespace)) {
        ("CARGO_ENCODED_RUSTFLAGS", flags.join(&SEPARATOR.to_string()))
    } else {
        ("RUSTFLAGS", flags.join(" "))
    }
}

/// The program that one of cargo's messages tells of.
fn program_in(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let program = message["executable"].as_str()?;
    Some((message["target"]["name"].as_str()?.to_owned(), program.into()))
}

fn is_executable(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    file.is_file()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use Architecture::{Arm64, X86_64};

    #[test]
    fn the_builder_is_chosen_by_what_there_is() {
        for (whom, host, has_cargo_lambda, builder) in [
            (For::Lambda(Arm64), Some(X86_64), true, Some((Builder::CargoLambda, Arm64))),
            (For::Lambda(X86_64), Some(X86_64), true, Some((Builder::CargoLambda, X86_64))),
            (For::Lambda(X86_64), None, true, Some((Builder::CargoLambda, X86_64))),
            (For::Lambda(X86_64), Some(X86_64), false, Some((Builder::Cargo, X86_64))),
            (For::Lambda(Arm64), Some(X86_64), false, None),
            (For::Lambda(Arm64), None, false, None),
            (For::ThisMachine, Some(Arm64), true, Some((Builder::Cargo, Arm64))),
            (For::ThisMachine, Some(X86_64), false, Some((Builder::Cargo, X86_64))),
            (For::ThisMachine, None, true, None),
        ] {
            let chosen = choose(whom, host, has_cargo_lambda).ok();
            assert_eq!(chosen, builder, "{whom:?} on {host:?}, cargo-lambda {has_cargo_lambda}");
        }
    }

    #[test]
    fn another_architecture_needs_cargo_lambda_and_the_refusal_says_so() {
        let refused = choose(For::Lambda(Arm64), Some(X86_64), false).unwrap_err().to_string();
        assert!(refused.starts_with("This machine (x86_64) cannot build for arm64 by itself."), "{refused}");
        assert!(refused.contains("cargo install --locked cargo-lambda"), "{refused}");
        assert!(!refused.contains('\n'));
        let elsewhere = choose(For::Lambda(Arm64), None, false).unwrap_err().to_string();
        assert!(elsewhere.starts_with("This machine (not a Linux of arm64 or x86_64) cannot"), "{elsewhere}");
    }

    #[cfg(unix)]
    #[test]
    fn cargo_lambda_is_found_on_the_path_and_in_cargos_folder() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path();
        let bin = home.join("bin");
        let path = env::join_paths([Path::new("/nowhere"), &bin]).unwrap();
        fs::create_dir(&bin).unwrap();
        let fake = bin.join("cargo-lambda");
        assert!(!has_cargo_lambda(Some(&path), Some(home)));
        fs::write(&fake, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!has_cargo_lambda(Some(&path), Some(home)), "a file that cannot be run is no command");
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(has_cargo_lambda(Some(&path), None));
        assert!(has_cargo_lambda(None, Some(home)));
        assert!(!has_cargo_lambda(None, None));
    }

    fn words(builder: Builder, profile: &str) -> String {
        let workspace = workspace();
        let functions = ["media".to_owned()];
        let build = Build {
            workspace: &workspace,
            builder,
            architecture: Arm64,
            profile,
            functions: &functions,
            hides_paths: true,
        };
        let words: Vec<_> = build.arguments().into_iter().map(|word| word.into_string().unwrap()).collect();
        words.join(" ")
    }

    fn workspace() -> Workspace {
        let functions = vec!["media".to_owned(), "notify".to_owned()];
        Workspace { root: "/w".into(), target: "/w/target".into(), functions }
    }

    #[test]
    fn every_function_is_selected_and_the_wanted_ones_are_built() {
        assert_eq!(
            words(Builder::Cargo, "dev"),
            "build --locked --message-format json-render-diagnostics --profile dev \
             --package media --package notify --bin media"
        );
        assert_eq!(
            words(Builder::CargoLambda, "release"),
            "lambda build --locked --arm64 --lambda-dir /w/target/lambda --release \
             --package media --package notify --bin media"
        );
        assert!(words(Builder::CargoLambda, "ci").contains(" --profile ci "));
    }

    #[test]
    fn paths_of_this_machine_are_hidden_and_flags_of_the_person_kept() {
        let workspace = workspace();
        let functions = [];
        let build = Build {
            workspace: &workspace,
            builder: Builder::Cargo,
            architecture: X86_64,
            profile: "release",
            functions: &functions,
            hides_paths: true,
        };
        let ours = build.remaps(Some(Path::new("/home/me/.cargo")));
        let joined = "--remap-path-prefix=/home/me/.cargo=/cargo --remap-path-prefix=/w=/pingan \
                      --remap-path-prefix=/w/target=/pingan/target";
        assert_eq!(ours.join(" "), joined);
        assert_eq!(rust_flags(&ours, None, None), ("RUSTFLAGS", joined.to_owned()));
        assert_eq!(rust_flags(&ours, Some(" -C  opt-level=1 "), None).1, format!("{joined} -C opt-level=1"));
        let encoded = ("CARGO_ENCODED_RUSTFLAGS", "--a=/a b\x1f-C\x1fx".to_owned());
        assert_eq!(rust_flags(&["--a=/a b".to_owned()], Some("-C x"), None), encoded);
        assert_eq!(rust_flags(&["--a=/a b".to_owned()], Some("ignored"), Some("-C\x1fx")), encoded);
    }

    #[test]
    fn programs_are_where_cargo_says() {
        let workspace = workspace();
        let functions = ["media".to_owned()];
        let build = Build {
            workspace: &workspace,
            builder: Builder::Cargo,
            architecture: X86_64,
            profile: "dev",
            functions: &functions,
            hides_paths: false,
        };
        let told = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"media\"},\"executable\":null}\n\
                    {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"media\"},\"executable\":\"/t/debug/media\"}\n\
                    {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(build.told_by_cargo(told).unwrap()["media"], Path::new("/t/debug/media"));
        let missing = build.told_by_cargo("").unwrap_err();
        assert_eq!(missing.to_string(), "media: the build left no program.");
    }
}
