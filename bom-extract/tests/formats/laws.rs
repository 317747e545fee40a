//! What holds for every file.

use std::sync::LazyLock;

use bom_extract::{END_BYTES, Limits, PREFIX_BYTES, sniff, sniff_end};
use proptest::prelude::*;

use crate::budget::{Metered, within_budget};
use crate::seeds;

/// The files the laws start from.
static SEEDS: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(seeds::all);

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

/// Whether the sieve lets a file through, by its beginning or by its end.
fn passes(bytes: &[u8]) -> bool {
    let (start, end) =
        (&bytes[..bytes.len().min(PREFIX_BYTES)], &bytes[bytes.len().saturating_sub(END_BYTES)..]);
    let len = bytes.len() as u64;
    sniff(start, len).or_else(|| sniff_end(end, len)).is_some()
}

/// Each file cut at each of its bytes: nothing panics, nothing is read past the limits, and what is recognised still
/// passes the sieve.
#[test]
fn every_truncation_is_survived() {
    for (name, bytes) in SEEDS.iter() {
        for len in 0..bytes.len() {
            let cut = &bytes[..len];
            let extracted = within_budget(name, &Metered::new(cut), &Limits::default());
            assert!(extracted.is_none() || passes(cut), "{name} cut at {len}");
        }
    }
}

/// Each file with each of its words turned into a number that cannot be true.
#[test]
fn every_lying_number_is_survived() {
    for (name, bytes) in SEEDS.iter() {
        // A number of a kilobyte's worth of places tells as much as all of them.
        let step = (bytes.len() / 1024).max(1);
        for at in (0..bytes.len()).step_by(step) {
            for number in [u64::MAX, 1 << 63, u64::from(u32::MAX), 0x7fff_ffff, 0] {
                let mut bytes = bytes.clone();
                Damage::Number(at, number).apply(&mut bytes);
                within_budget(name, &Metered::new(&bytes), &Limits::default());
            }
        }
    }
}

/// Every format has a seed, and every seed is recognised.
#[test]
fn every_kind_has_a_seed() {
    use bom_core::metadata::FileKind;
    let mut found = std::collections::BTreeSet::new();
    for (name, bytes) in SEEDS.iter() {
        let extracted = within_budget(name, &Metered::new(bytes), &Limits::default());
        let extracted = extracted.unwrap_or_else(|| panic!("{name} is not recognised"));
        assert_eq!(extracted.model.is_some(), extracted.kind.is_model(), "{name}");
        found.insert(extracted.kind);
    }
    let missing: Vec<_> = FileKind::ALL.iter().filter(|kind| !found.contains(kind)).collect();
    // HDF5 that is not Keras's has its row elsewhere.
    assert_eq!(missing, [&FileKind::Hdf5, &FileKind::Other]);
}

/// Every kind has its row in docs/formats.md.
#[test]
fn every_kind_is_documented() {
    use bom_core::metadata::FileKind;
    let page = include_str!("../../../docs/formats.md");
    let missing: Vec<_> = FileKind::ALL
        .iter()
        .filter(|kind| **kind != FileKind::Other && !page.contains(&format!("| `{kind}` |")))
        .collect();
    assert!(missing.is_empty(), "not in docs/formats.md: {missing:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_survived(
        seed in any::<proptest::sample::Index>(),
        damages in proptest::collection::vec(damage(), 0..8),
        limits in limits(),
        step in prop_oneof![Just(usize::MAX), 1..100_usize],
    ) {
        let mut bytes = seed.get(SEEDS.as_slice()).1.clone();
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
            Just(&b"\x80\x02"[..]),
            Just(&b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0"[..]),
            Just(&b"\x20\0\0\0TFL3"[..]),
            Just(&b"{L\0\0\0\0\0\0\0\x07learner{"[..]),
            Just(&b"\x81\xa1a"[..]),
            Just(&b"{\"model_type\":"[..]),
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
        seed in any::<proptest::sample::Index>(),
        damages in proptest::collection::vec(damage(), 0..4),
    ) {
        let mut bytes = seed.get(SEEDS.as_slice()).1.clone();
        for damage in &damages {
            damage.apply(&mut bytes);
        }
        let extracted = within_budget("sniffed", &Metered::new(&bytes), &Limits::default());
        if extracted.is_some() {
            prop_assert!(passes(&bytes));
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
