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
use crate::declared::{Egress, Force, Ports, Workload};

/// Adds to each workload what the policies that select it permit.
pub(crate) fn policies(documents: &[Document], workloads: &mut [Workload], gather: &mut Gather<'_>) {
    for document in documents {
        let node = &document.node;
        let group = node
            .text_at(&["apiVersion"])
            .and_then(|text| text.split_once('/'))
            .map_or("", |(group, _)| group);
        let namespace = node.text_at(&["metadata", "namespace"]);
        // What restricts is taken to hold where the namespace of one is not said, and what permits is not.
        let within = |workload: &&mut Workload| {
            namespace.is_none()
                || workload.id.namespace.is_none()
                || workload.id.namespace.as_deref() == namespace
        };
        let surely_within =
            |workload: &&mut Workload| namespace.is_none() || workload.id.namespace.as_deref() == namespace;
        match (node.text_at(&["kind"]), group) {
            (Some("NetworkPolicy"), "networking.k8s.io") => {
                for workload in workloads.iter_mut().filter(within) {
                    network_policy(document, workload, gather);
                }
            }
            (Some("CiliumNetworkPolicy" | "CiliumClusterwideNetworkPolicy"), _) => {
                let specs = node.get("spec").into_iter().chain(node.list_at(&["specs"]));
                for spec in specs {
                    for workload in workloads.iter_mut().filter(surely_within) {
                        if selects(spec.get("endpointSelector"), &workload.labels) {
                            cilium(document, spec, workload, gather);
                        }
                    }
                }
            }
            (Some("ServiceEntry"), "networking.istio.io") => {
                for workload in workloads.iter_mut().filter(surely_within) {
                    if selects(node.at(&["spec", "workloadSelector"]), &workload.labels) {
                        service_entry(document, workload, gather);
                    }
                }
            }
            (Some("AuthorizationPolicy"), "security.istio.io")
                if node.text_at(&["spec", "action"]).is_none_or(|action| action == "ALLOW") =>
            {
                for workload in workloads.iter_mut().filter(surely_within) {
                    authorization(document, workload, gather);
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
        let ports = match rule.get("ports") {
            // An empty list is as good as none.
            Some(list) if !list.list().is_empty() => ports(document, list, gather),
            Some(_) | None => Ports::Any,
        };
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
            let except: Option<Vec<_>> =
                block.list_at(&["except"]).iter().map(|node| node.text().and_then(cidr)).collect();
            let Some(except) = except else {
                gather.bad(&document.place(block), "ipBlock with an except that is no cidr".to_owned());
                continue;
            };
            egress.push(Egress { block: Some(range), pods: false, except, ports: ports.clone(), place });
        }
    }
}

/// Ports of a rule. What cannot be read lets nothing through.
fn ports(document: &Document, list: &Node, gather: &mut Gather<'_>) -> Ports {
    let (mut ranges, mut named) = (BTreeSet::new(), false);
    for row in list.list() {
        let transport = row.text_at(&["protocol"]).unwrap_or("TCP").to_lowercase();
        let Some(first) = row.get("port") else {
            // All ports of that protocol.
            ranges.insert((Some(transport), 0, u16::MAX));
            continue;
        };
        let number = |node: &Node| node.text().and_then(|text| text.parse::<u16>().ok());
        let last = match row.get("endPort") {
            Some(last) => number(last),
            None => number(first),
        };
        match (number(first), last) {
            (Some(first), Some(last)) => drop(ranges.insert((Some(transport), first, last))),
            (None, None) if first.text().is_some_and(is_port_name) => named = true,
            _ => gather.bad(&document.place(row), "NetworkPolicy with a port that cannot be read".to_owned()),
        }
    }
    Ports::Only { ranges, named }
}

/// A name of a port: lower case, with a letter in it (`IANA_SVC_NAME`).
fn is_port_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=15).contains(&text.len()) && text.chars().all(plain) && text.chars().any(|c| c.is_ascii_lowercase())
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
        let listed: Vec<&Node> =
            rule.list_at(&["toPorts"]).iter().flat_map(|row| row.list_at(&["ports"])).collect();
        let ports = match rule.get("toPorts") {
            Some(_) => numbers(document, listed.iter().map(|row| (*row, "port", "endPort")), gather),
            None => vec![None],
        };
        for name in rule.list_at(&["toFQDNs"]) {
            for node in ["matchName", "matchPattern"].iter().filter_map(|key| name.get(key)) {
                permit_at(document, node, &ports, fields::CILIUM, workload, gather);
            }
        }
    }
}

