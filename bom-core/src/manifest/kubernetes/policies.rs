//! Policies: what a workload may call. They permit and never require.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::super::{
    documents::Document,
    fields::{self, Field},
    gather::Gather,
    reference::address,
    yaml::Node,
};
use crate::declared::{Egress, Force, Workload};

/// Adds to each workload what the policies that select it permit.
pub(crate) fn policies(documents: &[Document], workloads: &mut [Workload], gather: &mut Gather<'_>) {
    for document in documents {
        let node = &document.node;
        let group = node
            .text_at(&["apiVersion"])
            .and_then(|text| text.split_once('/'))
            .map_or("", |(group, _)| group);
        let namespace = node.text_at(&["metadata", "namespace"]);
        let within = |workload: &&mut Workload| {
            namespace.is_none()
                || workload.id.namespace.is_none()
                || workload.id.namespace.as_deref() == namespace
        };
        match (node.text_at(&["kind"]), group) {
            (Some("NetworkPolicy"), "networking.k8s.io") => {
                for workload in workloads.iter_mut().filter(within) {
                    network_policy(document, workload, gather);
                }
            }
            (Some("CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy"), _) => {
                let specs = node.get("spec").into_iter().chain(node.list_at(&["specs"]));
                for spec in specs {
                    for workload in workloads.iter_mut().filter(within) {
                        if selects(spec.get("endpointSelector"), &workload.labels) {
                            cilium(document, spec, workload, gather);
                        }
                    }
                }
            }
            (Some("ServiceEntry"), "networking.istio.io") => {
                for workload in workloads.iter_mut().filter(within) {
                    if selects(node.at(&["spec", "workloadSelector"]), &workload.labels) {
                        service_entry(document, workload, gather);
                    }
                }
            }
            (Some("AuthorizationPolicy"), "security.istio.io") => {
                // A policy for what leaves the mesh stands at the gateway and names hosts.
                let rules = node.list_at(&["spec", "rules"]).iter().flat_map(|rule| rule.list_at(&["to"]));
                for host in rules.flat_map(|to| to.list_at(&["operation", "hosts"])) {
                    if node.text_at(&["spec", "action"]).is_some_and(|action| action != "ALLOW") {
                        continue;
                    }
                    for workload in workloads.iter_mut().filter(within) {
                        permit(document, host, None, fields::ISTIO_POLICY, workload, gather);
                    }
                }
            }
            _ => {}
        }
    }
}

/// `matchLabels` and `matchExpressions`; an absent or empty selector selects everything.
fn selects(selector: Option<&Node>, labels: &BTreeMap<String, String>) -> bool {
    let Some(selector) = selector else { return true };
    let wanted = selector.texts_at(&["matchLabels"]);
    let wanted = if wanted.is_empty() { selector.texts_at(&["labels"]) } else { wanted };
    // Cilium puts the source of a label in front of it.
    let bare = |key: &str| key.strip_prefix("k8s:").or(key.strip_prefix("any:")).unwrap_or(key).to_owned();
    let equal = wanted.iter().all(|(key, value)| labels.get(&bare(key)) == Some(value));
    let expressions = selector.list_at(&["matchExpressions"]).iter().all(|row| {
        let value = labels.get(&bare(row.text_at(&["key"]).unwrap_or_default()));
        let listed =
            value.is_some_and(|value| row.list_at(&["values"]).iter().any(|node| node.text() == Some(value)));
        match row.text_at(&["operator"]) {
            Some("In") => listed,
            Some("NotIn") => !listed,
            Some("Exists") => value.is_some(),
            Some("DoesNotExist") => value.is_none(),
            _ => false,
        }
    });
    equal && expressions
}

fn network_policy(document: &Document, workload: &mut Workload, gather: &mut Gather<'_>) {
    let node = &document.node;
    let types = node.list_at(&["spec", "policyTypes"]);
    let rules = node.at(&["spec", "egress"]);
    let about_egress =
        types.iter().any(|kind| kind.text() == Some("Egress")) || (types.is_empty() && rules.is_some());
    if !about_egress || !selects(node.at(&["spec", "podSelector"]), &workload.labels) {
        return;
    }
    let egress = workload.egress.get_or_insert_default();
    for rule in rules.map_or(&[][..], Node::list) {
        let ports: BTreeSet<u16> = rule
            .list_at(&["ports"])
            .iter()
            .flat_map(|row| {
                let first: Option<u16> = row.text_at(&["port"]).and_then(|text| text.parse().ok());
                let last: Option<u16> = row.text_at(&["endPort"]).and_then(|text| text.parse().ok());
                first.map(|first| first..=last.unwrap_or(first)).into_iter().flatten()
            })
            .collect();
        let peers = rule.list_at(&["to"]);
        let place = document.place(rule);
        if peers.is_empty() {
            egress.push(Egress { block: None, pods: false, except: Vec::new(), ports, place });
            continue;
        }
        for peer in peers {
            let place = document.place(peer);
            let Some(block) = peer.get("ipBlock") else {
                egress.push(Egress {
                    block: None,
                    pods: true,
                    except: Vec::new(),
                    ports: ports.clone(),
                    place,
                });
                continue;
            };
            let Some(range) = block.text_at(&["cidr"]).and_then(cidr) else {
                gather.bad(&document.place(block), "ipBlock without a readable cidr".to_owned());
                continue;
            };
            let except = block.list_at(&["except"]).iter().filter_map(|node| cidr(node.text()?)).collect();
            egress.push(Egress { block: Some(range), pods: false, except, ports: ports.clone(), place });
        }
    }
}

fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = text.trim().split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let prefix: u8 = prefix.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= most).then_some((address, prefix))
}

fn cilium(document: &Document, spec: &Node, workload: &mut Workload, gather: &mut Gather<'_>) {
    for rule in spec.list_at(&["egress"]) {
        let ports: Vec<u16> = rule
            .list_at(&["toPorts"])
            .iter()
            .flat_map(|row| row.list_at(&["ports"]))
            .filter_map(|row| row.text_at(&["port"])?.parse().ok())
            .collect();
        for name in rule.list_at(&["toFQDNs"]) {
            for node in ["matchName", "matchPattern"].iter().filter_map(|key| name.get(key)) {
                let port = if let [port] = ports[..] { Some(port) } else { None };
                permit(document, node, port, fields::CILIUM, workload, gather);
            }
        }
    }
}

fn service_entry(document: &Document, workload: &mut Workload, gather: &mut Gather<'_>) {
    let ports: Vec<u16> = document
        .node
        .list_at(&["spec", "ports"])
        .iter()
        .filter_map(|row| row.text_at(&["number"])?.parse().ok())
        .collect();
    for host in document.node.list_at(&["spec", "hosts"]) {
        let port = if let [port] = ports[..] { Some(port) } else { None };
        permit(document, host, port, fields::ISTIO_ENTRY, workload, gather);
    }
}

fn permit(
    document: &Document,
    node: &Node,
    port: Option<u16>,
    field: Field,
    workload: &mut Workload,
    gather: &mut Gather<'_>,
) {
    let Some(found) = node.text().and_then(|text| address(text, true)) else { return };
    let mut item = gather.endpoint_item(found.host, port.or(found.port));
    item.force = Force::Permitted;
    workload.items.push(item.declared_at(document.place(node), field.name));
}
