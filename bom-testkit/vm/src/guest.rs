//! Process 1: prepares the machine, has the acts observed, prints the rows, ends the machine.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Read as _},
    net::{TcpListener, UdpSocket},
    os::unix::net::UnixListener,
    process::{Command, ExitCode, Output},
    thread,
    time::Instant,
};

use flate2::read::GzDecoder;

use crate::{
    acts, bypass,
    judge::Observation,
    line::{Verdict, print},
    mounts,
    rows::{FOLDER, Fact, LEFT, ROWS, TCP4, TCP6, TLS, UDP, UNIX, URING},
};

const AIBOM: &str = "/bin/aibom";

pub(crate) fn main() -> ExitCode {
    if let Err(error) = machine() {
        print("machine", Verdict::Failed, error);
    }
    mounts::power_off()
}

fn machine() -> io::Result<()> {
    mounts::own_root()?;
    mounts::all()?;
    mounts::loopback()?;
    print("kernel", Verdict::Note, mounts::kernel());
    place()?;
    listen()?;
    let tiers = mounts::parameter("tiers").unwrap_or_else(|| "base,upper".to_owned());
    for tier in tiers.split(',') {
        if let Err(error) = observe(tier) {
            print(&format!("{tier}/run"), Verdict::Failed, error);
        }
    }
    // Without this line the run was cut short, whatever else was printed.
    print("end", Verdict::Note, "all rows printed");
    Ok(())
}

/// What the acts open and execute.
fn place() -> io::Result<()> {
    fs::create_dir_all(FOLDER)?;
    for row in ROWS {
        match row.fact {
            Fact::Model => fs::write(acts::model(row.name), gguf(row.name))?,
            Fact::Program => drop(fs::copy("/init", acts::program(row.name))?),
            Fact::Recorded | Fact::MemoryProgram | Fact::Service(_) | Fact::Named(..) | Fact::Path(_) => {}
        }
    }
    Ok(())
}

/// The smallest model: a GGUF header with a name of its own, so that no two rows share a digest.
fn gguf(name: &str) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend(2_u64.to_le_bytes());
    for (key, value) in [("general.architecture", "llama"), ("general.name", name)] {
        bytes.extend((key.len() as u64).to_le_bytes());
        bytes.extend(key.as_bytes());
        // The value's type: 8 is a string.
        bytes.extend(8_u32.to_le_bytes());
        bytes.extend((value.len() as u64).to_le_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes
}

/// Peers of the acts: they take everything and say nothing.
fn listen() -> io::Result<()> {
    for address in [TCP4, TCP6, URING, LEFT, TLS] {
        let listener = TcpListener::bind(address)?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Until the peer is done: a reset would be another end of the connection.
                let _ = io::copy(&mut BufReader::new(stream), &mut io::sink());
            }
        });
    }
    let socket = UdpSocket::bind(UDP)?;
    thread::spawn(move || while socket.recv(&mut [0; 64]).is_ok() {});
    let listener = UnixListener::bind(UNIX)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = io::copy(&mut BufReader::new(stream), &mut io::sink());
        }
    });
    Ok(())
}

/// Everything of one tier.
fn observe(tier: &str) -> io::Result<()> {
    let begun = Instant::now();
    // What a kernel refuses of the upper tier is no error, so it is tried and not demanded.
    let flags = if tier == "upper" { ["--tier", "auto"] } else { ["--tier", tier] };
    let (observation, said) = run(tier, "acts", acts::LEDGER, &flags)?;
    for (name, state) in observation.probes() {
        print(&format!("{tier}/probe:{name}"), Verdict::Note, state);
    }
    for row in ROWS {
        let (verdict, detail) = observation.verdict(row);
        print(&format!("{tier}/{}", row.name), verdict, detail);
    }
    print(&format!("{tier}/gaps"), Verdict::Note, observation.gaps().join(" "));
    print(&format!("{tier}/losses"), Verdict::Note, observation.losses().join(" "));
    print(&format!("{tier}/unresolved"), Verdict::Note, observation.unresolved().join("; "));
    print(&format!("{tier}/complete"), Verdict::Note, observation.complete().join(" "));
    if tier == "upper" {
        agree(&observation)?;
    }
    bypass(tier, &flags)?;
    print(&format!("{tier}/time"), Verdict::Note, format!("{:.1} s; {said}", begun.elapsed().as_secs_f64()));
    Ok(())
}

