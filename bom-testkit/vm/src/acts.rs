//! What the observed program does: one behaviour for each row, each in a process of its own.
//!
//! An act that comes back without an error has really happened. A kernel that lacks the call is not a failure of the
//! observer: such an act ends with that very error, and a code of its own.

use std::{
    ffi::CStr,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::{TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::{fs::PermissionsExt as _, net::UnixStream, process::ExitStatusExt as _},
    },
    process::{Command, ExitCode},
    thread,
};

use crate::{
    mounts::path,
    rows::{FOLDER, LEFT, NAME, ROWS, TCP4, TCP6, TLS, UDP, UNIX, URING},
    uring::Ring,
};

/// An error that says "not supported" stands for a kernel that lacks the call.
pub(crate) type Act = fn(&'static str) -> io::Result<()>;

/// Exit code of an act that this kernel cannot do (sysexits.h: EX_UNAVAILABLE).
const UNAVAILABLE: u8 = 69;

/// Where [`all`] writes what became of each act: `NAME WORD REASON` lines.
pub(crate) const LEDGER: &str = "/run/acts";

/// Every act, each as a child; the ledger says how each ended.
pub(crate) fn all() -> ExitCode {
    let mut ledger = String::new();
    for row in ROWS {
        let outcome = match Command::new("/proc/self/exe").args(["act", row.name]).output() {
            Err(error) => format!("failed {error}"),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
                match (output.status.code(), output.status.signal()) {
                    (Some(0), _) => "done".to_owned(),
                    (Some(code), _) if code == i32::from(UNAVAILABLE) => format!("impossible {said}"),
                    (code, signal) => format!("failed code {code:?} signal {signal:?}: {said}"),
                }
            }
        };
        ledger.push_str(&format!("{} {outcome}\n", row.name));
    }
    match fs::write(LEDGER, ledger) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{LEDGER}: {error}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn one(name: &str) -> ExitCode {
    let Some(row) = ROWS.iter().find(|row| row.name == name) else {
        eprintln!("no act {name}");
        return ExitCode::FAILURE;
    };
    match (row.act)(row.name) {
        Ok(()) => ExitCode::SUCCESS,
        // Bad kernel, not bad act: these are what a kernel says to what it does not know or was told not to do.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EOPNOTSUPP)) => {
            eprintln!("{error}");
            ExitCode::from(UNAVAILABLE)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn model(name: &str) -> String {
    format!("{FOLDER}/{name}.gguf")
}

pub(crate) fn program(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// The descriptor leads to the model of this name: its first bytes are read.
fn read_magic(file: OwnedFd) -> io::Result<()> {
    let mut magic = [0; 4];
    File::from(file).read_exact(&mut magic)?;
    if &magic == b"GGUF" { Ok(()) } else { Err(io::Error::other("not the model")) }
}

/// A descriptor out of a system call's result.
///
/// # Safety
///
/// It must be one that nobody else owns.
unsafe fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    match RawFd::try_from(result) {
        // SAFETY: the caller promises it.
        Ok(number) if number >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(number) }),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(crate) fn open(name: &'static str) -> io::Result<()> {
    #[cfg(target_arch = "x86_64")]
    {
        let path = path(&model(name))?;
        // SAFETY: the path is NUL-terminated and lives on; the descriptor is ours.
        read_magic(unsafe { owned(libc::syscall(libc::SYS_open, path.as_ptr(), libc::O_RDONLY)) }?)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = name;
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }
}

pub(crate) fn openat(name: &'static str) -> io::Result<()> {
    let path = path(&model(name))?;
    let at = libc::AT_FDCWD;
    // SAFETY: as above.
    read_magic(unsafe { owned(libc::syscall(libc::SYS_openat, at, path.as_ptr(), libc::O_RDONLY)) }?)
}

pub(crate) fn openat2(name: &'static str) -> io::Result<()> {
    let path = path(&model(name))?;
    let how: [u64; 3] = [0, 0, 0];
    // SAFETY: as above; `how` has the three members of open_how, all zero: O_RDONLY.
    read_magic(unsafe {
        owned(libc::syscall(
            libc::SYS_openat2,
            libc::AT_FDCWD,
            path.as_ptr(),
            &raw const how,
            size_of_val(&how),
        ))
    }?)
}

pub(crate) fn creat(name: &'static str) -> io::Result<()> {
    #[cfg(target_arch = "x86_64")]
    {
        let path = path(&model(name))?;
        // SAFETY: the path is NUL-terminated and lives on; the descriptor is ours.
        let made = unsafe { owned(libc::syscall(libc::SYS_creat, path.as_ptr(), 0o600)) }?;
        File::from(made).write_all(b"made")?;
        Ok(())
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = name;
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }
}

pub(crate) fn open_by_handle(name: &'static str) -> io::Result<()> {
    // handle_bytes, handle_type, then up to MAX_HANDLE_SZ (128) bytes.
    let mut handle = [0_u32; 34];
    handle[0] = 128;
    let mut mount = 0;
    let at = libc::AT_FDCWD;
    let path = path(&model(name))?;
    // SAFETY: the handle has room for as many bytes as it says, and everything outlives the call.
    let named = unsafe {
        libc::syscall(libc::SYS_name_to_handle_at, at, path.as_ptr(), &raw mut handle, &raw mut mount, 0)
    };
    if named != 0 {
        return Err(io::Error::last_os_error());
    }
    let here = File::open(FOLDER)?;
    // SAFETY: the kernel filled the handle in; the descriptor is ours.
    read_magic(unsafe {
        owned(libc::syscall(libc::SYS_open_by_handle_at, here.as_raw_fd(), &raw const handle, libc::O_RDONLY))
    }?)
}

pub(crate) fn mmap(name: &'static str) -> io::Result<()> {
    let file = File::open(model(name))?;
    // SAFETY: one page of a file that has at least four bytes, read only while it is mapped.
    let magic = unsafe {
        let null = std::ptr::null_mut();
        let page = libc::mmap(null, 4096, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0);
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let magic = page.cast::<[u8; 4]>().read();
        libc::munmap(page, 4096);
        magic
    };
    if &magic == b"GGUF" { Ok(()) } else { Err(io::Error::other("not the model")) }
}

pub(crate) fn thread(name: &'static str) -> io::Result<()> {
    let joined = thread::spawn(move || openat(name)).join();
    joined.unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
}

pub(crate) fn fork(name: &'static str) -> io::Result<()> {
    in_child(&|| openat(name).is_ok())
}

pub(crate) fn double_fork(name: &'static str) -> io::Result<()> {
    in_child(&|| {
        // SAFETY: takes nothing.
        unsafe { libc::setsid() };
        in_child(&|| openat(name).is_ok()).is_ok()
    })
}

/// Runs `act` in a child without exec, and waits for it.
fn in_child(act: &dyn Fn() -> bool) -> io::Result<()> {
    // SAFETY: this process has one thread, so the child may do what it likes; it never returns from here.
    let child = unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(i32::from(!act()));
        }
        child
    };
    let mut status = 0;
    // SAFETY: the status outlives the call.
    if child < 0 || unsafe { libc::waitpid(child, &raw mut status, 0) } != child || status != 0 {
        return Err(io::Error::other("the child failed"));
    }
    Ok(())
}

pub(crate) fn exec(name: &'static str) -> io::Result<()> {
    run(&program(name))
}

/// The shortest process there is between fork and exit.
pub(crate) fn short_lived(name: &'static str) -> io::Result<()> {
    run(&program(name))
}

fn run(program: &str) -> io::Result<()> {
    let status = Command::new(program).arg("nothing").status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program}: {status}"))) }
}

