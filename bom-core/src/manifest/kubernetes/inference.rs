//! KServe, kagent and Ray: objects that name a model outright.

use super::super::{
    container::{Container, Said},
    documents::Document,
    fields::{self, Field},
    gather::{self, Gather, Qualifiers},
    reference::{address, model_item},
    yaml::{self, Limits, Node},
};
use super::pod::{self, Cluster};
use crate::declared::{HostPattern, Item, Kind, Workload};

/// `serving.kserve.io/v1beta1`.
pub(super) fn inference_service(
    document: &Document,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &mut Workload,
) {
    for trained in cluster.all("TrainedModel", workload.id.namespace.as_deref()) {
        let spec = &trained.node;
        if spec.text_at(&["spec", "inferenceService"]) == Some(workload.id.name.as_str()) {
            let stored = spec.at(&["spec", "model", "storageUri"]);
            model(trained, stored, Kind::Model, fields::KSERVE_TRAINED, workload);
        }
    }
    for part in ["predictor", "transformer", "explainer"] {
        let Some(spec) = document.node.at(&["spec", part]) else { continue };
        pod::pod_spec(document, spec, cluster, gather, workload);
        many(document, spec, workload);
        for entry in spec.entries() {
            // `model`, or in the older form the name of the framework.
            let is_model = entry.key == "model";
            let storage = ["storageUri", "storage"].iter().any(|key| entry.value.get(key).is_some());
            if !is_model && !storage {
                continue;
            }
            let field = if is_model { fields::KSERVE_MODEL } else { fields::KSERVE_OLD };
            let node = &entry.value;
            model(document, node.get("storageUri"), Kind::Model, field, workload);
            model(document, node.at(&["storage", "path"]), Kind::Model, field, workload);
            many(document, node, workload);
            let container = pod::container(document, node, spec, cluster, gather, workload);
            gather.container(&container, workload);
            if let Some(runtime) = node.get("runtime") {
                serving_runtime(document, runtime, cluster, gather, workload);
            }
        }
    }
}

/// Several models of one predictor, each with its place.
fn many(document: &Document, node: &Node, workload: &mut Workload) {
    for stored in node.list_at(&["storageUris"]) {
        model(document, stored.get("uri"), Kind::Model, fields::KSERVE_MANY, workload);
    }
}

fn serving_runtime(
    document: &Document,
    name: &Node,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &mut Workload,
) {
    let Some(text) = name.text() else { return };
    let namespace = workload.id.namespace.clone();
    let found = cluster
        .get("ServingRuntime", namespace.as_deref(), text)
        .or_else(|| cluster.get("ClusterServingRuntime", None, text));
    match found {
        Some(runtime) => {
            if let Some(spec) = runtime.node.get("spec") {
                pod::pod_spec(runtime, spec, cluster, gather, workload);
            }
        }
        None => {
            gather.unresolved(&document.place(name), format!("ServingRuntime {text} is not in the input"));
        }
    }
}

fn model(document: &Document, node: Option<&Node>, kind: Kind, field: Field, workload: &mut Workload) {
    let Some(node) = node else { return };
    if let Some(item) = node.text().and_then(|text| model_item(kind, text)) {
        workload.items.push(item.declared_at(document.place(node), field.name));
    }
}

/// `serving.kserve.io` LLMInferenceService.
pub(super) fn llm_inference_service(document: &Document, _: &mut Gather<'_>, workload: &mut Workload) {
    let node = &document.node;
    model(document, node.at(&["spec", "model", "uri"]), Kind::Model, fields::KSERVE_LLM, workload);
    for adapter in node.list_at(&["spec", "model", "lora", "adapters"]) {
        model(document, adapter.get("uri"), Kind::Adapter, fields::KSERVE_LLM, workload);
    }
    let name = node.at(&["spec", "model", "name"]).and_then(Node::text).map(str::to_owned);
    Qualifiers { names: name.into_iter().collect(), ..Qualifiers::default() }.apply(&mut workload.items);
}

/// `kagent.dev` Agent: a model configuration and tools, each by name.
pub(super) fn agent(
    document: &Document,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &mut Workload,
) {
    let spec = document.node.get("spec");
    let namespace = workload.id.namespace.clone();
    // `declarative` since v1alpha2; directly under `spec` before.
    let places = [spec.and_then(|spec| spec.get("declarative")), spec];
    for part in places.into_iter().flatten() {
        if let Some(name) = part.get("modelConfig").or_else(|| part.get("modelConfigRef"))
            && let Some(text) = name.text()
        {
            match cluster.get("ModelConfig", namespace.as_deref(), text) {
                Some(found) => model_config(found, gather, workload),
                None => gather
                    .unresolved(&document.place(name), format!("ModelConfig {text} is not in the input")),
            }
        }
        for tool in part.list_at(&["tools"]) {
            let server = tool.get("mcpServer");
            let name = server.and_then(|server| server.get("name").or_else(|| server.get("toolServer")));
            let Some((name, text)) = name.and_then(|name| Some((name, name.text()?))) else { continue };
            let item = Item::new(Kind::McpServer, text);
            workload.items.push(item.declared_at(document.place(name), fields::KAGENT_TOOLS.name));
            let found = ["MCPServer", "RemoteMCPServer", "ToolServer"];
            let found = found.iter().find_map(|kind| cluster.get(kind, namespace.as_deref(), text));
            match found {
                Some(server) => mcp_endpoint(server, gather, workload),
                None => {
                    gather
                        .unresolved(&document.place(name), format!("MCP server {text} is not in the input"));
                }
            }
        }
    }
    if let Some(deployment) = spec.and_then(|spec| spec.at(&["byo", "deployment"])) {
        let container = pod::container(document, deployment, deployment, cluster, gather, workload);
        gather.container(&container, workload);
    }
}

