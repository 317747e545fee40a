//! `cargo xtask vm`: the real aibom on other kernels than this machine's.
//!
//! Each kernel is downloaded as a Debian package ([`kernels`], [`fetch`]), booted in QEMU ([`boot`]) with an initramfs of
//! static programs ([`guest`], [`programs`], [`cpio`]), and says what was seen in lines on its serial console ([`lines`]). All of them
//! together make docs/kernels.md ([`page`]).

mod boot;
mod cpio;
mod fetch;
mod guest;
mod kernels;
mod lines;
mod page;
mod processor;
mod programs;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::prepare;
use crate::process;
use crate::step;
use crate::workspace::{Workspace, is_ci};

use fetch::Image;
use kernels::{EVERY_RUN, KERNELS, Kernel};
use lines::{Lines, Verdict};
use processor::Processor;

const TIERS: &[&str] = &["base", "upper"];

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    kernel: Option<String>,
    tier: Option<String>,
}

/// One kernel, and what became of it.
#[derive(Debug)]
struct Tried {
    series: String,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Ran {
        image: Image,
        lines: Lines,
    },
    /// The package or QEMU is not to be had here.
    NotRun(String),
}

/// How the rows of some machines came out, for the totals of a test run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

/// `cargo xtask vm [--kernel SERIES] [--tier base|upper]`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let options = parse(arguments)?;
    let wanted: Vec<&Kernel> = KERNELS
        .iter()
        .filter(|kernel| options.kernel.as_deref().is_none_or(|series| series == kernel.series))
        .collect();
    prepare::ensure(workspace, prepare::MACHINES)?;
    prepare::ensure(workspace, others(&wanted))?;
    let tiers = options.tier.as_deref().map_or_else(|| TIERS.join(","), str::to_owned);
    let tried = boot_all(workspace, &wanted, &tiers)?;
    for kernel in &tried {
        show(kernel);
    }
    // Of a part of the matrix no page can be made.
    if options == (Options { kernel: None, tier: None }) {
        let page = workspace.root().join(page::PLACE);
        fs::write(&page, page::page(&tried))
            .with_context(|| format!("failed to write {}", page.display()))?;
        println!("the table: {}", page::PLACE);
    }
    verdict(&tried)
}

/// Downloads what a test run boots later, while there is a network.
pub(crate) fn ready(workspace: &Workspace, full: bool) -> Result<()> {
    let kernels = of_test(full);
    prepare::ensure(workspace, others(&kernels))?;
    for kernel in &kernels {
        if let Err(error) = fetch::image(workspace, kernel) {
            not_to_be_had(kernel, &error)?;
        }
    }
    guests(workspace, &kernels).map(drop)
}

/// What machines with another processor than this one's need besides.
fn others(kernels: &[&Kernel]) -> &'static [prepare::Part] {
    if kernels.iter().any(|kernel| kernel.processor == Processor::Arm64) { prepare::ARM64 } else { &[] }
}

/// The initramfs for each processor of these kernels.
fn guests(workspace: &Workspace, kernels: &[&Kernel]) -> Result<BTreeMap<Processor, PathBuf>> {
    let processors: BTreeSet<Processor> = kernels.iter().map(|kernel| kernel.processor).collect();
    processors.into_iter().map(|processor| Ok((processor, guest::initramfs(workspace, processor)?))).collect()
}

/// Boots what [`ready`] has prepared: one kernel, or all of them.
pub(crate) fn test(workspace: &Workspace, full: bool) -> Result<Count> {
    let tried = boot_all(workspace, &of_test(full), &TIERS.join(","))?;
    let mut count = Count::default();
    for kernel in &tried {
        match &kernel.outcome {
            Outcome::NotRun(why) => {
                println!("test kernel {} ... ignored ({why})", kernel.series);
                count.ignored += 1;
            }
            Outcome::Ran { lines, .. } => {
                for (row, verdict, detail) in lines.verdicts() {
                    let (word, slot) = match verdict {
                        Verdict::Seen | Verdict::Declared | Verdict::Note => ("ok", &mut count.passed),
                        Verdict::Impossible => ("ignored", &mut count.ignored),
                        Verdict::Failed => ("FAILED", &mut count.failed),
                    };
                    *slot += 1;
                    println!("test kernel {} {row} ... {word} ({} {detail})", kernel.series, verdict.word());
                }
            }
        }
    }
    if full {
        let page = workspace.root().join(page::PLACE);
        fs::write(&page, page::page(&tried))
            .with_context(|| format!("failed to write {}", page.display()))?;
    }
    Ok(count)
}

fn of_test(full: bool) -> Vec<&'static Kernel> {
    KERNELS.iter().filter(|kernel| full || kernel.series == EVERY_RUN).collect()
}

