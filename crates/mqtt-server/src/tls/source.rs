//! The files of one endpoint's TLS, read as one.
//!
//! Every file is read once, whatever is looked for in it, and everything else works on these bytes: what was checked is what is used, and
//! the fingerprint is of what is in force. Symbolic links are followed at each reading, as mounted Secrets replace them.

use super::{Fingerprint, TlsError};
use crate::endpoint::{ClientCertificates, ClientTrust, TlsSettings};
use std::collections::HashMap;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A whole web's authorities are 0.3 MB, large revocation lists some MB; above that, somebody named the wrong file.
const MAX_FILE: u64 = 16 << 20;

/// Readings until two in a row agree. Certificate and key are replaced one after the other, or by one link while we are between them.
const MAX_READINGS: u32 = 5;

/// Contents of files by their path.
pub(crate) struct Sources {
    contents: HashMap<PathBuf, Vec<u8>>,
    fingerprint: Fingerprint,
}

impl Sources {
    /// Reads `paths` until nothing changed in between.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Sources, TlsError> {
        Sources::settled(|| Sources::read_once(paths))
    }

    fn settled(mut read: impl FnMut() -> Result<Sources, TlsError>) -> Result<Sources, TlsError> {
        let mut sources = read()?;
        for _ in 1..MAX_READINGS {
            let again = read()?;
            if again.fingerprint == sources.fingerprint {
                break;
            }
            sources = again;
        }
        Ok(sources)
    }

    fn read_once(paths: &[PathBuf]) -> Result<Sources, TlsError> {
        let mut contents = HashMap::new();
        for path in paths {
            contents.insert(path.clone(), read_file(path)?);
        }
        let fingerprint = fingerprint_of(paths, &contents);
        Ok(Sources { contents, fingerprint })
    }

    /// The bytes of a file; empty for one that was not asked for.
    pub(crate) fn get(&self, path: &Path) -> &[u8] {
        self.contents.get(path).map_or(&[], Vec::as_slice)
    }

    /// Of all files.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Of some of the files.
    pub(crate) fn fingerprint_of(&self, paths: &[PathBuf]) -> Fingerprint {
        fingerprint_of(paths, &self.contents)
    }
}

fn fingerprint_of(paths: &[PathBuf], contents: &HashMap<PathBuf, Vec<u8>>) -> Fingerprint {
    let content = |path: &PathBuf| contents.get(path).map_or(&[][..], Vec::as_slice);
    Fingerprint::of_all(paths.iter().flat_map(|path| [path.as_os_str().as_bytes(), content(path)]))
}

/// The files that these settings name, each once.
pub fn files(settings: &TlsSettings) -> Vec<PathBuf> {
    let certificates =
        settings.certificates.iter().flat_map(|files| std::iter::once(&files.path).chain(&files.key_path));
    let mut found: Vec<PathBuf> = Vec::new();
    for path in certificates.cloned().chain(trust_files(&settings.clients)) {
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// The files that decide whose client certificates are valid.
pub(crate) fn trust_files(clients: &ClientCertificates) -> Vec<PathBuf> {
    match clients {
        ClientCertificates::None => Vec::new(),
        ClientCertificates::Allow(trust) | ClientCertificates::Require(trust) => {
            let ClientTrust { authorities, revocation_lists } = trust;
            authorities.iter().chain(revocation_lists).cloned().collect()
        }
    }
}

/// Reads a file up to [`MAX_FILE`].
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| TlsError::unreadable(path, error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut content = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() as u64 > MAX_FILE {
        let reason = format!("it is larger than {} MiB", MAX_FILE >> 20);
        return Err(TlsError::malformed(path, "certificates or keys", reason));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Directory;
    use super::*;

    /// What is kept of readings that find these contents one after the other, and how many there were.
    fn settled(contents: &[&str]) -> (Vec<u8>, usize) {
        let path = PathBuf::from("tls.pem");
        let mut readings = 0;
        let sources = Sources::settled(|| {
            let content = contents[readings.min(contents.len() - 1)].as_bytes().to_vec();
            readings += 1;
            let (paths, contents) = ([path.clone()], HashMap::from([(path.clone(), content)]));
            Ok(Sources { fingerprint: fingerprint_of(&paths, &contents), contents })
        });
        (sources.unwrap().get(&path).to_vec(), readings)
    }

    #[test]
    fn files_that_are_being_replaced_are_read_until_they_settle() {
        assert_eq!(settled(&["old"]), (b"old".to_vec(), 2));
        assert_eq!(settled(&["old", "half", "new"]), (b"new".to_vec(), 4));
        assert_eq!(settled(&["1", "2", "3", "4", "5", "6", "7"]).1, MAX_READINGS as usize);
    }

    #[test]
    fn a_file_that_is_too_large_is_not_taken_in() {
        let directory = Directory::new();
        let path = directory.path().join("large");
        std::fs::File::create(&path).unwrap().set_len(MAX_FILE + 1).unwrap();
        assert!(read_file(&path).unwrap_err().to_string().contains("larger than 16 MiB"));
    }
}
