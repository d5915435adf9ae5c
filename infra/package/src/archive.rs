//! The package: a zip with the program as `bootstrap`, and nothing in it that could differ
//! between two builds of the same program.

use std::{
    fs::{self, File},
    io::{Cursor, Write},
    path::Path,
};

use data_encoding::BASE64;
use flate2::Compression;
use sha2::{Digest, Sha256};
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use crate::{Error, Result};

/// What the runtime `provided.al2023` starts.
pub const ENTRY: &str = "bootstrap";

/// What Lambda takes as a direct upload.
pub const PACKAGE_LIMIT_BYTES: u64 = 50 * 1024 * 1024;

/// What Lambda takes once it is unpacked.
pub const PROGRAM_LIMIT_BYTES: u64 = 250 * 1024 * 1024;

/// A package that has been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// How large it is.
    pub size_bytes: u64,
    /// Its digest, as Lambda tells it in `CodeSha256` and Terraform in `source_code_hash`.
    pub sha256: String,
}

/// Reads a program and writes its package: whole, or not at all. The name is for errors.
pub fn package(name: &str, program: &Path, to: &Path) -> Result<Package> {
    let program = fs::read(program).map_err(Error::file(program))?;
    write(&compress(name, &program)?, to)
}

/// The bytes of a package.
pub fn compress(name: &str, program: &[u8]) -> Result<Vec<u8>> {
    within(name, "program", program.len(), PROGRAM_LIMIT_BYTES)?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(Compression::default().level().into()))
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(0o755);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(ENTRY, options)?;
    writer.write_all(program).map_err(zip::result::ZipError::Io)?;
    let package = writer.finish()?.into_inner();
    within(name, "package", package.len(), PACKAGE_LIMIT_BYTES)?;
    Ok(package)
}

/// Writes a package beside its place and moves it there, so that nobody ever sees half of one.
pub fn write(package: &[u8], to: &Path) -> Result<Package> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let mut file = tempfile::Builder::new().prefix(".package-").tempfile_in(folder).map_err(Error::file(folder))?;
    file.write_all(package).map_err(Error::file(to))?;
    readable(file.as_file()).map_err(Error::file(to))?;
    file.persist(to).map_err(|error| Error::file(to)(error.error))?;
    let size_bytes = u64::try_from(package.len()).unwrap_or(u64::MAX);
    Ok(Package { size_bytes, sha256: BASE64.encode(&Sha256::digest(package)) })
}

fn within(name: &str, what: &'static str, length: usize, limit_bytes: u64) -> Result<()> {
    let size_bytes = u64::try_from(length).unwrap_or(u64::MAX);
    if size_bytes > limit_bytes {
        return Err(Error::TooLarge { name: name.to_owned(), what, size_bytes, limit_bytes });
    }
    Ok(())
}

/// A temporary file is its owner's alone; a package may be deployed by another account.
fn readable(file: &File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        time::{Duration, SystemTime},
    };

    use zip::ZipArchive;

    use super::*;

    /// Bytes with enough in them to compress, as a program has.
    fn program() -> Vec<u8> {
        (0..200_000_u32).flat_map(|number| (number.wrapping_mul(number) / 7).to_le_bytes()).collect()
    }

    #[test]
    fn a_package_holds_the_program_as_bootstrap_and_nothing_else() {
        let bytes = compress("media", &program()).unwrap();
        let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 1);
        assert_eq!(archive.comment(), b"");
        let mut entry = archive.by_index(0).unwrap();
        assert_eq!(entry.name().unwrap(), "bootstrap");
        assert_eq!(entry.unix_mode(), Some(0o100_755));
        assert_eq!(entry.last_modified(), Some(DateTime::DEFAULT));
        assert_eq!(entry.compression(), CompressionMethod::Deflated);
        assert_eq!(entry.extra_data().unwrap_or_default(), b"");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert!(content == program());
    }

    #[test]
    fn a_package_depends_on_the_program_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("media");
        let (first, second) = (folder.path().join("first.zip"), folder.path().join("deeper/second.zip"));
        fs::write(&file, program()).unwrap();
        let one = package("media", &file, &first).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let two = package("media", &file, &second).unwrap();
        assert_eq!(one, two);
        assert!(fs::read(&first).unwrap() == fs::read(&second).unwrap());
        // Nothing is left beside them.
        assert_eq!(fs::read_dir(folder.path().join("deeper")).unwrap().count(), 1);
    }

    /// The digest stands here so that another compressor, which would change every package,
    /// is seen: a new version of one, or another backend of `flate2` that some dependency turns on.
    #[test]
    fn the_compressor_is_the_one_that_was_chosen() {
        let folder = tempfile::tempdir().unwrap();
        let written = write(&compress("media", &program()).unwrap(), &folder.path().join("media.zip")).unwrap();
        assert_eq!(written.sha256, "wXEltHFe8Wcvx1B74AZgs0TQlgM/JkribB3gm4EIyJQ=");
    }

    #[test]
    fn a_package_replaces_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("media.zip");
        fs::write(&to, "an older one").unwrap();
        write(b"a newer one", &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"a newer one");
    }

    #[test]
    fn what_lambda_would_not_take_is_refused() {
        let limit = usize::try_from(PACKAGE_LIMIT_BYTES).unwrap();
        assert!(within("media", "package", limit, PACKAGE_LIMIT_BYTES).is_ok());
        let refused = within("media", "package", limit + 1, PACKAGE_LIMIT_BYTES).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "media: the package has 52428801 bytes, and Lambda takes 52428800. Use --profile release."
        );
    }
}
