//! One program, run under `aibom run`, and the document that came of it.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use bom_core::bom::{Bom, check, from_json};
use bom_testkit::synth;

use crate::{facts::Given, outside::Outside, programs, rows::Row};

const AIBOM: &str = env!("CARGO_BIN_EXE_aibom");
/// The programs end themselves after 30 seconds; aibom has its own work to do then.
const DEADLINE: Duration = Duration::from_secs(90);
/// What a program says that the machine cannot run.
const NOT_HERE: i32 = 77;
/// What is in the place of the document before.
const EARLIER: &[u8] = b"an earlier document";

/// What programs and their observer left.
#[derive(Debug)]
pub(crate) struct Observation {
    /// One for each program, in the order they were given.
    pub(crate) runs: Vec<Run>,
    pub(crate) stderr: String,
    pub(crate) document: Document,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) given: Given,
    /// 128+n for a signal.
    pub(crate) code: i32,
    /// The program's last process came to its end; for rows that leave a proof.
    pub(crate) proof: bool,
}

#[derive(Debug)]
pub(crate) enum Document {
    Written(Box<Bom>),
    /// The earlier one is still there, whole.
    Earlier,
    Broken(String),
}

/// Everything a program is given; removed on drop.
struct Stage {
    scratch: tempfile::TempDir,
    given: Given,
    _outside: Outside,
}

impl Stage {
    fn new(row: &Row) -> io::Result<Self> {
        // Short: a Unix socket's path has room for 107 bytes.
        let scratch = tempfile::Builder::new().prefix("by-").tempdir()?;
        let folder = scratch.path().join("f");
        fs::create_dir(&folder)?;
        let name = unique_name(&row.id);
        let model = folder.join(format!("{name}.safetensors"));
        // Large enough for reads past the page cache, and with something in it that nobody else has.
        let content =
            synth::safetensors().empty().metadata("bypass", &name).tensor("t", "F32", &[4096], 4 * 4096);
        fs::write(&model, content.build())?;
        if row.given("library") {
            fs::copy(programs::library(), folder.join("library.so"))?;
        }
        let outside = Outside::new(&folder, &name, &model)?;
        let text = |path: &Path| path.to_str().expect("paths of ours are text").to_owned();
        let given = Given { folder: text(&folder), model: text(&model), name };
        Ok(Self { scratch, given, _outside: outside })
    }

    fn stdin(&self, row: &Row) -> io::Result<Stdio> {
        if row.given("stdin-file") {
            Ok(File::open(&self.given.model)?.into())
        } else if row.given("stdin-pipe") {
            let (reader, mut writer) = io::pipe()?;
            let model = fs::read(&self.given.model)?;
            // Whoever reads no more than the beginning breaks the pipe.
            thread::spawn(move || writer.write_all(&model));
            Ok(reader.into())
        } else {
            Ok(Stdio::null())
        }
    }

    fn command(&self, program: &Path) -> Vec<PathBuf> {
        [
            program.to_owned(),
            (&self.given.model).into(),
            (&self.given.name).into(),
            (&self.given.folder).into(),
        ]
        .into()
    }
}

/// Runs the program unobserved; the reason if it says that the machine cannot do it.
pub(crate) fn missing(row: &Row) -> Option<String> {
    let stage = Stage::new(row).expect("a stage");
    let command = stage.command(&programs::program(row));
    let errors = tempfile::tempfile().expect("a file");
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .env("BYPASS_IN_HASTE", "1")
        .stdin(stage.stdin(row).expect("standard input"))
        .stdout(Stdio::null())
        .stderr(errors.try_clone().expect("dup"))
        .spawn();
    let code = match &mut child {
        Ok(child) => code(wait(child)),
        // A kernel without 32-bit programs.
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
            return Some(format!("{}: {error}", row.id));
        }
        Err(error) => panic!("{}: {error}", row.id),
    };
    (code == NOT_HERE).then(|| all(&errors).trim().to_owned())
}

/// One program after the other; on stderr the name and code of each that fails.
const IN_TURN: &str =
    r#"while [ $# -gt 0 ]; do "$1" "$2" "$3" "$4" || echo "failed: $3 $?" >&2; shift 4; done"#;

