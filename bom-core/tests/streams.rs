//! What sockets say first: what is kept of it, that pieces in any order say the same, that nothing
//! makes the decoder fail, and that it holds little.

#[path = "streams/bounds.rs"]
mod bounds;
#[path = "streams/build/mod.rs"]
mod build;
#[path = "streams/captured.rs"]
mod captured;
#[path = "streams/door.rs"]
mod door;

#[path = "streams/dns.rs"]
mod dns;
#[path = "streams/http.rs"]
mod http;
#[path = "streams/laws.rs"]
mod laws;
#[path = "streams/quic.rs"]
mod quic;
#[path = "streams/tls.rs"]
mod tls;
