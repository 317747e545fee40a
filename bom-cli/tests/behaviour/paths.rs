//! Names made to deceive: what is shown is text, and the text leads back to the bytes.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, process::CommandExt as _},
    },
    process::Command,
};

use bom_core::bom::{is_hidden, unescape};
use bom_testkit::{
    synth::safetensors,
    trial::{Failed, trial},
};
use libtest_mimic::Trial;

use crate::{
    OBSERVE,
    aibom::{PROGRAM, Ran, Scratch, run},
    document::{Document, properties},
};

/// A newline, an escape sequence, invalid UTF-8, an override of the writing direction, quotes and backslashes.
const NASTY: [&[u8]; 5] = [
    b"two\nlines\tand a tab",
    b"\x1b[2J\x1b[31mred\x1b]0;title\x07",
    b"\xff\xfe\xc3\x28",
    "\u{202e}txt.exe\u{200b}".as_bytes(),
    b"q\"uo'te\\n<&>",
];
/// What the kernel hands out at most, and what a record carries.
const LONGEST: usize = 4095;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("paths::a_nasty_one_of_4095_bytes_comes_back_whole", OBSERVE, a_nasty_one_comes_back_whole),
        trial("paths::one_too_long_or_too_deep_is_declared", OBSERVE, one_too_long_or_too_deep_is_declared),
    ]
}

/// A model at the end of folders that are entered one by one: no single call could name it.
struct Place {
    scratch: Scratch,
    folder: OwnedFd,
    path: Vec<u8>,
}

impl Place {
    /// The last component is the file.
    fn make(components: &[Vec<u8>]) -> Self {
        let scratch = Scratch::new();
        let mut folder = OwnedFd::from(File::open(scratch.path()).expect("the folder"));
        let mut path = scratch.path().as_os_str().as_bytes().to_vec();
        let (file, folders) = components.split_last().expect("a file");
        for component in folders {
            let name = CString::new(component.clone()).expect("no zero byte");
            // SAFETY: a live string and an open descriptor; the result is checked.
            let made = unsafe { libc::mkdirat(folder.as_raw_fd(), name.as_ptr(), 0o755) };
            assert_eq!(made, 0, "{}", io::Error::last_os_error());
            folder = open_at(&folder, &name, libc::O_RDONLY | libc::O_DIRECTORY);
            path.push(b'/');
            path.extend_from_slice(component);
        }
        let name = CString::new(file.clone()).expect("no zero byte");
        let model = open_at(&folder, &name, libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL);
        File::from(model).write_all(&safetensors().build()).expect("write");
        path.push(b'/');
        path.extend_from_slice(file);
        Self { scratch, folder, path }
    }

    /// `aibom run -- cat FILE` in the innermost folder.
    fn observe(&self) -> (Ran, Document, Vec<u8>) {
        let bom = self.scratch.join("bom.json");
        let file = self.path.rsplit(|byte| *byte == b'/').next().expect("a name");
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("-o").arg(&bom).args(["--", "sh", "-c", "cat <\"$0\" >/dev/null"]);
        command.arg(std::ffi::OsStr::from_bytes(file));
        let folder = self.folder.as_raw_fd();
        // SAFETY: one system call on a descriptor that is open in the child as well.
        unsafe {
            command.pre_exec(
                move || if libc::fchdir(folder) < 0 { Err(io::Error::last_os_error()) } else { Ok(()) },
            );
        }
        let ran = run(command);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let json = std::fs::read(&bom).expect("the BOM");
        (ran, Document::parse(&json), json)
    }
}

fn open_at(folder: &OwnedFd, name: &CString, flags: libc::c_int) -> OwnedFd {
    // SAFETY: a live string and an open descriptor; the result is checked.
    let raw = unsafe { libc::openat(folder.as_raw_fd(), name.as_ptr(), flags | libc::O_CLOEXEC, 0o644) };
    assert!(raw >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the kernel just gave us this descriptor.
    unsafe { OwnedFd::from_raw_fd(raw) }
}

/// Nasty folders, then plain ones until the whole path has `length` bytes.
fn components(prefix: usize, length: usize) -> Vec<Vec<u8>> {
    let mut components: Vec<Vec<u8>> = NASTY.map(<[u8]>::to_vec).to_vec();
    let mut used = prefix + components.iter().map(|component| component.len() + 1).sum::<usize>();
    while length - used > 256 {
        // Leave room for one more of at least one byte.
        let take = (length - used - 3).min(250);
        components.push(vec![b'd'; take]);
        used += take + 1;
    }
    components.push(vec![b'm'; length - used - 1]);
    components
}

fn a_nasty_one_comes_back_whole() -> Result<(), Failed> {
    let prefix = Scratch::new().path().as_os_str().len();
    for length in [400, LONGEST] {
        let place = Place::make(&components(prefix, length));
        assert_eq!(place.path.len(), length);
        let (ran, document, json) = place.observe();
        assert_eq!(document.counters()["path-truncated"], 0, "{length}");
        let [model] = document.models()[..] else { panic!("{length}: one model in\n{}", ran.stderr) };
        // The shell opened it, and `cat` read it.
        assert_eq!(model.evidence.occurrences.len(), 2, "{length}");
        for occurrence in &model.evidence.occurrences {
            assert_eq!(unescape(&occurrence.location)?, place.path, "{length}");
            let context = occurrence.additional_context.as_deref().unwrap_or_default();
            assert!(context.contains(" encoding=c-escape "), "{length}: {context}");
        }
        assert_eq!(properties(model, "aibom:path:encoding"), ["c-escape"], "{length}");
        nothing_hidden(&ran.stderr, &json);
        let shown = unescaped_paths(&ran.stderr);
        assert!(shown.contains(&place.path), "{length}: the table shows it\n{}", ran.stderr);
    }
    Ok(())
}

/// Words of a text that are paths, turned back into bytes. Blanks inside are part of the longest one.
fn unescaped_paths(text: &str) -> Vec<Vec<u8>> {
    let cells = text.lines().flat_map(|line| line.split("  ")).map(str::trim);
    cells.filter(|cell| cell.starts_with('/')).filter_map(|cell| unescape(cell).ok()).collect()
}

fn nothing_hidden(table: &str, json: &[u8]) {
    let bad = table.chars().find(|c| *c != '\n' && is_hidden(*c));
    assert_eq!(bad, None, "{table}");
    for text in Document::texts(json) {
        assert_eq!(text.chars().find(|c| is_hidden(*c)), None, "{text:?}");
    }
}

fn one_too_long_or_too_deep_is_declared() -> Result<(), Failed> {
    let prefix = Scratch::new().path().as_os_str().len();
    for (name, components) in [
        ("one_byte_too_long", components(prefix, LONGEST + 1)),
        ("far_too_long", components(prefix, 9000)),
        ("too_deep", vec![b"deep".to_vec(); 80]),
    ] {
        let place = Place::make(&components);
        let (ran, document, json) = place.observe();
        assert!(document.counters()["path-truncated"] > 0, "{name}: {:?}", document.counters());
        for class in ["models", "libraries", "packages"] {
            assert!(
                document.gaps(class).contains(&"lost:path-truncated"),
                "{name}: {:?}",
                document.gaps(class)
            );
        }
        assert!(ran.stderr.contains("× path-truncated"), "{name}: {}", ran.stderr);
        // What is shown of it must not look like the path of another file.
        for model in document.models() {
            for occurrence in &model.evidence.occurrences {
                assert!(!occurrence.location.starts_with('/'), "{name}: {}", occurrence.location);
            }
        }
        nothing_hidden(&ran.stderr, &json);
    }
    Ok(())
}
