#![no_main]

use bom_core::bom::{
    Limits,
    convert::{Wish, convert},
    spec::Edition,
    validate::validate,
};
use libfuzzer_sys::fuzz_target;

// A CycloneDX document of anybody: checked, and written in every edition.
fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { containers: 20_000, values: 50_000, ..Limits::default() };
    let Ok(checked) = validate(bytes, &limits) else { return };
    let Some(own) = checked.edition else { return };
    for to in [Edition::V1_4, Edition::V1_5, Edition::V1_6, Edition::V1_7] {
        let Ok(converted) = convert(bytes, &limits, Wish { to: Some(to), deterministic: false }) else {
            return;
        };
        assert!(to != own || converted.losses.count() == 0, "lost within one edition");
        // A second time nothing is left to lose.
        let again = convert(&converted.json, &Limits::default(), Wish { to: Some(to), deterministic: false });
        let again = again.expect("what was written is read");
        assert_eq!(again.losses.count(), 0);
        assert_eq!(again.json, converted.json);
    }
});
