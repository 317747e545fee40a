//! The lines of `strace -f -yy -o FILE`: one system call each, unfinished ones joined with their end.
//!
//! Strict on purpose: a line that is not understood is an error, because what is skipped is not compared.

use std::collections::BTreeMap;

use bom_testkit::trial::Failed;

/// One system call as strace prints it.
pub(crate) struct Call {
    /// Thread id.
    pub(crate) thread: u32,
    pub(crate) name: String,
    /// Between the parentheses, split at the commas of the outermost level.
    pub(crate) arguments: Vec<Vec<u8>>,
    /// After the equals sign.
    pub(crate) result: Vec<u8>,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arguments = self.arguments.join(&b", "[..]);
        write!(formatter, "{} {}({})", self.thread, self.name, arguments.escape_ascii())?;
        write!(formatter, " = {}", self.result.escape_ascii())
    }
}

pub(crate) fn read(text: &[u8]) -> Result<Vec<Call>, Failed> {
    let mut calls = Vec::new();
    // Where the beginning of a call stands that has not returned yet.
    let mut unfinished: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let failed = || format!("a line of strace that is not understood: {}", line.escape_ascii());
        let (thread, rest) = thread(line).ok_or_else(failed)?;
        if let Some(begin) = rest.strip_suffix(b"<unfinished ...>") {
            if unfinished.insert(thread, begin.to_vec()).is_some() {
                return Err(failed().into());
            }
            continue;
        }
        let whole = match rest.strip_prefix(b"<... ") {
            Some(end) => {
                let mut begin = unfinished.remove(&thread).ok_or_else(failed)?;
                let at = end.windows(9).position(|word| word == b" resumed>").ok_or_else(failed)?;
                begin.extend_from_slice(&end[at + 9..]);
                begin
            }
            None => rest.to_vec(),
        };
        calls.push(call(thread, &whole).ok_or_else(failed)?);
    }
    // A thread that was killed inside a call never returned from it.
    Ok(calls)
}

fn thread(line: &[u8]) -> Option<(u32, &[u8])> {
    let digits = line.iter().position(|byte| !byte.is_ascii_digit())?;
    let thread = std::str::from_utf8(&line[..digits]).ok()?.parse().ok()?;
    Some((thread, line[digits..].trim_ascii_start()))
}

fn call(thread: u32, text: &[u8]) -> Option<Call> {
    let open = text.iter().position(|&byte| byte == b'(')?;
    let name = String::from_utf8(text[..open].to_vec()).ok()?;
    let (arguments, rest) = arguments(&text[open + 1..])?;
    let result = rest.trim_ascii_start().strip_prefix(b"= ")?.to_vec();
    Some(Call { thread, name, arguments, result })
}

/// Splits at commas up to the closing parenthesis; returns what follows it.
fn arguments(text: &[u8]) -> Option<(Vec<Vec<u8>>, &[u8])> {
    let mut arguments = vec![Vec::new()];
    let (mut depth, mut at) = (0_u32, 0);
    loop {
        let byte = *text.get(at)?;
        let end = match byte {
            b'"' => quoted(text, at)?,
            b'<' => annotation(text, at)?,
            _ => at + 1,
        };
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' if depth == 0 => break,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                arguments.push(Vec::new());
                at = end;
                continue;
            }
            _ => {}
        }
        arguments.last_mut()?.extend_from_slice(&text[at..end]);
        at = end;
    }
    let arguments = arguments.into_iter().map(|argument| argument.trim_ascii().to_vec()).collect();
    Some((arguments, &text[at + 1..]))
}

