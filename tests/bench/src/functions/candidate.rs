//! Who is measured.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pingan_package::{archive, build::cargo, workspace::Workspace};
use pingan_runtime::Failure;
use serde_json::{Value, json};

use super::scenario::Call;
use crate::peers::Peer;

/// The programs that the functions are measured against.
const HELLO: &str = "baseline-hello";
const BARE: &str = "baseline-bare";

/// What a candidate is measured as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The least that a function can do.
    Hello,
    /// One of the bundle.
    Function,
    /// The SDK calls of one of the bundle, and nothing else.
    Bare,
    /// The submission in another language.
    Peer,
}

/// Who is measured, with what.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// What it is called in the tables.
    pub(super) name: String,
    /// What it is measured as.
    pub(super) kind: Kind,
    /// The program.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<OsString>,
    /// Its own settings.
    pub(super) environment: Vec<(String, String)>,
    /// What it is asked.
    pub(super) call: Call,
    /// What it consists of: a program, or a folder.
    pub(super) contents: PathBuf,
    /// What is uploaded of it.
    pub(super) package: PathBuf,
}

/// The programs, as they are shipped.
pub(super) struct Programs {
    /// The HTTP functions, by name.
    pub(super) functions: BTreeMap<String, PathBuf>,
    /// The functions that nobody waits for, by name: those of streams, uploads and clocks. Only their sizes are looked at.
    pub(super) followers: BTreeMap<String, PathBuf>,
    hello: PathBuf,
    bare: PathBuf,
}

/// The HTTP functions that are wanted, all functions when none is named, and what they are measured against: those
/// in a folder, or built now.
///
/// # Errors
///
/// There is no such HTTP function, or cargo cannot build it.
pub(super) fn programs(only: &[String], folder: Option<PathBuf>) -> Result<Programs, Failure> {
    let workspace = Workspace::here()?;
    let (http, followers): (Vec<_>, Vec<_>) =
        workspace.functions.iter().cloned().partition(|name| is_http(&workspace.root, name));
    if let Some(unknown) = only.iter().find(|name| !http.contains(name)) {
        return Err(format!("{unknown} is no HTTP function. There are: {}", http.join(", ")).into());
    }
    let (functions, followers) = if only.is_empty() { (http, followers) } else { (only.to_vec(), Vec::new()) };
    let folder = match folder {
        Some(folder) => folder,
        None => build(&workspace, functions.iter().chain(&followers))?,
    };
    let there = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), folder.join(&name))).collect();
    Ok(Programs {
        functions: there(functions),
        followers: there(followers),
        hello: folder.join(HELLO),
        bare: folder.join(BARE),
    })
}

/// Builds the programs as they are shipped. Gives the folder where they are.
///
/// It is one build, in which all functions are selected, as `cargo bundle` does it: which features of a dependency
/// are on goes by the selected packages. What they are measured against asks for none that they have not.
#[expect(clippy::print_stderr, reason = "it takes minutes, and people should know what for")]
fn build<'a>(workspace: &Workspace, functions: impl Iterator<Item = &'a String>) -> Result<PathBuf, Failure> {
    eprintln!("building the functions as they are shipped");
    let mut command = cargo();
    command.args(["build", "--locked", "--release", "--package", "pingan-baseline"]);
    command.args(workspace.functions.iter().flat_map(|name| ["--package", name]));
    command.args([HELLO, BARE].into_iter().chain(functions.map(String::as_str)).flat_map(|name| ["--bin", name]));
    if command.current_dir(&workspace.root).status()?.success() {
        Ok(workspace.target.join("release"))
    } else {
        Err("the programs were not built".into())
    }
}

/// Whether a function is asked by the API: its `main.rs` says so.
fn is_http(root: &Path, name: &str) -> bool {
    let main = fs::read_to_string(root.join("functions").join(name).join("src/main.rs"));
    main.is_ok_and(|main| main.contains("serve_http"))
}

