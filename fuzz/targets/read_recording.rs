#![no_main]

use bom_core::{
    assemble::{Options, assemble},
    bom,
    correlate::Correlator,
    identify::{catalog::Catalog, identify},
    recording::Reader,
};
use libfuzzer_sys::fuzz_target;

// Lines of a recording, hostile ones among them, all the way to a document.
fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::default();
    let mut correlator = Correlator::default();
    for line in bytes.split(|&byte| byte == b'\n') {
        match reader.read(line) {
            Ok(Some(input)) => drop(correlator.step(input)),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    let view = identify(&correlator.inventory(), &Catalog::default());
    if let Ok(document) = assemble(&view, Options { deterministic: false, version: "0" }) {
        let _ = bom::to_json(&document, bom::Options::default());
    }
});
