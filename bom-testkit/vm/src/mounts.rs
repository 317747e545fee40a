//! What a system's first process mounts, as far as aibom and the acts need it, and how the machine ends.

use std::{
    ffi::{CStr, CString},
    fs, io,
};

/// (file system, place, options)
const MOUNTS: &[(&CStr, &CStr, &CStr)] = &[
    (c"proc", c"/proc", c""),
    (c"sysfs", c"/sys", c""),
    (c"devtmpfs", c"/dev", c""),
    (c"cgroup2", c"/sys/fs/cgroup", c""),
    (c"securityfs", c"/sys/kernel/security", c""),
    (c"tmpfs", c"/tmp", c""),
    (c"tmpfs", c"/run", c""),
];

/// Mounts everything; the first failure is the answer, because nothing works without these.
pub(crate) fn all() -> io::Result<()> {
    for &(kind, place, options) in MOUNTS {
        // /sys holds its own mount points; the others are made.
        let folder = place.to_string_lossy();
        if !fs::exists(&*folder)? {
            fs::create_dir_all(&*folder)?;
        }
        // SAFETY: NUL-terminated constants.
        let result =
            unsafe { libc::mount(kind.as_ptr(), place.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast()) };
        if result < 0 {
            let error = io::Error::last_os_error();
            return Err(io::Error::new(error.kind(), format!("mount {folder}: {error}")));
        }
    }
    Ok(())
}

/// Sets the loopback device up: SIOCGIFFLAGS, SIOCSIFFLAGS (netdevice(7)).
pub(crate) fn loopback() -> io::Result<()> {
    // SAFETY: an all-zero ifreq is valid, and it outlives the calls that fill and read it.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        check(socket)?;
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = (*from).cast_signed();
        }
        check(libc::ioctl(socket, libc::SIOCGIFFLAGS as _, &raw mut request))?;
        request.ifr_ifru.ifru_flags |= (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw mut request))?;
        check(libc::close(socket))
    }
}

/// Ends the machine. What was printed before has left it: the console is drained first.
pub(crate) fn power_off() -> ! {
    // SAFETY: plain system calls; the descriptor is our own console.
    unsafe {
        libc::tcdrain(1);
        libc::sync();
        libc::reboot(libc::RB_POWER_OFF);
    }
    // Without ACPI the machine stays: end it by ending process 1 (`panic=-1` restarts, `-no-reboot` exits).
    std::process::exit(1)
}

/// A value of the kernel's command line, `aibom.NAME=VALUE`.
pub(crate) fn parameter(name: &str) -> Option<String> {
    let line = fs::read_to_string("/proc/cmdline").ok()?;
    let key = format!("aibom.{name}=");
    line.split_ascii_whitespace().find_map(|word| word.strip_prefix(&key)).map(str::to_owned)
}

/// The release of the running kernel.
pub(crate) fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

pub(crate) fn path(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(io::Error::other)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
