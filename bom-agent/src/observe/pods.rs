//! Which Kubernetes container a cgroup is, as the node's kubelet recorded it.
//!
//! The cgroup's path has the uid of the pod and the id of the container (kubelet's cgroup manager, pkg/kubelet/cm). Their
//! names stand in the links that kubelet keeps for collectors of logs (pkg/kubelet/kuberuntime):
//! `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log` leads to `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log`. Names
//! hold no underscore (RFC 1123). Neither the cluster nor the container is asked, and a link that contradicts the
//! cgroup, its target or another link names nobody.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use bom_core::input::{Pod, PodName};

use super::tree::container_id;

/// Where kubelet keeps the links.
const LINKS: &str = "/var/log/containers";
/// Entries that are looked at: a node runs some hundred pods.
const ENTRIES: usize = 20_000;
/// A name of a pod is that of a subdomain (RFC 1123).
const NAME: usize = 253;

/// Containers whose names are not known yet.
#[derive(Debug, Default)]
pub(super) struct Pods {
    /// By the id of the cgroup.
    unnamed: BTreeMap<u64, Place>,
}

/// What a path says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    uid: String,
    container: String,
}

impl Pods {
    /// Remembers a cgroup that is a container of a pod, and no other.
    pub(super) fn met(&mut self, cgroup: u64, path: &Path) {
        if let Some(place) = Place::of(path) {
            self.unnamed.insert(cgroup, place);
        }
    }

    /// Those that have a name by now.
    pub(super) fn named(&mut self) -> Vec<(u64, Pod)> {
        if self.unnamed.is_empty() {
            return Vec::new();
        }
        let names = names(Path::new(LINKS));
        let mut found = Vec::new();
        self.unnamed.retain(|&cgroup, place| {
            let name = name_of(&names, place);
            let known = name.is_some();
            found.extend(name.map(|name| (cgroup, Pod { uid: place.uid.clone(), name: Some(name) })));
            !known
        });
        found
    }

    /// One that is over: with its name, or only as what its path says.
    pub(super) fn over(&mut self, cgroup: u64) -> Option<Pod> {
        let place = self.unnamed.remove(&cgroup)?;
        let name = name_of(&names(Path::new(LINKS)), &place);
        Some(Pod { uid: place.uid, name })
    }
}

fn name_of(names: &BTreeMap<String, Option<Named>>, place: &Place) -> Option<PodName> {
    let named = names.get(&place.container)?.as_ref()?;
    (named.uid == place.uid).then(|| named.name.clone())
}

impl Place {
    /// `…kubepods…/…pod<uid>…/<engine>-<id>.scope` with systemd, `kubepods/…/pod<uid>/<id>` without.
    fn of(path: &Path) -> Option<Self> {
        let container = container_id(path.file_name()?)?.to_owned();
        let mut in_pods = false;
        let mut uid = None;
        for part in path.parent()?.iter().filter_map(OsStr::to_str) {
            in_pods |= part.contains("kubepods");
            uid = uid_in(part).or(uid);
        }
        Some(Self { uid: uid.filter(|_| in_pods)?, container })
    }
}

/// The uid in the name of a pod's cgroup; systemd's names have underscores in it, as a dash parts slices.
fn uid_in(part: &str) -> Option<String> {
    let name = part.strip_suffix(".slice").unwrap_or(part);
    let (front, uid) = name.rsplit_once("pod")?;
    let uid = uid.replace('_', "-");
    ((front.is_empty() || front.ends_with('-')) && is_uid(&uid)).then_some(uid)
}

/// A UUID, or for a static pod the digest of its manifest.
fn is_uid(text: &str) -> bool {
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    plain && (text.len() == 36 || text.len() == 32)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    uid: String,
    name: PodName,
}

/// By the container's id; `None` where two links contradict each other. Links come and go while they are listed: what
/// is missed is found the next time.
fn names(folder: &Path) -> BTreeMap<String, Option<Named>> {
    let mut found: BTreeMap<String, Option<Named>> = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.take(ENTRIES).flatten() {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let name = entry.file_name();
        let Some((id, named)) = link(&name, &target) else { continue };
        let known = found.entry(id).or_insert_with(|| Some(named.clone()));
        if known.as_ref() != Some(&named) {
            *known = None;
        }
    }
    found
}

