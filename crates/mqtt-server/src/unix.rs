//! MQTT over Unix domain sockets.

use crate::Peer;
use crate::driver::Driver;
use crate::endpoint::UnixPath;
use crate::entrance::Seat;
use crate::listener::Listener;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// A bound socket; its file goes with it.
pub(crate) struct Unix {
    listener: UnixListener,
    file: Option<PathBuf>,
}

/// Binds a path, or an abstract name after `@`. A socket file that nobody listens on any more is replaced; anything else at the path is not.
///
/// # Errors
/// The operating system's; `AddrInUse` if somebody listens there.
pub(crate) fn bind(place: &UnixPath) -> io::Result<Unix> {
    let name = place.path.as_os_str().as_bytes();
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => {
            remove_stale(&place.path)?;
            SocketAddr::from_pathname(&place.path)?
        }
    };
    let listener = StdListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    let file = address.as_pathname().map(Path::to_owned);
    let unix = Unix { listener: UnixListener::from_std(listener)?, file };
    if let Some(file) = &unix.file {
        if let Some(mode) = place.mode {
            std::fs::set_permissions(file, PermissionsExt::from_mode(mode))?;
        }
        if let Some((user, group)) = place.owner {
            chown(file, Some(user), Some(group))?;
        }
    }
    Ok(unix)
}

/// Takes over a socket that listens already.
///
/// # Errors
/// The operating system's.
pub(crate) fn adopt(listener: StdListener) -> io::Result<Unix> {
    listener.set_nonblocking(true)?;
    Ok(Unix { listener: UnixListener::from_std(listener)?, file: None })
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file at this path that is not a socket; remove it or choose another path",
        )),
        Ok(_) => match StdStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        },
    }
}

impl Listener for Unix {
    type Incoming = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, Peer)> {
        self.listener.accept().await.map(|(stream, _)| (stream, Peer::Local))
    }

    fn serve(&self, stream: UnixStream, seat: Seat) {
        tokio::spawn(Driver::new(stream, seat));
    }

    fn refuse(&self, stream: UnixStream) {
        drop(stream);
    }
}

impl Drop for Unix {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file); // gone already is as good
        }
    }
}
