//! The templates of `deploy/ci`, as far as a plain shell goes: their scripts run, and end with aibom's own code.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The lines of the first block after a key, without their margin.
fn block(text: &str, key: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(key));
    lines.next().expect("the template has the key");
    let rest: Vec<&str> = lines.collect();
    let margin = rest.first().map_or(0, |line| line.len() - line.trim_start().len());
    let inside = rest
        .iter()
        .take_while(|line| line.trim().is_empty() || line.len() - line.trim_start().len() >= margin);
    inside.map(|line| format!("{}\n", line.get(margin..).unwrap_or_default())).collect()
}

fn run(script: &str, variables: &[(&str, &str)], story: &str, made: &Path) -> Option<i32> {
    let scenario = root().join("testdata/scenarios").join(story);
    let bin = Path::new(env!("CARGO_BIN_EXE_aibom")).parent().expect("a folder");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", script]).current_dir(made).env("PATH", path).env_remove("GITHUB_STEP_SUMMARY");
    for (name, value) in variables {
        shell.env(name, value.replace("STORY", &scenario.to_string_lossy()));
    }
    shell.output().expect("start sh").status.code()
}

#[test]
fn the_github_action_passes_the_code_on_and_writes_its_files() {
    let text = fs::read_to_string(root().join("deploy/ci/github-action.yml")).expect("the action");
    let script = block(&text, "run: |");
    for (story, code) in [("clean", 0), ("undeclared-provider", 1), ("coverage-too-thin", 3)] {
        let made = tempfile::tempdir().expect("a folder");
        let summary = made.path().join("summary");
        let variables =
            [("DECLARED", "STORY/declared"), ("OBSERVED", "STORY/observed.cdx.json"), ("OPTIONS", "")];
        let mut variables = variables.to_vec();
        let summary_path = summary.to_string_lossy().into_owned();
        variables.push(("GITHUB_STEP_SUMMARY", &summary_path));
        assert_eq!(run(&script, &variables, story, made.path()), Some(code), "{story}");
        let sarif = fs::read_to_string(made.path().join("aibom.sarif")).expect("SARIF");
        let sarif: serde_json::Value = serde_json::from_str(&sarif).expect("SARIF is JSON");
        assert_eq!(
            sarif.pointer("/runs/0/invocations/0/exitCode").and_then(serde_json::Value::as_i64),
            Some(code.into())
        );
        assert!(fs::read_to_string(summary).expect("a summary").starts_with("### "), "{story}");
    }
}

#[test]
fn the_gitlab_job_passes_the_code_on_and_writes_its_files() {
    let text = fs::read_to_string(root().join("deploy/ci/gitlab-ci.yml")).expect("the job");
    let script = block(&text, "- |");
    for (story, code) in [("clean", 0), ("sidecar-calls-home", 1)] {
        let made = tempfile::tempdir().expect("a folder");
        let variables = [
            ("AIBOM_DECLARED", "STORY/declared"),
            ("AIBOM_OBSERVED", "STORY/observed.cdx.json"),
            ("AIBOM_OPTIONS", "--require-coverage no-loss"),
        ];
        assert_eq!(run(&script, &variables, story, made.path()), Some(code), "{story}");
        assert!(made.path().join("aibom.json").exists() && made.path().join("aibom.xml").exists());
    }
}
