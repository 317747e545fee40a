//! More opens than the ring holds.

use std::fs;

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{Ran, Scratch, aibom},
    document::Document,
    observed_program,
};

/// Files, each opened once.
const FILES: u64 = 20_000;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("ring::what_does_not_fit_is_counted", OBSERVE, what_does_not_fit_is_counted)]
}

fn what_does_not_fit_is_counted() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let folder = scratch.join("files");
    fs::create_dir(&folder)?;
    for number in 0..FILES {
        fs::write(folder.join(number.to_string()), b"")?;
    }
    let opened = |options: &[&str]| -> (Ran, Document) {
        let bom = scratch.join("bom.json");
        let mut arguments: Vec<std::ffi::OsString> = ["run", "--exit=aibom", "-o"].map(Into::into).to_vec();
        arguments.push(bom.clone().into());
        arguments.extend(options.iter().map(Into::into));
        arguments.push("--".into());
        arguments.extend(observed_program::command("open-all", &[folder.to_str().expect("text")]));
        let ran = aibom(arguments);
        (ran, Document::open(&bom))
    };

    let (ran, document) = opened(&["--ring-bytes", "4096"]);
    let lost = conserved(&document);
    assert!(lost > 0 && lost < FILES + 100, "{lost} lost");
    for class in ["models", "libraries", "packages"] {
        assert!(document.gaps(class).contains(&"lost:opens-lost"), "{class}: {:?}", document.gaps(class));
    }
    assert!(!document.gaps("endpoints").contains(&"lost:opens-lost"), "endpoints come through another ring");
    assert_eq!(document.subject("aibom:loss:opens-lost"), [lost.to_string()]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("× opens-lost"), "{}", ran.stderr);

    let (ran, document) = opened(&[]);
    assert_eq!(conserved(&document), 0, "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let files: u64 = document.subject("aibom:obs:files").concat().parse()?;
    assert!((FILES..FILES + 100).contains(&files), "{files} files");
    Ok(())
}

/// Every open that was seen was delivered, counted with an earlier one, lost or not resolved. How many were lost.
fn conserved(document: &Document) -> u64 {
    let counters = document.counters();
    let parts = ["opens-delivered", "opens-deduplicated", "opens-lost", "opens-unresolved"];
    let sum: u64 = parts.iter().map(|part| counters[part]).sum();
    assert_eq!(counters["opens-seen"], sum, "{counters:?}");
    assert!(sum >= FILES, "{counters:?}");
    counters["opens-lost"]
}
