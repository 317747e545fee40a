//! `struct file` and what hangs on it.

use bom_common::{
    config::{ABSENT, ACCESS, ACCESS_UNLINKED, CTIME_NS, OpenKey},
    record,
};

use super::{
    path::Walked,
    read::{pointer, read},
    task::Tracked,
};
use crate::maps::offset;

const S_IFMT: u16 = 0o170_000;
const S_IFREG: u16 = 0o100_000;
const S_IFCHR: u16 = 0o020_000;
const S_IFBLK: u16 = 0o060_000;
const S_IFIFO: u16 = 0o010_000;
const S_IFSOCK: u16 = 0o140_000;
/// include/uapi/linux/magic.h
const OVERLAYFS: u64 = 0x794c_7630;

/// An open file: its pointers and the values that name it.
#[derive(Clone, Copy)]
pub struct OpenFile {
    pub file: u64,
    pub vfsmount: u64,
    pub dentry: u64,
    pub inode: u64,
    pub superblock: u64,
    pub mode: u16,
}

/// The file behind a descriptor of the given task: never what user memory says it is.
#[inline(always)]
pub fn by_descriptor(task: u64, descriptor: u32) -> Option<OpenFile> {
    let table = pointer(pointer(task, offset!(task_files)), offset!(files_fdt));
    if descriptor >= read::<u32>(table, offset!(fdtable_max_fds)) {
        return None;
    }
    let array = pointer(table, offset!(fdtable_fd));
    by_pointer(pointer(array + u64::from(descriptor) * 8, 0))
}

#[inline(always)]
pub fn by_pointer(file: u64) -> Option<OpenFile> {
    let inode = pointer(file, offset!(file_inode));
    if inode == 0 {
        return None;
    }
    Some(OpenFile {
        file,
        vfsmount: pointer(file, offset!(file_path_mnt)),
        dentry: pointer(file, offset!(file_path_dentry)),
        inode,
        superblock: pointer(inode, offset!(inode_sb)),
        mode: read(inode, offset!(inode_mode)),
    })
}

impl OpenFile {
    /// Regular files and devices are recorded; directories, pipes and sockets are not.
    #[inline(always)]
    pub fn is_recorded(&self) -> bool {
        matches!(self.mode & S_IFMT, S_IFREG | S_IFCHR | S_IFBLK)
    }

    #[inline(always)]
    pub fn is_regular(&self) -> bool {
        self.mode & S_IFMT == S_IFREG
    }

    /// What a page cache can belong to, directories left out: a regular file, or a whole block device.
    #[inline(always)]
    pub fn is_content(&self) -> bool {
        matches!(self.mode & S_IFMT, S_IFREG | S_IFBLK)
    }

    #[inline(always)]
    pub fn is_socket(&self) -> bool {
        self.mode & S_IFMT == S_IFSOCK
    }

    /// A pipe, with or without a name, whose descriptor can read.
    #[inline(always)]
    pub fn is_readable_pipe(&self) -> bool {
        const O_ACCMODE: u32 = 3;
        const O_WRONLY: u32 = 1;
        self.mode & S_IFMT == S_IFIFO && read::<u32>(self.file, offset!(file_flags)) & O_ACCMODE != O_WRONLY
    }

    /// The file by its inode alone, as the page cache knows it: through the first of its names.
    #[inline(always)]
    pub fn by_inode(inode: u64) -> Self {
        let alias = pointer(inode, offset!(inode_dentry));
        let dentry = if alias == 0 { 0 } else { alias - u64::from(offset!(dentry_alias)) };
        Self {
            file: 0,
            vfsmount: 0,
            dentry,
            inode,
            superblock: pointer(inode, offset!(inode_sb)),
            mode: read(inode, offset!(inode_mode)),
        }
    }

    #[inline(always)]
    pub fn key(&self, task: &Tracked) -> OpenKey {
        let unlinked = if self.is_unlinked() { ACCESS_UNLINKED } else { 0 };
        OpenKey {
            start_ns: task.start_ns,
            image: task.image,
            inode: read(self.inode, offset!(inode_ino)),
            parent_inode: self.parent_inode(),
            name_hash: read(self.dentry, offset!(dentry_name_hash)),
            size: read(self.inode, offset!(inode_size)),
            ctime_s: read(self.inode, offset!(inode_ctime_s)),
            ctime_ns: read::<u32>(self.inode, offset!(inode_ctime_ns)) & CTIME_NS,
            tgid: task.tgid,
            device: read(self.superblock, offset!(sb_dev)),
            generation: read(self.inode, offset!(inode_generation)),
            mount_id: read(self.vfsmount - u64::from(offset!(mount_mnt)), offset!(mount_id)),
            access: read::<u32>(self.file, offset!(file_flags)) & ACCESS | unlinked,
        }
    }

    #[inline(always)]
    fn parent_inode(&self) -> u64 {
        let parent = pointer(self.dentry, offset!(dentry_parent));
        read(pointer(parent, offset!(dentry_inode)), offset!(inode_ino))
    }

    /// Whether the name was removed from its directory (`d_unlinked`).
    #[inline(always)]
    fn is_unlinked(&self) -> bool {
        let hashed = pointer(self.dentry, offset!(dentry_hash_pprev)) != 0;
        let root = pointer(self.dentry, offset!(dentry_parent)) == self.dentry;
        !hashed && !root
    }

    /// The body of a record, path aside.
    #[inline(always)]
    pub fn describe(&self, key: &OpenKey, walked: &Walked) -> record::File {
        let unlinked = if key.access & ACCESS_UNLINKED != 0 { record::path_flag::UNLINKED } else { 0 };
        let device_node = matches!(self.mode & S_IFMT, S_IFCHR | S_IFBLK);
        let magic: u64 = read(self.superblock, offset!(sb_magic));
        let (real_device, real_inode) = self.real(magic);
        record::File {
            inode: key.inode,
            parent_inode: key.parent_inode,
            name_hash: key.name_hash,
            size: key.size,
            ctime_s: key.ctime_s,
            ctime_ns: key.ctime_ns,
            device: key.device,
            generation: key.generation,
            mode: u32::from(self.mode),
            fs_magic: magic,
            rdev: if device_node { read(self.inode, offset!(inode_rdev)) } else { 0 },
            mount_id: key.mount_id,
            flags: read(self.file, offset!(file_flags)),
            path_length: walked.length,
            path_flags: walked.flags | unlinked,
            real_device,
            real_inode,
        }
    }

    /// Device and inode number of the file in a layer of an overlay that holds the content: what the page cache goes
    /// by. Zeroes if this is no overlay, or its types are not in the kernel's BTF.
    #[inline(always)]
    fn real(&self, magic: u64) -> (u32, u64) {
        if magic != OVERLAYFS || offset!(ovl_vfs_inode) == ABSENT {
            return (0, 0);
        }
        let node = self.inode - u64::from(offset!(ovl_vfs_inode));
        let upper = pointer(node, offset!(ovl_upper));
        let dentry = if upper != 0 {
            upper
        } else {
            let entry = pointer(node, offset!(ovl_entry));
            if read::<u32>(entry, offset!(ovl_lower_count)) == 0 {
                return (0, 0);
            }
            pointer(entry + u64::from(offset!(ovl_lower)), offset!(ovl_path_dentry))
        };
        let inode = pointer(dentry, offset!(dentry_inode));
        (read(pointer(inode, offset!(inode_sb)), offset!(sb_dev)), read(inode, offset!(inode_ino)))
    }
}
