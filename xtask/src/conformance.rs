//! `cargo xtask conformance`: which statements of the standards are tested, and by what.
//!
//! The statements are the tables of `crates/mqtt-core/tests/spec`; a test covers one by citing it. Scripts cite in the brackets of their names, in
//! `v5/` rows of MQTT 5.0 and in `v3/` rows of 3.1.1 and 3.1; Rust tests in `tests` folders cite as `[5:MQTT-..]` and `[4:MQTT-..]` before a function.
//! What cannot be tested yet stands in `pending.tsv` with its reason. A test of this file fails when a statement has no test, a citation no
//! statement, or `docs/conformance.md` is not what this command writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::workspace;

#[derive(Args)]
pub struct Options {
    /// Write docs/conformance.md instead of comparing it
    #[arg(long)]
    write: bool,
}

/// One of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Table {
    V5,
    V3,
}

/// A statement's number within its table.
type Id = (Table, String);

/// A numbered statement of a standard.
struct Row {
    id: Id,
    who: String,
    observable: String,
    statement: String,
}

/// A test that cites statements.
struct Covering {
    /// From the root of the workspace.
    file: String,
    name: String,
    ids: Vec<Id>,
}

/// Everything the report is made of.
struct Conformance {
    rows: Vec<Row>,
    tests: Vec<Covering>,
    pending: BTreeMap<Id, String>,
}

const SPEC: &str = "crates/mqtt-core/tests/spec";
const SCRIPTS: &str = "crates/mqtt-core/tests/scripts";
const REPORT: &str = "docs/conformance.md";

pub fn run(options: &Options) -> Result<ExitCode> {
    let conformance = Conformance::read(&workspace::root())?;
    let report = workspace::root().join(REPORT);
    if options.write {
        std::fs::write(&report, conformance.report()).with_context(|| report.display().to_string())?;
    }
    let mut faults = conformance.faults();
    if std::fs::read_to_string(&report).unwrap_or_default() != conformance.report() {
        faults.push(format!("{REPORT} is not up to date: cargo xtask conformance --write"));
    }
    println!("{}", conformance.summary(Table::V5));
    println!("{}", conformance.summary(Table::V3));
    faults.iter().for_each(|fault| println!("{fault}"));
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Table {
    fn file(self) -> &'static str {
        match self {
            Table::V5 => "mqtt-5.0.tsv",
            Table::V3 => "mqtt-3.1.1.tsv",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Table::V5 => "MQTT 5.0",
            Table::V3 => "MQTT 3.1.1 and 3.1",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Table::V5 => "5:",
            Table::V3 => "4:",
        }
    }

    /// The statement that a citation names; without prefix it is one of this table.
    fn id(self, citation: &str) -> Id {
        let prefixed = [Table::V5, Table::V3].into_iter().find_map(|table| {
            let id = citation.strip_prefix(table.prefix())?;
            Some((table, id.to_string()))
        });
        prefixed.unwrap_or_else(|| (self, citation.to_string()))
    }
}

impl Row {
    /// Whether a test can show it: it binds the server, and a client can see it.
    fn is_testable(&self) -> bool {
        self.who != "client" && self.observable != "no"
    }
}

impl Conformance {
    fn read(root: &Path) -> Result<Conformance> {
        let mut rows = Vec::new();
        for table in [Table::V5, Table::V3] {
            let path = root.join(SPEC).join(table.file());
            rows.extend(read_rows(&read(&path)?, table).with_context(|| path.display().to_string())?);
        }
        let mut tests = Vec::new();
        for (folder, table) in [("v5", Table::V5), ("v3", Table::V3)] {
            for path in files(&root.join(SCRIPTS).join(folder), "mqtt")? {
                tests.extend(read_scripts(&relative(&path, root), &read(&path)?, table));
            }
        }
        for path in rust_tests(root)? {
            tests.extend(read_rust(&relative(&path, root), &read(&path)?));
        }
        let pending = read(&root.join(SPEC).join("pending.tsv"))?;
        let pending = pending.lines().filter_map(|line| line.split_once('\t'));
        let pending = pending.map(|(id, reason)| (Table::V5.id(id), reason.to_string())).collect();
        Ok(Conformance { rows, tests, pending })
    }

