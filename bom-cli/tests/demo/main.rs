//! `aibom` on the demo agent, end to end: what the agent says of itself against what the BOM says of it.
//!
//! One run of the agent in the closed world serves all trials that need it ([`session`]); the recording in
//! testdata/recordings serves those that need no privilege.

mod bom;
mod contents;
mod inside;
mod light;
mod programs;
mod replay;
mod schema;
mod session;

use std::process::ExitCode;

use bom_testkit::trial::{self, Need};

/// What a live run of the agent takes.
const LIVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns, Need::Agents];
/// The same without system call exits.
const LIVE_LIGHT: &[Need] =
    &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns, Need::Agents, Need::Fanotify];
/// What a live run of a program of the system takes.
const PLAIN: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2];
const PLAIN_CHECKED: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Agents];

fn main() -> ExitCode {
    if let Some(code) = inside::world() {
        return code;
    }
    trial::run(vec![
        trial::trial("demo::models_are_those_used", LIVE, contents::models_are_those_used),
        trial::trial("demo::packages_are_those_imported", LIVE, contents::packages_are_those_imported),
        trial::trial(
            "demo::packages_of_the_child_are_its_own",
            LIVE,
            programs::packages_are_of_their_program,
        ),
        trial::trial("demo::endpoints_are_those_called", LIVE, contents::endpoints_are_those_called),
        trial::trial("demo::decoys_are_nowhere", LIVE, contents::decoys_are_nowhere),
        trial::trial("demo::programs_and_processes_are_those_started", LIVE, programs::are_those_started),
        trial::trial("demo::graph_reaches_everything", LIVE, programs::graph_reaches_everything),
        trial::trial(
            "demo::model_written_and_read_back_is_seen",
            PLAIN,
            contents::model_written_and_read_back_is_seen,
        ),
        trial::trial(
            "demo::light_profile_sees_what_the_full_one_sees",
            LIVE_LIGHT,
            light::sees_what_the_full_one_sees,
        ),
        trial::trial("demo::official_schema_accepts_the_bom", LIVE, schema::accepts_the_demo),
        trial::trial(
            "demo::official_schema_accepts_a_run_of_true",
            PLAIN_CHECKED,
            schema::accepts_a_run_of_true,
        ),
        trial::trial("demo::official_schema_refuses_a_broken_bom", LIVE, schema::refuses_a_broken_bom),
        trial::trial(
            "demo::replay_gives_the_bytes_of_the_live_run",
            LIVE,
            replay::gives_the_bytes_of_the_live_run,
        ),
        trial::trial("demo::deterministic_runs_and_replays_agree", PLAIN, replay::deterministic_runs_agree),
        trial::trial("demo::golden_replay_of_the_recording", &[], replay::golden),
        trial::trial(
            "demo::damaged_recordings_end_with_one_line",
            &[],
            replay::damaged_recordings_end_with_one_line,
        ),
    ])
}
