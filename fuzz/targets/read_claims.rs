#![no_main]

use bom_core::claimed::{Raw, Value, read};
use libfuzzer_sys::fuzz_target;

// An environment and an argument list, in two parts of the bytes.
fuzz_target!(|bytes: &[u8]| {
    let (environment, arguments) = bytes.split_at(bytes.len() / 2);
    let raw = |list: &[u8]| {
        Raw::filled(|room| {
            let count = list.len().min(room.len());
            room[..count].copy_from_slice(&list[..count]);
            Ok::<_, ()>(count)
        })
    };
    let (Ok(environment), Ok(arguments)) = (raw(environment), raw(arguments)) else { return };
    for claim in read(environment, arguments).said {
        if let Value::Text(text) = claim.value {
            assert!(text.len() <= 300 && text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
            assert!(!text.contains(['?', '=', '#']) && !text.starts_with("sk-"), "{text:?}");
        }
    }
});
