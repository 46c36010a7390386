//! The shape of the runtime, in one place.

use std::io;
use tokio::runtime::{Builder, Runtime};

/// One worker per processor that the process may use, as its affinity and cgroup tell.
///
/// # Errors
/// The operating system's, for example that no thread can be made.
pub fn build() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_io().enable_time().build()
}