/// The programs of the bypass suite, all under one observer.
fn bypass(tier: &str, flags: &[&str]) -> io::Result<()> {
    let rows = bypass::rows();
    if rows.is_empty() {
        return Ok(());
    }
    bypass::place(&rows)?;
    let (observation, _) = run(&format!("{tier}-bypass"), "bypass", bypass::LEDGER, flags)?;
    for row in &rows {
        let (verdict, detail) = bypass::verdict(&observation, row);
        print(&format!("{tier}/bypass:{}", row.id), verdict, detail);
    }
    print(&format!("{tier}/bypass-unresolved"), Verdict::Note, observation.unresolved().join("; "));
    print(&format!("{tier}/bypass-losses"), Verdict::Note, observation.losses().join(" "));
    Ok(())
}

/// Two witnesses of the same acts have to agree; with one of them blinded on purpose they must not.
fn agree(both: &Observation) -> io::Result<()> {
    const CAUSE: &str = "tier-disagreement-";
    let runs = both.probes().get("security_file_open").is_some_and(|state| *state == "attached");
    let row = "upper/tiers-agree";
    let disagreement: Vec<String> =
        both.losses().into_iter().filter(|loss| loss.starts_with(CAUSE)).collect();
    let refused = both.probes().iter().any(|(_, state)| state.starts_with("refused"));
    match (runs, disagreement.as_slice()) {
        (false, _) => {
            print(row, Verdict::Impossible, "this kernel refuses security_file_open");
            return Ok(());
        }
        (true, []) => print(row, Verdict::Seen, "no file that only one tier saw"),
        // Of what this kernel does not show to the base tier, only the upper one can tell.
        (true, _) if refused => print(row, Verdict::Declared, disagreement.join(" ")),
        (true, _) => print(row, Verdict::Failed, disagreement.join(" ")),
    }
    let (blind, _) =
        run("blind", "acts", acts::LEDGER, &["--tier", "upper", "--without-probe", "sys_exit_openat"])?;
    let row = "upper/base-tier-blinded";
    let seen = ROWS.iter().find(|row| row.name == "openat").map(|row| blind.verdict(row));
    let declared = blind.losses().into_iter().find(|loss| loss.starts_with("tier-disagreement-only-upper"));
    match (seen, declared) {
        (Some((Verdict::Seen, how)), Some(loss)) => print(row, Verdict::Seen, format!("{how}; {loss}")),
        (seen, loss) => print(row, Verdict::Failed, format!("{seen:?}; {loss:?}")),
    }
    Ok(())
}

/// One observation, and the last thing aibom said.
fn run(name: &str, what: &str, kept: &str, flags: &[&str]) -> io::Result<(Observation, String)> {
    let (document, recording) = (format!("/run/{name}.json"), format!("/run/{name}.aibomrec"));
    let output = Command::new(AIBOM)
        .args(["record", "--quiet", "--to", &recording, "-o", &document])
        .args(flags)
        .args(["--", "/init", what])
        .env("AIBOM_TIMES", "1")
        .output()?;
    for text in String::from_utf8_lossy(&output.stderr).lines() {
        println!("{name}: {text}");
    }
    let said = last_line(&output);
    if !output.status.success() {
        return Err(io::Error::other(format!("aibom ended with {}: {said}", output.status)));
    }
    let observation = Observation {
        document: serde_json::from_reader(BufReader::new(File::open(&document)?))?,
        recording: lines(&recording)?,
        ledger: ledger(kept)?,
    };
    Ok((observation, said))
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("it said nothing").to_owned()
}

fn lines(recording: &str) -> io::Result<Vec<String>> {
    BufReader::new(GzDecoder::new(File::open(recording)?)).lines().collect()
}

fn ledger(place: &str) -> io::Result<BTreeMap<String, String>> {
    let mut text = String::new();
    File::open(place)?.read_to_string(&mut text)?;
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    Ok(lines.map(|(name, outcome)| (name.to_owned(), outcome.to_owned())).collect())
}
