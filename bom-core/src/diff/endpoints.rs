//! Endpoints that nobody declared, and addresses that a policy should have stopped.

use std::net::IpAddr;

use super::{Finding, codes, unmatched::Context};
use crate::declared::{Egress, Item, Kind, Workload};

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
    if item.role.as_deref() == Some("resolver") {
        return new(codes::RESOLVER_ENDPOINT).saying(format!("names were resolved by {shown}"));
    }
    let unix = item.host.is_none() && item.name.starts_with("unix:");
    let loopback = !item.addresses.is_empty() && item.addresses.iter().all(IpAddr::is_loopback);
    if unix || loopback {
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
    let note = if nameless { ", by an address without a name" } else { "" };
    new(codes::UNDECLARED_ENDPOINT).saying(format!("{shown} was called{note} and is not declared"))
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
    let stopped: Vec<&IpAddr> = item
        .addresses
        .iter()
        .filter(|address| !address.is_loopback() && !policy.iter().any(|rule| permits(rule, **address, port)))
        .collect();
    let first = stopped.first()?;
    let shown = shown(item);
    let text = format!("{shown} was called at {first}, which no rule of the NetworkPolicy lets through");
    let finding = Finding::new(codes::EGRESS_NOT_PERMITTED, name, Some(item.kind), &shown, "")
        .saying(text)
        .seen(item, file);
    let place = policy.first().map_or(&workload.place, |rule| &rule.place);
    Some(finding.at(place, crate::manifest::fields::NETWORK.name))
}

fn permits(rule: &Egress, address: IpAddr, port: u16) -> bool {
    if !rule.ports.is_empty() && !rule.ports.contains(&port) {
        return false;
    }
    match rule.block {
        None => !rule.pods || is_private(&address),
        Some(block) => within(block, address) && !rule.except.iter().any(|except| within(*except, address)),
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
