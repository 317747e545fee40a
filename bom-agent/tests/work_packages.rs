//! Owners of every kind beside Python's and Debian's: trees written as their installers write them, and trees that these
//! installers made.

mod work_tree;

use bom_agent::work::{Pool, PoolSettings};
use bom_core::{
    input::{Answer, Owner, Request},
    package::{Basis, Ecosystem, PackageOwner, UnreadList},
    path::SeenPath,
};
use work_tree::{Folder, ask, work};

/// Ecosystem, what makes the file part of the package, name and version.
type Expected<'a> = (Ecosystem, Basis, &'a str);

/// A tree that a pool takes for the root of our own mount namespace.
struct Root {
    folder: Folder,
    pool: Pool,
}

impl Root {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let settings = PoolSettings { root: folder.0.clone(), ..PoolSettings::default() };
        Self { pool: Pool::start(settings).expect("a pool"), folder }
    }

    fn owner(&self, path: &str) -> Owner {
        let on_disk = self.folder.0.join(path);
        if !on_disk.exists() {
            self.folder.put(path, b"x");
        }
        let mut work = work(Request::Owner, &on_disk);
        work.file.path = SeenPath::new(format!("/{path}"));
        match ask(&self.pool, work) {
            Answer::Owner(owner) => owner,
            other @ (Answer::Inspected(_)
            | Answer::Digest(_)
            | Answer::EarlierDigest(_)
            | Answer::Claims(_)
            | Answer::Located { .. }
            | Answer::Origins(_)
            | Answer::Verified(_)
            | Answer::Unchanged
            | Answer::Unknown(_)) => panic!("{path}: {other:?}"),
        }
    }

    /// `name version` of each package, and what makes the file part of it.
    fn packages(&self, path: &str) -> Vec<(Ecosystem, Basis, String)> {
        let of = |package: PackageOwner| {
            let version = package.version.map(|version| format!(" {version}")).unwrap_or_default();
            (package.ecosystem, package.basis, format!("{}{version}", package.name))
        };
        self.owner(path).packages.into_iter().map(of).collect()
    }

    fn check(&self, rows: &[(&str, Option<Expected<'_>>)]) {
        for (path, expected) in rows {
            let expected: Vec<_> = expected
                .iter()
                .map(|(ecosystem, basis, name)| (*ecosystem, *basis, (*name).to_owned()))
                .collect();
            assert_eq!(self.packages(path), expected, "{path}");
        }
    }
}

#[test]
fn alpine_lists_files_below_directories() {
    let root = Root::new("apk");
    root.folder.put(
        "lib/apk/db/installed",
        "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1x=\nR:libc.musl-x86_64.so.1\n\n\
         P:py3-openai\nV:2.0.0-r1\nA:noarch\nF:usr\nF:usr/lib/python3.12/site-packages/openai\nR:__init__.py\n\n\
         P:nameless-file\nV:1\n",
    );
    let apk = |name| Some((Ecosystem::Apk, Basis::List, name));
    root.check(&[
        ("lib/ld-musl-x86_64.so.1", apk("musl 1.2.5-r0")),
        ("lib/libc.musl-x86_64.so.1", apk("musl 1.2.5-r0")),
        // Alpine after usr-merge, with a list from before.
        ("usr/lib/ld-musl-x86_64.so.1", apk("musl 1.2.5-r0")),
        ("usr/lib/python3.12/site-packages/openai/__init__.py", apk("py3-openai 2.0.0-r1")),
        (
            "usr/lib/python3.12/site-packages/openai/__pycache__/__init__.cpython-312.pyc",
            apk("py3-openai 2.0.0-r1"),
        ),
        ("lib/__init__.py", None),
        ("usr/bin/x", None),
    ]);
    root.folder.put("lib/apk/db/installed", "P:new\nV:1\nF:lib\nR:ld-musl-x86_64.so.1\n");
    root.check(&[("lib/ld-musl-x86_64.so.1", apk("new 1"))]);
}

#[test]
fn conda_records_list_files_of_the_prefix() {
    let root = Root::new("conda");
    let digest = "ab".repeat(32);
    root.folder.put(
        "opt/conda/conda-meta/numpy-2.1.0-py312_0.json",
        format!(
            r#"{{"name": "numpy", "version": "2.1.0", "subdir": "linux-64",
            "files": ["lib/libx.so", "lib/python3.12/site-packages/numpy/__init__.py"],
            "paths_data": {{"paths": [{{"_path": "lib/libx.so", "sha256": "00", "sha256_in_prefix": "{digest}"}}]}}}}"#
        ),
    );
    root.folder.put("opt/conda/conda-meta/history", "");
    let numpy = Some((Ecosystem::Conda, Basis::List, "numpy 2.1.0"));
    root.check(&[
        ("opt/conda/lib/libx.so", numpy),
        ("opt/conda/lib/python3.12/site-packages/numpy/__pycache__/__init__.cpython-312.pyc", numpy),
        ("opt/conda/lib/liby.so", None),
        ("lib/libx.so", None),
    ]);
    let owner = root.owner("opt/conda/lib/libx.so").packages.pop_first().expect("numpy");
    assert_eq!((owner.recorded_sha256, owner.architecture), (Some(digest), Some("linux-64".to_owned())));
}

