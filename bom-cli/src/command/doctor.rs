//! `aibom doctor`: what can be observed here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use bom_agent::doctor::{Diagnosis, Verdict, diagnose};
use bom_core::{
    bom::escape,
    coverage::{Class, Gap, ProbeStatus},
};
use serde_json::json;

use crate::{
    arguments::Doctor,
    exit::Outcome,
    output::{Format, Style, columns, write},
};

pub(crate) fn doctor(arguments: &Doctor) -> anyhow::Result<Outcome> {
    for target in &arguments.output {
        anyhow::ensure!(
            matches!(target.format, None | Some(Format::Json)),
            "`aibom doctor` writes json only: -o json=PATH"
        );
    }
    let diagnosis = diagnose();
    if arguments.output.is_empty() {
        write(None, human(&diagnosis).as_bytes())?;
    }
    for target in &arguments.output {
        let mut bytes = serde_json::to_vec_pretty(&document(&diagnosis))?;
        bytes.push(b'\n');
        write(target.path.as_deref(), &bytes)?;
    }
    Ok(match diagnosis.verdict() {
        Verdict::Everything => Outcome::Fine,
        Verdict::Something => Outcome::Coverage,
        Verdict::Nothing => Outcome::Failed,
    })
}

fn word(status: &ProbeStatus) -> (&'static str, Option<String>) {
    match status {
        ProbeStatus::Attached => ("attached", None),
        ProbeStatus::Silent => ("silent", None),
        ProbeStatus::LeftOut => ("left-out", None),
        ProbeStatus::Refused(words) => ("refused", Some(clean(words))),
    }
}

fn clean(text: &str) -> String {
    escape(text.as_bytes()).text
}

fn shown(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    escape(path.as_os_str().as_bytes()).text
}

/// schemas/doctor.md
fn document(diagnosis: &Diagnosis) -> serde_json::Value {
    let probes: Vec<_> = diagnosis
        .probes
        .iter()
        .map(|state| {
            let (status, words) = word(&state.status);
            json!({ "name": state.name, "number": state.number, "status": status, "reason": words })
        })
        .collect();
    let gaps = |by_class: &BTreeMap<Class, BTreeSet<Gap>>| -> serde_json::Map<String, serde_json::Value> {
        let rows = by_class.iter().map(|(class, gaps)| {
            let gaps: Vec<_> =
                gaps.iter().map(|gap| json!({ "code": gap.code(), "text": gap.text() })).collect();
            (class.name().to_owned(), gaps.into())
        });
        rows.collect()
    };
    let advice: Vec<_> =
        diagnosis.advice.iter().map(|one| json!({ "what": one.what, "how": one.how })).collect();
    let host = diagnosis.host.as_ref();
    let path = |path: &Option<std::path::PathBuf>| path.as_deref().map(shown);
    json!({
        "format": "aibom-doctor",
        "version": 1,
        "verdict": match diagnosis.verdict() {
            Verdict::Everything => "everything",
            Verdict::Something => "something",
            Verdict::Nothing => "nothing",
        },
        "kernel": host.map(|host| host.kernel.clone()),
        "architecture": host.map(|host| host.architecture.clone()),
        "btf": !diagnosis.missing.btf,
        "missing_capabilities": diagnosis.missing.capabilities,
        "user_namespace": diagnosis.missing.user_namespace,
        "initial_pid_namespace": diagnosis.initial_pid_namespace,
        "cgroup2": path(&diagnosis.cgroup2),
        "tracefs": path(&diagnosis.tracefs),
        "bpffs": path(&diagnosis.bpffs),
        "lockdown": diagnosis.lockdown,
        "unprivileged_bpf_disabled": diagnosis.unprivileged_bpf_disabled,
        "io_uring_disabled": diagnosis.io_uring_disabled,
        "locked_memory_bytes": diagnosis.locked_memory,
        "ring_bytes": { "opens": diagnosis.rings.0, "others": diagnosis.rings.1 },
        "failure": diagnosis.failure.as_deref().map(clean),
        "probes": probes,
        "gaps": gaps(&diagnosis.gaps),
        "gaps_everywhere": gaps(&diagnosis.everywhere),
        "advice": advice,
    })
}

fn human(diagnosis: &Diagnosis) -> String {
    let or = |text: Option<String>, without: &str| text.unwrap_or_else(|| without.to_owned());
    let path = |path: &Option<std::path::PathBuf>| or(path.as_deref().map(shown), "not mounted");
    let number = |number: Option<u32>| or(number.map(|number| number.to_string()), "unknown");
    let kernel = diagnosis.host.as_ref().map(|host| format!("{} {}", host.kernel, host.architecture));
    let rights = match diagnosis.missing.capabilities.as_slice() {
        [] => "all that is needed".to_owned(),
        missing => format!("missing: {}", missing.join(", ")),
    };
    let rows = [
        ("kernel", or(kernel, "unknown")),
        ("types (BTF)", if diagnosis.missing.btf { "missing" } else { "there" }.to_owned()),
        ("rights", rights),
        ("pid namespace", if diagnosis.initial_pid_namespace { "the host's" } else { "our own" }.to_owned()),
        ("cgroup v2", path(&diagnosis.cgroup2)),
        ("tracefs", path(&diagnosis.tracefs)),
        ("bpffs", path(&diagnosis.bpffs)),
        ("lockdown", or(diagnosis.lockdown.clone(), "unknown")),
        ("unprivileged_bpf_disabled", number(diagnosis.unprivileged_bpf_disabled)),
        ("io_uring_disabled", number(diagnosis.io_uring_disabled)),
        ("locked memory", or(diagnosis.locked_memory.map(|bytes| format!("{bytes} bytes")), "unlimited")),
        ("rings", format!("{} bytes for opens, {} for the rest", diagnosis.rings.0, diagnosis.rings.1)),
    ];
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(name, value)| vec![name.to_owned(), clean(&value)]).collect();
    let mut text = columns(&["what", "here"], rows, Style::PLAIN);
    if let Some(failure) = &diagnosis.failure {
        text.push_str(&format!("\nNo probe can be tried: {}\n", clean(failure)));
    } else {
        let rows: Vec<Vec<String>> = diagnosis
            .probes
            .iter()
            .map(|state| {
                let (status, words) = word(&state.status);
                vec![state.name.clone(), status.to_owned(), words.unwrap_or_default()]
            })
            .collect();
        let head = &["probe", "status", "the kernel's words"];
        text.push_str(&format!("\n{}", columns(head, rows, Style::PLAIN)));
    }
    text.push_str("\nWhat will not be seen because of it\n");
    for (class, gaps) in &diagnosis.gaps {
        let codes: Vec<String> = gaps.iter().map(Gap::code).collect();
        let here = if codes.is_empty() { "–".to_owned() } else { codes.join(", ") };
        let always = diagnosis.everywhere.get(class).map_or(0, BTreeSet::len);
        text.push_str(&format!(
            "  {}: {here} (and {always} known ways that this version watches nowhere: docs/coverage.md)\n",
            class.name()
        ));
    }
    if diagnosis.advice.is_empty() {
        text.push_str("\nNothing is left to do.\n");
    } else {
        text.push_str("\nWhat to do\n");
        for one in &diagnosis.advice {
            text.push_str(&format!("  {}: {}\n", clean(&one.what), one.how));
        }
    }
    text
}
