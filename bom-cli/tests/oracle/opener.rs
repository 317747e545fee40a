//! A program made of opens that are easy to get wrong, for both observers to describe.

use std::{
    env,
    ffi::{CStr, CString, OsStr, OsString},
    fs::{self, File, OpenOptions},
    io,
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _},
    },
    path::Path,
    process::{Command, ExitCode},
    thread,
    time::Duration,
};

/// First argument of the copy that is this program; then an empty folder.
pub(crate) const AS_OPENER: &str = "as-the-opener";

pub(crate) fn program() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != AS_OPENER {
        return None;
    }
    let folder = arguments.next()?;
    Some(match all(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("opener: {error}");
            ExitCode::FAILURE
        }
    })
}

fn all(folder: &Path) -> io::Result<()> {
    env::set_current_dir(folder)?;
    every_system_call()?;
    names()?;
    links_and_renames()?;
    ways_to_open()?;
    what_is_no_regular_file()?;
    threads()?;
    processes()?;
    connections()
}

fn every_system_call() -> io::Result<()> {
    fs::write("plain", "1")?;
    for _ in 0..5 {
        File::open("plain")?;
    }
    let plain = c"plain".as_ptr();
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: each path is NUL-terminated and lives on; the descriptor is ours.
        drop(unsafe { owned(libc::syscall(libc::SYS_open, plain, libc::O_RDONLY)) }?);
        // SAFETY: as above.
        drop(unsafe { owned(libc::syscall(libc::SYS_creat, c"created".as_ptr(), 0o600)) }?);
    }
    let how: [u64; 3] = [libc::O_RDONLY as u64, 0, 0];
    // SAFETY: as above; `how` has the three members of open_how.
    drop(unsafe {
        owned(libc::syscall(libc::SYS_openat2, libc::AT_FDCWD, plain, &raw const how, size_of_val(&how)))
    }?);
    by_handle(c"plain")
}

fn by_handle(path: &CStr) -> io::Result<()> {
    // handle_bytes, handle_type, then up to MAX_HANDLE_SZ (128) bytes.
    let mut handle = [0_u32; 34];
    handle[0] = 128;
    let mut mount = 0;
    let at = libc::AT_FDCWD;
    // SAFETY: the handle has room for as many bytes as it says, and both outlive the call.
    let named = unsafe {
        libc::syscall(libc::SYS_name_to_handle_at, at, path.as_ptr(), &raw mut handle, &raw mut mount, 0)
    };
    if named != 0 {
        return Err(io::Error::last_os_error());
    }
    let here = File::open(".")?;
    // SAFETY: the kernel filled the handle in; the descriptor is ours.
    let opened = unsafe {
        owned(libc::syscall(libc::SYS_open_by_handle_at, here.as_raw_fd(), &raw const handle, libc::O_RDONLY))
    }?;
    // strace does not say what this call opened, but it does of the descriptor in the next one.
    // SAFETY: takes numbers only.
    unsafe { libc::fcntl(opened.as_raw_fd(), libc::F_GETFD) };
    Ok(())
}

fn names() -> io::Result<()> {
    let long = [b'n'; 255];
    for name in [
        &b"line\nfeed"[..],
        b"tab\tand\x1b[31mred",
        b"<angle> (round) \"quote\" back\\slash",
        b"not utf-8 \xff\xfe",
        b"digits after an octal \x019",
        b" (deleted)",
        b") = 3",
        "naïve ☃".as_bytes(),
        &long,
    ] {
        fs::write(OsStr::from_bytes(name), "1")?;
        File::open(OsStr::from_bytes(name))?;
    }
    let deep = "d/".repeat(40);
    fs::create_dir_all(&deep)?;
    fs::write(format!("{deep}leaf"), "1")?;
    Ok(())
}

fn links_and_renames() -> io::Result<()> {
    fs::write("first", "1")?;
    fs::hard_link("first", "second")?;
    std::os::unix::fs::symlink("first", "symbolic")?;
    for name in ["first", "second", "symbolic", "./d/../first"] {
        File::open(name)?;
    }
    fs::rename("first", "third")?;
    File::open("third")?;
    fs::create_dir_all("elsewhere")?;
    fs::rename("third", "elsewhere/third")?;
    File::open("elsewhere/third")?;
    // A name that is used again for another file.
    fs::write("again", "1")?;
    fs::remove_file("again")?;
    fs::write("again", "2")?;
    File::open("again")?;
    Ok(())
}

