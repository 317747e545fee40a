//! Sockets as system calls leave them: unix sockets that were connected or listen, and sockets that no other
//! probe follows.
//!
//! Looked at after the call, by the descriptor: the address that the process passed is in its own memory, the one that
//! counted is in the socket.

use aya_ebpf::{
    EbpfContext,
    helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs},
    macros::tracepoint,
    programs::TracePointContext,
};
use bom_common::{
    counter::Counter,
    record::{self, UNIX_NAME_CAPACITY, kind, probe, socket_flag, unix_flag},
};

use crate::{
    emit::{header, rare_record},
    kernel::{
        file::{OpenFile, by_descriptor},
        read::read,
        socket::{
            AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM, describe_unix, family, of_file, protocol,
            socket_type,
        },
        task::{Tracked, current, current_task},
    },
    maps::{CGROUPS, offset},
};

const AF_NETLINK: u16 = 16;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_UDP: u16 = 17;
/// Its subflows are TCP sockets, which are seen as such.
const IPPROTO_MPTCP: u16 = 262;
/// Position of the result in the arguments of every `sys_exit_*` event, in 8-byte words.
const RETURN_WORD: usize = 2;

#[repr(C)]
struct UnixRecord {
    header: record::Header,
    socket: record::UnixSocket,
}

#[repr(C)]
struct OtherRecord {
    header: record::Header,
    socket: record::OtherSocket,
}

#[tracepoint]
pub fn sys_exit_connect(context: TracePointContext) -> u32 {
    of_call(&context, probe::SYS_EXIT_CONNECT, 0);
    0
}

#[tracepoint]
pub fn sys_exit_listen(context: TracePointContext) -> u32 {
    of_call(&context, probe::SYS_EXIT_LISTEN, unix_flag::LISTENING);
    0
}

/// The descriptor is the call's first argument, which is still in the registers it came in.
#[inline(always)]
fn of_call(context: &TracePointContext, probe: u16, flags: u16) {
    if returned(context) != 0 {
        return;
    }
    let Some(task) = current() else { return };
    let descriptor: u64 = read(registers(), offset!(regs_argument));
    let Some(file) = by_descriptor(current_task(), descriptor as u32) else { return };
    unix_socket(&task, &file, probe, flags);
}

#[tracepoint]
pub fn sys_exit_socket(context: TracePointContext) -> u32 {
    let descriptor = returned(&context);
    if descriptor >= 0
        && let Some(task) = current()
        && let Some(file) = by_descriptor(current_task(), descriptor as u32)
    {
        made(&task, &file, probe::SYS_EXIT_SOCKET);
    }
    0
}

/// The descriptors are in the caller's memory; family and type are arguments, in registers.
#[tracepoint]
pub fn sys_exit_socketpair(context: TracePointContext) -> u32 {
    if returned(&context) == 0
        && let Some(task) = current()
    {
        let family: u64 = read(registers(), offset!(regs_argument));
        let wanted: u64 = read(registers(), offset!(regs_argument_2));
        // The upper bits are SOCK_CLOEXEC and SOCK_NONBLOCK.
        let (family, socket_type) = (family as u16, wanted as u16 & 0xf);
        if family != AF_UNIX || socket_type == SOCK_DGRAM {
            other(&task, family, socket_type, 0, socket_flag::PAIR, probe::SYS_EXIT_SOCKETPAIR);
        }
    }
    0
}

#[inline(always)]
fn returned(context: &TracePointContext) -> i64 {
    let words = context.as_ptr().cast::<i64>();
    // SAFETY: the event has at least three 8-byte words; the verifier checks the access.
    unsafe { *words.add(RETURN_WORD) }
}

/// The registers with which the task entered the kernel.
#[inline(always)]
fn registers() -> u64 {
    // SAFETY: the first helper takes nothing, the second what it gives.
    unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) as u64 }
}

/// Records a unix socket that was connected, or listens. What else it may be is for other probes.
#[inline(always)]
pub fn unix_socket(task: &Tracked, file: &OpenFile, probe: u16, flags: u16) {
    let sock = of_file(file);
    if sock == 0 || family(sock) != AF_UNIX {
        return;
    }
    let mut record = UnixRecord {
        header: header(kind::UNIX_SOCKET, probe, size_of::<UnixRecord>(), task),
        socket: record::UnixSocket {
            peer_subject: 0,
            peer_cgroup: 0,
            peer_tgid: 0,
            socket_type: 0,
            flags: 0,
            name_length: 0,
            reserved: 0,
            name: [0; UNIX_NAME_CAPACITY],
        },
    };
    describe_unix(sock, flags, &mut record.socket);
    rare_record(&record, task.subject, Counter::SocketLost);
}

/// Records a socket that the other probes do not follow: of another family or protocol, made outside the subject's
/// cgroups, or one that sends to unix addresses without being connected.
#[inline(always)]
pub fn made(task: &Tracked, file: &OpenFile, probe: u16) {
    let sock = of_file(file);
    if sock == 0 {
        return;
    }
    let (family, socket_type, protocol) = (family(sock), socket_type(sock), protocol(sock));
    // SAFETY: only looked for.
    let outside = unsafe { CGROUPS.get(task.cgroup) }.is_none();
    let internet = family == AF_INET || family == AF_INET6;
    let plain = match family {
        AF_INET | AF_INET6 => {
            socket_type == SOCK_STREAM && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)
                || socket_type == SOCK_DGRAM && protocol == IPPROTO_UDP
        }
        AF_UNIX => socket_type != SOCK_DGRAM,
        AF_NETLINK => true,
        _ => false,
    };
    if !plain || internet && outside {
        let flags = if outside { socket_flag::OUTSIDE } else { 0 };
        other(task, family, socket_type, protocol, flags, probe);
    }
}

#[inline(always)]
fn other(task: &Tracked, family: u16, socket_type: u16, protocol: u16, flags: u16, probe: u16) {
    let record = OtherRecord {
        header: header(kind::OTHER_SOCKET, probe, size_of::<OtherRecord>(), task),
        socket: record::OtherSocket { family, socket_type, protocol, flags },
    };
    rare_record(&record, task.subject, Counter::SocketLost);
}
