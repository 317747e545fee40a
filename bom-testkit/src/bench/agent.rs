//! The demo agent: what a whole run of a real program costs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::BenchError;
use super::observer::Observer;
use super::sample::Sample;
use super::spent::{self, Spent};
use super::stage::Stage;

/// What the demo agent needs, from `cargo xtask prepare`.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) environments: PathBuf,
    pub(crate) script: PathBuf,
}

impl Agent {
    pub(crate) fn command(&self) -> Vec<OsString> {
        let state = self.environments.join("state");
        let python = self.environments.join("venv/bin/python");
        vec![python.into(), self.script.clone().into(), "--state".into(), state.into()]
    }
}

/// Seconds, unless the name says otherwise. The agent's are taken by its parent, from exec to exit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agents {
    pub(crate) bare_wall: Sample,
    pub(crate) bare_cpu: Sample,
    pub(crate) wall: Sample,
    pub(crate) cpu: Sample,
    /// CPU that aibom took for itself, beside the agent's.
    pub(crate) own_cpu: Sample,
    pub(crate) set_up_ms: Sample,
    /// From the agent's exit to aibom's.
    pub(crate) closing_ms: Sample,
    pub(crate) peak_mib: Sample,
}

/// Interleaved pairs; which comes first alternates.
pub(crate) fn agents(stage: &Stage, agent: &Agent, pairs: usize) -> Result<Agents, BenchError> {
    let mut agents = Agents::default();
    // Neither side pays for the cold page cache.
    bare(stage, agent, &mut Agents::default())?;
    for pair in 0..pairs {
        if pair % 2 == 0 {
            bare(stage, agent, &mut agents)?;
            observed(stage, agent, &mut agents)?;
        } else {
            observed(stage, agent, &mut agents)?;
            bare(stage, agent, &mut agents)?;
        }
    }
    Ok(agents)
}

fn bare(stage: &Stage, agent: &Agent, agents: &mut Agents) -> Result<(), BenchError> {
    let (words, out) = stage.timed(&agent.command());
    let mut command = Observer::Nobody.command(stage, &words);
    stage.silence(&mut command)?;
    spent::run(&mut command)?;
    let spent = Spent::read(&out)?;
    agents.bare_wall.push(spent.wall.as_secs_f64());
    agents.bare_cpu.push(spent.cpu.as_secs_f64());
    Ok(())
}

fn observed(stage: &Stage, agent: &Agent, agents: &mut Agents) -> Result<(), BenchError> {
    let (words, out) = stage.timed(&agent.command());
    let (ended, [set_up, ran]) = stage.observe(&mut Observer::Aibom.command(stage, &words))?;
    let spent = Spent::read(&out)?;
    agents.wall.push(spent.wall.as_secs_f64());
    agents.cpu.push(spent.cpu.as_secs_f64());
    agents.own_cpu.push(ended.spent.cpu.saturating_sub(spent.cpu).as_secs_f64());
    agents.set_up_ms.push(set_up);
    agents.closing_ms.push(ended.spent.wall.as_secs_f64() * 1e3 - set_up - ran);
    agents.peak_mib.push(mib(ended.peak_kib));
    Ok(())
}

/// The smallest command there is: what aibom takes by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nothing {
    pub(crate) set_up_ms: Sample,
    pub(crate) closing_ms: Sample,
    pub(crate) cpu: Sample,
    pub(crate) peak_mib: Sample,
}

pub(crate) fn nothing(stage: &Stage, repetitions: usize) -> Result<Nothing, BenchError> {
    let mut nothing = Nothing::default();
    for _ in 0..repetitions {
        let mut command = Observer::Aibom.command(stage, &["true".into()]);
        let (ended, [set_up, ran]) = stage.observe(&mut command)?;
        nothing.set_up_ms.push(set_up);
        nothing.closing_ms.push(ended.spent.wall.as_secs_f64() * 1e3 - set_up - ran);
        nothing.cpu.push(ended.spent.cpu.as_secs_f64());
        nothing.peak_mib.push(mib(ended.peak_kib));
    }
    Ok(nothing)
}

/// The agent in a checkout, if it was prepared.
pub(crate) fn prepared(environments: &Path, script: &Path) -> Option<Agent> {
    let agent = Agent { environments: environments.to_owned(), script: script.to_owned() };
    let [python, ..] = agent.command().try_into().unwrap_or([const { OsString::new() }; 4]);
    (Path::new(&python).exists() && script.exists()).then_some(agent)
}

fn mib(kib: u64) -> f64 {
    super::stage::as_f64(kib) / 1024.0
}
