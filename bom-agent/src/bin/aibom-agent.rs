//! The node daemon `aibom-agent`: what the agents of a machine load and call, in a folder, as long as it runs.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use bom_agent::{
    daemon::{self, Options},
    observe::Selection,
    probes::{Profile, Settings},
    time::duration,
};
use clap::{Parser, ValueEnum};

/// Observes every service, scope and container of this machine and keeps a CycloneDX document of it.
#[derive(Debug, Parser)]
#[command(name = "aibom-agent", version, max_term_width = 100)]
struct Arguments {
    /// The folder to write to: STORE/NODE/EPOCH/bom.cdx.json.
    #[arg(long, value_name = "STORE", default_value = "/var/lib/aibom")]
    store: PathBuf,
    /// Observe only this cgroup (v2) and those nested in it, as one subject. Repeatable.
    #[arg(long, value_name = "PATH")]
    cgroup: Vec<PathBuf>,
    /// Between two documents: `90`, `60s`, `10m`.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    every: Duration,
    /// Between two sweeps over what processes hold open and mapped.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration)]
    sweep: Duration,
    /// Epochs to keep: each start of the daemon is one.
    #[arg(long, value_name = "N", default_value_t = 16)]
    keep: usize,
    /// Folder of digests of large models: an unchanged one is not read again (docs/stores.md).
    #[arg(long, value_name = "DIR")]
    digest_cache: Option<PathBuf>,
    /// Made when the first document is there.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Do not attach this probe (its name as in the BOM). What it would have seen becomes a gap.
    #[arg(long, value_name = "PROBE")]
    without_probe: Vec<String>,
    /// `full`: opens by the exits of system calls, which slows every system call of the machine a little. `light`: by
    /// fanotify, which slows opens alone; what only the exits see becomes a gap (docs/profiles.md).
    #[arg(long, value_name = "PROFILE", default_value = "full")]
    profile: ProfileArgument,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileArgument {
    Full,
    Light,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let selections = if arguments.cgroup.is_empty() {
        vec![Selection::All]
    } else {
        arguments.cgroup.into_iter().map(Selection::Cgroup).collect()
    };
    let profile = match arguments.profile {
        ProfileArgument::Full => Profile::Full,
        ProfileArgument::Light => Profile::Light,
    };
    let without = arguments.without_probe.into_iter().collect();
    let options = Options {
        selections,
        store: arguments.store,
        every: arguments.every,
        sweep: arguments.sweep,
        keep: arguments.keep,
        ready_file: arguments.ready_file,
        settings: Settings { without, profile, digest_cache: arguments.digest_cache, ..Settings::default() },
        catalog: None,
        version: env!("CARGO_PKG_VERSION"),
    };
    match start(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = format!("{error:#}").replace('\n', " ");
            eprintln!("aibom-agent: {}", bom_core::bom::escape(text.as_bytes()).text);
            ExitCode::from(2)
        }
    }
}

fn start(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(daemon::run(options))?)
}
