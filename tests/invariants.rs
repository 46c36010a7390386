//! The architecture's invariants that a reader could break without noticing, checked over the sources. The others are lints (`unsafe_code`,
//! `unwrap_used`, `await_holding_lock`) and the bans in each crate's clippy.toml.

#![allow(clippy::unwrap_used, clippy::panic)] // a test binary: failing is its answer

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Rust sources below `folder`.
fn sources(folder: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
                false => {}
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

/// Lines before a file's tests that hold one of `words`, comments aside.
fn offences(folder: &str, words: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut offences = Vec::new();
    for path in sources(folder) {
        if allowed.iter().any(|file| path.ends_with(file)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().enumerate().take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
        for (at, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if words.iter().any(|word| line.contains(word)) {
                offences.push(format!("{}:{}: {}", path.display(), at + 1, line.trim()));
            }
        }
    }
    offences
}

/// The names in a manifest's `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = read(manifest);
    let section = text.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('[')).filter(|line| !line.trim().is_empty());
    let mut names: Vec<String> = lines.map(|line| line.split(['.', '=', ' ']).next().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn codec_and_core_depend_on_nothing_that_does_io() {
    assert_eq!(dependencies("crates/mqtt-wire/Cargo.toml"), ["memchr"]);
    let core = ["ahash", "arc-swap", "hashbrown", "memchr", "mqtt-wire", "parking_lot", "triomphe"];
    assert_eq!(dependencies("crates/mqtt-core/Cargo.toml"), core);
}

#[test]
fn codec_and_core_are_banned_from_clocks_sockets_files_threads_and_the_environment() {
    for krate in ["mqtt-wire", "mqtt-core"] {
        let bans = read(format!("crates/{krate}/clippy.toml"));
        for banned in
            ["Instant::now", "SystemTime::now", "thread::sleep", "thread::spawn", "env::var", "TcpStream", "fs::File"]
        {
            assert!(bans.contains(banned), "{krate}/clippy.toml no longer bans {banned}");
        }
        let words = ["std::net", "std::fs", "std::env", "std::thread", "tokio", "println!", "eprintln!", "tracing::"];
        assert_eq!(offences(&format!("crates/{krate}/src"), &words, &[]), [""; 0]);
    }
}

#[test]
fn the_core_asks_for_the_protocol_version_in_one_file() {
    let words = ["Version::V3", "Version::V311", "Version::V5"];
    assert_eq!(offences("crates/mqtt-core/src", &words, &["policy.rs", "versions.rs", "tests.rs"]), [""; 0]);
}

#[test]
fn no_queue_is_unbounded() {
    for folder in ["crates/mqtt-wire/src", "crates/mqtt-core/src", "crates/mqtt-server/src", "src"] {
        assert_eq!(offences(folder, &["unbounded_channel", "mpsc::channel()", "unbounded("], &[]), [""; 0]);
    }
}

#[test]
fn the_server_library_reads_no_environment_variable() {
    assert_eq!(offences("crates/mqtt-server/src", &["env::var", "env::vars", "option_env!"], &["testing.rs"]), [""; 0]);
    assert!(read("crates/mqtt-server/clippy.toml").contains("std::env::var"));
}

#[test]
fn every_crate_obeys_the_workspace_lints_and_one_file_is_unsafe() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"deny\""));
    for folder in ["crates", "src", "xtask"] {
        assert_eq!(offences(folder, &["unsafe", "allow(unsafe_code)"], &["defer_accept.rs"]), [""; 0]);
    }
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    for folder in crates.chain([root().to_owned(), root().join("xtask")]) {
        let manifest = read(folder.join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", folder.display());
    }
}

#[test]
fn no_source_file_outgrows_its_noun() {
    for folder in ["crates", "src", "tests", "xtask"] {
        for path in sources(folder) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            assert!(lines <= 1000, "{} has {lines} lines", path.display());
        }
    }
}

#[test]
fn the_map_stays_short() {
    assert!(read("ARCHITECTURE.md").lines().count() <= 150);
}
