//! Real programs, run for real under `aibom run`: the packages, versions, endpoints and models of the document against
//! what each interpreter recorded of itself, by its own means, when it ended.
//!
//! `testdata/programs` has the programs, [`rows`] the table of them; docs/accuracy.md explains each difference that is
//! let stand. Some are part of every run; all of them run where `AIBOM_TEST_FULL` is set.

mod accuracy;
mod document;
#[path = "../demo/inside.rs"]
mod inside;
mod judge;
mod page;
mod rows;
mod session;

use std::{
    env,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use bom_testkit::trial::{self, Failed, trial};
use libtest_mimic::Trial;

use crate::{
    accuracy::Accuracy,
    rows::{PROGRAMS, Program},
    session::Shared,
};

fn main() -> ExitCode {
    if let Some(code) = inside::world() {
        return code;
    }
    let full = env::var_os("AIBOM_TEST_FULL").is_some();
    let accuracy = Arc::new(Mutex::new(Accuracy::default()));
    let mut trials = vec![Trial::test("programs::differences_are_explained", page::explains_each_difference)];
    for program in PROGRAMS.iter().filter(|program| full || !program.long) {
        let shared = Arc::new(Shared::new(program));
        let figures = Arc::clone(&accuracy);
        let packages = move |shared: &Shared| judge::packages_are_those_imported(shared.get()?, &figures);
        trials.push(one(program, &shared, "packages_are_those_imported", packages));
        let kinds: [(&str, Judge); 3] = [
            ("endpoints_are_those_called", judge::endpoints_are_those_called),
            ("models_are_those_loaded", judge::models_are_those_loaded),
            ("roles_are_those_it_plays", judge::roles_are_those_it_plays),
        ];
        for (name, judge) in kinds {
            trials.push(one(program, &shared, name, move |shared: &Shared| judge(shared.get()?)));
        }
        for difference in program.differences {
            let name = format!("differs_by::{}", difference.package);
            let judge = move |shared: &Shared| judge::difference_is_as_stated(shared.get()?, difference);
            trials.push(one(program, &shared, &name, judge));
        }
    }
    // Trials run in their order, one at a time, so the others are done.
    trials.push(Trial::test("programs::together_they_differ_by_no_more_than_one_percent", move || {
        accuracy.lock().map_err(|_| "a trial died")?.verdict()
    }));
    trial::run(trials)
}

type Judge = fn(&session::Session) -> Result<(), Failed>;

fn one(
    program: &'static Program,
    shared: &Arc<Shared>,
    name: &str,
    body: impl FnOnce(&Shared) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let shared = Arc::clone(shared);
    trial(&format!("programs::{}::{name}", program.name), &program.needs(), move || body(&shared))
}
