//! Loaded, or merely touched: real programs, each with what it does to a model, and what the document makes of it
//! (`bom_core::strength`). A name changes nothing; what a program is does.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use bom_testkit::{
    synth,
    trial::{self, Failed, Need, agents, trial},
};
use serde_json::Value;

const OBSERVE: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2];

/// What a program is expected to come to.
#[derive(Clone, Copy)]
enum Told {
    /// Not in the document.
    Nothing,
    /// This strength, by a program that is no handler.
    Strength(&'static str),
    /// By a program of this package, whose work is to handle files.
    Handled(&'static str),
}
use Told::{Handled, Nothing, Strength};

struct Row {
    name: &'static str,
    /// A program that has to be there.
    program: &'static str,
    /// `MODEL`, `FOLDER`, `PYTHON` and `VENV` stand for what they say.
    arguments: &'static [&'static str],
    told: Told,
}

const fn row(
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    told: Told,
) -> Row {
    Row { name, program, arguments, told }
}

const READS: &str = "import sys; open(sys.argv[1], 'rb').read()";
const MAPS: &str = "import mmap, sys; f = open(sys.argv[1], 'rb'); \
    m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); m[0]";
const MAPS_AS_CODE: &str = "import mmap, sys; f = open(sys.argv[1], 'rb'); \
    m = mmap.mmap(f.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC); m[0]";
const LOADS: &str = "import sys; from safetensors import safe_open; \
    f = safe_open(sys.argv[1], 'numpy'); [f.get_tensor(k) for k in f.keys()]";
const PIP: &str = "/usr/lib/python3/dist-packages/pip/__main__.py";
const LISTS: &str =
    "import importlib.metadata as m; assert len([d.metadata['Name'] for d in m.distributions()]) > 5";

/// Runs pip with the arguments after the first, and writes the packages of all modules to the file that the first names.
const TELLS: &str = "import atexit, importlib.metadata as m, runpy, sys
out = sys.argv.pop(1)
def tell():
    of = m.packages_distributions()
    loaded = {d.lower().replace('_', '-') for n in list(sys.modules) for d in of.get(n.split('.')[0], [])}
    open(out, 'w').write('\\n'.join(sorted(loaded)))
atexit.register(tell)
runpy.run_module('pip', run_name='__main__')";

/// The name that the kernel shows of a process, which it can choose itself.
const RENAMED_READS: &str = "import ctypes, sys; assert ctypes.CDLL(None).prctl(15, b'sha256sum', 0, 0, 0) == 0; \
    assert open('/proc/self/comm').read() == 'sha256sum\\n'; open(sys.argv[1], 'rb').read()";

const ROWS: &[Row] = &[
    row("ls", "/usr/bin/ls", &["-l", "MODEL"], Nothing),
    row("stat", "/usr/bin/stat", &["MODEL"], Nothing),
    row("path_only", "PYTHON", &["-c", "import os, sys; os.open(sys.argv[1], os.O_PATH)", "MODEL"], Nothing),
    row("cp", "/usr/bin/cp", &["MODEL", "FOLDER/copy"], Handled("deb/coreutils")),
    row("cat", "/usr/bin/cat", &["MODEL"], Handled("deb/coreutils")),
    row("dd", "/usr/bin/dd", &["if=MODEL", "of=/dev/null", "status=none"], Handled("deb/coreutils")),
    row("sha256sum", "/usr/bin/sha256sum", &["MODEL"], Handled("deb/coreutils")),
    row("md5sum", "/usr/bin/md5sum", &["MODEL"], Handled("deb/coreutils")),
    row("tar", "/usr/bin/tar", &["-cf", "FOLDER/x.tar", "-C", "FOLDER", "weights"], Handled("deb/tar")),
    row("gzip", "/usr/bin/gzip", &["-k", "MODEL"], Handled("deb/gzip")),
    row("rsync", "/usr/bin/rsync", &["MODEL", "FOLDER/copy"], Handled("deb/rsync")),
    row("openssl", "/usr/bin/openssl", &["dgst", "-sha256", "MODEL"], Handled("deb/openssl")),
    row("python_reads", "PYTHON", &["-c", READS, "MODEL"], Strength("read-or-mapped")),
    row("python_maps", "PYTHON", &["-c", MAPS, "MODEL"], Strength("read-or-mapped")),
    row("python_maps_as_code", "PYTHON", &["-c", MAPS_AS_CODE, "MODEL"], Strength("executed")),
    row("safetensors_loads", "VENV", &["-c", LOADS, "MODEL"], Strength("read-or-mapped")),
    // Whatever calls itself so.
    row("renamed", "FOLDER/sha256sum", &["-c", READS, "MODEL"], Strength("read-or-mapped")),
    row("renamed_to_pip", "FOLDER/pip", &["-c", READS, "MODEL"], Strength("read-or-mapped")),
    row("renames_itself", "PYTHON", &["-c", RENAMED_READS, "MODEL"], Strength("read-or-mapped")),
    row("renamed_maps", "FOLDER/sha256sum", &["-c", MAPS, "MODEL"], Strength("read-or-mapped")),
    row(
        "argv0",
        "/usr/bin/bash",
        &["-c", "exec -a sha256sum \"$@\"", "x", "PYTHON", "-c", READS, "MODEL"],
        Strength("read-or-mapped"),
    ),
    // The same bytes elsewhere belong to no package.
    row("copied", "FOLDER/copied", &["MODEL"], Strength("read-or-mapped")),
    // Its own bytes, with code of nobody's in its memory.
    row(
        "preloaded",
        "/usr/bin/env",
        &["LD_PRELOAD=FOLDER/preload.so", "/usr/bin/sha256sum", "MODEL"],
        Strength("read-or-mapped"),
    ),
];

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for row in ROWS {
        let mut needs = OBSERVE.to_vec();
        if row.program == "VENV" {
            needs.push(Need::Agents);
        }
        let there = !row.program.starts_with("/usr") || Path::new(row.program).exists();
        if there {
            trials.push(trial(&format!("loaded::{}", row.name), &needs, move || check(row)));
        }
    }
    let needs = [OBSERVE, &[Need::Agents]].concat();
    let listing = |arguments: Vec<OsString>| move || lists(&arguments);
    let python = agents().join("venv/bin/python");
    let arguments = [python.clone().into(), "-c".into(), LISTS.into()].to_vec();
    trials.push(trial("loaded::a_list_of_packages_imports_none", &needs, listing(arguments)));
    // Debian's own; what is in `pip/_vendor` is not in the list of any distribution.
    if Path::new(PIP).exists() {
        let site = agents().join("venv/lib/python3.11/site-packages");
        trials.push(trial("loaded::pip_list_imports_no_more_than_it_says", &needs, move || pip_lists(site)));
    }
    // Not among what is prepared: it is told here where it is.
    if let Some(uv) = std::env::var_os("AIBOM_TEST_UV") {
        let words = ["pip", "list", "--offline", "--no-cache", "--python"].map(OsString::from);
        let arguments = [uv].into_iter().chain(words).chain([python.into()]).collect();
        trials.push(trial("loaded::uv_imports_nothing", &needs, listing(arguments)));
    }
    trial::run(trials)
}

struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Result<Self, Failed> {
        let folder = tempfile::Builder::new().prefix("loaded-").tempdir()?;
        let scene = Self { folder };
        fs::set_permissions(scene.folder.path(), fs::Permissions::from_mode(0o755))?;
        let model = synth::safetensors().tensor("large", "F32", &[64, 64], 16_384).build();
        fs::write(scene.at("weights"), model)?;
        fs::copy(python()?, scene.at("sha256sum"))?;
        fs::copy(python()?, scene.at("pip"))?;
        fs::copy("/usr/bin/sha256sum", scene.at("copied"))?;
        fs::copy(libm()?, scene.at("preload.so"))?;
        Ok(scene)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn word(&self, word: &str) -> Result<OsString, Failed> {
        Ok(match word {
            "PYTHON" => python()?.into(),
            "VENV" => agents().join("venv/bin/python").into(),
            _ => {
                let folder = self.folder.path().to_str().ok_or("a folder that is no text")?;
                word.replace("MODEL", &format!("{folder}/weights")).replace("FOLDER", folder).into()
            }
        })
    }
}

/// Debian's own Python: it lives elsewhere under a name of its own, whatever is first in `PATH`.
fn python() -> Result<PathBuf, Failed> {
    Ok(fs::canonicalize("/usr/bin/python3")?)
}

/// A library that does nothing by being there.
fn libm() -> Result<PathBuf, Failed> {
    let folders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib"];
    let found = folders.iter().map(|folder| Path::new(folder).join("libm.so.6")).find(|path| path.exists());
    Ok(fs::canonicalize(found.ok_or("no libm.so.6")?)?)
}

