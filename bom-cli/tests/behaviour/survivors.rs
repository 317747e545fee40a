//! What the command leaves running.

use std::{fs, process::Command, time::Duration};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{PROGRAM, Scratch, Started, aibom, cgroups, until},
    document::Document,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("survivors::are_named_and_left_alone", OBSERVE, are_named_and_left_alone),
        trial("survivors::wait_all_waits_for_them", OBSERVE, wait_all_waits_for_them),
        trial("survivors::one_that_ends_in_time_is_none", OBSERVE, one_that_ends_in_time_is_none),
    ]
}

fn are_named_and_left_alone() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let (bom, number) = (scratch.join("bom.json"), scratch.join("pid"));
    let mut command = Command::new(PROGRAM);
    // Out of the session and the process group, its parent gone.
    let script = "setsid sh -c 'echo $$ >\"$0\"; exec sleep 60' \"$0\" & while ! [ -s \"$0\" ]; do :; done";
    command
        .args(["run", "--linger", "0.4", "--exit=aibom", "-o"])
        .arg(&bom)
        .args(["--", "sh", "-c", script])
        .arg(&number);
    let ran = Started::start(command).wait();
    let pid: i32 = fs::read_to_string(&number)?.trim().parse()?;
    let alive = fs::read_to_string(format!("/proc/{pid}/comm"));
    let left = cgroups(ran.pid);
    // SAFETY: a plain system call on a process that this trial had started.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0, "{}", ran.stderr);
    for cgroup in &left {
        until("the cgroup can be removed", || fs::remove_dir(cgroup).is_ok());
    }
    assert_eq!(alive?, "sleep\n");
    assert_eq!(left.len(), 1, "the survivor keeps its cgroup: {left:?}");
    assert_eq!(ran.code, 3, "still running is coverage: {}", ran.stderr);
    assert!((400..8000).contains(&ran.took.as_millis()), "{:?}", ran.took);
    let document = Document::open(&bom);
    assert!(
        document.has_gap_everywhere("still-running"),
        "{:?}",
        document.subject("aibom:coverage:models:gap")
    );
    let [survivor] = document.subject("aibom:obs:still_running")[..] else { panic!("one survivor") };
    let (tgid, start) = survivor.split_once('@').expect("a process key");
    assert_eq!(tgid, pid.to_string());
    assert!(start.parse::<u64>()? > 0, "its start is known: {survivor}");
    assert!(ran.stderr.contains("still running: 1 processes"), "{}", ran.stderr);
    Ok(())
}

fn wait_all_waits_for_them() -> Result<(), Failed> {
    let script = "setsid sh -c 'sleep 0.6; exec env' >/dev/null 2>&1 &";
    let ran = aibom(["run", "--linger", "0", "--wait-all", "-q", "-o", "-", "--", "sh", "-c", script]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.took >= Duration::from_millis(600), "{:?}", ran.took);
    let document = Document::parse(&ran.stdout);
    assert!(!document.has_gap_everywhere("still-running"));
    assert_eq!(document.executions("env"), 1, "what it did last is in the BOM");
    Ok(())
}

fn one_that_ends_in_time_is_none() -> Result<(), Failed> {
    let script = "setsid sleep 0.3 >/dev/null 2>&1 &";
    let ran = aibom(["run", "--linger", "30", "-q", "-o", "-", "--", "sh", "-c", script]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.took < Duration::from_secs(20), "it waits no longer than needed: {:?}", ran.took);
    assert!(!Document::parse(&ran.stdout).has_gap_everywhere("still-running"));
    Ok(())
}
