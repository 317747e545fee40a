//! Objects of the document into the model. Each function takes what it knows and lets `finish` note the rest.
//!
//! Recursion follows nested components and services only, and `Limits::depth` bounds it.

use super::component::{component, kind};
use super::fields::{Fields, IssueKind, Notes};
use super::node::Node;
use super::parts::{
    bom_ref, external_references, hashes, iris, licenses, map_texts, properties, refs, version,
};
use crate::bom::document::{
    Annotation, Annotator, Bom, Component, Composition, DataFlow, Metadata, Provider, Service, Task, Workflow,
};
use crate::bom::terms::{Aggregate, ComponentKind, Flow, Phase, TaskType};
use crate::bom::timestamp::Timestamp;
use std::collections::BTreeSet;

pub(super) fn bom(mut root: Fields<'_>, notes: &mut Notes) -> Bom {
    let mut bom = Bom {
        metadata: root.object("metadata", notes).map(|map| metadata(map, notes)).unwrap_or_default(),
        external_references: external_references(&mut root, notes),
        ..Bom::default()
    };
    let components = root.objects("components", notes);
    bom.components.reserve_exact(components.len());
    for map in components {
        component(map, notes, &mut bom.components);
    }
    for map in root.objects("services", notes) {
        service(map, notes, &mut bom.services);
    }
    for mut map in root.objects("dependencies", notes) {
        match bom_ref(&mut map, "ref", notes) {
            Some(from) => {
                bom.dependencies.entry(from).or_default().extend(refs(&mut map, "dependsOn", notes));
            }
            None => map.missing("ref", notes),
        }
        map.finish(notes);
    }
    for map in root.objects("compositions", notes) {
        bom.compositions.extend(composition(map, notes));
    }
    for map in root.objects("annotations", notes) {
        bom.annotations.extend(annotation(map, notes));
    }
    for mut formula in root.objects("formulation", notes) {
        for map in formula.objects("workflows", notes) {
            bom.workflows.extend(workflow(map, notes));
        }
        formula.finish(notes);
    }
    root.finish(notes);
    bom
}

fn metadata(mut map: Fields<'_>, notes: &mut Notes) -> Metadata {
    let mut metadata = Metadata {
        timestamp: map.parsed("timestamp", notes, Timestamp::parse),
        properties: properties(&mut map, notes),
        ..Metadata::default()
    };
    for mut stage in map.objects("lifecycles", notes) {
        metadata.lifecycles.extend(stage.term("phase", notes, Phase::from_word));
        stage.finish(notes);
    }
    metadata.tools = tools(&mut map, notes);
    if let Some(subject) = map.object("component", notes) {
        let mut found = Vec::new();
        component(subject, notes, &mut found);
        // Parts of the subject come after it.
        let mut found = found.into_iter();
        metadata.component = found.next();
        if found.next().is_some() {
            notes.add(&map.place("component.components"), IssueKind::NotModelled, "");
        }
    }
    map.finish(notes);
    metadata
}

/// Since 1.5 an object of components and services; before, a list of vendor, name and version.
fn tools(map: &mut Fields<'_>, notes: &mut Notes) -> Vec<Component> {
    let mut found = Vec::new();
    match map.take("tools") {
        None => {}
        Some(Node::List(list)) => {
            let at = map.entries("tools");
            for row in list {
                let Some(mut tool) = Fields::of(row, &at, notes) else { continue };
                let group = tool.text("vendor", notes);
                let name = tool.text("name", notes).unwrap_or_default();
                found.push(Component {
                    group,
                    version: version(&mut tool, notes),
                    hashes: hashes(&mut tool, notes),
                    external_references: external_references(&mut tool, notes),
                    ..Component::nameless(ComponentKind::Application, name)
                });
                tool.finish(notes);
            }
        }
        Some(other) => {
            if let Some(mut tools) = Fields::of(other, &map.place("tools").into(), notes) {
                for tool in tools.objects("components", notes) {
                    component(tool, notes, &mut found);
                }
                tools.finish(notes);
            }
        }
    }
    found
}

/// Appends the service and, after it, the services inside it.
fn service(mut map: Fields<'_>, notes: &mut Notes, into: &mut Vec<Service>) {
    let Some(name) = map.text("name", notes) else {
        return map.missing("name", notes);
    };
    let service = Service {
        bom_ref: bom_ref(&mut map, "bom-ref", notes),
        provider: map.object("provider", notes).map(|mut provider| {
            let found =
                Provider { name: provider.text("name", notes), urls: iris(&mut provider, "url", notes) };
            provider.finish(notes);
            found
        }),
        group: map.text("group", notes),
        version: version(&mut map, notes),
        description: map.text("description", notes),
        endpoints: iris(&mut map, "endpoints", notes),
        authenticated: map.flag("authenticated", notes),
        x_trust_boundary: map.flag("x-trust-boundary", notes),
        trust_zone: map.text("trustZone", notes),
        data: flows(&mut map, notes),
        licenses: licenses(&mut map, notes),
        external_references: external_references(&mut map, notes),
        properties: properties(&mut map, notes),
        ..Service::nameless(name)
    };
    into.push(service);
    for inner in map.objects("services", notes) {
        notes.add(&map.place("services[]"), IssueKind::Moved, "");
        self::service(inner, notes, into);
    }
    map.finish(notes);
}

