//! The sections of the page, and what they share.

use std::cell::OnceCell;
use std::fs;
use std::path::PathBuf;

use super::agent::{self, Agent};
use super::error::{BenchError, at};
use super::opens::{self, DISTINCT, Places};
use super::records;
use super::stage::Stage;
use super::{compare, files, node, page, rate, throughput, untraced};

/// What sections measure with.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) stage: Stage,
    pub(crate) root: PathBuf,
    pub(crate) agent: Option<Agent>,
    pub(crate) places: Places,
    pub(crate) pairs: usize,
    pub(crate) repetitions: usize,
    many: OnceCell<PathBuf>,
}

impl Bench {
    pub(crate) fn new(
        root: PathBuf,
        agent: Option<Agent>,
        pairs: usize,
        repetitions: usize,
    ) -> Result<Self, BenchError> {
        let stage = Stage::new()?;
        let places = opens::places(&stage)?;
        Ok(Self { stage, root, agent, places, pairs, repetitions, many: OnceCell::new() })
    }

    /// For what takes seconds each time.
    pub(crate) fn few(&self) -> usize {
        self.repetitions.min(3)
    }

    /// A folder of [`rate::FILES`] files, made when the first section asks for it.
    pub(crate) fn many(&self) -> Result<PathBuf, BenchError> {
        if let Some(folder) = self.many.get() {
            return Ok(folder.clone());
        }
        let folder = self.stage.file("many");
        fs::create_dir(&folder).map_err(at(&folder))?;
        for number in 0..rate::FILES {
            let path = folder.join(format!("{number:06}"));
            fs::write(&path, b"").map_err(at(&path))?;
        }
        Ok(self.many.get_or_init(|| folder).clone())
    }
}

/// One section of the page.
pub(crate) struct Section {
    /// What it is asked for by.
    pub(crate) name: &'static str,
    /// Markdown that begins with its title and ends in a line feed.
    pub(crate) write: fn(&Bench) -> Result<String, BenchError>,
}

/// In the order of the page.
pub(crate) const SECTIONS: &[Section] = &[
    Section { name: "agent", write: demo_agent },
    Section {
        name: "nothing",
        write: |bench| Ok(page::nothing(&agent::nothing(&bench.stage, bench.repetitions)?)),
    },
    Section {
        name: "same",
        write: |bench| Ok(page::same(&opens::same(&bench.stage, &bench.places, bench.repetitions)?)),
    },
    Section {
        name: "distinct",
        write: |bench| Ok(page::distinct(&opens::distinct(&bench.stage, &bench.places, bench.repetitions)?)),
    },
    Section {
        name: "untraced",
        write: |bench| Ok(page::untraced(&untraced::untraced(&bench.stage, bench.repetitions)?)),
    },
    Section {
        name: "files",
        write: |bench| Ok(page::files(&files::files(&bench.stage, bench.repetitions)?)),
    },
    Section { name: "rate", write: rate::section },
    Section { name: "redis", write: throughput::redis },
    Section { name: "iperf3", write: throughput::iperf3 },
    Section { name: "node", write: node::load },
    Section { name: "sweep", write: node::sweep },
    Section { name: "loss", write: node::loss },
    Section { name: "records", write: recorded },
    Section { name: "diff", write: compare::documents },
    Section { name: "manifests", write: compare::manifests },
];

fn demo_agent(bench: &Bench) -> Result<String, BenchError> {
    let agents = bench.agent.as_ref().map(|agent| agent::agents(&bench.stage, agent, bench.pairs));
    Ok(page::agent(agents.transpose()?.as_ref()))
}

fn recorded(bench: &Bench) -> Result<String, BenchError> {
    let mut rows = Vec::new();
    if let Some(agent) = &bench.agent {
        rows.push(("the demo agent", records::records(&bench.stage, &agent.command())?));
    }
    let (distinct, _) = bench.stage.load("distinct", DISTINCT, &bench.places.folder);
    rows.push(("10,000 distinct files at once", records::records(&bench.stage, &distinct)?));
    Ok(page::records(&rows))
}
