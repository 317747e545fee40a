//! `aibom.yaml`: what a person declares, in our own words (schemas/aibom-declaration.schema.json).

mod apply;
mod read;

pub(crate) use apply::apply;
pub use read::API_VERSION;
pub(crate) use read::{annotation, is_one, read};
