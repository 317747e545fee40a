//! An initramfs: the `newc` archive that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::collections::BTreeSet;

use anyhow::{Context, Result};

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// An archive of programs: (path without a leading slash, content). Folders come before what is in them.
pub(super) fn archive(programs: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut folders = BTreeSet::new();
    for (path, _) in programs {
        folders.extend(path.match_indices('/').filter_map(|(end, _)| path.get(..end)));
    }
    let mut number = 0;
    let mut next = || {
        number += 1;
        number
    };
    for folder in folders {
        entry(&mut out, next(), folder, FOLDER, &[])?;
    }
    for (path, content) in programs {
        entry(&mut out, next(), path, PROGRAM, content)?;
    }
    entry(&mut out, 0, "TRAILER!!!", 0, &[])?;
    Ok(out)
}

fn entry(out: &mut Vec<u8>, inode: u32, name: &str, mode: u32, content: &[u8]) -> Result<()> {
    let length = |length: usize| u32::try_from(length).context("a file does not fit into an initramfs");
    // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    let fields = [inode, mode, 0, 0, 1, 0, length(content.len())?, 0, 0, 0, 0, length(name.len() + 1)?, 0];
    out.extend(b"070701");
    for field in fields {
        out.extend(format!("{field:08x}").bytes());
    }
    out.extend(name.bytes());
    out.push(0);
    pad(out);
    out.extend(content);
    pad(out);
    Ok(())
}

/// Names and contents begin at multiples of four.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpio_reads_it() {
        let archive =
            archive(&[("init".into(), b"i".to_vec()), ("bin/a/b".into(), vec![7; 4097])]).expect("fits");
        assert_eq!(archive.len() % 4, 0);
        let text = String::from_utf8_lossy(&archive);
        let places: Vec<_> = ["bin\0", "bin/a\0", "init\0", "bin/a/b\0", "TRAILER!!!\0"]
            .iter()
            .map(|name| text.find(name).unwrap_or_else(|| panic!("{name:?} is not in the archive")))
            .collect();
        assert!(places.is_sorted(), "folders first, the trailer last: {places:?}");
        // newc: magic, then the file's size in the seventh field.
        let header = text.find("bin/a/b").map(|at| at - 110).expect("its header");
        assert_eq!(&text[header..header + 6], "070701");
        assert_eq!(&text[header + 6 + 6 * 8..header + 6 + 7 * 8], "00001001");
    }
}
