//! The results as a page.

use std::fmt::Write as _;

use super::agent::{Agents, Nothing};
use super::files::{Files, MANY};
use super::observer::Observer;
use super::opens::Loop;
use super::records::Records;
use super::sample::Sample;
use super::untraced::{Calls, Where};

const NOT_HERE: &str = "not installed, or not able to start here";

const SAME: &str = "A repeated open is counted in the kernel and not delivered again; fanotify merges those that wait in its queue.";
const DISTINCT: &str = "Every open is a record with the file's full path. Worst case: nothing else happens.";

/// What was measured on: name and value; load averages before and after; seconds.
pub(crate) fn head(machine: &[(&'static str, String)], load: &[String; 2], took_s: u64) -> String {
    let mut text = String::from(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench`; not edited by hand, and nothing in it is asserted. Each value is the median of \
         interleaved repetitions, with the smallest and the largest in brackets. Ratios are taken pair by pair. CPU is \
         user and system time: on a busy machine it says more than the wall.\n\n",
    );
    for (name, value) in machine {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let [before, after] = load;
    let _ = writeln!(text, "- load average (1, 5, 15 minutes): {before} before, {after} after {took_s} s");
    text
}

pub(crate) fn agent(agents: Option<&Agents>) -> String {
    let title = "## The demo agent\n\n";
    let Some(agents) = agents else {
        return format!("{title}Not measured: `cargo xtask prepare` was not run.\n");
    };
    let pairs = agents.wall.count();
    let mut text = format!(
        "{title}From its exec to its exit, {pairs} pairs. Aim: at most 3 % more wall time.\n\n\
         | | bare | with aibom | ratio |\n|---|---|---|---|\n"
    );
    for (name, bare, with) in
        [("wall, s", &agents.bare_wall, &agents.wall), ("the agent's CPU, s", &agents.bare_cpu, &agents.cpu)]
    {
        let ratio = with.over(bare);
        let _ = writeln!(text, "| {name} | {} | {} | {} |", bare.show(2), with.show(2), ratio.show(3));
    }
    let _ = writeln!(text, "\n| aibom beside it | |\n|---|---|");
    let share = agents.own_cpu.over(&agents.bare_cpu);
    for (name, value) in [
        ("CPU, s", agents.own_cpu.show(2)),
        ("CPU, as a part of the agent's", share.show(2)),
        ("set-up before the agent starts, ms (aim: 300)", agents.set_up_ms.show(0)),
        ("from the agent's exit to the document, ms", agents.closing_ms.show(0)),
        ("peak resident memory, MiB (aim: 60)", agents.peak_mib.show(1)),
    ] {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text
}

pub(crate) fn nothing(nothing: &Nothing) -> String {
    let mut text =
        format!("## `aibom run -- true`\n\n{} repetitions.\n\n| | |\n|---|---|\n", nothing.set_up_ms.count());
    for (name, value) in [
        ("set-up, ms (aim: 300)", nothing.set_up_ms.show(0)),
        ("from the command's exit to the document, ms", nothing.closing_ms.show(0)),
        ("CPU, s", nothing.cpu.show(2)),
        ("peak resident memory, MiB (aim: 60)", nothing.peak_mib.show(1)),
    ] {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text
}

pub(crate) fn same(rows: &[Loop]) -> String {
    loops("The same file, opened and closed again and again", SAME, rows)
}

pub(crate) fn distinct(rows: &[Loop]) -> String {
    loops("Distinct files, each opened and closed once", DISTINCT, rows)
}

fn loops(title: &str, about: &str, loops: &[Loop]) -> String {
    let repetitions = loops.iter().map(|row| row.wall.count()).max().unwrap_or(0);
    let mut text = format!(
        "## {title}\n\n{about} {repetitions} repetitions, ns per open and close.\n\n\
         | observer | wall | CPU of the loop | wall, ratio to bare | CPU, ns more than bare |\n|---|---|---|---|---|\n"
    );
    let none = Sample::default();
    let bare = loops.iter().find(|row| row.observer == Observer::Nobody);
    let (bare_wall, bare_cpu) = bare.map_or((&none, &none), |bare| (&bare.wall, &bare.cpu));
    for row in loops {
        let name = row.observer.name();
        if !row.here {
            let _ = writeln!(text, "| {name} | {NOT_HERE} | | | |");
            continue;
        }
        let (ratio, more) = (row.wall.over(bare_wall), row.cpu.minus(bare_cpu));
        let (wall, cpu) = (row.wall.show(0), row.cpu.show(0));
        let _ = writeln!(text, "| {name} | {wall} | {cpu} | {} | {} |", ratio.show(2), more.show(0));
    }
    text
}

pub(crate) fn untraced(rows: &[Calls]) -> String {
    let mut text = String::from(
        "## System calls that are not traced\n\n\
         While anybody has a system call tracepoint on, the kernel takes a slower way in and out of every system call of \
         every process. CPU time of the loop, ns per call.\n\n\
         | | `getppid` | more than bare | `read` of one byte | more than bare |\n|---|---|---|---|---|\n",
    );
    let none = Sample::default();
    let bare = rows.iter().find(|row| row.place == Where::Nowhere);
    let (bare_getppid, bare_read) = bare.map_or((&none, &none), |bare| (&bare.getppid, &bare.read));
    for row in rows {
        let name = match row.place {
            Where::Nowhere => "bare".to_owned(),
            Where::Beside(observer) => format!("{} watches another process", observer.name()),
            Where::Inside(observer @ (Observer::Opensnoop | Observer::Fatrace)) => observer.name().to_owned(),
            Where::Inside(observer) => format!("inside {}", observer.name()),
        };
        if !row.here {
            let _ = writeln!(text, "| {name} | {NOT_HERE} | | | |");
            continue;
        }
        let more = [row.getppid.minus(bare_getppid).show(0), row.read.minus(bare_read).show(0)];
        let values = [row.getppid.show(0), row.read.show(0)];
        let _ = writeln!(text, "| {name} | {} | {} | {} | {} |", values[0], more[0], values[1], more[1]);
    }
    text
}

pub(crate) fn files(files: &Files) -> String {
    let mut text = format!(
        "## Files at rest\n\n{} repetitions, all files in the page cache: {MANY} models of 1 MiB in a folder, and one of \
         1 GiB. Without digests the folder takes `aibom inspect` {} s ({} s of CPU), {} MiB at most. MB (10^6 bytes) each \
         second; aibom hashes with as many threads as there are CPUs, the others with one. Aim: 0.95 of `openssl` on one \
         file, more than it on many, 60 MiB.\n\n\
         | | one file | … of CPU | ratio to aibom's | many files | … of CPU | ratio to aibom's | peak memory, MiB |\n\
         |---|---|---|---|---|---|---|---|\n",
        files.headers_s.count(),
        files.headers_s.show(2),
        files.headers_cpu_s.show(2),
        files.headers_peak_mib.show(1),
    );
    let Some(own) = files.hashers.first() else { return text };
    for hasher in &files.hashers {
        if !hasher.here {
            let _ = writeln!(text, "| {} | {NOT_HERE} | | | | | | |", hasher.name);
            continue;
        }
        let cells = [
            hasher.one_wall.show(0),
            hasher.one_cpu.show(0),
            hasher.one_cpu.over(&own.one_cpu).show(2),
            hasher.many_wall.show(0),
            hasher.many_cpu.show(0),
            hasher.many_wall.over(&own.many_wall).show(2),
            hasher.peak_mib.show(1),
        ];
        let _ = writeln!(text, "| {} | {} |", hasher.name, cells.join(" | "));
    }
    text
}

/// One cell of the table of records.
type Show = fn(&Records) -> String;

pub(crate) fn records(rows: &[(&str, Records)]) -> String {
    let mut text = String::from("## Records and losses\n\nOne recorded run each. Aim: no open lost.\n\n| |");
    for (name, _) in rows {
        let _ = write!(text, " {name} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(rows.len()));
    text.push('\n');
    let lines: [(&str, Show); 12] = [
        ("opens seen in the kernel", |records| records.counter("opens-seen").to_string()),
        ("… delivered", |records| records.counter("opens-delivered").to_string()),
        ("… counted at an earlier record", |records| records.counter("opens-deduplicated").to_string()),
        ("… **lost**", |records| records.counter("opens-lost").to_string()),
        ("lost records of every kind", |records| records.lost().to_string()),
        ("files not looked at, because too many waited", |records| records.not_looked_at.to_string()),
        ("bytes per record of an open, path included", |records| {
            decimal(records.per_open(records.open_bytes))
        }),
        ("… as it takes room in the ring", |records| decimal(records.per_open(records.open_ring_bytes))),
        ("events recorded", |records| records.events.to_string()),
        ("text of an event in a recording, bytes", |records| {
            decimal(records.per_event(records.event_text_bytes))
        }),
        ("recording per event, compressed, answers included, bytes", |records| {
            decimal(records.per_event(records.recording_bytes))
        }),
        ("peak resident memory while recording, MiB", |records| decimal(records.peak_mib)),
    ];
    for (name, value) in lines {
        let _ = write!(text, "| {name} |");
        for (_, records) in rows {
            let _ = write!(text, " {} |", value(records));
        }
        text.push('\n');
    }
    text
}

fn decimal(value: f64) -> String {
    format!("{value:.1}")
}
