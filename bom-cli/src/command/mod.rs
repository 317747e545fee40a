//! One file for each command.

mod convert;
mod declare;
mod diff;
#[cfg(feature = "observe")]
mod doctor;
mod explain;
mod inspect;
#[cfg(feature = "observe")]
mod observe;
#[cfg(feature = "observe")]
mod observing;
mod replay;
#[cfg(feature = "observe")]
mod run;
#[cfg(feature = "schema")]
mod schema;
mod validate;

use crate::{
    arguments::{Arguments, Command},
    exit::{Fatal, Outcome},
};

pub(crate) fn run(arguments: Arguments) -> Result<Outcome, Fatal> {
    match arguments.command {
        #[cfg(feature = "observe")]
        Command::Run(run) => run::run(run, None),
        #[cfg(feature = "observe")]
        Command::Record(record) => run::run(record.run, Some(record.to)),
        #[cfg(feature = "observe")]
        Command::Observe(observe) => Ok(observe::observe(&observe)?),
        #[cfg(feature = "observe")]
        Command::Doctor(doctor) => Ok(doctor::doctor(&doctor)?),
        Command::Replay(replay) => Ok(replay::replay(&replay)?),
        Command::Diff(diff) => Ok(diff::diff(&diff)?),
        Command::Declare(declare) => Ok(declare::declare(&declare)?),
        Command::Inspect(inspect) => Ok(inspect::inspect(&inspect)?),
        Command::Explain(explain) => Ok(explain::explain(&explain)?),
        Command::Validate(validate) => Ok(validate::validate(&validate)?),
        Command::Convert(convert) => Ok(convert::convert(&convert)?),
    }
}
