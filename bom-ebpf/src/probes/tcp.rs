//! TCP connections, from SYN_SENT (in the context of the process that connects, whichever way it
//! asked for it) to their end.

use aya_ebpf::{
    bindings::BPF_ANY, helpers::generated::bpf_get_socket_cookie, macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use bom_common::{
    counter::Counter,
    record::{self, kind, probe},
};

use crate::{
    emit::{header, lost, rare_record},
    kernel::{
        socket::describe,
        task::{Tracked, current},
    },
    maps::{SOCKETS, STREAMS, SocketOwner},
};

/// include/net/tcp_states.h
const ESTABLISHED: i32 = 1;
const SYN_SENT: i32 = 2;
pub const CLOSE: i32 = 7;

#[repr(C)]
struct StateRecord {
    header: record::Header,
    state: record::TcpState,
}

/// `inet_sock_set_state(sk, oldstate, newstate)`.
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state(context: BtfTracePointContext) -> u32 {
    let sock: *const u8 = context.arg(0);
    let old: i32 = context.arg(1);
    let new: i32 = context.arg(2);
    // SAFETY: the verifier knows the argument as a pointer to a trusted `struct sock`.
    let cookie = |_starts| Some(unsafe { bpf_get_socket_cookie(sock.cast_mut().cast()) });
    let _ = changed(sock, old, new, cookie);
    0
}

/// Records a change of state. `cookie` names the socket, and is told whether a connection starts.
#[inline(always)]
pub fn changed(sock: *const u8, old: i32, new: i32, cookie: impl FnOnce(bool) -> Option<u64>) -> Option<()> {
    let starts = new == SYN_SENT;
    if !starts && new != ESTABLISHED && new != CLOSE {
        return None;
    }
    let task = if starts { Some(current()?) } else { None };
    let cookie = cookie(starts)?;
    let task = match task {
        Some(task) => {
            let owner = SocketOwner {
                start_ns: task.start_ns,
                image: task.image,
                subject: task.subject,
                cgroup: task.cgroup,
                tgid: task.tgid,
                tid: task.tid,
                mount_namespace: task.mount_namespace,
                reserved: 0,
            };
            if SOCKETS.insert(cookie, owner, u64::from(BPF_ANY)).is_err() {
                lost(Counter::SocketTableFull, task.subject);
            }
            task
        }
        None => {
            // SAFETY: copied at once.
            let owner = *unsafe { SOCKETS.get(cookie) }?;
            Tracked {
                tgid: owner.tgid,
                tid: owner.tid,
                start_ns: owner.start_ns,
                image: owner.image,
                subject: owner.subject,
                cgroup: owner.cgroup,
                mount_namespace: owner.mount_namespace,
            }
        }
    };
    let state = describe(sock as u64, cookie, old as u8, new as u8)?;
    let record = StateRecord {
        header: header(kind::TCP_STATE, probe::INET_SOCK_SET_STATE, size_of::<StateRecord>(), &task),
        state,
    };
    rare_record(&record, task.subject, Counter::TcpLost);
    if new == CLOSE {
        let _ = SOCKETS.remove(cookie);
        let _ = STREAMS.remove(cookie);
    }
    Some(())
}
