//! Files that want to be expensive, or to be read in two ways, given to `aibom diff` as a process with little memory: one
//! line on stderr that names the file and the line, exit code 2.

use std::{fs, path::Path, process::Command};

/// Address space of the process in KiB. The largest document within the limits takes most of it; without limits the
/// small files here would take many times as much.
const MEMORY: u32 = 1_500_000;

const OBSERVED: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"type": "application", "name": "w"}}}"#;
const DECLARED: &str = "apiVersion: aibom/v1\nreviewed: true\nreviewer: A\ndate: '2026-01-01'\nworkloads: [{name: w, models: []}]\n";

/// Exit code, stdout and stderr.
fn diff(folder: &Path, declared: &str, observed: &str) -> (Option<i32>, String, String) {
    let script = format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .current_dir(folder)
        .args(["-c", &script, env!("CARGO_BIN_EXE_aibom"), "diff", declared, observed])
        .args(["--require-coverage", "none"])
        .output()
        .expect("start a shell");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn refused(folder: &Path, name: &str, bytes: &[u8], expected: &str) {
    fs::write(folder.join(name), bytes).expect("write");
    let (code, stdout, stderr) =
        if name.ends_with(".yaml") { diff(folder, name, "o.json") } else { diff(folder, "d.yaml", name) };
    assert_eq!(code, Some(2), "{name}: {stdout}{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{name}: {stderr}");
    for part in [name, "line ", expected] {
        assert!(stderr.contains(part), "{name}: {stderr} has no {part:?}");
    }
    assert!(stdout.is_empty(), "{name}: {stdout}");
    fs::remove_file(folder.join(name)).expect("remove");
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("o.json"), OBSERVED).expect("write");
    fs::write(folder.path().join("d.yaml"), DECLARED).expect("write");
    folder
}

#[test]
fn the_files_without_malice_pass() {
    let folder = folder();
    let (code, stdout, stderr) = diff(folder.path(), "d.yaml", "o.json");
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
}

#[test]
fn hostile_manifests_are_refused() {
    let folder = folder();
    let folder = folder.path();
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
    }
    refused(folder, "bomb.yaml", bomb.as_bytes(), "more than 2000000 values");
    let text = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 2000].join(", "));
    refused(folder, "text.yaml", text.as_bytes(), "bytes of text");
    refused(folder, "cycle.yaml", b"a: &a\n  b: *a\n", "line 2: an alias refers to what contains it");
    refused(folder, "large.yaml", "a: 1\n".repeat(20 << 20).as_bytes(), "more than 33554432 bytes");
    refused(folder, "deep.yaml", "[".repeat(1 << 20).as_bytes(), "");
    refused(folder, "encoding.yaml", b"a: 1\nb: \xff\n", "line 2: byte 8 is not UTF-8");
    refused(folder, "template.yaml", b"a: {{ .Values.x }}\nb: {{ x }}y\n", "render it first");
    let name = "a\u{1b}[31m\n.yaml";
    fs::write(folder.join(name), "a: [").expect("write");
    let (code, _, stderr) = diff(folder, name, "o.json");
    assert_eq!((code, stderr.lines().count()), (Some(2), 1), "{stderr}");
    assert!(!stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn a_key_that_stands_twice_is_told_with_its_line() {
    let folder = folder();
    let twice = DECLARED.replace("reviewer: A", "reviewer: A\nreviewer: B");
    fs::write(folder.path().join("twice.yaml"), twice).expect("write");
    let (code, stdout, _) = diff(folder.path(), "twice.yaml", "o.json");
    assert_eq!(code, Some(2), "{stdout}");
    assert!(stdout.contains("twice.yaml:4") && stdout.contains("stands twice"), "{stdout}");
}

#[test]
fn hostile_documents_are_refused() {
    let folder = folder();
    let folder = folder.path();
    let with = |components: &str| {
        OBSERVED.replace("\"metadata\"", &format!("\n\"components\": [{components}],\n\"metadata\""))
    };
    let twice = with("{\"type\": \"library\", \"name\": \"a\",\n\"name\": \"b\"}");
    refused(folder, "twice.json", twice.as_bytes(), "stands twice at line 3");
    let mut bytes = with("{\"name\": \"x\"}").into_bytes();
    bytes.iter_mut().filter(|byte| **byte == b'x').for_each(|byte| *byte = 0xff);
    refused(folder, "encoding.json", &bytes, "line 2");
    refused(folder, "deep.json", with(&"{\"components\":[".repeat(100_000)).as_bytes(), "levels of nesting");
    refused(folder, "cut.json", &with("").as_bytes()[..80], "line");
    // 200,000 components as full as ours.
    let one = "{\"type\":\"data\",\"name\":\"x\",\"hashes\":[{\"alg\":\"MD5\",\"content\":\"00000000000000000000000000000000\"}],\"evidence\":{\"occurrences\":[{\"location\":\"/x\"},{},{}]},\"properties\":[{},{}]},\n";
    let many = one.repeat(200_000);
    refused(folder, "many.json", with(many.trim_end_matches([',', '\n'])).as_bytes(), "objects and arrays");
}

/// 200,000 that are within the limits are read, and compared, in the same memory.
#[test]
fn many_small_components_are_compared() {
    let folder = folder();
    let rows: Vec<String> = (0..200_000)
        .map(|at| format!("{{\"type\":\"library\",\"name\":\"n{at}\",\"purl\":\"pkg:npm/n{at}@1\"}}"))
        .collect();
    let text =
        OBSERVED.replace("\"metadata\"", &format!("\"components\": [{}], \"metadata\"", rows.join(",\n")));
    fs::write(folder.path().join("many.json"), text).expect("write");
    let (code, stdout, stderr) = diff(folder.path(), "d.yaml", "many.json");
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("not compared: 200000 packages"), "{stdout}");
}
