//! `aibom convert`: a document as CycloneDX of another version.

use std::path::Path;

use anyhow::Context as _;
use bom_core::bom::{Limits, convert as to_edition, escape};

use crate::{arguments::Convert, exit::Outcome, output::write, side};

pub(crate) fn convert(arguments: &Convert) -> anyhow::Result<Outcome> {
    let bytes = side::read(&arguments.document)?;
    let shown = side::shown(&arguments.document);
    let wish = to_edition::Wish { to: arguments.to, deterministic: arguments.deterministic };
    let converted =
        to_edition::convert(&bytes, &Limits::default(), wish).with_context(|| format!("read {shown}"))?;
    let losses = &converted.losses;
    for lost in &losses.list {
        eprintln!(
            "aibom: {}: {}",
            side::shown(&arguments.document),
            escape(lost.to_string().as_bytes()).text
        );
    }
    if losses.further > 0 {
        eprintln!("aibom: {shown}: {} more", losses.further);
    }
    let count = losses.count();
    anyhow::ensure!(
        count == 0 || arguments.allow_loss,
        "{} to CycloneDX {}: {count} losses; --allow-loss writes it all the same",
        converted.from,
        converted.edition
    );
    let path = arguments.output.as_deref().filter(|path| *path != Path::new("-"));
    write(path, &converted.json)?;
    Ok(Outcome::Fine)
}
