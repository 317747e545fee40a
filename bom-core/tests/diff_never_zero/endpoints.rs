//! Hosts that are called what was declared, and are somebody else.

use serde_json::json;

use crate::{built::*, row};

#[test]
fn names_that_are_said() {
    let declared = declaration("endpoints: ['api.x.example:443']");
    let by_dns = [("aibom:net:name:sni", "api.x.example"), ("aibom:net:name:dns", "api.x.example")];
    let good = ours(&[], &[endpoint("api.x.example", 443, "203.0.113.1", &by_dns)]);
    row("named_by_dns", &[("d", &declared)], &good, 0, "");
    let forged = [
        ("aibom:net:name:sni", "api.x.example"),
        ("aibom:net:name:dns", "evil.example"),
        ("aibom:net:name_mismatch", "sni api.x.example"),
    ];
    let bad = ours(&[], &[endpoint("api.x.example", 443, "203.0.113.9", &forged)]);
    row("forged_hello", &[("d", &declared)], &bad, 1, "endpoint-name-mismatch");
    let pattern = declaration("endpoints: ['*.x.example:443']");
    row("forged_hello_in_a_pattern", &[("d", &pattern)], &bad, 1, "endpoint-name-mismatch");
    let tunnelled =
        [("aibom:net:name:proxy", "api.x.example"), ("aibom:net:name_mismatch", "sni evil.example")];
    let bad = ours(&[], &[endpoint("api.x.example", 443, "203.0.113.9", &tunnelled)]);
    row("hello_in_a_tunnel", &[("d", &declared)], &bad, 1, "endpoint-name-mismatch");
    let alone = [("aibom:net:name:sni", "api.x.example")];
    let bad = ours(&[], &[endpoint("api.x.example", 443, "203.0.113.9", &alone)]);
    // Worth a note: a cache can have had the answer before the observation began.
    row("only_the_hello", &[("d", &declared)], &bad, 0, "endpoint-name-claimed");
}

#[test]
fn services_of_a_cluster() {
    let called = |host| ours(&[], &[endpoint(host, 6333, "10.0.0.9", &[("aibom:net:name:dns", host)])]);
    let bare = "env: [{name: QDRANT_URL, value: 'http://q:6333'}]";
    let here = deployment(Some("prod"), bare);
    row("same_namespace", &[("d", &here)], &called("q.prod.svc.cluster.local"), 0, "");
    row("other_namespace", &[("d", &here)], &called("q.dev.svc.cluster.local"), 1, "undeclared-endpoint");
    let nowhere = deployment(None, bare);
    row("no_namespace", &[("d", &nowhere)], &called("q.dev.svc.cluster.local"), 2, "namespace-unknown");
    let full = deployment(Some("prod"), "env: [{name: QDRANT_URL, value: 'http://q.prod.svc:6333'}]");
    row("full_name", &[("d", &full)], &called("q.prod.svc.cluster.local"), 0, "");
    row("full_name_elsewhere", &[("d", &full)], &called("q.dev.svc.cluster.local"), 1, "undeclared-endpoint");
    let short = deployment(None, "env: [{name: QDRANT_URL, value: 'http://q.prod:6333'}]");
    row("two_labels", &[("d", &short)], &called("q.prod.svc.cluster.local"), 0, "");
    row(
        "two_labels_elsewhere",
        &[("d", &short)],
        &called("q.dev.svc.cluster.local"),
        1,
        "undeclared-endpoint",
    );
    row(
        "other_port",
        &[("d", &here)],
        &ours(&[], &[endpoint("q.prod.svc", 6334, "10.0.0.9", &[])]),
        1,
        "endpoint-drift",
    );
}

#[test]
fn notes_that_hide_somebody() {
    let nobody = declaration("endpoints: []");
    let resolver = |address| ours(&[], &[endpoint(address, 53, address, &[("aibom:net:role", "resolver")])]);
    row("own_resolver", &[("d", &nobody)], &resolver("10.96.0.10"), 0, "resolver-endpoint");
    row("resolver_of_the_world", &[("d", &nobody)], &resolver("203.0.113.5"), 1, "undeclared-endpoint");
    let local = |host, rows: &[(&str, &str)]| ours(&[], &[endpoint(host, 8080, "127.0.0.1", rows)]);
    row("local", &[("d", &nobody)], &local("127.0.0.1", &[]), 0, "local-endpoint");
    row("named_local", &[("d", &nobody)], &local("api.evil.example", &[]), 1, "undeclared-endpoint");
    let forged = [("aibom:net:name_mismatch", "host 10.1.1.1")];
    row("forged_local", &[("d", &nobody)], &local("127.0.0.1", &forged), 1, "undeclared-endpoint");
}

