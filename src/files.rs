//! The number of files the process may open, which bounds its connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files for everything but clients: listeners, the runtime's own, standard streams, and HTTP connections that are none of clients.
const RESERVED: u64 = 160;

/// Raises the soft limit of open files to the hard one, where that is allowed, and returns how many connections fit.
pub fn connections() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Refused is no reason not to start: the old limit then stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    match getrlimit(Resource::Nofile).current {
        None => usize::MAX,
        Some(files) => usize::try_from(files.saturating_sub(RESERVED).max(1)).unwrap_or(usize::MAX),
    }
}
