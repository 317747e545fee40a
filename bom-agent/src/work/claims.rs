//! What a program was told: /proc/<pid>/environ and cmdline, which are the process's own memory; and what its standard
//! input and output are, which is the kernel's word.
//!
//! Both go through [`bom_core::claimed::read`] and nowhere else; it wipes them. The process can be gone by now, or
//! another program: then nothing is known, which is what is answered.

use std::ffi::OsStr;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use bom_core::{
    claimed::{self, Raw},
    input::{Answer, Reason, Work},
    stdio::{End, Stdio},
};
use bom_extract::read_some;

use super::answer::Context;
use super::content::{device_differs_by_nature, kernel_device};
use super::open::{Links, Tree, reason};
use super::watch::Watch;

pub(super) fn claims(context: &Context, work: &Work) -> Result<Answer, Reason> {
    let (_, tree) = context.namespaces.of_process(work.process, "")?;
    runs(&tree, work)?;
    let environment = list(&tree, b"environ", &context.watch)?;
    let arguments = list(&tree, b"cmdline", &context.watch)?;
    let mut claims = claimed::read(environment, arguments);
    claims.stdio = stdio(&tree);
    // Last, so that it speaks for what was read before.
    runs(&tree, work)?;
    Ok(Answer::Claims(claims))
}

/// Whether the process still runs the program that is asked about.
fn runs(tree: &Tree, work: &Work) -> Result<(), Reason> {
    let now = tree.handle(OsStr::new("exe")).map_err(|error| reason(&error))?.metadata;
    let key = &work.file.key;
    let same = key.inode == now.ino()
        && (device_differs_by_nature(&work.file) || kernel_device(now.dev()) == Some(key.device));
    if same { Ok(()) } else { Err(Reason::ChangedSinceOpen) }
}

/// What the first two descriptors stand for; nothing of what goes through them.
fn stdio(tree: &Tree) -> Option<Stdio> {
    let end = |name: &str| match tree.handle(OsStr::new(name)) {
        Ok(place) => {
            let kind = place.metadata.file_type();
            let inode = place.metadata.ino();
            Some(match (kind.is_fifo(), kind.is_socket()) {
                (true, _) => End::Pipe(inode),
                (_, true) => End::Socket(inode),
                (false, false) => End::Other,
            })
        }
        // Closed is known, too.
        Err(error) if reason(&error) == Reason::NotFound => Some(End::Other),
        Err(_) => None,
    };
    Some(Stdio { input: end("fd/0")?, output: end("fd/1")? })
}

/// The one copy of the list outside the process.
fn list(tree: &Tree, name: &[u8], watch: &Watch) -> Result<Raw, Reason> {
    let (file, _) = tree.read(name, Links::Refuse).map_err(|error| reason(&error))?;
    Raw::filled(|bytes| {
        let mut filled = 0;
        while filled < bytes.len() {
            watch.beat()?;
            let offset = u64::try_from(filled).map_err(|_| Reason::ReadFailed)?;
            match read_some(&file, &mut bytes[filled..], offset).map_err(|_| Reason::ReadFailed)? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    })
}
