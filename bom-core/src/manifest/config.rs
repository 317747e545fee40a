//! Files of settings: LiteLLM (inside a ConfigMap or by itself), MCP servers.

use super::{
    container::Said,
    documents::Document,
    fields::{self, Field},
    gather::{Gather, Qualifiers},
    mcp,
    reference::address,
    settings::Says,
    yaml::{self, Limits, Node},
};
use crate::declared::{HostPattern, Item, Kind, Place, Workload, WorkloadId};

/// Sizes of one file inside a ConfigMap, whose whole is at most one mebibyte.
const LIMITS: Limits = Limits { bytes: 2 << 20, depth: 60, values: 100_000, text: 4 << 20 };

/// Reads a mounted file if it is one of those; anything else declares nothing.
pub(super) fn file(gather: &mut Gather<'_>, path: &str, said: &Said, workload: &mut Workload) {
    let wanted = [".yaml", ".yml", ".json"].iter().any(|ending| path.to_lowercase().ends_with(ending));
    if !wanted {
        return;
    }
    // What is no YAML (a template, a script with that name) is nobody's declaration.
    let Ok((nodes, repeated)) = yaml::read(said.text.as_bytes(), &LIMITS) else { return };
    let declares = ["model_list", "mcpServers", "mcp_servers", "servers"];
    if nodes.iter().any(|node| declares.iter().any(|key| node.get(key).is_some())) {
        for (key, line) in repeated {
            gather.bad(&said.line(line), format!("key {key:?} stands twice in {path}; the first is read"));
        }
    }
    for node in &nodes {
        litellm(gather, node, &|line| said.line(line), workload, fields::CONFIG_LITELLM);
        mcp::servers(gather, node, &|line| said.line(line), workload, fields::CONFIG_MCP);
    }
}

/// A file that is nothing but the configuration of a LiteLLM proxy declares for a workload named after the file's folder
/// or itself. Other programs have a `model_list` as well.
pub(super) fn workload(document: &Document, gather: &mut Gather<'_>) -> Option<Workload> {
    let node = &document.node;
    if !node.list_at(&["model_list"]).iter().any(|row| row.get("litellm_params").is_some()) {
        return None;
    }
    let name = mcp::name_of(&document.file);
    let id = WorkloadId { kind: "litellm-proxy".to_owned(), namespace: None, name };
    let mut workload = Workload::new(id, Place { file: document.file.clone(), line: node.line, column: 0 });
    let place = |line| Place { file: document.file.clone(), line, column: 0 };
    litellm(gather, node, &place, &mut workload, fields::LITELLM_FILE);
    mcp::servers(gather, node, &place, &mut workload, fields::MCP_SERVER);
    Some(workload)
}

/// LiteLLM's `model_list`.
fn litellm(
    gather: &mut Gather<'_>,
    node: &Node,
    place: &dyn Fn(u32) -> Place,
    workload: &mut Workload,
    field: Field,
) {
    for row in node.list_at(&["model_list"]) {
        let Some(parameters) = row.get("litellm_params") else { continue };
        let field = field.name;
        let mut host = None;
        let mut elsewhere = false;
        if let Some((base, text)) = parameters.get("api_base").and_then(|node| Some((node, node.text()?))) {
            match address(text, false) {
                Some(found) => {
                    host = Some(found.host.clone());
                    let item = gather.endpoint_item(found.host, found.port);
                    workload.items.push(item.declared_at(place(base.line), field));
                }
                // `os.environ/NAME`: another than the provider's usual host, and which one is not said here.
                None => {
                    elsewhere = true;
                    let text = format!("api_base {text:?} is not known before it is run");
                    gather.unknowable(&place(base.line), text);
                }
            }
        }
        let Some(model) = parameters.get("model") else { continue };
        let Some(text) = model.text() else { continue };
        let (provider, name) = text.split_once('/').unwrap_or(("openai", text));
        let usual = usual_host(provider).filter(|_| !elsewhere);
        if let (None, Some(usual)) = (&host, usual) {
            let item = gather.endpoint_item(usual.clone(), Some(443));
            workload.items.push(item.declared_at(place(model.line), field));
            host = Some(usual);
        }
        let mut item = Item::new(Kind::Model, name);
        item.aliases.extend(row.text_at(&["model_name"]).map(str::to_owned));
        item.provider = Some(provider.to_owned());
        item.host = host.or_else(|| HostPattern::new(&format!("{provider}.provider")));
        workload.items.push(item.declared_at(place(model.line), field));
    }
    for key in ["database_url", "redis_host"] {
        let settings = node.at(&["general_settings", key]).or_else(|| node.at(&["router_settings", key]));
        let Some(value) =
            settings.and_then(|node| Some(Said::new(node.text()?.to_owned(), place(node.line))))
        else {
            continue;
        };
        gather.setting(Says::Endpoint, &value, field.name, workload, &mut Qualifiers::default());
    }
}

/// Where LiteLLM asks for a provider if no `api_base` is given.
fn usual_host(provider: &str) -> Option<HostPattern> {
    HostPattern::new(match provider {
        "anthropic" => "api.anthropic.com",
        "cohere" | "cohere_chat" => "api.cohere.com",
        "deepseek" => "api.deepseek.com",
        "gemini" => "generativelanguage.googleapis.com",
        "groq" => "api.groq.com",
        "mistral" => "api.mistral.ai",
        "openai" => "api.openai.com",
        "openrouter" => "openrouter.ai",
        "xai" => "api.x.ai",
        _ => return None,
    })
}
