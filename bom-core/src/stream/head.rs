//! What is kept of a head, and why one could not be read. All of it is what the client *said*.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::dns::DnsAnswer;

/// What carried a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Transport {
    #[default]
    Tcp,
    Quic,
}

/// The fields that are kept of a ClientHello.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ClientHello {
    /// `server_name`, lower case; `None` if the extension is absent.
    pub server_name: Option<String>,
    /// Application protocols offered, in the client's order.
    pub alpn: Vec<String>,
    /// The extension for an encrypted inner hello is there: the server name may be only the public
    /// one. Clients that have nothing to hide send the same with random content (RFC 9849 §6.2), and
    /// nobody but the server can tell the two apart.
    pub ech: bool,
    /// `supported_versions` in the client's order, without the reserved values of RFC 8701; the
    /// `legacy_version` if the extension is absent.
    #[serde(default)]
    pub versions: Vec<u16>,
}

/// Which protocol a request in plain text came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge (RFC 9113 §3.3).
    Http2,
}

/// What a request wants, as far as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// A tunnel through a proxy.
    Connect,
    /// GET, HEAD, OPTIONS, TRACE.
    Safe,
    /// POST, PUT, PATCH, DELETE.
    Changing,
    Other,
}

/// A host and perhaps a port. No user, no password, no path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// A host name in lower case without the last dot, or an address without brackets.
    pub host: String,
    pub port: Option<u16>,
}

/// The model a request names. Claimed: the client wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ModelName {
    /// Nobody asked for it: the body was not looked at.
    #[default]
    NotLooked,
    /// The body is not there yet, is compressed, is no JSON object, or is longer than what is read.
    Unknown,
    /// The body is complete and has no `model` at its top level, or there is no body.
    Absent,
    Claimed(String),
}

/// The fields that are kept of a request in plain text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpHead {
    pub version: HttpVersion,
    pub method: Method,
    /// `http`, `https` or another scheme in lower case, where the request names one.
    pub scheme: Option<String>,
    /// Where the request goes by its target: the authority of CONNECT, of an absolute target (both
    /// are what a proxy is asked for), or `:authority`.
    pub target: Option<Authority>,
    /// The `Host` field.
    pub host: Option<Authority>,
    /// The client asks to go on in HTTP/2 (`Upgrade: h2c`).
    pub upgrade_h2c: bool,
    pub model: ModelName,
}

impl HttpHead {
    /// Where the request goes: the target wins over `Host` (RFC 9112 §3.2.2).
    pub fn authority(&self) -> Option<&Authority> {
        self.target.as_ref().or(self.host.as_ref())
    }

    /// Whether the request is made for a proxy, so that the peer of the connection is not where it
    /// goes.
    pub fn through_proxy(&self) -> bool {
        self.version == HttpVersion::Http1 && self.target.is_some() || self.method == Method::Connect
    }
}

/// Which head was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HeadKind {
    Tls,
    Http,
    H2c,
    Quic,
    Dns,
    /// The client's stream, before enough of it was there to tell.
    Client,
}

/// Why a head could not be read. Each is a name that may be missing, so each is declared, except
/// [`Undecoded::NotAHead`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
pub enum Undecoded {
    /// The stream speaks a protocol of its own.
    #[error("not a head we know")]
    NotAHead,
    /// It ended, or was closed, in the middle; or a piece never came.
    #[error("{0:?} head incomplete")]
    Incomplete(HeadKind),
    /// More streams at a time than are held; the oldest gave way.
    #[error("too many streams at a time, {0:?} head incomplete")]
    Evicted(HeadKind),
    #[error("{0:?} head longer than what is read")]
    Long(HeadKind),
    /// Two pieces for one place differ. The first was taken.
    #[error("{0:?} head sent twice with different content")]
    Conflict(HeadKind),
    /// The second value never quotes what was read.
    #[error("{0:?} head malformed: {1}")]
    Malformed(HeadKind, Cow<'static, str>),
    #[error("QUIC version {0:#010x}")]
    QuicVersion(u32),
    /// An Initial packet that no key fits: the connection is older than the observation, or the
    /// packet is a server's.
    #[error("QUIC Initial packet does not authenticate")]
    QuicKeys,
    /// An answer over UDP says that it was cut short; the question is repeated over TCP.
    #[error("DNS answer truncated")]
    DnsTruncated { question: String },
}

/// What a stream or datagram turned out to say.
#[derive(Debug)]
pub(super) enum Found {
    Hello(Transport, ClientHello),
    Http(Box<HttpHead>),
    Dns(DnsAnswer),
    Undecoded(Undecoded),
}
