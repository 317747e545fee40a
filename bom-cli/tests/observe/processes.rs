//! Processes: what they held before anybody looked, where their descendants go, and who is none of them.

use std::{
    collections::BTreeSet,
    fs,
    net::{TcpListener, UdpSocket},
    os::unix::net::UnixListener,
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
        trial(
            "observe::datagram_sockets_from_before_are_seen",
            OBSERVE,
            datagram_sockets_from_before_are_seen,
        ),
        trial("observe::unix_sockets_from_before_are_seen", OBSERVE, unix_sockets_from_before_are_seen),
        trial(
            "observe::connections_of_other_networks_are_seen",
            OBSERVE,
            connections_of_other_networks_are_seen,
        ),
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

/// Double fork, a session of their own, reparented: children from before and from after. All are in one cgroup, so
/// that they end with the trial.
fn descendants_stay() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let cgroup = Cgroup::new("descendants");
    let mut puppet = Puppet::start();
    cgroup.join(puppet.pid());
    let hold = |name: &str| {
        let (model, there) = (scratch.model(name), scratch.join(&format!("{name}-there")));
        format!("exec 9<{model}; touch {}; sleep 100", there.display())
    };
    let there = |name: &str| until(name, || scratch.join(&format!("{name}-there")).exists());
    puppet.tell(&format!("start setsid sh -c '{}'; :", hold("grandchild")));
    there("grandchild");
    puppet.tell(&format!("shell (setsid sh -c '{}' >/dev/null 2>&1 &)", hold("orphan")));
    there("orphan");
    let observer = Observer::start(["--pid", &puppet.pid().to_string()]);
    puppet.tell(&format!("shell (setsid sh -c '{}' >/dev/null 2>&1 &)", hold("away")));
    there("away");
    let document = observer.end();
    // Whose child an orphan was cannot be told any more: that somebody ran before is declared.
    assert_eq!(document.model_names(&subject(&puppet)), set(&["away", "grandchild"]));
    assert!(document.gaps(&subject(&puppet), "models").contains("already-running"));
    drop(puppet);
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
    assert_eq!(document.endpoints(), [format!("tcp://127.0.0.1:{port}")].into());
    Ok(())
}

/// It has said nothing to its peer since, and nobody is asked who gave it one.
fn datagram_sockets_from_before_are_seen() -> Result<(), Failed> {
    let server = UdpSocket::bind("127.0.0.1:0")?;
    let port = server.local_addr()?.port();
    let mut puppet = Puppet::start();
    puppet.tell(&format!("datagrams 127.0.0.1:{port}"));
    let pid = puppet.pid().to_string();
    let document = Observer::start(["--pid", &pid]).end();
    assert_eq!(document.endpoints(), [format!("udp://127.0.0.1:{port}")].into());
    // The one program that lists them for the descriptors.
    let document = Observer::start(["--pid", &pid, "--without-probe", "iter_udp"]).end();
    assert_eq!(document.endpoints(), BTreeSet::new());
    assert!(document.gaps(&subject(&puppet), "endpoints").contains("already-running"));
    Ok(())
}

fn unix_sockets_from_before_are_seen() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let (there, own) = (scratch.join("there"), scratch.join("own"));
    let listener = UnixListener::bind(&there)?;
    let mut puppet = Puppet::start();
    puppet.tell(&format!("unix {}", there.display()));
    puppet.tell(&format!("waits {}", own.display()));
    let (_peer, _) = listener.accept()?;
    let document = Observer::start(["--pid", &puppet.pid().to_string()]).end();
    let subject = subject(&puppet);
    assert_eq!(document.endpoints(), [format!("unix:{}", there.display())].into());
    for class in ["endpoints", "programs"] {
        let expected =
            if class == "endpoints" { "suspected:unix-proxy" } else { "suspected:delegated-start" };
        assert!(document.gaps(&subject, class).contains(expected), "{class}");
    }
    assert!(document.gaps(&subject, "models").contains("suspected:streamed-content"));
    Ok(())
}

/// It talks to itself: of the two ends of the connection only the one that called is an endpoint that was called.
fn connections_of_other_networks_are_seen() -> Result<(), Failed> {
    let mut puppet = Puppet::start();
    puppet.tell("apart 127.0.0.1:7654");
    let observer = Observer::start(["--pid", &puppet.pid().to_string()]);
    let document = observer.end();
    assert_eq!(document.endpoints(), ["tcp://127.0.0.1:7654".to_owned()].into());
    Ok(())
}
