//! Watching files, with files and a clock that are variables.

use crate::config::watch::{Changing, Files, Status, Watch};
use crate::config::{Sources, load_naming};
use crate::sources::{Folder, environment};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files in memory: by path, status and content; and how often one was read.
#[derive(Default)]
struct Memory {
    files: BTreeMap<PathBuf, (Status, u64)>,
    reads: RefCell<usize>,
}

impl Memory {
    fn write(&mut self, path: &str, modified: SystemTime, inode: u64, content: u64) {
        let status = Status { real: path.into(), directory: false, modified, inode, size: 1 };
        self.files.insert(path.into(), (status, content));
    }
}

impl Files for Memory {
    fn status(&self, path: &Path) -> io::Result<Status> {
        if path == Path::new("/etc") {
            let modified = SystemTime::UNIX_EPOCH;
            return Ok(Status { real: path.into(), directory: true, modified, inode: 0, size: 0 });
        }
        self.files.get(path).map(|(status, _)| status.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn digest(&self, path: &Path) -> io::Result<u64> {
        *self.reads.borrow_mut() += 1;
        self.files.get(path).map(|(_, content)| *content).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, directory: &Path) -> Vec<PathBuf> {
        self.files.keys().filter(|path| path.starts_with(directory)).cloned().collect()
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1000 + seconds)
}

fn changed(watch: &mut Watch, files: &Memory, seconds: u64) -> Vec<String> {
    watch.changed(files, at(seconds)).iter().map(|path| path.display().to_string()).collect()
}

#[test]
fn changes_appearances_and_disappearances() {
    let mut files = Memory::default();
    files.write("/etc/a", at(0), 1, 1);
    let mut watch = Watch::new(vec!["/etc".into(), "/b".into()], &files, at(1));
    assert_eq!(changed(&mut watch, &files, 2), [""; 0]);
    files.write("/b", at(2), 2, 1);
    assert_eq!(changed(&mut watch, &files, 3), ["/b"]);
    files.write("/etc/c", at(3), 3, 1);
    files.write("/etc/a", at(3), 1, 2);
    assert_eq!(changed(&mut watch, &files, 4), ["/etc/a", "/etc/c"]);
    files.files.remove(Path::new("/b"));
    files.files.remove(Path::new("/etc/a"));
    assert_eq!(changed(&mut watch, &files, 5), ["/b", "/etc/a"]);
    assert_eq!(changed(&mut watch, &files, 6), [""; 0]);
}

#[test]
fn the_same_content_is_no_change() {
    let mut files = Memory::default();
    files.write("/a", at(0), 1, 1);
    let mut watch = Watch::new(vec!["/a".into()], &files, at(1));
    files.write("/a", at(5), 2, 1);
    assert_eq!(changed(&mut watch, &files, 6), [""; 0]);
}

#[test]
fn a_second_write_within_the_clocks_resolution_is_seen_and_old_files_are_not_read_again() {
    let mut files = Memory::default();
    files.write("/a", at(0), 1, 1);
    let mut watch = Watch::new(vec!["/a".into()], &files, at(0));
    files.write("/a", at(0), 1, 2);
    assert_eq!(changed(&mut watch, &files, 2), ["/a"]);
    assert_eq!(changed(&mut watch, &files, 10), [""; 0]);
    let reads = *files.reads.borrow();
    for second in 11..20 {
        assert_eq!(changed(&mut watch, &files, second), [""; 0]);
    }
    assert_eq!(*files.reads.borrow(), reads);
    files.write("/a", at(20), 1, 3);
    assert_eq!(changed(&mut watch, &files, 20), ["/a"]);
}

#[test]
fn a_file_that_changes_between_its_reading_and_the_first_look_is_seen() {
    let mut files = Memory::default();
    files.write("/etc/a", at(0), 1, 1);
    files.write("/secret", at(0), 2, 1);
    files.write("/certificate", at(0), 3, 1);
    let mut watch = Watch::new(vec!["/etc".into()], &files, at(10));
    for path in ["/etc/a", "/secret", "/certificate", "/missing"] {
        watch.note(Path::new(path), &files, at(10));
    }
    // Everything is read now, and changed before it is followed; one of them with the time of an older file.
    files.write("/secret", at(11), 2, 2);
    files.write("/certificate", at(0), 4, 2);
    files.write("/missing", at(11), 5, 1);
    watch.note(Path::new("/secret"), &files, at(12));
    let paths = ["/etc", "/secret", "/certificate", "/missing"].map(PathBuf::from).to_vec();
    watch.follow(paths, &files, at(12));
    assert_eq!(changed(&mut watch, &files, 13), ["/certificate", "/missing", "/secret"]);
    assert_eq!(changed(&mut watch, &files, 14), [""; 0]);
}

#[test]
fn a_file_is_loaded_once_it_rests_and_one_that_never_does_holds_nothing_up() {
    let mut files = Memory::default();
    files.write("/a", at(0), 1, 1);
    files.write("/b", at(0), 2, 1);
    let mut watch = Watch::new(vec!["/a".into(), "/b".into()], &files, at(10));
    files.write("/a", at(11), 1, 0); // emptied
    let mut changing = Changing::new(watch.changed(&files, at(11)));
    files.write("/a", at(11), 1, 2); // written
    files.write("/b", at(11), 2, 2);
    assert_eq!(changing.after(watch.changed(&files, at(11))), None);
    assert_eq!(changing.after(watch.changed(&files, at(12))), Some(vec!["/a".into(), "/b".into()]));

    let mut changing = Changing::new(Vec::new());
    let looks = (0..100).find(|look| {
        files.write("/a", at(20), 1, 100 + look);
        changing.after(watch.changed(&files, at(20))).is_some()
    });
    assert!((5..50).contains(&looks.unwrap()), "{looks:?}");
}

#[test]
fn files_are_named_before_they_are_read() {
    let folder = Folder::new();
    let (config, secret) = (folder.path().join("a.yaml"), folder.path().join("password"));
    let sources = Sources { files: vec![config.clone()], ..Sources::default() };
    let mut named = Vec::new();
    let settings = load_naming(&sources, &mut |path| {
        named.push(path.to_owned());
        // Whoever is told only after the reading writes too late.
        match path == config {
            true => drop(folder.file("a.yaml", &format!("Limits: {{InFlight_FILE: {}}}", secret.display()))),
            false => drop(folder.file("password", "9")),
        }
    });
    assert_eq!(settings.unwrap().limits.in_flight, 9);
    assert_eq!(named, [config, secret]);
}

#[test]
fn refused_settings_name_their_files_as_well() {
    let sources = environment(
        "MQTT__Nonsense=1
         MQTT__Users__a__Password_FILE=/nowhere/password
         MQTT__Endpoints__x__Url=mqtts://a
         MQTT__Endpoints__x__Certificate__Path=/nowhere/tls.crt
         MQTT__Endpoints__x__Certificate__KeyPath=/nowhere/tls.key
         MQTT__Endpoints__x__ClientCertificateMode=Allow
         MQTT__Endpoints__x__ClientAuthorities=/nowhere/ca.pem
         MQTT__Endpoints__x__ClientRevocationLists=/nowhere/crl.pem
         MQTT__Endpoints__y__Url=unix:/a
         MQTT__Endpoints__y__Unix__Owner=nobody-of-this-name:0
         MQTT__DataDirectory=/data",
    );
    let mut named = Vec::new();
    load_naming(&sources, &mut |path| named.push(path.display().to_string())).unwrap_err();
    named.sort();
    let expected = ["ca.pem", "crl.pem", "password", "tls.crt", "tls.key"].map(|name| format!("/nowhere/{name}"));
    assert_eq!(named, [&["/etc/group".to_owned(), "/etc/passwd".to_owned()], &expected[..]].concat());
}

#[test]
fn following_other_files_forgets_nothing_that_changed() {
    let mut files = Memory::default();
    files.write("/a", at(0), 1, 1);
    files.write("/b", at(0), 2, 1);
    let mut watch = Watch::new(vec!["/a".into()], &files, at(10));
    files.write("/a", at(11), 1, 2);
    watch.follow(vec!["/a".into(), "/b".into()], &files, at(12));
    assert_eq!(changed(&mut watch, &files, 13), ["/a"]);
    watch.follow(vec!["/b".into()], &files, at(14));
    assert_eq!(changed(&mut watch, &files, 15), [""; 0], "what is no longer followed is not missing");
}
