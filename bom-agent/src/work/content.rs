//! What a file says, and the digest of its bytes.

use std::cell::RefCell;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use bom_core::{
    event::OpenedFile,
    input::{Answer, Reason, Work},
};
use bom_extract::{END_BYTES, FileInput, FileState, PREFIX_BYTES, extract, read_some, sniff, sniff_end};
use sha2::{Digest, Sha256};

use super::answer::Context;
use super::open::{Links, Place, Tree, reason};
use super::place;
use super::watch::OutOfTime;

/// Bytes per read of a digest.
const PIECE: usize = 128 << 10;
const OVERLAYFS: u64 = 0x794c_7630;
const BTRFS: u64 = 0x9123_683e;
/// Since Linux 6.13 the kernel keeps a flag (I_CTIME_QUERIED, include/linux/fs.h) in bit 31 of the nanoseconds.
const CTIME_NS: u32 = (1 << 31) - 1;

/// The file's header. For most files, which are of no known format, one read of a few bytes.
pub(super) fn inspect(context: &Context, work: &Work) -> Result<Answer, Reason> {
    let end = Instant::now() + context.settings.inspect_time;
    let (file, metadata) = open(context, work)?;
    let len = metadata.size();
    let mut prefix = [0; PREFIX_BYTES];
    let wanted = usize::try_from(len).unwrap_or(PREFIX_BYTES).min(PREFIX_BYTES);
    let prefix = &mut prefix[..wanted];
    if fill(&file, prefix)? < wanted {
        return Err(Reason::ChangedSinceOpen);
    }
    let mut last = [0; END_BYTES];
    let last = &mut last[..wanted.min(END_BYTES)];
    if sniff(prefix, len).is_none() && !ends_as_known(&file, last, len)? {
        return Ok(Answer::Inspected(None));
    }
    let late = RefCell::new(false);
    let check = || {
        let beat = context.watch.beat();
        if beat.is_err() || Instant::now() >= end {
            late.replace(true);
            return Err(io::Error::new(io::ErrorKind::TimedOut, OutOfTime));
        }
        Ok(())
    };
    let extracted = extract(&FileInput::new(&file, len).checked(&check), &context.settings.limits);
    if *late.borrow() {
        return Err(Reason::Deadline);
    }
    // Before the extraction's own error: a file that was rewritten meanwhile explains any.
    unchanged(&work.file, &file)?;
    extracted.map(|extracted| Answer::Inspected(extracted.map(Box::new))).map_err(|_| Reason::ReadFailed)
}

/// Some formats are told by the last bytes.
fn ends_as_known(file: &File, end: &mut [u8], len: u64) -> Result<bool, Reason> {
    let from = len.saturating_sub(u64::try_from(end.len()).unwrap_or(len));
    let count = read_some(file, end, from).map_err(|_| Reason::ReadFailed)?;
    Ok(sniff_end(&end[..count], len).is_some())
}

/// SHA-256 of the whole content.
pub(super) fn digest(context: &Context, work: &Work) -> Result<Answer, Reason> {
    let limit = context.settings.max_digest_bytes.unwrap_or(u64::MAX);
    let (file, metadata) = open(context, work)?;
    if metadata.size() > limit {
        return Err(Reason::TooLarge);
    }
    // Before the first byte: what changes meanwhile is in another state.
    let cache = context.settings.digests.as_ref();
    let state = cache.and_then(|cache| Some((cache, FileState::of(&file)?)));
    if let Some(digest) = state.as_ref().and_then(|(cache, state)| cache.known(state)) {
        unchanged(&work.file, &file)?;
        return Ok(Answer::EarlierDigest(digest));
    }
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE.min(usize::try_from(metadata.size()).unwrap_or(PIECE))];
    let mut offset = 0;
    while offset < metadata.size() {
        context.watch.beat()?;
        let count = read_some(&file, &mut piece, offset).map_err(|_| Reason::ReadFailed)?;
        if count == 0 {
            return Err(Reason::ChangedSinceOpen);
        }
        hash.update(&piece[..count]);
        offset += u64::try_from(count).map_err(|_| Reason::ReadFailed)?;
    }
    unchanged(&work.file, &file)?;
    let digest = hex(&hash.finalize());
    if let Some((cache, state)) = state
        && FileState::of(&file) == Some(state)
    {
        // Where it cannot be written, the file is read again.
        let _ = cache.keep(state, &digest);
    }
    Ok(Answer::Digest(digest))
}