/// What a link says, if its name and its target agree.
fn link(name: &OsStr, target: &Path) -> Option<(String, Named)> {
    let (front, id) = name.to_str()?.strip_suffix(".log")?.rsplit_once('-')?;
    let id = container_id(OsStr::from_bytes(id.as_bytes()))?.to_owned();
    let [pod, namespace, container] = three(front)?;
    let log: PathBuf = target.parent()?.into();
    let [in_namespace, of_pod, uid] = three(log.parent()?.file_name()?.to_str()?)?;
    let agrees = log.file_name()? == container && in_namespace == namespace && of_pod == pod;
    let plain = [pod, namespace, container].into_iter().all(is_name) && is_uid(uid);
    let name = PodName { namespace: namespace.into(), pod: pod.into(), container: container.into() };
    (agrees && plain).then(|| (id, Named { uid: uid.to_owned(), name }))
}

fn three(text: &str) -> Option<[&str; 3]> {
    <[&str; 3]>::try_from(text.split('_').collect::<Vec<_>>()).ok()
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'.');
    (1..=NAME).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const UID: &str = "0123abcd-0123-4123-8123-0123456789ab";

    #[test]
    fn reads_both_forms_of_paths() {
        let systemd = format!("kubepods-burstable-pod{}.slice", UID.replace('-', "_"));
        let static_pod = "0123456789abcdef0123456789abcdef";
        for (path, uid) in [
            (
                format!("/c/kubepods.slice/kubepods-burstable.slice/{systemd}/cri-containerd-{ID}.scope"),
                Some(UID),
            ),
            (format!("/c/kubelet.slice/kubelet-kubepods.slice/kubelet-{systemd}/crio-{ID}.scope"), Some(UID)),
            (format!("/c/kubepods/besteffort/pod{UID}/{ID}"), Some(UID)),
            (format!("/c/kubepods/burstable/pod{static_pod}/{ID}"), Some(static_pod)),
            // Not a container, not in a pod, not kubelet's.
            (format!("/c/kubepods/besteffort/pod{UID}"), None),
            (format!("/c/kubepods/besteffort/pod{UID}/crio-conmon-{ID}.scope"), None),
            (format!("/c/kubepods/{ID}"), None),
            (format!("/c/system.slice/pod{UID}/docker-{ID}.scope"), None),
        ] {
            let expected = uid.map(|uid| Place { uid: uid.to_owned(), container: ID.to_owned() });
            assert_eq!(Place::of(Path::new(&path)), expected, "{path}");
        }
    }

    #[test]
    fn a_link_names_a_container_if_all_of_it_agrees() {
        let good = (
            format!("agent-5d4-x_team_app-{ID}.log"),
            format!("/var/log/pods/team_agent-5d4-x_{UID}/app/0.log"),
        );
        let name = PodName {
            namespace: "team".to_owned(),
            pod: "agent-5d4-x".to_owned(),
            container: "app".to_owned(),
        };
        let read = |name: &str, target: &str| link(OsStr::new(name), Path::new(target));
        assert_eq!(read(&good.0, &good.1), Some((ID.to_owned(), Named { uid: UID.to_owned(), name })));
        for (name, target) in [
            (good.0.replace("team", "other"), good.1.clone()),
            (good.0.replace("_app-", "_side-"), good.1.clone()),
            (good.0.replace(".log", ""), good.1.clone()),
            (good.0.replace("agent", "a_b"), good.1.clone()),
            (good.0.replace("agent", "A\u{1b}"), good.1.replace("agent", "A\u{1b}")),
            (good.0.clone(), good.1.replace(UID, "uid")),
            (good.0.clone(), "0.log".to_owned()),
        ] {
            assert_eq!(read(&name, &target), None, "{name} {target}");
        }
    }

    #[test]
    fn links_that_contradict_each_other_name_nobody() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let add = |pod: &str| {
            let target = format!("/var/log/pods/team_{pod}_{UID}/app/0.log");
            std::os::unix::fs::symlink(target, folder.path().join(format!("{pod}_team_app-{ID}.log")))
                .expect("a link");
        };
        let place = Place { uid: UID.to_owned(), container: ID.to_owned() };
        assert_eq!(name_of(&names(folder.path()), &place), None, "no link");
        add("one");
        let other = Place { uid: UID.replace('0', "1"), container: ID.to_owned() };
        assert_eq!(name_of(&names(folder.path()), &other), None, "another pod's");
        assert_eq!(name_of(&names(folder.path()), &place).map(|name| name.pod), Some("one".to_owned()));
        add("two");
        assert_eq!(name_of(&names(folder.path()), &place), None, "two say it is theirs");
    }
}
