//! The long shows of `cargo xtask test --full`: what takes hours, and its raw output as a page that can be checked.
//!
//! Each show is one row of [`SHOWS`]. Its page, `docs/evidence/<show>.md`, is written whether it passed or not.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::fuzz;
use crate::prepare::{self, Part};
use crate::process;
use crate::step::Steps;
use crate::test;
use crate::workspace::Workspace;

/// Lines of raw output a page keeps at most; what was left out is said.
const LINES: usize = 600;

/// Characters of one line that a page keeps, likewise.
const CHARACTERS: usize = 400;

/// Something too long for the normal run.
pub(crate) struct Show {
    /// Also the name of its page.
    pub(crate) name: &'static str,
    about: &'static str,
    run: Run,
    /// What tells the tests how much of it.
    environment: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy)]
enum Run {
    /// A test program, and what the names of those of its tests contain.
    Tests { program: &'static str, filter: &'static str },
    /// A command of xtask.
    Xtask(&'static [&'static str]),
}

pub(crate) const SHOWS: &[Show] = &[
    Show {
        name: "bypass",
        about: "Every known way past the probes, with its hooks and without them.",
        run: Run::Tests { program: "bypass", filter: "" },
        environment: &[],
    },
    Show {
        name: "flood",
        about: "One subject floods: 2,000,000 opens of unique inodes, 200,000 connects, 50,000 forks, 100,000 names. \
                Another opens one file and connects once. Twenty times at default sizes, then with small rings.",
        run: Run::Tests { program: "flood", filter: "flood::" },
        environment: &[("AIBOM_TEST_REPEAT", "20")],
    },
    Show {
        name: "restart",
        about: "The daemon is killed at random moments and started again, fifty times.",
        run: Run::Tests { program: "daemon", filter: "daemon::survives_being_killed" },
        environment: &[("AIBOM_TEST_KILLS", "50")],
    },
    Show {
        name: "kernels",
        about: "The probe and bypass tests on Debian's kernels, in both tiers.",
        run: Run::Xtask(&["vm"]),
        environment: &[],
    },
    Show {
        name: "programs",
        about: "Thirteen real programs under `aibom run`: packages, endpoints and models against what each interpreter \
                recorded of itself (docs/accuracy.md).",
        run: Run::Tests { program: "programs", filter: "programs::" },
        environment: &[],
    },
    Show {
        name: "fuzzing",
        about: "Every fuzz target for its full time; the table is docs/fuzzing.md.",
        run: Run::Xtask(&["fuzz", "--all", "--campaign"]),
        environment: &[],
    },
];

/// Runs the shows with this name, or all of them; each writes its page.
pub(crate) fn run(workspace: &Workspace, only: Option<&str>) -> Result<()> {
    let mut steps = Steps::default();
    for show in SHOWS.iter().filter(|show| only.is_none_or(|name| name == show.name)) {
        let repeat = format!("cargo xtask test --full {}", show.name);
        steps.run(&format!("show {}", show.name), &repeat, || one(workspace, show));
    }
    steps.finish()
}

/// What a show needs that no other test does.
fn needs(show: &Show) -> &'static [Part] {
    match show.name {
        "programs" => prepare::PROGRAMS,
        _ => &[],
    }
}

fn one(workspace: &Workspace, show: &Show) -> Result<()> {
    prepare::ensure(workspace, needs(show))?;
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string();
    let mut command = match show.run {
        Run::Tests { program, filter } => test::long(workspace, program, filter)?,
        Run::Xtask(arguments) => {
            let mut command =
                workspace.command(std::env::current_exe().context("failed to find xtask itself")?);
            command.args(arguments);
            command
        }
    };
    command.env("AIBOM_TEST_FULL", "1").env("AIBOM_TEST_SEED", &seed).envs(show.environment.iter().copied());
    let begun = Instant::now();
    let mut lines = Vec::new();
    let mut totals = test::Totals::default();
    let mut result = process::run_watched(&mut command, &mut std::io::stdout(), |line| {
        totals.add(line);
        lines.push(line.to_owned());
    });
    // A filter that nothing answers to, or a machine that cannot do it, shows nothing.
    if matches!(show.run, Run::Tests { .. }) && result.is_ok() && !totals.ran() {
        result = Err(anyhow::anyhow!("no test of the show ran: {totals}"));
    }
    let page = page(workspace, show, &seed, &process::line(&command), begun.elapsed(), &result, &lines);
    let folder = workspace.root().join("docs/evidence");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let path = folder.join(format!("{}.md", show.name));
    fs::write(&path, page).with_context(|| format!("failed to write {}", path.display()))?;
    result
}