pub(crate) fn memfd_exec(_name: &'static str) -> io::Result<()> {
    // SAFETY: a NUL-terminated constant; the descriptor is ours.
    let image = unsafe { owned(libc::c_long::from(libc::memfd_create(c"from-memory".as_ptr(), 0))) }?;
    let mut image = File::from(image);
    image.write_all(&fs::read("/proc/self/exe")?)?;
    image.set_permissions(fs::Permissions::from_mode(0o700))?;
    let number = image.as_raw_fd();
    let executed = in_child(&|| {
        let arguments = [c"nothing".as_ptr(), c"nothing".as_ptr(), std::ptr::null()];
        let environment = [std::ptr::null::<libc::c_char>()];
        let empty: &CStr = c"";
        // SAFETY: NUL-terminated strings and lists that end in a null pointer.
        unsafe {
            libc::syscall(
                libc::SYS_execveat,
                number,
                empty.as_ptr(),
                arguments.as_ptr(),
                environment.as_ptr(),
                libc::AT_EMPTY_PATH,
            );
        }
        false
    });
    // A file that somebody can still write cannot be executed; nobody else has this one, and the child only reads it.
    executed
}

pub(crate) fn tcp4(_name: &'static str) -> io::Result<()> {
    greet(TCP4)
}

pub(crate) fn tcp6(_name: &'static str) -> io::Result<()> {
    greet(TCP6)
}

