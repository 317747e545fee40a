//! Counts of UDP peers and accepted connections, out of the probes' table and into the feed.

use bom_common::{
    config::{FLOW_ACCEPTED, Flow, FlowKey, flow_protocol},
    record::probe,
};
use bom_core::{
    decode::socket_address,
    event::{Accepted, Body, Task, Udp},
    key::{ImageId, ProcessKey},
};

use crate::{feed::Feed, probes::Probes, session::SessionError};

/// A peer that was silent for so long is taken out, so that there is room for others.
const IDLE_NS: u64 = 120_000_000_000;
/// Peers in the table from which on the idle ones are taken out.
const CROWDED: usize = 8192;

/// Takes in the counts as they stand. Reading them again later is no harm: they only grow.
pub fn read(probes: &mut Probes, feed: &mut Feed, now_ns: u64) -> Result<(), SessionError> {
    let flows = probes.flows()?;
    let crowded = flows.len() > CROWDED;
    for (key, flow) in flows {
        if let Some(body) = body(&key, &flow) {
            feed.read(probe_of(&key), flow.last_ns, body)?;
        } else {
            feed.undecodable(flow.subject);
        }
        if crowded && key.kind != FLOW_ACCEPTED && now_ns.saturating_sub(flow.last_ns) > IDLE_NS {
            probes.forget_flow(&key)?;
        }
    }
    Ok(())
}

fn probe_of(key: &FlowKey) -> u16 {
    if key.kind == FLOW_ACCEPTED { probe::INET_SOCK_SET_STATE } else { probe::CGROUP_SKB_EGRESS }
}

/// `None` if the addresses are of a family nobody knows.
fn body(key: &FlowKey, flow: &Flow) -> Option<Body> {
    let task = Task {
        process: ProcessKey { tgid: flow.tgid, start_ns: flow.start_ns },
        tid: flow.tid,
        image: ImageId(flow.image),
        subject: flow.subject,
        cgroup: flow.cgroup,
        mount_namespace: flow.mount_namespace,
    };
    let address = socket_address(key.family, &key.address, key.port).ok()?;
    if key.kind == FLOW_ACCEPTED {
        let accepted = Accepted {
            local: address,
            connections: flow.datagrams_received,
            sent: flow.sent,
            received: flow.received,
        };
        return Some(Body::Accepted { task, accepted });
    }
    let udp = Udp {
        cookie: key.cookie,
        remote: address,
        local: socket_address(key.family, &flow.local, flow.local_port).ok()?,
        inbound: flow.inbound != 0,
        protocol: flow_protocol(key.kind),
        sent: flow.sent,
        received: flow.received,
        datagrams_sent: flow.datagrams_sent,
        datagrams_received: flow.datagrams_received,
    };
    Some(Body::Udp { task, udp })
}
