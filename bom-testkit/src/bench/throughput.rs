//! What others get done while they are watched: redis-benchmark and iperf3.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::error::{BenchError, at};
use super::node::is_here;
use super::observer::Observer;
use super::sample::Sample;
use super::section::Bench;
use super::spent;
use super::stage::Stage;

const PATIENCE: Duration = Duration::from_secs(30);

/// Who watches, and a figure of each repetition: the more the better.
struct Row {
    observer: Observer,
    here: bool,
    figures: Vec<Sample>,
}

impl Row {
    fn new(observer: Observer, figures: usize) -> Self {
        Self { observer, here: observer.is_here(), figures: vec![Sample::default(); figures] }
    }
}

fn rows(observers: &[Observer], figures: usize) -> Vec<Row> {
    observers.iter().map(|observer| Row::new(*observer, figures)).collect()
}

/// Interleaved; each repetition gives its figures.
fn measure(
    rows: &mut [Row],
    repetitions: usize,
    mut one: impl FnMut(Observer) -> Result<Vec<f64>, BenchError>,
) -> Result<(), BenchError> {
    for _ in 0..repetitions {
        for row in rows.iter_mut().filter(|row| row.here) {
            for (sample, figure) in row.figures.iter_mut().zip(one(row.observer)?) {
                sample.push(figure);
            }
        }
    }
    Ok(())
}

