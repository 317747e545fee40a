//! What the store around a file says of it (`bom_extract::store`), in the tree that its process sees.

use std::io;
use std::os::unix::fs::MetadataExt;

use bom_core::input::{Answer, Reason, Work};
use bom_extract::read_some;
use bom_extract::store::{Asked, Folder, Names, origins};

use super::answer::Context;
use super::content::same;
use super::open::{Links, Tree, reason};
use super::watch::Watch;

/// Longest target of a link; PATH_MAX.
const LINK_BYTES: usize = 4096;

/// The names of the very file that the kernel reported.
pub(super) fn origins_of(context: &Context, work: &Work) -> Result<Answer, Reason> {
    let tree = context.namespaces.root(work)?;
    let path = work.file.path.bytes();
    let place = tree.find(path, Links::Refuse).map_err(|error| reason(&error))?;
    same(&work.file, &place.metadata)?;
    let seen = Seen { tree: &tree, watch: &context.watch };
    Ok(Answer::Origins(origins(&seen, Asked { path, modified_s: Some(place.metadata.mtime()) })))
}

/// A tree as the layouts want to see it.
struct Seen<'a> {
    tree: &'a Tree,
    watch: &'a Watch,
}

/// `None` if there is nothing of the kind; an error if there may be.
fn existing<T>(outcome: io::Result<T>) -> Result<Option<T>, Reason> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.raw_os_error() {
            // A link or a file on the way: what is asked for is not there.
            Some(libc::ELOOP | libc::ENOTDIR | libc::ENAMETOOLONG | libc::EINVAL) => Ok(None),
            _ if reason(&error) == Reason::NotFound => Ok(None),
            _ => Err(reason(&error)),
        },
    }
}

impl Folder for Seen<'_> {
    fn read(&self, path: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Reason> {
        self.watch.beat()?;
        let Some(place) = existing(self.tree.find(path, Links::Refuse))? else { return Ok(None) };
        if !place.metadata.is_file() {
            return Ok(None);
        }
        let size = place.metadata.size();
        if size > limit {
            return Err(Reason::TooLarge);
        }
        let file = self.tree.open(&place).map_err(|error| reason(&error))?;
        // One byte more: a file that grows meanwhile is seen to.
        let mut content = vec![0; usize::try_from(size).map_err(|_| Reason::TooLarge)? + 1];
        let mut filled = 0;
        while filled < content.len() {
            self.watch.beat()?;
            let offset = u64::try_from(filled).map_err(|_| Reason::ReadFailed)?;
            match read_some(&file, &mut content[filled..], offset).map_err(|_| Reason::ReadFailed)? {
                0 => break,
                count => filled += count,
            }
        }
        if filled == content.len() {
            return Err(Reason::ChangedSinceOpen);
        }
        content.truncate(filled);
        Ok(Some(content))
    }

    fn names(&self, path: &[u8], limit: usize) -> Result<Option<Names>, Reason> {
        self.watch.beat()?;
        let Some(place) = existing(self.tree.find(path, Links::Refuse))? else { return Ok(None) };
        if !place.metadata.is_dir() {
            return Ok(None);
        }
        let Some((tree, _)) = existing(self.tree.below(path, Links::Refuse))? else { return Ok(None) };
        let (names, all) = tree.names(limit, |_| true).map_err(|error| reason(&error))?;
        Ok(Some(Names { names, all }))
    }

    fn link(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Reason> {
        self.watch.beat()?;
        let Some(place) = existing(self.tree.find(path, Links::Refuse))? else { return Ok(None) };
        if !place.metadata.is_symlink() {
            return Ok(None);
        }
        let mut target = vec![0_u8; LINK_BYTES];
        // SAFETY: the path is an empty C string, which stands for the descriptor itself; the buffer has the length given.
        let length = unsafe {
            libc::readlinkat(place.descriptor(), c"".as_ptr(), target.as_mut_ptr().cast(), target.len())
        };
        let length = usize::try_from(length).map_err(|_| reason(&io::Error::last_os_error()))?;
        if length == target.len() {
            return Err(Reason::TooLarge);
        }
        target.truncate(length);
        Ok(Some(target))
    }
}
