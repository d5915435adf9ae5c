//! Every way in which `cargo bundle` can fail, in one line each.

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::{build::Architecture, program::Glibc};

/// What a function of this crate comes to.
pub type Result<T> = std::result::Result<T, Error>;

/// Why there is no package.
#[derive(Debug, Error)]
pub enum Error {
    /// A function was named that is none.
    #[error("There is no function {name}. There are: {}.", known.join(", "))]
    UnknownFunction {
        /// What was named.
        name: String,
        /// What could have been.
        known: Vec<String>,
    },
    /// A folder of functions/ whose package and program are not called as it is.
    #[error("functions/{folder} has no package and program that are called {folder}; deployment goes by that name.")]
    Misnamed {
        /// The folder.
        folder: String,
    },
    /// Programs for another architecture, without what builds them.
    #[error(
        "This machine ({}) cannot build for {wanted} by itself. Install cargo-lambda and zig \
         (cargo install --locked cargo-lambda; pip install ziglang), or choose another --arch.",
        host.map_or("not a Linux of arm64 or x86_64", Architecture::name)
    )]
    OtherArchitecture {
        /// The architecture that was asked for.
        wanted: Architecture,
        /// The architecture of this machine, where Lambda has it.
        host: Option<Architecture>,
    },
    /// `--for-this-machine` on one that runs no function.
    #[error("This machine runs no Lambda function: it is not a Linux of arm64 or x86_64.")]
    NotALambdaMachine,
    /// Cargo could not be started.
    #[error("{program} cannot be run: {source}.")]
    NotRun {
        /// What was to run.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The build failed, and has said why.
    #[error("The build failed: {command}.")]
    Build {
        /// What was run.
        command: String,
    },
    /// `cargo metadata` said something else than was expected of it.
    #[error("cargo metadata does not tell {what}.")]
    Metadata {
        /// What was looked for.
        what: &'static str,
    },
    /// The build succeeded, and left no program.
    #[error("{function}: the build left no program{}.", path.as_ref().map(|path| format!(" at {}", path.display())).unwrap_or_default())]
    NotBuilt {
        /// The function.
        function: String,
        /// Where it was looked for, if in one place.
        path: Option<PathBuf>,
    },
    /// A program for another machine than its package is for.
    #[error("{function}: the program is not one of Linux on {wanted}.")]
    WrongMachine {
        /// The function.
        function: String,
        /// The architecture that the package is for.
        wanted: Architecture,
    },
    /// A program that Lambda could not start.
    #[error(
        "{function}: the program needs glibc {needs}, and Amazon Linux 2023 has {has}. Install cargo-lambda, which \
         builds for it, or build on a system that is as old.",
        has = Glibc::AMAZON_LINUX_2023
    )]
    NewerGlibc {
        /// The function.
        function: String,
        /// The newest version that it asks for.
        needs: Glibc,
    },
    /// A program or package that is larger than Lambda takes.
    #[error("{name}: the {what} has {size_bytes} bytes, and Lambda takes {limit_bytes}. Use --profile release.")]
    TooLarge {
        /// The function, or the file.
        name: String,
        /// The program or the package.
        what: &'static str,
        /// What it has.
        size_bytes: u64,
        /// What Lambda takes.
        limit_bytes: u64,
    },
    /// A file that could not be read or written.
    #[error("{}: {source}.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("The package could not be written: {0}.")]
    Archive(#[from] zip::result::ZipError),
}

impl Error {
    /// An error of the file system, with the file's name.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
