#![no_main]

use bom_core::stream::parse_dns;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(answer) = parse_dns(bytes, false) {
        let names = std::iter::once(&answer.question).chain(&answer.aliases);
        for name in names {
            assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "a name with hidden bytes: {name:?}");
        }
    }
});
