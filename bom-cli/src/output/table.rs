//! The view as a table for people. Everything in it went through `escape`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use bom_core::{
    bom::escape,
    coverage::{Cell, Gap, ProbeStatus, light::STANDS_IN},
    identify::{Program, SubjectView, Usage, View},
    path::SeenPath,
};

/// How much a terminal is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    bold: &'static str,
    dim: &'static str,
    off: &'static str,
}

impl Style {
    pub(crate) const PLAIN: Self = Self { bold: "", dim: "", off: "" };
    #[cfg(feature = "observe")]
    pub(crate) const COLOUR: Self = Self { bold: "\x1b[1m", dim: "\x1b[2m", off: "\x1b[0m" };
}

/// Libraries without an AI role that are listed by name; the rest is counted.
const PLAIN_LIBRARIES: usize = 0;
const PATHS: usize = 3;

pub(crate) fn table(view: &View, style: Style) -> String {
    let mut text = String::new();
    for subject in &view.subjects {
        heading(&mut text, view, subject);
    }
    models(&mut text, view, style);
    packages(&mut text, view, style);
    libraries(&mut text, view, style);
    endpoints(&mut text, view, style);
    devices(&mut text, view, style);
    programs(&mut text, view, style);
    claims(&mut text, view, style);
    for subject in &view.subjects {
        coverage(&mut text, view, subject, style);
    }
    text
}

fn heading(text: &mut String, view: &View, subject: &SubjectView) {
    let name = subject.names.first().map_or("unnamed", String::as_str);
    let seconds = subject.window.map_or(0, |(from, to)| to.saturating_sub(from)) / 1_000_000;
    let _ = writeln!(
        text,
        "aibom observed {} for {}.{} s: {} processes, {} files opened",
        clean(name),
        seconds / 1000,
        seconds % 1000 / 100,
        subject.processes,
        subject.files,
    );
    let nothing = view.models.is_empty() && view.endpoints.is_empty();
    if nothing && !view.packages.iter().any(|package| package.role.is_some()) {
        let _ =
            writeln!(text, "No AI facts were seen in what was watched; see coverage below for what was not.");
    }
}

fn models(text: &mut String, view: &View, style: Style) {
    let rows = view.models.iter().map(|model| {
        let size = model.files.first().map_or(0, |file| file.size);
        vec![
            path_of(&model.uses),
            model.metadata.format.to_string(),
            clean(model.metadata.architecture.as_deref().unwrap_or("-")),
            model.metadata.parameter_count.map_or_else(|| "-".to_owned(), grouped),
            bytes(size),
            short(model.digest.as_deref()),
            users(view, &model.uses),
            strength(view, &model.uses),
        ]
    });
    let head = ["file", "format", "architecture", "parameters", "size", "sha-256", "used by", "seen"];
    section(text, "Models", view.models.len(), &head, rows.collect(), style);
}

fn packages(text: &mut String, view: &View, style: Style) {
    let mut sorted: Vec<_> = view.packages.iter().collect();
    sorted.sort_by_key(|package| (package.role.is_none(), package.name.to_lowercase()));
    let rows = sorted.iter().map(|package| {
        vec![
            clean(&package.name),
            clean(&package.version),
            clean(package.role.as_deref().unwrap_or("-")),
            users(view, &package.uses),
            strength(view, &package.uses),
        ]
    });
    let head = ["package", "version", "role", "used by", "seen"];
    section(text, "Packages", sorted.len(), &head, rows.collect(), style);
}

fn libraries(text: &mut String, view: &View, style: Style) {
    let (named, plain): (Vec<_>, Vec<_>) = view.libraries.iter().partition(|library| library.role.is_some());
    let rows = named.iter().map(|library| {
        let owner = library.python.as_ref().map(|owner| format!("{} {}", owner.name, owner.version));
        let deb = library.deb.as_ref().map(|owner| format!("{} {}", owner.package, owner.version));
        vec![
            clean(&library.name),
            clean(library.role.as_deref().unwrap_or("-")),
            clean(&owner.or(deb).unwrap_or_else(|| "-".to_owned())),
            short(library.digest.as_deref()),
            users(view, &library.uses),
            strength(view, &library.uses),
        ]
    });
    let head = ["library", "role", "owner", "sha-256", "used by", "seen"];
    section(text, "Libraries", view.libraries.len(), &head, rows.collect(), style);
    if plain.len() > PLAIN_LIBRARIES {
        let _ = writeln!(
            text,
            "  {}and {} without an AI role, all in the BOM{}",
            style.dim,
            plain.len(),
            style.off
        );
    }
}

