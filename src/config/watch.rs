//! Which files have changed: by looking at them, again and again.
//!
//! Looking works on every file system and through every mount, also where Kubernetes swaps the `..data` link that the files of a ConfigMap or
//! Secret lead through; notifications of the kernel do not. A file has changed if its content has: one that was written again as it was, or
//! whose link leads to another place with the same content, has not. Files are read again only where their status differs, or is so young
//! that a second write within the resolution of its time would not show.

use super::file;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The time between two looks, unless somebody says otherwise.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// The time between looks while something changes: longer than it takes to write a file.
pub const LULL: Duration = Duration::from_millis(100);

/// Looks after which a change is loaded although something still changes.
const PATIENCE: u32 = 20;

/// Age from which a file's time of change tells two writes apart.
const SETTLED: Duration = Duration::from_secs(3);

/// Files and directories, as far as watching goes.
pub trait Files {
    /// Where a path leads once all links are followed, and the status there.
    ///
    /// # Errors
    /// The operating system's.
    fn status(&self, path: &Path) -> io::Result<Status>;

    /// A hash of a file's content.
    ///
    /// # Errors
    /// The operating system's.
    fn digest(&self, path: &Path) -> io::Result<u64>;

    /// The configuration files in a directory.
    fn list(&self, directory: &Path) -> Vec<PathBuf>;
}

/// What tells a file from what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The path without links.
    pub real: PathBuf,
    /// Whether it is a directory.
    pub directory: bool,
    /// Time of the last change of the content.
    pub modified: SystemTime,
    /// Number of the file on its file system.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
}

/// The real files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

/// What was seen of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// It is not there or cannot be read.
    Unreadable,
    /// Its status and content; `settled` if a later change is sure to show in the status.
    Content { status: Status, settled: bool, digest: u64 },
}

/// Remembers files and tells which have changed.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    paths: Vec<PathBuf>,
    seen: BTreeMap<PathBuf, Seen>,
}

impl Watch {
    /// Watches files, and of directories the configuration files in them. Best made before these are loaded, so that no change falls
    /// in between; [`Watch::note`] is for those that show only while loading.
    pub fn new(paths: Vec<PathBuf>, files: &impl Files, now: SystemTime) -> Watch {
        let mut watch = Watch { paths, seen: BTreeMap::new() };
        watch.changed(files, now);
        watch
    }

    /// Watches these from now on. Those it knows keep what was seen of them; new ones count as seen.
    pub fn follow(&mut self, paths: Vec<PathBuf>, files: &impl Files, now: SystemTime) {
        self.paths = paths;
        let mut seen = std::mem::take(&mut self.seen);
        let keep = |path: PathBuf| {
            let known = seen.remove(&path).unwrap_or_else(|| look(&path, None, files, now));
            (path, known)
        };
        self.seen = self.files(files).into_iter().map(keep).collect();
    }

    /// Watches one more file, which is going to be read. What was seen of it before stays.
    pub fn note(&mut self, path: &Path, files: &impl Files, now: SystemTime) {
        if !self.seen.contains_key(path) {
            self.seen.insert(path.to_owned(), look(path, None, files, now));
            self.paths.push(path.to_owned());
        }
    }

    /// Looks at all of them, and returns those whose content is not what it was at the last look, the new and the missing ones included.
    pub fn changed(&mut self, files: &impl Files, now: SystemTime) -> Vec<PathBuf> {
        let current: BTreeMap<PathBuf, Seen> = self
            .files(files)
            .into_iter()
            .map(|path| (path.clone(), look(&path, self.seen.get(&path), files, now)))
            .collect();
        let differs = |path: &PathBuf| match (self.seen.get(path), current.get(path)) {
            (Some(Seen::Content { digest: old, .. }), Some(Seen::Content { digest: new, .. })) => old != new,
            (old, new) => old != new,
        };
        let mut changed: Vec<PathBuf> =
            self.seen.keys().chain(current.keys()).filter(|path| differs(path)).cloned().collect();
        changed.sort();
        changed.dedup();
        self.seen = current;
        changed
    }

    /// All files: those named, and those in the directories named.
    fn files(&self, files: &impl Files) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for path in &self.paths {
            match files.status(path) {
                Ok(status) if status.directory => found.extend(files.list(path)),
                _ => found.push(path.clone()),
            }
        }
        found
    }
}

/// Changes that are waited out. An editor empties a file before it writes it: loaded in between, it would be a configuration without endpoints
/// and users.
#[derive(Debug, Default)]
pub struct Changing {
    changed: BTreeSet<PathBuf>,
    looks: u32,
}

impl Changing {
    /// These have changed, and maybe not for the last time.
    pub fn new(changed: Vec<PathBuf>) -> Changing {
        Changing { changed: changed.into_iter().collect(), looks: 0 }
    }

    /// Takes what a look a [`LULL`] later showed. Returns all that has changed once that is nothing more, or once patience ends: a file that never
    /// rests must not keep others from being loaded.
    pub fn after(&mut self, changed: Vec<PathBuf>) -> Option<Vec<PathBuf>> {
        self.looks += 1;
        let over = changed.is_empty() || self.looks >= PATIENCE;
        self.changed.extend(changed);
        over.then(|| std::mem::take(&mut self.changed).into_iter().collect())
    }
}

fn look(path: &Path, before: Option<&Seen>, files: &impl Files, now: SystemTime) -> Seen {
    let Ok(status) = files.status(path) else { return Seen::Unreadable };
    // A time in the future, by a clock that was set, settles nothing.
    let settled = now.duration_since(status.modified).is_ok_and(|age| age > SETTLED);
    if let Some(Seen::Content { status: old, settled: true, digest }) = before
        && *old == status
    {
        return Seen::Content { status, settled: true, digest: *digest };
    }
    match files.digest(path) {
        Ok(digest) => Seen::Content { status, settled, digest },
        Err(_) => Seen::Unreadable,
    }
}

impl Files for Disk {
    fn status(&self, path: &Path) -> io::Result<Status> {
        use std::os::unix::fs::MetadataExt;
        let real = fs::canonicalize(path)?;
        let metadata = fs::metadata(&real)?;
        let modified = metadata.modified()?;
        Ok(Status { directory: metadata.is_dir(), modified, inode: metadata.ino(), size: metadata.len(), real })
    }

    fn digest(&self, path: &Path) -> io::Result<u64> {
        let (mut file, mut hasher, mut buffer) = (fs::File::open(path)?, DefaultHasher::new(), vec![0; 16 * 1024]);
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(read) => hasher.write(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn list(&self, directory: &Path) -> Vec<PathBuf> {
        file::in_directory(directory, &mut Vec::new())
    }
}
