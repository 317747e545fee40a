//! The full path of a dentry, walked over mounts up to the root of the mount namespace.
//!
//! `fs/d_path.c: prepend_path` does the same from the leaf upward; `bpf_d_path` is not allowed in
//! tracing programs. Components are written in that order, each followed by `/`, and user space
//! turns them round: `python3.11/bin/usr/` is `/usr/bin/python3.11`.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use bom_common::record::{PATH_CAPACITY, path_flag};

use super::read::{opaque, pointer, read};
use crate::maps::{PATH_SPACE, offset};

/// Components and mount crossings followed at most.
const STEPS: u32 = 16;
/// The longest file name.
const NAME_MAX: u64 = 255;
const POSITION_MASK: u64 = PATH_CAPACITY as u64 - 1;

pub struct Walked {
    pub length: u32,
    pub flags: u32,
}

/// Writes the path of `dentry` on `vfsmount` to `space`.
#[inline(always)]
pub fn walk(space: &mut [u8; PATH_SPACE], vfsmount: u64, dentry: u64) -> Walked {
    let mut mount = vfsmount - u64::from(offset!(mount_mnt));
    let mut dentry = dentry;
    let mut position: u64 = 0;
    for _ in 0..STEPS {
        if dentry == pointer(mount, offset!(mount_mnt) + offset!(vfsmount_root)) {
            let parent = pointer(mount, offset!(mount_parent));
            if parent == mount {
                return Walked { length: position as u32, flags: 0 };
            }
            dentry = pointer(mount, offset!(mount_mountpoint));
            mount = parent;
            continue;
        }
        let parent = pointer(dentry, offset!(dentry_parent));
        // A root without a mount (a pipe, a memfd, a detached tree): its own name is all there is.
        let detached = parent == dentry;
        if detached && position > 0 {
            return Walked { length: position as u32, flags: path_flag::DETACHED };
        }
        let length = u64::from(read::<u32>(dentry, offset!(dentry_name_len)));
        let name = pointer(dentry, offset!(dentry_name_ptr));
        if position + length >= POSITION_MASK {
            break;
        }
        let at = opaque(position) & POSITION_MASK;
        let take = opaque(length) & NAME_MAX;
        // SAFETY: `at` is below 4096 and `take` below 256; the buffer has 8192 bytes.
        let result =
            unsafe { bpf_probe_read_kernel(space.as_mut_ptr().add(at as usize).cast(), take as u32, name as *const _) };
        if result != 0 {
            break;
        }
        let end = opaque(at + take) & (PATH_SPACE as u64 - 1);
        // SAFETY: `end` is below 8192.
        unsafe { *space.as_mut_ptr().add(end as usize) = b'/' };
        // Below the mask by the check above; masked again so that every turn of the loop looks the
        // same to the verifier.
        position = opaque(end + 1) & POSITION_MASK;
        if detached {
            return Walked { length: position as u32, flags: path_flag::DETACHED };
        }
        dentry = parent;
    }
    Walked { length: position as u32, flags: path_flag::TRUNCATED }
}
