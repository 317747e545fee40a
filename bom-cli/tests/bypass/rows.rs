//! The table of rows, `testdata/bypass/rows.tsv`. A line that is not understood ends the test program: a row that is
//! left out would be a row that passes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use bom_core::coverage::Class;
use bom_testkit::trial::Need;

use crate::facts::Fact;

/// What is demanded of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Seen, whatever the kernel's upper tier offers.
    Must,
    /// Seen when all its hooks are there, until then declared.
    Pending,
    /// Need not be seen, for the reason that the decision record gives; declared.
    Argued,
    /// The program and its observer run a race: seen or declared, whichever is first.
    Race,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    given: BTreeSet<String>,
    pub(crate) class: Class,
    pub(crate) facts: Vec<Fact>,
    /// Groups resolved; some of them may not exist yet.
    pub(crate) hooks: Vec<String>,
    /// Codes of gaps; `*` at the end stands for any rest.
    pub(crate) gaps: Vec<String>,
    pub(crate) status: Status,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

const GIVEN: &[&str] = &[
    "alone",
    "bare",
    "bare32",
    "dynamic",
    "fuse",
    "io_uring",
    "library",
    "optional",
    "proof",
    "stdin-file",
    "stdin-pipe",
    "x86_64",
];

impl Row {
    pub(crate) fn given(&self, what: &str) -> bool {
        debug_assert!(GIVEN.contains(&what));
        self.given.contains(what)
    }

    pub(crate) fn needs(&self) -> Vec<Need> {
        let all = [("io_uring", Need::IoUring), ("fuse", Need::Fuse)];
        all.into_iter().filter(|(word, _)| self.given(word)).map(|(_, need)| need).collect()
    }
}

/// `testdata/bypass` of this checkout.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bypass")
}

impl Table {
    pub(crate) fn read() -> Self {
        let path = folder().join("rows.tsv");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(&text).unwrap_or_else(|message| panic!("{}: {message}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut rows: Vec<Row> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let columns: Vec<&str> = line.split('\t').collect();
            match columns[..] {
                [comment] if comment.starts_with('#') => {}
                [name, hooks] if name.starts_with('@') => {
                    groups.insert(name, hooks.split(' ').collect());
                }
                [id, given, class, facts, hooks, gaps, status] => {
                    let row = row(id, given, class, facts, hooks, gaps, status, &groups)
                        .map_err(|message| format!("line {number}: {message}"))?;
                    if rows.last().is_some_and(|last| last.id >= row.id) {
                        return Err(format!("line {number}: {id} is not in order"));
                    }
                    rows.push(row);
                }
                _ => return Err(format!("line {number}: {} columns", columns.len())),
            }
        }
        Ok(Self { rows })
    }
}

#[expect(clippy::too_many_arguments, reason = "the columns of one line, in their order")]
fn row(
    id: &str,
    given: &str,
    class: &str,
    facts: &str,
    hooks: &str,
    gaps: &str,
    status: &str,
    groups: &BTreeMap<&str, Vec<&str>>,
) -> Result<Row, String> {
    let words = |text: &str, by: char| -> Vec<String> {
        text.split(by).map(str::trim).filter(|word| *word != "-").map(str::to_owned).collect()
    };
    let given: BTreeSet<String> = words(given, ',').into_iter().collect();
    if let Some(word) = given.iter().find(|word| !GIVEN.contains(&word.as_str())) {
        return Err(format!("given {word:?}"));
    }
    let class =
        Class::ALL.into_iter().find(|known| known.name() == class).ok_or(format!("class {class:?}"))?;
    let facts: Vec<Fact> = facts.split("; ").map(Fact::parse).collect::<Result<_, _>>()?;
    let mut resolved: Vec<String> = Vec::new();
    for hook in words(hooks, ' ') {
        match groups.get(hook.as_str()) {
            Some(members) => resolved.extend(members.iter().map(|member| (*member).to_owned())),
            None if hook.starts_with('@') => return Err(format!("no group {hook}")),
            None => resolved.push(hook),
        }
    }
    let gaps = words(gaps, ' ');
    let status = match status {
        "must" => Status::Must,
        "pending" => Status::Pending,
        "argued" => Status::Argued,
        "race" => Status::Race,
        other => return Err(format!("status {other:?}")),
    };
    if status != Status::Must && gaps.is_empty() {
        return Err("a row that need not be seen has to say how it is declared".to_owned());
    }
    Ok(Row { id: id.to_owned(), given, class, facts, hooks: resolved, gaps, status })
}
