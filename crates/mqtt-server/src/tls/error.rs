//! What keeps an endpoint's TLS from being set up: which file, what was expected of it, and the way out.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why TLS cannot be set up. Each is shown as one sentence that names the file and what to do; none holds a key or a password.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        error: io::Error,
        /// Who owns the file and who this process is, where that is the reason.
        hint: Option<String>,
    },
    /// A file cannot be written.
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        error: io::Error,
    },
    /// A file is not what it should be, or is damaged.
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is there in its place, and how to put it right.
        reason: String,
    },
    /// A file does not hold something that it should.
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// The key or the PKCS#12 file is encrypted and there is no password.
    PasswordMissing {
        /// The file.
        path: PathBuf,
    },
    /// The password does not open the file, or the file is damaged inside; encryption hides which.
    PasswordWrong {
        /// The file.
        path: PathBuf,
    },
    /// The file is encrypted in a way that is not read.
    Encryption {
        /// The file.
        path: PathBuf,
    },
    /// The key is not the certificate's.
    KeyMismatch {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The settings contradict themselves.
    Settings(&'static str),
    /// The local authority cannot be used.
    Authority {
        /// Its directory.
        directory: PathBuf,
        /// Why, and the way out.
        reason: String,
    },
    /// The cryptographic library failed, for example for want of random bytes.
    Library(String),
}

impl TlsError {
    pub(crate) fn unreadable(path: &Path, error: io::Error) -> TlsError {
        let hint = (error.kind() == io::ErrorKind::PermissionDenied).then(|| permission_hint(path)).flatten();
        TlsError::Unreadable { path: path.to_owned(), error, hint }
    }

    pub(crate) fn unwritable(path: &Path, error: io::Error) -> TlsError {
        TlsError::Unwritable { path: path.to_owned(), error }
    }

    pub(crate) fn malformed(path: &Path, expected: &'static str, reason: impl fmt::Display) -> TlsError {
        TlsError::Malformed { path: path.to_owned(), expected, reason: reason.to_string() }
    }

    pub(crate) fn missing(path: &Path, expected: &'static str) -> TlsError {
        TlsError::Missing { path: path.to_owned(), expected }
    }

    pub(crate) fn library(error: impl fmt::Display) -> TlsError {
        TlsError::Library(error.to_string())
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::Unreadable { path, error, hint } => {
                write!(f, "{} cannot be read: {error}", path.display())?;
                hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            TlsError::Unwritable { path, error } => write!(f, "{} cannot be written: {error}", path.display()),
            TlsError::Malformed { path, expected, reason } => {
                write!(f, "{} should hold {expected}: {reason}", path.display())
            }
            TlsError::Missing { path, expected } => write!(f, "{} holds no {expected}", path.display()),
            TlsError::PasswordMissing { path } => {
                write!(f, "{} is encrypted: set the password of its certificate", path.display())
            }
            TlsError::PasswordWrong { path } => {
                write!(f, "{} does not open with the password set for its certificate, or is damaged", path.display())
            }
            TlsError::Encryption { path } => {
                let path = path.display();
                write!(
                    f,
                    "{path} is encrypted in a way that is not read: convert it with `openssl pkcs8 -topk8 -v2 aes256 -in {path}`"
                )
            }
            TlsError::KeyMismatch { certificate, key } => write!(
                f,
                "the key in {} is not that of the first certificate in {}: the server's own certificate has to come first, \
                 and both files have to be of the same age",
                key.display(),
                certificate.display()
            ),
            TlsError::Settings(reason) => f.write_str(reason),
            TlsError::Authority { directory, reason } => {
                write!(f, "the local certificate authority in {} cannot be used: {reason}", directory.display())
            }
            TlsError::Library(reason) => write!(f, "the TLS library failed: {reason}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TlsError::Unreadable { error, .. } | TlsError::Unwritable { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Who owns the file and with which mode, and who reads. `None` where the directory already keeps us from knowing.
fn permission_hint(path: &Path) -> Option<String> {
    let file = std::fs::metadata(path).ok()?;
    // The owner of this directory is the effective user and group of the process; asking the kernel directly would need `unsafe`.
    let process = std::fs::metadata("/proc/self").ok()?;
    Some(permission_sentence((file.uid(), file.gid(), file.mode()), (process.uid(), process.gid())))
}

fn permission_sentence((owner, group, mode): (u32, u32, u32), (uid, gid): (u32, u32)) -> String {
    format!(
        "it belongs to {owner}:{group} with mode {:04o} and this process runs as {uid}:{gid}: give the file to that user or group, \
         or in Kubernetes set securityContext.fsGroup to {gid}",
        mode & 0o7777
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_file_says_whose_it_is_and_who_reads() {
        let hint = Some(permission_sentence((0, 0, 0o100600), (1000, 1001)));
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        let shown = TlsError::Unreadable { path: "/etc/tls.key".into(), error, hint }.to_string();
        assert!(shown.contains("/etc/tls.key cannot be read: permission denied"), "{shown}");
        assert!(shown.contains("belongs to 0:0 with mode 0600 and this process runs as 1000:1001"), "{shown}");
    }

    #[test]
    fn a_hint_can_be_given_for_any_file_that_is_seen() {
        assert!(permission_hint(Path::new("/")).is_some());
        assert!(permission_hint(Path::new("/no/such/file")).is_none());
    }
}
