//! Pod templates: containers of every sort, variables, volumes.

use std::collections::BTreeMap;

use super::super::{
    container::{Container, Said, Variable},
    documents::Document,
    fields,
    gather::Gather,
    yaml::Node,
};
use crate::declared::{Item, Kind, Workload};

/// Annotation that holds a declaration.
const ANNOTATION: &str = "aibom/declaration";

/// What other documents of the input can be looked up for.
pub(crate) struct Cluster<'a> {
    objects: BTreeMap<(&'a str, &'a str, &'a str), &'a Document>,
}

impl<'a> Cluster<'a> {
    pub(crate) fn of(documents: &'a [Document]) -> Self {
        let mut objects = BTreeMap::new();
        for document in documents {
            let node = &document.node;
            let (Some(kind), Some(name)) = (node.text_at(&["kind"]), node.text_at(&["metadata", "name"]))
            else {
                continue;
            };
            let namespace = node.text_at(&["metadata", "namespace"]).unwrap_or_default();
            objects.entry((kind, namespace, name)).or_insert(document);
        }
        Self { objects }
    }

    /// An object of the workload's namespace; an object without one is applied to the same namespace.
    pub(super) fn get(&self, kind: &str, namespace: Option<&str>, name: &str) -> Option<&'a Document> {
        let own = self.objects.get(&(kind, namespace.unwrap_or_default(), name));
        own.or_else(|| self.objects.get(&(kind, "", name))).copied()
    }

    /// All of a kind in the workload's namespace, by name.
    pub(super) fn all(&self, kind: &'a str, namespace: Option<&str>) -> Vec<&'a Document> {
        let own = namespace.unwrap_or_default();
        let of_kind = self.objects.range((kind, "", "")..).take_while(|((known, _, _), _)| *known == kind);
        of_kind.filter(|((_, of, _), _)| of.is_empty() || *of == own).map(|(_, document)| *document).collect()
    }
}

/// Reads a pod or a pod template (`metadata` and `spec`).
pub(super) fn template(
    document: &Document,
    template: &Node,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &mut Workload,
) {
    workload.labels.extend(template.texts_at(&["metadata", "labels"]));
    if let Some(text) = template.at(&["metadata", "annotations"]).and_then(|node| node.get(ANNOTATION)) {
        let said = Said {
            block: text.block_line(),
            ..Said::new(text.text().unwrap_or_default(), document.place(text))
        };
        crate::diff::declaration::annotation(
            &said.text,
            &said.place,
            said.block,
            workload,
            &mut gather.issues,
        );
    }
    let Some(spec) = template.get("spec") else { return };
    pod_spec(document, spec, cluster, gather, workload);
}

/// Reads what stands under `spec` of a pod.
pub(super) fn pod_spec(
    document: &Document,
    spec: &Node,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &mut Workload,
) {
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for node in spec.list_at(&[list]) {
            let container = container(document, node, spec, cluster, gather, workload);
            gather.container(&container, workload);
        }
    }
    for volume in spec.list_at(&["volumes"]) {
        csi(document, volume, workload);
    }
}

pub(super) fn container(
    document: &Document,
    node: &Node,
    spec: &Node,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &Workload,
) -> Container {
    let name = node.text_at(&["name"]).unwrap_or("unnamed");
    let mut container = Container::new(name);
    let said = |node: &Node| Said::of(node, document.place(node));
    container.image = node.get("image").and_then(said);
    for key in ["command", "args"] {
        container.command.extend(node.list_at(&[key]).iter().filter_map(said));
    }
    environment(document, node, cluster, gather, workload, &mut container);
    volumes(document, node, spec, cluster, gather, workload, &mut container);
    for of in ["limits", "requests"] {
        for entry in node.at(&["resources", of]).map_or(&[][..], Node::entries) {
            let accelerator =
                ["gpu", "tpu", "npu", "neuron", "gaudi", "mig-"].iter().any(|word| entry.key.contains(word));
            if accelerator && entry.key.contains('/') {
                let place = document.place(&entry.value);
                container.devices.push(Said::new(entry.key.clone(), place));
            }
        }
    }
    container
}

