//! A session's cgroup and the command in it, for real. The program runs itself as a small `aibom run`.

mod launch_session;
mod launch_supervisor;

use std::{
    env, fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::PermissionsExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{Command, ExitCode, Output, Stdio},
};

use bom_testkit::trial::{self, Failed, Need, trial};

use launch_supervisor::SUPERVISOR;

/// Debian's and most others' user without rights.
const NOBODY: &str = "65534";

fn main() -> ExitCode {
    if env::var_os(SUPERVISOR).is_some() {
        return launch_supervisor::main();
    }
    let trial = |name: &str, run: fn() -> Result<(), Failed>| trial(name, &[Need::Root, Need::Cgroup2], run);
    trial::run(vec![
        trial("launch::is_member_before_exec", is_member_before_exec),
        trial("launch::inherits_no_descriptor", inherits_no_descriptor),
        trial("launch::caller_of_sudo_has_no_capability_and_own_groups", caller_of_sudo),
        trial("launch::root_keeps_no_ambient_or_inheritable_capability", root_without_ambient),
        trial("launch::account_stands_in_the_environment", account_stands_in_the_environment),
        trial("launch::signals_are_default_but_for_what_the_caller_ignored", signals_are_default),
        trial("launch::limits_are_restored", limits_are_restored),
        trial("launch::exit_codes", exit_codes),
        trial("launch::searches_with_the_rights_of_its_user", searches_with_the_rights_of_its_user),
        trial("launch::outlives_and_passes_on_signals", outlives_and_passes_on_signals),
        trial("launch::says_how_to_get_the_right", says_how_to_get_the_right),
        trial("session::id_is_the_kernels", launch_session::id_is_the_kernels),
        trial("session::sees_survivors", launch_session::sees_survivors),
        trial("session::sees_nested_cgroups", launch_session::sees_nested_cgroups),
        trial("session::tells_the_runtime_when_it_is_empty", launch_session::tells_the_runtime),
        trial("session::drop_removes_it", launch_session::drop_removes_it),
    ])
}

fn is_member_before_exec() -> Result<(), Failed> {
    let text = succeed(supervisor(&["cat", "/proc/self/cgroup"]))?;
    let line = text.lines().find(|line| line.starts_with("0::")).ok_or("no unified line")?;
    let last = line.rsplit('/').next().unwrap_or_default();
    expect(last.starts_with("aibom-") && last.ends_with("-test"), line)
}

fn inherits_no_descriptor() -> Result<(), Failed> {
    let text = succeed(supervisor(&["--leak", "ls", "-l", "/proc/self/fd"]))?;
    let rows: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once(" -> "))
        .map(|(left, target)| (left.rsplit(' ').next().unwrap_or_default(), target))
        .collect();
    expect(rows.len() >= 3, &text)?;
    for (number, target) in rows {
        // The one that ls has of the folder it lists.
        let of_ls = target.starts_with("/proc/") && target.ends_with("/fd");
        expect(of_ls || matches!(number, "0" | "1" | "2"), &text)?;
    }
    Ok(())
}

fn caller_of_sudo() -> Result<(), Failed> {
    let script = "grep -E '^(Cap|Uid|Gid|Groups|NoNewPrivs)' /proc/self/status";
    let mut command = supervisor(&["--ambient", "--groups", "sh", "-c", script]);
    let text = succeed(command.env("SUDO_UID", NOBODY).env("SUDO_GID", NOBODY))?;
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        expect(text.contains(&format!("{set}:\t0000000000000000")), &text)?;
    }
    let four = |name: &str| format!("{name}:\t{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}\n");
    expect(text.contains(&four("Uid")) && text.contains(&four("Gid")), &text)?;
    expect(text.contains(&format!("Groups:\t{NOBODY} \n")) && text.contains("NoNewPrivs:\t0"), &text)?;
    let text = succeed(supervisor(&["--groups", "--user", "65534:12", "id", "-G"]))?;
    let groups: Vec<&str> = text.split_whitespace().collect();
    expect(groups.contains(&"12") && !groups.contains(&"4") && !groups.contains(&"0"), &text)
}

fn root_without_ambient() -> Result<(), Failed> {
    let mut command = supervisor(&["--ambient", "grep", "^Cap", "/proc/self/status"]);
    let text = succeed(&mut command)?;
    expect(text.contains("CapInh:\t0000000000000000"), &text)?;
    expect(text.contains("CapAmb:\t0000000000000000"), &text)?;
    expect(!text.contains("CapEff:\t0000000000000000"), &text)
}

fn account_stands_in_the_environment() -> Result<(), Failed> {
    let show = ["sh", "-c", "echo \"${USER-none} ${LOGNAME-none} ${HOME-none}\""];
    let mut command = supervisor(&[&["--user", "nobody"], &show[..]].concat());
    let text = succeed(command.env("HOME", "/root"))?;
    expect(text.starts_with("nobody nobody /") && !text.contains("/root"), &text)?;
    let mut command = supervisor(&[&["--user", "4000000123:7"], &show[..]].concat());
    let text = succeed(command.env("HOME", "/root"))?;
    expect(text == "none none none\n", &text)
}

