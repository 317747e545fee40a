//! Owner in trees made to order: RECORD as pip and uv write it, as nobody should, and Debian's lists.

mod work_tree;

use std::fs;
use std::time::Instant;

use bom_agent::work::{Pool, PoolSettings};
use bom_core::input::{Answer, DebOwner, Owner, PythonOwner, Reason, Request, Work};
use bom_core::path::SeenPath;
use work_tree::{Folder, PATIENCE, ask, work};

const SITE: &str = "venv/lib/python3.11/site-packages";
/// SHA-256 of nothing, as RECORD writes it and as we do.
const RECORDED: &str = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Name of a distribution, digest of the file.
type Listed<'a> = (&'a str, Option<&'a str>);

/// A tree that a pool takes for the root of our own mount namespace.
struct Root {
    folder: Folder,
    pool: Pool,
}

impl Root {
    fn new(name: &str) -> Self {
        Self::with(name, PoolSettings::default())
    }

    fn with(name: &str, settings: PoolSettings) -> Self {
        let folder = Folder::new(name);
        let settings = PoolSettings { root: folder.0.clone(), ..settings };
        Self { pool: Pool::start(settings).expect("a pool"), folder }
    }

    /// Installs a distribution with these RECORD bytes.
    fn distribution(&self, name: &str, record: impl AsRef<[u8]>) -> &Self {
        self.folder.put(&format!("{SITE}/{name}-1.0.dist-info/RECORD"), record);
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\nName: fake\n");
        self.folder.put(&format!("{SITE}/{name}-1.0.dist-info/METADATA"), metadata);
        self
    }

    fn ask(&self, path: &str) -> Answer {
        let on_disk = self.folder.0.join(path);
        if !on_disk.exists() {
            self.folder.put(path, b"x");
        }
        let mut work: Work = work(Request::Owner, &on_disk);
        work.file.path = SeenPath::new(format!("/{path}"));
        ask(&self.pool, work)
    }

    fn owner(&self, path: &str) -> Owner {
        match self.ask(path) {
            Answer::Owner(owner) => owner,
            other @ (Answer::Inspected(_)
            | Answer::EarlierDigest(_)
            | Answer::Claims(_)
            | Answer::Digest(_)
            | Answer::Located { .. }
            | Answer::Unchanged
            | Answer::Origins(_)
            | Answer::Verified(_)
            | Answer::Unknown(_)) => {
                panic!("{path}: {other:?}")
            }
        }
    }

    /// Name of the distribution, digest.
    fn python(&self, path: &str) -> Option<(String, Option<String>)> {
        self.owner(path).python.map(|owner| (owner.name, owner.recorded_sha256))
    }

