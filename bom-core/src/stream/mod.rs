//! The decoder that stands before the recorder: payload bytes go in, a few parsed fields come out,
//! the bytes are zeroed. Nothing after this room ever holds payload.
//!
//! Start reading at `decoder`, the door. What leaves is in `head` and `dns`; the other modules each
//! read one kind of head, or keep bytes in order until one is complete.

mod head;
mod held;

mod cursor;
mod pieces;
mod table;

mod authority;
mod tls;

mod body;
mod http;

mod h2c;
mod hpack;
mod hpack_table;

mod tcp;

mod quic;

mod dns;

mod answers;
mod datagram;

mod decoder;

pub use decoder::{Settings, StreamDecoder};
pub use dns::{DnsAnswer, DnsError, parse as parse_dns};
pub use head::{
    Authority, ClientHello, HeadKind, HttpHead, HttpVersion, Method, ModelName, Transport, Undecoded,
};
pub use held::Held;
pub use tls::{HelloError, parse as parse_hello};
