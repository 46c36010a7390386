//! Protocol scripts: who sends what, who receives what, when, under a virtual clock.
//!
//! Every script of `v5/*.mqtt` and `v3/*.mqtt` is one test and runs twice, with its bytes delivered whole and one by one. The scripts of
//! `faults/*.mqtt` are to fail and test the runner. `README.md` describes the language.

#![allow(clippy::panic, clippy::unwrap_used)] // a test fails by panicking

mod authenticator;
mod client;
mod decode;
mod driver;
mod encode;
mod ledger;
mod own;
mod packet;
mod property;
mod script;
mod stage;
mod version;
mod words;

use driver::Reads;
use libtest_mimic::{Arguments, Failed, Trial};
use script::Source;
use std::path::Path;
use version::Version;

fn main() {
    let arguments = Arguments::from_args();
    let folders = [("v5", Version::V5), ("v3", Version::V311), ("faults", Version::V5)];
    let trials = folders.into_iter().flat_map(|(folder, version)| trials(folder, version)).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn trials(folder: &str, version: Version) -> Vec<Trial> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten();
    let mut files: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "mqtt"));
    files.sort();
    files.iter().flat_map(|path| file_trials(folder, path, version)).collect()
}

fn file_trials(folder: &str, path: &Path, version: Version) -> Vec<Trial> {
    let file = format!("crates/mqtt-core/tests/scripts/{folder}/{}", path.file_name().unwrap().display());
    let group = format!("{folder}/{}", path.file_stem().unwrap().display());
    match script::sources(&file, &std::fs::read_to_string(path).unwrap(), version) {
        Ok(sources) => sources.into_iter().map(|source| trial(&group, source)).collect(),
        Err(error) => vec![Trial::test(format!("{group}: can be read"), || Err(Failed::from(error)))],
    }
}

fn trial(group: &str, source: Source) -> Trial {
    Trial::test(format!("{group}: {}", source.name), move || {
        let script = source.read()?;
        for reads in [Reads::Whole, Reads::Single] {
            let outcome = stage::play(&script, reads);
            match (outcome, &script.settings.fails) {
                (Ok(()), None) => {}
                (Err(error), None) => return Err(error.into()),
                (Err(error), Some(expected)) if error.contains(expected) => {}
                (Err(error), Some(expected)) => return Err(format!("does not fail with {expected:?}:\n{error}").into()),
                (Ok(()), Some(expected)) => return Err(format!("does not fail with {expected:?}").into()),
            }
        }
        Ok(())
    })
}
