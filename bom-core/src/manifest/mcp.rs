//! Configurations of MCP clients: `.mcp.json`, `claude_desktop_config.json`, `mcp.json` of editors.

use super::{
    container::{Container, Said, Variable},
    documents::Document,
    fields::{self, Field},
    gather::{Gather, Qualifiers, package, program_name},
    reference::address,
    settings::{PROGRAMS, Starts},
    yaml::Node,
};
use crate::declared::{Item, Kind, Place, Workload, WorkloadId};

/// A file that is nothing but such a configuration declares for a workload named after the file's folder or itself.
pub(super) fn workload(document: &Document, gather: &mut Gather<'_>) -> Option<Workload> {
    let node = &document.node;
    let has = node.get("mcpServers").is_some_and(|node| !node.entries().is_empty()) || is_editor(node);
    if !has {
        return None;
    }
    let id = WorkloadId { kind: "mcp-client".to_owned(), namespace: None, name: name_of(&document.file) };
    let mut workload = Workload::new(id, Place { file: document.file.clone(), line: node.line, column: 0 });
    let place = |line| Place { file: document.file.clone(), line, column: 0 };
    servers(gather, node, &place, &mut workload, fields::MCP_SERVER);
    Some(workload)
}

/// Editors write `servers` instead, with a `type` or a `command` in each.
fn is_editor(node: &Node) -> bool {
    node.get("servers").is_some_and(|servers| {
        !servers.entries().is_empty()
            && servers
                .entries()
                .iter()
                .all(|entry| entry.value.get("command").is_some() || entry.value.get("url").is_some())
    })
}

/// The folder, or the file if that says more.
pub(super) fn name_of(file: &str) -> String {
    let mut parts = file.rsplit('/');
    let own = parts.next().unwrap_or(file);
    let folder = parts.find(|part| !part.is_empty() && !part.starts_with('.'));
    folder.unwrap_or(own).to_owned()
}

/// Programs that run whatever they are given.
fn is_interpreter(program: &str) -> bool {
    let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let known = ["node", "nodejs", "python", "pypy", "deno", "bun", "ruby", "php", "perl", "java", "dotnet"];
    let shells =
        ["sh", "bash", "zsh", "dash", "ash", "env", "cmd", "powershell", "pwsh", "uv", "npm", "go", "cargo"];
    known.contains(&bare) || shells.contains(&bare)
}

/// Reads every server under `mcpServers` (or `servers`).
pub(super) fn servers(
    gather: &mut Gather<'_>,
    node: &Node,
    place: &dyn Fn(u32) -> Place,
    workload: &mut Workload,
    field: Field,
) {
    let list = node.get("mcpServers").or_else(|| node.get("servers").filter(|_| is_editor(node)));
    // LiteLLM's name for it.
    let list = list.or_else(|| node.get("mcp_servers"));
    for entry in list.map_or(&[][..], Node::entries) {
        server(gather, &entry.key, &entry.value, entry.line, place, workload, field);
    }
}

fn server(
    gather: &mut Gather<'_>,
    name: &str,
    node: &Node,
    line: u32,
    place: &dyn Fn(u32) -> Place,
    workload: &mut Workload,
    field: Field,
) {
    if node.get("disabled").and_then(Node::flag) == Some(true) {
        return;
    }
    let mut item = Item::new(Kind::McpServer, name);
    let mut words: Vec<Said> = Vec::new();
    let said = |node: &Node| Said::of(node, place(node.line));
    words.extend(node.get("command").and_then(said));
    words.extend(node.list_at(&["args"]).iter().filter_map(said));
    let url = node.get("url").or_else(|| node.get("serverUrl")).or_else(|| node.get("httpUrl"));
    if let Some((node, found)) = url.and_then(|node| Some((node, address(node.text()?, false)?))) {
        let endpoint = gather.endpoint_item(found.host.clone(), found.port);
        item.host = Some(found.host);
        workload.items.push(endpoint.declared_at(place(node.line), format!("{} url", field.name)));
    }
    if let Some((program, arguments)) = words.split_first() {
        let program = program_name(&program.text);
        let starts = PROGRAMS.iter().find(|(known, _, _)| *known == program).map(|(_, _, starts)| *starts);
        let first = arguments.iter().find(|said| !said.text.starts_with('-'));
        // What runs many servers names none of them.
        if starts.is_some() || first.is_some() && is_interpreter(&program) {
            item.hints.insert(program.clone());
        } else {
            item.aliases.insert(program.clone());
        }
        match (starts, first) {
            (Some(Starts::Package(ecosystem)), Some(said)) => {
                if let Some(found) = package(Kind::McpServer, ecosystem, &said.text) {
                    item.aliases.insert(found.name);
                    (item.purl, item.version, item.ecosystem) = (found.purl, found.version, found.ecosystem);
                }
            }
            // The script or module that an interpreter is given.
            (_, Some(said)) => {
                item.aliases.insert(program_name(&said.text));
            }
            (_, None) => {}
        }
        // What it is told to use is declared as well, but its program is the server itself.
        let mut qualifiers = Qualifiers::default();
        let before = workload.items.len();
        gather.words(&words, workload, &mut qualifiers);
        let added = workload.items.split_off(before.min(workload.items.len()));
        workload.items.extend(added.into_iter().filter(|item| item.kind != Kind::Program));
    }
    workload.items.push(item.declared_at(place(line), field.name));
    let mut container = Container::new(name);
    for entry in node.get("env").map_or(&[][..], Node::entries) {
        container.environment.push(Variable {
            name: entry.key.clone(),
            value: entry.value.text().map(str::to_owned),
            place: place(entry.line),
            origin: format!("env {}", entry.key),
        });
    }
    let known = workload.aliases.clone();
    gather.container(&container, workload);
    workload.aliases = known;
}
