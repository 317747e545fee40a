//! `aibom inspect` of files and folders, and `aibom explain`, without privilege.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use bom_testkit::synth;
use serde_json::Value;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("inspect-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, content).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is inside the target folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn aibom(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aibom"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .expect("aibom starts")
}

fn text(folder: &Path, arguments: &[&str]) -> String {
    let output = aibom(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum");
    String::from_utf8_lossy(&output.stdout)[..64].to_owned()
}

#[test]
fn a_folder_is_a_table_of_models() {
    let folder = Folder::new("folder");
    folder.put("a/q-00001-of-00002.gguf", synth::gguf().build());
    folder.put("a/q-00002-of-00002.gguf", [synth::gguf().build(), b"x".to_vec()].concat());
    let one = folder.put("b/.cache/torch/hub/checkpoints/m-00000000.gguf", synth::gguf().key("b").build());
    folder.put("notes.txt", "plain");
    folder.put("empty.gguf", "");
    symlink(&one, folder.0.join("link.gguf")).expect("a link");
    symlink(&folder.0, folder.0.join("round")).expect("a link");
    let table = text(&folder.0, &["inspect", "."]);
    for (what, lines) in [
        ("(2 of 2 files)", 1),
        ("torch-hub", 1),
        (
            "2 models and data in 3 files, 0 programs and libraries, 1 files of no format aibom knows, 1 things",
            1,
        ),
        ("DIFFERS", 0),
    ] {
        assert_eq!(table.lines().filter(|line| line.contains(what)).count(), lines, "{what}: {table}");
    }
    let hashed = text(&folder.0, &["inspect", "--hash", "."]);
    assert_eq!(hashed.lines().filter(|line| line.contains("read, STORE DIFFERS")).count(), 1, "{hashed}");
    assert!(hashed.contains(&sha256(&one)[..12]), "{hashed}");
}

#[test]
fn a_file_says_what_its_store_says() {
    let folder = Folder::new("file");
    let content = synth::gguf().build();
    let temporary = folder.put("x", &content);
    let digest = sha256(&temporary);
    let other = "0".repeat(64);
    for (name, recorded, verdict) in
        [("same", &digest, "(the content has it)"), ("other", &other, "(THE CONTENT HAS ANOTHER)")]
    {
        let manifest = format!(r#"{{"layers":[{{"digest":"sha256:{recorded}"}}]}}"#);
        folder.put(&format!("{name}/manifests/registry.ollama.ai/library/tiny/1b"), manifest);
        let blob = folder.put(&format!("{name}/blobs/sha256-{recorded}"), &content);
        let blob = blob.to_str().expect("text");
        let plain = text(&folder.0, &["inspect", blob]);
        assert!(
            plain.contains("registry.ollama.ai/library/tiny") && plain.contains("(not compared)"),
            "{plain}"
        );
        let hashed = text(&folder.0, &["inspect", "--hash", blob]);
        assert!(hashed.contains(verdict), "{hashed}");
        let json: Value =
            serde_json::from_str(&text(&folder.0, &["inspect", "--hash", "-o", "json=-", blob]))
                .expect("JSON");
        assert_eq!(json[0]["sha256"], digest.as_str());
        assert_eq!(json[0]["store"]["stored"][0]["digest"]["sha256"], recorded.as_str());
        assert_eq!(json[0]["content"]["kind"], "gguf");
    }
}

/// A header and its weights as `huggingface_hub` keeps them: named in a snapshot, and lying under their digests.
#[test]
fn weights_in_a_hugging_face_cache_are_part_of_their_headers_model() {
    let folder = Folder::new("hub");
    let (commit, other) = ("c0".repeat(20), "c1".repeat(20));
    let repo = "hub/models--org--tiny";
    let header = synth::onnx().no_initializers().external("w", 1, &[4, 4], "model.onnx_data").build();
    let weights = vec![7_u8; 100_000];
    let put = |content: &[u8]| {
        let digest = sha256(&folder.put("x", content));
        folder.put(&format!("{repo}/blobs/{digest}"), content);
        digest
    };
    let (header, weights, strange) = (put(&header), put(&weights), put(&[9; 100_000]));
    let link = |commit: &str, name: &str, digest: &str| {
        let place = folder.0.join(format!("{repo}/snapshots/{commit}/onnx/{name}"));
        fs::create_dir_all(place.parent().expect("a parent")).expect("folders");
        symlink(format!("../../../blobs/{digest}"), place).expect("a link");
    };
    link(&commit, "model.onnx", &header);
    link(&commit, "model.onnx_data", &weights);
    link(&other, "model.onnx_data", &strange);
    folder.put(&format!("{repo}/refs/main"), &commit);
    fs::remove_file(folder.0.join("x")).expect("it was there");
    let snapshot = format!("{repo}/snapshots/{commit}");
    for place in ["hub", repo, &snapshot] {
        let table = text(&folder.0, &["inspect", place]);
        let row = table.lines().find(|line| line.contains("onnx")).expect("a row");
        for what in ["(2 of 2 files)", "org/tiny@c0c0c0c0"] {
            assert!(row.contains(what), "{place}: {what}: {table}");
        }
        assert!(table.contains("1 models and data in 2 files"), "{place}: {table}");
        let written = text(&folder.0, &["inspect", "--hash", "-o", "json=-", place]);
        let written: Value = serde_json::from_str(&written).expect("JSON");
        let rows = written.as_array().expect("rows");
        assert_eq!(rows.len(), 2, "{place}: {written}");
        let part = rows.iter().find(|row| row["part_of_model"] == true).expect("the weights");
        assert_eq!(part["sha256"], weights.as_str());
        assert_eq!(part["store"]["stored"][0]["file"], "onnx/model.onnx_data");
        assert_eq!(part["store"]["stored"][0]["revision"], commit.as_str());
    }
    // The header's own folder has no such name, and the other revision's weights are not its own.
    let alone =
        text(&folder.0, &["inspect", &format!("{repo}/blobs/{header}"), &format!("{repo}/blobs/{strange}")]);
    assert!(alone.contains("no format aibom knows"), "{alone}");
    let both =
        text(&folder.0, &["inspect", &format!("{repo}/blobs/{header}"), &format!("{repo}/blobs/{weights}")]);
    assert!(both.contains("weights that a header refers to"), "{both}");
    // What does not agree with the name of its blob is told.
    fs::write(folder.0.join(format!("{repo}/blobs/{weights}")), vec![8_u8; 100_000]).expect("a file");
    let changed = text(&folder.0, &["inspect", "--hash", &snapshot]);
    assert!(changed.contains("STORE DIFFERS"), "{changed}");
}

#[test]
fn weights_beside_a_header_are_part_of_its_model() {
    let folder = Folder::new("beside");
    let header = synth::onnx().no_initializers().external("w", 1, &[4, 4], "m.onnx.data").build();
    folder.put("m.onnx", &header);
    let missing = text(&folder.0, &["inspect", "."]);
    assert!(missing.contains("(1 of 2 files)"), "{missing}");
    folder.put("m.onnx.data", vec![7_u8; 1000]);
    folder.put("other.data", vec![7_u8; 1000]);
    let table = text(&folder.0, &["inspect", "."]);
    assert!(table.contains("(2 of 2 files)"), "{table}");
    assert!(
        table.contains("1 models and data in 2 files, 0 programs and libraries, 1 files of no"),
        "{table}"
    );
}

#[test]
fn explains_what_a_recording_shows() {
    let folder = Folder::new("explain");
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recordings/demo.aibomrec");
    let recording = recording.to_str().expect("text");
    text(&folder.0, &["replay", recording, "-o", "bom.json"]);
    let document: Value =
        serde_json::from_slice(&fs::read(folder.0.join("bom.json")).expect("a document")).expect("JSON");
    let components = document["components"].as_array().expect("components");
    let model = components
        .iter()
        .find(|component| component["type"] == "machine-learning-model" && component["hashes"].is_array())
        .expect("a model");
    let place = model["evidence"]["occurrences"][0]["location"].as_str().expect("a place");
    let digest = model["hashes"][0]["content"].as_str().expect("a digest");
    let reference = model["bom-ref"].as_str().expect("a reference");
    for asked in [reference, place, &digest[..12]] {
        let told = text(&folder.0, &["explain", "bom.json", asked]);
        for word in
            [reference, place, "How it is known", "instrumentation", "strength", "→", "binary-analysis"]
        {
            let word = if word == "strength" { "open, " } else { word };
            assert!(told.contains(word), "{asked}: {word:?} is not in {told}");
        }
        let json: Value =
            serde_json::from_str(&text(&folder.0, &["explain", "-o", "json=-", "bom.json", asked]))
                .expect("JSON");
        assert_eq!(json["bom-ref"], reference);
        assert!(json["occurrences"][0]["words"]["strength"].is_string());
        assert!(json["reached"][0].as_array().is_some_and(|way| way.len() >= 3), "{json}");
    }
    let service = document["services"][0]["name"].as_str().expect("a service");
    assert!(text(&folder.0, &["explain", "bom.json", service]).contains("aibom:net:transport"));
    for (asked, word) in [("nothing-of-the-kind", "nothing in the document is called so"), ("", "nothing")] {
        let output = aibom(&folder.0, &["explain", "bom.json", asked]);
        assert_eq!(output.status.code(), Some(2), "{asked:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(word), "{asked:?}");
    }
}
