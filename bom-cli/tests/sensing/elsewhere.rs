//! The other end: a process outside the subject that hands descriptors over. It is this test itself.

use std::{
    io,
    os::{
        fd::{AsRawFd as _, BorrowedFd, RawFd},
        unix::net::UnixListener,
    },
    path::Path,
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
