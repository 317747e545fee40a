//! Endpoints that nobody declared, and addresses that a policy should have stopped.

use std::net::IpAddr;

use super::{Finding, codes, unmatched::Context};
use crate::declared::{Egress, Item, Kind, Ports, Set, Workload};

/// What an endpoint that was not declared is.
pub(super) fn undeclared(item: &Item, context: &Context<'_>) -> Finding {
    let shown = shown(item);
    let new = |code| {
        Finding::new(code, context.name, Some(item.kind), &shown, "")
            .seen(item, context.file)
            .at(&context.workload.place, "metadata.name")
    };
    if let Some(provider) = &item.provider {
        return new(codes::UNDECLARED_PROVIDER)
            .saying(format!("{provider} was called at {shown} and is not declared"));
    }
    let nearby = !item.addresses.is_empty()
        && item.addresses.iter().all(|address| is_private(address) || address.is_loopback());
    // Whoever answers like one is called a resolver: a note is enough only for one of the own network.
    if item.role.as_deref() == Some("resolver") && nearby && item.refuted.is_empty() {
        return new(codes::RESOLVER_ENDPOINT).saying(format!("names were resolved by {shown}"));
    }
    let unix = item.host.is_none() && item.name.starts_with("unix:");
    let loopback = !item.addresses.is_empty() && item.addresses.iter().all(IpAddr::is_loopback);
    // With the name of somebody else it is a way to them.
    let own_name = item.host.as_ref().is_none_or(|host| is_local(host.as_str())) && item.refuted.is_empty();
    if unix || loopback && own_name {
        return new(codes::LOCAL_ENDPOINT)
            .saying(format!("{shown} on the same machine was called and is not declared"));
    }
    let nameless = item.host.as_ref().is_none_or(|host| host.as_str().parse::<IpAddr>().is_ok());
    let private = !item.addresses.is_empty() && item.addresses.iter().all(is_private);
    let may_be_declared = context.named_ports.contains(&None) || context.named_ports.contains(&item.port);
    if nameless && private && may_be_declared {
        let text =
            format!("{shown} was called; its name is not known, so it may be a declared endpoint or not");
        return new(codes::UNNAMED_ENDPOINT).saying(text);
    }
    if item.role.as_deref() == Some("resolver") {
        let text = format!("{shown}, which answers DNS questions, was called and is not declared");
        return new(codes::UNDECLARED_ENDPOINT).saying(text);
    }
    let note = if nameless { ", by an address without a name" } else { "" };
    new(codes::UNDECLARED_ENDPOINT).saying(format!("{shown} was called{note} and is not declared"))
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok()
}

fn shown(item: &Item) -> String {
    match (&item.host, item.port) {
        (Some(host), Some(port)) if host.as_str().contains(':') => format!("[{host}]:{port}"),
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_string(),
        (None, _) => item.name.clone(),
    }
}

fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            // 100.64.0.0/10 (RFC 6598) is what some clusters give to services.
            address.is_private()
                || address.is_link_local()
                || (address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// An address that was called and that the workload's NetworkPolicy does not let through. Says nothing where the policy
/// names peers that are not addresses (pods, namespaces): who they are is not in the input.
pub(super) fn not_permitted(item: &Item, workload: &Workload, name: &str, file: &str) -> Option<Finding> {
    let policy = workload.egress.as_ref()?;
    if item.kind != Kind::Endpoint {
        return None;
    }
    let port = item.port?;
    let (mut stopped, mut unknown) = (None, None);
    for address in item.addresses.iter().filter(|address| !address.is_loopback()) {
        let best = policy.iter().map(|rule| permits(rule, *address, port, &item.transports)).max();
        match best.unwrap_or(Permits::No) {
            Permits::Yes => {}
            Permits::Unknown => unknown = unknown.or(Some(address)),
            Permits::No => stopped = stopped.or(Some(address)),
        }
    }
    let shown = shown(item);
    let (code, text) = match (stopped, unknown) {
        (Some(first), _) => (
            codes::EGRESS_NOT_PERMITTED,
            format!("{shown} was called at {first}, which no rule of the NetworkPolicy lets through"),
        ),
        (None, Some(first)) => (
            codes::EGRESS_UNKNOWN,
            format!(
                "{shown} was called at {first}, which only a named port of the NetworkPolicy could let through"
            ),
        ),
        (None, None) => return None,
    };
    let finding = Finding::new(code, name, Some(item.kind), &shown, "").saying(text).seen(item, file);
    let place = policy.first().map_or(&workload.place, |rule| &rule.place);
    Some(finding.at(place, crate::manifest::fields::NETWORK.name))
}

/// Whether a rule lets an address through.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Permits {
    No,
    /// It depends on what a port's name stands for.
    Unknown,
    Yes,
}

fn permits(rule: &Egress, address: IpAddr, port: u16, transports: &Set<String>) -> Permits {
    let peer = match rule.block {
        None => !rule.pods || is_private(&address),
        Some(block) => within(block, address) && !rule.except.iter().any(|except| within(*except, address)),
    };
    let Ports::Only { ranges, named } = &rule.ports else {
        return if peer { Permits::Yes } else { Permits::No };
    };
    let open = |transport: Option<&str>| {
        ranges.iter().any(|(of, first, last)| {
            (*first..=*last).contains(&port)
                && (of.is_none() || transport.is_none() || of.as_deref() == transport)
        })
    };
    let numbered = if transports.is_empty() {
        open(None)
    } else {
        transports.iter().all(|transport| open(Some(transport)))
    };
    match (peer, numbered) {
        (false, _) => Permits::No,
        (true, true) => Permits::Yes,
        // A block has no pods that could have a port of that name.
        (true, false) if *named && rule.block.is_none() => Permits::Unknown,
        (true, false) => Permits::No,
    }
}

fn within((network, prefix): (IpAddr, u8), address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            u32::from(network) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            u128::from(network) & mask == u128::from(address) & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}
