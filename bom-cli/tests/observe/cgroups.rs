//! Cgroups: nested, new, gone, and processes that are moved between them.

use std::{collections::BTreeSet, ffi::OsStr};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    puppet::Puppet,
    stage::{Cgroup, Observer, Scratch},
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("observe::nested_cgroups_belong_to_the_subject", OBSERVE, nested_cgroups_belong),
        trial("observe::two_subjects_stay_apart", OBSERVE, two_subjects_stay_apart),
        trial("observe::a_moved_process_changes_its_subject", OBSERVE, a_moved_process_changes),
        trial("observe::all_takes_in_who_comes", OBSERVE, all_takes_in_who_comes),
    ]
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// One that was there, and one that is made meanwhile, into which somebody comes from outside.
fn nested_cgroups_belong() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let outer = Cgroup::new("outer");
    let old = outer.nested("old");
    let (mut inside, mut outside) = (Puppet::start(), Puppet::start());
    old.join(inside.pid());
    let observer = Observer::start([OsStr::new("--cgroup"), outer.0.as_os_str()]);
    let new = outer.nested("new");
    outside.tell(&format!("open {}", scratch.model("outside-before")));
    new.join(outside.pid());
    outside.tell(&format!("open {}", scratch.model("outside-after")));
    inside.tell(&format!("open {}", scratch.model("inside")));
    let document = observer.end();
    let name = outer.name();
    assert_eq!(document.subjects(), [name.as_str()].into());
    // What it had open when it came is still open at the last sweep.
    let expected = set(&["inside", "outside-after", "outside-before"]);
    assert_eq!(document.model_names(&name), expected);
    assert!(document.gaps(&name, "models").contains("suspected:earlier-life"));
    drop((inside, outside, new, old));
    Ok(())
}

fn two_subjects_stay_apart() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let (first, second) = (Cgroup::new("first"), Cgroup::new("second"));
    let (mut one, mut two) = (Puppet::start(), Puppet::start());
    first.join(one.pid());
    second.join(two.pid());
    one.tell(&format!("open {}", scratch.model("one-before")));
    let observer = Observer::start([
        OsStr::new("--cgroup"),
        first.0.as_os_str(),
        OsStr::new("--cgroup"),
        second.0.as_os_str(),
    ]);
    one.tell(&format!("open {}", scratch.model("one")));
    two.tell(&format!("open {}", scratch.model("two")));
    let shared = scratch.model("shared");
    one.tell(&format!("open {shared}"));
    two.tell(&format!("open {shared}"));
    let document = observer.end();
    assert_eq!(document.subjects(), [first.name().as_str(), second.name().as_str()].into());
    assert_eq!(document.model_names(&first.name()), set(&["one", "one-before", "shared"]));
    assert_eq!(document.model_names(&second.name()), set(&["shared", "two"]));
    drop((one, two));
    Ok(())
}

/// From one subject to another, and from there out of all of them.
fn a_moved_process_changes() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let (first, second, third) = (Cgroup::new("from"), Cgroup::new("to"), Cgroup::new("outside"));
    let mut puppet = Puppet::start();
    let (stays, remains) = (Puppet::start(), Puppet::start());
    first.join(stays.pid());
    second.join(remains.pid());
    first.join(puppet.pid());
    let observer = Observer::start([
        OsStr::new("--cgroup"),
        first.0.as_os_str(),
        OsStr::new("--cgroup"),
        second.0.as_os_str(),
    ]);
    puppet.tell(&format!("open {}", scratch.model("here")));
    second.join(puppet.pid());
    puppet.tell(&format!("open {}", scratch.model("there")));
    third.join(puppet.pid());
    puppet.tell(&format!("open {}", scratch.model("away")));
    let document = observer.end();
    assert_eq!(document.model_names(&first.name()), set(&["here"]));
    // What it has open comes with it; what it does outside is still its last subject's.
    assert_eq!(document.model_names(&second.name()), set(&["away", "here", "there"]));
    for name in [first.name(), second.name()] {
        let gaps = document.gaps(&name, "endpoints");
        assert!(gaps.contains("suspected:left-cgroup"), "{name}: {gaps:?}");
    }
    assert!(document.gaps(&second.name(), "models").contains("suspected:earlier-life"));
    drop((puppet, stays, remains));
    Ok(())
}

/// A service that starts after us was seen from its first instruction, and is over when its cgroup is gone.
fn all_takes_in_who_comes() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let old = Cgroup::new("old.service");
    let mut before = Puppet::start();
    old.join(before.pid());
    before.tell(&format!("open {}", scratch.model("old")));
    let observer = Observer::start(["--all"]);
    let new = Cgroup::new("new.service");
    let name = new.name();
    let mut after = Puppet::start();
    new.join(after.pid());
    after.tell(&format!("open {}", scratch.model("new")));
    drop(after);
    drop(new);
    let document = observer.end_whatever_was_lost();
    assert!(document.subjects().contains(old.name().as_str()), "{:?}", document.subjects());
    assert_eq!(document.model_names(&old.name()), set(&["old"]));
    assert_eq!(document.model_names(&name), set(&["new"]));
    assert!(document.gaps(&old.name(), "models").contains("already-running"));
    let gaps = document.gaps(&name, "models");
    assert!(!gaps.contains("already-running") && !gaps.contains("still-running"), "{gaps:?}");
    assert!(gaps.contains("suspected:earlier-life"), "it was moved in: {gaps:?}");
    drop(before);
    Ok(())
}
