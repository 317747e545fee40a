//! Everything, one after the other, or one section alone.

use std::path::PathBuf;
use std::time::Instant;

use super::agent;
use super::error::BenchError;
use super::files;
use super::machine;
use super::page;
use super::section::{Bench, SECTIONS};
use super::stage::Stage;

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

/// Measures and returns the page, as Markdown. Needs root, and the demo agent needs a [`World`](crate::world::World)
/// around it. Messages go to stderr. A section that fails says so on the page, so that one program of somebody else does
/// not cost the others.
pub fn measure(options: &Options) -> Result<String, BenchError> {
    let begun = Instant::now();
    let bench = bench(options)?;
    let machine = machine::machine(&options.root);
    let load_before = machine::load_average();
    let mut sections = Vec::new();
    for section in SECTIONS {
        let begun = Instant::now();
        eprintln!("    measuring: {}", section.name);
        sections.push((section.write)(&bench).unwrap_or_else(|error| {
            eprintln!("    {}: {error}", section.name);
            format!("## {}\n\nNot measured: {error}.\n", section.name)
        }));
        eprintln!("    {}: {} s", section.name, begun.elapsed().as_secs());
    }
    let load = [load_before, machine::load_average()];
    let head = page::head(&machine, &load, begun.elapsed().as_secs());
    Ok([vec![head], sections].concat().join("\n"))
}

/// Some sections alone, by their names with commas between them.
pub fn measure_some(options: &Options, names: &str) -> Result<String, BenchError> {
    let mut wanted = Vec::new();
    for name in names.split(',') {
        let section = SECTIONS.iter().find(|section| section.name == name);
        wanted.push(section.ok_or_else(|| BenchError::NoSection {
            name: name.to_owned(),
            names: SECTIONS.iter().map(|section| section.name).collect::<Vec<_>>().join(", "),
        })?);
    }
    let bench = bench(options)?;
    let texts: Result<Vec<_>, _> = wanted.iter().map(|section| (section.write)(&bench)).collect();
    Ok(texts?.join("\n"))
}

/// The part of the page about files at rest; nothing else is measured.
pub fn files_alone() -> Result<String, BenchError> {
    let stage = Stage::new()?;
    Ok(page::files(&files::files(&stage, 5)?))
}

fn bench(options: &Options) -> Result<Bench, BenchError> {
    let script = options.root.join("testdata/agents/demo/agent.py");
    let agent = agent::prepared(&options.environments, &script);
    Bench::new(options.root.clone(), agent, options.pairs, options.repetitions)
}