/// Out of the cgroup that is watched, then out of the machine.
pub(crate) fn tcp_after_leaving(_name: &'static str) -> io::Result<()> {
    fs::write("/sys/fs/cgroup/cgroup.procs", "0")?;
    greet(LEFT)
}

/// A ClientHello with a name in it (RFC 8446, 4.1.2; RFC 6066, 3), as bytes: nobody here speaks TLS.
pub(crate) fn tls_name(_name: &'static str) -> io::Result<()> {
    let name = NAME.as_bytes();
    let mut extension = Vec::new();
    // server_name_list with one host_name.
    put(&mut extension, 0, 2);
    put(&mut extension, name.len() + 5, 2);
    put(&mut extension, name.len() + 3, 2);
    put(&mut extension, 0, 1);
    put(&mut extension, name.len(), 2);
    extension.extend(name);
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    // No session, one cipher suite, no compression.
    hello.extend([0, 0, 2, 0x13, 1, 1, 0]);
    put(&mut hello, extension.len(), 2);
    hello.extend(extension);
    let mut record = vec![22, 3, 1];
    put(&mut record, hello.len() + 4, 2);
    record.push(1);
    put(&mut record, hello.len(), 3);
    record.extend(hello);
    TcpStream::connect(TLS)?.write_all(&record)
}

/// A number in network byte order.
fn put(out: &mut Vec<u8>, number: usize, bytes: usize) {
    out.extend((0..bytes).rev().map(|byte| (number >> (8 * byte)) as u8));
}

fn greet(address: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"hello")?;
    Ok(())
}

pub(crate) fn udp(_name: &'static str) -> io::Result<()> {
    UdpSocket::bind("127.0.0.1:0")?.send_to(b"hello", UDP)?;
    Ok(())
}

pub(crate) fn unix_connect(_name: &'static str) -> io::Result<()> {
    UnixStream::connect(UNIX)?.write_all(b"hello")?;
    Ok(())
}

pub(crate) fn uring_open(name: &'static str) -> io::Result<()> {
    let path = path(&model(name))?;
    let opened = Ring::new()?.open(&path)?;
    // SAFETY: the ring made this descriptor for us.
    read_magic(unsafe { owned(libc::c_long::from(opened)) }?)
}

pub(crate) fn uring_connect(_name: &'static str) -> io::Result<()> {
    let address: std::net::SocketAddrV4 = URING.parse().map_err(io::Error::other)?;
    // SAFETY: takes numbers; the descriptor is ours.
    let socket = unsafe { owned(libc::c_long::from(libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0))) }?;
    Ring::new()?.connect(socket.as_raw_fd(), address)?;
    TcpStream::from(socket).write_all(b"hello")?;
    Ok(())
}