    fn covering(&self, id: &Id) -> impl Iterator<Item = &Covering> {
        self.tests.iter().filter(move |test| test.ids.contains(id))
    }

    fn is_covered(&self, row: &Row) -> bool {
        self.covering(&row.id).next().is_some()
    }

    /// What is missing or wrong, one line each.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for row in self.rows.iter().filter(|row| row.is_testable()) {
            match (self.is_covered(row), self.pending.contains_key(&row.id)) {
                (false, false) => faults.push(format!("{} has no test: {}", cited(&row.id), row.statement)),
                (true, true) => faults.push(format!("{} is pending although it has a test", cited(&row.id))),
                _ => {}
            }
        }
        let is_known = |id: &Id| self.rows.iter().any(|row| row.id == *id);
        for test in &self.tests {
            let unknown = test.ids.iter().filter(|id| !is_known(id));
            faults.extend(unknown.map(|id| format!("{}: {} cites unknown {}", test.file, test.name, cited(id))));
        }
        let unknown = self.pending.keys().filter(|id| !is_known(id));
        faults.extend(unknown.map(|id| format!("pending.tsv names unknown {}", cited(id))));
        faults
    }

    fn summary(&self, table: Table) -> String {
        let rows = || self.rows.iter().filter(|row| row.id.0 == table);
        let testable = rows().filter(|row| row.is_testable()).count();
        let covered = rows().filter(|row| row.is_testable() && self.is_covered(row)).count();
        let pending = rows().filter(|row| self.pending.contains_key(&row.id)).count();
        let total = rows().count();
        format!(
            "{}: {total} statements, {testable} of them bind the server and can be seen from outside; {covered} are tested, \
             {pending} are pending.",
            table.title()
        )
    }

    /// The text of docs/conformance.md.
    fn report(&self) -> String {
        let mut out = String::from(
            "# Conformance\n\nWritten by `cargo xtask conformance --write`; do not edit. The statements are the numbered ones of the \
             standards, and for MQTT 3.1 those of its differences, in our own words. A script is a test: each one runs with its bytes delivered \
             whole and one by one, under a virtual clock.\n",
        );
        for table in [Table::V5, Table::V3] {
            let _ = write!(out, "\n## {}\n\n{}\n\n", table.title(), self.summary(table));
            out.push_str("| Statement | What it says | Tests |\n|---|---|---|\n");
            for row in self.rows.iter().filter(|row| row.id.0 == table) {
                let statement = row.statement.replace('|', "\\|");
                let _ = writeln!(out, "| {} | {statement} | {} |", row.id.1, self.tests_of(row));
            }
        }
        let files: BTreeMap<String, &str> = self.tests.iter().map(|test| (test.label(), &*test.file)).collect();
        out.push('\n');
        files.iter().for_each(|(label, file)| out.push_str(&format!("[{label}]: ../{file}\n")));
        out
    }

    fn tests_of(&self, row: &Row) -> String {
        let names: Vec<String> = self.covering(&row.id).map(Covering::link).collect();
        match (names.is_empty(), self.pending.get(&row.id)) {
            (false, _) => names.join("<br>"),
            (true, Some(reason)) => format!("pending: {reason}"),
            (true, None) if row.who == "client" => "(binds the client alone)".into(),
            (true, None) if row.observable == "no" => "(cannot be seen from outside)".into(),
            (true, None) => "none".into(),
        }
    }
}

impl Covering {
    /// The file's folder and name, as in `v5/will`.
    fn label(&self) -> String {
        let mut parts = self.file.rsplit('/');
        let name = parts.next().unwrap_or_default();
        let name = name.strip_suffix(".mqtt").unwrap_or(name);
        format!("{}/{name}", parts.next().unwrap_or_default())
    }

    fn link(&self) -> String {
        format!("[{}] {}", self.label(), self.name.replace('|', "\\|"))
    }
}

