#![no_main]

mod streams;

use bom_core::{decode::Protocol, event::Body, stream::ModelName};
use libfuzzer_sys::fuzz_target;

// A client's stream in pieces: HTTP/1, HTTP/2, tunnels, bodies. The first request is the same however
// it is cut, and without being asked nobody looks at a body.
fuzz_target!(|input: &[u8]| {
    let (bytes, pieces) = streams::pieces(input);
    let cut = |http_model| {
        let pieces = pieces.iter().map(|&(start, end)| {
            streams::payload(Protocol::HttpClient, start, end - start, &bytes[start..end])
        });
        streams::survive(http_model, pieces)
    };
    cut(true);
    let bodies = cut(false);
    for body in &bodies {
        assert!(!matches!(body, Body::HttpHead { head, .. } if head.model != ModelName::NotLooked));
    }
    let whole = streams::survive(false, [streams::payload(Protocol::HttpClient, 0, bytes.len(), bytes)]);
    let in_order = pieces.windows(2).all(|two| two[0].1 == two[1].0);
    if let Some(first @ Body::HttpHead { .. }) = whole.first()
        && in_order
    {
        assert!(bodies.contains(first), "a request that was not found in pieces: {first:?}");
    }
});
