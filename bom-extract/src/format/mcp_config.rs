//! Lists of MCP servers: `.mcp.json`, `mcp.json`, the configurations of desktop programs.
//!
//! Source: the client configurations of the Model Context Protocol. A server is a program to start or an address to
//! call. Arguments, environment and headers hold secrets and are not kept; of an address only scheme and host are.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::grammar::json_outline::{Outline, Scalar};
use crate::reader::Reader;

pub(super) fn document(
    outline: &Outline,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let servers = listed(outline, "mcpServers.");
    let (count, servers) = match outline.object("mcpServers") {
        Some(count) => (count, servers),
        None => {
            // Another spelling, common enough as a key to want nothing else beside it.
            let alone = outline.keys().iter().all(|key| matches!(*key, "servers" | "inputs" | "$schema"));
            let servers = listed(outline, "servers.");
            match outline.object("servers").filter(|_| alone && !servers.is_empty()) {
                Some(count) => (count, servers),
                None => return Ok(false),
            }
        }
    };
    draft.claim_as(FileKind::McpConfig);
    draft.model().role = Some(ModelRole::ToolConfiguration);
    draft.hyperparameter("servers", count);
    for (name, server) in servers {
        reader.keep(name.len().saturating_add(server.len()))?;
        draft.model().claimed.insert(format!("server.{name}"), server);
    }
    Ok(true)
}

/// Servers by name, with the program or the host.
fn listed(outline: &Outline, prefix: &str) -> BTreeMap<String, String> {
    let mut servers = BTreeMap::new();
    for (path, _, value) in outline.under(prefix) {
        let (Some(rest), Scalar::Text(value)) = (path.strip_prefix(prefix), value) else { continue };
        let shown = match rest.rsplit_once('.') {
            Some((_, "command")) => value.split_whitespace().next().map(ToString::to_string),
            Some((_, "url" | "serverUrl" | "httpUrl")) => Some(origin(value)),
            Some(_) | None => None,
        };
        let name = rest.rsplit_once('.').map_or(rest, |(name, _)| name);
        if let Some(shown) = shown {
            servers.insert(name.to_string(), shown);
        }
    }
    servers
}

/// Scheme, host and port: what stands before and behind may be a secret.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if scheme.is_empty() { host.to_string() } else { format!("{scheme}://{host}") }
}
