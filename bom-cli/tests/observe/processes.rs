//! Processes: what they held before anybody looked, where their descendants go, and who is none of them.

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    process::{Command, Stdio},
};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    puppet::Puppet,
    stage::{Cgroup, Observer, Scratch, until},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("observe::what_is_open_and_mapped_is_seen", OBSERVE, what_is_open_and_mapped_is_seen),
        trial("observe::a_process_is_not_its_neighbours", OBSERVE, a_process_is_not_its_neighbours),
        trial("observe::descendants_stay_wherever_they_go", OBSERVE, descendants_stay),
        trial("observe::short_processes_are_counted", OBSERVE, short_processes_are_counted),
        trial("observe::other_namespaces_change_nothing", OBSERVE, other_namespaces_change_nothing),
        trial("observe::ends_when_nobody_is_left", OBSERVE, ends_when_nobody_is_left),
        trial("observe::connections_from_before_are_seen", OBSERVE, connections_from_before_are_seen),
    ]
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn subject(puppet: &Puppet) -> String {
    format!("process {}", puppet.pid())
}

fn what_is_open_and_mapped_is_seen() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let mut puppet = Puppet::start();
    puppet.tell(&format!("open {}", scratch.model("open")));
    puppet.tell(&format!("map {}", scratch.model("mapped")));
    let observer = Observer::start(["--pid", &puppet.pid().to_string()]);
    let later = scratch.model("later");
    puppet.tell(&format!("open {later}"));
    let document = observer.end();
    let subject = subject(&puppet);
    let expected = [("later", "opened"), ("mapped", "read-or-mapped"), ("open", "opened")];
    let expected = expected.map(|(name, strength)| (name.to_owned(), strength.to_owned()));
    assert_eq!(document.models(&subject), expected.into());
    for class in ["models", "libraries", "packages", "endpoints", "programs"] {
        assert!(document.gaps(&subject, class).contains("already-running"), "{class}");
    }
    assert_eq!(document.property(&subject, "aibom:subject:kind"), ["process"]);
    assert_eq!(document.property(&subject, "aibom:coverage:models"), ["incomplete"]);
    // Its program is known, though nobody saw it start.
    let own = std::env::current_exe()?;
    let own = own.file_name().and_then(|name| name.to_str()).expect("a name");
    assert_eq!(document.executions(own), 1);
    Ok(())
}

/// In one cgroup with another that opens models as well, before and after.
fn a_process_is_not_its_neighbours() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let cgroup = Cgroup::new("neighbours");
    let (mut mine, mut other) = (Puppet::start(), Puppet::start());
    cgroup.join(mine.pid());
    cgroup.join(other.pid());
    mine.tell(&format!("open {}", scratch.model("mine-before")));
    other.tell(&format!("open {}", scratch.model("other-before")));
    let observer = Observer::start(["--pid", &mine.pid().to_string()]);
    mine.tell(&format!("open {}", scratch.model("mine-after")));
    other.tell(&format!("open {}", scratch.model("other-after")));
    let document = observer.end();
    assert_eq!(document.subjects().len(), 1);
    assert_eq!(document.model_names(&subject(&mine)), set(&["mine-after", "mine-before"]));
    Ok(())
}

/// Double fork, a session of their own, reparented: children from before and from after.
fn descendants_stay() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let mut puppet = Puppet::start();
    // Its parent waits, so that its descent can be told.
    let child = format!(
        "sh -c 'exec 9<{}; touch {}; sleep 100' & touch {}",
        scratch.model("child"),
        scratch.join("there").display(),
        scratch.join("started").display()
    );
    let held = scratch.join("held");
    let started = Command::new("mkfifo").arg(&held).status()?;
    assert!(started.success());
    let shell = format!("sh -c \"{child}; cat {}\" >/dev/null 2>&1 &", held.display());
    puppet.tell(&format!("shell {shell}"));
    until("the child holds its model", || scratch.join("there").exists());
    let observer = Observer::start(["--pid", &puppet.pid().to_string()]);
    let away = scratch.join("away");
    let order = format!(
        "shell (setsid sh -c 'exec 9<{}; touch {}; exec sleep 100' >/dev/null 2>&1 &)",
        scratch.model("away"),
        away.display()
    );
    puppet.tell(&order);
    until("the one that went away holds its model", || away.exists());
    let document = observer.end();
    // The shell that the puppet waited for is gone: what it left has another parent, and is not known to be its.
    assert_eq!(document.model_names(&subject(&puppet)), set(&["away"]), "reparented before we looked");
    for name in ["child", "away"] {
        let users = Command::new("fuser")
            .arg("-k")
            .arg(scratch.join(name))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let _ = { users }.status();
    }
    fs::write(&held, "")?;
    Ok(())
}