fn table(text: &mut String, rows: &[Row], names: &[&str], decimals: usize) {
    text.push_str("| observer |");
    for name in names {
        let _ = write!(text, " {name} | ratio to bare |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|---|".repeat(names.len()));
    text.push('\n');
    let none = Vec::new();
    let bare = rows.iter().find(|row| row.observer == Observer::Nobody).map_or(&none, |row| &row.figures);
    for row in rows {
        let _ = write!(text, "| {} |", row.observer.name());
        if !row.here {
            text.push_str(" not installed |\n");
            continue;
        }
        for (sample, bare) in row.figures.iter().zip(bare) {
            let _ = write!(text, " {} | {} |", sample.show(decimals), sample.over(bare).show(3));
        }
        text.push('\n');
    }
}

const PORT: u16 = 6399;
const REQUESTS: &str = "100000";
/// Where every request stops several times in a tracer.
const FEW_REQUESTS: &str = "3000";

pub(crate) fn redis(bench: &Bench) -> Result<String, BenchError> {
    let repetitions = bench.few();
    let title = "## redis-benchmark\n\n";
    if !is_here("redis-server", "--version") || !is_here("redis-benchmark", "--version") {
        return Ok(format!("{title}Not measured: redis-server or redis-benchmark is not installed.\n"));
    }
    let observers =
        [Observer::Nobody, Observer::Aibom, Observer::Light, Observer::Bpftrace, Observer::Strace];
    let mut rows = rows(&observers, 2);
    measure(&mut rows, repetitions, |observer| redis_once(&bench.stage, observer))?;
    let mut text = format!(
        "{title}`redis-server` is watched, `redis-benchmark` (50 connections, {REQUESTS} requests; {FEW_REQUESTS} for strace) is \
         not; both share the cores. {repetitions} repetitions. Aim: 97 %.\n\n"
    );
    table(&mut text, &rows, &["SET, requests/s", "GET, requests/s"], 0);
    Ok(text)
}

fn redis_once(stage: &Stage, observer: Observer) -> Result<Vec<f64>, BenchError> {
    let port = PORT.to_string();
    let words: Vec<OsString> =
        ["redis-server", "--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            .map(OsString::from)
            .into();
    // bpftrace takes one line, in which an empty word is lost.
    let words: Vec<OsString> = match observer {
        Observer::Bpftrace => {
            let file = stage.file("redis.conf");
            fs::write(&file, format!("port {port}\nbind 127.0.0.1\nsave \"\"\nappendonly no\n"))
                .map_err(at(&file))?;
            vec!["/usr/bin/redis-server".into(), file.into()]
        }
        Observer::Nobody
        | Observer::Aibom
        | Observer::Light
        | Observer::Strace
        | Observer::Opensnoop
        | Observer::Fatrace => words,
    };
    let mut command = observer.command(stage, &words);
    stage.silence(&mut command)?;
    command.current_dir(stage.file(""));
    let mut server =
        command.spawn().map_err(|source| BenchError::Start { program: "redis-server".to_owned(), source })?;
    let measured = reachable(&mut server).and_then(|()| {
        let requests = if observer == Observer::Strace { FEW_REQUESTS } else { REQUESTS };
        let output = Command::new("redis-benchmark")
            .args(["-p", &port, "-c", "50", "-n", requests, "-t", "set,get", "--csv"])
            .stderr(Stdio::null())
            .output()
            .map_err(|source| BenchError::Start { program: "redis-benchmark".to_owned(), source })?;
        requests_a_second(&String::from_utf8_lossy(&output.stdout))
    });
    shut_down();
    server.wait().map_err(|source| BenchError::System { what: "wait", source })?;
    measured
}

/// `"SET","123456.78",…`, then `"GET",…`.
fn requests_a_second(csv: &str) -> Result<Vec<f64>, BenchError> {
    let figure = |name: &str| {
        let line = csv.lines().find(|line| line.starts_with(&format!("\"{name}\"")))?;
        line.split(',').nth(1)?.trim_matches('"').parse::<f64>().ok()
    };
    match (figure("SET"), figure("GET")) {
        (Some(set), Some(get)) => Ok(vec![set, get]),
        _ => Err(BenchError::Missing("requests per second in what redis-benchmark printed")),
    }
}

/// Waits until it answers, which may take a tracer a while.
fn reachable(server: &mut Child) -> Result<(), BenchError> {
    let begun = Instant::now();
    loop {
        let asked = TcpStream::connect(("127.0.0.1", PORT)).and_then(|mut stream| {
            stream.write_all(b"PING\r\n")?;
            stream.read(&mut [0; 16])
        });
        if asked.is_ok_and(|length| length > 0) {
            return Ok(());
        }
        let ended = server.try_wait().map_err(|source| BenchError::System { what: "wait", source })?;
        if ended.is_some() || begun.elapsed() > PATIENCE {
            return Err(BenchError::Missing("answer of redis-server"));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn shut_down() {
    let asked = TcpStream::connect(("127.0.0.1", PORT))
        .and_then(|mut stream| stream.write_all(b"SHUTDOWN NOSAVE\r\n").map(|()| stream));
    // It answers by closing; if it is not there, there is nothing to end.
    if let Ok(mut stream) = asked {
        let _ = stream.read(&mut [0; 64]);
    }
}

const NEAR: &str = "10.231.77.1";
const FAR: &str = "10.231.77.2";
const SECONDS: &str = "3";

pub(crate) fn iperf3(bench: &Bench) -> Result<String, BenchError> {
    let repetitions = bench.few();
    let title = "## iperf3 over a pair of virtual interfaces\n\n";
    if !is_here("iperf3", "--version") {
        return Ok(format!("{title}Not measured: iperf3 is not installed.\n"));
    }
    let far = Far::start()?;
    let mut rows = rows(&[Observer::Nobody, Observer::Aibom, Observer::Light], 1);
    measure(&mut rows, repetitions, |observer| Ok(vec![iperf3_once(&bench.stage, observer, &far)?]))?;
    let mut text = format!(
        "{title}The client is watched, with names read from the packets as always; the server is in another network \
         namespace. One TCP stream for {SECONDS} s, {repetitions} repetitions. Aim: 97 %.\n\n"
    );
    table(&mut text, &rows, &["received, Gbit/s"], 2);
    Ok(text)
}

fn iperf3_once(stage: &Stage, observer: Observer, far: &Far) -> Result<f64, BenchError> {
    let log = stage.file("iperf3.json");
    if log.exists() {
        fs::remove_file(&log).map_err(at(&log))?;
    }
    let mut server = far.inside(&["iperf3", "--server", "--one-off", "--bind", FAR])?;
    let begun = Instant::now();
    // A connection of ours would be taken for the one test; so the table of listeners is looked at.
    while !far.listens() {
        if begun.elapsed() > PATIENCE {
            return Err(BenchError::Missing("iperf3 that listens"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    let mut words: Vec<OsString> =
        ["iperf3", "--client", FAR, "--time", SECONDS, "--json", "--logfile"].map(OsString::from).into();
    words.push(log.clone().into());
    let mut command = observer.command(stage, &words);
    stage.silence(&mut command)?;
    let ended = spent::run(&mut command);
    let waited = server.wait();
    ended?;
    waited.map_err(|source| BenchError::System { what: "wait", source })?;
    let bytes = fs::read(&log).map_err(at(&log))?;
    let document: Value = serde_json::from_slice(&bytes)
        .map_err(|source| BenchError::Recording { path: log.clone(), source })?;
    let bits = document.pointer("/end/sum_received/bits_per_second").and_then(Value::as_f64);
    bits.map(|bits| bits / 1e9).ok_or(BenchError::Missing("bits per second in what iperf3 wrote"))
}

/// Another network namespace, joined to ours by a pair of interfaces. It ends with the process that holds it.
struct Far {
    holder: Child,
}

impl Far {
    fn start() -> Result<Self, BenchError> {
        let holder = Command::new("unshare")
            .args(["--net", "sleep", "infinity"])
            .spawn()
            .map_err(|source| BenchError::Start { program: "unshare".to_owned(), source })?;
        let far = Self { holder };
        let ours = fs::read_link("/proc/self/ns/net").map_err(at("/proc/self/ns/net"))?;
        let theirs = format!("/proc/{}/ns/net", far.holder.id());
        let begun = Instant::now();
        while fs::read_link(&theirs).map_err(at(&theirs))? == ours {
            if begun.elapsed() > PATIENCE {
                return Err(BenchError::Missing("second network namespace"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        let holder = far.holder.id().to_string();
        for words in [
            &["link", "add", "aibomb0", "type", "veth", "peer", "name", "aibomb1", "netns", &holder][..],
            &["address", "add", &format!("{NEAR}/24"), "dev", "aibomb0"],
            &["link", "set", "aibomb0", "up"],
        ] {
            spent::run(Command::new("ip").args(words))?;
        }
        for words in [
            &["ip", "address", "add", &format!("{FAR}/24"), "dev", "aibomb1"][..],
            &["ip", "link", "set", "aibomb1", "up"],
        ] {
            let mut inside = far.inside(words)?;
            inside.wait().map_err(|source| BenchError::System { what: "wait", source })?;
        }
        Ok(far)
    }

    fn inside(&self, words: &[&str]) -> Result<Child, BenchError> {
        Command::new("nsenter")
            .arg(format!("--net=/proc/{}/ns/net", self.holder.id()))
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|source| BenchError::Start { program: "nsenter".to_owned(), source })
    }

    /// Whether anybody listens on iperf3's port, 5201, by proc_net_tcp(5).
    fn listens(&self) -> bool {
        ["tcp", "tcp6"].iter().any(|name| {
            let text = fs::read_to_string(format!("/proc/{}/net/{name}", self.holder.id()));
            text.unwrap_or_default().lines().any(|line| line.contains(":1451 ") && line.contains(" 0A "))
        })
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // With the last process in it the namespace ends, and with it the pair.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_redis_benchmark_prints() {
        let csv = "\"test\",\"rps\"\n\"SET\",\"98522.17\",\"0.3\"\n\"GET\",\"101317.12\",\"0.2\"\n";
        assert_eq!(requests_a_second(csv).expect("both"), [98_522.17, 101_317.12]);
        assert!(requests_a_second("\"SET\",\"1\"\n").is_err());
    }
}
