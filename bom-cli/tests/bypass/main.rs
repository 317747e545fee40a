//! The bypass suite: small programs that load a model, run a program or reach a peer in every way we know of to stay
//! unseen. Each must be seen, or be declared not observable; nothing else passes.
//!
//! `testdata/bypass` has the programs and the table of rows; docs/bypasses.md is made by this test. Start reading at
//! `suite`, which runs a row and judges what came of it.

mod facts;
mod light;
mod network;
mod observation;
mod outside;
mod page;
mod peers;
mod programs;
mod rows;
mod suite;

use std::{process::ExitCode, sync::Arc};

use bom_testkit::trial::{Failed, Need, run_on, trial};
use libtest_mimic::Trial;

use crate::{rows::Table, suite::Suite};

/// What every row takes.
const OBSERVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns, Need::C];
/// Rows are independent of each other, and most of their time is waiting.
const THREADS: usize = 2;

fn main() -> ExitCode {
    let table = Table::read();
    let able = OBSERVE.iter().all(|need| need.is_there());
    if able {
        // Before any thread is started: those that run already would stay outside.
        network::enter();
        peers::start();
    }
    let suite = Arc::new(Suite::new(table, able));
    let mut trials = vec![
        Trial::test("every_program_has_its_row", programs::every_program_has_its_row),
        page_trial(&suite),
        light_trial(&suite),
    ];
    for (number, row) in suite.table.rows.iter().enumerate() {
        let needs = [OBSERVE, &row.needs()].concat();
        let missing = suite.missing(number).map(|reason| format!(" ({reason})")).unwrap_or_default();
        for (kind, body) in [("seen", Suite::is_as_stated as Check), ("without", Suite::depends_on_its_hooks)]
        {
            let suite = Arc::clone(&suite);
            let name = format!("{kind}::{}{missing}", row.id);
            let one = trial(&name, &needs, move || body(&suite, number));
            // What the trial itself states as its need may be required, and is then no reason to be left out.
            let left_out = !missing.is_empty() && needs.iter().all(|need| need.is_there());
            trials.push(if left_out { one.with_ignored_flag(true) } else { one });
        }
    }
    run_on(THREADS, trials)
}

type Check = fn(&Suite, usize) -> Result<(), Failed>;

fn light_trial(suite: &Arc<Suite>) -> Trial {
    let suite = Arc::clone(suite);
    let needs = [OBSERVE, &[Need::Fanotify]].concat();
    trial("light::files_are_seen_or_declared", &needs, move || light::files_are_seen_or_declared(&suite))
}

fn page_trial(suite: &Arc<Suite>) -> Trial {
    let suite = Arc::clone(suite);
    trial("golden_bypasses_page", OBSERVE, move || page::compare(&suite))
}
