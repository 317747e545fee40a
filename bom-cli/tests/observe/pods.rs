//! Cgroups as kubelet makes them, with the links it keeps to the logs.

use std::{ffi::OsStr, fs, os::unix::fs::symlink, path::PathBuf};

use bom_testkit::trial::{Failed, trial};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    puppet::Puppet,
    stage::{Cgroup, Observer, Scratch},
};

const LINKS: &str = "/var/log/containers";
const UID: &str = "0123abcd-0123-4123-8123-0123456789ab";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("observe::a_container_of_a_pod_has_its_names", OBSERVE, || of_a_pod(UID, true)),
        trial("observe::a_link_to_another_pod_names_nobody", OBSERVE, || {
            of_a_pod(&UID.replace('0', "9"), false)
        }),
    ]
}

/// Removed on drop.
struct Link(PathBuf);

impl Link {
    fn new(container: &str, uid: &str) -> Self {
        fs::create_dir_all(LINKS).expect("a folder");
        let link = PathBuf::from(LINKS).join(format!("agent-7d9-x_team_app-{container}.log"));
        symlink(format!("/var/log/pods/team_agent-7d9-x_{uid}/app/0.log"), &link).expect("a link");
        Self(link)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
        // Ours, if nobody else keeps anything in it.
        let _ = fs::remove_dir(LINKS);
    }
}

/// The link comes after the container has started, as kubelet makes it.
fn of_a_pod(uid: &str, named: bool) -> Result<(), Failed> {
    let scratch = Scratch::new();
    let number = std::process::id() * 2 + u32::from(named);
    let id = format!("{number:064x}");
    let slice = Cgroup::named(&format!("kubepods-trial{number}.slice"));
    let pod = slice.nested(&format!("kubepods-trial{number}-pod{}.slice", UID.replace('-', "_")));
    let container = pod.nested(&format!("cri-containerd-{id}.scope"));
    let mut agent = Puppet::start();
    container.join(agent.pid());
    let observer = Observer::start([OsStr::new("--container"), OsStr::new(&id)]);
    let link = Link::new(&id, uid);
    agent.tell(&format!("open {}", scratch.model("used")));
    let document = observer.end();
    let name = container.name();
    let property = |property: &str| document.property(&name, property);
    assert_eq!(property("aibom:k8s:pod_uid"), [UID]);
    let expected = |value: &'static str| named.then_some(value).into_iter().collect::<Vec<_>>();
    assert_eq!(property("aibom:k8s:namespace"), expected("team"));
    assert_eq!(property("aibom:k8s:pod"), expected("agent-7d9-x"));
    assert_eq!(property("aibom:k8s:container"), expected("app"));
    assert_eq!(document.model_names(&name), ["used".to_owned()].into());
    drop((agent, link, container, pod, slice));
    Ok(())
}
