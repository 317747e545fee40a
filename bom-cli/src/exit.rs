//! Exit codes, in one place (docs/exit-codes.md).

use std::process::ExitCode;

/// How a command ended. Of several, the greatest claim on attention wins: 2 before 1 before 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing to report.
    Fine,
    /// Findings.
    Findings,
    /// Coverage below what was required.
    Coverage,
    /// It was found out that nothing can be done here, or that it cannot be told.
    Failed,
    /// `aibom run`: the observed command's own code.
    #[cfg(feature = "observe")]
    Command(u8),
}

/// An error that ends the process with a code of its own.
#[derive(Debug)]
pub(crate) struct Fatal {
    pub(crate) code: u8,
    pub(crate) error: anyhow::Error,
}

/// aibom could not do it, or cannot tell.
pub(crate) const FAILED: u8 = 2;
/// `aibom run`: aibom itself failed, so the command's code is not known.
#[cfg(feature = "observe")]
pub(crate) const RUN_FAILED: u8 = 125;

impl From<anyhow::Error> for Fatal {
    fn from(error: anyhow::Error) -> Self {
        Self { code: FAILED, error }
    }
}

pub(crate) fn of(result: Result<Outcome, Fatal>) -> ExitCode {
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Coverage) => ExitCode::from(3),
        Ok(Outcome::Failed) => ExitCode::from(FAILED),
        #[cfg(feature = "observe")]
        Ok(Outcome::Command(code)) => ExitCode::from(code),
        Err(Fatal { code, error }) => {
            // One line: a cause is part of the sentence. Paths in it may hold anything.
            let text = format!("{error:#}").replace('\n', " ");
            eprintln!("aibom: {}", bom_core::bom::escape(text.as_bytes()).text);
            ExitCode::from(code)
        }
    }
}

/// Help and version are answers; anything else is a wrong call: 125 for `run` and `record`, whose
/// codes below that belong to the command, else 2.
pub(crate) fn of_usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let runs = std::env::args_os().nth(1).is_some_and(|word| word == "run" || word == "record");
    ExitCode::from(if runs { 125 } else { FAILED })
}
