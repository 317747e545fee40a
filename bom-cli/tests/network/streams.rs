//! What clients say first, over TCP.

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    WORLD,
    inside::{PYTHON, calls, data, observe, properties, same},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("streams::a_request_in_plain_text_names_its_host", WORLD, plain),
        trial("streams::a_tunnel_names_its_target", WORLD, tunnel),
        trial("streams::a_request_to_a_proxy_names_its_target", WORLD, through_proxy),
        trial("streams::a_model_is_named_only_if_asked_for", WORLD, model),
        trial("streams::a_socket_outlives_the_program_that_connected_it", WORLD, exec),
        trial("streams::who_listens_is_served_and_callers_are_counted", WORLD, served),
    ]
}

fn plain() -> Result<(), Failed> {
    let words = [
        "http=plain.example",
        "http_in_pieces=pieces.example",
        "http_extended=extended.example",
        "http_mptcp=multipath.example",
        "fast_open=fast.example",
        "tls=tls.example",
    ];
    let observed = calls("plain", &words)?;
    for (name, source, address) in [
        ("plain.example", "host", "127.0.10.8"),
        ("pieces.example", "host", "127.0.10.8"),
        ("extended.example", "host", "::1"),
        ("multipath.example", "host", "127.0.10.8"),
        ("fast.example", "host", "127.0.10.8"),
        ("tls.example", "sni", "127.0.10.8"),
    ] {
        let service = observed.service(name)?;
        same(name, properties(service, "aibom:net:name_source"), vec![source])?;
        same(name, properties(service, "aibom:net:remote_ip"), vec![address])?;
        same(name, properties(service, "aibom:net:connections"), vec!["1"])?;
    }
    same("unparsed", observed.counter("packet-unparsed"), Some(0))?;
    same("unknown sockets", observed.counter("socket-unknown"), Some(0))?;
    same("undecoded", observed.has_gap("endpoints", "suspected:undecoded-stream"), false)?;
    // Requests have more in them than is kept.
    same("paths", observed.texts.contains("/path"), false)?;
    same("queries", observed.texts.contains("token="), false)
}

fn tunnel() -> Result<(), Failed> {
    let observed = calls("tunnel", &["tunnel=api.openai.com"])?;
    let target = observed.service("api.openai.com")?;
    same("via", properties(target, "aibom:net:via"), vec!["127.0.10.9:3128"])?;
    same("by its tunnel", properties(target, "aibom:net:name:proxy"), vec!["api.openai.com"])?;
    same("by its hello", properties(target, "aibom:net:name:sni"), vec!["api.openai.com"])?;
    same("provider", &target["provider"]["name"], &"OpenAI".into())?;
    same("addresses", properties(target, "aibom:net:remote_ip"), Vec::<&str>::new())?;
    let proxy = observed.service("127.0.10.9")?;
    same("strength", properties(proxy, "aibom:obs:strength"), vec!["exchanged-bytes"])?;
    same("on this machine", observed.has_gap("endpoints", "suspected:local-proxy"), true)
}

fn through_proxy() -> Result<(), Failed> {
    let observed = calls("through-proxy", &["through_proxy=api.openai.com"])?;
    let target = observed.service("api.openai.com")?;
    same("port", properties(target, "aibom:net:remote_port"), vec!["80"])?;
    same("others", observed.has_gap("endpoints", "suspected:proxied-requests"), true)
}

fn model() -> Result<(), Failed> {
    let script = data("calls.py");
    let command = [PYTHON, &script, "model=secret-model-7b"];
    let observed = observe("model", &["--http-model"], &[], &command)?;
    let service = observed.service("llm.example")?;
    same("model", properties(service, "aibom:claim:model"), vec!["secret-model-7b"])?;
    let observed = observe("no-model", &[], &[], &command)?;
    observed.service("llm.example")?;
    let document = observed.bom["services"].to_string();
    same("named unasked", document.contains("secret-model"), false)
}

fn exec() -> Result<(), Failed> {
    let observed = calls("exec", &["tls_exec=after-exec.example"])?;
    let service = observed.service("after-exec.example")?;
    same("connections", properties(service, "aibom:net:connections"), vec!["1"])?;
    same("unknown sockets", observed.counter("socket-unknown"), Some(0))
}

fn served() -> Result<(), Failed> {
    let observed = calls("served", &["serve=7071"])?;
    same("served", observed.subject("aibom:net:served"), vec!["tcp 0.0.0.0:7071 calls=3"])?;
    // What the server says is no client's hello.
    same("peers", observed.names(), "127.0.0.1".to_owned())
}