fn endpoints(text: &mut String, view: &View, style: Style) {
    let rows = view.endpoints.iter().map(|endpoint| {
        let sources: Vec<&str> = endpoint.names.iter().map(|(source, _)| source.name()).collect();
        let mut known = sources;
        known.dedup();
        let mut addresses: Vec<String> =
            endpoint.addresses.iter().take(PATHS).map(ToString::to_string).collect();
        addresses.extend(endpoint.via.iter().take(PATHS).map(|proxy| format!("via {proxy}")));
        let provider = endpoint.provider.as_ref().map(|row| format!("{} ({})", row.provider, row.kind));
        let (mut connections, mut sent, mut received) = (0, 0, 0);
        for bucket in endpoint.uses.iter().flat_map(|usage| usage.evidence.activity.values()) {
            connections = u64::saturating_add(connections, bucket.connections.0);
            sent = u64::saturating_add(sent, bucket.sent.0);
            received = u64::saturating_add(received, bucket.received.0);
        }
        vec![
            format!("{}:{}", clean(endpoint.host.as_deref().unwrap_or("(no name)")), endpoint.port),
            clean(&provider.unwrap_or_else(|| "-".to_owned())),
            match (known.is_empty(), !endpoint.mismatches.is_empty()) {
                (true, _) => "-".to_owned(),
                (false, false) if endpoint.host.is_none() && endpoint.several_names => "several".to_owned(),
                (false, true) => format!("{} differ!", known.join("+")),
                (false, false) => known.join("+"),
            },
            addresses.join(" "),
            connections.to_string(),
            bytes(sent),
            bytes(received),
            users(view, &endpoint.uses),
        ]
    });
    let unix = view.unix_peers.iter().map(|peer| {
        let name = peer.name.as_ref().map_or_else(|| "(no name)".to_owned(), SeenPath::escaped);
        let whose = if peer.same_subject { "same subject" } else { "-" };
        let dash = || "-".to_owned();
        vec![
            format!("unix:{name}"),
            whose.to_owned(),
            dash(),
            dash(),
            peer.uses.iter().map(|usage| usage.evidence.count.0).fold(0, u64::saturating_add).to_string(),
            dash(),
            dash(),
            users(view, &peer.uses),
        ]
    });
    let head = ["endpoint", "provider", "named by", "address", "connections", "sent", "received", "used by"];
    let rows: Vec<_> = rows.chain(unix).collect();
    section(text, "Endpoints", rows.len(), &head, rows, style);
}

fn devices(text: &mut String, view: &View, style: Style) {
    let rows: Vec<_> =
        view.devices.iter().map(|device| vec![device.path.escaped(), users(view, &device.uses)]).collect();
    if !rows.is_empty() {
        section(text, "Accelerators", rows.len(), &["device", "used by"], rows, style);
    }
}

fn programs(text: &mut String, view: &View, style: Style) {
    let rows = view.programs.iter().map(|program| {
        let owner = program.deb.as_ref().map(|deb| format!("{} {}", deb.package, deb.version));
        let requested = program.requested.first().map_or_else(|| "-".to_owned(), SeenPath::escaped);
        vec![
            format!("{}{}", "  ".repeat(depth(view, program)), program_name(program)),
            requested,
            clean(&owner.unwrap_or_else(|| "-".to_owned())),
            short(program.digest.as_deref()),
            program.processes.len().to_string(),
        ]
    });
    let head = ["program", "asked for as", "owner", "sha-256", "processes"];
    section(text, "Programs", view.programs.len(), &head, rows.collect(), style);
}

/// What programs were told: nothing that was seen.
fn claims(text: &mut String, view: &View, style: Style) {
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for program in &view.programs {
        for claim in &program.claims {
            told.entry(clean(&claim.text())).or_default().insert(program_name(program));
        }
    }
    let rows: Vec<_> = told
        .into_iter()
        .map(|(claim, by)| {
            let mut names: Vec<String> = by.iter().take(PATHS).cloned().collect();
            if by.len() > PATHS {
                names.push(format!("and {} more", by.len() - PATHS));
            }
            vec![claim, names.join(", ")]
        })
        .collect();
    if !rows.is_empty() {
        section(text, "Claimed, not seen", rows.len(), &["setting", "told to"], rows, style);
    }
}

