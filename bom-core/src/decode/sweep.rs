//! Records of sweeps.

use std::net::SocketAddr;

use bom_common::record::{self, direction, kind};

use super::{DecodeError, address, counted, file, take, unix_name};
use crate::{
    event::{Direction, OpenedFile, Swept, SweptSocket, SweptState, SweptTransport},
    key::ProcessKey,
    path::SeenPath,
};

/// include/linux/mm.h
const VM_EXEC: u64 = 4;
/// include/net/tcp_states.h; unix sockets use two of them.
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
/// The peer has said all it had to say.
const CLOSE_WAIT: u8 = 8;
const LISTEN: u8 = 10;
/// include/linux/socket.h, include/uapi/linux/in.h
const AF_UNIX: u16 = 1;
const SOCK_DGRAM: u16 = 2;
const IPPROTO_TCP: u16 = 6;
const IPPROTO_UDP: u16 = 17;

/// The body of one of the `SWEPT_*` kinds.
pub(super) fn swept(what: u16, bytes: &[u8]) -> Result<Swept, DecodeError> {
    match what {
        kind::SWEPT_PROCESS => {
            let (raw, rest) = take::<record::SweptProcess>(bytes)?;
            Ok(Swept::Process {
                executable: some_file(&raw.file, rest)?,
                parent: ProcessKey { tgid: raw.parent_tgid, start_ns: raw.parent_start_ns },
                uid: raw.uid,
                threads: raw.threads,
                uring: raw.uring != 0,
            })
        }
        kind::SWEPT_FILE => {
            let (raw, rest) = take::<record::SweptFile>(bytes)?;
            let close_on_exec = raw.close_on_exec != 0;
            Ok(Swept::File { descriptor: raw.descriptor, close_on_exec, file: file(&raw.file, rest)? })
        }
        kind::SWEPT_MAPPING => {
            let (raw, rest) = take::<record::SweptMapping>(bytes)?;
            Ok(Swept::Mapping { executable: raw.flags & VM_EXEC != 0, file: some_file(&raw.file, rest)? })
        }
        kind::SWEPT_SOCKET => {
            let (raw, rest) = take::<record::SweptSocket>(bytes)?;
            Ok(Swept::Socket(socket(&raw, rest)?))
        }
        other => Err(DecodeError::Kind(other)),
    }
}

/// No file has mode 0.
fn some_file(raw: &record::File, rest: &[u8]) -> Result<Option<OpenedFile>, DecodeError> {
    if raw.mode == 0 { Ok(None) } else { file(raw, rest).map(Some) }
}

fn socket(raw: &record::SweptSocket, rest: &[u8]) -> Result<SweptSocket, DecodeError> {
    let ends = || {
        let local = SocketAddr::new(address(raw.family, &raw.local)?, raw.local_port);
        let remote = SocketAddr::new(address(raw.family, &raw.remote)?, raw.remote_port);
        Ok((local, remote))
    };
    let other = || SweptTransport::Other { family: raw.family, kind: raw.kind, protocol: raw.protocol };
    let transport = match (raw.family, raw.protocol) {
        // A datagram socket without a peer can send to any name.
        (AF_UNIX, _) if raw.kind == SOCK_DGRAM && raw.state == CLOSE => other(),
        (AF_UNIX, _) => {
            // Its own name if it listens, else its peer's.
            let name = SeenPath::new(unix_name(counted(rest, raw.name_length)?));
            let nobody = SeenPath::new([]);
            let (local, remote) = if raw.state == LISTEN { (name, nobody) } else { (nobody, name) };
            let peer_subject = Some(raw.peer_subject).filter(|&subject| subject != 0);
            SweptTransport::Unix { local, remote, peer_subject }
        }
        (_, IPPROTO_TCP) => {
            let (local, remote) = ends()?;
            SweptTransport::Tcp { local, remote }
        }
        (_, IPPROTO_UDP) => {
            let (local, remote) = ends()?;
            SweptTransport::Udp { local, remote }
        }
        _ => other(),
    };
    let state = match (raw.state, raw.protocol) {
        _ if matches!(transport, SweptTransport::Other { .. }) => SweptState::Connected,
        (ESTABLISHED | CLOSE_WAIT, _) => SweptState::Connected,
        (LISTEN, _) => SweptState::Listening,
        (CLOSE, IPPROTO_UDP) => SweptState::Listening,
        (other, _) => return Err(DecodeError::State(other)),
    };
    Ok(SweptSocket {
        cookie: raw.cookie,
        inode: raw.inode,
        state,
        close_on_exec: raw.direction & direction::CLOSES_ON_EXEC != 0,
        direction: match raw.direction & !direction::CLOSES_ON_EXEC {
            direction::CALLED => Some(Direction::Called),
            direction::ACCEPTED => Some(Direction::Accepted),
            _ => None,
        },
        transport,
        bytes_acked: raw.bytes_acked,
        bytes_received: raw.bytes_received,
    })
}
