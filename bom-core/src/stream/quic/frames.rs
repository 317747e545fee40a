//! The frames that an Initial packet may hold (RFC 9000 §12.4, §19).

use super::{super::cursor::Cursor, packet::integer};

/// A piece of the handshake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crypto<'a> {
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
}

/// Gives every piece of the handshake to `piece`. `None` if the frames are malformed.
pub(super) fn read<'a>(frames: &'a [u8], mut piece: impl FnMut(Crypto<'a>)) -> Option<()> {
    let mut rest = Cursor(frames);
    while !rest.is_empty() {
        match rest.u8()? {
            // PADDING, PING
            0 | 1 => {}
            // ACK, with or without ECN counts
            kind @ (2 | 3) => {
                let (_largest, _delay) = (integer(&mut rest)?, integer(&mut rest)?);
                let ranges = integer(&mut rest)?;
                integer(&mut rest)?;
                for _ in 0..ranges {
                    let (_gap, _length) = (integer(&mut rest)?, integer(&mut rest)?);
                }
                if kind == 3 {
                    let _counts = (integer(&mut rest)?, integer(&mut rest)?, integer(&mut rest)?);
                }
            }
            // CRYPTO
            6 => {
                let offset = integer(&mut rest)?;
                let length = usize::try_from(integer(&mut rest)?).ok()?;
                piece(Crypto { offset, bytes: rest.take(length)? });
            }
            // CONNECTION_CLOSE
            0x1c => {
                let (_code, _frame) = (integer(&mut rest)?, integer(&mut rest)?);
                let reason = usize::try_from(integer(&mut rest)?).ok()?;
                rest.take(reason)?;
            }
            _ => return None,
        }
    }
    Some(())
}
