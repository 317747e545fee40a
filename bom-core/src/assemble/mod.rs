//! A view becomes a CycloneDX document. What other tools would drop stands in `aibom:` properties.
//!
//! `references` names things, `components`, `models` (with `model_header`, `stores`), `packages` (with `owners`) and
//! `services` describe them, `observation` says what was
//! watched and what was not. With `deterministic`, times, pids, inode and sequence numbers are left
//! out, so that two runs of the same thing compare equal.

mod components;
mod model_header;
mod models;
mod observation;
mod owners;
mod packages;
mod references;
mod services;
mod stores;

use crate::{
    bom::{
        Bom, BomRef, Component, DocumentError, HashError, IriError, Property, PurlError, TimestampError,
        escape,
    },
    identify::View,
};

#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    #[error("assemble document: {0}")]
    Document(#[from] DocumentError),
    #[error("assemble document: {0}")]
    Hash(#[from] HashError),
    #[error("assemble document: {0}")]
    Iri(#[from] IriError),
    #[error("assemble document: {0}")]
    Purl(#[from] PurlError),
    #[error("assemble document: {0}")]
    Timestamp(#[from] TimestampError),
}

/// How a document is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub deterministic: bool,
    /// Version of the aibom that writes.
    pub version: &'static str,
}

/// Makes the document of one observation set.
pub fn assemble(view: &View, options: Options) -> Result<Bom, AssembleError> {
    let names = references::Names::of(view, options.deterministic)?;
    let mut bom = Bom::default();
    let context = Context { view, names: &names, deterministic: options.deterministic };
    context.observation(&mut bom, options.version)?;
    context.artifacts(&mut bom)?;
    context.services(&mut bom)?;
    Ok(bom.normalized())
}

/// What every part of the document needs.
struct Context<'a> {
    view: &'a View,
    names: &'a references::Names,
    deterministic: bool,
}

fn property(properties: &mut Vec<Property>, name: &str, value: impl Into<String>) {
    properties.push(Property::new(name, value));
}

/// Text that came from outside, without anything hidden in it.
fn clean(text: &str) -> String {
    escape(text.as_bytes()).text
}

fn depend(bom: &mut Bom, from: &BomRef, on: &BomRef) {
    if from != on {
        bom.dependencies.entry(from.clone()).or_default().insert(on.clone());
    }
}

/// Every component has an entry in the graph, also if it depends on nothing.
fn place(bom: &mut Bom, component: Component) {
    if let Some(reference) = component.bom_ref.clone() {
        bom.dependencies.entry(reference).or_default();
    }
    bom.components.push(component);
}
