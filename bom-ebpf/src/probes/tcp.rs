//! TCP connections, from SYN_SENT (in the context of the process that connects, whichever way it
//! asked for it) to their end; and who listens, and is called.

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_NOEXIST},
    helpers::generated::bpf_get_socket_cookie,
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use bom_common::{
    config::{FLOW_ACCEPTED, Flow, FlowKey},
    counter::Counter,
    record::{self, STILL_OPEN, kind, probe},
};

use super::tcp_again::see_to;
use crate::{
    emit::{add, add_many, header, lost, now, rare_record},
    kernel::{
        read::read,
        socket::{cgroup, describe, ends, family, local_port, protocol},
        task::{Tracked, current},
    },
    maps::{CGROUPS, FLOWS, NO_FLOW, SOCKETS, SOCKETS_MOST, STREAMS, SocketOwner, offset},
    share::{self, may_enter, place, take},
};

/// include/net/tcp_states.h
const ESTABLISHED: i32 = 1;
const SYN_SENT: i32 = 2;
const SYN_RECV: i32 = 3;
const FIN_WAIT1: i32 = 4;
pub const CLOSE: i32 = 7;
const LAST_ACK: i32 = 9;
const LISTEN: i32 = 10;
/// `SocketOwner::accepted` of a connection whose received bytes are counted already.
const RECEIVED: u32 = 2;
/// Other protocols have the same states, but not the members of `struct tcp_sock`.
const IPPROTO_TCP: u16 = 6;

#[repr(C)]
pub struct StateRecord {
    pub header: record::Header,
    pub state: record::TcpState,
}

/// `inet_sock_set_state(sk, oldstate, newstate)`.
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state(context: BtfTracePointContext) -> u32 {
    let sock: *const u8 = context.arg(0);
    let old: i32 = context.arg(1);
    let new: i32 = context.arg(2);
    // SAFETY: the verifier knows the argument as a pointer to a trusted `struct sock`.
    let cookie = unsafe { bpf_get_socket_cookie(sock.cast_mut().cast()) };
    see_to(cookie, old, new);
    let _ = changed(sock, old, new, |_starts| Some(cookie));
    0
}

/// Records a change of state. `cookie` names the socket, and is told whether a connection starts.
#[inline(always)]
pub fn changed(sock: *const u8, old: i32, new: i32, cookie: impl FnOnce(bool) -> Option<u64>) -> Option<()> {
    let starts = new == SYN_SENT || new == LISTEN;
    // This end hangs up; the other end may take its time to agree, and whoever looks does not wait for it.
    let hangs_up = (new == FIN_WAIT1 || new == LAST_ACK) && hung_up(sock as u64);
    if !starts && !hangs_up && new != ESTABLISHED && new != CLOSE || protocol(sock as u64) != IPPROTO_TCP {
        return None;
    }
    if starts {
        let task = current()?;
        let cookie = cookie(starts)?;
        if new == SYN_SENT {
            remember(cookie, &SocketOwner::of(&task));
        }
        return deliver(sock as u64, cookie, &task, old, new);
    }
    let cookie = cookie(starts)?;
    // SAFETY: copied at once.
    let Some(owner) = unsafe { SOCKETS.get(cookie) }.copied() else {
        return if old == SYN_RECV && new == ESTABLISHED { accepted(sock as u64, cookie) } else { None };
    };
    if owner.accepted != 0 && hangs_up {
        let _ = SOCKETS.insert(cookie, SocketOwner { accepted: RECEIVED, ..owner }, u64::from(BPF_ANY));
        return took(sock as u64, owner.subject);
    }
    if hangs_up {
        return deliver(sock as u64, cookie, &owner.task(), old, i32::from(STILL_OPEN));
    }
    if owner.accepted != 0 {
        return if new == CLOSE { answered(sock as u64, cookie, &owner) } else { None };
    }
    deliver(sock as u64, cookie, &owner.task(), old, new);
    if new == CLOSE {
        forget(cookie);
    }
    Some(())
}

/// Writes the state record.
#[inline(always)]
fn deliver(sock: u64, cookie: u64, task: &Tracked, old: i32, new: i32) -> Option<()> {
    let state = describe(sock, cookie, old as u8, new as u8)?;
    let record = StateRecord {
        header: header(kind::TCP_STATE, probe::INET_SOCK_SET_STATE, size_of::<StateRecord>(), task),
        state,
    };
    rare_record(&record, task.subject, Counter::TcpLost);
    Some(())
}

