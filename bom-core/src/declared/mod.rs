//! What somebody says will be used, in one shape for every way to say it.
//!
//! A deploy manifest ([`crate::manifest`]), a declaration (`aibom.yaml`) and a CycloneDX document all become
//! [`Declared`]: workloads with [`Item`]s, each with the place where it was said. The observed side has the same
//! items, so that [`crate::diff`] compares like with like.
//!
//! Start with `item.rs`.

mod image;
mod item;
mod pattern;
mod place;
mod set;
mod workload;

pub use image::ImageName;
pub use item::{Class, Force, Item, Kind, Origin};
pub use pattern::{HostPattern, PathPattern, glob};
pub use place::Place;
pub use set::Set;
pub(crate) use workload::join;
pub use workload::{Declared, Egress, Issue, IssueKind, Ports, Review, Workload, WorkloadId, is_day};