    fn check(&self, rows: &[(&str, Option<Listed<'_>>)]) {
        for (path, expected) in rows {
            let expected = expected.map(|(name, digest)| (name.to_owned(), digest.map(str::to_owned)));
            assert_eq!(self.python(path), expected, "{path}");
        }
    }
}

#[test]
fn pip_lists_modules_compiled_files_and_programs() {
    let root = Root::new("pip");
    root.distribution(
        "openai",
        format!(
            "../../../bin/openai,{RECORDED},12\n\
             openai-1.0.dist-info/INSTALLER,{RECORDED},4\n\
             openai-1.0.dist-info/RECORD,,\n\
             openai/__init__.py,{RECORDED},10\n\
             openai/__pycache__/__init__.cpython-311.pyc,,\n"
        ),
    );
    root.distribution("other", "other.py,,\n");
    root.check(&[
        (&format!("{SITE}/openai/__init__.py"), Some(("openai", Some(HEX)))),
        (&format!("{SITE}/openai/__pycache__/__init__.cpython-311.pyc"), Some(("openai", None))),
        (&format!("{SITE}/openai-1.0.dist-info/RECORD"), Some(("openai", None))),
        (&format!("{SITE}/openai/unlisted.py"), None),
        (&format!("{SITE}/other.py"), Some(("other", None))),
        ("venv/bin/openai", Some(("openai", Some(HEX)))),
        ("venv/bin/python", None),
        ("bin/openai", None),
        ("app/main.py", None),
    ]);
    assert_eq!(
        root.owner(&format!("{SITE}/openai/__init__.py")).python,
        Some(PythonOwner {
            name: "openai".to_owned(),
            version: "1.0".to_owned(),
            dist_info: SeenPath::new(format!("/{SITE}/openai-1.0.dist-info")),
            recorded_sha256: Some(HEX.to_owned()),
            editable: false,
        })
    );
}

#[test]
fn uv_lists_no_compiled_files() {
    let root = Root::new("uv");
    root.distribution("m", format!("m/__init__.py,{RECORDED},1\nm/a.b.py,{RECORDED},1\nm.py,,\n"));
    root.check(&[
        (&format!("{SITE}/m/__pycache__/__init__.cpython-312.opt-1.pyc"), Some(("m", None))),
        (&format!("{SITE}/m/__pycache__/a.b.cpython-312.pyc"), Some(("m", None))),
        (&format!("{SITE}/__pycache__/m.cpython-312.pyc"), Some(("m", None))),
        (&format!("{SITE}/m.pyc"), Some(("m", None))),
        (&format!("{SITE}/m/__pycache__/other.cpython-312.pyc"), None),
    ]);
}

#[test]
fn records_as_they_come() {
    let root = Root::new("variants");
    root.distribution(
        "odd",
        format!(
            "\"odd/a,b.py\",{RECORDED},1\r\n\"odd/say \"\"hi\"\".py\",,\r\n./odd/./dot.py,,\r\nodd/x/../up.py,,\r\n\
             \"odd/two\nlines.py\",,\r\nodd/bad_digest.py,sha256=short,1\r\nodd/md5.py,md5=abc,1\r\nodd/no_commas.py\r\n\
             /venv/share/absolute.py,,\r\n\r\n,,\r\nodd/no_end.py,,"
        ),
    );
    root.check(&[
        (&format!("{SITE}/odd/a,b.py"), Some(("odd", Some(HEX)))),
        (&format!("{SITE}/odd/say \"hi\".py"), Some(("odd", None))),
        (&format!("{SITE}/odd/dot.py"), Some(("odd", None))),
        (&format!("{SITE}/odd/up.py"), Some(("odd", None))),
        (&format!("{SITE}/odd/two\nlines.py"), Some(("odd", None))),
        (&format!("{SITE}/odd/bad_digest.py"), Some(("odd", None))),
        (&format!("{SITE}/odd/md5.py"), Some(("odd", None))),
        (&format!("{SITE}/odd/no_commas.py"), Some(("odd", None))),
        (&format!("{SITE}/odd/no_end.py"), Some(("odd", None))),
        ("venv/share/absolute.py", Some(("odd", None))),
    ]);
}

#[test]
fn hostile_records_claim_no_more_than_they_list() {
    let root = Root::new("hostile");
    let mut record = b"../../../../../../../../etc/passwd,,\n\xff\xfe/x.py,,\n\"unclosed\n".to_vec();
    record.extend(vec![b'a'; 200_000]);
    record.extend(b"\nafter.py,,\n");
    root.distribution("bad", record);
    root.folder.put(&format!("{SITE}/nameless-1.0.dist-info/RECORD"), "nameless.py,,\n");
    root.folder.put(&format!("{SITE}/nameless-1.0.dist-info/METADATA"), "Version: 1.0\n\nName: nameless\n");
    root.folder.put(&format!("{SITE}/bare-1.0.dist-info/METADATA"), "Name: bare\nVersion: 1.0\n");
    root.folder.put(&format!("{SITE}/file-1.0.dist-info"), "not a folder");
    root.check(&[
        ("etc/passwd", None),
        (&format!("{SITE}/etc/passwd"), None),
        (&format!("{SITE}/after.py"), Some(("bad", None))),
        (&format!("{SITE}/nameless.py"), None),
        (&format!("{SITE}/bare.py"), None),
    ]);
}

#[test]
fn a_list_too_large_to_read_makes_a_miss_unknown() {
    let root = Root::with("too-large", PoolSettings { index_rows: 400, ..PoolSettings::default() });
    let rows: String = (0..1000).map(|n| format!("p/m{n}.py,,\n")).collect();
    root.distribution("p", rows);
    assert_eq!(root.python(&format!("{SITE}/p/m0.py")), Some(("p".to_owned(), None)));
    assert_eq!(root.ask(&format!("{SITE}/p/m999.py")), Answer::Unknown(Reason::TooLarge));
}

#[test]
fn record_that_is_a_link_or_fifo_is_not_followed() {
    let root = Root::new("links");
    root.distribution("good", "good.py,,\n");
    let folder = root.folder.0.join(SITE).join("evil-1.0.dist-info");
    fs::create_dir_all(&folder).expect("a folder");
    std::os::unix::fs::symlink("../good-1.0.dist-info/RECORD", folder.join("RECORD")).expect("a link");
    root.check(&[(&format!("{SITE}/good.py"), Some(("good", None)))]);
    assert!(matches!(root.ask(&format!("{SITE}/unlisted.py")), Answer::Unknown(_)));
}

#[test]
fn nearest_site_that_lists_the_file_wins() {
    let root = Root::new("vendored");
    root.distribution("setuptools", "setuptools/_vendor/packaging/tags.py,,\nsetuptools/_vendor/own.py,,\n");
    let vendored = format!("{SITE}/setuptools/_vendor/packaging-24.0.dist-info");
    root.folder.put(&format!("{vendored}/RECORD"), "packaging/tags.py,,\n");
    root.folder.put(&format!("{vendored}/METADATA"), "Name: packaging\nVersion: 24.0\n");
    root.check(&[
        (&format!("{SITE}/setuptools/_vendor/packaging/tags.py"), Some(("packaging", None))),
        (&format!("{SITE}/setuptools/_vendor/own.py"), Some(("setuptools", None))),
    ]);
}

#[test]
fn editable_installs_are_told() {
    let root = Root::new("editable");
    root.distribution("mine", "__editable__.mine-1.0.pth,,\n__editable___mine_finder.py,,\n");
    root.folder.put(
        &format!("{SITE}/mine-1.0.dist-info/direct_url.json"),
        r#"{"url":"file:///src/mine","dir_info":{"editable":true}}"#,
    );
    let owner = root.owner(&format!("{SITE}/__editable___mine_finder.py")).python;
    assert_eq!(owner.map(|owner| (owner.name, owner.editable)), Some(("mine".to_owned(), true)));
}

#[test]
fn installations_while_we_watch_are_noticed() {
    let root = Root::new("changes");
    root.distribution("one", "one.py,,\n");
    root.check(&[(&format!("{SITE}/one.py"), Some(("one", None))), (&format!("{SITE}/two.py"), None)]);
    root.distribution("two", "two.py,,\n");
    root.check(&[(&format!("{SITE}/two.py"), Some(("two", None)))]);
    // RECORD written last leaves no trace in the directory above.
    root.folder.put(&format!("{SITE}/two-1.0.dist-info/RECORD"), "two.py,,\nlate.py,,\n");
    let deadline = Instant::now() + PATIENCE;
    while root.python(&format!("{SITE}/late.py")).is_none() {
        assert!(Instant::now() < deadline, "the new RECORD was never read");
    }
}

#[test]
fn debian_lists_before_and_after_usr_merge() {
    let root = Root::new("deb");
    let put = |path: &str, content: &str| root.folder.put(path, content);
    put("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib\n/lib/x86_64-linux-gnu/libm.so.6\n");
    put(
        "var/lib/dpkg/info/python3-onnx.list",
        "/.\n/usr/lib/python3/dist-packages/onnx/__init__.py\n/usr/bin/x\n",
    );
    put("var/lib/dpkg/info/gone.list", "/usr/share/gone\n");
    put(
        "var/lib/dpkg/status",
        "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 0-wrong\n\n\
         Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nDescription: x\n Version: fake\nVersion: 2.36-9\n\n\
         Package: python3-onnx\nArchitecture: all\nVersion: 1.12.0-2\n",
    );
    let owner = |package: &str, version: &str, architecture: &str| {
        let [package, version, architecture] = [package, version, architecture].map(str::to_owned);
        Some(DebOwner { package, version, architecture })
    };
    for (path, expected) in [
        ("usr/lib/x86_64-linux-gnu/libm.so.6", owner("libc6", "2.36-9", "amd64")),
        ("usr/lib/python3/dist-packages/onnx/__init__.py", owner("python3-onnx", "1.12.0-2", "all")),
        (
            "usr/lib/python3/dist-packages/onnx/__pycache__/__init__.cpython-311.pyc",
            owner("python3-onnx", "1.12.0-2", "all"),
        ),
        ("usr/bin/x", owner("python3-onnx", "1.12.0-2", "all")),
        // /usr/bin/x is listed; /bin/x and /usr/local/bin/x are not.
        ("bin/x", None),
        ("usr/local/bin/x", None),
        ("usr/share/gone", None),
    ] {
        assert_eq!(root.owner(path).deb, expected, "{path}");
    }
    put("var/lib/dpkg/info/new.list", "/usr/share/new\n");
    put("var/lib/dpkg/status", "Package: new\nArchitecture: all\nVersion: 3\n");
    assert_eq!(root.owner("usr/share/new").deb, owner("new", "3", "all"));
}

#[test]
fn images_made_without_dpkg_have_sums() {
    let root = Root::new("distroless");
    let sum = "d41d8cd98f00b204e9800998ecf8427e";
    root.folder.put("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2026a\nArchitecture: all\n");
    root.folder.put(
        "var/lib/dpkg/status.d/tzdata.md5sums",
        format!("{sum}  usr/share/zone\nshort\n{sum}  ./usr/b\n"),
    );
    for path in ["usr/share/zone", "usr/b"] {
        assert_eq!(root.owner(path).deb.map(|owner| owner.version).as_deref(), Some("2026a"), "{path}");
    }
    assert_eq!(root.owner("usr/share/other"), Owner::default());
}

#[test]
fn a_large_installation_is_indexed() {
    let root = Root::new("large");
    for distribution in 0..60 {
        let rows: String = (0..500)
            .map(|n| format!("package_{distribution}/some/sub_package/module_{n}.py,{RECORDED},1000\n"))
            .collect();
        root.distribution(&format!("package_{distribution}"), rows);
    }
    root.check(&[(
        &format!("{SITE}/package_59/some/sub_package/module_499.py"),
        Some(("package_59", Some(HEX))),
    )]);
}
