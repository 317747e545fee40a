//! Docker Compose files: each service is a workload.

use super::{
    container::{Container, Said, Variable},
    documents::Document,
    fields,
    gather::Gather,
    reference::model_item,
    words::shell,
    yaml::{Node, Value},
};
use crate::declared::{Kind, Workload, WorkloadId};

/// A mapping of services and no kind.
pub(super) fn is_one(node: &Node) -> bool {
    node.get("services").is_some_and(|services| !services.entries().is_empty())
}

pub(super) fn workloads(document: &Document, gather: &mut Gather<'_>) -> Vec<Workload> {
    let node = &document.node;
    let project = node.text_at(&["name"]).map(str::to_owned);
    let services = node.get("services").map_or(&[][..], Node::entries);
    let mut found = Vec::new();
    for entry in services {
        let id =
            WorkloadId { kind: "service".to_owned(), namespace: project.clone(), name: entry.key.clone() };
        let mut place = document.place(&entry.value);
        place.line = entry.line;
        let mut workload = Workload::new(id, place);
        service(document, &entry.key, &entry.value, gather, &mut workload);
        models(document, &entry.value, &mut workload);
        found.push(workload);
    }
    found
}

fn service(document: &Document, name: &str, node: &Node, gather: &mut Gather<'_>, workload: &mut Workload) {
    let mut container = Container::new(name);
    workload.aliases.extend(node.text_at(&["container_name"]).map(str::to_owned));
    let said = |node: &Node| node.text().map(|text| Said::new(defaults(text), document.place(node)));
    container.image = node.get("image").and_then(said);
    for key in ["entrypoint", "command"] {
        let Some(value) = node.get(key) else { continue };
        match &value.value {
            Value::List(list) => container.command.extend(list.iter().filter_map(said)),
            Value::Text { text, .. } => {
                let words = shell(&defaults(text)).into_iter().flatten();
                container.command.extend(words.map(|text| Said::new(text, document.place(value))));
            }
            Value::Null | Value::Map(_) => {}
        }
    }
    if let Some(environment) = node.get("environment") {
        for entry in environment.entries() {
            container.environment.push(Variable {
                name: entry.key.clone(),
                value: entry.value.text().map(defaults),
                place: crate::declared::Place { line: entry.line, ..document.place(&entry.value) },
                origin: format!("env {}", entry.key),
            });
        }
        for row in environment.list() {
            let Some(text) = row.text() else { continue };
            let (name, value) =
                text.split_once('=').map_or((text, None), |(name, value)| (name, Some(defaults(value))));
            container.environment.push(Variable {
                name: name.to_owned(),
                value,
                place: document.place(row),
                origin: format!("env {name}"),
            });
        }
    }
    for row in node.list_at(&["deploy", "resources", "reservations", "devices"]) {
        let driver = row.text_at(&["driver"]).or_else(|| row.list_at(&["capabilities"]).first()?.text());
        container.devices.extend(driver.map(|text| Said::new(text.to_owned(), document.place(row))));
    }
    gather.container(&container, workload);
}

/// `models:` of a service: a list of names, or a mapping of names.
fn models(document: &Document, service: &Node, workload: &mut Workload) {
    let Some(wanted) = service.get("models") else { return };
    let listed = wanted.list().iter().filter_map(Node::text);
    let names = listed.chain(wanted.entries().iter().map(|entry| entry.key.as_str()));
    for name in names {
        let Some(model) = document.node.at(&["models", name, "model"]) else { continue };
        let Some(mut item) = model.text().and_then(|text| model_item(Kind::Model, &defaults(text))) else {
            continue;
        };
        item.aliases.insert(name.to_owned());
        workload.items.push(item.declared_at(document.place(model), fields::COMPOSE_MODEL.name));
    }
}

/// `${NAME:-default}` is its default: what Compose uses if nobody sets the variable. `${NAME}` alone stays, and is
/// reported where a value is needed.
fn defaults(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((inner, behind)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        match inner.split_once(":-").or_else(|| inner.split_once('-')) {
            Some((_, default)) => out.push_str(default),
            None => {
                out.push_str("${");
                out.push_str(inner);
                out.push('}');
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
