//! Unix sockets, sockets of other families, and sockets made elsewhere.

use std::{
    fs,
    os::{
        fd::OwnedFd,
        unix::net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    process::Stdio,
};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    WORLD,
    inside::{calls, observe, observe_given, properties, same},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("sockets::a_unix_socket_of_another_is_listed", WORLD, unix_outside),
        trial("sockets::a_unix_socket_of_its_own_is_no_proxy", WORLD, unix_inside),
        trial("sockets::other_families_are_declared", WORLD, others),
        trial("sockets::who_left_its_cgroup_is_declared", WORLD, left),
        trial("sockets::what_a_command_is_handed_is_declared", WORLD, handed),
    ]
}

fn scratch(name: &str) -> Result<PathBuf, Failed> {
    let path = std::env::temp_dir().join(format!("aibom-network-{}-{name}", std::process::id()));
    if path.exists() {
        fs::remove_file(&path)?;
    }
    Ok(path)
}

fn unix_outside() -> Result<(), Failed> {
    let path = scratch("outside")?;
    let text = path.display().to_string();
    // Nobody needs to accept: the kernel connects to who listens.
    let listener = UnixListener::bind(&path)?;
    let observed = calls("unix-outside", &[&format!("unix={text}")])?;
    drop(listener);
    fs::remove_file(&path)?;
    let service = observed.service(&format!("unix:{text}"))?;
    same("transport", properties(service, "aibom:net:transport"), vec!["unix"])?;
    same("peer", properties(service, "aibom:net:peer"), vec!["other"])?;
    same("endpoints", observed.has_gap("endpoints", "suspected:unix-proxy"), true)?;
    same("programs", observed.has_gap("programs", "suspected:delegated-start"), true)
}

fn unix_inside() -> Result<(), Failed> {
    let path = scratch("inside")?;
    let text = path.display().to_string();
    let observed = calls("unix-inside", &[&format!("unix_inside={text}")])?;
    fs::remove_file(&path)?;
    let name = format!("unix:{text}");
    same("peer", properties(observed.service(&name)?, "aibom:net:peer"), vec!["same-subject"])?;
    same("served", observed.subject("aibom:net:served"), vec![name.as_str()])?;
    same("endpoints", observed.has_gap("endpoints", "suspected:unix-proxy"), false)?;
    same("programs", observed.has_gap("programs", "suspected:delegated-start"), false)
}

fn others() -> Result<(), Failed> {
    for (name, word, gap) in [
        ("packet", "other=17,3,0", "suspected:other-families"),
        ("vsock", "other=40,1,0", "suspected:other-families"),
        ("unix-datagram", "other=1,2,0", "suspected:unix-datagram"),
        ("pair-of-datagrams", "pair=1,2", "suspected:unix-datagram"),
    ] {
        let observed = calls(name, &[word])?;
        same(name, observed.has_gap("endpoints", gap), true)?;
    }
    // What these send is followed.
    let followed = ["other=2,3,1", "other=2,2,136"];
    let observed = calls("pair", &[&["pair=1,1", "other=1,1,0", "other=16,3,0"][..], &followed].concat())?;
    for gap in ["suspected:other-families", "suspected:unix-datagram"] {
        same("a pair of streams, netlink, and protocols of IP", observed.has_gap("endpoints", gap), false)?;
    }
    Ok(())
}

fn left() -> Result<(), Failed> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mut rows = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let row = rows.find(|row| row.get(2) == Some(&"cgroup2")).ok_or("no cgroup2")?;
    let observed = calls("left", &[&format!("leave={}", row[1])])?;
    same("declared", observed.has_gap("endpoints", "suspected:left-cgroup"), true)
}

fn handed() -> Result<(), Failed> {
    let (given, _kept) = UnixStream::pair()?;
    let observed = observe_given(Stdio::from(OwnedFd::from(given)), "handed", &[], &[], &["true"])?;
    same("declared", observed.has_gap("endpoints", "suspected:socket-passing"), true)?;
    let observed = observe("not-handed", &[], &[], &["true"])?;
    same("declared", observed.has_gap("endpoints", "suspected:socket-passing"), false)?;
    // Nothing was called, and every way to do so unseen was watched.
    same("endpoints", observed.subject("aibom:coverage:endpoints"), vec!["complete"])
}
