//! What a system's first process mounts, as far as aibom and the acts need it, and how the machine ends.

use std::{
    ffi::{CStr, CString},
    fs, io,
    path::Path,
};

/// (file system, place)
const MOUNTS: &[(&CStr, &CStr)] = &[
    (c"proc", c"/proc"),
    (c"sysfs", c"/sys"),
    (c"devtmpfs", c"/dev"),
    (c"cgroup2", c"/sys/fs/cgroup"),
    (c"securityfs", c"/sys/kernel/security"),
    (c"tmpfs", c"/tmp"),
    (c"tmpfs", c"/run"),
];

/// Moves from the initramfs, which is no mount like others (it cannot be pivoted away from), to a root of our own, as a
/// system that boots from a disk does (switch_root(8)).
pub(crate) fn own_root() -> io::Result<()> {
    let new = Path::new("/new");
    fs::create_dir(new)?;
    mount(c"tmpfs", c"/new")?;
    for part in ["init", "bin", "bypass"] {
        move_into(&Path::new("/").join(part), &new.join(part))?;
    }
    fs::create_dir(new.join("mnt"))?;
    std::env::set_current_dir(new)?;
    // SAFETY: NUL-terminated constants.
    unsafe {
        check(libc::mount(c".".as_ptr(), c"/".as_ptr(), std::ptr::null(), libc::MS_MOVE, std::ptr::null()))?;
        check(libc::chroot(c".".as_ptr()))?;
    }
    std::env::set_current_dir("/")
}

/// Copies and removes, because the two lie in different file systems; memory is short.
fn move_into(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            move_into(&entry.path(), &to.join(entry.file_name()))?;
        }
        return fs::remove_dir(from);
    }
    // A machine may be made without some of them.
    if from.exists() {
        fs::copy(from, to)?;
        fs::remove_file(from)?;
    }
    Ok(())
}

/// Mounts everything; the first failure is the answer, because nothing works without these.
pub(crate) fn all() -> io::Result<()> {
    for &(kind, place) in MOUNTS {
        // /sys holds its own mount points; the others are made.
        let folder = place.to_string_lossy();
        if !fs::exists(&*folder)? {
            fs::create_dir_all(&*folder)?;
        }
        mount(kind, place)?;
    }
    Ok(())
}

fn mount(kind: &CStr, place: &CStr) -> io::Result<()> {
    // SAFETY: NUL-terminated strings that live on.
    let result = unsafe { libc::mount(kind.as_ptr(), place.as_ptr(), kind.as_ptr(), 0, c"".as_ptr().cast()) };
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("mount {}: {error}", place.to_string_lossy()))
    };
    check(result).map_err(named)
}

/// Sets the loopback device up: SIOCGIFFLAGS, SIOCSIFFLAGS (netdevice(7)).
pub(crate) fn loopback() -> io::Result<()> {
    // SAFETY: an all-zero ifreq is valid, and it outlives the calls that fill and read it.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        check(socket)?;
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = libc::c_char::from_ne_bytes([*from]);
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
