//! Where a file comes from, by the layout of the store it lies in: name, revision and digest without reading it.
//!
//! Nothing here opens a file: small files, names and links of the store are seen through [`Folder`], bounded. What a
//! store says is its own word; whether the content agrees is found out by whoever hashes it. `look` has the list of
//! layouts, each has a file; stores that keep no notes beside their files are rows of `named`.

mod bentoml;
mod folder;
mod huggingface;
mod huggingface_folder;
mod look;
mod mlflow;
mod named;
mod oci;
mod ollama;
mod steps;
mod triton;

pub use folder::{Folder, Names};
pub use look::{Asked, origins};
