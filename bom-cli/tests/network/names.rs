//! What resolvers and streams say of an address.

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    WORLD,
    inside::{PYTHON, calls, data, observe, properties, same},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("names::a_resolver_is_an_endpoint", WORLD, resolver),
        trial("names::answers_over_tcp_are_read", WORLD, over_tcp),
        trial("names::a_stream_for_another_host_is_a_mismatch", WORLD, mismatch),
    ]
}

fn resolver() -> Result<(), Failed> {
    let observed = calls("resolver", &["resolve=api.openai.com"])?;
    same("resolved", observed.subject("aibom:net:resolved"), vec!["api.openai.com"])?;
    let service = observed.service("127.0.0.1")?;
    same("port", properties(service, "aibom:net:remote_port"), vec!["53"])?;
    same("role", properties(service, "aibom:net:role"), vec!["resolver"])?;
    same("transport", properties(service, "aibom:net:transport"), vec!["udp"])
}

fn over_tcp() -> Result<(), Failed> {
    let script = data("calls.py");
    let command = ["/usr/bin/env", "RES_OPTIONS=use-vc", PYTHON, &script, "resolve=api.openai.com"];
    let observed = observe("over-tcp", &[], &[], &command)?;
    same("resolved", observed.subject("aibom:net:resolved"), vec!["api.openai.com"])?;
    let service = observed.service("127.0.0.1")?;
    same("role", properties(service, "aibom:net:role"), vec!["resolver"])?;
    same("transport", properties(service, "aibom:net:transport"), vec!["tcp"])
}

fn mismatch() -> Result<(), Failed> {
    let observed = calls("mismatch", &["front=hidden.example"])?;
    let service = observed.service("hidden.example")?;
    same("mismatch", properties(service, "aibom:net:name_mismatch"), vec!["sni hidden.example"])?;
    same("by DNS", properties(service, "aibom:net:name:dns"), vec!["api.openai.com"])?;
    same("in the table", observed.table.contains("differ!"), true)?;
    let observed = calls("match", &["front=api.openai.com"])?;
    let service = observed.service("api.openai.com")?;
    same("match", properties(service, "aibom:net:name_mismatch"), Vec::<&str>::new())?;
    let aliases = properties(service, "aibom:net:name:dns-alias");
    same("passed through", aliases, vec!["openai.cdn.example", "pop3.cdn.example"])
}
