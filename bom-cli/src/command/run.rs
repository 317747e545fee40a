//! `aibom run` and `aibom record`: observe one command.

use std::{
    io::{self, IsTerminal as _},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use bom_agent::{
    feed::Recorder,
    launch::{Command, RunAs, exit_code},
    run::{Observed, Options, Progress, RunError},
};
use bom_core::{bom::escape, coverage::Gap, identify::View};

use super::observing::{catalogs, replacement, settings, show};
use crate::{
    arguments::{ExitOf, Run},
    exit::{FAILED, Fatal, Outcome, RUN_FAILED},
    output::{Replacement, check_documents, view_of, write_documents},
};

pub(crate) fn run(arguments: Run, recording: Option<PathBuf>) -> Result<Outcome, Fatal> {
    let whose = arguments.exit;
    observe_and_show(arguments, recording).map_err(|fatal| match whose {
        ExitOf::Command => fatal,
        // 125 to 127 keep clear of the command's own codes; nobody else's code can come out here.
        ExitOf::Aibom => Fatal { code: FAILED, ..fatal },
    })
}

fn observe_and_show(arguments: Run, recording: Option<PathBuf>) -> Result<Outcome, Fatal> {
    let failed = |error| Fatal { code: RUN_FAILED, error };
    let recording = recording.as_deref().map(replacement).transpose().map_err(failed)?;
    let options = options(&arguments, recording.as_ref()).map_err(failed)?;
    let status_line = !arguments.quiet && io::stderr().is_terminal();
    let observed = observe(options, status_line)?;
    if let Some(recording) = recording {
        recording.commit().context("write the recording").map_err(failed)?;
    }
    let view = view_of(&observed.correlator);
    let written = write_documents(&view, &arguments.documents);
    // What could not be written can still be read.
    if !arguments.quiet {
        show(&view).map_err(failed)?;
    }
    written.map_err(failed)?;
    if std::env::var_os("AIBOM_TIMES").is_some() {
        times(&observed);
    }
    Ok(match arguments.exit {
        ExitOf::Command => Outcome::Command(exit_code(observed.status)),
        ExitOf::Aibom => judge(&view),
    })
}

fn observe(options: Options, status_line: bool) -> Result<Observed, Fatal> {
    let failed = |error| Fatal { code: RUN_FAILED, error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("start").map_err(failed)?;
    let result = runtime.block_on(bom_agent::run::run(options, |progress| {
        if status_line {
            show_progress(progress);
        }
    }));
    if status_line {
        eprint!("\r\x1b[K");
    }
    result.map_err(|error| {
        let code = match &error {
            RunError::Launch(launch) => launch.exit_code(),
            RunError::Session(_) => RUN_FAILED,
        };
        Fatal { code, error: anyhow!(error) }
    })
}

fn options(arguments: &Run, recording: Option<&Replacement>) -> anyhow::Result<Options> {
    let (program, rest) = arguments.command.split_first().context("no command given")?;
    check_documents(&arguments.documents)?;
    let mut settings =
        settings(&arguments.without_probe, arguments.ring_bytes, arguments.tier, arguments.profile);
    settings.http_model = arguments.http_model;
    settings.digest_cache = arguments.digest_cache.clone();
    let catalog = catalogs(&arguments.catalog)?;
    let recorder = match recording {
        Some(recording) => Some(Recorder::new(Box::new(recording.file.try_clone()?))?),
        None => None,
    };
    let user = arguments.user.clone().map_or(RunAs::Caller, RunAs::User);
    let name = Path::new(program).file_name().unwrap_or(program);
    Ok(Options {
        command: Command { program: program.clone(), args: rest.to_vec(), user, limits: None },
        name: escape(name.as_bytes()).text,
        linger: Duration::from_secs_f64(arguments.linger),
        wait_all: arguments.wait_all,
        settings,
        catalog,
        recorder,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn show_progress(progress: Progress) {
    let Progress { events, pending, elapsed, ended } = progress;
    let what = if ended { "finishing" } else { "observing" };
    eprint!(
        "\r\x1b[Kaibom: {what}, {}.{} s, {events} events, {pending} files to look up",
        elapsed.as_secs(),
        elapsed.subsec_millis() / 100
    );
}

/// For `cargo xtask bench`: set-up and the command's wall time apart.
fn times(observed: &Observed) {
    eprintln!("aibom-times set_up_ms={} ran_ms={}", observed.set_up.as_millis(), observed.ran.as_millis());
}

/// `--exit=aibom`: 3 if anything was lost that the probes were there to see, else 0. What is never
/// watched is stated in the BOM and is no reason to fail every run.
fn judge(view: &View) -> Outcome {
    let gaps = view.subjects.iter().flat_map(|subject| subject.classes.values()).flat_map(|cell| &cell.gaps);
    let lost = gaps.into_iter().any(|gap| match gap {
        Gap::Probe(_)
        | Gap::Lost(_)
        | Gap::Silent(_)
        | Gap::StillRunning
        | Gap::Unfinished
        | Gap::AlreadyRunning
        | Gap::Unreadable => true,
        Gap::Unwatched(_) | Gap::Suspected(_) => false,
    });
    if lost { Outcome::Coverage } else { Outcome::Fine }
}
