//! The official JSON schemas of CycloneDX, which an independent library brings (`cargo xtask prepare`), against what we
//! know of the specification (`fields`) and what we write (`validators`).

mod fields;
mod validators;

use std::{fs, path::PathBuf};

/// The folder of the schemas.
fn schemas() -> PathBuf {
    let lib = bom_testkit::trial::agents().join("validators/lib");
    let python = fs::read_dir(&lib).unwrap_or_else(|error| panic!("{}: {error}", lib.display())).next();
    python.expect("a Python").expect("an entry").path().join("site-packages/cyclonedx/schema/_res")
}