fn ways_to_open() -> io::Result<()> {
    OpenOptions::new().append(true).open("plain")?;
    OpenOptions::new().read(true).write(true).open("plain")?;
    OpenOptions::new().write(true).truncate(true).open("plain")?;
    OpenOptions::new().read(true).custom_flags(libc::O_PATH).open("plain")?;
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(".")?;
    fs::write("gone", "1")?;
    let gone = File::open("gone")?;
    fs::remove_file("gone")?;
    File::open(format!("/proc/self/fd/{}", gone.as_raw_fd()))?;
    for made_up in ["/proc/self/status", "/proc/sys/kernel/ostype", "/sys/devices/system/cpu/online"] {
        fs::read(made_up)?;
    }
    // A descriptor number that is in use again at once.
    for _ in 0..50 {
        drop((File::open("plain")?, File::open("second")?));
    }
    Ok(())
}

fn what_is_no_regular_file() -> io::Result<()> {
    let fails = |opened: io::Result<File>| match opened {
        Ok(_) => Err(io::Error::other("an open that should have failed")),
        Err(_) => Ok(()),
    };
    fails(File::open("missing"))?;
    fails(File::open("plain/below"))?;
    fails(OpenOptions::new().write(true).open("."))?;
    File::open(".")?;
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(".")?;
    File::open("/dev/null")?;
    File::open("/dev/zero")?;
    // SAFETY: the path is NUL-terminated.
    if unsafe { libc::mkfifo(c"fifo".as_ptr(), 0o600) } != 0 {
        return Err(io::Error::last_os_error());
    }
    OpenOptions::new().read(true).write(true).open("fifo")?;
    Ok(())
}

fn threads() -> io::Result<()> {
    let threads: Vec<_> = (0..4)
        .map(|number| {
            thread::spawn(move || {
                fs::write(format!("thread {number}"), "1")?;
                for _ in 0..25 {
                    drop((File::open(format!("thread {number}"))?, File::open("second")?));
                }
                // A thread of a thread.
                let inner = thread::spawn(move || File::open(format!("thread {number}")).map(drop));
                inner.join().map_err(|_| io::Error::other("a thread panicked"))?
            })
        })
        .collect();
    threads
        .into_iter()
        .try_for_each(|thread| thread.join().map_err(|_| io::Error::other("a thread panicked"))?)
}

fn processes() -> io::Result<()> {
    let path = CString::new("plain")?;
    // SAFETY: the child makes only async-signal-safe calls and ends without running anything of ours.
    let child = unsafe {
        let child = libc::fork();
        if child == 0 {
            for _ in 0..3 {
                libc::close(libc::open(path.as_ptr(), libc::O_RDONLY));
            }
            libc::_exit(0);
        }
        child
    };
    let mut status = 0;
    // SAFETY: the status outlives the call.
    if child < 0 || unsafe { libc::waitpid(child, &raw mut status, 0) } != child || status != 0 {
        return Err(io::Error::other("the forked child failed"));
    }
    // A name that is searched, one that is a symbolic link, and one that is not there.
    std::os::unix::fs::symlink("/bin/cat", "link to cat")?;
    for (program, argument) in [("true", "plain"), ("./link to cat", "plain"), ("/bin/cat", "second")] {
        if !Command::new(program).arg(argument).output()?.status.success() {
            return Err(io::Error::other(OsString::from(program).to_string_lossy()));
        }
    }
    match Command::new("./missing").status() {
        Err(_) => Ok(()),
        Ok(_) => Err(io::Error::other("a missing program ran")),
    }
}

fn connections() -> io::Result<()> {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address)?;
        let peer = listener.local_addr()?;
        drop((TcpStream::connect(peer)?, TcpStream::connect(peer)?));
        // Does not wait in connect, but asks for the outcome afterwards.
        if let Some(error) = TcpStream::connect_timeout(&peer, Duration::from_secs(10))?.take_error()? {
            return Err(error);
        }
        drop(listener);
        if TcpStream::connect(peer).is_ok()
            || TcpStream::connect_timeout(&peer, Duration::from_secs(10)).is_ok()
        {
            return Err(io::Error::other("connected to nobody"));
        }
        UdpSocket::bind(address)?.connect(peer)?;
    }
    Ok(())
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
