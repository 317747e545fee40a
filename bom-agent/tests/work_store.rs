//! What a store says, read from real files and links.

mod work_tree;

use std::fs;
use std::os::unix::fs::symlink;

use bom_agent::work::{Pool, PoolSettings};
use bom_core::{
    input::{Answer, Reason, Request},
    stored::{Origins, Store, StoredDigest},
};
use work_tree::{Folder, ask, work};

fn pool() -> Pool {
    Pool::start(PoolSettings::default()).expect("a pool")
}

fn origins(answer: Answer) -> Origins {
    let Answer::Origins(origins) = answer else { panic!("{answer:?}") };
    origins
}

#[test]
fn reads_links_and_notes_beside_the_content() {
    let folder = Folder::new("store");
    let pool = pool();
    let (etag, commit) = ("a1".repeat(32), "c0".repeat(20));
    let blob = folder.put(&format!("hub/models--org--name/blobs/{etag}"), "weights");
    folder.put("hub/models--org--name/refs/main", &commit);
    let snapshot = folder.0.join(format!("hub/models--org--name/snapshots/{commit}"));
    fs::create_dir_all(&snapshot).expect("a folder");
    symlink(format!("../../blobs/{etag}"), snapshot.join("model.safetensors")).expect("a link");
    let found = origins(ask(&pool, work(Request::Origin, &blob)));
    let stored = found.stored.first().expect("a name");
    assert_eq!(found.stored.len(), 1);
    assert_eq!(found.partial, None);
    assert_eq!(stored.store, Store::HuggingfaceCache);
    assert_eq!(stored.name.as_deref(), Some("org/name"));
    assert_eq!(stored.revision.as_deref(), Some(commit.as_str()));
    assert_eq!(stored.file.as_deref(), Some("model.safetensors"));
    assert_eq!(stored.digest, Some(StoredDigest::Sha256(etag)));

    let digest = "b2".repeat(32);
    let layer = folder.put(&format!("ollama/blobs/sha256-{digest}"), "gguf");
    let manifest = format!(r#"{{"layers":[{{"digest":"sha256:{digest}"}}]}}"#);
    folder.put("ollama/manifests/registry.ollama.ai/library/q/1b", &manifest);
    let found = origins(ask(&pool, work(Request::Origin, &layer)));
    let names: Vec<_> = found.stored.iter().filter_map(|stored| stored.name.as_deref()).collect();
    assert_eq!(names, ["registry.ollama.ai/library/q"]);

    let plain = folder.put("plain/model.gguf", "gguf");
    assert_eq!(origins(ask(&pool, work(Request::Origin, &plain))), Origins::default());
}

#[test]
fn says_what_it_could_not_read() {
    let folder = Folder::new("store-partial");
    let pool = pool();
    let digest = "b2".repeat(32);
    let layer = folder.put(&format!("o/blobs/sha256-{digest}"), "gguf");
    folder.put("o/manifests/h/n/m/t", vec![b' '; (1 << 20) + 1]);
    let found = origins(ask(&pool, work(Request::Origin, &layer)));
    assert_eq!(found.partial, Some(Reason::TooLarge));
    // A link or a pipe among the notes is none.
    fs::remove_file(folder.0.join("o/manifests/h/n/m/t")).expect("removed");
    symlink("/etc/passwd", folder.0.join("o/manifests/h/n/m/t")).expect("a link");
    let found = origins(ask(&pool, work(Request::Origin, &layer)));
    assert_eq!(found.partial, None);
    assert_eq!(found.stored.len(), 1);
    let mut changed = work(Request::Origin, &layer);
    changed.file.key.size += 1;
    assert_eq!(ask(&pool, changed), Answer::Unknown(Reason::ChangedSinceOpen));
}

/// Debian's own programs are what dpkg recorded, and a changed one is not; only where dpkg is.
#[test]
fn compares_programs_with_what_dpkg_recorded() {
    let pool = pool();
    let md5 = |content: &str| {
        let folder = Folder::new("md5");
        let path = folder.put("x", content);
        let output = std::process::Command::new("md5sum").arg(path).output().expect("md5sum");
        String::from_utf8_lossy(&output.stdout)[..32].to_owned()
    };
    let root = Folder::new("verify");
    let program = root.put("usr/bin/cp", "the program");
    root.put("var/lib/dpkg/info/coreutils.list", "/.\n/bin\n/bin/cp\n");
    root.put(
        "var/lib/dpkg/status",
        "Package: coreutils\nStatus: install ok installed\nVersion: 9.1\nArchitecture: amd64\n\n",
    );
    let settings = PoolSettings { root: root.0.clone(), ..PoolSettings::default() };
    let rooted = Pool::start(settings).expect("a pool");
    let asked = || {
        let mut question = work(Request::Verify, &program);
        question.file.path = bom_core::path::SeenPath::new("/usr/bin/cp");
        question
    };
    for (name, sums, expected) in [
        ("same", format!("{}  bin/cp\n", md5("the program")), Answer::Verified(true)),
        ("other", format!("{}  bin/cp\n", md5("another")), Answer::Verified(false)),
        ("not_listed", format!("{}  bin/mv\n", md5("the program")), Answer::Unknown(Reason::NotFound)),
        ("cut_short", "00".to_owned(), Answer::Unknown(Reason::NotFound)),
    ] {
        root.put("var/lib/dpkg/info/coreutils.md5sums", sums);
        assert_eq!(ask(&rooted, asked()), expected, "{name}");
    }
    let nobodys = work(Request::Verify, &program);
    assert_eq!(ask(&pool, nobodys), Answer::Unknown(Reason::NotFound));
}
