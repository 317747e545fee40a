//! Owners compared with what each ecosystem's own tool says, on trees that this tool made: `rpm -qf`, `dpkg -S`, `npm ls`,
//! `pip list`, `gem list`, `go version -m`. What they say and we do not, and the other way round, fails.

mod work_tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use bom_agent::work::{Pool, PoolSettings};
use bom_core::{
    input::{Answer, Owner, Request},
    metadata::Extracted,
    package::Ecosystem,
    path::SeenPath,
};
use bom_testkit::trial::{Failed, Need, agents, run, trial};
use work_tree::{Folder, ask, work};

fn main() -> ExitCode {
    run(vec![
        trial("rpm_qf_agrees", &[Need::Root, Need::Rpm], rpm),
        trial("dpkg_search_agrees", &[Need::Dpkg], dpkg),
        trial("npm_ls_agrees", &[Need::Npm], npm),
        trial("pip_list_agrees", &[Need::Agents], pip),
        trial("gem_list_agrees", &[Need::Gem], gem),
        trial("go_version_agrees", &[Need::Go], go),
    ])
}

/// A tree that a pool takes for the root.
struct Tree {
    root: PathBuf,
    pool: Pool,
}

impl Tree {
    fn at(root: &Path) -> Result<Self, Failed> {
        let pool = Pool::start(PoolSettings { root: root.to_owned(), ..PoolSettings::default() })?;
        Ok(Self { root: root.to_owned(), pool })
    }

    fn owner(&self, path: &Path) -> Result<Owner, Failed> {
        let relative = path.strip_prefix("/")?;
        let mut work = work(Request::Owner, &self.root.join(relative));
        work.file.path = SeenPath::new(path.as_os_str().as_encoded_bytes());
        match ask(&self.pool, work) {
            Answer::Owner(owner) => Ok(owner),
            other @ (Answer::Inspected(_)
            | Answer::Digest(_)
            | Answer::EarlierDigest(_)
            | Answer::Claims(_)
            | Answer::Located { .. }
            | Answer::Origins(_)
            | Answer::Verified(_)
            | Answer::Unchanged
            | Answer::Unknown(_)) => Err(format!("{}: {other:?}", path.display()).into()),
        }
    }

    /// Name and version of the one package of that ecosystem.
    fn package(&self, path: &Path, ecosystem: Ecosystem) -> Result<Option<String>, Failed> {
        let packages = self.owner(path)?.packages;
        let found = packages.into_iter().find(|package| package.ecosystem == ecosystem);
        Ok(found.map(|found| format!("{} {}", found.name, found.version.unwrap_or_default())))
    }

    fn inspect(&self, path: &Path) -> Result<Extracted, Failed> {
        match ask(&self.pool, work(Request::Inspect, path)) {
            Answer::Inspected(Some(content)) => Ok(*content),
            other @ (Answer::Inspected(None)
            | Answer::Owner(_)
            | Answer::Digest(_)
            | Answer::EarlierDigest(_)
            | Answer::Claims(_)
            | Answer::Located { .. }
            | Answer::Origins(_)
            | Answer::Verified(_)
            | Answer::Unchanged
            | Answer::Unknown(_)) => Err(format!("{}: {other:?}", path.display()).into()),
        }
    }
}

