#![no_main]

mod streams;

use bom_core::{decode::Protocol, stream::parse_dns};
use libfuzzer_sys::fuzz_target;

// One message as a datagram, and a stream of messages in pieces.
fuzz_target!(|input: &[u8]| {
    let _ = parse_dns(input, true);
    let datagram = streams::payload(Protocol::DnsUdp, 0, input.len(), input);
    assert!(!streams::survive(false, [datagram]).is_empty() || input.is_empty());
    let (bytes, pieces) = streams::pieces(input);
    let cut = pieces
        .iter()
        .map(|&(start, end)| streams::payload(Protocol::DnsTcp, start, end - start, &bytes[start..end]));
    streams::survive(false, cut);
});
