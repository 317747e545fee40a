#![no_main]

use bom_core::{
    bom,
    diff::{Observed, Options, compare, declare, declared_of, gate, observed_of},
    identify::catalog::Catalog,
    report::{self, Report},
};
use libfuzzer_sys::fuzz_target;

// A document of anybody, as both sides of a comparison, into every report.
fuzz_target!(|bytes: &[u8]| {
    let limits = bom::Limits { containers: 20_000, values: 50_000, ..bom::Limits::default() };
    let Ok(read) = bom::from_json_within(bytes, &limits) else { return };
    let catalog = Catalog::default();
    let declared = declared_of(&read.bom, "a.json", bytes, &catalog);
    let observed: [Observed; 1] = [observed_of(&read.bom, "b.json", &catalog)];
    let found = compare(&declared, &observed, &Options::default());
    let (verdict, _) = gate::verdict(&found, &gate::Expression::default());
    assert_ne!(verdict, gate::Verdict::Findings, "a document differs from itself: {:?}", found.findings);
    let report = Report::new(&found, verdict, &declared, "0");
    let _ = report::human(&report, false);
    let _ = report::junit(&report);
    let _ = report::markdown(&report);
    let _ = report::csv(&report);
    let _ = report::sarif(&report);
    assert!(report::baseline(report::json(&report).as_bytes()).is_ok());
    let _ = declare::declare(&observed, declare::Options { libraries: true });
});