fn coverage(text: &mut String, view: &View, subject: &SubjectView, style: Style) {
    let _ = writeln!(text, "\n{}Coverage{}", style.bold, style.off);
    let mut rows = Vec::new();
    for (class, cell) in &subject.classes {
        let word = if cell.is_complete() { "complete" } else { "incomplete" };
        rows.push(vec![class.name().to_owned(), word.to_owned(), summary(cell)]);
    }
    text.push_str(&columns(&["class", "state", "because"], rows, style));
    for (cause, loss) in &subject.losses {
        let _ = writeln!(text, "  lost: {} × {}", grouped(loss.count.0), clean(cause));
    }
    let light = subject.probes.iter().any(|probe| probe.name == STANDS_IN);
    if light {
        text.push_str("  profile: light, without the exits of system calls\n");
    }
    for probe in &subject.probes {
        match &probe.status {
            ProbeStatus::Attached => {}
            ProbeStatus::LeftOut if light && probe.name.starts_with("sys_exit_") => {}
            ProbeStatus::LeftOut => {
                let _ = writeln!(text, "  probe {}: left out", clean(&probe.name));
            }
            ProbeStatus::Silent => {
                let _ = writeln!(text, "  probe {}: silent", clean(&probe.name));
            }
            ProbeStatus::Refused(reason) => {
                let _ = writeln!(text, "  probe {}: refused, {}", clean(&probe.name), clean(reason));
            }
        }
    }
    if !subject.still_running.is_empty() {
        let count = subject.still_running.len();
        // Only a command that we started is waited for.
        let waiting =
            if subject.key.session.is_some() { " (--wait-all waits for those in the cgroup)" } else { "" };
        let _ = writeln!(text, "  still running: {count} processes{waiting}");
    }
    for item in view.unresolved.iter().take(PATHS) {
        let path = item.paths.first().map_or_else(|| "?".to_owned(), SeenPath::escaped);
        let _ = writeln!(text, "  unknown: {} of {path} ({})", item.question.name(), item.reason.name());
    }
    if view.unresolved.len() > PATHS {
        let _ = writeln!(
            text,
            "  and {} more of which something is not known, all in the BOM",
            view.unresolved.len() - PATHS
        );
    }
    let attached = subject.probes.iter().filter(|probe| probe.status == ProbeStatus::Attached).count();
    let _ = writeln!(
        text,
        "  {}{attached} probes watched; docs/coverage.md explains each gap{}",
        style.dim, style.off
    );
}

/// What happened before what is never watched.
fn summary(cell: &Cell) -> String {
    let (unwatched, happened): (Vec<&Gap>, Vec<&Gap>) =
        cell.gaps.iter().partition(|gap| matches!(gap, Gap::Unwatched(_)));
    let mut parts: Vec<String> = happened.iter().map(|gap| gap.code()).collect();
    if !unwatched.is_empty() {
        parts.push(format!("{} known ways past the probes are not watched", unwatched.len()));
    }
    clean(&parts.join(", "))
}

fn section(
    text: &mut String,
    title: &str,
    count: usize,
    head: &[&str],
    rows: Vec<Vec<String>>,
    style: Style,
) {
    let _ = writeln!(text, "\n{}{title}{} ({count})", style.bold, style.off);
    if !rows.is_empty() {
        text.push_str(&columns(head, rows, style));
    }
}

/// Left-aligned columns, two blanks apart.
pub(crate) fn columns(head: &[&str], rows: Vec<Vec<String>>, style: Style) -> String {
    let mut widths: Vec<usize> = head.iter().map(|word| word.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        format!("  {}", padded.join("  ").trim_end())
    };
    let mut text = format!("{}{}{}\n", style.dim, line(&mut head.iter().copied()), style.off);
    for row in &rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
        text.push('\n');
    }
    text
}

fn users(view: &View, uses: &[Usage]) -> String {
    let mut names: Vec<String> =
        uses.iter().filter_map(|usage| view.programs.get(usage.program)).map(program_name).collect();
    names.sort();
    let total = names.len();
    names.dedup();
    if names.len() == 1 && total > 1 { format!("{} ×{total}", names.join("")) } else { names.join(", ") }
}

fn program_name(program: &Program) -> String {
    let path = program.paths.first().or_else(|| program.requested.first());
    path.map_or_else(|| "(started before)".to_owned(), |path| SeenPath::new(path.file_name()).escaped())
}

fn depth(view: &View, program: &Program) -> usize {
    let mut depth = 0;
    let mut parent = program.parent;
    while let Some(above) = parent.and_then(|index| view.programs.get(index)) {
        depth += 1;
        parent = above.parent;
        if depth >= 12 {
            break;
        }
    }
    depth
}

fn path_of(uses: &[Usage]) -> String {
    uses.iter().flat_map(|usage| &usage.paths).next().map_or_else(|| "?".to_owned(), SeenPath::escaped)
}

fn strength(view: &View, uses: &[Usage]) -> String {
    uses.iter().map(|usage| usage.strength(view)).max().map_or("-", bom_core::fact::Strength::name).to_owned()
}

fn short(digest: Option<&str>) -> String {
    digest.map_or_else(|| "-".to_owned(), |digest| clean(digest).chars().take(12).collect())
}

fn clean(text: &str) -> String {
    escape(text.as_bytes()).text
}

pub(crate) fn bytes(count: u64) -> String {
    let (mut whole, mut tenth) = (count, 0);
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if whole < 1024 {
            return if unit == "B" { format!("{whole} B") } else { format!("{whole}.{tenth} {unit}") };
        }
        tenth = whole % 1024 * 10 / 1024;
        whole /= 1024;
    }
    format!("{whole}.{tenth} TiB")
}

/// 22713728 → 22,713,728.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
