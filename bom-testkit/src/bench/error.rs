use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("usage: {0}")]
    Usage(&'static str),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("no section {name:?}; there are {names}")]
    NoSection { name: String, names: String },
    #[error("run {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("{program} ended with wait status {status:#x}")]
    Failed { program: String, status: i32 },
    #[error("{what}: {source}")]
    System { what: &'static str, source: io::Error },
    #[error("no {0}")]
    Missing(&'static str),
    #[error("recording {path}: {source}")]
    Recording { path: PathBuf, source: serde_json::Error },
}

/// Adds the path to an error of a file operation.
pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BenchError {
    let path = path.into();
    move |source| BenchError::File { path, source }
}
