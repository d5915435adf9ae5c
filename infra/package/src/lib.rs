//! `cargo bundle`: the functions' packages, as Lambda takes them.
//!
//! The same source gives the same bytes, in any folder and at any time. So a deployment that
//! changes nothing uploads nothing, and anyone can check a deployed package against the source.
//!
//! To change what a package holds, go to [`archive`]; how the programs are built, to [`build`];
//! what a program must be to run in Lambda, to [`program`]; which functions there are, to
//! [`workspace`]; what can be asked for, to [`cli`].

pub mod archive;
pub mod build;
pub mod cli;
pub mod error;
pub mod program;
pub mod workspace;

pub use error::{Error, Result};