/// Runs the programs of some rows under one `aibom run`.
pub(crate) fn observe(rows: &[&Row], profile: &str, without: &[&str]) -> Observation {
    let stages: Vec<Stage> = rows.iter().map(|row| Stage::new(row).expect("a stage")).collect();
    let (Some(first), Some(row)) = (stages.first(), rows.first()) else { panic!("a row") };
    let bom = first.scratch.path().join("bom.json");
    fs::write(&bom, EARLIER).expect("an earlier document");
    let errors = tempfile::tempfile().expect("a file");
    let mut command = Command::new(AIBOM);
    command.args(["run", "--quiet", "--profile", profile, "-o"]).arg(&bom);
    for probe in without {
        command.args(["--without-probe", probe]);
    }
    command.arg("--");
    if stages.len() > 1 {
        command.args(["sh", "-c", IN_TURN, "sh"]);
    }
    for (stage, row) in stages.iter().zip(rows) {
        command.args(stage.command(&programs::program(row)));
    }
    // What sudo or the caller's shell says must not change what is tried here.
    command.env_remove("SUDO_UID").env_remove("SUDO_GID");
    command.stdin(first.stdin(row).expect("standard input")).stdout(Stdio::null());
    command.stderr(errors.try_clone().expect("dup"));
    let mut child = command.spawn().expect("aibom starts");
    let code = code(wait(&mut child));
    let stderr = all(&errors);
    let run = |(stage, row): (&Stage, &&Row)| {
        // Its last process may outlive what kills the observer.
        let place = Path::new(&stage.given.folder).join("proof");
        let proof = row.given("proof") && until(|| place.exists());
        let failure = format!("failed: {} ", stage.given.name);
        let own = stderr.lines().find_map(|line| line.strip_prefix(&failure)?.parse().ok());
        Run { given: stage.given.clone(), code: own.unwrap_or(code), proof }
    };
    let runs = stages.iter().zip(rows).map(run).collect();
    remove_cgroups(child.id());
    Observation { runs, stderr, document: read(&bom) }
}

fn read(path: &Path) -> Document {
    let bytes = fs::read(path).expect("the document, or the earlier one");
    if bytes == EARLIER {
        return Document::Earlier;
    }
    match from_json(&bytes) {
        Ok(read) if read.issues.is_empty() && check(&read.bom).is_empty() => {
            Document::Written(Box::new(read.bom))
        }
        Ok(read) => Document::Broken(format!("{:?} {:?}", read.issues, check(&read.bom))),
        Err(error) => Document::Broken(error.to_string()),
    }
}

/// A name that nobody has had, good for a label of DNS.
fn unique_name(id: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{:x}-{count:x}", id.replace('_', "-"), std::process::id())
}

/// Kills and fails after the deadline.
fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    if !until(|| {
        status = child.try_wait().expect("wait");
        status.is_some()
    }) {
        child.kill().expect("kill");
        child.wait().expect("wait");
        panic!("still running after {DEADLINE:?}");
    }
    status.expect("a status")
}

fn until(mut condition: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while !condition() {
        if since.elapsed() > DEADLINE {
            return false;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    true
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|number| 128 + number)).expect("a code or a signal")
}

fn all(file: &File) -> String {
    let mut bytes = Vec::new();
    let mut file = file.try_clone().expect("dup");
    file.rewind().expect("rewind");
    file.read_to_end(&mut bytes).expect("read");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An aibom that was killed leaves its cgroup.
fn remove_cgroups(pid: u32) {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    for line in mounts.lines().filter(|line| line.split(' ').nth(2) == Some("cgroup2")) {
        let place = Path::new(line.split(' ').nth(1).unwrap_or_default());
        let mut folders = vec![place.to_owned()];
        while let Some(folder) = folders.pop() {
            // Cgroups come and go while we look.
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(&format!("aibom-{pid}-")) {
                    let _ = until(|| fs::remove_dir(entry.path()).is_ok());
                } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                }
            }
        }
    }
}
