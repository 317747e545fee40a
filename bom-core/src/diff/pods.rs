//! Which pod is whose: pods are named after their workload, each kind in its way.

use crate::declared::Workload;

/// Where in a cluster a subject ran, as the host knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pod {
    /// The pod's name.
    pub name: String,
    /// The container's name, if it is known.
    pub container: Option<String>,
}

/// Letters and digits that Kubernetes makes suffixes of: no vowels, and nothing that looks like another
/// (apimachinery, `util/rand`).
const ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Whether a pod is one of the workload's, by its name.
pub(super) fn is_of(pod: &Pod, workload: &Workload) -> bool {
    let id = &workload.id;
    if id.kind == "Pod" && id.name == pod.name {
        return true;
    }
    // `generateName` ends with the hyphen.
    let name = id.name.trim_end_matches('-');
    let Some(rest) = pod.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')) else {
        return false;
    };
    let parts: Vec<&str> = rest.split('-').collect();
    match (id.kind.as_str(), parts.as_slice()) {
        ("Pod" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job", [random]) => is_random(random),
        ("Job", [index, random]) => is_number(index) && is_random(random),
        ("Deployment" | "Rollout", [template, random]) => is_hash(template) && is_random(random),
        ("StatefulSet", [ordinal]) => is_number(ordinal),
        ("CronJob", [minute, random]) => is_number(minute) && is_random(random),
        ("CronJob", [minute, index, random]) => is_number(minute) && is_number(index) && is_random(random),
        (
            "Pod"
            | "DaemonSet"
            | "ReplicaSet"
            | "ReplicationController"
            | "Job"
            | "Deployment"
            | "Rollout"
            | "StatefulSet"
            | "CronJob",
            _,
        ) => false,
        // What an operator makes is called after it, with a suffix of the operator's own in between.
        (_, parts) => parts.last().is_some_and(|last| is_random(last) || is_number(last)),
    }
}

fn is_random(text: &str) -> bool {
    text.len() == 5 && is_hash(text)
}

fn is_hash(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.chars().all(|c| ALPHABET.contains(c))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::{Place, WorkloadId};

    #[test]
    fn pods_are_their_workloads_and_nobody_elses() {
        for (kind, name, pod, expected) in [
            ("Deployment", "agent", "agent-7d4b9c6f5-x2k4z", true),
            ("Deployment", "agent", "agent-b-7d4b9c6f5-x2k4z", false),
            ("Deployment", "agent-b", "agent-b-7d4b9c6f5-x2k4z", true),
            ("Deployment", "agent", "agent-0", false),
            ("Deployment", "agent", "agents-7d4b9c6f5-x2k4z", false),
            ("StatefulSet", "db", "db-0", true),
            ("StatefulSet", "db", "db-x2k4z", false),
            ("DaemonSet", "watch", "watch-x2k4z", true),
            ("DaemonSet", "watch", "watch-aeiou", false),
            ("CronJob", "scan", "scan-28512345-x2k4z", true),
            ("Job", "scan", "scan-28512345-x2k4z", true),
            ("Pod", "one", "one", true),
            ("Pod", "made-", "made-x2k4z", true),
            ("InferenceService", "qwen", "qwen-predictor-7d4b9c6f5-x2k4z", true),
            ("InferenceService", "qwen", "qwen", false),
        ] {
            let id = WorkloadId { kind: kind.to_owned(), namespace: None, name: name.to_owned() };
            let workload = Workload::new(id, Place::of_file("m.yaml"));
            let pod = Pod { name: pod.to_owned(), container: None };
            assert_eq!(is_of(&pod, &workload), expected, "{kind}/{name} {}", pod.name);
        }
    }
}
