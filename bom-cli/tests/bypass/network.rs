//! A network of our own: a loopback device that also has the peer's addresses. Documentation addresses, because a peer
//! on 127.0.0.1 counts as local and is excused from having a name.

use std::{ffi::CStr, fs, process::Command, ptr};

pub(crate) const PEER4: &str = "203.0.113.7";
pub(crate) const PEER6: &str = "2001:db8::7";

/// TCP Fast Open for client and server without a cookie, on every listener: Documentation/networking/ip-sysctl.rst.
const FAST_OPEN: &str = "1543";
/// What the trials switch on, as paths below /proc/sys/net/ipv4. Packets that a packet socket put on the loopback device
/// carry an address of this machine as their source, which is refused otherwise.
const SWITCHES: &[(&str, &str)] =
    &[("tcp_fastopen", FAST_OPEN), ("conf/all/accept_local", "1"), ("conf/lo/accept_local", "1")];

/// Moves this process into namespaces of its own. The trial's needs were looked at; what fails now is a defect.
pub(crate) fn enter() {
    // SAFETY: takes flags only.
    let moved = unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWNET) };
    assert_eq!(moved, 0, "unshare: {}", std::io::Error::last_os_error());
    let (none, root): (*const libc::c_char, &CStr) = (ptr::null(), c"/");
    // SAFETY: the one path that is read is a constant.
    let private =
        unsafe { libc::mount(none, root.as_ptr(), none, libc::MS_REC | libc::MS_PRIVATE, ptr::null()) };
    assert_eq!(private, 0, "private mounts: {}", std::io::Error::last_os_error());
    for arguments in [
        &["link", "set", "lo", "up"][..],
        &["address", "add", &format!("{PEER4}/32"), "dev", "lo"],
        // Usable at once: nobody else can have it.
        &["address", "add", &format!("{PEER6}/128"), "dev", "lo", "nodad"],
    ] {
        let status = Command::new("ip").args(arguments).status().expect("ip runs (Debian package iproute2)");
        assert!(status.success(), "ip {arguments:?}: {status}");
    }
    for (name, value) in SWITCHES {
        let path = format!("/proc/sys/net/ipv4/{name}");
        fs::write(&path, value).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}