#[test]
fn node_packages_are_told_by_the_nearest_named_manifest() {
    let root = Root::new("node");
    let put = |path: &str, content: &str| root.folder.put(path, content);
    put("srv/package.json", r#"{"name": "agent", "version": "0.1.0"}"#);
    put("srv/node_modules/openai/package.json", r#"{"name": "openai", "version": "6.0.0"}"#);
    put("srv/node_modules/openai/dist/cjs/package.json", r#"{"type": "commonjs"}"#);
    put(
        "srv/node_modules/.pnpm/a@1/node_modules/@s/a/package.json",
        r#"{"name": "@s/a", "version": "1.0.0"}"#,
    );
    put("srv/node_modules/broken/package.json", "{");
    let installed = |name| Some((Ecosystem::Npm, Basis::Manifest, name));
    root.check(&[
        ("srv/node_modules/openai/index.js", installed("openai 6.0.0")),
        ("srv/node_modules/openai/dist/cjs/a.js", installed("openai 6.0.0")),
        ("srv/node_modules/.pnpm/a@1/node_modules/@s/a/index.mjs", installed("@s/a 1.0.0")),
        ("srv/node_modules/openai/addon.node", installed("openai 6.0.0")),
        // The name of the project is its own word.
        ("srv/src/index.ts", Some((Ecosystem::Npm, Basis::Project, "agent 0.1.0"))),
        ("srv/node_modules/broken/index.js", None),
        ("srv/node_modules/.bin/x.js", None),
        ("srv/main.py", None),
        ("etc/x.js", None),
    ]);
}

#[test]
fn gems_are_told_by_their_specification() {
    let root = Root::new("gem");
    let home = "var/lib/gems/3.1.0";
    root.folder.put(
        &format!("{home}/specifications/ruby-openai-7.3.1.gemspec"),
        "# -*- encoding: utf-8 -*-\n# stub: ruby-openai 7.3.1 ruby lib\n\nGem::Specification.new do |s|\n",
    );
    root.check(&[
        (
            &format!("{home}/gems/ruby-openai-7.3.1/lib/openai.rb"),
            Some((Ecosystem::Gem, Basis::Manifest, "ruby-openai 7.3.1")),
        ),
        (&format!("{home}/gems/other-1.0/lib/other.rb"), None),
    ]);
}

#[test]
fn the_library_of_an_interpreter_is_named_by_its_place() {
    let root = Root::new("runtime");
    let prefix = "root/.pyenv/versions/3.11.7";
    root.folder.put(&format!("{prefix}/lib/python3.11/os.py"), "");
    let place = |name| Some((Ecosystem::Runtime, Basis::Place, name));
    root.check(&[(&format!("{prefix}/lib/python3.11/json/decoder.py"), place("cpython 3.11"))]);
    root.folder.put(&format!("{prefix}/include/python3.11/patchlevel.h"), "#define PY_VERSION \"3.11.7\"\n");
    root.check(&[
        (
            &format!("{prefix}/lib/python3.11/json/__pycache__/decoder.cpython-311.pyc"),
            place("cpython 3.11.7"),
        ),
        (&format!("{prefix}/lib/python3.11/site-packages/stray.py"), None),
        ("srv/lib/python3.11/no_library.py", None),
    ]);
}

#[test]
fn code_of_editable_installs_belongs_to_their_project() {
    let root = Root::new("projects");
    let site = "venv/lib/python3.11/site-packages";
    let put = |path: &str, content: &str| root.folder.put(path, content);
    put(&format!("{site}/mine-1.0.dist-info/RECORD"), "__editable__.mine-1.0.pth,,\n");
    put(&format!("{site}/mine-1.0.dist-info/METADATA"), "Name: mine\nVersion: 1.0\n\n");
    put(
        &format!("{site}/mine-1.0.dist-info/direct_url.json"),
        r#"{"url": "file:///src/my%20project", "dir_info": {"editable": true}}"#,
    );
    let named = |path: &str| root.owner(path).python.map(|owner| (owner.name, owner.editable));
    let mine = Some(("mine".to_owned(), true));
    // The interpreter opens what leads to the project before anything in it.
    assert_eq!(named(&format!("{site}/__editable__.mine-1.0.pth")), mine);
    assert_eq!(named("src/my project/mine/agent.py"), mine);
    assert_eq!(named("src/my project 2/agent.py"), None);
    assert_eq!(named("src/agent.py"), None);
}

#[test]
fn rpm_databases_that_are_not_read_are_declared() {
    for (name, path, expected) in [
        ("berkeley", "var/lib/rpm/Packages", UnreadList::RpmBerkeley),
        ("ndb", "usr/lib/sysimage/rpm/Packages.db", UnreadList::RpmNdb),
    ] {
        let root = Root::new(name);
        root.folder.put(path, "whatever");
        let owner = root.owner("usr/lib64/libc.so.6");
        assert!(owner.is_nobody(), "{name}: {owner:?}");
        assert_eq!(owner.unread, [expected].into(), "{name}");
    }
}
