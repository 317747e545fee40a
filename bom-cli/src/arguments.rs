//! What can be said on the command line, as typed. `output::Target` and the commands make it ready
//! to use.

#[cfg(feature = "observe")]
use std::ffi::OsString;
use std::path::PathBuf;
#[cfg(feature = "observe")]
use std::time::Duration;

use bom_core::bom::spec::Edition;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::output::Target;

const AFTER: &str = "\
Exit codes: 0 nothing to report, 1 findings, 2 could not do it, 3 coverage below what was required.
`aibom run` and `aibom record` pass on the command's own code (128+n for a signal);
125 aibom failed, 126 not executable, 127 not found.";

/// Which models, libraries and external APIs an AI agent really loads and calls, as a CycloneDX AI-BOM.
#[derive(Debug, Parser)]
#[command(name = "aibom", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Observe one command from its first instruction to its last.
    #[cfg(feature = "observe")]
    #[command(after_help = "\
Examples:
  sudo aibom run -- python agent.py                        the table on stderr
  sudo aibom run -o agent.cdx.json -- python agent.py      and the BOM in a file
  sudo aibom run -o - -- true | jq .components             the BOM on stdout")]
    Run(Run),
    /// As `run`, and keep every input of the analysis in a file that `replay` reads.
    #[cfg(feature = "observe")]
    #[command(after_help = "\
Examples:
  sudo aibom record --to agent.aibomrec -o agent.cdx.json -- python agent.py
  aibom replay agent.aibomrec -o again.cdx.json            gives the same bytes")]
    Record(Record),
    /// Observe what runs already: processes, cgroups, units, containers, or everything.
    #[cfg(feature = "observe")]
    #[command(after_help = "\
Examples:
  sudo aibom observe --pid 4711 --for 60s -o agent.cdx.json
  sudo aibom observe --unit ollama --container 3f2b8c9e --for 10m
  sudo aibom observe --all -o node.cdx.json                until Ctrl-C")]
    Observe(Observe),
    /// Say what can be observed on this machine, what not, and how to change that. Needs no privilege to say it.
    #[cfg(feature = "observe")]
    #[command(after_help = "\
Exit codes: 0 every probe works, 3 some are missing, 2 nothing can be observed.

Examples:
  sudo aibom doctor
  sudo aibom doctor -o json=- | jq .advice")]
    Doctor(Doctor),
    /// Make the documents of a recording again. Needs no privilege.
    #[command(after_help = "\
Examples:
  aibom replay agent.aibomrec                              the table
  aibom replay agent.aibomrec -o cyclonedx-1.7=agent.cdx.json")]
    Replay(Replay),
    /// Compare what was declared with what was observed.
    ///
    /// DECLARED are deploy manifests (files, folders, `-` for stdin), aibom.yaml, or CycloneDX documents; OBSERVED is a
    /// CycloneDX document.
    #[command(after_help = "\
Exit codes: 0 nothing to report, 1 findings, 2 could not do it or cannot tell, 3 coverage below what was required.

Examples:
  aibom diff deploy/ agent.cdx.json
  helm template . | aibom diff - agent.cdx.json --workload Deployment/agent
  aibom diff deploy/ aibom.yaml agent.cdx.json -o sarif=aibom.sarif -o markdown=comment.md
  aibom diff deploy/ agent.cdx.json --fail-on warning --waivers waivers.yaml --baseline last.json")]
    Diff(Diff),
    /// Write the declaration that would leave nothing to find, for review.
    #[command(after_help = "\
Examples:
  aibom declare agent.cdx.json -o aibom.yaml               read it, then set reviewed, reviewer and date
  aibom diff deploy/ aibom.yaml agent.cdx.json")]
    Declare(Declare),
    /// Say what files are, by their content and by the store they lie in: models, data, libraries.
    #[command(after_help = "\
Examples:
  aibom inspect model.safetensors libfoo.so
  aibom inspect --hash ~/.cache/huggingface/hub
  aibom inspect -o json=- model.gguf")]
    Inspect(Inspect),
    /// Say why something is in a BOM: where it was seen, how that is known, and where its name comes from.
    #[command(after_help = "\
REF is a bom-ref, a package URL, a name, the beginning of a digest, or a path.