fn page(
    workspace: &Workspace,
    show: &Show,
    seed: &str,
    line: &str,
    took: Duration,
    result: &Result<()>,
    lines: &[String],
) -> String {
    // The page is the same wherever the checkout is.
    let root = workspace.root().display().to_string();
    let cargo = workspace.cargo().get_program().to_string_lossy().into_owned();
    let neutral = |text: &str| text.replace(&root, ".").replace(&cargo, "cargo");
    let variables: String = show.environment.iter().map(|(name, value)| format!("{name}={value} ")).collect();
    let verdict = match result {
        Ok(()) => "passed".to_owned(),
        Err(error) => format!("FAILED: {error:#}"),
    };
    let mut page = format!("# Evidence: {}\n\n{}\n\n", show.name, show.about);
    for (name, value) in [
        ("made by", format!("`cargo xtask test --full {}`", show.name)),
        ("command", format!("`{}{}`", variables, neutral(line))),
        ("commit", commit(workspace)),
        ("kernel", kernel()),
        ("seed", seed.to_owned()),
        ("took", format!("{} s", took.as_secs())),
        ("verdict", neutral(&verdict)),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "- {name}: {value}");
    }
    page.push_str("\n```text\n");
    let left_out = lines.len().saturating_sub(LINES);
    if left_out > 0 {
        let _ = writeln!(page, "({left_out} lines before these)");
    }
    for line in lines.iter().skip(left_out) {
        let line = neutral(line).replace("```", "'''");
        let cut = line.chars().count().saturating_sub(CHARACTERS);
        let _ = match cut {
            0 => writeln!(page, "{line}"),
            cut => {
                writeln!(page, "{} (and {cut} characters)", line.chars().take(CHARACTERS).collect::<String>())
            }
        };
    }
    page.push_str("```\n");
    page
}

/// The commit, and whether the files were those of it.
fn commit(workspace: &Workspace) -> String {
    let git = |arguments: &[&str]| process::capture(workspace.command("git").args(arguments));
    let head = git(&["rev-parse", "HEAD"]).unwrap_or_else(|_| "unknown".to_owned());
    // The pages that these shows write are not what they ran.
    let status = [
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ".",
        ":!docs/fuzzing.md",
        ":!docs/evidence",
        ":!docs/kernels.md",
    ];
    let changed = git(&status).is_ok_and(|text| !text.trim().is_empty());
    format!("{}{}", head.trim(), if changed { ", with changes" } else { "" })
}

/// The release without the machine's own suffix.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = release.trim().split('-').next().unwrap_or_default().to_owned();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{version}, {cpus} CPUs")
}

/// Puts the campaign of a fuzz target into docs/fuzzing.md, in place of an earlier one.
pub(crate) fn fuzz_page(workspace: &Workspace, campaign: &fuzz::Campaign) -> Result<()> {
    let path = workspace.root().join("docs/fuzzing.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let page = fuzz_rows(&before, campaign, &commit(workspace));
    fs::write(&path, page).with_context(|| format!("failed to write {}", path.display()))
}

/// The page with this row; only a campaign that found nothing has one.
fn fuzz_rows(before: &str, campaign: &fuzz::Campaign, commit: &str) -> String {
    let start = format!("| `{}` |", campaign.target);
    let mut rows: Vec<&str> =
        before.lines().filter(|line| line.starts_with("| `") && !line.starts_with(&start)).collect();
    let row = format!(
        "{start} {} | {} | {} | {} | {commit} |",
        campaign.seconds, campaign.executions, campaign.edges, campaign.kept
    );
    rows.push(&row);
    rows.sort_unstable();
    format!(
        "# Fuzzing\n\nCampaigns that found nothing, one row per target. Made by `cargo xtask fuzz TARGET --campaign`, or \
         `--all`; do not edit. A campaign\nthat finds something has no row until that is mended.\n\n\
         | target | seconds | executions | edges covered | inputs kept | commit |\n|---|---:|---:|---:|---:|---|\n{}\n",
        rows.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_have_names_of_their_own() {
        for (index, show) in SHOWS.iter().enumerate() {
            assert!(SHOWS.iter().skip(index + 1).all(|other| other.name != show.name), "{}", show.name);
        }
    }

    #[test]
    fn campaign_takes_the_row_of_an_earlier_one() {
        let campaign = |target: &str, executions| fuzz::Campaign {
            target: target.to_owned(),
            seconds: 600,
            executions,
            edges: 3,
            kept: 4,
        };
        let first = fuzz_rows("", &campaign("b", 1), "c1");
        let page = fuzz_rows(&fuzz_rows(&first, &campaign("a", 2), "c2"), &campaign("b", 5), "c3");
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows, ["| `a` | 600 | 2 | 3 | 4 | c2 |", "| `b` | 600 | 5 | 3 | 4 | c3 |"]);
    }

    #[test]
    fn page_keeps_the_end_and_hides_the_place() {
        let workspace = Workspace::find().expect("the checkout");
        let show = SHOWS.first().expect("a show");
        let mut lines: Vec<String> = (0..LINES).map(|number| number.to_string()).collect();
        lines.push(format!("{}/x ``` end", workspace.root().display()));
        lines.push("x".repeat(CHARACTERS + 7));
        let page = page(&workspace, show, "7", "cargo test", Duration::from_secs(3), &Ok(()), &lines);
        assert!(page.contains("(2 lines before these)") && page.contains("\n./x ''' end\n"), "{page}");
        assert!(!page.contains(&workspace.root().display().to_string()), "{page}");
        assert!(page.contains("x (and 7 characters)\n"), "{page}");
        assert!(page.contains("- seed: 7\n") && page.contains("- verdict: passed\n"), "{page}");
    }
}
