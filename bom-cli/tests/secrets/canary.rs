//! A secret that cannot occur by chance, and the search for all the forms it could be written in.

use std::fmt::Write as _;

pub(crate) struct Canary {
    /// Where the agent has it.
    pub(crate) place: &'static str,
    /// With characters that URL and JSON encodings change.
    pub(crate) secret: String,
}

impl Canary {
    pub(crate) fn new(place: &'static str) -> Self {
        // FNV-1a of the place: the same in every run, different for each, and nothing that a path could hold.
        let hash = place.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { place, secret: format!("sk-Kanarie{hash:016x}+/=~z") }
    }

    /// The part that no text encoding changes: a piece of the secret counts as well.
    fn core(&self) -> &str {
        self.secret.get(10..26).expect("16 digits")
    }
}

/// What to look for.
pub(crate) struct Search(Vec<(&'static str, String)>);

impl Search {
    pub(crate) fn of(canaries: &[Canary]) -> Self {
        let mut needles = Vec::new();
        for canary in canaries {
            for text in [canary.secret.as_str(), canary.core()] {
                let plain = encodings(text.as_bytes()).into_iter().map(|(_, encoded)| encoded);
                needles.extend(plain.map(|needle| (canary.place, needle)));
                needles.extend(inside_base64(text.as_bytes()).map(|needle| (canary.place, needle)));
            }
        }
        Self(needles)
    }

    /// Places of the canaries that occur, sorted.
    pub(crate) fn hits(&self, haystack: &[u8]) -> Vec<&'static str> {
        // Needles are ASCII, which survives whatever is replaced around it.
        let text = String::from_utf8_lossy(haystack);
        let mut places: Vec<_> = self
            .0
            .iter()
            .filter(|(_, needle)| text.contains(needle.as_str()))
            .map(|(place, _)| *place)
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// Forms in which the bytes stand by themselves.
pub(crate) fn encodings(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let each = |form: &dyn Fn(&mut String, u8)| {
        let mut text = String::new();
        bytes.iter().for_each(|byte| form(&mut text, *byte));
        text
    };
    let raw = String::from_utf8(bytes.to_vec()).expect("text");
    // As arrays of bytes are written in JSON, without the last separator.
    let separated = |separator: &str| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    vec![
        ("raw", raw.clone()),
        ("reversed", raw.chars().rev().collect()),
        ("hex", each(&|text, byte| write!(text, "{byte:02x}").expect("a string"))),
        ("HEX", each(&|text, byte| write!(text, "{byte:02X}").expect("a string"))),
        (
            "url",
            each(&|text, byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte));
                }
                other => write!(text, "%{other:02X}").expect("a string"),
            }),
        ),
        ("c-escape", each(&|text, byte| write!(text, "\\x{byte:02x}").expect("a string"))),
        ("bytes", separated(",")),
        ("bytes, pretty", separated(", ")),
        ("base64", base64(bytes)),
    ]
}

/// What base64 of a longer text holds of these bytes, for each of the three positions they can have in it.
fn inside_base64(bytes: &[u8]) -> impl Iterator<Item = String> {
    (0..3).map(|offset| {
        let padded = [&b"\0\0"[..offset], bytes].concat();
        let text = base64(&padded);
        // The first and last groups depend on the neighbours.
        let (from, to) = (if offset == 0 { 0 } else { 4 }, padded.len() / 3 * 4);
        text[from..to].to_owned()
    })
}

/// RFC 4648, section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group
            .iter()
            .enumerate()
            .fold(0_u32, |number, (at, byte)| number | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let digit = usize::try_from(number >> (18 - 6 * at) & 63).expect("six bits");
            text.push(if at <= group.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    text
}
