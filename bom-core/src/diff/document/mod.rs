//! A CycloneDX document as subjects with items.
//!
//! Ours says which subject used what (`subject=` in the context of each occurrence) and how well each class was covered.
//! Of other tools' documents everything belongs to one subject, and nothing is known of its coverage.

mod item;
mod subjects;

pub use subjects::{Coverage, Observed, Subject, declared_of, observed_of, unpinned_of, unread_of};
