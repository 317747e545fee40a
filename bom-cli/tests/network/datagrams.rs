//! UDP and QUIC.

use bom_testkit::trial::{Failed, Need, trial};
use libtest_mimic::Trial;

use crate::{
    WORLD,
    inside::{Observed, calls, data, observe, properties, quic_python, same},
};

pub(crate) fn trials() -> Vec<Trial> {
    let quic: Vec<Need> = WORLD.iter().copied().chain([Need::Quic]).collect();
    vec![
        trial("datagrams::peers_are_those_sent_to", WORLD, peers_are_those_sent_to),
        trial("datagrams::ipv6_is_followed_through_its_extensions", WORLD, extensions),
        trial("datagrams::several_in_one_packet_are_counted_as_several", WORLD, segments),
        trial("datagrams::a_connect_alone_reaches_nobody", WORLD, silent),
        trial("datagrams::a_child_sends_by_its_parents_socket", WORLD, inherited),
        trial("datagrams::who_is_asked_first_is_served", WORLD, served),
        trial("datagrams::quic_has_the_name_of_its_hello", &quic, quic_has_a_name),
        trial("datagrams::without_its_probes_udp_is_a_gap", WORLD, left_out),
    ]
}

fn bytes(observed: &Observed, name: &str, which: &str) -> Result<u64, Failed> {
    let service = observed.service(name)?;
    let values = properties(service, &format!("aibom:net:bytes_{which}"));
    values.first().ok_or("no bytes")?.parse().map_err(|_| "no number".into())
}

fn peers_are_those_sent_to() -> Result<(), Failed> {
    let observed = calls("udp", &["udp_unconnected", "udp_connected", "udp_mapped"])?;
    same("peers", observed.names(), "127.0.10.8".to_owned())?;
    let service = observed.service("127.0.10.8")?;
    same("transport", properties(service, "aibom:net:transport"), vec!["udp"])?;
    same("sockets", properties(service, "aibom:net:connections"), vec!["3"])?;
    same("strength", properties(service, "aibom:obs:strength"), vec!["exchanged-bytes"])?;
    same("sent", bytes(&observed, "127.0.10.8", "sent")?, 100 + 3 * 50 + 10)?;
    same("received", bytes(&observed, "127.0.10.8", "received")?, 100 + 3 * 50 + 10)?;
    same("unknown sockets", observed.counter("socket-unknown"), Some(0))?;
    same("no room", observed.counter("flow-table-full"), Some(0))
}

fn extensions() -> Result<(), Failed> {
    let observed = calls("udp-extended", &["udp_v6", "udp_extended"])?;
    same("sockets", properties(observed.service("::1")?, "aibom:net:connections"), vec!["2"])?;
    same("sent", bytes(&observed, "::1", "sent")?, 20)?;
    same("unparsed", observed.counter("packet-unparsed"), Some(0))
}

fn segments() -> Result<(), Failed> {
    let observed = calls("udp-segments", &["udp_segments"])?;
    same("sent", bytes(&observed, "127.0.10.8", "sent")?, 3000)?;
    let three = r#""sent":3000,"received":"#;
    if !observed.texts.contains(three) || !observed.texts.contains(r#""datagrams_sent":3"#) {
        return Err("three datagrams in one packet".into());
    }
    Ok(())
}

fn silent() -> Result<(), Failed> {
    let observed = calls("udp-silent", &["udp_silent"])?;
    same("peers", observed.names(), String::new())
}

fn inherited() -> Result<(), Failed> {
    let observed = calls("udp-inherited", &["udp_inherited"])?;
    same("sent", bytes(&observed, "127.0.10.8", "sent")?, 5)?;
    same("unknown sockets", observed.counter("socket-unknown"), Some(0))
}

fn served() -> Result<(), Failed> {
    let observed = calls("udp-served", &["serve_datagrams=7070"])?;
    same("served", observed.subject("aibom:net:served"), vec!["udp 127.0.0.1:7070 calls=1"])?;
    // The client is the subject as well.
    same("peers", observed.names(), "127.0.0.1".to_owned())?;
    same("a local proxy", observed.has_gap("endpoints", "suspected:local-proxy"), false)
}

fn quic_has_a_name() -> Result<(), Failed> {
    let python = quic_python().display().to_string();
    let script = data("quic.py");
    for version in ["1", "2"] {
        let name = format!("quic-{version}.example");
        let observed = observe(
            &format!("quic-{version}"),
            &[],
            &[&python, &script, "serve"],
            &[&python, &script, "call", version, &name],
        )?;
        let service = observed.service(&name)?;
        same("address", properties(service, "aibom:net:remote_ip"), vec!["127.0.10.6"])?;
        same("transport", properties(service, "aibom:net:transport"), vec!["udp"])?;
        same("name", properties(service, "aibom:net:name:sni"), vec![name.as_str()])?;
        same("protocol", properties(service, "aibom:net:alpn"), vec!["h3"])?;
        same("strength", properties(service, "aibom:obs:strength"), vec!["exchanged-bytes"])?;
        same("URL", &service["endpoints"][0], &format!("https://{name}:4433").into())?;
        same("undecoded", observed.has_gap("endpoints", "suspected:undecoded-stream"), false)?;
    }
    Ok(())
}

fn left_out() -> Result<(), Failed> {
    let script = data("calls.py");
    let command = [crate::inside::PYTHON, &script, "udp_unconnected"];
    let without = ["--without-probe", "cgroup_skb_egress"];
    let observed = observe("udp-left-out", &without, &[], &command)?;
    same("listed", observed.has_service("127.0.10.8"), false)?;
    same("declared", observed.has_gap("endpoints", "unwatched:udp"), true)?;
    let without = ["--without-probe", "cgroup_sendmsg4"];
    let observed = observe("udp-no-sender", &without, &[], &command)?;
    same("listed", observed.has_service("127.0.10.8"), true)?;
    same("declared", observed.has_gap("endpoints", "unwatched:socket-unknown"), true)
}
