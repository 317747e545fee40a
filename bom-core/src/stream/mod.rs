//! The decoder that stands before the recorder: payload bytes go in, a few parsed fields come out,
//! the bytes are zeroed. Nothing after this room ever holds payload.
//!
//! `decoder` is the door. `held` and `pieces` keep bytes in order and wipe them; `tls`, `http`,
//! `h2c`, `quic` and `dns` each read one kind of head. What leaves is in `head` and `dns`.

mod head;
mod held;

mod cursor;
mod decoder;
mod dns;
mod tls;

pub use decoder::{Settings, StreamDecoder};
pub use dns::{DnsAnswer, DnsError, parse as parse_dns};
pub use head::{
    Authority, ClientHello, HeadKind, HttpHead, HttpVersion, Method, ModelName, Transport, Undecoded,
};
pub use held::Held;
pub use tls::{HelloError, parse as parse_hello};