Examples:
  aibom explain agent.cdx.json pkg:pypi/openai@2.8.0
  aibom explain agent.cdx.json /models/qwen.gguf
  aibom explain -o json=- agent.cdx.json api.openai.com")]
    Explain(Explain),
    /// Check documents: fields, vocabularies, references, package URLs, and what aibom promises of its own.
    #[command(after_help = "\
BOM is CycloneDX (JSON 1.2 to 1.7, XML 1.3 to 1.5) or SPDX (JSON 2.2, 2.3, 3.0). Without --schema the official JSON
schemas are not looked at, and the result says so.

Exit codes: 0 no errors, 1 errors, 2 could not do it.

Examples:
  aibom validate agent.cdx.json
  aibom validate --schema schemas/ -o json=- agent.cdx.json
  aibom validate *.cdx.json")]
    Validate(Validate),
    /// Write a document as CycloneDX of another version; what is lost is listed, and needs --allow-loss.
    #[command(after_help = "\
BOM is what `aibom validate` takes. Fields that aibom does not know survive within the same version.

Exit codes: 0 written, 2 could not do it, or something would be lost.

Examples:
  aibom convert agent.cdx.json --to 1.7 -o agent-1.7.cdx.json
  aibom convert agent.cdx.json --to 1.4 --allow-loss -o old.cdx.json
  aibom convert sbom.spdx.json --allow-loss | aibom diff - agent.cdx.json")]
    Convert(Convert),
}

#[derive(Debug, Args)]
pub(crate) struct Documents {
    /// Write to PATH (`-`: stdout). FMT: cyclonedx (1.6, the default), cyclonedx-1.5, cyclonedx-1.6,
    /// cyclonedx-1.7, table. Repeatable.
    #[arg(short, long = "output", value_name = "[FMT=]PATH")]
    pub(crate) output: Vec<Target>,
    /// Leave out times, process ids, inode and sequence numbers, so that two runs compare equal.
    #[arg(long)]
    pub(crate) deterministic: bool,
}

#[cfg(feature = "observe")]
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// Rows for providers and packages, before the built-in ones (tab-separated; docs/catalog.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Vec<PathBuf>,
    /// Run CMD as this user (NAME, UID or UID:GID). Under sudo the default is who called sudo.
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Seconds to wait for what CMD left behind before it is reported as still running.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds)]
    pub(crate) linger: f64,
    /// Wait until everything CMD started has ended.
    #[arg(long)]
    pub(crate) wait_all: bool,
    /// `command`: pass CMD's code on; `aibom`: 0, 2, or 3 if something was lost.
    #[arg(long, value_name = "WHOSE", default_value = "command")]
    pub(crate) exit: ExitOf,
    /// Folder of digests of large models: an unchanged one is not read again (docs/stores.md).
    #[arg(long, value_name = "DIR")]
    pub(crate) digest_cache: Option<PathBuf>,
    /// Do not attach this probe (its name as in the BOM). What it would have seen becomes a gap.
    #[arg(long, value_name = "PROBE")]
    pub(crate) without_probe: Vec<String>,
    /// Look for the name of the model in requests in plain text (claimed by the client; TLS is never looked into).
    #[arg(long)]
    pub(crate) http_model: bool,
    /// `base`: system calls, tracepoints, packets. `upper`: security checks beside them, or fail. `auto`: those if this
    /// kernel allows it.
    #[arg(long, value_name = "TIER", default_value = "auto")]
    pub(crate) tier: TierArgument,
    /// `full`: opens by the exits of system calls, which slows every system call of the machine a little. `light`: by
    /// fanotify, which slows opens alone; what only the exits see becomes a gap (docs/profiles.md).
    #[arg(long, value_name = "PROFILE", default_value = "full")]
    pub(crate) profile: ProfileArgument,
    /// Bytes of the ring for file opens; a power of two, at least 4096.
    #[arg(long, value_name = "BYTES", value_parser = ring_bytes, hide_short_help = true)]
    pub(crate) ring_bytes: Option<u32>,
    /// No table and no status line.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