fn output(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn same(what: &str, ours: impl PartialEq<String> + std::fmt::Debug, theirs: String) -> Result<(), Failed> {
    if ours == theirs {
        Ok(())
    } else {
        Err(format!("{what}: we say {ours:?}, the tool says {theirs:?}").into())
    }
}

/// Two packages, one of which has more files than fit on a page of the database.
fn rpm() -> Result<(), Failed> {
    let folder = Folder::new("rpm");
    let root = folder.0.join("root");
    fs::create_dir_all(&root)?;
    for (name, epoch, files) in [("tiny", "Epoch: 2", 3), ("large", "", 4000)] {
        let spec = format!(
            "Name: {name}\nVersion: 1.2~rc1\nRelease: 3.el9\n{epoch}\nSummary: t\nLicense: MIT\nBuildArch: noarch\n\
             %description\nt\n%install\nmkdir -p %{{buildroot}}/usr/lib/{name}\n\
             for n in $(seq 1 {files}); do echo > %{{buildroot}}/usr/lib/{name}/module_with_a_long_name_$n.py; done\n\
             %files\n/usr/lib/{name}\n"
        );
        let spec = folder.put(&format!("{name}.spec"), spec);
        let top = format!("_topdir {}", folder.0.join("top").display());
        output(Command::new("rpmbuild").args(["-bb", "--define", &top]).arg(spec))?;
    }
    let rpm = || {
        let mut rpm = Command::new("rpm");
        rpm.arg("--root").arg(&root).args(["--define", "_dbpath /var/lib/rpm"]);
        rpm
    };
    let built = folder.0.join("top/RPMS/noarch");
    let packages: Vec<PathBuf> =
        fs::read_dir(built)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    output(rpm().args(["-i", "--nodeps", "--force-debian"]).args(&packages))?;
    let mut theirs = Vec::new();
    for path in [
        "/usr/lib/tiny/module_with_a_long_name_1.py",
        "/usr/lib/large/module_with_a_long_name_1.py",
        "/usr/lib/large/module_with_a_long_name_2345.py",
        "/usr/lib/large/module_with_a_long_name_4000.py",
    ] {
        let query = "%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}";
        theirs.push((path, output(rpm().args(["-qf", "--qf", query, path]))?));
    }
    folder.put("root/usr/lib/large/stray.py", "");
    theirs.push(("/usr/lib/large/stray.py", String::new()));
    let agrees = |database: &str| -> Result<(), Failed> {
        let tree = Tree::at(&root)?;
        for (path, theirs) in &theirs {
            let ours = tree.package(Path::new(path), Ecosystem::Rpm)?.unwrap_or_default();
            same(&format!("{database}: {path}"), ours, theirs.clone())?;
        }
        Ok(())
    };
    agrees("sqlite")?;

    // The same headers as rpm gives them, in a file that Berkeley DB makes of them.
    let mut export = Command::new("rpmdb");
    export.arg("--root").arg(&root).args(["--define", "_dbpath /var/lib/rpm", "--exportdb"]);
    let export = export.stderr(Stdio::inherit()).output()?;
    fs::remove_file(root.join("var/lib/rpm/rpmdb.sqlite"))?;
    let dump = folder.put("dump", berkeley_dump(&export.stdout)?);
    output(Command::new("db5.3_load").arg("-f").arg(dump).arg(root.join("var/lib/rpm/Packages")))?;
    agrees("Berkeley DB")
}

/// Headers one after another, each after its magic, as pairs of number and header in the words of `db_load`.
fn berkeley_dump(mut export: &[u8]) -> Result<String, Failed> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut dump = String::from("VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\nHEADER=END\n");
    let mut pairs = 0_u32;
    while !export.is_empty() {
        let (entries, bytes) = (word_at(export, 8)?, word_at(export, 12)?);
        let header = export.get(8..16 + 16 * entries + bytes).ok_or("a header that is cut off")?;
        pairs += 1;
        dump.push_str(&format!(" {}\n {}\n", hex(&pairs.to_le_bytes()), hex(header)));
        export = export.get(8 + header.len()..).unwrap_or_default();
    }
    // rpm's counter.
    dump.push_str(&format!(" {}\n {}\nDATA=END\n", hex(&[0; 4]), hex(&pairs.to_le_bytes())));
    if pairs == 2 { Ok(dump) } else { Err(format!("{pairs} headers were exported").into()) }
}

fn word_at(bytes: &[u8], at: usize) -> Result<usize, Failed> {
    let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or("a header that is cut off")?;
    Ok(usize::try_from(u32::from_be_bytes(*bytes))?)
}