/// Remembers whose a socket is; a table that is full, or full of this subject's, is counted.
#[inline(always)]
pub fn remember(cookie: u64, owner: &SocketOwner) {
    // A socket that connects again has its entry.
    // SAFETY: nothing of the entry is used.
    if unsafe { SOCKETS.get(cookie) }.is_some() {
        let _ = SOCKETS.insert(cookie, owner, u64::from(BPF_ANY));
        return;
    }
    let place = place(owner.subject);
    if may_enter(place, share::SOCKETS, SOCKETS_MOST)
        && SOCKETS.insert(cookie, owner, u64::from(BPF_ANY)).is_ok()
    {
        take(place, share::SOCKETS, 1);
    } else {
        lost(Counter::SocketTableFull, owner.subject);
    }
}

#[inline(always)]
fn forget(cookie: u64) {
    // SAFETY: copied at once.
    let owner = unsafe { SOCKETS.get(cookie) }.map(|owner| owner.subject);
    if let (Some(subject), Ok(())) = (owner, SOCKETS.remove(cookie)) {
        take(place(subject), share::SOCKETS, 1_u64.wrapping_neg());
    }
    let _ = STREAMS.remove(cookie);
}

/// Somebody called: the new socket has the cgroup of the one that listens. It is counted there, so that callers
/// cannot fill the ring.
#[inline(always)]
fn accepted(sock: u64, cookie: u64) -> Option<()> {
    let cgroup = cgroup(sock);
    // SAFETY: copied at once.
    let subject = *unsafe { CGROUPS.get(cgroup) }?;
    remember(cookie, &SocketOwner { subject, cgroup, accepted: 1, ..SocketOwner::NOBODY });
    let key = served(sock, subject)?;
    if FLOWS.get_ptr_mut(key).is_none() {
        let flow = Flow { subject, cgroup, ..NO_FLOW };
        // Another CPU may come first, which is as good.
        if FLOWS.insert(key, flow, u64::from(BPF_NOEXIST)).is_err() && FLOWS.get_ptr_mut(key).is_none() {
            lost(Counter::FlowTableFull, subject);
        }
    }
    let flow = FLOWS.get_ptr_mut(key)?;
    // SAFETY: the pointer comes from the lookup; other CPUs may add at the same time.
    unsafe {
        add(&raw mut (*flow).datagrams_received);
        (*flow).last_ns = now();
    }
    Some(())
}

/// An accepted connection ended: its bytes are known now.
#[inline(always)]
fn answered(sock: u64, cookie: u64, owner: &SocketOwner) -> Option<()> {
    forget(cookie);
    if owner.accepted != RECEIVED {
        took(sock, owner.subject);
    }
    let flow = FLOWS.get_ptr_mut(served(sock, owner.subject)?)?;
    let acked = read(sock, offset!(tcp_bytes_acked));
    // SAFETY: the pointer comes from the lookup; other CPUs may add at the same time.
    unsafe { add_many(&raw mut (*flow).sent, acked) };
    Some(())
}

/// An accepted connection takes nothing in any more.
#[inline(always)]
fn took(sock: u64, subject: u64) -> Option<()> {
    let flow = FLOWS.get_ptr_mut(served(sock, subject)?)?;
    let received = read(sock, offset!(tcp_bytes_received));
    // SAFETY: as above.
    unsafe { add_many(&raw mut (*flow).received, received) };
    Some(())
}

/// Whether the process has closed the socket, and not only said all it had to say: RCV_SHUTDOWN (include/net/sock.h).
#[inline(always)]
fn hung_up(sock: u64) -> bool {
    const RCV_SHUTDOWN: u8 = 1;
    read::<u8>(sock, offset!(sock_shutdown)) & RCV_SHUTDOWN != 0
}

#[inline(always)]
fn served(sock: u64, subject: u64) -> Option<FlowKey> {
    let (_, address) = ends(sock)?;
    Some(FlowKey {
        cookie: subject,
        address,
        family: family(sock),
        port: local_port(sock),
        kind: FLOW_ACCEPTED,
    })
}

impl SocketOwner {
    pub const NOBODY: Self = Self {
        start_ns: 0,
        image: 0,
        subject: 0,
        cgroup: 0,
        tgid: 0,
        tid: 0,
        mount_namespace: 0,
        accepted: 0,
    };

    #[inline(always)]
    pub fn of(task: &Tracked) -> Self {
        Self {
            start_ns: task.start_ns,
            image: task.image,
            subject: task.subject,
            cgroup: task.cgroup,
            tgid: task.tgid,
            tid: task.tid,
            mount_namespace: task.mount_namespace,
            accepted: 0,
        }
    }

    #[inline(always)]
    pub fn task(&self) -> Tracked {
        Tracked {
            tgid: self.tgid,
            tid: self.tid,
            start_ns: self.start_ns,
            image: self.image,
            subject: self.subject,
            cgroup: self.cgroup,
            mount_namespace: self.mount_namespace,
        }
    }
}
