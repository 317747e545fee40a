//! SPDX and XML, through the model.

use std::collections::BTreeSet;

use serde_json::Value;

use super::ConvertError;
use super::lost::Losses;
use crate::bom::document::Bom;
use crate::bom::read::{IssueKind, Limits, ReadError, any_within};
use crate::bom::scalars::BomRef;
use crate::bom::terms::SpecVersion;
use crate::bom::write::{Options, to_json};

/// The document as CycloneDX 1.7, which has room for all of the model, and what it was.
pub(super) fn read(
    bytes: &[u8],
    limits: &Limits,
    losses: &mut Losses,
) -> Result<(Value, String), ConvertError> {
    let read = any_within(bytes, limits)?;
    for issue in &read.issues {
        let what = match issue.kind {
            IssueKind::NotModelled => "not read",
            IssueKind::WrongType => "wrong type",
            IssueKind::BadValue => "bad value",
            IssueKind::Moved => continue,
        };
        let example = if issue.example.is_empty() { String::new() } else { format!(": {}", issue.example) };
        losses.add(&issue.at, format!("{what} ({} times){example}", issue.count));
    }
    losses.further = losses.further.saturating_add(read.further_issues);
    let name = read.format.name(&read.spec_version);
    let mut bom = read.bom;
    cut_loose_ends(&mut bom, losses);
    let written = to_json(&bom, Options::new(SpecVersion::V1_7))?;
    let value = serde_json::from_slice(&written.json).map_err(ReadError::NotJson)?;
    Ok((value, name))
}

/// Edges to what was not read, such as elements of other documents.
fn cut_loose_ends(bom: &mut Bom, losses: &mut Losses) {
    let components = bom.metadata.component.iter().chain(&bom.components);
    let names = components.filter_map(|component| component.bom_ref.as_ref());
    let known: BTreeSet<BomRef> =
        names.chain(bom.services.iter().filter_map(|service| service.bom_ref.as_ref())).cloned().collect();
    bom.dependencies.retain(|from, to| {
        to.retain(|target| {
            let found = known.contains(target);
            if !found {
                losses.add(from, format!("an edge to {:?}, which is no component", target.as_str()));
            }
            found
        });
        let found = known.contains(from);
        if !found {
            losses.add(from, format!("{} edges from what is no component", to.len()));
        }
        found
    });
}
