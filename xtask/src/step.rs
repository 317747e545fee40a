//! Steps: one heading line, one closing line with the duration, and for a failure the command that repeats it.
//!
//! All of it goes to stderr. Stdout belongs to what the step runs: other programs read test results there.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Runs one step. `repeat` is the command that runs just this step again.
pub(crate) fn run(name: &str, repeat: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("==> {name}");
    let start = Instant::now();
    let result = body();
    let took = seconds(start.elapsed());
    match &result {
        Ok(()) => eprintln!("    {name}: ok, {took}"),
        Err(error) => {
            eprintln!("    {name}: FAILED after {took}: {error:#}");
            eprintln!("    repeat it with: {repeat}");
        }
    }
    result
}

/// A list of steps that all run, so one look shows everything there is to fix.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    failed: Vec<String>,
}

impl Steps {
    /// Runs one step and remembers whether it failed.
    pub(crate) fn run(&mut self, name: &str, repeat: &str, body: impl FnOnce() -> Result<()>) {
        if run(name, repeat, body).is_err() {
            self.failed.push(repeat.to_owned());
        }
    }

    /// An error that lists the commands which repeat the failed steps.
    pub(crate) fn finish(self) -> Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        bail!("failed: {}", self.failed.join("; "))
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_and_failures_are_listed() {
        let mut ran = 0;
        let mut steps = Steps::default();
        steps.run("one", "cargo xtask one", || bail!("broken"));
        steps.run("two", "cargo xtask two", || {
            ran += 1;
            Ok(())
        });
        steps.run("three", "cargo xtask three", || bail!("broken as well"));
        let error = steps.finish().expect_err("two steps failed");
        assert_eq!(ran, 1);
        assert_eq!(error.to_string(), "failed: cargo xtask one; cargo xtask three");
    }

    #[test]
    fn no_failure_is_no_error() {
        let mut steps = Steps::default();
        steps.run("one", "cargo xtask one", || Ok(()));
        assert!(steps.finish().is_ok());
    }
}
