//! What the kernel says of a file that it opened for us.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::{
        fd::{AsRawFd as _, BorrowedFd},
        unix::ffi::OsStrExt as _,
    },
};

use bom_common::record::path_flag;
use bom_core::{event::OpenedFile, key::FileKey, path::SeenPath};
use rustix::fs::{AtFlags, StatxFlags, statx};

use super::number;

const TMPFS: u64 = 0x0102_1994;
/// Devices whose type is remembered.
const TYPES: usize = 4096;

pub(super) enum Described {
    File(Box<OpenedFile>),
    /// A directory, a pipe, a socket: not recorded.
    NoFile,
    Gone,
}

/// Types of file systems by the device that stat gives.
#[derive(Debug, Default)]
pub(super) struct Types(BTreeMap<(u32, u32), u64>);

impl Types {
    fn of(&mut self, device: (u32, u32), fd: BorrowedFd<'_>) -> u64 {
        if let Some(&magic) = self.0.get(&device) {
            return magic;
        }
        let found = nix::sys::statfs::fstatfs(fd);
        let magic = found.map_or(0, |stat| u64::try_from(stat.filesystem_type().0).unwrap_or_default());
        if self.0.len() >= TYPES {
            // Numbers of devices are used again.
            self.0.clear();
        }
        self.0.insert(device, magic);
        magic
    }
}

/// The device is that of stat, which on overlayfs and btrfs is not the file system's own.
pub(super) fn describe(fd: BorrowedFd<'_>, types: &mut Types) -> Described {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
    let Ok(stat) = statx(fd, c"", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, wanted) else {
        return Described::Gone;
    };
    let mode = u32::from(stat.stx_mode);
    // The kernel tells of regular files and directories alone.
    if mode & 0o170_000 != 0o100_000 {
        return Described::NoFile;
    }
    let Ok(link) = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())) else {
        return Described::Gone;
    };
    let fs_magic = types.of((stat.stx_dev_major, stat.stx_dev_minor), fd);
    let (path, path_flags) = path(link.as_os_str(), stat.stx_nlink);
    Described::File(Box::new(OpenedFile {
        key: FileKey {
            device: number(stat.stx_dev_major, stat.stx_dev_minor),
            inode: stat.stx_ino,
            generation: generation(fd, fs_magic),
            size: stat.stx_size,
            ctime_s: stat.stx_ctime.tv_sec,
            ctime_ns: stat.stx_ctime.tv_nsec,
        },
        path,
        path_flags,
        parent_inode: 0,
        name_hash: 0,
        mode,
        // How it was opened is not told.
        flags: 0,
        fs_magic,
        rdev: 0,
        mount_id: u32::try_from(stat.stx_mnt_id).unwrap_or_default(),
        real: None,
    }))
}

/// What the kernel prints for the descriptor; it marks a removed name by a suffix that a name can have as well, so the
/// link count decides.
fn path(link: &OsStr, links: u32) -> (SeenPath, u32) {
    let bytes = link.as_bytes();
    let (name, unlinked) = match bytes.strip_suffix(b" (deleted)") {
        Some(name) if links == 0 => (name, path_flag::UNLINKED),
        _ => (bytes, 0),
    };
    (SeenPath::new(name), unlinked)
}

/// `i_generation`; 0 where the file system does not tell.
fn generation(fd: BorrowedFd<'_>, fs_magic: u64) -> u32 {
    match fs_magic {
        TMPFS => generation_of_handle(fd),
        _ => generation_by_request(fd),
    }
}

/// fs/ioctl.c, FS_IOC_GETVERSION.
fn generation_by_request(fd: BorrowedFd<'_>) -> u32 {
    const FS_IOC_GETVERSION: libc::Ioctl = 0x8008_7601_u32 as libc::Ioctl;
    let mut value: libc::c_long = 0;
    // SAFETY: the request writes one integer of at most a long's size to the live variable.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), FS_IOC_GETVERSION, &raw mut value) };
    // Some file systems write 32 bits, some a long: the lower half is the number in both.
    if result == 0 { (value & 0xffff_ffff) as u32 } else { 0 }
}

/// The first word of a handle of tmpfs (mm/shmem.c, shmem_encode_fh).
fn generation_of_handle(fd: BorrowedFd<'_>) -> u32 {
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        words: [u32; 4],
    }
    let mut handle = Handle { bytes: 16, kind: 0, words: [0; 4] };
    let mut mount: libc::c_int = 0;
    let (call, nothing) = (libc::SYS_name_to_handle_at, c"".as_ptr());
    // SAFETY: the handle is live and has room for as many bytes as it says.
    let result = unsafe {
        libc::syscall(call, fd.as_raw_fd(), nothing, &raw mut handle, &raw mut mount, libc::AT_EMPTY_PATH)
    };
    let [first, ..] = handle.words;
    if result == 0 && handle.bytes >= 4 { first } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_name_is_told_by_the_link_count() {
        let of = |name: &str, links| path(OsStr::new(name), links);
        assert_eq!(of("/a (deleted)", 0), (SeenPath::new(&b"/a"[..]), path_flag::UNLINKED));
        assert_eq!(of("/a (deleted)", 1), (SeenPath::new(&b"/a (deleted)"[..]), 0));
        assert_eq!(of("/a", 0), (SeenPath::new(&b"/a"[..]), 0));
    }
}
