//! Configuration files as Kubernetes mounts them.

use crate::config::watch::{Disk, Watch};
use crate::config::{Sources, load};
use crate::sources::Folder;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::SystemTime;

/// A volume as the kubelet writes it: `config.yaml -> ..data/config.yaml`, `..data -> ..<time>`.
fn mount(folder: &Folder, version: &str, text: &str) {
    folder.file(&format!("{version}/config.yaml"), text);
    let (data, new) = (folder.path().join("..data"), folder.path().join("..data_tmp"));
    symlink(version, &new).unwrap();
    fs::rename(&new, &data).unwrap();
    let link = folder.path().join("config.yaml");
    if !link.exists() {
        symlink("..data/config.yaml", link).unwrap();
    }
}

fn permissions(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_config_map_that_is_replaced_is_noticed_and_read() {
    let folder = Folder::new();
    mount(&folder, "..2026_01", "MaxInFlight: 1\n");
    let sources = Sources { directory: Some(folder.path().to_owned()), ..Sources::default() };
    let mut watch = Watch::new(sources.paths(), &Disk, SystemTime::now());
    assert_eq!(load(&sources).unwrap().limits.in_flight, 1);
    assert_eq!(watch.changed(&Disk, SystemTime::now()), [""; 0].map(std::path::PathBuf::from));
    for (version, flight) in [("..2026_02", 2), ("..2026_03", 3)] {
        permissions(folder.path(), 0o755);
        mount(&folder, version, &format!("MaxInFlight: {flight}\n"));
        permissions(&folder.path().join(version).join("config.yaml"), 0o444);
        permissions(folder.path(), 0o555);
        assert_eq!(watch.changed(&Disk, SystemTime::now()), [folder.path().join("config.yaml")]);
        assert_eq!(load(&sources).unwrap().limits.in_flight, flight);
        assert_eq!(watch.changed(&Disk, SystemTime::now()), [""; 0].map(std::path::PathBuf::from));
    }
    // The same content in another place is no change.
    permissions(folder.path(), 0o755);
    mount(&folder, "..2026_04", "MaxInFlight: 3\n");
    assert_eq!(watch.changed(&Disk, SystemTime::now()), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn loading_writes_nothing() {
    let folder = Folder::new();
    let file = folder.file("etc/a.yaml", "MaxInFlight: 1\n");
    permissions(&file, 0o444);
    permissions(&folder.path().join("etc"), 0o555);
    let before = fs::metadata(folder.path().join("etc")).unwrap().modified().unwrap();
    load(&Sources { directory: Some(folder.path().join("etc")), ..Sources::default() }).unwrap();
    assert_eq!(fs::metadata(folder.path().join("etc")).unwrap().modified().unwrap(), before);
    assert_eq!(fs::read_dir(folder.path().join("etc")).unwrap().count(), 1);
    permissions(&folder.path().join("etc"), 0o755);
}

#[test]
fn a_byte_order_mark_is_left_out() {
    let folder = Folder::new();
    let file = folder.file("a.json", "\u{feff}{\"MaxInFlight\": 4}");
    assert_eq!(load(&Sources { files: vec![file], ..Sources::default() }).unwrap().limits.in_flight, 4);
}
