//! Everything, one after the other.

use std::path::PathBuf;
use std::time::Instant;

use super::agent::{self, Agents, Nothing};
use super::error::BenchError;
use super::files::{self, Files};
use super::machine;
use super::opens::{self, DISTINCT, Loop};
use super::page;
use super::records::{self, Records};
use super::stage::Stage;
use super::untraced::{self, Calls};

/// What to measure with, and how often.
#[derive(Clone, Debug)]
pub struct Options {
    /// Root of the checkout.
    pub root: PathBuf,
    /// The Python environments and files of the demo agent. Without them its rows are left out, and the page says so.
    pub environments: PathBuf,
    /// Pairs of demo agent runs.
    pub pairs: usize,
    /// Repetitions of everything else.
    pub repetitions: usize,
}

/// All that was measured.
#[derive(Clone, Debug)]
pub(crate) struct Results {
    pub(crate) machine: Vec<(&'static str, String)>,
    pub(crate) load_before: String,
    pub(crate) load_after: String,
    pub(crate) took_s: u64,
    /// `None` where the agent is not prepared.
    pub(crate) agents: Option<Agents>,
    pub(crate) nothing: Nothing,
    pub(crate) same: Vec<Loop>,
    pub(crate) distinct: Vec<Loop>,
    pub(crate) files: Files,
    pub(crate) untraced: Vec<Calls>,
    /// Name of the command and what its recording says.
    pub(crate) records: Vec<(&'static str, Records)>,
}

/// Measures and returns the page, as Markdown. Needs root, and the demo agent needs a [`World`](crate::world::World)
/// around it. Messages go to stderr.
pub fn measure(options: &Options) -> Result<String, BenchError> {
    let begun = Instant::now();
    let stage = Stage::new()?;
    let machine = machine::machine(&options.root);
    let load_before = machine::load_average();
    let agent = agent::prepared(&options.environments, &options.root.join("testdata/agents/demo/agent.py"));
    let places = opens::places(&stage)?;

    say("an empty run");
    let nothing = agent::nothing(&stage, options.repetitions)?;
    say("the demo agent, bare and observed");
    let agents = agent.as_ref().map(|agent| agent::agents(&stage, agent, options.pairs)).transpose()?;
    say("the same file opened and closed");
    let same = opens::same(&stage, &places, options.repetitions)?;
    say("distinct files opened and closed");
    let distinct = opens::distinct(&stage, &places, options.repetitions)?;
    say("system calls that are not traced");
    let untraced = untraced::untraced(&stage, options.repetitions)?;
    say("files at rest");
    let files = files::files(&stage, options.repetitions)?;
    say("recordings");
    let mut records = Vec::new();
    if let Some(agent) = &agent {
        records.push(("the demo agent", records::records(&stage, &agent.command())?));
    }
    let (distinct_load, _) = stage.load("distinct", DISTINCT, &places.folder);
    records.push(("10,000 distinct files at once", records::records(&stage, &distinct_load)?));

    let load_after = machine::load_average();
    let took_s = begun.elapsed().as_secs();
    let results = Results {
        machine,
        load_before,
        load_after,
        took_s,
        agents,
        nothing,
        same,
        distinct,
        files,
        untraced,
        records,
    };
    Ok(page::page(&results))
}

/// The part of the page about files at rest; nothing else is measured.
pub fn files_alone() -> Result<String, BenchError> {
    let stage = Stage::new()?;
    Ok(page::files(&files::files(&stage, 5)?))
}

fn say(what: &str) {
    eprintln!("    measuring: {what}");
}
