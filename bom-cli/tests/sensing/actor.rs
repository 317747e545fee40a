//! This program again, as the one that is observed: comes to a file's content in the way it is told.

use std::{
    env,
    ffi::{CString, OsString},
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::{ffi::OsStrExt as _, fs::OpenOptionsExt as _, net::UnixStream},
    },
    path::Path,
    process::ExitCode,
    ptr, slice,
};

use crate::ring::{Ring, SETUP_SQPOLL};

const ROLE: &str = "observed-actor";
const PAGE: usize = 4096;

/// The command line that asks for a way to a file; `more` is what that way needs.
pub(crate) fn command(way: &str, file: &Path, more: &str) -> io::Result<Vec<OsString>> {
    Ok(vec![env::current_exe()?.into(), ROLE.into(), way.into(), file.into(), more.into()])
}

/// Acts, if asked to.
pub(crate) fn as_asked() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != ROLE {
        return None;
    }
    let (way, file, more) = (arguments.next()?, arguments.next()?, arguments.next()?);
    Some(match act(&way.to_string_lossy(), Path::new(&file), &more.to_string_lossy()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", way.display());
            ExitCode::FAILURE
        }
    })
}

fn act(way: &str, file: &Path, more: &str) -> io::Result<()> {
    match way {
        "open" => File::open(file).map(drop),
        "read" => begins_well(&mut File::open(file)?),
        "map" => map(&File::open(file)?, libc::PROT_READ).map(drop),
        "map-and-look" => {
            let address = map(&File::open(file)?, libc::PROT_READ)?;
            // SAFETY: the file has at least a page, and nobody cuts it.
            let seen = unsafe { slice::from_raw_parts(address, 16) };
            if seen.iter().any(|&byte| byte != 0) { Ok(()) } else { Err(io::Error::other("nothing there")) }
        }
        "map-as-code" => map(&File::open(file)?, libc::PROT_READ | libc::PROT_EXEC).map(drop),
        "direct" => direct(file),
        "send" => send(file),
        "read-standard-input" => begins_well(&mut io::stdin()),
        "receive" => begins_well(&mut File::from(receive(more)?)),
        "receive-socket" => receive(more).map(drop),
        "take" => begins_well(&mut File::from(take(more)?)),
        "ring" => ring(file, 0),
        "ring-thread" => ring(file, SETUP_SQPOLL),
        "old-system-call" => begins_well(&mut File::from(old_open(file)?)),
        "read-and-write" => {
            begins_well(&mut File::open(file)?)?;
            OpenOptions::new().append(true).open(file)?.write_all(b"more")
        }
        "code-in-memory" => executable(false),
        "code-later" => executable(true),
        other => Err(io::Error::other(format!("no way {other:?}"))),
    }
}

/// Reads the beginning, which has to be something.
fn begins_well(from: &mut impl io::Read) -> io::Result<()> {
    let mut beginning = [0; 16];
    from.read_exact(&mut beginning)?;
    if beginning.iter().any(|&byte| byte != 0) { Ok(()) } else { Err(io::Error::other("nothing there")) }
}

fn map(file: &File, protection: libc::c_int) -> io::Result<*const u8> {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address =
        unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, libc::MAP_PRIVATE, file.as_raw_fd(), 0) };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address.cast()) }
}

/// A page of the file past the page cache.
fn direct(file: &Path) -> io::Result<()> {
    #[repr(align(4096))]
    struct Page([u8; PAGE]);
    let mut page = Page([0; PAGE]);
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(file)?;
    let count = file.read(&mut page.0)?;
    if count > 0 { Ok(()) } else { Err(io::Error::other("nothing there")) }
}

/// Out of the file into a pipe, without a buffer of our own.
fn send(file: &Path) -> io::Result<()> {
    let (_reader, writer) = io::pipe()?;
    let file = File::open(file)?;
    // SAFETY: two descriptors of ours; no offset is given.
    let sent = unsafe { libc::sendfile(writer.as_raw_fd(), file.as_raw_fd(), ptr::null_mut(), 16) };
    if sent == 16 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The descriptor that somebody at this address hands over.
fn receive(address: &str) -> io::Result<OwnedFd> {
    let stream = UnixStream::connect(address)?;
    let mut byte = [0_u8; 1];
    let mut control = [0_u64; 8];
    let mut piece = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // SAFETY: msghdr is plain integers and pointers for which all zeros is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the message describes buffers that outlive the call; the header is looked at only if there is one.
    unsafe {
        if libc::recvmsg(stream.as_raw_fd(), &raw mut message, 0) != 1 {
            return Err(io::Error::last_os_error());
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() {
            return Err(io::Error::other("no descriptor came"));
        }
        Ok(OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
    }
}

/// A descriptor out of another process, named as `pid:descriptor`.
fn take(from: &str) -> io::Result<OwnedFd> {
    let (pid, number) = from.split_once(':').ok_or_else(|| io::Error::other("pid:descriptor"))?;
    let parse = |text: &str| text.parse::<i32>().map_err(io::Error::other);
    // SAFETY: plain numbers.
    let process = unsafe { owned(libc::syscall(libc::SYS_pidfd_open, parse(pid)?, 0)) }?;
    // SAFETY: as above.
    unsafe { owned(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), parse(number)?, 0)) }
}

/// Opens into a slot, without a completion, and reads from there.
fn ring(file: &Path, flags: u32) -> io::Result<()> {
    let path = CString::new(file.as_os_str().as_bytes())?;
    let ring = Ring::with(flags)?;
    ring.register_slot()?;
    ring.open_silently(&path, true)?;
    let mut beginning = [0; 16];
    let count = ring.read_slot(&mut beginning)?;
    if count == 16 { Ok(()) } else { Err(io::Error::other("nothing there")) }
}

/// open(2) as a 32-bit program calls it. The path has to lie below 4 GiB.
#[cfg(target_arch = "x86_64")]
fn old_open(file: &Path) -> io::Result<OwnedFd> {
    const OPEN: i64 = 5;
    let path = CString::new(file.as_os_str().as_bytes())?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
    // SAFETY: a new mapping, which is large enough for any path.
    let low = unsafe {
        libc::mmap(ptr::null_mut(), PAGE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0).cast::<u8>()
    };
    if low.cast() == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let bytes = path.as_bytes_with_nul();
    let result: i64;
    // SAFETY: the copy fits; the call reads the path and changes nothing but the result. LLVM keeps rbx for itself.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), low, bytes.len());
        std::arch::asm!(
            "xchg rbx, {path}",
            "int 0x80",
            "xchg rbx, {path}",
            path = inout(reg) low => _,
            inout("rax") OPEN => result,
            in("rcx") 0,
            in("rdx") 0,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
        owned(if result < 0 { -1 } else { result })
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn old_open(file: &Path) -> io::Result<OwnedFd> {
    File::open(file).map(OwnedFd::from)
}

/// Memory that is no file's becomes code: from the beginning, or after it was written.
fn executable(later: bool) -> io::Result<()> {
    let (data, code) = (libc::PROT_READ | libc::PROT_WRITE, libc::PROT_READ | libc::PROT_EXEC);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at an address of the kernel's choice, whose protection is then changed.
    unsafe {
        let address = libc::mmap(ptr::null_mut(), PAGE, if later { data } else { code }, flags, -1, 0);
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        if later && libc::mprotect(address, PAGE, code) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// # Safety
/// A number that is not negative has to be a descriptor that nobody else owns.
unsafe fn owned(result: libc::c_long) -> io::Result<OwnedFd> {
    let number = RawFd::try_from(result).map_err(io::Error::other)?;
    if number < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
