#![no_main]

use bom_core::{
    decode::{Decoded, decode},
    stream::StreamDecoder,
};
use libfuzzer_sys::fuzz_target;

// One record as it lies in a ring, and what a payload in it becomes.
fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = decode(bytes)
        && let Decoded::Payload(payload) = record.decoded
    {
        let mut decoder = StreamDecoder::default();
        decoder.push(payload);
        decoder.finish();
    }
});