fn observed(command: &[OsString]) -> Result<Value, Failed> {
    let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
    aibom.args(["run", "-q", "-o", "-", "--user", "0", "--"]).args(command).stdin(Stdio::null());
    let output = aibom.output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    // What the command writes comes first.
    let start = output
        .stdout
        .windows(17)
        .position(|bytes| bytes.starts_with(b"{\n  \"$schema\"") || bytes.starts_with(b"{\n  \"bomFormat\""));
    Ok(serde_json::from_slice(&output.stdout[start.ok_or("no document")?..])?)
}

fn check(row: &Row) -> Result<(), Failed> {
    let scene = Scene::new()?;
    let words = [row.program].into_iter().chain(row.arguments.iter().copied());
    let mut command = words.map(|word| scene.word(word)).collect::<Result<Vec<_>, _>>()?;
    // Its own output goes nowhere: the document is to be the only thing on ours.
    if let Nothing | Handled(_) = row.told {
        command = [&["sh", "-c", "exec \"$@\" > /dev/null", "sh"].map(OsString::from)[..], &command].concat();
    }
    let document = observed(&command)?;
    let place = scene.at("weights").canonicalize()?;
    let uses = uses(&document, &place)?;
    let word = |context: &str, name: &str| {
        context.split(' ').find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    match (row.told, &uses[..]) {
        (Nothing, []) => Ok(()),
        (Strength(strength), [context])
            if word(context, "strength=") == strength && !context.contains(" handler=") =>
        {
            Ok(())
        }
        (Handled(package), [context])
            if word(context, "strength=") == "enumerated"
                && word(context, "seen=") == "read-or-mapped"
                && word(context, "handler=").ends_with(package) =>
        {
            Ok(())
        }
        _ => Err(format!("{uses:#?}").into()),
    }
}

/// What is said of each use of the file.
fn uses(document: &Value, place: &Path) -> Result<Vec<String>, Failed> {
    let components = document["components"].as_array().ok_or("no components")?;
    let models = components.iter().filter(|component| component["type"] == "machine-learning-model");
    let occurrences =
        models.flat_map(|model| model["evidence"]["occurrences"].as_array().into_iter().flatten());
    let here = occurrences.filter(|occurrence| occurrence["location"].as_str().map(Path::new) == Some(place));
    Ok(here.filter_map(|occurrence| occurrence["additionalContext"].as_str()).map(str::to_owned).collect())
}

/// What lists packages: every METADATA is read, and nothing is imported but what does it.
fn lists(arguments: &[OsString]) -> Result<(), Failed> {
    let packages = packages(arguments)?;
    if packages.is_empty() { Ok(()) } else { Err(format!("{packages:?}").into()) }
}

/// The Python packages that a document has after this.
fn packages(arguments: &[OsString]) -> Result<BTreeSet<String>, Failed> {
    let quiet = [&["sh", "-c", "exec \"$@\" > /dev/null", "sh"].map(OsString::from)[..], arguments].concat();
    let document = observed(&quiet)?;
    let components = document["components"].as_array().ok_or("no components")?;
    let purls = components.iter().filter_map(|component| component["purl"].as_str());
    Ok(purls.filter(|purl| purl.starts_with("pkg:pypi/")).map(str::to_owned).collect())
}

/// Debian's own pip, which imports what its parts can make use of where that is installed: the packages are those of
/// the modules that the interpreter itself says it has at its end.
fn pip_lists(site: PathBuf) -> Result<(), Failed> {
    let scene = Scene::new()?;
    let told = scene.at("told");
    let words = ["/usr/bin/python3", "-c", TELLS].map(OsString::from);
    let listing = ["list", "--path"].map(OsString::from);
    let arguments: Vec<OsString> =
        words.into_iter().chain([told.clone().into()]).chain(listing).chain([site.into()]).collect();
    let ours: BTreeSet<String> = packages(&arguments)?;
    let ours: BTreeSet<&str> = ours.iter().filter_map(|purl| purl.split(['/', '@']).nth(1)).collect();
    let told = fs::read_to_string(told)?;
    let theirs: BTreeSet<&str> = told.lines().collect();
    // Of some, Debian's package is named.
    let same = ours.is_subset(&theirs) && ours.contains("pip");
    if same { Ok(()) } else { Err(format!("{ours:?}, and the interpreter says {theirs:?}").into()) }
}
