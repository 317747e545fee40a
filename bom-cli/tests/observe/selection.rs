//! Whom one can name, and what is said if there is no such one.

use std::{ffi::OsStr, process::Command};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    puppet::Puppet,
    stage::{Cgroup, Observer, PROGRAM, Scratch, mount},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("observe::units_and_containers_are_found_by_name", OBSERVE, found_by_name),
        trial("observe::who_is_not_there_is_said", OBSERVE, who_is_not_there_is_said),
    ]
}

fn found_by_name() -> Result<(), Failed> {
    let id = format!("{:064x}", u64::from(std::process::id()) | 0xa1b0 << 40);
    let unit = format!("trial-{}.service", std::process::id());
    let container = format!("cri-containerd-{id}.scope");
    let beginning = &id[..60];
    for (name, option, value) in [
        (&unit, "--unit", unit.as_str()),
        (&unit, "--unit", unit.trim_end_matches(".service")),
        (&container, "--container", beginning),
        (&id, "--container", id.as_str()),
    ] {
        let scratch = Scratch::new();
        let slice = Cgroup::new("holder.slice");
        let cgroup = slice.nested(name);
        let mut puppet = Puppet::start();
        cgroup.join(puppet.pid());
        let observer = Observer::start([option, value]);
        puppet.tell(&format!("open {}", scratch.model("model")));
        let document = observer.end();
        let subject = cgroup.name();
        assert_eq!(document.subjects(), [subject.as_str()].into(), "{option} {value}");
        assert_eq!(document.model_names(&subject).len(), 1, "{option} {value}");
        drop((puppet, cgroup));
    }
    // The path as /proc/PID/cgroup writes it.
    let cgroup = Cgroup::new("path");
    let puppet = Puppet::start();
    cgroup.join(puppet.pid());
    let document = Observer::start([OsStr::new("--cgroup"), OsStr::new(&cgroup.name())]).end();
    assert_eq!(document.subjects(), [cgroup.name().as_str()].into());
    drop(puppet);
    Ok(())
}

fn who_is_not_there_is_said() -> Result<(), Failed> {
    let twice = (Cgroup::named("twice-a.slice"), Cgroup::named("twice-b.slice"));
    let both = (twice.0.nested("twice.service"), twice.1.nested("twice.service"));
    let mount = mount();
    for (arguments, words) in [
        (&["--pid", "4194303"][..], "no process 4194303"),
        (&["--cgroup", "/nowhere"], "no cgroup /nowhere"),
        (&["--cgroup", "/../etc"], "no cgroup /../etc"),
        (&["--unit", "nobody"], "no cgroup of unit nobody.service"),
        (&["--unit", "twice"], "not one cgroup but"),
        (&["--container", "xyz1"], "is not the beginning of a container id"),
        (&["--container", "abcdef0123"], "no cgroup of container abcdef0123"),
    ] {
        let ran = Command::new(PROGRAM).arg("observe").args(arguments).output()?;
        let errors = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{arguments:?}: {errors}");
        assert!(errors.contains(words), "{arguments:?}: {errors} ({})", mount.display());
    }
    let nobody = Command::new(PROGRAM).arg("observe").output()?;
    assert_eq!(nobody.status.code(), Some(2));
    drop(both);
    Ok(())
}
