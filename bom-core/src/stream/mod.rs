//! The decoder that stands before the recorder: payload bytes go in, a few parsed fields come out,
//! the bytes are zeroed. Nothing after this room ever holds payload.
//!
//! `dns` and `tls` read one message each; `decoder` puts stream pieces in order first.

mod cursor;
mod decoder;
mod dns;
mod tls;

pub use decoder::StreamDecoder;
pub use dns::{DnsAnswer, DnsError, parse as parse_dns};
pub use tls::{ClientHello, HelloError, parse as parse_hello};
