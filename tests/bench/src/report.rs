//! `BENCHMARKS.md`: each command has a section in it, which it replaces as a whole.

use std::{fs, path::PathBuf};

use pingan_runtime::Failure;

/// Shows a section, and writes it to `BENCHMARKS.md` where that is asked for.
///
/// # Errors
///
/// The file cannot be read or written, or has no place for the section.
#[expect(clippy::print_stdout, reason = "it is a command for people")]
pub fn section(name: &str, command: &str, body: &str, write: bool) -> Result<(), Failure> {
    let text = format!("`{command}`, {}, {}\n\n{}\n", machine(), jiff::Zoned::now().date(), body.trim());
    println!("{text}");
    if write {
        let path = root().join("BENCHMARKS.md");
        let file = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        fs::write(&path, replaced(&file, name, &text)?)?;
    }
    Ok(())
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    // The crate lies two folders below it.
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What this machine is, as far as it matters for speed.
fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    format!("{cpus} cores of {}", model.trim_start_matches([' ', '\t', ':']))
}

fn replaced(file: &str, name: &str, text: &str) -> Result<String, Failure> {
    let (begin, end) = (format!("<!-- begin: {name} -->\n"), format!("<!-- end: {name} -->"));
    let nowhere = || format!("BENCHMARKS.md has no place for {name}");
    let (before, rest) = file.split_once(&begin).ok_or_else(nowhere)?;
    let (_, after) = rest.split_once(&end).ok_or_else(nowhere)?;
    Ok(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let file =
            "# A\n<!-- begin: load -->\nold\n<!-- end: load -->\nrest <!-- begin: cost -->\n<!-- end: cost -->\n";
        let new = replaced(file, "load", "new\n").unwrap();
        assert_eq!(new, file.replace("old", "new"));
        assert!(replaced(file, "speed", "new").is_err());
    }
}
