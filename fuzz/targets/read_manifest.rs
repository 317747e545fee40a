#![no_main]

use bom_core::{
    identify::catalog::Catalog,
    manifest::{Source, read, yaml::Limits},
};
use libfuzzer_sys::fuzz_target;

// A manifest, a declaration or a client's configuration, all the way to items.
fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { values: 20_000, text: 1 << 20, ..Limits::default() };
    let catalog = Catalog::default();
    let sources = [Source { name: "m.yaml", bytes }];
    if let Ok(declared) = read(&sources, &catalog, &limits) {
        for workload in &declared.workloads {
            assert!(workload.items.is_sorted(), "items are not sorted");
            assert!(workload.items.iter().all(|item| item.place().is_some()), "an item without a place");
        }
    }
});
