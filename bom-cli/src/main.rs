//! The command `aibom`: arguments in, documents and tables out.
//!
//! Never decides what a fact means (`bom-core`) and never touches the kernel itself (`bom-agent`).
//!
//! Start reading at `arguments`, then `command`.

mod arguments;
mod command;
mod exit;
mod output;
mod side;

use std::process::ExitCode;

use clap::Parser as _;

/// For the static build, whose C library would allocate under one lock (ADR 0013).
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::of_usage(&error),
    };
    exit::of(command::run(arguments))
}
