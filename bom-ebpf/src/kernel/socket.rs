//! `struct sock`.

use bom_common::record::TcpState;

use super::read::read;
use crate::maps::offset;

pub const AF_UNIX: u16 = 1;
pub const AF_INET: u16 = 2;
pub const AF_INET6: u16 = 10;

/// Fills the body of a state record from a `struct sock *`.
#[inline(always)]
pub fn describe(sock: u64, cookie: u64, old_state: u8, new_state: u8) -> Option<TcpState> {
    let family: u16 = read(sock, offset!(sock_family));
    let mut remote = [0; 16];
    let mut local = [0; 16];
    match family {
        AF_INET => {
            remote[..4].copy_from_slice(&read::<[u8; 4]>(sock, offset!(sock_daddr)));
            local[..4].copy_from_slice(&read::<[u8; 4]>(sock, offset!(sock_rcv_saddr)));
        }
        AF_INET6 => {
            remote = read(sock, offset!(sock_v6_daddr));
            local = read(sock, offset!(sock_v6_rcv_saddr));
        }
        _ => return None,
    }
    Some(TcpState {
        cookie,
        bytes_acked: read(sock, offset!(tcp_bytes_acked)),
        bytes_received: read(sock, offset!(tcp_bytes_received)),
        remote,
        local,
        family,
        remote_port: u16::from_be(read(sock, offset!(sock_dport))),
        local_port: read(sock, offset!(sock_num)),
        old_state,
        new_state,
    })
}
