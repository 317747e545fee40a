//! How many opens a second come through without a loss: distinct files at a given rate, and as fast as one core can.

use std::fmt::Write as _;

use super::daemon;
use super::error::BenchError;
use super::observer::Observer;
use super::sample::Sample;
use super::section::Bench;
use super::spent::Spent;
use super::stage::as_f64;

/// Opens a second; the last one is without a limit.
const RATES: [Option<u64>; 5] = [Some(25_000), Some(50_000), Some(100_000), Some(200_000), None];
/// Distinct files: as many as come to half a second at the rate that is aimed at.
pub(crate) const FILES: u64 = 100_000;

#[derive(Clone, Debug, Default)]
struct Row {
    reached: Sample,
    lost: Sample,
    cpu: Sample,
    own_cpu: Sample,
}

pub(crate) fn section(bench: &Bench) -> Result<String, BenchError> {
    let folder = bench.many()?;
    let repetitions = bench.few();
    let mut text = format!(
        "## Opens a second without a loss\n\n{FILES} distinct files, each opened and closed once by one thread, at a rate \
         that it keeps by itself. {repetitions} repetitions. Aim: 200,000 a second and core, none lost. Lost is what the \
         document declares (`opens-lost`); a loss marks its subject incomplete. aibom's own CPU is with everything it does \
         about those files until its document is written.\n\n\
         | profile | asked, opens/s | reached, opens/s | lost | CPU of the loop, ns per open | aibom's own CPU, ns per open |\n\
         |---|---|---|---|---|---|\n"
    );
    for observer in [Observer::Aibom, Observer::Light] {
        for rate in RATES {
            let mut row = Row::default();
            for _ in 0..repetitions {
                run(bench, observer, rate, &folder, &mut row)?;
            }
            let asked = rate.map_or_else(|| "no limit".to_owned(), |rate| rate.to_string());
            let name = if observer == Observer::Light { "light" } else { "full" };
            let _ = writeln!(
                text,
                "| {name} | {asked} | {} | {} | {} | {} |",
                row.reached.show(0),
                row.lost.show(0),
                row.cpu.show(0),
                row.own_cpu.show(0)
            );
        }
    }
    Ok(text)
}

fn run(
    bench: &Bench,
    observer: Observer,
    rate: Option<u64>,
    folder: &std::path::Path,
    row: &mut Row,
) -> Result<(), BenchError> {
    let stage = &bench.stage;
    let kind = rate.map_or_else(|| "distinct".to_owned(), |rate| format!("paced-{rate}"));
    let (words, out) = stage.load(&kind, FILES, folder);
    let (ended, _) = stage.observe(&mut observer.command(stage, &words))?;
    let spent = Spent::read(&out)?;
    let document = daemon::document(&stage.file("bom.json"))?;
    let lost = daemon::counter(&document, "opens-lost") + daemon::counter(&document, "fanotify-overflow");
    let count = as_f64(FILES);
    row.reached.push(count / spent.wall.as_secs_f64());
    row.lost.push(as_f64(lost));
    row.cpu.push(spent.cpu.as_secs_f64() * 1e9 / count);
    row.own_cpu.push(ended.spent.cpu.saturating_sub(spent.cpu).as_secs_f64() * 1e9 / count);
    Ok(())
}
