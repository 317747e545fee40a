//! SPDX: packages, files, their digests, licences and edges, as components of the neutral model.
//!
//! `two` is 2.2 and 2.3 (one list of packages), `three` is 3.0 (one graph of elements). Neither has services or
//! compositions, and what they have beside (snippets, annotations, builds) is listed as not read.

pub(super) mod three;
pub(super) mod two;
mod words;
