//! The head of an HTTP/1 request (RFC 9112 §2, §3). Of it the authority is kept, and how long the body
//! is, so that the next request can be found; every other field is passed over.

use super::{
    authority::authority,
    head::{HttpHead, HttpVersion, Method, ModelName},
};

/// Methods that make a line a request: RFC 9110 §9, RFC 5789, RFC 4918 and those of its kin that are
/// met. An open list would take the middle of a stream for its beginning (`OST / HTTP/1.1`).
const METHODS: [&[u8]; 24] = [
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"DELETE",
    b"CONNECT",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"QUERY",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"PURGE",
    b"LINK",
    b"UNLINK",
    b"ACL",
    b"BIND",
];
/// The longest token that can be a method, known or not.
const METHOD: usize = 24;

/// What the beginning of a stream is, as far as it is there.
#[derive(Debug)]
pub(super) enum Parsed {
    /// More bytes are needed; what is kept of the lines that are there, if they name a host.
    More(Option<HttpHead>),
    /// Not a request.
    Not,
    /// A request line, but with a method of its own.
    UnknownMethod,
    Head(Box<Request>),
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) head: HttpHead,
    /// Bytes of the head, the empty line included.
    pub(super) length: usize,
    pub(super) body: Framing,
    /// The body is compressed.
    pub(super) encoded: bool,
    /// What of it is not as it must be.
    pub(super) malformed: Option<&'static str>,
}

/// How the end of a body is found (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    /// Two contradicting lengths, or a coding of transfer that is not known.
    Unknown,
}

/// Whether bytes can be the beginning of a request line; `None` if they are too few to tell.
pub(super) fn starts_request(stream: &[u8]) -> Option<bool> {
    let token = stream.iter().take(METHOD + 1).take_while(|&&byte| byte.is_ascii_uppercase() || byte == b'-');
    let length = token.count();
    match stream.get(length) {
        Some(b' ') => Some(length > 0),
        Some(_) => Some(false),
        None => (length > METHOD).then_some(false),
    }
}

/// Parses the beginning of a stream.
pub(super) fn parse(stream: &[u8]) -> Parsed {
    if starts_request(stream) == Some(false) {
        return Parsed::Not;
    }
    let mut lines = Lines { stream, at: 0 };
    let Some(line) = lines.next() else { return Parsed::More(None) };
    let Some((head, mut malformed)) = request_line(line) else { return Parsed::Not };
    if !METHODS.iter().any(|method| line.strip_prefix(*method).is_some_and(|rest| rest.starts_with(b" "))) {
        return Parsed::UnknownMethod;
    }
    let mut request = Request { head, length: 0, body: Framing::None, encoded: false, malformed: None };
    let mut hosts = 0;
    loop {
        let Some(line) = lines.next() else {
            return Parsed::More(request.head.authority().is_some().then_some(request.head));
        };
        if line.is_empty() {
            break;
        }
        field(line, &mut request, &mut hosts, &mut malformed);
    }
    if hosts > 1 {
        malformed = malformed.or(Some("more than one Host"));
    }
    request.length = lines.at;
    request.malformed = malformed;
    // A request to open a tunnel has no body (RFC 9110 §9.3.6).
    if request.head.method == Method::Connect {
        request.body = Framing::None;
    }
    Parsed::Head(Box::new(request))
}

struct Lines<'a> {
    stream: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// The next complete line, without its end. A line feed alone ends a line too (RFC 9112 §2.2).
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.stream.get(self.at..)?;
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        self.at += end + 1;
        let line = rest.get(..end)?;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn request_line(line: &[u8]) -> Option<(HttpHead, Option<&'static str>)> {
    let mut parts = line.split(|&byte| byte == b' ');
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !matches!(version, b"HTTP/1.0" | b"HTTP/1.1") || target.is_empty() {
        return None;
    }
    let mut head = HttpHead {
        version: HttpVersion::Http1,
        method: method_class(method),
        scheme: None,
        target: None,
        host: None,
        upgrade_h2c: false,
        model: ModelName::NotLooked,
    };
    let mut malformed = None;
    if head.method == Method::Connect {
        head.target = authority(target);
        malformed = head.target.is_none().then_some("target of CONNECT is not a host");
    } else if let Some((scheme, place)) = absolute(target) {
        head.scheme = Some(scheme);
        head.target = authority(place);
        malformed = head.target.is_none().then_some("host of the target is not a host");
    }
    Some((head, malformed))
}

pub(super) fn method_class(method: &[u8]) -> Method {
    match method {
        b"CONNECT" => Method::Connect,
        b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" => Method::Safe,
        b"POST" | b"PUT" | b"PATCH" | b"DELETE" => Method::Changing,
        _ => Method::Other,
    }
}

/// A scheme as it may be kept.
pub(super) fn scheme(text: &[u8]) -> Option<String> {
    let valid = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let fits = (1..=16).contains(&text.len()) && text.iter().all(valid);
    fits.then(|| String::from_utf8_lossy(text).to_ascii_lowercase())
}

/// Scheme and authority of `scheme://authority/path?query`.
fn absolute(target: &[u8]) -> Option<(String, &[u8])> {
    if target.first() == Some(&b'/') {
        return None;
    }
    let colon = target.iter().position(|&byte| byte == b':')?;
    let scheme = scheme(target.get(..colon)?)?;
    let rest = target.get(colon..)?.strip_prefix(b"://")?;
    let place = rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next()?;
    Some((scheme, place))
}

fn field(line: &[u8], request: &mut Request, hosts: &mut u32, malformed: &mut Option<&'static str>) {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else { return };
    let (name, rest) = line.split_at(colon);
    let value = rest.get(1..).unwrap_or_default().trim_ascii();
    if name.eq_ignore_ascii_case(b"host") {
        *hosts += 1;
        // An empty Host is what a target without an authority asks for (RFC 9112 §3.2).
        if *hosts == 1 && !value.is_empty() {
            request.head.host = authority(value);
            if request.head.host.is_none() {
                *malformed = malformed.or(Some("Host is not a host"));
            }
        }
    } else if name.eq_ignore_ascii_case(b"upgrade") {
        let mut protocols = value.split(|&byte| byte == b',');
        request.head.upgrade_h2c |= protocols.any(|name| name.trim_ascii().eq_ignore_ascii_case(b"h2c"));
    } else if name.eq_ignore_ascii_case(b"content-length") {
        let length = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
        request.body = match (request.body, length) {
            (Framing::None, Some(length)) => Framing::Length(length),
            (Framing::Length(before), Some(length)) if before == length => request.body,
            (Framing::None | Framing::Length(_) | Framing::Chunked | Framing::Unknown, _) => Framing::Unknown,
        };
    } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
        let chunked = value.eq_ignore_ascii_case(b"chunked") && request.body == Framing::None;
        request.body = if chunked { Framing::Chunked } else { Framing::Unknown };
    } else if name.eq_ignore_ascii_case(b"content-encoding") {
        request.encoded |= !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
    }
}
