//! Canary secrets: an agent sends them over TLS and in the clear, has them in its environment and on its command
//! line; nothing that aibom writes holds any of them, in any encoding that is easily made.

mod canary;

#[expect(dead_code, reason = "the trials of behaviour use all of it")]
#[path = "../behaviour/aibom.rs"]
mod aibom;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs::{self, File},
    io::Read as _,
    os::fd::{FromRawFd as _, OwnedFd},
    path::Path,
    process::{Command, ExitCode, Stdio},
    ptr,
};

use bom_testkit::{
    trial::{Failed, Need, agents, run, trial},
    world::{Options, World},
};

use aibom::{PROGRAM, Scratch, wait};
use canary::{Canary, Search};

/// What the copy of this program inside the world is called with, then the log and the command.
const INSIDE: &str = "inside-the-world";

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == INSIDE) {
        return inside(arguments.collect());
    }
    let needs = [Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Netns, Need::Agents];
    run(vec![
        trial("secrets::the_search_finds_what_is_there", &[], the_search_finds_what_is_there),
        trial("secrets::appear_nowhere", &needs, appear_nowhere),
    ])
}

/// A world is never left again, so a process of its own is in it.
fn inside(arguments: Vec<OsString>) -> ExitCode {
    let [log, program, rest @ ..] = &arguments[..] else { panic!("a log and a command") };
    let options = Options { log: Some(log.into()), ..Options::default() };
    let world = World::open(&options).expect("a world");
    ExitCode::from(world.run(program, rest).expect("the command starts"))
}

/// Without this the other trial could not fail.
fn the_search_finds_what_is_there() -> Result<(), Failed> {
    let canaries = [Canary::new("one"), Canary::new("two")];
    let search = Search::of(&canaries);
    let secret = &canaries[1].secret;
    for (name, encoded) in canary::encodings(secret.as_bytes()) {
        for before in ["", "x", "xy"] {
            let text = format!("{before}{encoded} and more");
            assert_eq!(search.hits(text.as_bytes()), ["two"], "{name}: {text}");
        }
    }
    for cover in ["", "a", "ab"] {
        let whole = format!("{cover}{secret}{cover}");
        assert_eq!(search.hits(canary::base64(whole.as_bytes()).as_bytes()), ["two"], "base64 of {whole}");
    }
    assert_eq!(search.hits(b"nothing of the kind"), Vec::<&str>::new());
    Ok(())
}