#[test]
fn documents_of_others() {
    let declared = declaration("endpoints: ['api.x.example:443']");
    let service = |name: &str, urls: &[&str]| foreign(&[], &[json!({"name": name, "endpoints": urls})]);
    row("one_address", &[("d", &declared)], &service("x", &["https://api.x.example/v1"]), 0, "");
    row(
        "a_second_address",
        &[("d", &declared)],
        &service("x", &["https://api.x.example/v1", "https://evil.example/"]),
        1,
        "undeclared-endpoint",
    );
    let named = declaration(
        "endpoints: [{name: main, host: api.x.example, port: 443}, {name: helper, host: h.x.example}]",
    );
    row(
        "a_word_for_people",
        &[("d", &named)],
        &service("helper", &["https://evil.test/"]),
        1,
        "endpoint-drift",
    );
}

#[test]
fn policies_do_not_loosen() {
    let policy = |egress: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\nspec:\n  podSelector: {{}}\n  policyTypes: [Egress]\n  egress: {egress}\n"
        )
    };
    let url = "env: [{name: X_URL, value: 'https://api.x.example'}]";
    let called = ours(&[], &[endpoint("api.x.example", 443, "203.0.113.9", &[])]);
    let inside = ours(&[], &[endpoint("api.x.example", 443, "10.1.2.3", &[])]);
    for (name, egress, observed, exit, code) in [
        ("block", "[{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}]}]", &called, 0, ""),
        (
            "other_port",
            "[{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 80}]}]",
            &called,
            1,
            "egress-not-permitted",
        ),
        (
            "named_port_of_a_block",
            "[{to: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: https}]}]",
            &called,
            1,
            "egress-not-permitted",
        ),
        (
            "named_port_of_pods",
            "[{to: [{podSelector: {}}], ports: [{port: https}]}]",
            &inside,
            2,
            "egress-unknown",
        ),
        ("no_port_that_can_be_read", "[{ports: [{port: 99999}]}]", &called, 2, "input-ambiguous"),
        ("other_protocol", "[{ports: [{port: 443, protocol: UDP}]}]", &called, 1, "egress-not-permitted"),
        ("range", "[{ports: [{port: 400, endPort: 500}]}]", &called, 0, ""),
        (
            "except",
            "[{to: [{ipBlock: {cidr: 203.0.0.0/16, except: [203.0.113.0/24]}}]}]",
            &called,
            1,
            "egress-not-permitted",
        ),
        (
            "except_unreadable",
            "[{to: [{ipBlock: {cidr: 203.0.0.0/16, except: [203.0.113.0]}}]}]",
            &called,
            2,
            "input-ambiguous",
        ),
        ("nothing", "[]", &called, 1, "egress-not-permitted"),
    ] {
        let declared = deployment(None, url) + &policy(egress);
        row(name, &[("d", &declared)], observed, exit, code);
    }
}

#[test]
fn permissions_do_not_loosen() {
    let object =
        |kind: &str, spec: &str| format!("---\napiVersion: {kind}\nmetadata: {{name: p}}\nspec: {spec}\n");
    let cilium = "cilium.io/v2\nkind: CiliumNetworkPolicy";
    let istio = "networking.istio.io/v1\nkind: ServiceEntry";
    let policy = "security.istio.io/v1\nkind: AuthorizationPolicy";
    let called = |port| ours(&[], &[endpoint("api.x.example", port, "203.0.113.9", &[])]);
    let fqdn = "egress: [{toFQDNs: [{matchName: api.x.example}], toPorts: [{ports: ";
    for (name, kind, spec, port, exit) in [
        ("port", cilium, format!("{{{fqdn}[{{port: '443'}}]}}]}}]}}"), 443, 0),
        ("second_port", cilium, format!("{{{fqdn}[{{port: '443'}}, {{port: '8443'}}]}}]}}]}}"), 8443, 0),
        ("third_port", cilium, format!("{{{fqdn}[{{port: '443'}}, {{port: '8443'}}]}}]}}]}}"), 22, 1),
        ("named_port", cilium, format!("{{{fqdn}[{{port: https}}]}}]}}]}}"), 22, 1),
        ("entry", istio, "{hosts: [api.x.example], ports: [{number: 443}, {number: 80}]}".to_owned(), 80, 0),
        (
            "entry_other_port",
            istio,
            "{hosts: [api.x.example], ports: [{number: 443}, {number: 80}]}".to_owned(),
            22,
            1,
        ),
        ("allowed", policy, "{rules: [{to: [{operation: {hosts: [api.x.example]}}]}]}".to_owned(), 443, 0),
        (
            "allowed_port",
            policy,
            "{rules: [{to: [{operation: {hosts: [api.x.example], ports: ['443']}}]}]}".to_owned(),
            22,
            1,
        ),
        (
            "allowed_somebody_else",
            policy,
            "{rules: [{from: [{source: {principals: [x]}}], to: [{operation: {hosts: [api.x.example]}}]}]}"
                .to_owned(),
            443,
            1,
        ),
        (
            "denied",
            policy,
            "{action: DENY, rules: [{to: [{operation: {hosts: [api.x.example]}}]}]}".to_owned(),
            443,
            1,
        ),
    ] {
        let declared = deployment(None, "") + &object(kind, &spec);
        row(name, &[("d", &declared)], &called(port), exit, "");
    }
}
