//! Signals reach the command, once, and the BOM is written all the same.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::{
        fd::{FromRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::{Command, Stdio},
    ptr,
};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{DEADLINE, PROGRAM, Scratch, Started, cgroups, readable, until, wait},
    document::Document,
};

/// Exits with 41 + the number of signals it got: it waits for a second one after the first.
const COUNTS: &str = "n=0; trap 'n=$((n+1))' INT TERM HUP; echo ready; \
                      while [ $n = 0 ]; do sleep 0.05; done; sleep 0.3; exit $((41+n))";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("signals::ctrl_c_reaches_the_command_once", OBSERVE, ctrl_c_reaches_the_command_once),
        trial("signals::those_sent_to_aibom_are_passed_on", OBSERVE, those_sent_to_aibom_are_passed_on),
    ]
}

fn ctrl_c_reaches_the_command_once() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let bom = scratch.join("bom.json");
    let (mut master, slave) = terminal();
    let mut command = Command::new(PROGRAM);
    command.arg("run").arg("-o").arg(&bom).args(["--", "sh", "-c", COUNTS]);
    command.env_remove("SUDO_UID").env_remove("SUDO_GID").env("TERM", "xterm");
    let end = || Stdio::from(slave.try_clone().expect("dup"));
    command.stdin(end()).stdout(end()).stderr(end());
    // SAFETY: two system calls between fork and exec, no memory is touched.
    unsafe {
        command.pre_exec(|| {
            // A session of its own with this terminal, as a shell's window has it.
            if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    drop(command);
    drop(slave);
    let mut shown = Vec::new();
    read_until(&mut master, &mut shown, b"ready");
    master.write_all(b"\x03")?;
    // Until everybody has closed it.
    while readable(&master.try_clone()?.into(), DEADLINE) {
        let mut buffer = [0; 4096];
        match master.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => shown.extend_from_slice(&buffer[..count]),
        }
    }
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert_eq!(wait(&mut child), 42, "{shown}");
    assert_eq!(Document::open(&bom).subject("aibom:subject:wait_status"), [(42 << 8).to_string()]);
    assert!(shown.contains("aibom: observing, "), "a terminal has a status line: {shown}");
    assert!(shown.contains(" probes watched"), "{shown}");
    until("the cgroup is gone", || cgroups(child.id()).is_empty());
    Ok(())
}

fn those_sent_to_aibom_are_passed_on() -> Result<(), Failed> {
    for (number, expected) in
        [(libc::SIGTERM, 42), (libc::SIGINT, 42), (libc::SIGHUP, 42), (libc::SIGQUIT, 131)]
    {
        let scratch = Scratch::new();
        let (bom, ready) = (scratch.join("bom.json"), scratch.join("ready"));
        let mut command = Command::new(PROGRAM);
        let script = format!("ulimit -c 0; {}", COUNTS.replace("echo ready", "echo ready >\"$0\""));
        command.arg("run").arg("-o").arg(&bom).args(["--", "sh", "-c", &script]).arg(&ready);
        // No terminal: nobody but aibom gets it.
        command.process_group(0);
        let started = Started::start(command);
        until("the command is ready", || fs::read(&ready).is_ok_and(|text| text == b"ready\n"));
        let pid = i32::try_from(started.child.id())?;
        // SAFETY: a plain system call; the child is waited for nowhere before.
        assert_eq!(unsafe { libc::kill(pid, number) }, 0);
        let ran = started.wait();
        assert_eq!(ran.code, expected, "signal {number}: {}", ran.stderr);
        assert!(!Document::open(&bom).has_gap_everywhere("unfinished"), "signal {number}");
        until("the cgroup is gone", || cgroups(ran.pid).is_empty());
    }
    Ok(())
}

fn terminal() -> (File, OwnedFd) {
    let (mut master, mut slave) = (0, 0);
    // SAFETY: two live integers that the C library fills; no name, no settings.
    let result =
        unsafe { libc::openpty(&raw mut master, &raw mut slave, ptr::null_mut(), ptr::null(), ptr::null()) };
    assert_eq!(result, 0, "openpty: {}", std::io::Error::last_os_error());
    for fd in [master, slave] {
        // SAFETY: descriptors of ours; the copies that the child needs are made by dup2.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: the kernel just gave us both, and nobody else knows them.
    unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) }
}

fn read_until(master: &mut File, shown: &mut Vec<u8>, word: &[u8]) {
    while !shown.windows(word.len()).any(|window| window == word) {
        assert!(readable(&master.try_clone().expect("dup").into(), DEADLINE), "no {}", word.escape_ascii());
        let mut buffer = [0; 4096];
        let count = master.read(&mut buffer).expect("read");
        shown.extend_from_slice(&buffer[..count]);
    }
}
