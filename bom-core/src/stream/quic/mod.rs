//! QUIC Initial packets (RFC 9000 §17.2.2, RFC 9001; version 2: RFC 9369). Their keys follow from a
//! number in the first packet, in the open: this hides nothing from anybody who sees that packet.
//!
//! `packet` finds packets in a datagram, `keys` opens them, `frames` reads what is inside, `connection`
//! puts the pieces of the hello in order.

mod connection;
mod frames;
mod keys;
mod packet;

pub(super) use connection::Connections;
