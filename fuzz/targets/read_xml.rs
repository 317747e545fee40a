#![no_main]

use bom_core::bom::{Limits, read::any_within};
use libfuzzer_sys::{Corpus, fuzz_target};

// XML of anybody, through the crate that reads it.
fuzz_target!(|bytes: &[u8]| -> Corpus {
    if !bytes.starts_with(b"<") {
        return Corpus::Reject;
    }
    let limits = Limits { containers: 5_000, ..Limits::default() };
    let _ = any_within(bytes, &limits);
    Corpus::Keep
});
