//! Replays what fuzzing has found worth keeping: each file of `fuzz/corpus/<target>/` through the body of its target.

#![allow(clippy::panic, clippy::unwrap_used)] // a test fails by panicking

#[path = "checks/proxy.rs"]
mod proxy;

use std::path::Path;

#[test]
fn the_proxy_corpus_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/proxy");
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.unwrap().path();
        println!("{}", path.display()); // shown if the check fails
        proxy::check(&std::fs::read(&path).unwrap());
        files += 1;
    }
    assert!(files >= 20, "the corpus has only {files} files");
}
