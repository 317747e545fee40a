//! `aibom observe`: who runs already.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use anyhow::Context as _;
use bom_agent::{
    feed::Recorder,
    observe::{Observed, Options, Progress, Selection},
    probes::Settings,
};
use bom_core::{coverage::Gap, identify::View};

use super::observing::{catalogs, replacement, settings, show};
use crate::{
    arguments::Observe,
    exit::Outcome,
    output::{Replacement, check_documents, view_of, write_documents},
};

pub(crate) fn observe(arguments: &Observe) -> anyhow::Result<Outcome> {
    check_documents(&arguments.documents)?;
    let recording = arguments.record.as_deref().map(replacement).transpose()?;
    let options = options(arguments, recording.as_ref())?;
    let status_line = !arguments.quiet && io::stderr().is_terminal();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start")?;
    let observed = runtime.block_on(bom_agent::observe::observe(options, |progress| {
        if status_line {
            show_progress(progress);
        }
    }));
    if status_line {
        eprint!("\r\x1b[K");
    }
    let Observed { correlator, .. } = observed?;
    if let Some(recording) = recording {
        recording.commit().context("write the recording")?;
    }
    let view = view_of(&correlator);
    let written = write_documents(&view, &arguments.documents);
    // What could not be written can still be read.
    if !arguments.quiet {
        show(&view)?;
    }
    written?;
    Ok(judge(&view))
}

fn options(arguments: &Observe, recording: Option<&Replacement>) -> anyhow::Result<Options> {
    let recorder = match recording {
        Some(recording) => Some(Recorder::new(Box::new(recording.file.try_clone()?))?),
        None => None,
    };
    Ok(Options {
        selections: selections(arguments),
        limit: arguments.limit,
        every: arguments.every,
        ready_file: arguments.ready_file.clone(),
        settings: Settings {
            digest_cache: arguments.digest_cache.clone(),
            ..settings(&arguments.without_probe, arguments.ring_bytes, arguments.tier, arguments.profile)
        },
        catalog: catalogs(&arguments.catalog)?,
        recorder,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn selections(arguments: &Observe) -> Vec<Selection> {
    let whom = &arguments.whom;
    let mut all = Vec::new();
    all.extend(whom.pid.iter().copied().map(Selection::Pid));
    all.extend(whom.cgroup.iter().cloned().map(Selection::Cgroup));
    all.extend(whom.unit.iter().cloned().map(Selection::Unit));
    all.extend(whom.container.iter().cloned().map(Selection::Container));
    if whom.all {
        all.push(Selection::All);
    }
    all
}

fn show_progress(progress: Progress) {
    let Progress { subjects, events, pending, elapsed } = progress;
    let elapsed = Duration::from_secs(elapsed.as_secs());
    eprint!(
        "\r\x1b[Kaibom: observing {subjects} subjects for {elapsed:?}, {events} events, {pending} files to look up"
    );
}

/// 3 if something was lost that the probes were there to see. That somebody ran before and runs on is what this
/// command is for.
fn judge(view: &View) -> Outcome {
    let gaps = view.subjects.iter().flat_map(|subject| subject.classes.values()).flat_map(|cell| &cell.gaps);
    let lost = gaps.into_iter().any(|gap| match gap {
        Gap::Probe(_) | Gap::Lost(_) | Gap::Silent(_) | Gap::Unfinished | Gap::Unreadable => true,
        Gap::Unwatched(_) | Gap::Suspected(_) | Gap::AlreadyRunning | Gap::StillRunning => false,
    });
    if lost { Outcome::Coverage } else { Outcome::Fine }
}