fn environment(
    document: &Document,
    node: &Node,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &Workload,
    container: &mut Container,
) {
    let namespace = workload.id.namespace.as_deref();
    for source in node.list_at(&["envFrom"]) {
        let prefix = source.text_at(&["prefix"]).unwrap_or_default();
        let Some(name) = source.text_at(&["configMapRef", "name"]) else { continue };
        let Some(found) = cluster.get("ConfigMap", namespace, name) else {
            gather.unresolved(&document.place(source), format!("ConfigMap {name} is not in the input"));
            continue;
        };
        for entry in found.node.get("data").map_or(&[][..], Node::entries) {
            container.environment.push(Variable {
                name: format!("{prefix}{}", entry.key),
                value: entry.value.text().map(str::to_owned),
                place: found.place(&entry.value),
                origin: format!("ConfigMap {name} {}", entry.key),
            });
        }
    }
    for variable in node.list_at(&["env"]) {
        let Some(name) = variable.text_at(&["name"]) else { continue };
        let mut place = document.place(variable);
        let mut origin = format!("env {name}");
        let mut value = variable.get("value").and_then(Node::text).map(str::to_owned);
        if let Some(reference) = variable.at(&["valueFrom", "configMapKeyRef"]) {
            let map = reference.text_at(&["name"]).unwrap_or_default();
            let key = reference.text_at(&["key"]).unwrap_or_default();
            match cluster.get("ConfigMap", namespace, map) {
                Some(found) => {
                    if let Some(text) = found.node.at(&["data"]).and_then(|data| data.get(key)) {
                        value = text.text().map(str::to_owned);
                        place = found.place(text);
                        origin = format!("ConfigMap {map} {key}");
                    }
                }
                None => gather.unresolved(&place, format!("ConfigMap {map} is not in the input")),
            }
        }
        // A later variable of the same name wins, as it does in the kubelet.
        container.environment.retain(|known| known.name != name);
        container.environment.push(Variable { name: name.to_owned(), value, place, origin });
    }
}

fn volumes(
    document: &Document,
    node: &Node,
    spec: &Node,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &Workload,
    container: &mut Container,
) {
    let namespace = workload.id.namespace.as_deref();
    for mount in node.list_at(&["volumeMounts"]) {
        let (Some(name), Some(folder)) = (mount.text_at(&["name"]), mount.text_at(&["mountPath"])) else {
            continue;
        };
        let mut volumes = spec.list_at(&["volumes"]).iter();
        let Some(volume) = volumes.find(|volume| volume.text_at(&["name"]) == Some(name)) else { continue };
        if let Some(reference) = volume.at(&["image", "reference"])
            && let Some(text) = reference.text()
        {
            let said = Said::new(text.to_owned(), document.place(reference));
            container.image_volumes.push((said, folder.to_owned()));
        }
        let maps =
            volume.list_at(&["projected", "sources"]).iter().filter_map(|source| source.get("configMap"));
        for map in volume.get("configMap").into_iter().chain(maps) {
            let Some(name) = map.text_at(&["name"]) else { continue };
            let Some(found) = cluster.get("ConfigMap", namespace, name) else {
                gather.unresolved(&document.place(map), format!("ConfigMap {name} is not in the input"));
                continue;
            };
            for entry in found.node.get("data").map_or(&[][..], Node::entries) {
                let Some(text) = entry.value.text() else { continue };
                let said =
                    Said { block: entry.value.block_line(), ..Said::new(text, found.place(&entry.value)) };
                container.files.push((format!("{}/{}", folder.trim_end_matches('/'), entry.key), said));
            }
        }
    }
}

/// Drivers that mount a model say which one in their attributes.
fn csi(document: &Document, volume: &Node, workload: &mut Workload) {
    let attributes = volume.at(&["csi", "volumeAttributes"]).map_or(&[][..], Node::entries);
    for entry in attributes {
        let named =
            ["model", "modelUri", "modelRef", "modelName", "storageUri", "uri"].contains(&entry.key.as_str());
        let Some(text) = entry.value.text().filter(|_| named) else { continue };
        if let Some(item) = super::super::reference::model_item(Kind::Model, text) {
            workload.items.push(Item::declared_at(
                item,
                document.place(&entry.value),
                fields::VOLUME_CSI.name,
            ));
        }
    }
}
