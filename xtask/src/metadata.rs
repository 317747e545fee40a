//! What `cargo metadata` says about the workspace.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;
use crate::workspace::Workspace;

/// The declared dependencies of our own packages; nothing is resolved or downloaded.
pub(crate) fn declared(workspace: &Workspace) -> Result<Value> {
    query(workspace, &["--no-deps"])
}

/// The resolved graph under every feature, for the platforms we release for.
pub(crate) fn resolved(workspace: &Workspace) -> Result<Value> {
    let mut arguments = vec!["--all-features", "--locked"];
    for platform in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
        arguments.extend(["--filter-platform", platform]);
    }
    query(workspace, &arguments)
}

/// A list field; a missing field is an empty list.
pub(crate) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text field; a missing field or another type is empty.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn query(workspace: &Workspace, arguments: &[&str]) -> Result<Value> {
    let mut cargo = workspace.cargo();
    cargo.args(["metadata", "--format-version", "1"]).args(arguments);
    serde_json::from_str(&process::capture(&mut cargo)?)
        .context("failed to read the output of `cargo metadata`")
}
