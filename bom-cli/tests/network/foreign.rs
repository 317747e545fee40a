//! Clients that nobody here wrote.

use bom_testkit::trial::{Failed, Need, trial};
use libtest_mimic::Trial;

use crate::{
    WORLD,
    inside::{Observed, PYTHON, observe, properties, same},
};

pub(crate) fn trials() -> Vec<Trial> {
    let with = |need| WORLD.iter().copied().chain([need]).collect::<Vec<_>>();
    vec![
        trial("foreign::curl_in_plain_text", &with(Need::Curl), curl_in_plain_text),
        trial("foreign::curl_by_http_2_without_tls", &with(Need::Curl), curl_by_http_2),
        trial("foreign::curl_through_a_proxy", &with(Need::Curl), curl_through_a_proxy),
        trial("foreign::python_http_client", WORLD, python),
        trial("foreign::node_fetch", &with(Need::Node), node),
    ]
}

fn host_is(observed: &Observed, name: &str) -> Result<(), Failed> {
    let service = observed.service(name)?;
    same("source", properties(service, "aibom:net:name_source"), vec!["host"])?;
    same("address", properties(service, "aibom:net:remote_ip"), vec!["127.0.10.8"])?;
    same("paths", observed.texts.contains("hidden-path"), false)
}

fn curl_in_plain_text() -> Result<(), Failed> {
    let resolve = "curl.example:80:127.0.10.8";
    let command = ["curl", "-sS", "--resolve", resolve, "http://curl.example/hidden-path"];
    host_is(&observe("curl", &[], &[], &command)?, "curl.example")
}

fn curl_by_http_2() -> Result<(), Failed> {
    let resolve = "h2.example:80:127.0.10.8";
    // The answer is not HTTP/2, so curl gives up; what it asked for was said before.
    let line =
        format!("curl -sS --http2-prior-knowledge --resolve {resolve} http://h2.example/hidden-path || true");
    host_is(&observe("curl-h2", &[], &[], &["/bin/sh", "-c", &line])?, "h2.example")
}

fn curl_through_a_proxy() -> Result<(), Failed> {
    let url = "https://api.openai.com/v1/hidden-path";
    let command = ["curl", "-sS", "--proxy", "http://127.0.10.9:3128", url];
    let observed = observe("curl-proxy", &[], &[], &command)?;
    let target = observed.service("api.openai.com")?;
    same("via", properties(target, "aibom:net:via"), vec!["127.0.10.9:3128"])?;
    same("by its hello", properties(target, "aibom:net:name:sni"), vec!["api.openai.com"])?;
    same("mismatch", properties(target, "aibom:net:name_mismatch"), Vec::<&str>::new())?;
    same("undecoded", observed.has_gap("endpoints", "suspected:undecoded-stream"), false)
}

fn python() -> Result<(), Failed> {
    let program = "import http.client; c = http.client.HTTPConnection('127.0.10.8'); \
        c.request('POST', '/hidden-path', body='{}', headers={'Host': 'python.example'}); c.getresponse().read()";
    host_is(&observe("python", &[], &[], &[PYTHON, "-c", program])?, "python.example")
}

fn node() -> Result<(), Failed> {
    let program = "fetch('https://api.openai.com/v1/hidden-path').then(answer => answer.text())";
    let observed = observe("node", &[], &[], &["node", "--use-openssl-ca", "-e", program])?;
    let service = observed.service("api.openai.com")?;
    same("by its hello", properties(service, "aibom:net:name:sni"), vec!["api.openai.com"])?;
    same("by DNS", properties(service, "aibom:net:name:dns"), vec!["api.openai.com"])
}
