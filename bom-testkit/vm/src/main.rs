//! The first process of a test machine, and at once the program that is observed there.
//!
//! `cargo xtask vm` boots a kernel with an initramfs that holds this program as `/init` and the real `aibom` beside it.
//! As process 1 it mounts what aibom needs, lets aibom observe a list of acts, judges the documents, prints one line
//! for each row and switches the machine off. It never decides whether a run passed: that is xtask's, which reads the
//! lines from the serial console ([`line`]).
//!
//! Start reading at [`rows`], then [`guest`].

mod acts;
mod bypass;
mod guest;
mod judge;
mod line;
mod mounts;
mod rows;
mod uring;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["acts"] => acts::all(),
        ["bypass"] => bypass::all(),
        ["act", name] => acts::one(name),
        // What an exec leads to: it is there, and that is all.
        ["nothing"] => ExitCode::SUCCESS,
        _ if std::process::id() == 1 => guest::main(),
        _ => {
            eprintln!("this is the first process of a test machine; start it with: cargo xtask vm");
            ExitCode::from(2)
        }
    }
}
