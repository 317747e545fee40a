//! What every observing command has in common: settings, catalogs, the recording, the table on stderr.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bom_agent::{
    host::Host,
    probes::{Profile, Settings, Tier},
    session::SessionError,
};
use bom_core::identify::{View, catalog::Catalog};

use crate::{
    arguments::{ProfileArgument, TierArgument},
    output::{Replacement, Style, table},
};

/// Bytes of a catalog file.
const CATALOG: u64 = 16 << 20;

/// The recording takes its place when it is whole: a run that cannot observe costs no earlier one.
pub(super) fn replacement(path: &Path) -> anyhow::Result<Replacement> {
    let missing = Host::this().privileges();
    anyhow::ensure!(missing.is_empty(), SessionError::Privilege(missing));
    Replacement::of(path).with_context(|| format!("create recording {}", path.display()))
}

pub(super) fn settings(
    without: &[String],
    ring_bytes: Option<u32>,
    tier: TierArgument,
    profile: ProfileArgument,
) -> Settings {
    let tier = match tier {
        TierArgument::Base => Tier::Base,
        TierArgument::Upper => Tier::Upper,
        TierArgument::Auto => Tier::Auto,
    };
    let profile = match profile {
        ProfileArgument::Full => Profile::Full,
        ProfileArgument::Light => Profile::Light,
    };
    let without = without.iter().cloned().collect();
    let mut settings = Settings { without, tier, profile, ..Settings::default() };
    if let Some(bytes) = ring_bytes {
        settings.common_ring_bytes = bytes;
    }
    settings
}

/// The rows of all files, in their order; `None` if there are none.
pub(super) fn catalogs(paths: &[PathBuf]) -> anyhow::Result<Option<Catalog>> {
    let mut catalog = Catalog::default();
    for path in paths {
        catalog.extend(read_catalog(path).with_context(|| format!("catalog {}", path.display()))?);
    }
    Ok((catalog != Catalog::default()).then_some(catalog))
}

fn read_catalog(path: &Path) -> anyhow::Result<Catalog> {
    let size = std::fs::metadata(path)?.len();
    anyhow::ensure!(size <= CATALOG, "{size} bytes, more than {CATALOG}");
    Ok(Catalog::parse(&std::fs::read_to_string(path)?)?)
}

/// The table on stderr; who closes it has seen enough.
pub(super) fn show(view: &View) -> anyhow::Result<()> {
    let colour =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let text = table(view, if colour { Style::COLOUR } else { Style::PLAIN });
    match io::stderr().lock().write_all(format!("\n{text}").as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("write the table"),
    }
}