#[cfg(feature = "observe")]
#[derive(Debug, Args)]
pub(crate) struct Record {
    /// The recording (gzip).
    #[arg(long, value_name = "FILE", default_value = "recording.aibomrec")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[cfg(feature = "observe")]
#[derive(Debug, Args)]
pub(crate) struct Observe {
    #[command(flatten)]
    pub(crate) whom: Whom,
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// How long: `90`, `60s`, `10m`, `1h30m`. Without it until nobody is left, or Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = bom_agent::time::duration)]
    pub(crate) limit: Option<Duration>,
    /// Between two sweeps over what processes hold open and mapped.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = bom_agent::time::duration)]
    pub(crate) every: Duration,
    /// Made once everybody is watched and what they hold was looked at.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) ready_file: Option<PathBuf>,
    /// Also keep every input of the analysis in this file, for `replay`.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Rows for providers and packages, before the built-in ones (tab-separated; docs/catalog.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Vec<PathBuf>,
    /// Folder of digests of large models: an unchanged one is not read again (docs/stores.md).
    #[arg(long, value_name = "DIR")]
    pub(crate) digest_cache: Option<PathBuf>,
    /// Do not attach this probe (its name as in the BOM). What it would have seen becomes a gap.
    #[arg(long, value_name = "PROBE")]
    pub(crate) without_probe: Vec<String>,
    /// `base`: system calls, tracepoints, packets. `upper`: security checks beside them, or fail. `auto`: those if this
    /// kernel allows it.
    #[arg(long, value_name = "TIER", default_value = "auto")]
    pub(crate) tier: TierArgument,
    /// `full`: opens by the exits of system calls, which slows every system call of the machine a little. `light`: by
    /// fanotify, which slows opens alone; what only the exits see becomes a gap (docs/profiles.md).
    #[arg(long, value_name = "PROFILE", default_value = "full")]
    pub(crate) profile: ProfileArgument,
    /// Bytes of the ring for file opens; a power of two, at least 4096.
    #[arg(long, value_name = "BYTES", value_parser = ring_bytes, hide_short_help = true)]
    pub(crate) ring_bytes: Option<u32>,
    /// No table and no status line.
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Each is a subject of its own. All but `--all` are repeatable.
#[cfg(feature = "observe")]
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Whom {
    /// A process and its descendants.
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pid: Vec<u32>,
    /// A cgroup (v2) and those nested in it: its directory, or its path in the hierarchy.
    #[arg(long, value_name = "PATH")]
    pub(crate) cgroup: Vec<PathBuf>,
    /// A systemd unit; without a suffix a service.
    #[arg(long, value_name = "NAME")]
    pub(crate) unit: Vec<String>,
    /// A container, by the beginning of its id.
    #[arg(long, value_name = "ID")]
    pub(crate) container: Vec<String>,
    /// Every service, scope and container of the machine, and those that start meanwhile.
    #[arg(long)]
    pub(crate) all: bool,
}

#[cfg(feature = "observe")]
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// `json=PATH` (`-`: stdout); without it text on stdout.
    #[arg(short, long = "output", value_name = "[FMT=]PATH")]
    pub(crate) output: Vec<Target>,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) documents: Documents,
    /// A recording; `-` for stdin.
    #[arg(value_name = "FILE")]
    pub(crate) recording: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Write to PATH (`-`: stdout). FMT: table (for people), json, sarif, junit, markdown, csv; without it by the ending.
    /// Repeatable.
    #[arg(short, long = "output", value_name = "[FMT=]PATH")]
    pub(crate) output: Vec<Target>,
    /// Compare with this declared workload: NAME, KIND/NAME or KIND/NAMESPACE/NAME.
    #[arg(long, value_name = "NAME")]
    pub(crate) workload: Option<String>,
    /// What fails: codes, kinds, note, warning, error, any, none; `,` is or, `+` is and, `!` is not. Default: error.
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) fail_on: Option<String>,
    /// What must have been seen of the classes that the declaration speaks of.
    #[arg(long, value_name = "WHAT", default_value = "no-loss")]
    pub(crate) require_coverage: RequiredArgument,
    /// Findings of an earlier `-o json=FILE` do not fail.
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Findings that are waived, each with reason, owner and last day.
    #[arg(long, value_name = "FILE")]
    pub(crate) waivers: Option<PathBuf>,
    /// The day that waivers are held against (YYYY-MM-DD); default: today, UTC.
    #[arg(long, value_name = "DAY", hide_short_help = true)]
    pub(crate) today: Option<String>,
    /// Rows for providers and packages, before the built-in ones (tab-separated; docs/catalog.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Vec<PathBuf>,
    /// What is declared (files, folders, `-`), then what was observed: the last one.
    ///
    /// DECLARED: deploy manifests (Kubernetes, Compose, MCP clients), aibom.yaml, or CycloneDX documents, as files,
    /// folders (.yaml, .yml, .json) or `-` for stdin; any number of them. OBSERVED: one CycloneDX document, always the
    /// last argument. What is in DECLARED may be used; what is in OBSERVED was.
    #[arg(required = true, num_args = 2.., value_names = ["DECLARED", "OBSERVED"])]
    pub(crate) inputs: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Declare {
    /// Write to PATH instead of stdout.
    #[arg(short, long = "output", value_name = "PATH")]
    pub(crate) output: Vec<Target>,
    /// Shared libraries as well.
    #[arg(long)]
    pub(crate) libraries: bool,
    /// Rows for providers and packages, before the built-in ones (tab-separated; docs/catalog.md).
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Vec<PathBuf>,
    /// CycloneDX documents of what was observed.
    #[arg(required = true, value_name = "OBSERVED")]
    pub(crate) documents: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequiredArgument {
    /// Nothing.
    None,
    /// The probes were there, and nothing was lost.
    NoLoss,
    /// The class is complete.
    Complete,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// `json=PATH` (`-`: stdout); without it text on stdout.
    #[arg(short, long = "output", value_name = "[FMT=]PATH")]
    pub(crate) output: Vec<Target>,
    /// Read all of each file for its SHA-256, and say whether its store recorded the same.
    #[arg(long)]
    pub(crate) hash: bool,
    /// Folder of digests of large models: an unchanged one is not read again (docs/stores.md).
    #[arg(long, requires = "hash", value_name = "DIR")]
    pub(crate) digest_cache: Option<PathBuf>,
    /// Files and folders. In a folder, links to files are followed, links to folders are not.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// `json=PATH` (`-`: stdout); without it text on stdout.
    #[arg(short, long = "output", value_name = "[FMT=]PATH")]
    pub(crate) output: Vec<Target>,
    /// A CycloneDX document (JSON); `-` for stdin.
    #[arg(value_name = "BOM")]
    pub(crate) bom: PathBuf,
    /// What is to be explained.
    #[arg(value_name = "REF")]
    pub(crate) reference: String,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Write to PATH (`-`: stdout). FMT: table (one line for each finding; the default), json. Repeatable.
    #[arg(short, long = "output", value_name = "[FMT=]PATH")]
    pub(crate) output: Vec<Target>,
    /// Also hold CycloneDX JSON against the official schemas in DIR (`bom-1.6.schema.json` and those it refers to).
    #[arg(long, value_name = "DIR")]
    pub(crate) schema: Option<PathBuf>,
    /// Documents; `-` for stdin.
    #[arg(required = true, value_name = "BOM")]
    pub(crate) documents: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// 1.4, 1.5, 1.6 or 1.7. Default: the document's own, 1.6 for what is not CycloneDX JSON.
    #[arg(long, value_name = "VERSION", value_parser = edition)]
    pub(crate) to: Option<Edition>,
    /// Write to PATH; `-` or nothing for stdout.
    #[arg(short, long = "output", value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Write it although something is lost.
    #[arg(long)]
    pub(crate) allow_loss: bool,
    /// Leave out the times of the making, and derive the serial number from the content.
    #[arg(long)]
    pub(crate) deterministic: bool,
    /// A document; `-` for stdin.
    #[arg(value_name = "BOM")]
    pub(crate) document: PathBuf,
}

#[cfg(feature = "observe")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExitOf {
    Command,
    Aibom,
}

#[cfg(feature = "observe")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TierArgument {
    Base,
    Upper,
    Auto,
}

#[cfg(feature = "observe")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileArgument {
    Full,
    Light,
}

#[cfg(feature = "observe")]
fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=86_400.0).contains(&value) { Ok(value) } else { Err("must be between 0 and 86400".to_owned()) }
}

#[cfg(feature = "observe")]
fn ring_bytes(text: &str) -> Result<u32, String> {
    let value: u32 = text.parse().map_err(|_| "not a number of bytes".to_owned())?;
    if value >= 4096 && value.is_power_of_two() {
        Ok(value)
    } else {
        Err("must be a power of two, at least 4096".to_owned())
    }
}

fn edition(text: &str) -> Result<Edition, String> {
    let found = Edition::from_word(text).filter(|edition| *edition >= Edition::V1_4);
    found.ok_or_else(|| "1.4, 1.5, 1.6 or 1.7".to_owned())
}
