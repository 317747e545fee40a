//! Code, libraries, programs and servers.

use serde_json::json;

use crate::{built::*, row};

#[test]
fn code_without_a_package() {
    let code = || ours(&[thing("file", "/tmp/x.py", Some('1'), &[("aibom:role", "unlisted-code")])], &[]);
    let all = declaration("packages: []");
    row("packages_are_listed", &[("d", &all)], &code(), 1, "undeclared-code");
    row("nothing_is_listed", &[("d", &declaration("models: []"))], &code(), 0, "unlisted-code");
    let listed =
        declaration(&format!("packages: []\ncode: [{{path: /tmp/x.py, digest: 'sha256:{}'}}]", hash('1')));
    row("code_is_listed", &[("d", &listed)], &code(), 0, "");
    let other = declaration(&format!("code: [{{path: /tmp/x.py, digest: 'sha256:{}'}}]", hash('2')));
    row("other_code", &[("d", &other)], &code(), 1, "content-drift");
}

#[test]
fn libraries_of_another_version() {
    let pinned = declaration(&format!(
        "libraries: [{{path: /l/x.so, version: '1.0', digest: 'sha256:{}'}}]",
        hash('1')
    ));
    let library = |version: &str| {
        let mut library = thing("library", "/l/x.so", Some('2'), &[("aibom:role", "library")]);
        library["version"] = json!(version);
        ours(&[library], &[])
    };
    row("other_content", &[("d", &pinned)], &library("1.0"), 1, "content-drift");
    row("other_content_and_version", &[("d", &pinned)], &library("2.0"), 1, "content-drift");
}

#[test]
fn interpreters_are_no_servers() {
    let config = r#"{"mcpServers": {"files": {"command": "node", "args": ["/srv/files.js"]}}}"#;
    let program = |reference: &str, name: &str| {
        json!({"type": "application", "bom-ref": reference, "name": name,
            "properties": [{"name": "aibom:role", "value": "program"}],
            "evidence": {"occurrences": [{"location": format!("/usr/bin/{name}"), "additionalContext": "subject=subject:w"}]}})
    };
    let sdk = json!({"type": "library", "bom-ref": "sdk", "name": "evil-server", "purl": "pkg:npm/evil-server@1",
        "properties": [{"name": "aibom:role", "value": "mcp"}, {"name": "aibom:package:ecosystem", "value": "npm"}]});
    let mut document: serde_json::Value =
        serde_json::from_str(&ours(&[program("p", "agent"), program("q", "node"), sdk], &[])).expect("JSON");
    document["dependencies"] = json!([{"ref": "p", "dependsOn": ["q"]}, {"ref": "q", "dependsOn": ["sdk"]}]);
    row("same_interpreter", &[(".mcp.json", config)], &document.to_string(), 2, "identity-unknown");
}

#[test]
fn images() {
    let declared = deployment(None, "");
    let image = |name: &str, digit| {
        let mut image = thing("container", name, Some(digit), &[]);
        image["name"] = json!(name);
        foreign(&[image], &[])
    };
    row("declared_image", &[("d", &declared)], &image("r.example/w", 'a'), 0, "");
    row("other_content", &[("d", &declared)], &image("r.example/w", 'b'), 1, "content-drift");
    row("other_image", &[("d", &declared)], &image("r.example/evil", 'b'), 1, "undeclared-image");
}
