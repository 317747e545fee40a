#![no_main]

mod door;

use bom_extract::FileKind;
use libfuzzer_sys::{Corpus, fuzz_target};

const KINDS: &[FileKind] = &[FileKind::Hdf5, FileKind::KerasHdf5];

fuzz_target!(|bytes: &[u8]| -> Corpus { door::survive(KINDS, bytes) });
