//! Every layout of a store, written down as its documentation has it, and the hostile twins of some.

use std::collections::BTreeMap;

use bom_core::{
    input::Reason,
    stored::{Origins, StoredDigest},
};
use bom_extract::store::{Asked, Folder, Names, origins};

/// A tree in memory: a path is a file, a link, or above one.
#[derive(Default)]
struct Tree(BTreeMap<String, Node>);

enum Node {
    File(Vec<u8>),
    Link(String),
    Refused,
}

impl Tree {
    fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.0.insert(path.to_owned(), Node::File(content.as_ref().to_vec()));
        self
    }

    fn link(mut self, path: &str, to: &str) -> Self {
        self.0.insert(path.to_owned(), Node::Link(to.to_owned()));
        self
    }

    fn refused(mut self, path: &str) -> Self {
        self.0.insert(path.to_owned(), Node::Refused);
        self
    }

    fn at(&self, path: &[u8]) -> Option<&Node> {
        self.0.get(std::str::from_utf8(path).ok()?)
    }

    fn origins(&self, path: &str) -> Origins {
        origins(self, Asked { path: path.as_bytes(), modified_s: Some(1_700_000_000) })
    }
}

impl Folder for Tree {
    fn read(&self, path: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Reason> {
        match self.at(path) {
            Some(Node::File(content)) if u64::try_from(content.len()).unwrap() > limit => {
                Err(Reason::TooLarge)
            }
            Some(Node::File(content)) => Ok(Some(content.clone())),
            Some(Node::Refused) => Err(Reason::PermissionDenied),
            Some(Node::Link(_)) | None => Ok(None),
        }
    }

    fn names(&self, path: &[u8], limit: usize) -> Result<Option<Names>, Reason> {
        let start = format!("{}/", std::str::from_utf8(path).unwrap().trim_end_matches('/'));
        let mut names: Vec<Vec<u8>> = self
            .0
            .keys()
            .filter_map(|name| name.strip_prefix(&start))
            .map(|rest| rest.split('/').next().unwrap_or_default().as_bytes().to_vec())
            .collect();
        names.dedup();
        if names.is_empty() {
            return Ok(None);
        }
        let all = names.len() <= limit;
        names.truncate(limit);
        Ok(Some(Names { names, all }))
    }

    fn link(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Reason> {
        match self.at(path) {
            Some(Node::Link(to)) => Ok(Some(to.clone().into_bytes())),
            Some(Node::File(_) | Node::Refused) | None => Ok(None),
        }
    }
}

/// `store basis name@revision#file [references] algorithm:digits`, digests and revisions cut to 8 digits.
fn shown(origins: &Origins) -> Vec<String> {
    let cut = |text: &str| {
        let from = text.find(':').map_or(0, |at| at + 1);
        text[..text.len().min(from + 8)].to_owned()
    };
    let rows = origins.stored.iter().map(|stored| {
        let mut row = format!("{} {:?}", stored.store.as_str(), stored.basis).to_lowercase();
        if let Some(name) = &stored.name {
            row.push_str(&format!(" {name}"));
        }
        if let Some(revision) = &stored.revision {
            row.push_str(&format!("@{}", cut(revision)));
        }
        if let Some(file) = &stored.file {
            row.push_str(&format!("#{file}"));
        }
        if !stored.references.is_empty() {
            let all: Vec<&str> = stored.references.iter().map(String::as_str).collect();
            row.push_str(&format!(" [{}]", all.join(",")));
        }
        if let Some(digest) = &stored.digest {
            row.push_str(&format!(" {}:{}", digest.algorithm(), cut(digest.hex())));
        }
        row
    });
    let mut rows: Vec<String> = rows.collect();
    if let Some(reason) = origins.partial {
        rows.push(format!("partial: {}", reason.name()));
    }
    rows
}

fn check(name: &str, tree: &Tree, path: &str, expected: &[&str]) {
    assert_eq!(shown(&tree.origins(path)), expected, "{name}");
}

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const X: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const Y: &str = "2222222222222222222222222222222222222222222222222222222222222222";

#[test]
fn huggingface_cache() {
    let repo = "/h/.cache/huggingface/hub/models--org--name";
    let tree = Tree::default()
        .file(&format!("{repo}/refs/main"), A)
        .file(&format!("{repo}/refs/refs/pr/1"), format!("{B}\n"))
        .file(&format!("{repo}/blobs/{X}"), "weights")
        .file(&format!("{repo}/blobs/{B}"), "{}")
        .link(&format!("{repo}/snapshots/{A}/model.safetensors"), &format!("../../blobs/{X}"))
        .link(&format!("{repo}/snapshots/{A}/onnx/config.json"), &format!("../../../blobs/{B}"))
        .link(&format!("{repo}/snapshots/{B}/model.safetensors"), &format!("../../blobs/{X}"))
        // What looks like a link there and leads elsewhere.
        .link(&format!("{repo}/snapshots/{B}/other.safetensors"), &format!("../../blobs/../{X}"));
    check(
        "large",
        &tree,
        &format!("{repo}/blobs/{X}"),
        &[
            "huggingface-cache record org/name@aaaaaaaa#model.safetensors [main] sha256:11111111",
            "huggingface-cache record org/name@bbbbbbbb#model.safetensors [refs/pr/1] sha256:11111111",
        ],
    );
    check(
        "small_has_gits_digest",
        &tree,
        &format!("{repo}/blobs/{B}"),
        &["huggingface-cache record org/name@aaaaaaaa#onnx/config.json [main] git-blob-sha1:bbbbbbbb"],
    );
    check(
        "no_snapshot_has_it",
        &tree,
        &format!("{repo}/blobs/{Y}"),
        &["huggingface-cache path org/name sha256:22222222"],
    );
    check(
        "copied_without_links",
        &tree,
        &format!("{repo}/snapshots/{A}/copied/model.bin"),
        &["huggingface-cache path org/name@aaaaaaaa#copied/model.bin [main]"],
    );
    for (name, folder, expected) in [
        ("no_owner", "models--gpt2", "huggingface-cache path gpt2 sha256:11111111"),
        ("nim", "models--nim--org--m", "huggingface-cache path nim/org/m sha256:11111111"),
        ("dataset", "datasets--a--b", "huggingface-cache path a/b sha256:11111111"),
    ] {
        check(name, &Tree::default(), &format!("/hub/{folder}/blobs/{X}"), &[expected]);
    }
    check("no_name", &Tree::default(), &format!("/hub/models--/blobs/{X}"), &[]);
}

#[test]
fn shared_blobs_are_no_sha256() {
    let hub = "/h/hub";
    let shared = format!("{hub}/blobs/11/{X}");
    let tree = Tree::default()
        .file(&format!("{hub}/blobs/.huggingface-shared-blobs"), "1\n")
        .file(&shared, "weights")
        .file(
            &format!("{shared}.refs"),
            format!("models--o--n/blobs/{Y}\nmodels--o--gone/blobs/{Y}\nmodels--o--lies/blobs/{X}\n../x\n"),
        )
        .link(&format!("{hub}/models--o--n/blobs/{Y}"), &format!("../../blobs/11/{X}"))
        .link(&format!("{hub}/models--o--lies/blobs/{X}"), &format!("../../blobs/22/{Y}"))
        .link(&format!("{hub}/models--o--n/snapshots/{A}/m.gguf"), &format!("../../blobs/{Y}"))
        .file(&format!("{hub}/models--o--n/refs/main"), A);
    check(
        "listed_and_linked",
        &tree,
        &shared,
        &["huggingface-cache record o/n@aaaaaaaa#m.gguf [main] sha256:22222222"],
    );
    let unmarked = Tree::default().file(&shared, "weights");
    check("unmarked", &unmarked, &shared, &[]);
}

#[test]
fn huggingface_folder() {
    let notes = "/m/.cache/huggingface/download/sub/model.safetensors.metadata";
    let with = |content: &str| Tree::default().file(notes, content);
    for (name, content, expected) in [
        (
            "fresh",
            format!("{A}\n{X}\n1700000001.5\n"),
            vec!["huggingface-folder record@aaaaaaaa#sub/model.safetensors sha256:11111111"],
        ),
        ("changed_since", format!("{A}\n{X}\n1600000000.5\n"), vec![]),
        ("no_commit", format!("main\n{X}\n1700000001\n"), vec![]),
        ("cut_short", format!("{A}\n"), vec![]),
    ] {
        check(name, &with(&content), "/m/sub/model.safetensors", &expected);
    }
}

#[test]
fn ollama() {
    let root = "/usr/share/ollama/.ollama/models";
    let layer = |media: &str, digest: &str| {
        format!(
            r#"{{"mediaType":"application/vnd.ollama.image.{media}","digest":"sha256:{digest}","size":1}}"#
        )
    };
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"sha256:{Y}"}},"layers":[{}]}}"#,
        layer("model", X)
    );
    let own = "f6".repeat(32);
    let list = format!(r#"{{"manifests":[{{"digest":"sha256:{own}"}}]}}"#);
    let tree = Tree::default()
        .file(&format!("{root}/manifests/registry.ollama.ai/library/llama3/latest"), &manifest)
        .file(&format!("{root}/manifests/registry.ollama.ai/library/other/8b"), r#"{"layers":[]}"#)
        .file(&format!("{root}/manifests/broken/a/b/c"), "{")
        .file(&format!("{root}/blobs/sha256-{X}"), "gguf");
    let revision = &shown(&tree.origins(&format!("{root}/blobs/sha256-{X}")))[0];
    assert!(
        revision.starts_with("ollama record registry.ollama.ai/library/llama3@sha256:")
            && revision.ends_with("[latest] sha256:11111111"),
        "{revision}"
    );
    check("config", &tree, &format!("{root}/blobs/sha256-{Y}"), &[&revision.replace("1111", "2222")]);
    let second = Tree::default()
        .link(
            &format!("{root}/manifests-v2/ollama.com/library/q/1b"),
            &format!("../../../../blobs/sha256-{A}"),
        )
        .file(&format!("{root}/blobs/sha256-{A}"), &list)
        .file(&format!("{root}/blobs/sha256-{own}"), &manifest)
        // A link out of the store is not followed.
        .link(&format!("{root}/manifests-v2/ollama.com/library/e/1b"), "/etc/passwd");
    let rows = shown(&second.origins(&format!("{root}/blobs/sha256-{X}")));
    assert_eq!(
        rows,
        [revision
            .replace("registry.ollama.ai/library/llama3", "ollama.com/library/q")
            .replace("latest", "1b")]
    );
    let orphan = Tree::default().file(&format!("{root}/manifests/h/n/m/t"), "{}");
    check("orphan", &orphan, &format!("{root}/blobs/sha256-{X}"), &["ollama path sha256:11111111"]);
    let refused = Tree::default().refused(&format!("{root}/manifests/h/n/m/t"));
    check(
        "refused",
        &refused,
        &format!("{root}/blobs/sha256-{X}"),
        &["ollama path sha256:11111111", "partial: permission-denied"],
    );
    check("not_ollama", &Tree::default(), &format!("/data/blobs/sha256-{X}"), &[]);
}

#[test]
fn oci_layout() {
    let own = "cd".repeat(32);
    let index = format!(
        r#"{{"manifests":[{{"digest":"sha256:{own}","annotations":{{"org.opencontainers.image.ref.name":"ghcr.io/o/m:v1"}}}}]}}"#
    );
    let manifest = format!(
        r#"{{"layers":[{{"mediaType":"application/vnd.cncf.model.weight.v1.raw","digest":"sha256:{X}","annotations":{{"org.cncf.model.filepath":"w.gguf"}}}}]}}"#
    );
    let tree = Tree::default().file("/k/index.json", index).file(&format!("/k/blobs/sha256/{own}"), manifest);
    check(
        "layer",
        &tree,
        &format!("/k/blobs/sha256/{X}"),
        &["oci-layout record ghcr.io/o/m@sha256:cdcdcdcd#w.gguf [v1] sha256:11111111"],
    );
    check(
        "no_index",
        &Tree::default(),
        &format!("/k/blobs/sha256/{X}"),
        &["oci-layout path sha256:11111111"],
    );
}

#[test]
fn folders_with_notes() {
    let tree = Tree::default()
        .file("/ml/m/MLmodel", "artifact_path: model\nflavors:\n  sklearn:\n    code: x\nrun_id: 0a1b2c\n")
        .file("/ml/r/MLmodel", "flavors:\n  a: b\nmodel_uuid: 'u1'\n")
        .file("/ml/r/registered_model_meta", "model_name: churn\nmodel_version: '3'\n")
        .file("/ml/n/MLmodel", "just: text\n")
        .file("/t/ranker/config.pbtxt", "name: \"ranker\"")
        .file(
            "/b/bentoml/models/summary/kx7/model.yaml",
            "name: summary\nversion: kx7\nbentoml_version: 1.2\n",
        );
    for (path, expected) in [
        ("/ml/m/model.pkl", vec!["mlflow record model@0a1b2c#model.pkl"]),
        ("/ml/r/data/model.pkl", vec!["mlflow record churn@u1#data/model.pkl [3]"]),
        ("/ml/n/model.pkl", vec![]),
        ("/t/ranker/7/model.onnx", vec!["triton record ranker#model.onnx [7]"]),
        ("/t/other/7/model.onnx", vec![]),
        ("/b/bentoml/models/summary/kx7/saved.bin", vec!["bentoml record summary@kx7#saved.bin"]),
    ] {
        check(path, &tree, path, &expected);
    }
}

#[test]
fn names_of_folders() {
    for (path, expected) in [
        (
            "/root/.cache/torch/hub/checkpoints/resnet18-f37072fd.pth",
            Some("torch-hub path#resnet18-f37072fd.pth sha256-prefix:f37072fd"),
        ),
        ("/h/.cache/torch/hub/checkpoints/mine.pth", Some("torch-hub path#mine.pth")),
        (
            "/h/.cache/torch/hub/snakers4_silero-vad_master/x.jit",
            Some("torch-hub path snakers4_silero-vad_master#x.jit"),
        ),
        ("/h/.lmstudio/models/pub/repo/q4.gguf", Some("lm-studio path pub/repo#q4.gguf")),
        ("/h/.cache/lm-studio/models/pub/repo/q4.gguf", Some("lm-studio path pub/repo#q4.gguf")),
        ("/h/.cache/modelscope/hub/models/qwen/q/model.bin", Some("modelscope path qwen/q#model.bin")),
        (
            "/h/.cache/kagglehub/models/google/gemma/pytorch/2b/3/m.bin",
            Some("kagglehub path google/gemma/pytorch/2b@3#m.bin"),
        ),
        ("/mnt/models/model.joblib", Some("kserve path#model.joblib")),
        ("/home/u/.cache/whisper/tiny.pt", Some("whisper path#tiny.pt")),
        ("/srv/models/model.bin", None),
        ("/.lmstudio/models/pub", None),
    ] {
        check(path, &Tree::default(), path, &expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn many_names_are_a_part() {
    let mut tree = Tree::default();
    for number in 0..300 {
        tree = tree.link(&format!("/h/models--a--b/snapshots/{number:040x}/m"), &format!("../../blobs/{X}"));
    }
    let found = tree.origins(&format!("/h/models--a--b/blobs/{X}"));
    assert_eq!(found.stored.len(), 256);
    assert_eq!(found.partial, Some(Reason::TooLarge));
    assert_eq!(found.sha256(), Some(X));
}

#[test]
fn two_digests_are_none() {
    let digest = |hex: &str| Some(StoredDigest::Sha256(hex.to_owned()));
    let mut origins = Tree::default().origins(&format!("/h/models--a--b/blobs/{X}"));
    let mut other = origins.stored.first().cloned().unwrap();
    other.digest = digest(Y);
    origins.stored.insert(other);
    assert_eq!(origins.sha256(), None);
}