/// Each far shorter than a millisecond of work, most gone before anybody could look.
fn short_processes_are_counted() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let cgroup = Cgroup::new("short");
    let mut puppet = Puppet::start();
    cgroup.join(puppet.pid());
    let observer = Observer::start([std::ffi::OsStr::new("--cgroup"), cgroup.0.as_os_str()]);
    puppet.tell("shell i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done");
    let model = scratch.model("brief");
    puppet.tell(&format!("shell cat {model} >/dev/null"));
    let document = observer.end();
    assert_eq!(document.executions("true"), 200);
    assert_eq!(document.model_names(&cgroup.name()), set(&["brief"]));
    Ok(())
}

/// A pid namespace and a time namespace: the kernel's own numbers and clock count.
fn other_namespaces_change_nothing() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let cgroup = Cgroup::new("namespaces");
    let mut puppet = Puppet::start();
    cgroup.join(puppet.pid());
    let (there, go) = (scratch.join("there"), scratch.join("go"));
    let inner = format!(
        "exec 9<{}; touch {}; while ! [ -e {} ]; do sleep 0.02; done; exec 8<{}; rm {}",
        scratch.model("before"),
        there.display(),
        go.display(),
        scratch.model("after"),
        there.display(),
    );
    let order =
        format!("shell unshare -p -f -T --boottime 1000000 sh -c '{inner}; sleep 100' >/dev/null 2>&1 &");
    puppet.tell(&order);
    until("the inner process is there", || there.exists());
    let observer = Observer::start([std::ffi::OsStr::new("--cgroup"), cgroup.0.as_os_str()]);
    fs::write(&go, "")?;
    until("the inner process went on", || !there.exists());
    let document = observer.end();
    assert_eq!(document.model_names(&cgroup.name()), set(&["after", "before"]));
    // Each process has one key: the puppet, unshare, the shell, and what that started; none twice.
    let survivors = document.property(&cgroup.name(), "aibom:obs:still_running");
    let pids: BTreeSet<_> = survivors.iter().map(|key| key.split('@').next().unwrap_or_default()).collect();
    assert_eq!(pids.len(), survivors.len(), "{survivors:?}");
    assert!(survivors.iter().all(|key| !key.ends_with("@0")), "every start is known: {survivors:?}");
    Ok(())
}

fn ends_when_nobody_is_left() -> Result<(), Failed> {
    let puppet = Puppet::start();
    let name = subject(&puppet);
    let observer = Observer::start(["--pid", &puppet.pid().to_string()]);
    drop(puppet);
    let document = observer.ended();
    assert!(!document.gaps(&name, "models").contains("still-running"));
    let cgroup = Cgroup::new("ends");
    let puppet = Puppet::start();
    cgroup.join(puppet.pid());
    let observer = Observer::start([std::ffi::OsStr::new("--cgroup"), cgroup.0.as_os_str()]);
    drop(puppet);
    let document = observer.ended();
    assert!(!document.gaps(&cgroup.name(), "models").contains("still-running"));
    Ok(())
}

fn connections_from_before_are_seen() -> Result<(), Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let mut puppet = Puppet::start();
    puppet.tell(&format!("connect 127.0.0.1:{port}"));
    let (_peer, _) = listener.accept()?;
    let observer = Observer::start(["--pid", &puppet.pid().to_string()]);
    let document = observer.end();
    assert_eq!(document.endpoints(), [format!("127.0.0.1:{port}")].into());
    Ok(())
}
