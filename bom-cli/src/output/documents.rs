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

/// What the inputs come to.
pub(crate) fn view_of(correlator: &Correlator) -> View {
    // The user's rows come first, so that they win.
    let mut catalog: Catalog = correlator.catalog().clone();
    catalog.extend(Catalog::built_in());
    identify(&correlator.inventory(), &catalog)
}

/// Writes everything `-o` asked for. One that cannot be written does not keep the others from it; the first error is
/// returned.
pub(crate) fn write_documents(view: &View, wanted: &Documents) -> anyhow::Result<()> {
    let mut first = Ok(());
    for target in &wanted.output {
        first = first.and(write_document(view, target, wanted.deterministic));
    }
    first
}

fn write_document(view: &View, target: &Target, deterministic: bool) -> anyhow::Result<()> {
    let bytes = match target.format.unwrap_or(Format::CycloneDx(SpecVersion::V1_6)) {
        Format::CycloneDx(version) => cyclonedx(view, version, deterministic)?,
        Format::Table => table(view, Style::PLAIN).into_bytes(),
        Format::Json => anyhow::bail!(NO_JSON),
        Format::Sarif | Format::Junit | Format::Markdown | Format::Csv => anyhow::bail!(NO_REPORT),
    };
    write(target.path.as_deref(), &bytes)
}

/// What is wrong with a wish can be said before anything is observed.
pub(crate) fn check_documents(wanted: &Documents) -> anyhow::Result<()> {
    for target in &wanted.output {
        match target.format {
            None | Some(Format::CycloneDx(_) | Format::Table) => {}
            Some(Format::Json) => anyhow::bail!(NO_JSON),
            Some(Format::Sarif | Format::Junit | Format::Markdown | Format::Csv) => anyhow::bail!(NO_REPORT),
        }
    }
    Ok(())
}

const NO_REPORT: &str = "-o sarif=, junit=, markdown= and csv= are for `aibom diff`; a BOM is cyclonedx";
const NO_JSON: &str = "-o json= is for `aibom inspect`; a BOM is cyclonedx";

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