fn service_entry(document: &Document, workload: &mut Workload, gather: &mut Gather<'_>) {
    let listed = document.node.list_at(&["spec", "ports"]);
    let ports = match document.node.at(&["spec", "ports"]) {
        Some(_) => numbers(document, listed.iter().map(|row| (row, "number", "")), gather),
        None => vec![None],
    };
    for host in document.node.list_at(&["spec", "hosts"]) {
        permit_at(document, host, &ports, fields::ISTIO_ENTRY, workload, gather);
    }
}

/// A policy for what leaves the mesh stands at the gateway and names hosts.
fn authorization(document: &Document, workload: &mut Workload, gather: &mut Gather<'_>) {
    for rule in document.node.list_at(&["spec", "rules"]) {
        let conditions = ["from", "when"].iter().find(|key| rule.get(key).is_some());
        for to in rule.list_at(&["to"]) {
            let Some(operation) = to.get("operation") else { continue };
            let hosts = operation.list_at(&["hosts"]);
            if hosts.is_empty() {
                continue;
            }
            let except =
                operation.entries().iter().map(|entry| entry.key.as_str()).find(|key| key.starts_with("not"));
            if let Some(key) = conditions.copied().or(except) {
                let text = format!(
                    "AuthorizationPolicy: what {key} leaves of a rule is not in the input; it permits nothing"
                );
                gather.unresolved(&document.place(to), text);
                continue;
            }
            let listed = operation.list_at(&["ports"]);
            let ports = match operation.get("ports") {
                Some(_) => numbers(document, listed.iter().map(|row| (row, "", "")), gather),
                None => vec![None],
            };
            for host in hosts {
                permit_at(document, host, &ports, fields::ISTIO_POLICY, workload, gather);
            }
        }
    }
}

/// Ports of one range that are listed one by one; a wider one is not read.
const RANGE: u16 = 64;

/// Ports of rows, each behind a key (or the row itself), with the key of the last one of a range. What cannot be read
/// permits nothing.
fn numbers<'n>(
    document: &Document,
    rows: impl Iterator<Item = (&'n Node, &'static str, &'static str)>,
    gather: &mut Gather<'_>,
) -> Vec<Option<u16>> {
    let mut ports = Vec::new();
    for (row, key, end) in rows {
        let number = |node: &Node| node.text().and_then(|text| text.parse::<u16>().ok());
        let first = if key.is_empty() { number(row) } else { row.get(key).and_then(number) };
        let last = if end.is_empty() { None } else { row.get(end) };
        let last = last.map_or(first, number);
        match (first, last) {
            // Cilium's word for all of them.
            (Some(0), Some(0)) => ports.push(None),
            (Some(first), Some(last)) if last.saturating_sub(first) < RANGE => {
                ports.extend((first..=last).map(Some));
            }
            _ => {
                let text = "a port that is a name or a wide range; it permits nothing".to_owned();
                gather.unresolved(&document.place(row), text);
            }
        }
    }
    ports
}

fn permit_at(
    document: &Document,
    node: &Node,
    ports: &[Option<u16>],
    field: Field,
    workload: &mut Workload,
    gather: &mut Gather<'_>,
) {
    for port in ports {
        permit(document, node, *port, field, workload, gather);
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
