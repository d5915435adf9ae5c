//! The same submission, written the usual way in Python and in Node: installed from their registries, as exactly the
//! versions that `tests/bench/peers` names, and started as Lambda starts them.
//!
//! What is uploaded to Lambda is one folder for each: in Python the code with its libraries and their bytecode, in Node
//! one bundled file. What Lambda brings along itself, the language and AWS's Runtime Interface Client, lies outside of
//! that folder.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pingan_domain::hash::Digest;
use pingan_runtime::Failure;

use crate::report;

/// How long one step of an installation may take, in seconds. The longest builds Node's Runtime Interface Client.
const STEP_SECONDS: u64 = 900;
/// How often a step is looked at, in milliseconds.
const LOOK_MILLISECONDS: u64 = 50;
/// How many lines of what a step has said are told when it fails.
const TOLD_LINES: usize = 12;
/// Packs a folder with what every Python has; its two arguments are the package without its ending, and the folder.
const ZIP: &str = "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2])";

/// One candidate that is not ours: how it is started.
///
/// Beside [`Peer::environment`] it needs what Lambda and the deployment set for any function: `AWS_LAMBDA_RUNTIME_API`
/// and the `AWS_LAMBDA_FUNCTION_NAME`, `…_VERSION` and `…_MEMORY_SIZE`; `AWS_REGION` and `AWS_DEFAULT_REGION`, both,
/// since each SDK reads another one; credentials; `AWS_ENDPOINT_URL`, for an authority of one's own with
/// `AWS_CA_BUNDLE` (Python) and `NODE_EXTRA_CA_CERTS` (Node); `MEMBERS_TABLE`, `NOTICES_TABLE`, `REPORTS_TABLE`; and
/// as they are set for our own function `MEMBER_CLAIM`, `ACCOUNTS`, `TIME_ZONE` and `POLICY`.
#[derive(Debug, Clone)]
pub struct Peer {
    /// What it is called in tables.
    pub name: &'static str,
    /// The program that is started: the language.
    pub program: PathBuf,
    /// Its arguments: the Runtime Interface Client and the handler.
    pub arguments: Vec<OsString>,
    /// What it needs in its environment because of where it is installed, and what our own functions do without.
    pub environment: Vec<(String, String)>,
    /// What would be uploaded: a zip of the code with its libraries.
    pub package: PathBuf,
    /// The same, unpacked.
    pub folder: PathBuf,
}

