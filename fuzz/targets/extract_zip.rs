#![no_main]

mod door;

use bom_extract::FileKind;
use libfuzzer_sys::{Corpus, fuzz_target};

const KINDS: &[FileKind] = &[
    FileKind::Pytorch,
    FileKind::Torchscript,
    FileKind::TorchExport,
    FileKind::TorchserveArchive,
    FileKind::Keras,
    FileKind::Skops,
    FileKind::Npz,
    FileKind::Llamafile,
    FileKind::Archive,
];

fuzz_target!(|bytes: &[u8]| -> Corpus { door::survive(KINDS, bytes) });
