//! Limits that aibom may change for itself and that the command must not inherit.

use std::{ffi::CString, fs, io};

/// The number of a limit: its type is the C library's own choice.
#[cfg(target_env = "gnu")]
pub(super) type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
pub(super) type Resource = libc::c_int;

/// Limits of this process, to be taken before any of them is changed.
#[derive(Clone, Debug)]
pub struct Limits {
    /// (resource, limit), for what loading probes and draining rings may need.
    resources: Vec<(Resource, libc::rlimit)>,
    /// Content of /proc/self/oom_score_adj, if it could be read.
    oom_score_adj: Option<CString>,
}

impl Limits {
    pub fn now() -> io::Result<Self> {
        let resources = [libc::RLIMIT_MEMLOCK, libc::RLIMIT_NOFILE].map(|which| Ok((which, limit(which)?)));
        Ok(Self {
            resources: resources.into_iter().collect::<io::Result<_>>()?,
            oom_score_adj: oom_score_adj(),
        })
    }

    /// What differs now: what a new process has to set to be back at these limits.
    pub(super) fn changes(&self) -> Changes {
        let differs = |(which, old): &&(Resource, libc::rlimit)| {
            limit(*which).map_or(true, |now| (now.rlim_cur, now.rlim_max) != (old.rlim_cur, old.rlim_max))
        };
        Changes {
            resources: self.resources.iter().filter(differs).copied().collect(),
            oom_score_adj: self.oom_score_adj.clone().filter(|old| oom_score_adj().as_ref() != Some(old)),
        }
    }
}

/// Ready for the time between fork and exec.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) resources: Vec<(Resource, libc::rlimit)>,
    pub(super) oom_score_adj: Option<CString>,
}

fn limit(which: Resource) -> io::Result<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live rlimit that the kernel fills.
    if unsafe { libc::getrlimit(which, &raw mut limit) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(limit)
}

fn oom_score_adj() -> Option<CString> {
    CString::new(fs::read("/proc/self/oom_score_adj").ok()?).ok()
}