fn signals_are_default() -> Result<(), Failed> {
    let mut command = supervisor(&["grep", "^Sig[BI]", "/proc/self/status"]);
    // SAFETY: only async-signal-safe calls on a live set.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            libc::signal(libc::SIGUSR1, libc::SIG_IGN);
            libc::signal(libc::SIGCHLD, libc::SIG_IGN);
            let mut set = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            libc::sigaddset(&raw mut set, libc::SIGUSR2);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            Ok(())
        });
    }
    let text = succeed(&mut command)?;
    expect(text == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\n", &text)
}

fn limits_are_restored() -> Result<(), Failed> {
    let script = "ulimit -S -n; cat /proc/self/oom_score_adj";
    let before = Command::new("sh").args(["-c", script]).output()?;
    let text = succeed(supervisor(&["--change-limits", "sh", "-c", script]))?;
    expect(text.as_bytes() == before.stdout, &text)
}

fn exit_codes() -> Result<(), Failed> {
    let folder = Folder::new("codes")?;
    let script = folder.executable("without-interpreter", "exit 0\n", 0o755)?;
    let bad = folder.executable("bad-interpreter", "#!/nonexistent/sh\n", 0o755)?;
    for (arguments, expected) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 42"], 42),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["sh", "-c", "kill -PIPE $$"], 141),
        (&["/nonexistent/program"], 127),
        (&["no-such-program-anywhere"], 127),
        (&[""], 127),
        (&[&bad], 127),
        (&["/etc/passwd"], 126),
        (&["/etc"], 126),
        (&["/etc/passwd/x"], 126),
        (&[&script], 126),
        (&["--user", "no-such-user", "true"], 125),
        (&["--user", "1:", "true"], 125),
    ] {
        let output = supervisor(arguments).output()?;
        if output.status.code() != Some(expected) {
            return Err(format!("{arguments:?}: {output:?} instead of {expected}").into());
        }
    }
    let output = supervisor(&["tool"]).env("PATH", "/etc/passwd").output()?;
    expect(output.status.code() == Some(127), &format!("{output:?}"))?;
    let output = supervisor(&["true"]).env("SUDO_UID", "1000").output()?;
    expect(output.status.code() == Some(125), &format!("{output:?}"))
}

fn searches_with_the_rights_of_its_user() -> Result<(), Failed> {
    let folder = Folder::new("search")?;
    let (closed, open) = (Folder::new("search-closed")?, Folder::new("search-open")?);
    closed.executable("tool", "#!/bin/sh\necho closed\n", 0o700)?;
    folder.executable("other", "#!/bin/sh\n", 0o700)?;
    open.executable("tool", "#!/bin/sh\necho open\n", 0o755)?;
    let path = env::join_paths([&folder.0, &closed.0, &open.0])?;
    let text = succeed(supervisor(&["tool"]).env("PATH", &path))?;
    expect(text == "closed\n", &text)?;
    let text = succeed(supervisor(&["--user", "nobody", "tool"]).env("PATH", &path))?;
    expect(text == "open\n", &text)?;
    let output = supervisor(&["--user", "nobody", "other"]).env("PATH", &path).output()?;
    expect(output.status.code() == Some(126), &format!("{output:?}"))
}

fn outlives_and_passes_on_signals() -> Result<(), Failed> {
    // The processor limit is the deadline.
    let script = "ulimit -t 5; trap 'exit 7' TERM; trap 'exit 8' INT; trap 'exit 9' HUP; trap 'exit 10' QUIT; echo ready; \
         while :; do :; done";
    for (signal, expected) in [(libc::SIGTERM, 7), (libc::SIGINT, 8), (libc::SIGHUP, 9), (libc::SIGQUIT, 10)]
    {
        let mut command = supervisor(&["sh", "-c", script]);
        // SAFETY: one async-signal-safe call: without a terminal, whoever runs the tests.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                Ok(())
            });
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
        expect(line == "ready\n", &line)?;
        // SAFETY: the process is ours and was not waited for.
        expect(unsafe { libc::kill(i32::try_from(child.id())?, signal) } == 0, "kill")?;
        let status = child.wait()?;
        expect(status.code() == Some(expected) && status.signal().is_none(), &format!("{signal}: {status}"))?;
    }
    Ok(())
}

fn says_how_to_get_the_right() -> Result<(), Failed> {
    let output = supervisor(&["--become-nobody", "true"]).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    expect(output.status.code() == Some(125) && told.contains("sudo"), &format!("{output:?}"))
}

/// This program as a supervisor of a command; options of its own come first.
fn supervisor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().expect("our own path"));
    command.args(arguments).env(SUPERVISOR, "1").stdin(Stdio::null());
    command.env_remove("SUDO_UID").env_remove("SUDO_GID");
    command
}

/// Standard output of a command that has to succeed.
fn succeed(mut command: impl std::borrow::BorrowMut<Command>) -> Result<String, Failed> {
    let output: Output = command.borrow_mut().output()?;
    if !output.status.success() {
        return Err(format!("{output:?}").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn expect(condition: bool, seen: &str) -> Result<(), Failed> {
    if condition { Ok(()) } else { Err(seen.into()) }
}

/// A folder that everybody can enter, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> std::io::Result<Self> {
        let path = env::temp_dir().join(format!("aibom-launch-{}-{name}", std::process::id()));
        fs::create_dir_all(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self(path))
    }

    fn executable(&self, name: &str, text: &str, mode: u32) -> std::io::Result<String> {
        let path = self.0.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        Ok(path.to_string_lossy().into_owned())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}