/// Installs what is missing into the cache folder, and tells how each is started. In the place of one that this
/// machine cannot run or install stands the reason: a missing language or compiler, a registry out of reach.
///
/// The first time it takes minutes. After that nothing is installed until what is to be installed, or the language,
/// has changed.
///
/// # Errors
///
/// The cache folder cannot be made.
pub fn install(cache: &Path) -> Result<Vec<Result<Peer, String>>, Failure> {
    fs::create_dir_all(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let cache = cache.canonicalize()?;
    let sources = report::root().join("tests/bench/peers");
    Ok(vec![python(&sources.join("python"), &cache.join("python")), node(&sources.join("node"), &cache.join("node"))])
}

fn python(sources: &Path, home: &Path) -> Result<Peer, String> {
    let python = found("python3")?;
    let version = said(&python, ["-VV"])?;
    let (venv, folder) = (home.join("venv"), home.join("package"));
    let program = venv.join("bin/python");
    let wanted =
        key(&[version.as_bytes(), &read(&sources.join("requirements.txt"))?, &read(&sources.join("runtime.txt"))?]);
    once(home, "libraries", wanted, || {
        clear(home)?;
        Step::new(home, &python).args(["-m", "venv"]).arg(&venv).run()?;
        // Lambda brings the client along; it is no part of what is uploaded.
        pip(home, &program).arg("-r").arg(sources.join("runtime.txt")).run()?;
        pip(home, &program).arg("--target").arg(&folder).arg("-r").arg(sources.join("requirements.txt")).run()
    })?;
    let code = sources.join("submission.py");
    once(home, "code", key(&[wanted.bytes(), &read(&code)?]), || {
        copy(&code, &folder)?;
        // The code cannot be compiled where it lies in Lambda: without this, every cold start would compile it.
        Step::new(home, &program).args(["-m", "compileall", "-q"]).arg(&folder).run()?;
        zip(home, &program, &folder)
    })?;
    let path = folder.display().to_string();
    Ok(Peer {
        name: "Python",
        program,
        arguments: ["-m", "awslambdaric", "submission.handler"].map(OsString::from).into(),
        environment: vec![
            ("PYTHONPATH".to_owned(), path.clone()),
            ("LAMBDA_TASK_ROOT".to_owned(), path),
            ("_HANDLER".to_owned(), "submission.handler".to_owned()),
        ],
        package: package(home),
        folder,
    })
}

fn node(sources: &Path, home: &Path) -> Result<Peer, String> {
    let (node, npm) = (found("node")?, found("npm")?);
    // It builds the client, and packs what is uploaded.
    let python = found("python3")?;
    let version = said(&node, ["--version"])?;
    let manifests = ["package.json", "package-lock.json", "build.txt"].map(|name| sources.join(name));
    let mut parts = vec![version.into_bytes()];
    for manifest in &manifests {
        parts.push(read(manifest)?);
    }
    let wanted = key(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    once(home, "libraries", wanted, || {
        clear(home)?;
        for manifest in &manifests {
            copy(manifest, home)?;
        }
        // Of all packages, only the client has to run something of its own to be installed.
        let npm_in = |arguments: &[&str]| Step::new(home, &npm).args(arguments.iter().copied()).inside(home);
        npm_in(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).run()?;
        let mut build = npm_in(&["rebuild", "aws-lambda-ric", "--foreground-scripts"]);
        if let Some(headers) = headers_of(&node) {
            build = build.set("npm_config_nodedir", headers);
        }
        build.set("PATH", with_cmake(home, &python, sources)?).run()
    })?;
    let code = sources.join("submission.mjs");
    let folder = home.join("dist");
    once(home, "code", key(&[wanted.bytes(), &read(&code)?]), || {
        copy(&code, home)?;
        Step::new(home, &npm).args(["run", "bundle"]).inside(home).run()?;
        zip(home, &python, &folder)
    })?;
    Ok(Peer {
        name: "Node",
        program: node,
        arguments: vec![home.join("node_modules/aws-lambda-ric/index.mjs").into(), "submission.handler".into()],
        environment: vec![
            ("LAMBDA_TASK_ROOT".to_owned(), folder.display().to_string()),
            ("_HANDLER".to_owned(), "submission.handler".to_owned()),
            // The client does not take an event without these two.
            ("AWS_LAMBDA_LOG_GROUP_NAME".to_owned(), "/aws/lambda/submission".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME".to_owned(), "submission".to_owned()),
            // Otherwise the SDK writes with each start by when it wants a newer Node.
            ("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED".to_owned(), "true".to_owned()),
        ],
        package: package(home),
        folder,
    })
}

/// The `PATH` for a build that needs cmake: with one from the registry where the machine has none.
fn with_cmake(home: &Path, python: &Path, sources: &Path) -> Result<OsString, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    if found("cmake").is_ok() {
        return Ok(path);
    }
    let venv = home.join("build");
    Step::new(home, python).args(["-m", "venv"]).arg(&venv).run()?;
    pip(home, &venv.join("bin/python")).arg("-r").arg(sources.join("build.txt")).run()?;
    let folders = [venv.join("bin")].into_iter().chain(env::split_paths(&path));
    env::join_paths(folders).map_err(|error| error.to_string())
}

/// The folder with `include/node` of this Node, if it came with its headers. Without them the build loads them.
fn headers_of(node: &Path) -> Option<PathBuf> {
    let prefix = node.canonicalize().ok()?.parent()?.parent()?.to_owned();
    prefix.join("include/node/node_api.h").exists().then_some(prefix)
}

/// Installs with pip what is as its hash says, and builds nothing.
fn pip(home: &Path, python: &Path) -> Step {
    let arguments = ["--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:"];
    Step::new(home, python).args(["-m", "pip", "install"]).args(arguments)
}

fn zip(home: &Path, python: &Path, folder: &Path) -> Result<(), String> {
    Step::new(home, python).args(["-c", ZIP]).arg(package(home).with_extension("")).arg(folder).run()
}

fn package(home: &Path) -> PathBuf {
    home.join("submission.zip")
}

/// Does something unless it was done before with the same key. What ended in the middle is done again.
fn once(home: &Path, what: &str, key: Digest, work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let stamp = home.join(format!("{what}.sha256"));
    let key = key.to_string();
    if fs::read_to_string(&stamp).is_ok_and(|done| done == key) {
        return Ok(());
    }
    work()?;
    fs::write(&stamp, key).map_err(at(&stamp))
}

fn key(parts: &[&[u8]]) -> Digest {
    Digest::of(parts)
}

/// An empty folder, whatever was in it.
fn clear(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(folder)(error)),
        _ => {}
    }
    fs::create_dir_all(folder).map_err(at(folder))
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(at(file))
}

