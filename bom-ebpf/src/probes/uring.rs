//! io_uring: opens and sockets that no system call exit shows.
//!
//! The completion carries the result; the descriptor leads to the file as everywhere else. The
//! event's arguments changed over time, so there is one program for each shape and the agent
//! loads the one that fits the running kernel's BTF.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use bom_common::{
    counter::Counter,
    record::{self, kind, probe},
};

use super::{
    open::{opened, seen},
    socket_calls::{made, unix_socket},
};
use crate::{
    emit::{header, lost, rare_record},
    kernel::{
        file::{by_descriptor, by_pointer},
        path::walk,
        read::{pointer, read},
        task::{Tracked, belongs, current, current_task},
    },
    maps::{URING_SCRATCH, offset},
    share::place,
};

/// include/uapi/linux/io_uring.h
const IORING_OP_OPENAT: u8 = 18;
const IORING_OP_OPENAT2: u8 = 28;
const IORING_OP_CONNECT: u8 = 16;
const IORING_OP_SOCKET: u8 = 45;

#[btf_tracepoint(function = "io_uring_create")]
pub fn io_uring_create(_context: BtfTracePointContext) -> u32 {
    if let Some(task) = current() {
        let record = header(kind::URING_CREATED, probe::IO_URING_CREATE, size_of::<record::Header>(), &task);
        rare_record(&record, task.subject, Counter::ProcessLost);
    }
    0
}

/// `io_uring_submit_req(req)`: in the context of the process, or of its ring's thread.
#[btf_tracepoint(function = "io_uring_submit_req")]
pub fn io_uring_submit_req(context: BtfTracePointContext) -> u32 {
    submitted(context.arg::<*const u8>(0) as u64);
    0
}

/// `io_uring_submit_sqe(req, force_nonblock)`, from 5.19 to 6.3.
#[btf_tracepoint(function = "io_uring_submit_sqe")]
pub fn io_uring_submit_sqe(context: BtfTracePointContext) -> u32 {
    submitted(context.arg::<*const u8>(0) as u64);
    0
}

/// Counts opens that were asked for: as many completions have to be seen, or one went unseen.
#[inline(always)]
fn submitted(request: u64) {
    if is_open(request)
        && let Some((_, process)) = belongs()
    {
        lost(Counter::UringOpens, process.subject);
    }
}

#[inline(always)]
fn is_open(request: u64) -> bool {
    let opcode: u8 = read(request, offset!(kiocb_opcode));
    opcode == IORING_OP_OPENAT || opcode == IORING_OP_OPENAT2
}

/// `io_uring_complete(ctx, req, cqe)`.
#[btf_tracepoint(function = "io_uring_complete")]
pub fn io_uring_complete_cqe(context: BtfTracePointContext) -> u32 {
    let request = context.arg::<*const u8>(1) as u64;
    let completion = context.arg::<*const u8>(2) as u64;
    completed(request, read(completion, offset!(cqe_res)));
    0
}

/// `io_uring_complete(ctx, req, user_data, res, cflags, …)`, before 6.16.
#[btf_tracepoint(function = "io_uring_complete")]
pub fn io_uring_complete_res(context: BtfTracePointContext) -> u32 {
    completed(context.arg::<*const u8>(1) as u64, context.arg::<i32>(3));
    0
}

#[inline(always)]
fn completed(request: u64, result: i32) {
    if request == 0 {
        return;
    }
    let opcode: u8 = read(request, offset!(kiocb_opcode));
    if opcode == IORING_OP_CONNECT || opcode == IORING_OP_SOCKET {
        if result >= 0
            && let Some(task) = current()
        {
            socket(&task, request, opcode, result);
        }
        return;
    }
    if !is_open(request) {
        return;
    }
    let Some(task) = current() else { return };
    lost(Counter::UringOpensCompleted, task.subject);
    if result < 0 {
        return;
    }
    // `struct io_open` overlays the beginning of the request.
    let slot = read::<u32>(request, offset!(io_open_file_slot));
    if slot != 0 {
        lost(Counter::UringDirectOpen, task.subject);
        return;
    }
    open(&task, result as u32);
}

/// The frames of this and of [`socket`] are not needed at the same time.
#[inline(never)]
fn open(task: &Tracked, descriptor: u32) {
    match by_descriptor(current_task(), descriptor) {
        Some(file) => opened(task, &file, probe::IO_URING_COMPLETE, 0, &URING_SCRATCH, walk),
        None => {
            seen(place(task.subject));
            lost(Counter::OpensUnresolved, task.subject);
        }
    }
}

/// A socket that was connected, which the request holds, or made: its descriptor is the result.
#[inline(never)]
fn socket(task: &Tracked, request: u64, opcode: u8, result: i32) {
    if opcode == IORING_OP_CONNECT {
        if let Some(file) = by_pointer(pointer(request, offset!(kiocb_file))) {
            unix_socket(task, &file, probe::IO_URING_COMPLETE, 0);
        }
    } else if let Some(file) = by_descriptor(current_task(), result as u32) {
        made(task, &file, probe::IO_URING_COMPLETE);
    }
}
