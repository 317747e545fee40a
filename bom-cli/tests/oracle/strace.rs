//! The account of strace.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    net::{IpAddr, SocketAddr},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use bom_testkit::trial::Failed;

use super::{
    account::{Account, Image, Open, Peer, add},
    calls::{Call, descriptor, read, string, unescape},
};

/// What strace is to trace: the opens, execs and connects, and what tells threads from processes, a connection that
/// was established from one that was tried, and what a handle led to.
pub(crate) const TRACE: &str = "trace=open,openat,openat2,creat,open_by_handle_at,execve,execveat,connect,getsockopt,\
                                fcntl,clone,clone3,fork,vfork";

/// Reads what `strace -f -yy -e signal=none -e quiet=attach,exit` wrote. Names of programs are relative to
/// `folder`, which strace does not tell.
pub(crate) fn account(text: &[u8], folder: &Path) -> Result<Account, Failed> {
    let calls = read(text)?;
    let processes = processes(&calls);
    let mut account = Account::default();
    // Connections that go on in the background, by process and descriptor.
    let mut begun: BTreeMap<(u32, u32), SocketAddr> = BTreeMap::new();
    // Opened by handle, which strace shows without a name: until the next call with the descriptor.
    let mut nameless: BTreeSet<(u32, Vec<u8>)> = BTreeSet::new();
    for call in &calls {
        let process = processes.get(&call.thread).copied().unwrap_or(call.thread);
        let odd = || format!("not understood: {call:?}");
        match call.name.as_str() {
            "open_by_handle_at" if call.result.iter().all(u8::is_ascii_digit) => {
                if !nameless.insert((process, call.result.clone())) {
                    return Err(odd().into());
                }
            }
            "fcntl" => {
                let shown = call.arguments.first().ok_or_else(odd)?;
                let digits = shown.iter().take_while(|byte| byte.is_ascii_digit()).count();
                if nameless.remove(&(process, shown[..digits].to_vec())) {
                    let open = opened(shown, &call.arguments, process).ok_or_else(odd)?;
                    add(&mut account.opens, open.ok_or_else(odd)?, 1);
                }
            }
            "open" | "openat" | "openat2" | "creat" | "open_by_handle_at" => {
                if let Some(open) = opened(&call.result, &call.arguments, process).ok_or_else(odd)? {
                    add(&mut account.opens, open, 1);
                }
            }
            "execve" if call.result == b"0" => {
                let requested = call.arguments.first().and_then(|name| string(name)).ok_or_else(odd)?;
                let file = folder.join(OsStr::from_bytes(&requested)).canonicalize()?;
                let file = file.as_os_str().as_bytes().to_vec();
                add(&mut account.images, Image { requested, file, process }, 1);
            }
            "execve" => {}
            "connect" => match connected(call).ok_or_else(odd)? {
                Connect::Done(address) => add(&mut account.peers, Peer { address, process }, 1),
                Connect::Begun(descriptor, address) => {
                    begun.insert((process, descriptor), address);
                }
                Connect::No => {}
            },
            "getsockopt" if call.arguments.get(2).is_some_and(|option| option == b"SO_ERROR") => {
                let (number, _, _) = descriptor(&call.arguments[0]).ok_or_else(odd)?;
                let fine = call.arguments.get(3).is_some_and(|error| error == b"[0]");
                if let Some(address) = begun.remove(&(process, number)).filter(|_| fine) {
                    add(&mut account.peers, Peer { address, process }, 1);
                }
            }
            "getsockopt" | "clone" | "clone3" | "fork" | "vfork" => {}
            _ => return Err(odd().into()),
        }
    }
    match nameless.first() {
        None => Ok(account),
        Some(open) => Err(format!("what a handle led to was never shown: {open:?}").into()),
    }
}

/// Thread → process, for threads that are not the first of theirs.
fn processes(calls: &[Call]) -> BTreeMap<u32, u32> {
    let mut made: Vec<(u32, u32)> = calls
        .iter()
        .filter(|call| call.arguments.iter().any(|part| contains(part, b"CLONE_THREAD")))
        .filter_map(|call| Some((std::str::from_utf8(&call.result).ok()?.parse().ok()?, call.thread)))
        .collect();
    // A thread can make a thread: go on until everybody is known by its process.
    let threads: BTreeSet<u32> = made.iter().map(|&(thread, _)| thread).collect();
    let mut processes = BTreeMap::new();
    while !made.is_empty() {
        let before = made.len();
        made.retain(|&(thread, maker)| {
            let process = if threads.contains(&maker) { processes.get(&maker).copied() } else { Some(maker) };
            process.is_some_and(|process| processes.insert(thread, process).is_none())
        });
        // Numbers were used again; what is left cannot be told apart.
        if made.len() == before {
            break;
        }
    }
    processes
}

/// `None`: not understood. `Some(None)`: failed, or not a regular file.
fn opened(result: &[u8], arguments: &[Vec<u8>], process: u32) -> Option<Option<Open>> {
    if result.starts_with(b"-1 ") || result == b"?" {
        return Some(None);
    }
    let (_, shown, rest) = descriptor(result)?;
    let unlinked = match rest {
        b"" => false,
        b"(deleted)" => true,
        _ => return None,
    };
    let device = shown.windows(6).any(|word| word == b"<char " || word == b"<block");
    // A name of anything that is in no file system has no slash in front.
    let elsewhere = !shown.starts_with(b"/");
    let flags = |word| arguments.iter().any(|part| !part.starts_with(b"\"") && contains(part, word));
    let directory = flags(b"O_DIRECTORY") && !flags(b"O_TMPFILE");
    if device || elsewhere || directory {
        return Some(None);
    }
    let path = unescape(shown)?;
    // Afterwards, because strace does not tell. What is gone by then was regular: the rest is left in place.
    let regular =
        unlinked || fs::metadata(Path::new(OsStr::from_bytes(&path))).map_or(true, |kind| kind.is_file());
    Some(regular.then_some(Open { path, unlinked, process }))
}

enum Connect {
    Done(SocketAddr),
    /// The descriptor, and where it goes.
    Begun(u32, SocketAddr),
    /// Not TCP, or refused.
    No,
}

fn connected(call: &Call) -> Option<Connect> {
    let (number, shown, _) = descriptor(call.arguments.first()?)?;
    if !shown.starts_with(b"TCP") {
        return Some(Connect::No);
    }
    let address = address(std::str::from_utf8(call.arguments.get(1)?).ok()?)?;
    Some(match call.result.as_slice() {
        b"0" => Connect::Done(address),
        result if result.starts_with(b"-1 EINPROGRESS") => Connect::Begun(number, address),
        _ => Connect::No,
    })
}

/// `{sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("127.0.10.1")}`, and the same for IPv6.
fn address(text: &str) -> Option<SocketAddr> {
    let between = |from: &str, to: &str| Some(text.split_once(from)?.1.split_once(to)?.0);
    let port = between("port=htons(", ")")?.parse().ok()?;
    let address = match between("inet_addr(\"", "\"") {
        Some(address) => address,
        None => between("inet_pton(AF_INET6, \"", "\"")?,
    };
    Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, port))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|at| at == word)
}
