//! What was measured of a candidate.

use std::{fs, path::Path, time::Duration};

use pingan_package::archive;
use pingan_runtime::Failure;

use super::candidate::Candidate;

/// One start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    /// From the spawn to the answer.
    pub(super) wall: Duration,
    /// The CPU until then.
    pub(super) cpu: Duration,
    /// The most memory until then, in KiB.
    pub(super) peak_kib: u64,
}

/// Many requests, one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Warm {
    /// CPU for each.
    pub(super) cpu: Duration,
    /// Time for each, with what the services and the Runtime API take.
    pub(super) wall: Duration,
    /// The most memory in the end, in KiB.
    pub(super) peak_kib: u64,
}

/// All that was measured of a candidate.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    /// Its starts.
    pub(super) starts: Vec<Start>,
    /// Its requests when it was warm.
    pub(super) warm: Option<Warm>,
    /// Instructions for each request.
    pub(super) instructions: Option<u64>,
    /// The size of the program, or of the code with its libraries, in bytes.
    pub(super) program_bytes: u64,
    /// The size of what is uploaded, in bytes.
    pub(super) package_bytes: u64,
}

impl Figures {
    /// With the sizes, and nothing measured yet.
    pub(super) fn of(candidate: &Candidate) -> Result<Self, Failure> {
        let (program_bytes, package_bytes) = (size(&candidate.contents)?, size(&candidate.package)?);
        Ok(Self { program_bytes, package_bytes, ..Self::default() })
    }

    /// The sizes of a program that is not started, packed as `cargo bundle` does it.
    pub(super) fn of_package(name: &str, program: &Path, work: &Path) -> Result<Self, Failure> {
        let package_bytes = archive::package(name, program, &work.join(name).with_extension("zip"))?.size_bytes;
        Ok(Self { program_bytes: size(program)?, package_bytes, ..Self::default() })
    }

    /// The median of the starts by one of their figures; none where there were none.
    pub(super) fn median_of<T: Copy + Ord>(&self, figure: impl Fn(&Start) -> T) -> Option<T> {
        let mut figures: Vec<T> = self.starts.iter().map(figure).collect();
        figures.sort_unstable();
        figures.get(figures.len().checked_sub(1)? / 2).copied()
    }

    /// The most memory that it ever had, in KiB.
    pub(super) fn peak_kib(&self) -> Option<u64> {
        self.starts.iter().map(|start| start.peak_kib).chain(self.warm.map(|warm| warm.peak_kib)).max()
    }
}

/// The size of a file, or of all files below a folder, in bytes.
fn size(path: &Path) -> Result<u64, Failure> {
    let about = fs::symlink_metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if !about.is_dir() {
        return Ok(about.len());
    }
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        bytes += size(&entry?.path())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_one_that_was_measured() {
        let starts =
            [5, 1, 9, 2, 7].map(|ms| Start { wall: Duration::from_millis(ms), cpu: Duration::ZERO, peak_kib: ms });
        let figures = Figures { starts: starts.to_vec(), ..Figures::default() };
        assert_eq!(figures.median_of(|start| start.wall), Some(Duration::from_millis(5)));
        assert_eq!(figures.peak_kib(), Some(9));
        assert_eq!(Figures::default().median_of(|start| start.wall), None);
    }

    #[test]
    fn a_folder_is_as_large_as_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        fs::write(folder.path().join("a"), [0; 10]).unwrap();
        fs::write(folder.path().join("below/b"), [0; 5]).unwrap();
        assert_eq!(size(folder.path()).unwrap(), 15);
    }
}
