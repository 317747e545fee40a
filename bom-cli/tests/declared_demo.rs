//! The demo agent in CI: its manifest does not say enough, a reviewed declaration does, and one more model is found.
//!
//! The observed document is that of the recording in `testdata/recordings`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const MANIFEST: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: demo
spec:
  template:
    spec:
      containers:
        - name: agent
          image: registry.example/demo:1
          command: [python, agent.py, --model, voice-activity]
          env:
            - name: OPENAI_API_KEY
              valueFrom: {secretKeyRef: {name: keys, key: openai}}
";

fn observed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recordings/demo.cdx.json")
}

/// Exit code, and `code line` of each error.
fn diff(folder: &Path, declared: &[&str]) -> (Option<i32>, Vec<String>) {
    let report = folder.join("report.json");
    let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
    aibom.current_dir(folder).arg("diff").args(declared).arg(observed());
    let output = aibom.arg("-o").arg(&report).output().expect("start aibom");
    let text =
        fs::read_to_string(&report).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let findings = report.get("findings").and_then(|value| value.as_array()).expect("findings");
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    let rows = errors.map(|finding| {
        format!("{} {} @{}", finding["code"], finding["name"], finding["declared"][0]["line"])
            .replace('"', "")
    });
    (output.status.code(), rows.collect())
}

#[test]
fn the_demo_fails_is_declared_and_passes() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("deploy.yaml"), MANIFEST).expect("write");
    let (code, errors) = diff(folder, &["deploy.yaml"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        errors,
        [
            "undeclared-mcp-server python3.11 @4",
            "undeclared-model nmp.onnx @4",
            "undeclared-model voice-encoder.safetensors @4",
            "undeclared-provider api.anthropic.com:443 @4",
        ]
    );

    let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
    let made = aibom.arg("declare").arg(observed()).output().expect("start aibom");
    let text = String::from_utf8(made.stdout).expect("text");
    fs::write(folder.join("aibom.yaml"), &text).expect("write");
    let (code, errors) = diff(folder, &["aibom.yaml"]);
    assert_eq!(
        (code, errors),
        (Some(1), vec!["declaration-unreviewed python @7".replace("python", "session/python")])
    );

    let reviewed = text
        .replace("reviewed: false", "reviewed: true")
        .replace("reviewer: \"\"", "reviewer: Ada Lovelace")
        .replace("date: \"\"", "date: 2026-11-23");
    fs::write(folder.join("aibom.yaml"), &reviewed).expect("write");
    assert_eq!(diff(folder, &["aibom.yaml"]), (Some(0), Vec::new()));

    // As if one more model had been used than was declared.
    let (before, rest) =
        reviewed.split_once("      - name: \"voice-encoder.safetensors\"\n").expect("the model");
    let after = rest.split_once("    packages:").expect("what follows").1;
    fs::write(folder.join("aibom.yaml"), format!("{before}    packages:{after}")).expect("write");
    let (code, errors) = diff(folder, &["aibom.yaml"]);
    assert_eq!((code, errors), (Some(1), vec!["undeclared-model voice-encoder.safetensors @11".to_owned()]));
}
