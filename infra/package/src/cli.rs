//! The command line of `cargo bundle`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this module talks to the person at the terminal")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use crate::{
    Error, Result,
    archive::{self, Package},
    build::{self, Architecture, Build, For},
    program,
    workspace::Workspace,
};

/// Build the functions' Lambda packages: for each a zip with its program as `bootstrap`.
#[derive(Debug, Parser)]
#[command(name = "cargo bundle", bin_name = "cargo bundle", version)]
struct Arguments {
    /// The functions; all of them when none is named.
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,
    /// What the functions run on.
    #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
    arch: Architecture,
    /// The cargo profile to build with.
    #[arg(long, default_value = "release")]
    profile: String,
    /// The folder for the packages [default: infra/packages/<arch>].
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Build as `cargo test` does, for a proof of the deployment on this machine: for its
    /// architecture, and for its glibc instead of Amazon Linux 2023's.
    #[arg(long, conflicts_with = "arch")]
    for_this_machine: bool,
    /// Build nothing: write the package of this program.
    #[arg(long, value_name = "PROGRAM", requires = "to",
        conflicts_with_all = ["functions", "arch", "profile", "out", "for_this_machine"])]
    zip: Option<PathBuf>,
    /// Where `--zip` writes the package.
    #[arg(long, value_name = "ZIP", requires = "zip")]
    to: Option<PathBuf>,
}

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match (&arguments.zip, &arguments.to) {
        (Some(program), Some(to)) => zip(program, to),
        _ => bundle(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn zip(program: &Path, to: &Path) -> Result<()> {
    let name = to.display().to_string();
    let package = archive::package(&name, program, to)?;
    println!("{}", line(&name, &package));
    Ok(())
}

fn bundle(arguments: &Arguments) -> Result<()> {
    let whom = if arguments.for_this_machine { For::ThisMachine } else { For::Lambda(arguments.arch) };
    let workspace = Workspace::here()?;
    let functions = workspace.chosen(&arguments.functions)?;
    let has_cargo_lambda = build::has_cargo_lambda(env::var_os("PATH").as_deref(), build::cargo_home().as_deref());
    let (builder, architecture) = build::choose(whom, Architecture::of_this_machine(), has_cargo_lambda)?;
    let build = Build {
        workspace: &workspace,
        builder,
        architecture,
        profile: &arguments.profile,
        functions: &functions,
        hides_paths: whom != For::ThisMachine,
    };
    let programs = build.run()?;
    let folder = match &arguments.out {
        Some(folder) => folder.clone(),
        None => workspace.root.join("infra/packages").join(architecture.name()),
    };
    // Nothing is written before everything is known to be fit.
    let mut packages = Vec::with_capacity(functions.len());
    for function in &functions {
        let path = programs.get(function).map(PathBuf::as_path);
        let missing = || Error::NotBuilt { function: function.clone(), path: path.map(Path::to_owned) };
        let file = path.filter(|path| path.exists()).ok_or_else(missing)?;
        let program = fs::read(file).map_err(Error::file(file))?;
        program::check_machine(function, &program, architecture)?;
        if whom != For::ThisMachine {
            program::check_glibc(function, &program)?;
        }
        packages.push((function, archive::compress(function, &program)?));
    }
    for (function, bytes) in packages {
        let package = archive::write(&bytes, &folder.join(format!("{function}.zip")))?;
        println!("{}", line(function, &package));
    }
    println!("{}", folder.display());
    Ok(())
}

/// What there is to say of a package.
fn line(name: &str, package: &Package) -> String {
    format!("{name:<16} {:>9} bytes  sha256 {}", package.size_bytes, package.sha256)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn arm64_and_release_are_what_is_built_unasked() {
        let arguments = Arguments::try_parse_from(["cargo bundle"]).unwrap();
        assert_eq!((arguments.arch, arguments.profile.as_str()), (Architecture::Arm64, "release"));
        assert!(Arguments::try_parse_from(["cargo bundle", "--for-this-machine"]).is_ok());
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        for words in [
            &["--for-this-machine", "--arch", "arm64"][..],
            &["--zip", "program"],
            &["--to", "some.zip"],
            &["--zip", "program", "--to", "some.zip", "media"],
            &["--arch", "riscv64"],
        ] {
            let words = ["cargo bundle"].iter().chain(words);
            assert!(Arguments::try_parse_from(words.clone()).is_err(), "{words:?}");
        }
    }
}
