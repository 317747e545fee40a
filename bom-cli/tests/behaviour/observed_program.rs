//! This program again, as the one that is observed: what no shell can do, or not fast enough.

use std::{
    env,
    ffi::{CString, OsString},
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What the copy does, then its arguments.
const ROLE: &str = "observed-program";

/// The command line that asks for a role.
pub(crate) fn command(role: &str, arguments: &[&str]) -> Vec<OsString> {
    let program = env::current_exe().expect("this program");
    let words = [ROLE, role].into_iter().chain(arguments.iter().copied());
    [program.into_os_string()].into_iter().chain(words.map(OsString::from)).collect()
}

/// Plays the role, if one is asked for.
pub(crate) fn as_asked() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != ROLE {
        return None;
    }
    let role = arguments.next().expect("a role");
    let rest: Vec<OsString> = arguments.collect();
    let [first, others @ ..] = &rest[..] else { panic!("an argument") };
    match role.to_str() {
        Some("open-all") => open_all(Path::new(first)),
        Some("execute-from-memory") => execute_from_memory(Path::new(first)),
        Some("say-hello") => say_hello(&first.to_string_lossy(), &others[0].to_string_lossy()),
        other => panic!("no role {other:?}"),
    }
    Some(ExitCode::SUCCESS)
}

/// Opens every file of a folder, as fast as it can.
fn open_all(folder: &Path) {
    let names: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    for path in names {
        drop(File::open(path).expect("open"));
    }
}

/// Copies a program into memory and becomes it.
fn execute_from_memory(program: &Path) {
    let bytes = fs::read(program).expect("the program");
    // SAFETY: the name is a live string; the result is checked.
    let raw = unsafe { libc::memfd_create(c"unnamed".as_ptr(), libc::MFD_CLOEXEC) };
    assert!(raw >= 0, "memfd_create");
    // SAFETY: the kernel just gave us this descriptor.
    let mut memory = File::from(unsafe { OwnedFd::from_raw_fd(raw) });
    memory.write_all(&bytes).expect("write");
    let name = CString::new(program.as_os_str().as_bytes()).expect("no zero byte");
    let (arguments, environment) = ([name.as_ptr(), std::ptr::null()], [std::ptr::null()]);
    // SAFETY: both arrays end with null and live until the call returns, which it does only if it fails.
    unsafe { libc::fexecve(memory.as_raw_fd(), arguments.as_ptr(), environment.as_ptr()) };
    panic!("fexecve: {}", std::io::Error::last_os_error());
}

/// Sends a TLS ClientHello that names `host`, and waits for the other side to hang up.
fn say_hello(address: &str, host: &str) {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.write_all(&client_hello(host)).expect("send");
    let _ = stream.read_to_end(&mut Vec::new());
}

/// RFC 8446, section 4.1.2; the server name is RFC 6066, section 3.
fn client_hello(host: &str) -> Vec<u8> {
    let counted =
        |bytes: &[u8]| [&u16::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat();
    let name = counted(&[&[0][..], &counted(host.as_bytes())].concat());
    let server_name = [&[0, 0][..], &counted(&name)].concat();
    let versions = [&[0, 43][..], &counted(&[2, 3, 4])].concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0],
        &counted(&[0x13, 0x01]),
        &[1, 0],
        &counted(&[server_name, versions].concat()),
    ]
    .concat();
    let handshake = [&[1, 0][..], &counted(&body)].concat();
    [&[22, 3, 1][..], &counted(&handshake)].concat()
}
