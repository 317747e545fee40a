//! What is not the observed program's doing: a process outside the subject that hands descriptors over, which is this
//! test itself, and a mount namespace in which a folder is seen through an overlay, as in a container.

use std::{
    ffi::CString,
    fs, io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, RawFd},
        unix::{ffi::OsStrExt as _, net::UnixListener, process::CommandExt as _},
    },
    path::Path,
    process::Command,
    ptr,
    thread::JoinHandle,
};

/// Hands a descriptor to the first who connects.
pub(crate) fn hand_over(
    address: &Path,
    descriptor: BorrowedFd<'_>,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let listener = UnixListener::bind(address)?;
    let descriptor = descriptor.try_clone_to_owned()?;
    Ok(std::thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        send(stream.as_raw_fd(), descriptor.as_raw_fd())
    }))
}

fn send(socket: RawFd, descriptor: RawFd) -> io::Result<()> {
    let mut control = [0_u64; 8];
    let mut byte = [1_u8; 1];
    let mut piece = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    let length = u32::try_from(size_of::<RawFd>()).map_err(io::Error::other)?;
    // SAFETY: msghdr is plain integers and pointers for which all zeros is a value; the header lies in the buffer,
    // which is large enough for one descriptor.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut piece;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(length) as usize;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(length) as usize;
        ptr::write_unaligned(libc::CMSG_DATA(header).cast::<RawFd>(), descriptor);
        if libc::sendmsg(socket, &raw const message, 0) == 1 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// Makes the command run in a mount namespace of its own, where `merged` in the folder `place` is an overlay of `lower`.
pub(crate) fn overlaid(command: &mut Command, lower: &Path, place: &Path) -> io::Result<()> {
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| place.join(name));
    for folder in [&upper, &work, &merged] {
        fs::create_dir(folder)?;
    }
    let options =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let (options, target) = (CString::new(options)?, CString::new(merged.as_os_str().as_bytes())?);
    let mount = move || {
        let (overlay, private) = (c"overlay".as_ptr(), libc::MS_REC | libc::MS_PRIVATE);
        // SAFETY: plain system calls on strings that live on; the namespace is that of the new process alone.
        let failed = unsafe {
            libc::unshare(libc::CLONE_NEWNS) < 0
                || libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), private, ptr::null()) < 0
                || libc::mount(overlay, target.as_ptr(), overlay, 0, options.as_ptr().cast()) < 0
        };
        if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: between fork and exec only system calls are made, on memory that was there before.
    unsafe { command.pre_exec(mount) };
    Ok(())
}
