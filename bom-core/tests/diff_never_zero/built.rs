//! Small documents.

use serde_json::{Value, json};

/// Classes without loss, with the reason that is always there.
fn coverage() -> Vec<(String, String)> {
    let classes = ["models", "libraries", "packages", "endpoints", "programs"];
    let mut rows = Vec::new();
    for class in classes {
        rows.push((format!("aibom:coverage:{class}"), "incomplete".to_owned()));
        rows.push((format!("aibom:coverage:{class}:gap"), "suspected:streamed-content".to_owned()));
    }
    rows
}

fn properties(rows: &[(String, String)]) -> Value {
    rows.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

fn owned(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A subject of ours called `name`.
pub(crate) fn subject(name: &str, more: &[(&str, &str)]) -> Value {
    let mut rows = coverage();
    rows.push(("aibom:subject:kind".to_owned(), "cgroup".to_owned()));
    rows.extend(owned(more));
    json!({"type": "application", "bom-ref": format!("subject:{name}"), "name": name,
        "properties": properties(&rows)})
}

/// A document of ours about one subject, `w`.
pub(crate) fn ours(components: &[Value], services: &[Value]) -> String {
    ours_about(subject("w", &[]), components, services)
}

/// A document of ours about one subject.
pub(crate) fn ours_about(subject: Value, components: &[Value], services: &[Value]) -> String {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": subject},
        "components": components, "services": services})
    .to_string()
}

/// A document of ours about several subjects.
pub(crate) fn ours_of(subjects: &[Value], components: &[Value], services: &[Value]) -> String {
    let all: Vec<&Value> = subjects.iter().chain(components).collect();
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": all, "services": services})
        .to_string()
}

/// Another tool's document.
pub(crate) fn foreign(components: &[Value], services: &[Value]) -> String {
    json!({"bomFormat": "CycloneDX", "specVersion": "1.6",
        "metadata": {"component": {"type": "application", "name": "w"}},
        "components": components, "services": services})
    .to_string()
}

/// A digest of ours: 64 times the same digit.
pub(crate) fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// A component at a path, with a digest if one is given.
pub(crate) fn thing(kind: &str, path: &str, digest: Option<char>, rows: &[(&str, &str)]) -> Value {
    used_by(kind, path, digest, rows, "subject:w")
}

/// The same, used by somebody else.
pub(crate) fn used_by(
    kind: &str,
    path: &str,
    digest: Option<char>,
    rows: &[(&str, &str)],
    user: &str,
) -> Value {
    let name = path.rsplit('/').next().unwrap_or(path);
    let hashes: Vec<Value> =
        digest.iter().map(|digit| json!({"alg": "SHA-256", "content": hash(*digit)})).collect();
    let context = format!("subject={user} program=p op=open strength=read-or-mapped count=1");
    let mut rows = owned(rows);
    if !rows.iter().any(|(name, _)| name == "aibom:role") {
        rows.push(("aibom:role".to_owned(), "model".to_owned()));
    }
    json!({"type": kind, "bom-ref": format!("{kind}:{path}:{digest:?}"), "name": name, "hashes": hashes,
        "properties": properties(&rows),
        "evidence": {"occurrences": [{"location": path, "additionalContext": context}]}})
}

/// A model at a path.
pub(crate) fn model(path: &str, digest: Option<char>, rows: &[(&str, &str)]) -> Value {
    thing("machine-learning-model", path, digest, rows)
}

/// An endpoint of ours.
pub(crate) fn endpoint(host: &str, port: u16, address: &str, rows: &[(&str, &str)]) -> Value {
    let mut all = owned(&[("aibom:net:transport", "tcp"), ("aibom:net:remote_ip", address)]);
    all.push(("aibom:net:remote_port".to_owned(), port.to_string()));
    all.push(("aibom:evidence".to_owned(), "e:1 subject=subject:w program=p op=connect".to_owned()));
    all.extend(owned(rows));
    json!({"bom-ref": format!("service:{host}:{port}:{address}"), "name": host, "properties": properties(&all)})
}

/// A declaration of the workload `w` with these lines in it.
pub(crate) fn declaration(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "apiVersion: aibom/v1\nreviewed: true\nreviewer: Ada\ndate: '2026-01-01'\nworkloads:\n  - name: w\n{lines}"
    )
}

/// A Deployment `w` with these lines in its one container.
pub(crate) fn deployment(namespace: Option<&str>, lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("        {line}\n")).collect();
    let namespace = namespace.map(|name| format!(", namespace: {name}")).unwrap_or_default();
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{namespace}}}\nspec:\n  template:\n    metadata: {{labels: {{app: w}}}}\n    spec:\n      containers:\n      - name: c\n        image: r.example/w@sha256:{}\n{lines}",
        hash('a')
    )
}
