//! Descriptors that came from another process.
//!
//! A message on a unix socket carries the open files themselves (`struct scm_fp_list`), and still does when its bytes
//! are copied to the receiver. Whether the receiver made room for them is not looked at: it was handed them.

use aya_ebpf::{
    EbpfContext,
    helpers::generated::bpf_loop,
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};
use bom_common::{
    counter::Counter,
    record::{self, kind, probe},
};

use super::open::{opened, seen};
use crate::{
    emit::{header, lost, rare_record},
    kernel::{
        file::{OpenFile, by_descriptor, by_pointer},
        path::walk_looped,
        read::{pointer, read, typed},
        socket::{AF_INET, AF_INET6, AF_UNIX},
        task::{Tracked, belongs, current, current_task},
    },
    maps::{RECEIVED_SCRATCH, offset},
    share::place,
};

/// SCM_MAX_FD, include/net/scm.h.
const MOST: u32 = 253;
/// Position of the result in the arguments of every `sys_exit_*` event, in 8-byte words.
const RETURN_WORD: usize = 2;

#[repr(C)]
struct Context {
    task: Tracked,
    /// Address of the first `struct file *`.
    files: u64,
    count: u32,
    reserved: u32,
}

/// `skb_copy_datagram_iovec(skb, length)`: content of a message goes to whoever receives it, in its context. Called for
/// every protocol.
#[btf_tracepoint(function = "skb_copy_datagram_iovec")]
pub fn skb_copy_datagram_iovec(context: BtfTracePointContext) -> u32 {
    let packet: *const u8 = context.arg(0);
    let sender: *const u8 = typed(packet, offset!(skb_sk));
    if sender.is_null() || typed::<u16>(sender, offset!(sock_family)) != AF_UNIX || belongs().is_none() {
        return 0;
    }
    let list = pointer(packet as u64, offset!(skb_cb).saturating_add(offset!(unix_parms_fp)));
    if list != 0 {
        received(list);
    }
    0
}

#[inline(always)]
fn received(list: u64) {
    let Some(task) = current() else { return };
    let count = u32::from(read::<u16>(list, offset!(fp_list_count)));
    let mut context = Context { task, files: list + u64::from(offset!(fp_list_files)), count, reserved: 0 };
    let callback = one as unsafe extern "C" fn(u64, *mut Context) -> i64;
    // SAFETY: the verifier checks the callback with the context it gets, which outlives the call.
    unsafe { bpf_loop(MOST, (callback as *mut u8).cast(), (&raw mut context).cast(), 0) };
}

/// Called for each file of a message; 1 ends the loop.
unsafe extern "C" fn one(index: u64, context: *mut Context) -> i64 {
    // SAFETY: the pointer is the context that was given to the loop; the verifier tracks it as such.
    let context = unsafe { &*context };
    if index >= u64::from(context.count) {
        return 1;
    }
    let task = context.task;
    match by_pointer(pointer(context.files + index * 8, 0)) {
        Some(file) => came(&task, &file, probe::SKB_COPY_DATAGRAM_IOVEC),
        None => lost(Counter::ReceivedLost, task.subject),
    }
    0
}

/// pidfd_getfd returns a descriptor of its own.
#[tracepoint]
pub fn sys_exit_pidfd_getfd(context: TracePointContext) -> u32 {
    // SAFETY: the event has at least three 8-byte words; the verifier checks the access.
    let returned = unsafe { *context.as_ptr().cast::<i64>().add(RETURN_WORD) };
    if returned < 0 {
        return 0;
    }
    let Some(task) = current() else { return 0 };
    match by_descriptor(current_task(), returned as u32) {
        Some(file) => came(&task, &file, probe::SYS_EXIT_PIDFD_GETFD),
        None => {
            seen(place(task.subject));
            lost(Counter::OpensUnresolved, task.subject);
        }
    }
    0
}

/// A file is delivered as an open is; of a socket that can be connected somewhere, and of a pipe that can be read, only
/// that it came.
#[inline(always)]
fn came(task: &Tracked, file: &OpenFile, probe: u16) {
    let kind = if file.is_socket() {
        // fs/sockfs: `struct socket` stands before its inode, in one allocation; the file has the way back.
        let sock = pointer(pointer(file.file, offset!(file_private_data)), offset!(socket_sk));
        if !matches!(read::<u16>(sock, offset!(sock_family)), AF_INET | AF_INET6 | AF_UNIX) {
            return;
        }
        kind::SOCKET_RECEIVED
    } else if file.is_readable_pipe() {
        kind::OTHER_SOURCE
    } else {
        return opened(task, file, probe, 0, &RECEIVED_SCRATCH, walk_looped);
    };
    let record = header(kind, probe, size_of::<record::Header>(), task);
    rare_record(&record, task.subject, Counter::ProcessLost);
}
