//! Which gaps are no fault of the observation, however well the probes did.

use super::light::LIGHT;

/// What only whoever may change or leave the observation can bring about.
const TAMPERING: &[&str] = &["changed-probes", "left-cgroup"];

/// Whether a gap says no more than that the profile that was chosen never watches something; that something may have
/// happened unseen, as it may in any program; or that the subject was older than the observation.
///
/// What would be watched if its probes were there is not: on another kernel, or without whoever took them away, there
/// would be no such gap.
pub fn is_standing(gap: &str) -> bool {
    if gap == "already-running" {
        return true;
    }
    if let Some(id) = gap.strip_prefix("suspected:") {
        return !TAMPERING.contains(&id);
    }
    let Some(id) = gap.strip_prefix("unwatched:") else { return false };
    LIGHT.iter().any(|escape| escape.id == id)
}

#[cfg(test)]
mod tests {
    use super::is_standing;

    #[test]
    fn what_a_missing_probe_leaves_open_does_not_stand() {
        for (gap, expected) in [
            ("unwatched:streamed-content", false),
            ("suspected:streamed-content", true),
            ("unwatched:unmarked-file-system", true),
            ("unwatched:changed-probes", false),
            ("unwatched:io-uring-open", false),
            ("unwatched:nothing-of-ours", false),
            ("suspected:local-proxy", true),
            ("suspected:changed-probes", false),
            ("already-running", true),
            ("lost:opens-lost", false),
            ("probe-silent:cgroup_skb_egress", false),
        ] {
            assert_eq!(is_standing(gap), expected, "{gap}");
        }
    }
}
