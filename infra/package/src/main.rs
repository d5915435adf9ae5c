//! `cargo bundle`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pingan_package::cli::main()
}
