//! The full path of a dentry, walked over mounts up to the root of the mount namespace.
//!
//! `fs/d_path.c: prepend_path` does the same from the leaf upward; `bpf_d_path` is not allowed in
//! tracing programs. Components are written in that order, each followed by `/`, and user space
//! turns them round: `python3.11/bin/usr/` is `/usr/bin/python3.11`.

use aya_ebpf::helpers::generated::{bpf_loop, bpf_probe_read_kernel};
use bom_common::record::{PATH_CAPACITY, path_flag};

use super::read::{opaque, pointer, read};
use crate::maps::{PATH_SPACE, offset};

/// Components and mount crossings followed at most.
const STEPS: u32 = 64;
/// The longest file name.
const NAME_MAX: u64 = 255;
const POSITION_MASK: u64 = PATH_CAPACITY as u64 - 1;

/// Where the walk stands. It lives in a map and every turn of the loop goes through memory, because
/// values in registers would make each turn a new state for the verifier, and the work grow with
/// the square of the steps.
#[repr(C)]
pub struct Walk {
    mount: u64,
    dentry: u64,
    position: u64,
}

pub struct Walked {
    pub length: u32,
    pub flags: u32,
}

/// Loads or stores one member of the walk, each time.
macro_rules! member {
    ($walk:ident.$name:ident) => {
        // SAFETY: a valid, aligned reference; volatile so that it is not kept in a register.
        unsafe { core::ptr::read_volatile(&raw const $walk.$name) }
    };
    ($walk:ident.$name:ident = $value:expr) => {{
        let value = $value;
        // SAFETY: as above.
        unsafe { core::ptr::write_volatile(&raw mut $walk.$name, value) }
    }};
}

/// Writes the path of `dentry` on `vfsmount` to `space`.
#[inline(always)]
pub fn walk(walk: &mut Walk, space: &mut [u8; PATH_SPACE], vfsmount: u64, dentry: u64) -> Walked {
    member!(walk.mount = vfsmount - u64::from(offset!(mount_mnt)));
    member!(walk.dentry = dentry);
    member!(walk.position = 0);
    let mut flags = path_flag::TRUNCATED;
    for _ in 0..STEPS {
        match step(walk, space) {
            Step::On => {}
            Step::Root => {
                flags = 0;
                break;
            }
            Step::Detached => {
                flags = path_flag::DETACHED;
                break;
            }
            Step::Stuck => break,
        }
    }
    Walked { length: (opaque(member!(walk.position)) & POSITION_MASK) as u32, flags }
}

/// The same in a loop that the kernel runs (5.17): the verifier follows one turn of it instead of all.
#[inline(always)]
pub fn walk_looped(walk: &mut Walk, space: &mut [u8; PATH_SPACE], vfsmount: u64, dentry: u64) -> Walked {
    looped(walk, space, vfsmount - u64::from(offset!(mount_mnt)), dentry)
}

/// Writes the path of `dentry` up to the root of its file system, whichever mount that is seen through. Also 5.17.
#[inline(always)]
pub fn walk_file_system(walk: &mut Walk, space: &mut [u8; PATH_SPACE], dentry: u64) -> Walked {
    let mut walked = looped(walk, space, 0, dentry);
    // No mount was given, so every root is mounted nowhere.
    walked.flags = walked.flags & path_flag::TRUNCATED | path_flag::FILESYSTEM_RELATIVE;
    walked
}

/// What a turn of the kernel's loop is given.
#[repr(C)]
struct Turn {
    walk: *mut Walk,
    space: *mut [u8; PATH_SPACE],
    flags: u32,
    reserved: u32,
}

#[inline(always)]
fn looped(walk: &mut Walk, space: &mut [u8; PATH_SPACE], mount: u64, dentry: u64) -> Walked {
    member!(walk.mount = mount);
    member!(walk.dentry = dentry);
    member!(walk.position = 0);
    let mut context = Turn { walk, space, flags: path_flag::TRUNCATED, reserved: 0 };
    let callback = turn as unsafe extern "C" fn(u64, *mut Turn) -> i64;
    // SAFETY: the verifier checks the callback with the context it gets, which outlives the call.
    unsafe { bpf_loop(STEPS, (callback as *mut u8).cast(), (&raw mut context).cast(), 0) };
    // SAFETY: the pointer was made from a reference above.
    let walk = unsafe { &mut *context.walk };
    Walked { length: (opaque(member!(walk.position)) & POSITION_MASK) as u32, flags: context.flags }
}

/// One turn; 1 ends the loop.
unsafe extern "C" fn turn(_index: u64, context: *mut Turn) -> i64 {
    // SAFETY: the pointers are those that were given to the loop; the verifier tracks them as such.
    let (context, walk, space) = unsafe { (&mut *context, &mut *(*context).walk, &mut *(*context).space) };
    match step(walk, space) {
        Step::On => return 0,
        Step::Root => context.flags = 0,
        Step::Detached => context.flags = path_flag::DETACHED,
        Step::Stuck => {}
    }
    1
}

enum Step {
    /// One component written, or one mount crossed.
    On,
    /// The root of the namespace is reached.
    Root,
    /// A root that is mounted nowhere.
    Detached,
    /// No room, or unreadable.
    Stuck,
}

#[inline(always)]
fn step(walk: &mut Walk, space: &mut [u8; PATH_SPACE]) -> Step {
    let mount = member!(walk.mount);
    let dentry = member!(walk.dentry);
    if dentry == pointer(mount, offset!(mount_mnt) + offset!(vfsmount_root)) {
        let parent = pointer(mount, offset!(mount_parent));
        if parent == mount {
            return Step::Root;
        }
        member!(walk.dentry = pointer(mount, offset!(mount_mountpoint)));
        member!(walk.mount = parent);
        return Step::On;
    }
    let parent = pointer(dentry, offset!(dentry_parent));
    let position = member!(walk.position);
    // A root without a mount (a pipe, a memfd, a detached tree): its own name is all there is.
    if parent == dentry && position > 0 {
        return Step::Detached;
    }
    let length = u64::from(read::<u32>(dentry, offset!(dentry_name_len)));
    let name = pointer(dentry, offset!(dentry_name_ptr));
    if position + length >= POSITION_MASK {
        return Step::Stuck;
    }
    let at = opaque(position) & POSITION_MASK;
    let take = opaque(length) & NAME_MAX;
    // SAFETY: `at` is below 4096 and `take` below 256; the buffer has 8192 bytes.
    let result = unsafe {
        bpf_probe_read_kernel(space.as_mut_ptr().add(at as usize).cast(), take as u32, name as *const _)
    };
    if result != 0 {
        return Step::Stuck;
    }
    let end = opaque(at + take) & (PATH_SPACE as u64 - 1);
    // SAFETY: `end` is below 8192.
    unsafe { *space.as_mut_ptr().add(end as usize) = b'/' };
    member!(walk.position = end + 1);
    member!(walk.dentry = parent);
    if parent == dentry { Step::Detached } else { Step::On }
}
