//! Files with secrets: whole or absent, and for their owner only (mode 0600).

use super::TlsError;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Writes `content` unless the file exists; says whether it was written. Of two processes that start at once, one writes.
pub(crate) fn create(path: &Path, content: &[u8]) -> Result<bool, TlsError> {
    let written = write_beside(path, content)?;
    let linked = fs::hard_link(&written, path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Err(error),
        // A file system without hard links.
        _ if !path.exists() => fs::rename(&written, path),
        _ => Err(io::ErrorKind::AlreadyExists.into()),
    });
    // Gone already where it was renamed.
    let _ = fs::remove_file(&written);
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(TlsError::unwritable(path, error)),
    }
}

/// Writes `content` in place of what is there. Readers see the old file or the new one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), TlsError> {
    let written = write_beside(path, content)?;
    fs::rename(&written, path).map_err(|error| TlsError::unwritable(path, error))
}

/// Makes a directory and those above it, for their owner only, unless they exist.
pub(crate) fn create_directory(path: &Path) -> Result<(), TlsError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| TlsError::unwritable(path, error))
}

fn write_beside(path: &Path, content: &[u8]) -> Result<PathBuf, TlsError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let write = || -> io::Result<()> {
        // What a process with our number left behind when it was killed.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        // The mode above is subject to the umask, which may take bits away from the owner.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| TlsError::unwritable(path, error))?;
    Ok(beside)
}
