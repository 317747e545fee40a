#![no_main]

use bom_core::stream::parse_hello;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(hello) = parse_hello(bytes) {
        let name = hello.server_name.unwrap_or_default();
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "a name that is not one: {name:?}");
    }
});