/// Whether the file is still in the state that the kernel reported.
pub(super) fn recheck(context: &Context, work: &Work) -> Result<Answer, Reason> {
    look(context, work).map(|_| Answer::Unchanged)
}

/// Opens the very file that the kernel reported.
fn open(context: &Context, work: &Work) -> Result<(File, Metadata), Reason> {
    let (tree, place) = look(context, work)?;
    context.watch.beat()?;
    let file = tree.open(&place).map_err(|error| reason(&error))?;
    Ok((file, place.metadata))
}

/// Finds the very file that the kernel reported, without opening it for reading.
fn look(context: &Context, work: &Work) -> Result<(Tree, Place), Reason> {
    // A name that was removed, or never was one, leads nowhere; a process that has the file leads to it.
    if work.file.is_detached() || work.file.is_unlinked() {
        return place::held(context, work);
    }
    if work.file.is_truncated() {
        return place::held(context, work).map_err(|_| Reason::PathTruncated);
    }
    let found = by_path(context, work);
    match found {
        // Mounted for nobody, mounted over, or replaced: whoever has it open still has it.
        Err(Reason::NotFound | Reason::ChangedSinceOpen | Reason::NotRegular) => {
            place::held(context, work).or(found)
        }
        Ok(_) | Err(_) => found,
    }
}

fn by_path(context: &Context, work: &Work) -> Result<(Tree, Place), Reason> {
    match context.namespaces.root(work) {
        // Most namespaces are copies of ours, made by whoever is gone by now. The very file is the very file, as long
        // as its device number tells it from others.
        Err(Reason::NamespaceGone) if !device_differs_by_nature(&work.file) => {
            find(context.namespaces.own_root(), work).map_err(|_| Reason::NamespaceGone)
        }
        root => find(root?, work),
    }
}

fn find(tree: Tree, work: &Work) -> Result<(Tree, Place), Reason> {
    let place = tree.find(work.file.path.bytes(), Links::Refuse).map_err(|error| reason(&error))?;
    // The path was resolved when it was seen: what is a link now took the file's place.
    if place.metadata.is_symlink() {
        return Err(Reason::ChangedSinceOpen);
    }
    if !place.metadata.is_file() {
        return Err(Reason::NotRegular);
    }
    same(&work.file, &place.metadata)?;
    Ok((tree, place))
}

fn unchanged(seen: &OpenedFile, file: &File) -> Result<(), Reason> {
    same(seen, &file.metadata().map_err(|_| Reason::ReadFailed)?)
}

/// Whether this is the state of the file that the kernel reported.
pub(super) fn same(seen: &OpenedFile, now: &Metadata) -> Result<(), Reason> {
    let key = &seen.key;
    let same = key.inode == now.ino()
        && key.size == now.size()
        && key.ctime_s == now.ctime()
        && i64::from(key.ctime_ns & CTIME_NS) == now.ctime_nsec()
        && (device_differs_by_nature(seen) || kernel_device(now.dev()) == Some(key.device));
    if same { Ok(()) } else { Err(Reason::ChangedSinceOpen) }
}

/// Whether stat gives a device number per layer or subvolume there, and the kernel one per super block.
pub(super) fn device_differs_by_nature(file: &OpenedFile) -> bool {
    matches!(file.fs_magic, OVERLAYFS | BTRFS)
}

/// stat's device number as the kernel keeps it (MKDEV, include/linux/kdev_t.h).
pub(super) fn kernel_device(device: u64) -> Option<u32> {
    let (major, minor) = (libc::major(device), libc::minor(device));
    (major < 1 << 12 && minor < 1 << 20).then_some(major << 20 | minor)
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &File, buf: &mut [u8]) -> Result<usize, Reason> {
    let mut filled = 0;
    while filled < buf.len() {
        let offset = u64::try_from(filled).map_err(|_| Reason::ReadFailed)?;
        match read_some(file, &mut buf[filled..], offset).map_err(|_| Reason::ReadFailed)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}
