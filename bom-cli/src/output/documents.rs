//! Inventory → view → documents, to every target asked for.

use anyhow::Context as _;
use bom_core::{
    assemble::{self, assemble},
    bom::{self, SpecVersion},
    correlate::Correlator,
    identify::{View, catalog::Catalog, identify},
};

use super::{Format, Style, Target, table, write};
use crate::arguments::Documents;

/// Writes everything `-o` asked for; gives the view back.
pub(crate) fn write_documents(correlator: &Correlator, wanted: &Documents) -> anyhow::Result<View> {
    // The user's rows come first, so that they win.
    let mut catalog: Catalog = correlator.catalog().clone();
    catalog.extend(Catalog::built_in());
    let view = identify(&correlator.inventory(), &catalog);
    for Target { format, path } in &wanted.output {
        let bytes = match format.unwrap_or(Format::CycloneDx(SpecVersion::V1_6)) {
            Format::CycloneDx(version) => cyclonedx(&view, version, wanted.deterministic)?,
            Format::Table => table(&view, Style::PLAIN).into_bytes(),
            Format::Json => anyhow::bail!("-o json= is for `aibom inspect`; a BOM is cyclonedx"),
        };
        write(path.as_deref(), &bytes)?;
    }
    Ok(view)
}

fn cyclonedx(view: &View, version: SpecVersion, deterministic: bool) -> anyhow::Result<Vec<u8>> {
    let options = assemble::Options { deterministic, version: env!("CARGO_PKG_VERSION") };
    let document = assemble(view, options)?;
    let written =
        bom::to_json(&document, bom::Options { version, deterministic }).context("write CycloneDX")?;
    if !written.dropped.is_empty() {
        let count = written.dropped.len();
        eprintln!("aibom: CycloneDX {version} has no room for {count} of the values; 1.6 keeps them");
    }
    Ok(written.json)
}
