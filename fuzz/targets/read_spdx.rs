#![no_main]

use bom_core::bom::{
    self, Limits,
    convert::{Wish, convert},
    read::any_within,
    validate::validate,
};
use libfuzzer_sys::{Corpus, fuzz_target};

// SPDX of anybody: read, checked, and written as CycloneDX.
fuzz_target!(|bytes: &[u8]| -> Corpus {
    let limits = Limits { containers: 20_000, values: 50_000, ..Limits::default() };
    let Ok(read) = any_within(bytes, &limits) else { return Corpus::Reject };
    if !matches!(read.format, bom::read::Format::Spdx2 | bom::read::Format::Spdx3) {
        return Corpus::Reject;
    }
    assert!(validate(bytes, &limits).is_ok());
    if let Ok(converted) = convert(bytes, &limits, Wish { to: None, deterministic: true }) {
        assert!(bom::from_json(&converted.json).is_ok());
    }
    Corpus::Keep
});