fn flows(map: &mut Fields<'_>, notes: &mut Notes) -> Vec<DataFlow> {
    let mut flows = Vec::new();
    for mut row in map.objects("data", notes) {
        match (row.term("flow", notes, Flow::from_word), row.text("classification", notes)) {
            (Some(flow), Some(classification)) => flows.push(DataFlow { flow, classification }),
            (flow, _) => row.missing(if flow.is_none() { "flow" } else { "classification" }, notes),
        }
        row.finish(notes);
    }
    flows
}

fn composition(mut map: Fields<'_>, notes: &mut Notes) -> Option<Composition> {
    let Some(aggregate) = map.term("aggregate", notes, Aggregate::from_word) else {
        map.missing("aggregate", notes);
        return None;
    };
    let composition = Composition {
        bom_ref: bom_ref(&mut map, "bom-ref", notes),
        aggregate,
        assemblies: refs(&mut map, "assemblies", notes),
        dependencies: refs(&mut map, "dependencies", notes),
    };
    map.finish(notes);
    Some(composition)
}

fn annotation(mut map: Fields<'_>, notes: &mut Notes) -> Option<Annotation> {
    let annotator = map.object("annotator", notes).and_then(|map| annotator(map, notes));
    let timestamp = map.parsed("timestamp", notes, Timestamp::parse);
    let (Some(annotator), Some(timestamp)) = (annotator, timestamp) else {
        map.missing("annotator or timestamp", notes);
        return None;
    };
    let annotation = Annotation {
        bom_ref: bom_ref(&mut map, "bom-ref", notes),
        subjects: refs(&mut map, "subjects", notes),
        annotator,
        timestamp,
        text: map.text("text", notes).unwrap_or_default(),
    };
    map.finish(notes);
    Some(annotation)
}

fn annotator(mut map: Fields<'_>, notes: &mut Notes) -> Option<Annotator> {
    let found = if let Some(mut tool) = map.object("component", notes) {
        let name = tool.text("name", notes);
        let found = name.map(|name| Annotator::Component {
            kind: kind(&mut tool, notes),
            group: tool.text("group", notes),
            name,
            version: version(&mut tool, notes),
        });
        tool.finish(notes);
        found
    } else if let Some(mut organization) = map.object("organization", notes) {
        let name = organization.text("name", notes);
        organization.finish(notes);
        Some(Annotator::Organization { name })
    } else if let Some(mut individual) = map.object("individual", notes) {
        let name = individual.text("name", notes);
        individual.finish(notes);
        Some(Annotator::Individual { name })
    } else if let Some(mut service) = map.object("service", notes) {
        let name = service.text("name", notes);
        service.finish(notes);
        name.map(|name| Annotator::Service { name })
    } else {
        None
    };
    map.finish(notes);
    found
}

fn workflow(mut map: Fields<'_>, notes: &mut Notes) -> Option<Workflow> {
    let Some(bom_ref) = bom_ref(&mut map, "bom-ref", notes) else {
        map.missing("bom-ref", notes);
        return None;
    };
    let mut tasks = Vec::new();
    for mut row in map.objects("tasks", notes) {
        match self::bom_ref(&mut row, "bom-ref", notes) {
            None => row.missing("bom-ref", notes),
            Some(bom_ref) => tasks.push(Task {
                bom_ref,
                uid: row.text("uid", notes).unwrap_or_default(),
                name: row.text("name", notes),
                description: row.text("description", notes),
                task_types: task_types(&mut row, notes),
                time_start: row.parsed("timeStart", notes, Timestamp::parse),
                time_end: row.parsed("timeEnd", notes, Timestamp::parse),
                properties: properties(&mut row, notes),
            }),
        }
        row.finish(notes);
    }
    let workflow = Workflow {
        bom_ref,
        uid: map.text("uid", notes).unwrap_or_default(),
        name: map.text("name", notes),
        description: map.text("description", notes),
        task_types: task_types(&mut map, notes),
        time_start: map.parsed("timeStart", notes, Timestamp::parse),
        time_end: map.parsed("timeEnd", notes, Timestamp::parse),
        tasks,
        properties: properties(&mut map, notes),
    };
    map.finish(notes);
    Some(workflow)
}

fn task_types(map: &mut Fields<'_>, notes: &mut Notes) -> BTreeSet<TaskType> {
    map_texts(map, "taskTypes", notes, |word| TaskType::from_word(word).ok_or("no such word"))
}
