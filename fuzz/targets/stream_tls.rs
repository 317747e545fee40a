#![no_main]

mod streams;

use bom_core::{decode::Protocol, event::Body, stream::parse_hello};
use libfuzzer_sys::fuzz_target;

// A client's stream in pieces. If it is a hello, it is the same one however it is cut.
fuzz_target!(|input: &[u8]| {
    let (bytes, pieces) = streams::pieces(input);
    let cut = pieces
        .iter()
        .map(|&(start, end)| streams::payload(Protocol::TlsClient, start, end - start, &bytes[start..end]));
    let bodies = streams::survive(false, cut);
    let in_order = pieces.windows(2).all(|two| two[0].1 == two[1].0);
    if let Ok(expected) = parse_hello(bytes)
        && in_order
    {
        let found = bodies.iter().any(|body| matches!(body, Body::Hello { hello, .. } if *hello == expected));
        assert!(found, "a hello that was not found in pieces: {expected:?}");
    }
});
