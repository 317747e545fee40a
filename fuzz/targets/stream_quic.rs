#![no_main]

#[path = "../../bom-core/tests/streams/build/mod.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod build;
mod streams;

use bom_core::decode::Protocol;
use build::quic::{V1, V2, initial};
use libfuzzer_sys::fuzz_target;

// Datagrams as they are, and frames that the target itself puts into packets, because no mutation
// survives authentication.
fuzz_target!(|input: &[u8]| {
    let (bytes, pieces) = streams::pieces(input);
    let raw = pieces
        .iter()
        .map(|&(start, end)| streams::payload(Protocol::QuicClient, 0, end - start, &bytes[start..end]));
    streams::survive(false, raw);
    let split = pieces
        .iter()
        .map(|&(start, end)| streams::payload(Protocol::QuicClient, start, bytes.len(), &bytes[start..end]));
    streams::survive(false, split);
    let packets = pieces.iter().zip(0_u32..).map(|(&(start, end), number)| {
        let frames = &bytes[start..end.min(start + 8000)];
        // Some answer a Retry, and some are of another connection or version.
        let kind = frames.first().copied().unwrap_or(0);
        let version = if kind & 0x40 == 0 { V1 } else { V2 };
        let destination = if kind & 0x20 == 0 { &[7; 8] } else { &[8; 8] };
        let packet = initial(version, destination).number(number).frames(frames);
        let packet = if kind & 0x80 == 0 { packet } else { packet.token(&[1]) }.packet();
        streams::payload(Protocol::QuicClient, 0, packet.len(), &packet)
    });
    streams::survive(false, packets);
});
