//! What holds for every file.

use bom_extract::{Limits, PREFIX_BYTES, sniff};
use bom_testkit::synth;
use proptest::prelude::*;

use crate::budget::{Metered, within_budget};

fn seeds() -> Vec<Vec<u8>> {
    vec![
        synth::safetensors().build(),
        synth::gguf().build(),
        synth::gguf().version(1).big_endian().build(),
        synth::gguf().nested("a", 5).build(),
        synth::onnx().nested(2, 1, &[3], 12).external("w", 1, &[9], "w.bin").function("F", "f").build(),
        synth::elf().interp("/lib/ld.so").build(),
        synth::elf().narrow().big_endian().build(),
        synth::elf().imported("free").exported("ggml_init").exported("OrtGetApiBase").build(),
        synth::elf().narrow().exported("Py_BytesMain").sysv_hash().no_gnu_hash().build(),
    ]
}

/// One way to damage a file.
#[derive(Clone, Debug)]
enum Damage {
    Set(usize, u8),
    Number(usize, u64),
    Cut(usize),
    Repeat(usize, usize),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len().max(1);
        match *self {
            Self::Set(at, value) => {
                if let Some(byte) = bytes.get_mut(at % len) {
                    *byte = value;
                }
            }
            Self::Number(at, value) => {
                for (byte, new) in bytes.iter_mut().skip(at % len).zip(value.to_le_bytes()) {
                    *byte = new;
                }
            }
            Self::Cut(at) => bytes.truncate(at % len),
            Self::Repeat(at, count) => {
                let piece: Vec<u8> = bytes.iter().copied().skip(at % len).take(count).collect();
                bytes.extend(piece);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<usize>(), any::<u8>()).prop_map(|(at, value)| Damage::Set(at, value)),
        3 => (any::<usize>(), prop_oneof![
            Just(u64::MAX),
            Just(1 << 63),
            Just(u64::from(u32::MAX)),
            Just(0),
            any::<u64>(),
            0..300_u64,
        ])
            .prop_map(|(at, value)| Damage::Number(at, value)),
        1 => any::<usize>().prop_map(Damage::Cut),
        1 => (any::<usize>(), 0..200_usize).prop_map(|(at, count)| Damage::Repeat(at, count)),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![
        Just(Limits::default()),
        (0..4000_u64, 0..40_u32, 0..3000_u64, 0..8_u64, 0..5_usize).prop_map(
            |(read_bytes, reads, kept_bytes, few, issues)| Limits {
                read_bytes,
                reads,
                kept_bytes,
                entries: few,
                array_items: few,
                tensors: few,
                graph_tensors: few,
                depth: 2,
                value_bytes: 7,
                issues,
                ..Limits::default()
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_survived(
        seed in 0..9_usize,
        damages in proptest::collection::vec(damage(), 0..8),
        limits in limits(),
        step in prop_oneof![Just(usize::MAX), 1..100_usize],
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for damage in &damages {
            damage.apply(&mut bytes);
        }
        within_budget("damaged", &Metered { step, ..Metered::new(&bytes) }, &limits);
    }

    #[test]
    fn arbitrary_bytes_are_survived(
        start in prop_oneof![
            Just(&b""[..]),
            Just(&b"GGUF\x03\0\0\0"[..]),
            Just(&b"\x7fELF\x02\x01\x01\0"[..]),
            Just(&b"\x40\0\0\0\0\0\0\0{\""[..]),
            Just(&b"\x08\x08\x3a\x40\x0a"[..]),
        ],
        rest in proptest::collection::vec(any::<u8>(), 0..400),
        limits in limits(),
    ) {
        let bytes = [start, &rest].concat();
        within_budget("arbitrary", &Metered::new(&bytes), &limits);
    }

    /// `sniff` is only worth calling if it never hides a file that `extract` would recognise.
    #[test]
    fn sniff_misses_nothing(
        seed in 0..9_usize,
        damages in proptest::collection::vec(damage(), 0..4),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for damage in &damages {
            damage.apply(&mut bytes);
        }
        let extracted = within_budget("sniffed", &Metered::new(&bytes), &Limits::default());
        if extracted.is_some() {
            let prefix = &bytes[..bytes.len().min(PREFIX_BYTES)];
            prop_assert!(sniff(prefix, bytes.len() as u64).is_some());
        }
    }

    /// Same bytes, same result.
    #[test]
    fn extraction_is_a_function(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [&b"GGUF\x03\0\0\0"[..], &bytes].concat();
        let first = within_budget("first", &Metered::new(&bytes), &Limits::default());
        let second = within_budget("second", &Metered::new(&bytes), &Limits::default());
        prop_assert_eq!(first, second);
    }
}
