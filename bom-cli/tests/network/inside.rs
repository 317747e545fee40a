//! `aibom` on a command inside the closed world of bom-testkit, perhaps with a server beside it. Entering the world moves a
//! process for good, so this test program starts itself once more as the world.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};

use bom_testkit::{
    trial::{Failed, agents},
    world::{Options, World},
};
use serde_json::Value;

/// First argument of the copy that is the world; then, up to a word of its own, the server beside it.
const AS_WORLD: &str = "as-the-world";
const COMMAND: &str = "--command";
/// As everywhere: our own failure.
const FAILED: u8 = 125;
/// Debian's own Python, which has the standard library.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Is this copy the world? Then it runs the command and this is its exit code. Comes before anything else in `main`.
pub(crate) fn world() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != AS_WORLD {
        return None;
    }
    let rest: Vec<OsString> = arguments.collect();
    Some(ExitCode::from(run(&rest).unwrap_or_else(|error| {
        eprintln!("world: {error}");
        FAILED
    })))
}

fn run(words: &[OsString]) -> Result<u8, String> {
    let at = words.iter().position(|word| word == COMMAND).ok_or("no command")?;
    let (beside, command) = (&words[..at], &words[at + 1..]);
    let [program, arguments @ ..] = command else { return Err("no command".to_owned()) };
    let world =
        World::open(&Options { ipv6: true, ..Options::default() }).map_err(|error| error.to_string())?;
    let server = beside.split_first().map(|(program, arguments)| Server::start(program, arguments));
    let server = server.transpose().map_err(|error| format!("start the server: {error}"))?;
    let code = world.run(program, arguments).map_err(|error| error.to_string());
    drop(server);
    code
}

/// A server that says one line when it is ready.
struct Server(Child);

impl Server {
    fn start(program: &OsString, arguments: &[OsString]) -> std::io::Result<Self> {
        let child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn()?;
        let mut server = Self(child);
        let mut line = String::new();
        let output = server.0.stdout.take().ok_or_else(|| std::io::Error::other("no pipe"))?;
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() == "ready" { Ok(server) } else { Err(std::io::Error::other("it is not ready")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that is gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was observed of one command.
pub(crate) struct Observed {
    pub(crate) bom: Value,
    pub(crate) table: String,
    /// Everything that was written, the recording unpacked.
    pub(crate) texts: String,
}

/// Observes a command; its failure is the trial's.
pub(crate) fn observe<S: AsRef<str>>(
    name: &str,
    options: &[&str],
    beside: &[&str],
    command: &[S],
) -> Result<Observed, Failed> {
    observe_given(Stdio::null(), name, options, beside, command)
}

/// The same with something at its standard input.
pub(crate) fn observe_given<S: AsRef<str>>(
    given: Stdio,
    name: &str,
    options: &[&str],
    beside: &[&str],
    command: &[S],
) -> Result<Observed, Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("network").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let (document, recording) = (folder.join("bom.cdx.json"), folder.join("run.aibomrec"));
    let output = Command::new("/proc/self/exe")
        .arg(AS_WORLD)
        .args(beside)
        .args([COMMAND, env!("CARGO_BIN_EXE_aibom"), "record", "--to"])
        .arg(&recording)
        .arg("-o")
        .arg(&document)
        .args(options)
        .arg("--")
        .args(command.iter().map(AsRef::as_ref))
        .stdin(given)
        .output()?;
    let table = String::from_utf8_lossy(&output.stderr).into_owned();
    fs::write(folder.join("stderr.txt"), &output.stderr)?;
    if !output.status.success() {
        return Err(format!("{name}: {}: {table}", output.status).into());
    }
    let text = fs::read_to_string(&document)?;
    let mut texts = text.clone();
    let lines = flate2::read::MultiGzDecoder::new(fs::File::open(&recording)?);
    std::io::Read::read_to_string(&mut BufReader::new(lines), &mut texts)?;
    Ok(Observed { bom: serde_json::from_str(&text)?, table, texts })
}

/// Observes calls of testdata/network/calls.py.
pub(crate) fn calls(name: &str, words: &[&str]) -> Result<Observed, Failed> {
    let script = data("calls.py");
    let mut command = vec![PYTHON, script.as_str()];
    command.extend(words);
    observe(name, &[], &[], &command)
}

pub(crate) fn data(name: &str) -> String {
    format!("{}/../testdata/network/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The Python that has QUIC.
pub(crate) fn quic_python() -> PathBuf {
    agents().join("network-venv/bin/python")
}

impl Observed {
    /// The one service of that name.
    pub(crate) fn service(&self, name: &str) -> Result<&Value, Failed> {
        let all: Vec<&Value> =
            list(&self.bom["services"]).filter(|service| service["name"] == name).collect();
        match all[..] {
            [one] => Ok(one),
            _ => {
                Err(format!("{} services called {name}: {}\n{}", all.len(), self.names(), self.table).into())
            }
        }
    }

    pub(crate) fn has_service(&self, name: &str) -> bool {
        list(&self.bom["services"]).any(|service| service["name"] == name)
    }

    /// Names of all services, sorted.
    pub(crate) fn names(&self) -> String {
        let mut names: Vec<&str> =
            list(&self.bom["services"]).filter_map(|service| service["name"].as_str()).collect();
        names.sort_unstable();
        names.join(" ")
    }

    /// Values of a property of the subject.
    pub(crate) fn subject(&self, name: &str) -> Vec<&str> {
        properties(&self.bom["metadata"]["component"], name)
    }

    pub(crate) fn has_gap(&self, class: &str, gap: &str) -> bool {
        self.subject(&format!("aibom:coverage:{class}:gap")).contains(&gap)
    }

    /// What the probes counted.
    pub(crate) fn counter(&self, name: &str) -> Option<u64> {
        let name = format!("aibom:obs:counter:{name}");
        properties(&self.bom["metadata"], &name).first()?.parse().ok()
    }
}

pub(crate) fn properties<'a>(of: &'a Value, name: &str) -> Vec<&'a str> {
    let named = list(&of["properties"]).filter(|property| property["name"] == name);
    named.filter_map(|property| property["value"].as_str()).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Fails with both sides.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}").into()) }
}