impl Candidate {
    /// The hello-world. It does not look at what it is asked.
    pub(super) fn hello(programs: &Programs, call: &Call, work: &Path) -> Result<Self, Failure> {
        Self::rust("hello-world".to_owned(), Kind::Hello, &programs.hello, Vec::new(), (call, work))
    }

    /// A function of the bundle.
    pub(super) fn function(programs: &Programs, call: &Call, work: &Path) -> Result<Self, Failure> {
        let program = programs.functions.get(&call.function).ok_or("a call of no function")?;
        Self::rust(call.function.clone(), Kind::Function, program, settings(), (call, work))
    }

    /// The SDK calls of a function alone. What they ask stands in a file, so that the same program does it for all.
    pub(super) fn bare(programs: &Programs, call: &Call, work: &Path) -> Result<Self, Failure> {
        let mut requests: Vec<Value> = call
            .recorded
            .iter()
            .map(|recorded| {
                let request: Value = serde_json::from_slice(&recorded.request)?;
                Ok(json!({ "operation": recorded.operation, "request": request }))
            })
            .collect::<Result<_, Failure>>()?;
        requests.extend(call.signed.clone());
        let file = work.join(format!("{}.json", call.function));
        fs::write(&file, serde_json::to_vec(&requests)?)?;
        let environment = vec![("BARE_REQUESTS".to_owned(), file.display().to_string())];
        let name = format!("bare calls of {}", call.function);
        Self::rust(name, Kind::Bare, &programs.bare, environment, (call, work))
    }

    /// The submission in another language.
    pub(super) fn peer(peer: &Peer, call: &Call) -> Self {
        let environment = settings().into_iter().chain(peer.environment.iter().cloned()).collect();
        Self {
            name: peer.name.to_owned(),
            kind: Kind::Peer,
            program: peer.program.clone(),
            arguments: peer.arguments.clone(),
            environment,
            call: call.clone(),
            contents: peer.folder.clone(),
            package: peer.package.clone(),
        }
    }

    /// One of ours, packed as `cargo bundle` does it.
    fn rust(
        name: String,
        kind: Kind,
        program: &Path,
        environment: Vec<(String, String)>,
        (call, work): (&Call, &Path),
    ) -> Result<Self, Failure> {
        let package = work.join(program.file_name().unwrap_or_default()).with_extension("zip");
        if !package.exists() {
            archive::package(&name, program, &package)?;
        }
        Ok(Self {
            name,
            kind,
            program: program.to_owned(),
            arguments: Vec::new(),
            environment,
            call: call.clone(),
            contents: program.to_owned(),
            package,
        })
    }

    /// How it is started.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

/// The settings of every function: each reads those that it needs.
fn settings() -> Vec<(String, String)> {
    let tables = [
        "documents",
        "handovers",
        "identities",
        "members",
        "notices",
        "outcomes",
        "reports",
        "rewards",
        "tallies",
        "tasks",
    ];
    let tables = tables.iter().map(|table| (format!("{}_TABLE", table.to_uppercase()), format!("pingan-{table}")));
    let others = [
        ("CURSOR_KEY", "a key that signs the cursors of lists"),
        ("HASH_KEY", "a key that hashes phone numbers and codes"),
        ("IDENTITY_KEY_ID", "identity"),
        ("WEBHOOK_KEY_ID", "webhook"),
        ("MEDIA_BUCKET", "pingan-media"),
        ("NOTICES_TOPIC_ARN", "arn:aws:sns:us-east-1:000000000000:notices"),
        ("JOIN_BASE", "https://localhost/join/"),
        ("LINK_BASE", "https://localhost/r/"),
        ("RETRY_TARGET_ARN", "arn:aws:lambda:us-east-1:000000000000:function:webhook"),
        ("RETRY_ROLE_ARN", "arn:aws:iam::000000000000:role/webhook"),
        ("RETRY_GROUP", "webhook"),
    ];
    tables.chain(others.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}
