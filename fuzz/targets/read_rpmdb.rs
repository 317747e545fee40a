//! rpm's database: a SQLite file of headers.
#![no_main]

use bom_extract::{RpmOutcome, rpm_package, rpm_packages};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let (mut first, mut count) = (None, 0_usize);
    let outcome = rpm_packages(&bytes, &mut |package| {
        first.get_or_insert(package.number);
        count += package.files().take(1000).count();
        count < 100_000
    });
    let outcome = outcome.expect("memory is always readable");
    if let Some(number) = first {
        rpm_package(&bytes, number).expect("memory is always readable");
    }
    if outcome == RpmOutcome::Other { Corpus::Reject } else { Corpus::Keep }
});
