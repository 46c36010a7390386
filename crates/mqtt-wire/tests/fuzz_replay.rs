//! Replays what fuzzing has found worth keeping: each file of `fuzz/corpus/<target>/` through the body of its target.

#![allow(clippy::panic, clippy::unwrap_used)] // a test fails by panicking

#[path = "checks/decode.rs"]
mod decode;
#[path = "checks/frame.rs"]
mod frame;
#[path = "checks/topic.rs"]
mod topic;

use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.unwrap().path();
        println!("{}", path.display()); // shown if the check fails
        check(&std::fs::read(&path).unwrap());
        files += 1;
    }
    assert!(files >= 20, "the corpus {target} has only {files} files");
}

#[test]
fn the_decode_corpus_holds() {
    replay("decode", decode::check);
}

#[test]
fn the_frame_corpus_holds() {
    replay("frame", frame::check);
}

#[test]
fn the_topic_corpus_holds() {
    replay("topic", topic::check);
}