/// Some files of what is installed here.
fn dpkg() -> Result<(), Failed> {
    let tree = Tree::at(Path::new("/"))?;
    let mut compared = 0;
    for package in ["bash", "coreutils", "libc6", "dpkg", "libpython3.11-stdlib", "perl-base"] {
        let Ok(list) = output(Command::new("dpkg").args(["-L", package])) else { continue };
        for path in list
            .lines()
            .filter(|path| fs::symlink_metadata(path).is_ok_and(|file| file.is_file()))
            .step_by(41)
        {
            // A file can be diverted; `dpkg -S` then names two.
            let theirs = output(Command::new("dpkg").args(["-S", path]))?;
            let Some((theirs, _)) =
                theirs.trim().rsplit_once(": ").filter(|(names, _)| !names.contains('\n'))
            else {
                continue;
            };
            let theirs = theirs.split(':').next().unwrap_or_default();
            let version = output(Command::new("dpkg-query").args(["-W", "-f", "${Version}", theirs]))?;
            // A process sees files where they are, not where links lead from.
            let ours = tree.owner(&Path::new(path).canonicalize()?)?.deb;
            let ours = ours.map(|deb| format!("{} {}", deb.package, deb.version)).unwrap_or_default();
            same(path, ours, format!("{theirs} {version}"))?;
            compared += 1;
        }
    }
    if compared > 15 { Ok(()) } else { Err(format!("only {compared} files were compared").into()) }
}

/// Nested versions, a scope, a link as pnpm makes it.
fn npm() -> Result<(), Failed> {
    let folder = Folder::new("npm");
    let put = |path: &str, name: &str, version: &str, needs: &[(&str, &str)]| {
        let needs: BTreeMap<_, _> = needs.iter().copied().collect();
        let json =
            serde_json::json!({"name": name, "version": version, "main": "index.js", "dependencies": needs});
        folder.put(&format!("{path}/package.json"), json.to_string());
        folder.put(&format!("{path}/index.js"), "");
    };
    put(".", "agent", "1.0.0", &[("openai", "6.0.0"), ("@scope/tool", "2.0.0")]);
    put("node_modules/openai", "openai", "6.0.0", &[("shared", "1.0.0")]);
    put("node_modules/shared", "shared", "1.0.0", &[]);
    put("node_modules/@scope/tool", "@scope/tool", "2.0.0", &[("shared", "2.0.0")]);
    put("node_modules/@scope/tool/node_modules/shared", "shared", "2.0.0", &[]);
    let list = output(
        Command::new("npm").args(["ls", "--all", "--json", "--long", "--offline"]).current_dir(&folder.0),
    )?;
    let list: serde_json::Value = serde_json::from_str(&list)?;
    let mut theirs = BTreeMap::new();
    collect(&list, &mut theirs);
    theirs.remove(&folder.0.display().to_string());
    let tree = Tree::at(Path::new("/"))?;
    for (path, theirs) in &theirs {
        let ours = tree.package(&Path::new(path).join("index.js"), Ecosystem::Npm)?;
        same(path, ours.unwrap_or_default(), theirs.clone())?;
    }
    if theirs.len() == 4 { Ok(()) } else { Err(format!("npm listed {theirs:?}").into()) }
}

/// Folder → name and version.
fn collect(node: &serde_json::Value, into: &mut BTreeMap<String, String>) {
    let field = |name: &str| node.get(name).and_then(serde_json::Value::as_str);
    if let (Some(path), Some(name), Some(version)) = (field("path"), field("name"), field("version")) {
        into.insert(path.to_owned(), format!("{name} {version}"));
    }
    let below = node.get("dependencies").and_then(serde_json::Value::as_object);
    below.into_iter().flatten().for_each(|(_, node)| collect(node, into));
}

/// Every distribution of a real environment, by a file that its RECORD lists, and by the byte code Python made of it.
fn pip() -> Result<(), Failed> {
    let python = agents().join("venv/bin/python");
    let script = "import importlib.metadata as m, json\nfor d in m.distributions():\n  \
                  c = [str(d.locate_file(f)) for f in d.files or [] if f.suffix in ('.py', '.so')]\n  \
                  print(json.dumps([d.metadata['Name'], d.version, c]))";
    let listed = output(Command::new(&python).args(["-I", "-c", script]))?;
    let tree = Tree::at(Path::new("/"))?;
    let (mut theirs, mut ours, mut files) = (BTreeSet::new(), BTreeSet::new(), 0);
    for line in listed.lines() {
        let (name, version, paths): (String, String, Vec<PathBuf>) = serde_json::from_str(line)?;
        for path in paths.iter().filter(|path| path.is_file()).step_by(1 + paths.len() / 20) {
            let path = path.canonicalize()?;
            let owner = tree.owner(&path)?.python;
            same(
                &path.display().to_string(),
                owner.as_ref().map(|owner| format!("{} {}", owner.name, owner.version)).unwrap_or_default(),
                format!("{name} {version}"),
            )?;
            theirs.insert((name.clone(), version.clone()));
            ours.extend(owner.map(|owner| (owner.name, owner.version)));
            files += 1;
        }
    }
    if files > 100 && ours == theirs { Ok(()) } else { Err(format!("{files} files, {ours:?}").into()) }
}