fn copy(file: &Path, folder: &Path) -> Result<(), String> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to).map_err(at(&to))?;
    Ok(())
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// Where a program is that is to be found by its name.
fn found(name: &str) -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    found.ok_or_else(|| format!("this machine has no {name}"))
}

/// What a program says, for what is short.
fn said<const N: usize>(program: &Path, arguments: [&str; N]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().map_err(at(program))?;
    if !output.status.success() {
        return Err(format!("{} does not run: {}", program.display(), output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// One step of an installation: a program that has to end well, and in time. What it says goes to a file in the
/// folder of the candidate.
struct Step {
    command: Command,
    log: PathBuf,
}

impl Step {
    fn new(home: &Path, program: &Path) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { command, log: home.join("install.log") }
    }

    fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(arguments);
        self
    }

    fn set(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    fn run(mut self) -> Result<(), String> {
        let log = File::create(&self.log).map_err(at(&self.log))?;
        let errors = log.try_clone().map_err(at(&self.log))?;
        let program = PathBuf::from(self.command.get_program());
        let mut child = self.command.stdout(log).stderr(errors).spawn().map_err(at(&program))?;
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(at(&program))? {
                break status;
            }
            if begun.elapsed() > Duration::from_secs(STEP_SECONDS) {
                // It is not waited for any longer, whether it can be ended or not.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{} took more than {STEP_SECONDS} seconds", self.described()));
            }
            thread::sleep(Duration::from_millis(LOOK_MILLISECONDS));
        };
        if status.success() {
            return Ok(());
        }
        let said = fs::read(&self.log).map_err(at(&self.log))?;
        Err(format!("{} ended with {status}:\n{}", self.described(), last_lines(&String::from_utf8_lossy(&said))))
    }

    fn described(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_done_again_only_when_something_changed_or_it_failed() {
        let home = tempfile::tempdir().unwrap();
        let mut done = 0;
        let mut ask = |text: &str, answer: Result<(), String>| {
            once(home.path(), "code", key(&[text.as_bytes()]), || {
                done += 1;
                answer
            })
            .map(|()| done)
        };
        assert_eq!(ask("a", Ok(())), Ok(1));
        assert_eq!(ask("a", Ok(())), Ok(1));
        assert_eq!(ask("b", Err("no".to_owned())), Err("no".to_owned()));
        assert_eq!(ask("b", Ok(())), Ok(3));
        assert_eq!(ask("b", Ok(())), Ok(3));
    }

    #[test]
    fn a_step_that_fails_says_what_it_said_last() {
        let home = tempfile::tempdir().unwrap();
        let shell = found("sh").unwrap();
        let step = |script: &str| Step::new(home.path(), &shell).args(["-c", script]).run();
        assert_eq!(step("exit 0"), Ok(()));
        let error = step("seq 1 100; echo why >&2; exit 3").unwrap_err();
        assert!(error.contains("exit status: 3") && error.ends_with("\n99\n100\nwhy"), "{error}");
        assert_eq!(error.lines().count(), 1 + TOLD_LINES);
    }

    #[test]
    fn a_language_that_is_not_there_is_a_reason_and_no_failure() {
        assert_eq!(found("no-such-language"), Err("this machine has no no-such-language".to_owned()));
    }

    #[test]
    fn every_version_is_exact_and_every_download_is_checked() {
        let peers = report::root().join("tests/bench/peers");
        for name in ["python/requirements.txt", "python/runtime.txt", "node/build.txt"] {
            let text = fs::read_to_string(peers.join(name)).unwrap();
            let wanted = text.lines().filter(|line| !line.starts_with([' ', '#']));
            let mut packages = 0;
            for line in wanted {
                assert!(line.contains("==") && line.ends_with('\\'), "{name}: {line}");
                packages += 1;
            }
            assert!(packages > 0, "{name}");
        }
        let read = |name: &str| -> serde_json::Value {
            serde_json::from_slice(&fs::read(peers.join("node").join(name)).unwrap()).unwrap()
        };
        for field in ["dependencies", "devDependencies"] {
            for (name, version) in read("package.json")[field].as_object().unwrap() {
                assert!(version.as_str().unwrap().starts_with(|first: char| first.is_ascii_digit()), "{name}");
            }
        }
        for (name, package) in read("package-lock.json")["packages"].as_object().unwrap() {
            assert!(name.is_empty() || package["integrity"].is_string(), "{name}");
        }
    }
}
