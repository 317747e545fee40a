//! Where a file can be found that has no path of the process's own: by the mounts of its file system, or through a
//! process that holds it.
//!
//! Whatever is found has the device, inode number, size and change time that the kernel reported, or is not it.

use std::ffi::OsStr;
use std::fs;

use bom_core::{
    input::{Answer, Reason, Work},
    path::SeenPath,
};

use super::answer::Context;
use super::content::same;
use super::namespace::Mounts;
use super::open::{Links, Place, Tree, reason};
use crate::mount_table::unescape;

/// Mounts of one file system that are tried.
const MOUNTS: usize = 64;
/// Descriptors and mappings of one process that are looked at.
const HANDLES: usize = 4096;

/// One line of mountinfo, as far as it matters here (proc_pid_mountinfo(5)).
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    device: u32,
    /// The directory of the file system that is mounted.
    root: Vec<u8>,
    point: Vec<u8>,
}

/// A path under which the file is visible: in the process's own mount namespace, else in ours.
pub(super) fn locate(context: &Context, work: &Work) -> Result<Answer, Reason> {
    let path = within(work.file.path.bytes()).ok_or(Reason::NotFound)?;
    let mut why = Reason::NotFound;
    for place in [context.namespaces.mounts(work), context.namespaces.own_mounts()] {
        let Mounts { tree, text, namespace } = match place {
            Ok(mounts) => mounts,
            Err(reason) => {
                why = reason;
                continue;
            }
        };
        context.watch.beat()?;
        let candidates = parse(&text).filter_map(|mount| mount.under(work.file.key.device, path));
        for candidate in candidates.take(MOUNTS) {
            let Ok(place) = tree.find(&candidate, Links::Refuse) else { continue };
            if is_it(work, &place) {
                return Ok(Answer::Located { path: SeenPath::new(candidate), mount_namespace: namespace });
            }
        }
    }
    Err(why)
}

/// The file itself, as the program, a descriptor or a mapping of the process that was seen with it, while that lives.
pub(super) fn held(context: &Context, work: &Work) -> Result<(Tree, Place), Reason> {
    let (_, tree) = context.namespaces.of_process(work.process, "")?;
    if let Ok(place) = tree.handle(OsStr::new("exe"))
        && is_it(work, &place)
    {
        return Ok((tree, place));
    }
    for folder in ["fd", "map_files"] {
        let (path, tree) = context.namespaces.of_process(work.process, folder)?;
        for entry in fs::read_dir(&path).map_err(|error| reason(&error))?.take(HANDLES) {
            context.watch.beat()?;
            let Ok(entry) = entry else { break };
            let Ok(place) = tree.handle(&entry.file_name()) else { continue };
            if is_it(work, &place) {
                return Ok((tree, place));
            }
        }
    }
    Err(Reason::NotFound)
}

fn is_it(work: &Work, place: &Place) -> bool {
    place.metadata.is_file() && same(&work.file, &place.metadata).is_ok()
}

/// `<254:0>/usr/lib` → `/usr/lib`.
fn within(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().position(|&byte| byte == b'>')?;
    path.get(end + 1..).filter(|rest| rest.starts_with(b"/"))
}

fn parse(text: &[u8]) -> impl Iterator<Item = Mount> + '_ {
    text.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = line.split(|&byte| byte == b' ').skip(2);
        let (major, minor) = str::from_utf8(fields.next()?).ok()?.split_once(':')?;
        let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
        let device = (major < 1 << 12 && minor < 1 << 20).then_some(major << 20 | minor)?;
        Some(Mount { device, root: unescape(fields.next()?), point: unescape(fields.next()?) })
    })
}

impl Mount {
    /// Where a path of this file system is to be seen through this mount.
    fn under(&self, device: u32, path: &[u8]) -> Option<Vec<u8>> {
        if self.device != device {
            return None;
        }
        let root = self.root.strip_suffix(b"/").unwrap_or(&self.root);
        let rest = path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with(b"/"))?;
        let mut whole = self.point.strip_suffix(b"/").unwrap_or(&self.point).to_vec();
        whole.extend_from_slice(rest);
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_seen_through_a_mount() {
        let text = b"22 1 254:0 / / rw - ext4 /dev/vda rw\n\
            23 22 254:0 /srv/a\\040b /mnt/x rw - ext4 /dev/vda rw\n\
            24 22 0:27 / /dev/shm rw - tmpfs tmpfs rw\nnonsense\n";
        let device = 254 << 20;
        for (name, path, expected) in [
            ("whole_and_part", &b"/srv/a b/model"[..], vec![&b"/srv/a b/model"[..], b"/mnt/x/model"]),
            ("beside_the_part", b"/srv/a bc", vec![b"/srv/a bc"]),
        ] {
            let found: Vec<Vec<u8>> = parse(text).filter_map(|mount| mount.under(device, path)).collect();
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(within(b"<254:0>/srv/a"), Some(&b"/srv/a"[..]));
        assert_eq!(within(b"/srv/a"), None);
    }
}