fn gem() -> Result<(), Failed> {
    let folder = Folder::new("gem");
    folder.put("source/lib/tiny_agent.rb", "");
    folder.put(
        "source/tiny-agent.gemspec",
        "Gem::Specification.new do |s|\n  s.name = 'tiny-agent'\n  s.version = '0.4.2.pre1'\n  s.summary = 't'\n  \
         s.authors = ['a']\n  s.files = ['lib/tiny_agent.rb']\nend\n",
    );
    let source = folder.0.join("source");
    output(Command::new("gem").args(["build", "tiny-agent.gemspec"]).current_dir(&source))?;
    let home = folder.0.join("home");
    let install = ["install", "--local", "--no-document", "--ignore-dependencies", "--install-dir"];
    output(
        Command::new("gem").args(install).arg(&home).arg("tiny-agent-0.4.2.pre1.gem").current_dir(&source),
    )?;
    let list = output(
        Command::new("gem")
            .args(["list", "--local", "--prerelease"])
            .env("GEM_HOME", &home)
            .env("GEM_PATH", &home),
    )?;
    let theirs = list.lines().find(|line| line.starts_with("tiny-agent ")).ok_or("gem does not list it")?;
    let theirs = theirs.replace(['(', ')'], "");
    let tree = Tree::at(Path::new("/"))?;
    let file = home.join("gems/tiny-agent-0.4.2.pre1/lib/tiny_agent.rb");
    same("gem", tree.package(&file, Ecosystem::Gem)?.unwrap_or_default(), theirs.trim().to_owned())
}

/// A program with a module from a folder, a replaced one, and the marks of its build.
fn go() -> Result<(), Failed> {
    let folder = Folder::new("go");
    folder.put("dep/go.mod", "module example.com/dep\n\ngo 1.18\n");
    folder.put("dep/dep.go", "package dep\n\nfunc Name() string { return \"dep\" }\n");
    folder.put(
        "go.mod",
        "module example.com/agent\n\ngo 1.18\n\nrequire example.com/dep v1.2.3\n\nreplace example.com/dep v1.2.3 => ./dep\n",
    );
    folder.put(
        "main.go",
        "package main\n\nimport \"example.com/dep\"\n\nfunc main() { println(dep.Name()) }\n",
    );
    for (name, flags) in
        [("plain", &["-ldflags="][..]), ("stripped", &["-ldflags=-s -w"]), ("pie", &["-buildmode=pie"])]
    {
        let build = |command: &mut Command| {
            command
                .current_dir(&folder.0)
                .env("GOFLAGS", "-mod=mod")
                .env("GOPROXY", "off")
                .env("GOCACHE", folder.0.join("cache"))
                .env("CGO_ENABLED", "0");
        };
        let mut command = Command::new("go");
        build(command.args(["build", "-o", name]).args(flags).arg("."));
        output(&mut command)?;
        let program = folder.0.join(name);
        let theirs = output(Command::new("go").args(["version", "-m"]).arg(&program))?;
        let content = Tree::at(Path::new("/"))?.inspect(&program)?;
        let code = content.code.ok_or("no code")?;
        let version = theirs.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap_or_default();
        same(name, code.toolchain.clone().unwrap_or_default(), version.to_owned())?;
        let rows: Vec<Vec<&str>> =
            theirs.lines().skip(1).map(|line| line.trim().split('\t').collect()).collect();
        let row = |kind: &str| {
            rows.iter().find(|row| row[0] == kind).and_then(|row| row.get(1)).copied().unwrap_or_default()
        };
        same(name, code.main.map(|main| main.name).unwrap_or_default(), row("mod").to_owned())?;
        let ours: Vec<&str> = code
            .packages
            .iter()
            .map(|package| package.name.as_str())
            .filter(|name| *name != "stdlib")
            .collect();
        same(name, ours.join(" "), row("=>").to_owned())?;
    }
    Ok(())
}
