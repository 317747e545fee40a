//! The light profile on what runs already: whose the opens are, which file systems are watched, what is lost.

use std::fs;

use bom_testkit::trial::{Failed, Need, trial};
use libtest_mimic::Trial;

use crate::{
    puppet::Puppet,
    stage::{Cgroup, Observer, Scratch, until},
};

const LIGHT: &[Need] = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2, Need::Fanotify];
/// More than the kernel's queue holds if nobody changed that.
const MANY: u32 = 18_000;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("light::opens_belong_to_their_subject", LIGHT, opens_belong_to_their_subject),
        trial("light::late_file_systems_are_stated", LIGHT, late_file_systems_are_stated),
        trial("light::a_full_queue_is_stated_and_healed", LIGHT, a_full_queue_is_stated_and_healed),
        trial("light::without_fanotify_nothing_stands_in", LIGHT, without_fanotify_nothing_stands_in),
    ]
}

/// Two cgroups and somebody who is in none: everybody opens, and is opened for by a child of a child.
fn opens_belong_to_their_subject() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let (one, other) = (Cgroup::new("one"), Cgroup::new("other"));
    let (mut first, mut second, mut stranger) = (Puppet::start(), Puppet::start(), Puppet::start());
    one.join(first.pid());
    other.join(second.pid());
    let whom = [&one, &other].map(|cgroup| cgroup.0.to_str().expect("text").to_owned());
    let observer = Observer::start(["--profile", "light", "--cgroup", &whom[0], "--cgroup", &whom[1]]);
    for (puppet, name) in [(&mut first, "first"), (&mut second, "second"), (&mut stranger, "stranger")] {
        puppet.tell(&format!("open {}", scratch.model(name)));
        let child = scratch.model(&format!("{name}-child"));
        // No `cat`: what only handles files does not load them.
        puppet.tell(&format!("shell sed -n 1p {child} > /dev/null"));
        let short = scratch.model(&format!("{name}-short"));
        puppet.tell(&format!("shell true < {short} & wait"));
    }
    let document = observer.end();
    let expected = |name: &str| [name.to_owned(), format!("{name}-child"), format!("{name}-short")].into();
    assert_eq!(document.model_names(&one.name()), expected("first"));
    assert_eq!(document.model_names(&other.name()), expected("second"));
    assert_eq!(document.metadata("aibom:obs:profile"), ["light"]);
    assert_eq!(document.metadata("aibom:probe:fanotify_open"), ["attached"]);
    // What was read is known to be read; of the rest it is not known what it was opened for.
    let models = document.models(&one.name());
    assert!(models.contains(&("first-child".to_owned(), "read-or-mapped".to_owned())), "{models:?}");
    Ok(())
}

/// What was opened on a file system before it was watched is only found if it is held.
fn late_file_systems_are_stated() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let mut puppet = Puppet::start();
    let observer = Observer::start(["--profile", "light", "--pid", &puppet.pid().to_string()]);
    let (model, ready) = (scratch.model("kept"), scratch.join("opened"));
    puppet.tell(&format!(
        "start unshare -m sh -c 'mount -t tmpfs none /mnt; cp {model} /mnt/kept-there; exec 9< /mnt/kept-there; \
         touch {}; sleep 60'",
        ready.display()
    ));
    until("the model is open", || ready.exists());
    let document = observer.end_whatever_was_lost();
    let subject = format!("process {}", puppet.pid());
    let gaps = document.gaps(&subject, "models");
    assert!(gaps.contains("lost:file-systems-marked-late"), "{gaps:?}");
    assert!(gaps.contains("unwatched:unmarked-file-system"), "{gaps:?}");
    assert!(document.model_names(&subject).contains("kept-there"), "{:?}", document.models(&subject));
    Ok(())
}

fn a_full_queue_is_stated_and_healed() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let many = scratch.join("many");
    fs::create_dir(&many)?;
    for number in 0..MANY {
        // Nobody looks into empty files: it is the opens that are too many, not the questions.
        fs::write(many.join(number.to_string()), "")?;
    }
    let model = scratch.model("kept");
    let mut puppet = Puppet::start();
    let observer = Observer::start(["--profile", "light", "--pid", &puppet.pid().to_string()]);
    observer.signal(libc::SIGSTOP);
    puppet.tell(&format!("shell find {} -type f -exec cat {{}} + > /dev/null", many.display()));
    puppet.tell(&format!("open {model}"));
    observer.signal(libc::SIGCONT);
    let document = observer.end_whatever_was_lost();
    let subject = format!("process {}", puppet.pid());
    for class in ["models", "libraries", "packages"] {
        let gaps = document.gaps(&subject, class);
        assert!(gaps.contains("lost:fanotify-overflow"), "{class}: {gaps:?}");
    }
    assert!(document.model_names(&subject).contains("kept"), "{:?}", document.models(&subject));
    Ok(())
}

fn without_fanotify_nothing_stands_in() -> Result<(), Failed> {
    let scratch = Scratch::new();
    let mut puppet = Puppet::start();
    let pid = puppet.pid().to_string();
    let observer = Observer::start(["--profile", "light", "--without-probe", "fanotify_open", "--pid", &pid]);
    puppet.tell(&format!("open {}", scratch.model("seen-by-the-last-sweep-at-most")));
    let document = observer.end_whatever_was_lost();
    assert_eq!(document.metadata("aibom:obs:profile"), ["light"]);
    assert_eq!(document.metadata("aibom:probe:fanotify_open"), ["left-out"]);
    let gaps = document.gaps(&format!("process {pid}"), "models");
    assert!(gaps.contains("probe-missing:sys_exit_openat"), "{gaps:?}");
    Ok(())
}
