//! The requests of an HTTP/1.1 client (RFC 9112), as far as a server of canned answers needs them.

use std::io::{self, BufRead, Read};

/// A request head is longer than any SDK's by a factor of ten.
const MAX_HEAD: u64 = 64 << 10;
const MAX_BODY: u64 = 16 << 20;

/// What of a request decides the answer or is logged. Headers other than these are dropped unread.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query string, which may hold a token.
    pub(crate) path: String,
    /// The `Host` header without its port, lower case; empty if there was none.
    pub(crate) host: String,
    pub(crate) body: Vec<u8>,
    pub(crate) keep_alive: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("read request: {0}")]
    Read(#[from] io::Error),
    #[error("request head has more than {MAX_HEAD} bytes or is cut short")]
    Head,
    #[error("request line is not METHOD TARGET HTTP/1.x")]
    RequestLine,
    #[error("request body has more than {MAX_BODY} bytes or a length that is not a number")]
    Body,
}

/// Reads the next request; `None` if the client hung up between two requests, with or without a TLS farewell.
pub(crate) fn read_request(reader: &mut impl BufRead) -> Result<Option<Request>, HttpError> {
    let mut head = reader.by_ref().take(MAX_HEAD);
    let mut line = Vec::new();
    match head.read_until(b'\n', &mut line) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && line.is_empty() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let first = text(&line)?;
    let mut words = first.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(HttpError::RequestLine);
    };
    if !version.starts_with("HTTP/1.") {
        return Err(HttpError::RequestLine);
    }
    let path = target.split(['?', '#']).next().unwrap_or_default().to_owned();
    let mut request = Request {
        method: method.to_owned(),
        path,
        host: String::new(),
        body: Vec::new(),
        keep_alive: version != "HTTP/1.0",
    };
    let mut length = 0;
    let mut chunked = false;
    loop {
        line.clear();
        head.read_until(b'\n', &mut line)?;
        let header = text(&line)?;
        if header.is_empty() {
            break;
        }
        let Some((name, value)) = header.split_once(':') else { continue };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "host" => request.host = value.split(':').next().unwrap_or_default().to_ascii_lowercase(),
            "content-length" => length = value.parse().map_err(|_| HttpError::Body)?,
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => request.keep_alive = !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    request.body = if chunked { read_chunks(reader)? } else { read_sized(reader, length)? };
    Ok(Some(request))
}

fn read_sized(reader: &mut impl BufRead, length: u64) -> Result<Vec<u8>, HttpError> {
    if length > MAX_BODY {
        return Err(HttpError::Body);
    }
    let mut body = Vec::new();
    let read = reader.take(length).read_to_end(&mut body)?;
    if read as u64 == length { Ok(body) } else { Err(HttpError::Body) }
}

/// RFC 9112 section 7.1; extensions are ignored, trailers are not expected from a client.
fn read_chunks(reader: &mut impl BufRead) -> Result<Vec<u8>, HttpError> {
    let mut body: Vec<u8> = Vec::new();
    loop {
        let mut line = Vec::new();
        reader.by_ref().take(1024).read_until(b'\n', &mut line)?;
        let size = text(&line)?.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| HttpError::Body)?;
        let total = size.checked_add(body.len() as u64).filter(|total| *total <= MAX_BODY);
        if total.is_none() {
            return Err(HttpError::Body);
        }
        body.extend(read_sized(reader, size)?);
        // Every chunk, the empty last one too, is followed by an empty line.
        if read_sized(reader, 2)? != b"\r\n" {
            return Err(HttpError::Body);
        }
        if size == 0 {
            return Ok(body);
        }
    }
}

/// One complete line as text without its end. Without a line end the limit was hit or the client hung up.
fn text(line: &[u8]) -> Result<&str, HttpError> {
    let line = line.strip_suffix(b"\n").ok_or(HttpError::Head)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    str::from_utf8(line).map_err(|_| HttpError::Head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_request_after_the_other() {
        let mut bytes: &[u8] = b"POST /v1/x?key=secret HTTP/1.1\r\nHost: API.openai.com:443\r\nContent-Length: 2\r\n\r\n{}\
            POST /v1/y HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;x=y\r\n[\r\n1\r\n]\r\n0\r\n\r\n";
        let first = read_request(&mut bytes).unwrap().unwrap();
        assert_eq!(first.path, "/v1/x");
        assert_eq!(first.host, "api.openai.com");
        assert_eq!(first.body, b"{}");
        assert!(first.keep_alive);
        let second = read_request(&mut bytes).unwrap().unwrap();
        assert_eq!((second.method.as_str(), second.body.as_slice()), ("POST", &b"[]"[..]));
        assert!(!second.keep_alive);
        assert_eq!(read_request(&mut bytes).unwrap(), None);
    }

    #[test]
    fn survives_hostile_requests() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(70 << 10));
        for (row, bytes) in [
            ("not_http", "\x16\x03\x01\r\n\r\n"),
            ("http_2_preface", "PRI * HTTP/2.0\r\n\r\n"),
            ("cut_in_the_line", "GET / HT"),
            ("cut_in_the_head", "GET / HTTP/1.1\r\nHost: a\r\n"),
            ("head_too_long", &long),
            ("cut_in_the_body", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}"),
            ("length_too_large", "POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n"),
            ("length_negative", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
            ("chunk_too_large", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
            ("chunk_without_end", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}}"),
        ] {
            assert!(read_request(&mut bytes.as_bytes()).is_err(), "{row}");
        }
    }
}
