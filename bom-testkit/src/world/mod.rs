//! A closed world with two AI providers in it, for tests that need an agent to talk to somebody.
//!
//! The world is a network and a mount namespace. Inside it there is loopback only, a name server on UDP port 53 that
//! knows the hosts of [`HOSTS`] and nothing else, and a TLS server on port 443 of their addresses that answers the
//! OpenAI and Anthropic APIs with canned JSON; the name server answers over TCP as well. Beside them (`peers`) there is
//! somebody who repeats datagrams, somebody who answers requests in plain text, and a proxy. A program that runs inside does what it does in production (resolve,
//! connect, handshake, speak) and cannot reach anything else.
//!
//! Never: a way out, a recorder of payload (the log holds host, path and byte counts), or a sandbox for hostile
//! programs, which could simply leave the namespaces.
//!
//! Start reading at [`World::open`]; the program `aibom-world` is the same from the command line.

mod hosts;
mod open;

mod answers;
mod authority;
mod command;
mod dns;
mod http;
mod log;
mod peers;
mod place;
mod serve;

pub use authority::AuthorityError;
pub use command::CommandError;
pub use hosts::{HOSTS, Host};
pub use open::{Options, World, WorldError};
pub use place::PlaceError;