fn boot_all(workspace: &Workspace, kernels: &[&Kernel], tiers: &str) -> Result<Vec<Tried>> {
    let guests = guests(workspace, kernels)?;
    let mut tried = Vec::new();
    for kernel in kernels {
        let repeat = format!("cargo xtask vm --kernel {}", kernel.series);
        let mut outcome = None;
        step::run(&format!("kernel {}", kernel.series), &repeat, || {
            let initramfs = guests.get(&kernel.processor).context("every processor has its guest")?;
            outcome = Some(one(workspace, kernel, initramfs, tiers)?);
            Ok(())
        })?;
        let outcome = outcome.context("a step that ended well has an outcome")?;
        tried.push(Tried { series: kernel.series.to_owned(), outcome });
    }
    Ok(tried)
}

fn one(workspace: &Workspace, kernel: &Kernel, initramfs: &Path, tiers: &str) -> Result<Outcome> {
    let qemu = kernel.processor.qemu();
    if process::find(qemu).is_none() {
        let error = anyhow::anyhow!("{qemu} is not installed");
        return not_to_be_had(kernel, &error).map(Outcome::NotRun);
    }
    let image = match fetch::image(workspace, kernel) {
        Ok(image) => image,
        Err(error) => return not_to_be_had(kernel, &error).map(Outcome::NotRun),
    };
    let log = boot::log(&fetch::folder(workspace), kernel.series);
    let parameters = format!("aibom.tiers={tiers}");
    let console = boot::boot(kernel.processor, &image.path, initramfs, &log, &parameters)?;
    let lines = Lines::read(&console).with_context(|| format!("the console is in {}", log.display()))?;
    Ok(Outcome::Ran { image, lines })
}

/// A kernel that cannot be had is a row that says so; where everything has to be there, it is an error.
fn not_to_be_had(kernel: &Kernel, error: &anyhow::Error) -> Result<String> {
    if is_ci() {
        bail!("kernel {} cannot be tried here: {error:#}", kernel.series);
    }
    eprintln!("    NOTE: kernel {} is not tried: {error:#}", kernel.series);
    Ok(format!("{error:#}").replace('\n', " "))
}

fn show(tried: &Tried) {
    match &tried.outcome {
        Outcome::NotRun(why) => println!("{:<5} not run: {why}", tried.series),
        Outcome::Ran { image, lines } => {
            println!("{:<5} {} {} ({})", tried.series, image.package, image.version, lines.detail("kernel"));
            for (row, (verdict, detail)) in &lines.rows {
                println!("      {row:<40} {:<10} {detail}", verdict.word());
            }
        }
    }
}

fn verdict(tried: &[Tried]) -> Result<()> {
    let mut failed = Vec::new();
    for kernel in tried {
        if let Outcome::Ran { lines, .. } = &kernel.outcome {
            let rows = lines.verdicts().filter(|(_, verdict, _)| *verdict == Verdict::Failed);
            failed.extend(rows.map(|(row, _, detail)| format!("{} {row}: {detail}", kernel.series)));
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("neither seen nor declared:\n  {}", failed.join("\n  "));
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options { kernel: None, tier: None };
    let mut words = arguments.iter();
    while let Some(flag) = words.next() {
        let (slot, known): (_, Vec<&str>) = match flag.as_str() {
            "--kernel" => (&mut options.kernel, KERNELS.iter().map(|kernel| kernel.series).collect()),
            "--tier" => (&mut options.tier, TIERS.to_vec()),
            _ => bail!("usage: cargo xtask vm [--kernel SERIES] [--tier base|upper]; there is no `{flag}`"),
        };
        let value = words.next().with_context(|| format!("{flag} needs a value: {}", known.join(", ")))?;
        if !known.contains(&value.as_str()) {
            bail!("{flag} is one of {}, not `{value}`", known.join(", "));
        }
        *slot = Some(value.clone());
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Result<Options> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        parse(&arguments)
    }

    #[test]
    fn reads_arguments() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(options(&[]).ok(), Some(Options { kernel: None, tier: None }));
        let both = options(&["--tier", "upper", "--kernel", "5.10"]).ok();
        assert_eq!(both, Some(Options { kernel: some("5.10"), tier: some("upper") }));
        for (name, arguments, expected) in [
            ("unknown_kernel", &["--kernel", "4.19"][..], "`4.19`"),
            ("unknown_tier", &["--tier", "top"][..], "`top`"),
            ("no_value", &["--kernel"][..], "needs a value"),
            ("unknown_flag", &["--fast"][..], "`--fast`"),
        ] {
            let error = options(arguments).expect_err(name).to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn a_failed_row_fails_the_run() {
        let lines = |word: &str| {
            let text = [format!("AIBOM-VM base/open {word} x"), "AIBOM-VM end note".to_owned()];
            Lines::read(&text).expect("complete")
        };
        let image = || Image { path: "".into(), package: "p".into(), version: "1".into(), replaced: true };
        let tried = |word: &str| {
            [Tried { series: "6.1".into(), outcome: Outcome::Ran { image: image(), lines: lines(word) } }]
        };
        assert!(verdict(&tried("seen")).is_ok() && verdict(&tried("declared")).is_ok());
        let error = verdict(&tried("failed")).expect_err("a failed row").to_string();
        assert!(error.contains("6.1 base/open: x"), "{error}");
        let page = page::page(&tried("declared"));
        assert!(page.contains("| open | declared: x |") && page.contains("in place of the pinned"), "{page}");
    }
}
