//! The cgroup of a session.
