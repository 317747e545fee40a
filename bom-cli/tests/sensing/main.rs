//! Whether a file is seen however a program comes to its content, and how strongly: one program, one way each.
//!
//! Start reading at `trials`, the table; `actor` is the observed program, `run` observes it.

mod actor;
mod elsewhere;
mod foreign;
#[expect(dead_code, reason = "shared with the oracle, which uses all of it")]
#[path = "../oracle/ring.rs"]
mod ring;
mod run;
mod trials;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = actor::as_asked() {
        return code;
    }
    bom_testkit::trial::run([trials::all(), foreign::trials()].into_iter().flatten().collect())
}
