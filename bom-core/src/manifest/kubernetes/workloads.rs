//! Which object is a workload, and where its pods are described.

use super::super::{documents::Document, gather::Gather, yaml::Node};
use super::{inference, pod, pod::Cluster};
use crate::declared::{Workload, WorkloadId};

/// Kind, group of its apiVersion (empty: any), and where the pod templates stand.
const TEMPLATES: &[(&str, &str, &[&[&str]])] = &[
    ("CronJob", "", &[&["spec", "jobTemplate", "spec", "template"]]),
    ("DaemonSet", "", &[&["spec", "template"]]),
    ("Deployment", "", &[&["spec", "template"]]),
    ("Job", "", &[&["spec", "template"]]),
    (
        "LLMInferenceService",
        "",
        &[&["spec", "template"], &["spec", "prefill", "template"], &["spec", "worker"]],
    ),
    ("PodTemplate", "", &[&["template"]]),
    ("ReplicaSet", "", &[&["spec", "template"]]),
    ("ReplicationController", "", &[&["spec", "template"]]),
    ("Rollout", "argoproj.io", &[&["spec", "template"]]),
    ("Configuration", "serving.knative.dev", &[&["spec", "template"]]),
    ("Service", "serving.knative.dev", &[&["spec", "template"]]),
    ("StatefulSet", "", &[&["spec", "template"]]),
    ("RayCluster", "ray.io", &[&["spec", "headGroupSpec", "template"]]),
    (
        "RayJob",
        "ray.io",
        &[&["spec", "rayClusterSpec", "headGroupSpec", "template"], &["spec", "submitterPodTemplate"]],
    ),
    ("RayService", "ray.io", &[&["spec", "rayClusterConfig", "headGroupSpec", "template"]]),
];

/// Where the worker groups of Ray stand.
const RAY_WORKERS: &[&[&str]] = &[
    &["spec", "workerGroupSpecs"],
    &["spec", "rayClusterSpec", "workerGroupSpecs"],
    &["spec", "rayClusterConfig", "workerGroupSpecs"],
];

/// What a document declares; `None` if its kind declares nothing we know.
pub(crate) fn workloads(
    document: &Document,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
) -> Option<Vec<Workload>> {
    let node = &document.node;
    let kind = node.text_at(&["kind"])?;
    let group = node
        .text_at(&["apiVersion"])
        .and_then(|version| version.split_once('/'))
        .map_or("", |(group, _)| group);
    let mut workload = new(document, kind);
    let aliases = node.texts_at(&["metadata", "labels"]);
    workload.aliases.extend(aliases.get("app.kubernetes.io/name").cloned());
    let mut known = true;
    match (kind, group) {
        ("Pod", _) => pod::template(document, node, cluster, gather, &mut workload),
        ("InferenceService", "serving.kserve.io") => {
            inference::inference_service(document, cluster, gather, &mut workload);
        }
        ("Agent", "kagent.dev") => inference::agent(document, cluster, gather, &mut workload),
        ("MCPServer" | "RemoteMCPServer" | "ToolServer", "kagent.dev") => {
            inference::mcp_server(document, gather, &mut workload);
        }
        // Read where they are referred to.
        (
            "ConfigMap"
            | "Secret"
            | "ModelConfig"
            | "ServingRuntime"
            | "ClusterServingRuntime"
            | "NetworkPolicy"
            | "CiliumNetworkPolicy"
            | "CiliumClusterwideNetworkPolicy"
            | "ServiceEntry"
            | "TrainedModel"
            | "AuthorizationPolicy",
            _,
        ) => return Some(Vec::new()),
        _ => known = templates(document, kind, group, cluster, gather, &mut workload),
    }
    known.then(|| vec![workload])
}

fn new(document: &Document, kind: &str) -> Workload {
    let node = &document.node;
    let metadata = node.get("metadata");
    // `generateName` is what a Job of a pipeline has instead of a name.
    let name = node.text_at(&["metadata", "name"]).or_else(|| node.text_at(&["metadata", "generateName"]));
    let id = WorkloadId {
        kind: kind.to_owned(),
        namespace: node.text_at(&["metadata", "namespace"]).map(str::to_owned),
        name: name.unwrap_or("unnamed").to_owned(),
    };
    let place = metadata.and_then(|node| node.get("name")).unwrap_or(node);
    Workload::new(id, document.place(place))
}

/// How deep the pods of an unknown kind are looked for.
const DEEPEST: usize = 10;

/// Whatever looks like a pod's `spec`: a list of containers, each with a name or an image.
fn search(
    document: &Document,
    node: &Node,
    depth: usize,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &mut Workload,
) -> bool {
    let containers = node.list_at(&["containers"]);
    let is_pod = !containers.is_empty()
        && containers.iter().all(|one| one.text_at(&["image"]).is_some() || one.text_at(&["name"]).is_some());
    if is_pod {
        pod::pod_spec(document, node, cluster, gather, workload);
        return true;
    }
    let Some(below) = depth.checked_sub(1) else { return false };
    let mut found = false;
    for value in node.entries().iter().map(|entry| &entry.value).chain(node.list()) {
        if value.at(&["spec", "containers"]).is_some() {
            pod::template(document, value, cluster, gather, workload);
            found = true;
        } else {
            found |= search(document, value, below, cluster, gather, workload);
        }
    }
    found
}

/// Every kind with a pod template, also those of operators that we have no row for.
fn templates(
    document: &Document,
    kind: &str,
    group: &str,
    cluster: &Cluster<'_>,
    gather: &mut Gather<'_>,
    workload: &mut Workload,
) -> bool {
    let node = &document.node;
    let row = TEMPLATES.iter().find(|(name, of, _)| *name == kind && (of.is_empty() || *of == group));
    let mut found = false;
    for template in row.iter().flat_map(|(_, _, paths)| *paths).filter_map(|path| node.at(path)) {
        pod::template(document, template, cluster, gather, workload);
    }
    if row.is_none() && kind != "CustomResourceDefinition" {
        found =
            node.get("spec").is_some_and(|spec| search(document, spec, DEEPEST, cluster, gather, workload));
    }
    if group == "ray.io" {
        for group in RAY_WORKERS.iter().flat_map(|path| node.list_at(path)) {
            if let Some(template) = group.get("template") {
                pod::template(document, template, cluster, gather, workload);
            }
        }
        inference::ray_serve(document, gather, workload);
    }
    if kind == "LLMInferenceService" {
        inference::llm_inference_service(document, gather, workload);
    }
    found || row.is_some()
}
