#![no_main]

use bom_core::{
    decode::{Decoded, decode},
    stream::{Settings, StreamDecoder},
};
use libfuzzer_sys::fuzz_target;

// Records as they lie in a ring, one after the other, and what the payloads in them become.
fuzz_target!(|bytes: &[u8]| {
    let mut decoder = StreamDecoder::new(Settings { http_model: true });
    let mut rest = bytes;
    while !rest.is_empty() {
        // The third field of a header: bytes of the whole record.
        let length = rest.get(8..12).and_then(|length| length.try_into().ok()).map_or(0, u32::from_ne_bytes);
        let length = usize::try_from(length).map_or(rest.len(), |length| length.clamp(1, rest.len()));
        let (record, more) = rest.split_at(length);
        if let Ok(record) = decode(record)
            && let Decoded::Payload(payload) = record.decoded
        {
            decoder.push(payload);
        }
        rest = more;
    }
    decoder.finish();
    assert_eq!(decoder.held(), 0);
});