/// Where a provider is asked if nothing else is said.
const PROVIDERS: &[(&str, &str, &str)] = &[
    ("Anthropic", "anthropic", "api.anthropic.com"),
    ("Gemini", "gemini", "generativelanguage.googleapis.com"),
    ("OpenAI", "openAI", "api.openai.com"),
];

fn model_config(document: &Document, gather: &mut Gather<'_>, workload: &mut Workload) {
    let Some(spec) = document.node.get("spec") else { return };
    let provider = spec.text_at(&["provider"]).unwrap_or("OpenAI");
    let mut addressed = None;
    for entry in spec.entries() {
        for key in ["baseUrl", "baseURL", "host", "azureEndpoint", "endpoint"] {
            let Some(node) = entry.value.get(key) else { continue };
            if let Some(found) = node.text().and_then(|text| address(text, true)) {
                let item = gather.endpoint_item(found.host.clone(), found.port);
                workload.items.push(item.declared_at(document.place(node), fields::KAGENT_MODEL.name));
                addressed = Some(found.host);
            }
        }
    }
    let usual = PROVIDERS.iter().find(|(name, _, _)| name.eq_ignore_ascii_case(provider));
    if let (None, Some((_, _, host)), Some(place)) = (&addressed, usual, spec.get("provider").or(Some(spec)))
    {
        addressed = HostPattern::new(host);
        if let Some(host) = &addressed {
            let item = gather.endpoint_item(host.clone(), Some(443));
            workload.items.push(item.declared_at(document.place(place), fields::KAGENT_MODEL.name));
        }
    }
    if let Some((node, text)) = spec.get("model").and_then(|node| Some((node, node.text()?))) {
        let mut item = Item::new(Kind::Model, text);
        // Behind an address: nobody can see from outside which model answers.
        item.host = addressed.or_else(|| HostPattern::new(&format!("{provider}.provider")));
        item.provider = Some(provider.to_owned());
        workload.items.push(item.declared_at(document.place(node), fields::KAGENT_MODEL.name));
    }
}

/// `kagent.dev` MCPServer (started) and RemoteMCPServer (called) as workloads of their own.
pub(super) fn mcp_server(document: &Document, gather: &mut Gather<'_>, workload: &mut Workload) {
    let mut container = Container::new("server");
    let said = |node: &Node| Said::of(node, document.place(node));
    for path in [&["spec", "deployment"][..], &["spec", "config", "stdio"][..]] {
        let Some(node) = document.node.at(path) else { continue };
        container.image = node.get("image").and_then(said);
        container.command.extend(node.get("cmd").or_else(|| node.get("command")).and_then(said));
        container.command.extend(node.list_at(&["args"]).iter().filter_map(said));
    }
    gather.container(&container, workload);
    mcp_endpoint(document, gather, workload);
}

fn mcp_endpoint(document: &Document, gather: &mut Gather<'_>, workload: &mut Workload) {
    let node = &document.node;
    let paths = [
        &["spec", "url"][..],
        &["spec", "config", "streamableHttp", "url"],
        &["spec", "config", "sse", "url"],
    ];
    for url in paths.iter().filter_map(|path| node.at(path)) {
        if let Some(found) = url.text().and_then(|text| address(text, false)) {
            let item = gather.endpoint_item(found.host, found.port);
            workload.items.push(item.declared_at(document.place(url), fields::KAGENT_MCP.name));
        }
    }
}

/// The configuration of Ray Serve is YAML within a text.
pub(super) fn ray_serve(document: &Document, gather: &mut Gather<'_>, workload: &mut Workload) {
    let Some(block) = document.node.at(&["spec", "serveConfigV2"]) else { return };
    let Some(text) = block.text() else { return };
    let said = Said { block: block.block_line(), ..Said::new(text, document.place(block)) };
    let limits = Limits { bytes: 1 << 20, values: 100_000, ..Limits::default() };
    let Ok((nodes, repeated)) = yaml::read(text.as_bytes(), &limits) else {
        gather.bad(&said.place, "serveConfigV2 is not YAML".to_owned());
        return;
    };
    for (key, line) in repeated {
        gather.bad(&said.line(line), format!("key {key:?} stands twice in serveConfigV2; the first is read"));
    }
    for node in &nodes {
        for application in node.list_at(&["applications"]) {
            for llm in application.list_at(&["args", "llm_configs"]) {
                let Some(loading) = llm.get("model_loading_config") else { continue };
                let source = loading.get("model_source").filter(|node| node.text().is_some());
                let Some(source) = source.or_else(|| loading.get("model_id")) else { continue };
                let Some(mut item) = source.text().and_then(|text| model_item(Kind::Model, text)) else {
                    continue;
                };
                item.aliases.extend(loading.text_at(&["model_id"]).map(str::to_owned));
                workload.items.push(item.declared_at(said.line(source.line), fields::RAY_LLM.name));
            }
            for variable in application.at(&["runtime_env", "env_vars"]).map_or(&[][..], Node::entries) {
                let mut qualifiers = Qualifiers::default();
                let row = super::super::settings::ENVIRONMENT.iter().find(|(name, _)| *name == variable.key);
                let (Some((_, says)), Some(text)) = (row, variable.value.text()) else { continue };
                let value = Said::new(text.to_owned(), said.line(variable.line));
                gather.setting(*says, &value, &format!("env {}", variable.key), workload, &mut qualifiers);
            }
            if let Some(import) = application.get("import_path").and_then(Node::text) {
                workload.aliases.insert(gather::program_name(import));
            }
        }
    }
}
