//! `aibom diff`: what was declared against what was observed.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use bom_core::{
    diff::{
        self, Comparison, Observed,
        gate::{self, Expression, Verdict, Waivers},
    },
    report::{self, Report},
};

use crate::{
    arguments::{Diff, RequiredArgument},
    exit::Outcome,
    output::{Format, Target, is_terminal, write},
    side,
};

pub(crate) fn diff(arguments: &Diff) -> anyhow::Result<Outcome> {
    check(arguments)?;
    let fail_on = match &arguments.fail_on {
        Some(text) => Expression::parse(text).context("read --fail-on")?,
        None => Expression::default(),
    };
    let catalog = side::catalog(&arguments.catalog)?;
    let (observed_path, declared_paths) = arguments.inputs.split_last().context("nothing to compare")?;
    let (declared, observed) = side::both(declared_paths, observed_path, &catalog)?;
    let mut comparison = compare(arguments, &declared, &observed);
    apply_waivers(arguments, &mut comparison)?;
    let (verdict, _) = gate::verdict(&comparison, &fail_on);
    let report = Report::new(&comparison, verdict, &declared, env!("CARGO_PKG_VERSION"));
    if arguments.output.is_empty() {
        write(None, report::human(&report, is_terminal()).as_bytes())?;
    }
    let mut first = Ok(());
    for target in &arguments.output {
        first = first.and(write_report(&report, target));
    }
    first?;
    let outcome = match verdict {
        Verdict::Clean => Outcome::Fine,
        Verdict::Findings => Outcome::Findings,
        Verdict::CannotTell => Outcome::Failed,
        Verdict::Coverage => Outcome::Coverage,
    };
    // The process ends here: to give back a hundred thousand items one by one would only take time.
    std::mem::forget((declared, observed, comparison));
    Ok(outcome)
}

fn compare(arguments: &Diff, declared: &bom_core::declared::Declared, observed: &Observed) -> Comparison {
    let required = match arguments.require_coverage {
        RequiredArgument::None => diff::Required::None,
        RequiredArgument::NoLoss => diff::Required::NoLoss,
        RequiredArgument::Complete => diff::Required::Complete,
    };
    let options = diff::Options { workload: arguments.workload.clone(), required };
    diff::compare(declared, std::slice::from_ref(observed), &options)
}

/// The baseline first: what a waiver names may be in it as well.
fn apply_waivers(arguments: &Diff, comparison: &mut Comparison) -> anyhow::Result<()> {
    if let Some(path) = &arguments.baseline {
        let bytes = side::read(path)?;
        let known = report::baseline(&bytes).with_context(|| format!("read {}", path.display()))?;
        gate::apply_baseline(comparison, Some(&known));
    }
    if let Some(path) = &arguments.waivers {
        let bytes = side::read(path)?;
        let waivers = Waivers::parse(&bytes, &path.display().to_string())?;
        let today = match &arguments.today {
            Some(day) => day.clone(),
            None => {
                gate::day_of(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()))
            }
        };
        waivers.apply(comparison, &today);
    }
    Ok(())
}

fn write_report(report: &Report<'_>, target: &Target) -> anyhow::Result<()> {
    let text = match format_of(target)? {
        Format::Table => report::human(report, false),
        Format::Json => report::json(report),
        Format::Sarif => report::sarif(report),
        Format::Junit => report::junit(report),
        Format::Markdown => report::markdown(report),
        Format::Csv => report::csv(report),
        Format::CycloneDx(_) => anyhow::bail!(NO_DOCUMENT),
    };
    write(target.path.as_deref(), text.as_bytes())
}

const NO_DOCUMENT: &str = "`aibom diff` writes table, json, sarif, junit, markdown and csv";

/// What is wrong with a wish is said before anything is read.
fn check(arguments: &Diff) -> anyhow::Result<()> {
    for target in &arguments.output {
        format_of(target)?;
    }
    if let Some(day) = &arguments.today {
        anyhow::ensure!(gate::is_day(day), "read --today: {day:?} is no day (YYYY-MM-DD)");
    }
    let stdin = arguments.inputs.iter().filter(|path| *path == Path::new("-")).count();
    anyhow::ensure!(stdin <= 1, "stdin can be read once");
    Ok(())
}

/// As said, else by the file's ending.
fn format_of(target: &Target) -> anyhow::Result<Format> {
    let ending = target.path.as_deref().and_then(Path::extension).and_then(std::ffi::OsStr::to_str);
    let found = target.format.unwrap_or(match ending {
        Some("json") => Format::Json,
        Some("sarif") => Format::Sarif,
        Some("xml") => Format::Junit,
        Some("md") => Format::Markdown,
        Some("csv") => Format::Csv,
        _ => Format::Table,
    });
    anyhow::ensure!(!matches!(found, Format::CycloneDx(_)), NO_DOCUMENT);
    Ok(found)
}