fn cited((table, id): &Id) -> String {
    format!("{}{id}", table.prefix())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn relative(path: &Path, root: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The files of a folder with this extension, by name; none if there is no such folder.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    Ok(files)
}

/// The Rust files in the `tests` folders of the workspace and one folder below.
fn rust_tests(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![root.join("tests")];
    folders.extend(folders_of(&root.join("crates"))?.iter().map(|package| package.join("tests")));
    let mut found = Vec::new();
    for folder in folders {
        found.extend(files(&folder, "rs")?);
        for below in folders_of(&folder)? {
            found.extend(files(&below, "rs")?);
        }
    }
    Ok(found)
}

fn folders_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

fn read_rows(text: &str, table: Table) -> Result<Vec<Row>> {
    let rows = text.lines().skip(1).map(|line| {
        let mut fields = line.split('\t').map(String::from);
        let mut field = || fields.next().with_context(|| format!("a row has five fields: {line}"));
        let (id, who, _level, observable, statement) = (field()?, field()?, field()?, field()?, field()?);
        if !["server", "client", "both"].contains(&&*who) || !["yes", "partly", "no"].contains(&&*observable) {
            bail!("{id}: {who} or {observable} is unknown");
        }
        Ok(Row { id: (table, id), who, observable, statement })
    });
    rows.collect()
}

fn read_scripts(file: &str, text: &str, table: Table) -> Vec<Covering> {
    let titles = text.lines().filter_map(|line| line.trim().strip_prefix("== "));
    let tests = titles.map(|title| {
        let (name, ids) = title.split_once('[').unwrap_or((title, ""));
        let ids = ids.trim_end_matches(']').split_whitespace().map(|id| table.id(id)).collect();
        Covering { file: file.to_string(), name: name.trim().to_string(), ids }
    });
    tests.filter(|test| !test.ids.is_empty()).collect()
}

fn read_rust(file: &str, text: &str) -> Vec<Covering> {
    let mut tests = Vec::new();
    let mut ids = Vec::new();
    for line in text.lines().map(str::trim) {
        let citations = line.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
        let citations = citations.map(|(citation, _)| citation).filter(|text| is_citation(text));
        ids.extend(citations.flat_map(str::split_whitespace).map(|citation| Table::V5.id(citation)));
        let function = line.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
        if let (Some((name, _)), false) = (function, ids.is_empty()) {
            tests.push(Covering { file: file.to_string(), name: name.to_string(), ids: std::mem::take(&mut ids) });
        }
    }
    tests
}

/// `5:MQTT-1.5.4-1` and `4:MQTT31-01`, one or several, and nothing else.
fn is_citation(text: &str) -> bool {
    let is_id = |word: &str| {
        let id = word.strip_prefix("5:MQTT").or(word.strip_prefix("4:MQTT"));
        id.is_some_and(|id| id.contains(|c: char| c.is_ascii_digit()) && id.ends_with(|c: char| c.is_ascii_digit()))
    };
    !text.is_empty() && text.split_whitespace().all(is_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_tested_or_pending_and_every_citation_exists() {
        let faults = Conformance::read(&workspace::root()).unwrap().faults();
        assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    }

    #[test]
    fn the_report_is_up_to_date() {
        let report = Conformance::read(&workspace::root()).unwrap().report();
        let written = std::fs::read_to_string(workspace::root().join(REPORT)).unwrap_or_default();
        assert!(report == written, "cargo xtask conformance --write");
    }

    #[test]
    fn scripts_cite_their_own_table_unless_they_name_another() {
        let text = "== One  [MQTT-1.5.4-1 4:MQTT-3.1.0-1]\na connects\n== Two\n";
        let tests = read_scripts("f", text, Table::V5);
        let expected = vec![(Table::V5, "MQTT-1.5.4-1".to_string()), (Table::V3, "MQTT-3.1.0-1".to_string())];
        assert_eq!((tests.len(), &*tests[0].name, &tests[0].ids), (1, "One", &expected));
    }

    #[test]
    fn rust_tests_cite_before_the_function() {
        let text = "/// [4:MQTT-1.5.3-1]\n#[test]\nfn texts() {\n    let a = b[5];\n}\n#[test]\nfn other() {}\n";
        let tests = read_rust("f", text);
        assert_eq!((tests.len(), &*tests[0].name), (1, "texts"));
        assert_eq!(tests[0].ids, [(Table::V3, "MQTT-1.5.3-1".to_string())]);
    }
}