/// The position after a string.
fn quoted(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The position after what `-yy` says of a descriptor. `<` and `>` in a path are escaped; a device is nested; the
/// arrow of a socket is no end.
fn annotation(text: &[u8], from: usize) -> Option<usize> {
    let path = text.get(from + 1) == Some(&b'/');
    let (mut depth, mut at) = (0_u32, from);
    loop {
        match text.get(at)? {
            b'\\' => at += 1,
            b'<' => depth += 1,
            b'>' if !path && text[at - 1] == b'-' => {}
            b'>' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// A descriptor and what `-yy` says of it: `3</etc/passwd>` is 3 and `/etc/passwd`. The rest follows.
pub(crate) fn descriptor(text: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let digits = text.iter().position(|byte| !byte.is_ascii_digit())?;
    let number = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    if text[digits] != b'<' {
        return None;
    }
    let end = annotation(text, digits)?;
    Some((number, &text[digits + 1..end - 1], &text[end..]))
}

/// Undoes the escapes of strace: octal, hexadecimal, and the letters of C.
pub(crate) fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            bytes.push(text[at]);
            at += 1;
            continue;
        }
        let radix_digits = |from: usize, most: usize, radix: u32| {
            text[from..].iter().take(most).take_while(|&&byte| char::from(byte).is_digit(radix)).count()
        };
        let (from, length, radix) = match *text.get(at + 1)? {
            b'0'..=b'7' => (at + 1, radix_digits(at + 1, 3, 8), 8),
            b'x' => (at + 2, radix_digits(at + 2, 2, 16), 16),
            letter => {
                let byte = match letter {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'v' => 0x0b,
                    b'f' => 0x0c,
                    b'"' | b'\\' => letter,
                    _ => return None,
                };
                bytes.push(byte);
                at += 2;
                continue;
            }
        };
        let digits = std::str::from_utf8(&text[from..from + length]).ok()?;
        bytes.push(u8::from_str_radix(digits, radix).ok()?);
        at = from + length;
    }
    Some(bytes)
}

/// A string argument.
pub(crate) fn string(argument: &[u8]) -> Option<Vec<u8>> {
    unescape(argument.strip_prefix(b"\"")?.strip_suffix(b"\"")?)
}

pub(crate) fn reads_what_strace_writes() -> Result<(), Failed> {
    // Thread, name, number of arguments, result.
    type Expected<'a> = Option<(u32, &'a str, usize, &'a [u8])>;
    let rows: &[(&str, &[u8], Expected<'_>)] = &[
        (
            "open",
            b"7  openat(AT_FDCWD</a b>, \"x, (y\\\")\", O_RDONLY|O_CLOEXEC) = 3</a b/x, (y\">\n",
            Some((7, "openat", 3, b"3</a b/x, (y\">")),
        ),
        (
            "resumed",
            b"7  openat(AT_FDCWD</>, \"x\" <unfinished ...>\n8  fork() = 9\n7  <... openat resumed>, O_PATH) = 3</x>(deleted)\n",
            Some((7, "openat", 3, b"3</x>(deleted)")),
        ),
        (
            "socket_and_struct",
            b"12 connect(3<TCP:[1.2.3.4:5->6.7.8.9:10]>, {sa_family=AF_INET, sin_port=htons(10)}, 16) = 0\n",
            Some((12, "connect", 3, b"0")),
        ),
        (
            "device",
            b"1 openat(AT_FDCWD</>, \"/dev/null\", O_RDWR)   = 4</dev/null<char 1:3>>\n",
            Some((1, "openat", 3, b"4</dev/null<char 1:3>>")),
        ),
        ("exit_line", b"1 +++ exited with 0 +++\n", None),
        ("resumed_without_begin", b"1 <... openat resumed>) = 3\n", None),
        ("no_result", b"1 openat(AT_FDCWD</>, \"x\", O_RDONLY)\n", None),
        ("string_without_end", b"1 openat(AT_FDCWD</>, \"x\n", None),
    ];
    for (name, text, expected) in rows {
        let found = read(text).ok();
        let last = found.as_ref().and_then(|calls| calls.last());
        let seen =
            last.map(|call| (call.thread, call.name.as_str(), call.arguments.len(), call.result.as_slice()));
        if seen != *expected {
            return Err(format!("{name}: {last:?}").into());
        }
    }
    for (text, expected) in [
        (&b"a\\tb"[..], Some(&b"a\tb"[..])),
        (b"\\74\\76\\377", Some(b"<>\xff")),
        (b"\\0019", Some(b"\x019")),
        (b"\\xe2\\\"", Some(b"\xe2\"")),
        (b"\\", None),
        (b"\\q", None),
    ] {
        if unescape(text).as_deref() != expected {
            return Err(format!("unescape {}", text.escape_ascii()).into());
        }
    }
    Ok(())
}
