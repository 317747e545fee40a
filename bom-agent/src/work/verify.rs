//! Whether a program is what its package installed: dpkg's `.md5sums` beside its file lists.
//!
//! MD5 is no proof against who can choose both contents; here one of them is the distribution's. Who can rewrite the
//! package database itself can say what he likes, see docs/threat-model.md.

use std::os::unix::fs::MetadataExt;

use bom_core::input::{Answer, DebOwner, Reason, Work};
use bom_extract::read_some;
use md5::{Digest as _, Md5};

use super::answer::Context;
use super::content::{hex, same};
use super::open::{Links, Tree, reason};
use super::owner::Owners;
use super::watch::Watch;

/// Largest list of digests. Those in the field are a few MiB.
const SUMS_BYTES: u64 = 16 << 20;
/// Largest program that is compared.
const PROGRAM_BYTES: u64 = 256 << 20;
const PIECE: usize = 256 << 10;
const INFO: &str = "/var/lib/dpkg/info/";

pub(super) fn verify(context: &Context, owners: &mut Owners, work: &Work) -> Result<Answer, Reason> {
    let owner = owners.owner(context, work)?;
    let deb = owner.deb.ok_or(Reason::NotFound)?;
    let tree = context.namespaces.root(work)?;
    let recorded = recorded(&tree, &deb, work.file.path.bytes(), &context.watch)?;
    let place = tree.find(work.file.path.bytes(), Links::Refuse).map_err(|error| reason(&error))?;
    same(&work.file, &place.metadata)?;
    if place.metadata.size() > PROGRAM_BYTES {
        return Err(Reason::TooLarge);
    }
    let file = tree.open(&place).map_err(|error| reason(&error))?;
    let mut hash = Md5::new();
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    loop {
        context.watch.beat()?;
        let count = read_some(&file, &mut piece, offset).map_err(|_| Reason::ReadFailed)?;
        if count == 0 {
            break;
        }
        hash.update(&piece[..count]);
        offset += u64::try_from(count).map_err(|_| Reason::ReadFailed)?;
    }
    same(&work.file, &file.metadata().map_err(|_| Reason::ReadFailed)?)?;
    Ok(Answer::Verified(hex(&hash.finalize()).as_bytes() == recorded))
}

/// The digits that the package has for the path. Its own list may have the path from before directories were merged.
fn recorded(tree: &Tree, deb: &DebOwner, path: &[u8], watch: &Watch) -> Result<Vec<u8>, Reason> {
    for name in [deb.package.clone(), format!("{}:{}", deb.package, deb.architecture)] {
        let list = format!("{INFO}{name}.md5sums");
        let (file, metadata) = match tree.read(list.as_bytes(), Links::Follow) {
            Ok(found) => found,
            Err(error) if reason(&error) == Reason::NotFound => continue,
            Err(error) => return Err(reason(&error)),
        };
        if metadata.size() > SUMS_BYTES {
            return Err(Reason::TooLarge);
        }
        let size = usize::try_from(metadata.size()).map_err(|_| Reason::TooLarge)?;
        let mut text = vec![0; size];
        let mut filled = 0;
        while filled < size {
            watch.beat()?;
            let offset = u64::try_from(filled).map_err(|_| Reason::ReadFailed)?;
            match read_some(&file, &mut text[filled..], offset).map_err(|_| Reason::ReadFailed)? {
                0 => break,
                count => filled += count,
            }
        }
        text.truncate(filled);
        let relative = path.strip_prefix(b"/").unwrap_or(path);
        let unmerged = relative.strip_prefix(b"usr/").unwrap_or(relative);
        // 32 digits, two blanks, the path without its first slash.
        for line in text.split(|&byte| byte == b'\n') {
            if let Some((digits, rest)) = line.split_at_checked(32)
                && let Some(listed) = rest.strip_prefix(b"  ")
                && (listed == relative || listed == unmerged)
            {
                return Ok(digits.to_vec());
            }
        }
    }
    Err(Reason::NotFound)
}