fn appear_nowhere() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let sent = scratch.join("sent");
    let log = scratch.join("world.log");
    let results = scratch.join("results");
    fs::create_dir(&results)?;
    let canaries: Vec<Canary> = [
        "header",
        "query",
        "body",
        "plain_header",
        "plain_cookie",
        "plain_path",
        "plain_query",
        "plain_body",
        "argument",
        "environment",
        "environment_key",
        "model_argument",
        "model_environment",
        "address_environment",
    ]
    .map(Canary::new)
    .into();
    let secrets: BTreeMap<&str, &str> =
        canaries.iter().map(|canary| (canary.place, canary.secret.as_str())).collect();

    let mut command = Command::new(env::current_exe()?);
    command.arg(INSIDE).arg(&log).arg(PROGRAM).arg("record").arg("--to").arg(results.join("recording"));
    for format in ["cyclonedx-1.5", "cyclonedx-1.6", "cyclonedx-1.7", "table"] {
        let mut target = OsString::from(format!("{format}="));
        target.push(results.join(format));
        command.arg("-o").arg(target);
    }
    command.arg("--").arg(agents().join("venv/bin/python"));
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/secrets/agent.py"));
    command.arg("--sent").arg(&sent).args(["--api-key", secrets["argument"]]);
    // Where values are looked at.
    command.args(["--model", secrets["model_argument"]]).env("OPENAI_MODEL", secrets["model_environment"]);
    let secret = secrets["address_environment"];
    let password = secret.replace('/', "%2F");
    let address = format!("https://user:{password}@gateway.example/{secret}?key={secret}#{secret}");
    command.env("ANTHROPIC_BASE_URL", address).env("OLLAMA_MODEL", "qwen2.5:7b");
    command.env("SERVICE_PASSWORD", secrets["environment"]).env("OPENAI_API_KEY", secrets["environment_key"]);
    command.env("AIBOM_CANARIES", serde_json::to_string(&secrets)?);
    command.env("AIBOM_TIMES", "1").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    command.env_remove("SUDO_UID").env_remove("SUDO_GID");
    let (code, shown) = on_a_terminal(command);
    fs::write(results.join("terminal"), &shown)?;
    let shown = String::from_utf8_lossy(&shown);
    assert_eq!(code, 0, "{shown}");

    // The control: they were sent, and the search finds them.
    let search = Search::of(&canaries);
    let control = fs::read(&sent)?;
    assert_eq!(
        search.hits(&control).len(),
        canaries.len(),
        "all of them were sent: {:?}",
        search.hits(&control)
    );
    let log = fs::read_to_string(&log)?;
    let requests: Vec<serde_json::Value> =
        log.lines().map(serde_json::from_str).collect::<Result<Vec<_>, _>>()?;
    let request =
        requests.iter().find(|line| line["event"] == "request").ok_or("no request reached the server")?;
    assert_eq!((&request["host"], &request["status"]), (&"api.openai.com".into(), &200.into()), "{log}");

    // The run was observed: otherwise its results would hold nothing at all.
    assert!(shown.contains("aibom: observing, "), "a status line: {shown}");
    let bom = fs::read_to_string(results.join("cyclonedx-1.6"))?;
    let told = [
        "argument --model (withheld)",
        "environment ANTHROPIC_BASE_URL=https://gateway.example:443",
        "environment OLLAMA_MODEL=qwen2.5:7b",
        "environment OPENAI_MODEL (withheld)",
    ];
    for word in ["api.openai.com", "pkg:pypi/openai@", "127.0.0.1"].into_iter().chain(told) {
        assert!(bom.contains(word), "{word} is in the BOM");
    }
    let mut recording = Vec::new();
    flate2::read::MultiGzDecoder::new(File::open(results.join("recording"))?).read_to_end(&mut recording)?;
    assert!(recording.len() > 10_000, "{} bytes", recording.len());
    fs::write(results.join("recording.plain"), recording)?;
    let replayed = Command::new(PROGRAM).arg("replay").arg(results.join("recording")).output()?;
    assert!(replayed.status.success());
    fs::write(results.join("replayed"), [replayed.stdout, replayed.stderr].concat())?;

    let mut files = 0;
    for entry in fs::read_dir(&results)? {
        let path = entry?.path();
        assert_eq!(search.hits(&fs::read(&path)?), Vec::<&str>::new(), "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 8, "every result was searched");
    only_ours(&scratch);
    Ok(())
}

/// Nothing was written beside the results.
fn only_ours(scratch: &Scratch) {
    let names = scratch.names();
    let expected = ["results", "sent", "world.log"];
    assert!(names.iter().map(Path::new).eq(expected.iter().map(Path::new)), "{names:?}");
}

/// Its standard error is a terminal, so that everything that is only shown there is shown.
fn on_a_terminal(mut command: Command) -> (i32, Vec<u8>) {
    let (mut master, mut slave) = (0, 0);
    // SAFETY: two live integers that the C library fills; no name, no settings.
    let result =
        unsafe { libc::openpty(&raw mut master, &raw mut slave, ptr::null_mut(), ptr::null(), ptr::null()) };
    assert_eq!(result, 0, "openpty: {}", std::io::Error::last_os_error());
    // SAFETY: descriptors of ours that nobody else knows; the child gets copies made by dup2.
    unsafe { libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC) };
    // SAFETY: the kernel just gave us both, and nobody else knows them.
    let (mut master, slave) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
    let errors = Stdio::from(slave.try_clone().expect("dup"));
    command.stdin(Stdio::null()).stdout(Stdio::from(slave)).stderr(errors);
    let mut child = command.spawn().expect("the command starts");
    // The last copies of the other end that are ours.
    drop(command);
    let reader = std::thread::spawn(move || {
        let mut shown = Vec::new();
        // A terminal whose other end is closed ends in EIO.
        let _ = master.read_to_end(&mut shown);
        shown
    });
    let code = wait(&mut child);
    (code, reader.join().expect("the reader"))
}
