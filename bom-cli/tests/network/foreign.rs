//! Clients that nobody here wrote.

use std::{env, fs, path::Path, process::Command};

use bom_testkit::trial::{Failed, Need, trial};
use libtest_mimic::Trial;

use crate::{
    WORLD,
    inside::{Observed, PYTHON, data, observe, properties, quic_python, same},
    rust_clients::AS_CLIENT,
};

pub(crate) fn trials() -> Vec<Trial> {
    let with = |need| WORLD.iter().copied().chain([need]).collect::<Vec<_>>();
    vec![
        trial("foreign::curl_in_plain_text", &with(Need::Curl), curl_in_plain_text),
        trial("foreign::curl_by_http_2_without_tls", &with(Need::Curl), curl_by_http_2),
        trial("foreign::curl_through_a_proxy", &with(Need::Curl), curl_through_a_proxy),
        trial("foreign::python_http_client", WORLD, python),
        trial("foreign::node_fetch", &with(Need::Node), node),
        trial("foreign::python_httpx", &with(Need::Clients), || by_python("httpx")),
        trial("foreign::python_httpx_by_http_2", &with(Need::Clients), || by_python("httpx2")),
        trial("foreign::python_aiohttp_with_c_ares", &with(Need::Clients), || by_python("aiohttp")),
        trial("foreign::python_grpc", &with(Need::Clients), || by_python("grpc")),
        trial("foreign::go", &with(Need::Go), go),
        trial("foreign::rustls", WORLD, rustls),
        trial("foreign::quinn", &with(Need::Clients), quinn),
    ]
}

/// The provider was called by TLS, and its name is the one its hello and the name server gave.
fn is_openai(observed: &Observed) -> Result<(), Failed> {
    let service = observed.service("api.openai.com")?;
    same("by its hello", properties(service, "aibom:net:name:sni"), vec!["api.openai.com"])?;
    same("by DNS", properties(service, "aibom:net:name:dns"), vec!["api.openai.com"])?;
    // Which of its two addresses is the client's choice; some try both.
    let addresses = properties(service, "aibom:net:remote_ip");
    let known = addresses.iter().all(|address| ["127.0.10.1", "::1"].contains(address));
    same("addresses", (known, addresses.is_empty()), (true, false))?;
    same("mismatch", properties(service, "aibom:net:name_mismatch"), Vec::<&str>::new())?;
    same("undecoded", observed.has_gap("endpoints", "suspected:undecoded-stream"), false)?;
    same("paths", observed.texts.contains("hidden-path"), false)
}

fn by_python(client: &str) -> Result<(), Failed> {
    let (python, script) = (quic_python().display().to_string(), data("clients.py"));
    is_openai(&observe(client, &[], &[], &[&python, &script, client])?)
}

fn go() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    fs::create_dir_all(&folder)?;
    let client = folder.join("client").display().to_string();
    let mut build = Command::new("go");
    build.args(["build", "-o", &client, &data("client.go")]).env("GOCACHE", folder.join("cache"));
    // Go's own resolver, without libc; nothing is fetched.
    build.env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").env("GO111MODULE", "off");
    let output = build.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    is_openai(&observe("go", &[], &[], &[&client])?)
}

fn own_client(client: &str, host: &str) -> Result<[String; 4], Failed> {
    let program = env::current_exe()?.display().to_string();
    Ok([program, AS_CLIENT.to_owned(), client.to_owned(), host.to_owned()])
}

fn rustls() -> Result<(), Failed> {
    is_openai(&observe("rustls", &[], &[], &own_client("rustls", "api.openai.com")?)?)
}

fn quinn() -> Result<(), Failed> {
    let (python, script) = (quic_python().display().to_string(), data("quic.py"));
    let observed =
        observe("quinn", &[], &[&python, &script, "serve"], &own_client("quinn", "quinn.example")?)?;
    let service = observed.service("quinn.example")?;
    same("transport", properties(service, "aibom:net:transport"), vec!["udp"])?;
    same("by its hello", properties(service, "aibom:net:name:sni"), vec!["quinn.example"])?;
    same("protocol", properties(service, "aibom:net:alpn"), vec!["h3"])?;
    same("strength", properties(service, "aibom:obs:strength"), vec!["exchanged-bytes"])?;
    same("undecoded", observed.has_gap("endpoints", "suspected:undecoded-stream"), false)
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
