//! What it takes to observe, and how to get it.

use std::fmt;

/// Numbers of linux/capability.h.
const NEEDED: [(u32, &str); 4] = [
    // Joining mount namespaces, mounting tracefs for ourselves.
    (SYS_ADMIN, "CAP_SYS_ADMIN"),
    // cgroup_skb and sock_addr programs.
    (12, "CAP_NET_ADMIN"),
    // Tracing programs that read kernel memory.
    (38, "CAP_PERFMON"),
    (39, "CAP_BPF"),
];
const SYS_ADMIN: u32 = 21;

/// What this process lacks to observe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Names of capabilities that are not effective.
    pub capabilities: Vec<&'static str>,
    /// We are in a user namespace: its capabilities do not count for the kernel's tracing.
    pub user_namespace: bool,
    /// The kernel does not describe its types in /sys/kernel/btf/vmlinux.
    pub btf: bool,
    /// cgroup v2 is not mounted where we see it.
    pub cgroup2: bool,
}

impl Missing {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One line: what is missing, and how to get it.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.user_namespace {
            parts.push("we are in a user namespace (run in the initial one: sudo, or a container that is not rootless)".to_owned());
        }
        if !self.capabilities.is_empty() {
            let names = self.capabilities.join(", ");
            parts.push(format!(
                "{names} (sudo aibom run ..., or in a container: --privileged or --cap-add for each)"
            ));
        }
        if self.btf {
            parts.push(
                "/sys/kernel/btf/vmlinux (a kernel built with CONFIG_DEBUG_INFO_BTF, and /sys mounted)"
                    .to_owned(),
            );
        }
        if self.cgroup2 {
            parts.push("a cgroup2 mount (mount -t cgroup2 none /sys/fs/cgroup/unified, or mount the host's /sys/fs/cgroup into the container)".to_owned());
        }
        f.write_str(if parts.is_empty() { "nothing is missing" } else { "missing: " })?;
        f.write_str(&parts.join("; "))
    }
}

/// What CapEff of /proc/self/status lacks. Without such a line, everything.
///
/// CAP_SYS_ADMIN stands in for the three others: the kernel accepts it wherever it asks for one of them to load or
/// attach a program (bpf_token_capable and perfmon_capable, since 5.8), and before 5.8 two of them do not exist.
pub(super) fn missing_capabilities(status: &[u8]) -> Vec<&'static str> {
    let effective = effective(status).unwrap_or(0);
    let has = |capability: u32| effective & (1 << capability) != 0;
    let missing = NEEDED.iter().filter(|(capability, _)| !has(*capability) && !has(SYS_ADMIN));
    missing.map(|(_, name)| *name).collect()
}

fn effective(status: &[u8]) -> Option<u64> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"CapEff:"))?;
    u64::from_str_radix(std::str::from_utf8(line).ok()?.trim(), 16).ok()
}

/// The initial user namespace maps every id to itself; user_namespaces(7).
pub(super) fn initial_user_namespace(uid_map: &[u8]) -> bool {
    let text = String::from_utf8_lossy(uid_map);
    text.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_effective_capabilities() {
        let all = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_PERFMON", "CAP_BPF"];
        for (status, expected) in [
            (&b"CapPrm:\tffff\nCapEff:\t000001ffffffffff\n"[..], &[][..]),
            (b"CapEff:\t000001fffeffffff\n", &[]),
            (b"CapEff:\t0000000000200000\n", &[]),
            (b"CapEff:\t000000c000000000\n", &["CAP_SYS_ADMIN", "CAP_NET_ADMIN"]),
            (b"CapEff:\t0000000000000000\n", &all),
            (b"CapEff:\tffffffffffffffffffff\n", &all),
            (b"CapEff:\t-1\n", &all),
            (b"XCapEff:\t000001ffffffffff\n", &all),
            (b"CapEff:\xff\n", &all),
            (b"", &all),
        ] {
            assert_eq!(missing_capabilities(status), expected, "{}", status.escape_ascii());
        }
    }

    #[test]
    fn knows_the_initial_user_namespace() {
        for (map, expected) in [
            ("         0          0 4294967295\n", true),
            ("0 1000 1\n", false),
            ("0 0 4294967295\n1 1 1\n", false),
            ("", false),
        ] {
            assert_eq!(initial_user_namespace(map.as_bytes()), expected, "{map}");
        }
    }
}
