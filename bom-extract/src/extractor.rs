//! The list of formats, and the two questions asked of a file: is it wanted, what does it say.

use alloc::vec::Vec;

use bom_core::metadata::{Extracted, FileKind};

use crate::draft::{Draft, Stop};
use crate::format::{
    archive, arrow, catboost, chat_template, chroma, coreml, ctranslate2, elf, executorch, faiss, fasttext,
    flax, front_matter, ggml, gguf, hnswlib, json_family, keras, lance, lightgbm, llamafile, mnn, ncnn, nemo,
    npy, onnx, onnx_runtime, openvino, paddle, parquet, pickled, safetensors, script, sentencepiece,
    spacy_config, tensorflow, tensorrt, tf_checkpoint, tflite, tiktoken, usearch, xgboost, zip_family,
};
use crate::input::{Input, ReadError};
use crate::limits::Limits;
use crate::reader::Reader;

/// How many bytes from the start of a file [`sniff`] looks at.
pub const PREFIX_BYTES: usize = 64;

/// One format.
pub(crate) struct Extractor {
    pub(crate) kind: FileKind,
    /// Could a file of this size that starts with this prefix (at most [`PREFIX_BYTES`]) be of the format?
    pub(crate) wants: fn(prefix: &[u8], len: u64) -> bool,
    /// Reads the header. Calls [`Draft::claim`] as soon as the content proves the format.
    pub(crate) extract: fn(&mut Reader<'_>, &mut Draft<'_>) -> Result<(), Stop>,
}

/// Surest magic first: a format without one comes after all that could be taken for it.
const EXTRACTORS: &[Extractor] = &[
    // Before ELF, which it can also be.
    llamafile::EXTRACTOR,
    elf::EXTRACTOR,
    gguf::EXTRACTOR,
    zip_family::EXTRACTOR,
    npy::EXTRACTOR,
    keras::EXTRACTOR,
    parquet::EXTRACTOR,
    tflite::EXTRACTOR,
    executorch::EXTRACTOR,
    onnx_runtime::EXTRACTOR,
    catboost::EXTRACTOR,
    ggml::EXTRACTOR,
    fasttext::EXTRACTOR,
    lightgbm::EXTRACTOR,
    ncnn::EXTRACTOR,
    // Before JSON, as which its binary form starts.
    xgboost::EXTRACTOR,
    tensorrt::EXTRACTOR,
    faiss::EXTRACTOR,
    arrow::EXTRACTOR,
    chroma::EXTRACTOR,
    nemo::EXTRACTOR,
    tf_checkpoint::EXTRACTOR,
    safetensors::EXTRACTOR,
    // Protobuf messages, told apart by their first fields and then by all of them.
    tensorflow::SAVED_MODEL,
    onnx::EXTRACTOR,
    coreml::EXTRACTOR,
    sentencepiece::EXTRACTOR,
    paddle::PROGRAM,
    tensorflow::GRAPH,
    // No magic, but numbers that follow from each other.
    paddle::PARAMETERS,
    ctranslate2::EXTRACTOR,
    hnswlib::EXTRACTOR,
    mnn::EXTRACTOR,
    // Before flax and MNN could want it, a pickle has two bytes of its own.
    pickled::EXTRACTOR,
    flax::EXTRACTOR,
    // Text.
    openvino::EXTRACTOR,
    spacy_config::EXTRACTOR,
    front_matter::EXTRACTOR,
    chat_template::EXTRACTOR,
    json_family::EXTRACTOR,
    tiktoken::EXTRACTOR,
    script::EXTRACTOR,
    // Its start may be that of nearly any file of numbers.
    usearch::EXTRACTOR,
    // What a model may be packed in, after the models.
    archive::EXTRACTOR,
];

/// Formats that have their magic at the end; what is before it may be anything. Asked after all others.
const AT_THE_END: &[Extractor] = &[lance::AT_THE_END];

/// How many bytes from the end of a file [`sniff_end`] looks at.
pub const END_BYTES: usize = 8;

/// The other cheap question, of a file whose beginning says nothing: which format do its last bytes suggest?
///
/// `end` is the end of the file, [`END_BYTES`] or the whole file if it is shorter.
#[must_use]
pub fn sniff_end(end: &[u8], len: u64) -> Option<FileKind> {
    AT_THE_END.iter().find(|extractor| (extractor.wants)(end, len)).map(|extractor| extractor.kind)
}

/// The cheap question: which format do the first bytes of a file of `len` bytes suggest?
///
/// `prefix` is the start of the file, [`PREFIX_BYTES`] or the whole file if it is shorter; more is ignored. A `Some`
/// is a reason to call [`extract`], not a verdict.
#[must_use]
pub fn sniff(prefix: &[u8], len: u64) -> Option<FileKind> {
    let prefix = prefix.get(..PREFIX_BYTES).unwrap_or(prefix);
    EXTRACTORS.iter().find(|extractor| (extractor.wants)(prefix, len)).map(|extractor| extractor.kind)
}

/// What the header of `input` says; `None` if it is of no known format.
///
/// # Errors
/// Only when a read fails. A broken file is `Ok` with issues.
pub fn extract(input: &dyn Input, limits: &Limits) -> Result<Option<Extracted>, ReadError> {
    let mut reader = Reader::new(input, limits);
    let prefix = match prefix(&mut reader) {
        Ok(prefix) => prefix,
        Err(Stop::Read(error)) => return Err(error),
        Err(Stop::Limit(_) | Stop::Broken(_)) => return Ok(None),
    };
    let len = reader.len();
    let by_start = EXTRACTORS.iter().filter(|extractor| (extractor.wants)(&prefix, len));
    if let Some(extracted) = first(by_start, &mut reader, limits)? {
        return Ok(Some(extracted));
    }
    let end = match end(&mut reader) {
        Ok(end) => end,
        Err(Stop::Read(error)) => return Err(error),
        Err(Stop::Limit(_) | Stop::Broken(_)) => return Ok(None),
    };
    let by_end = AT_THE_END.iter().filter(|extractor| (extractor.wants)(&end, len));
    first(by_end, &mut reader, limits)
}

/// What the first of them says that the file is of.
fn first<'e>(
    extractors: impl Iterator<Item = &'e Extractor>,
    reader: &mut Reader<'_>,
    limits: &Limits,
) -> Result<Option<Extracted>, ReadError> {
    for extractor in extractors {
        let mut draft = Draft::new(extractor.kind, limits);
        reader.seek(0);
        let outcome = (extractor.extract)(reader, &mut draft);
        match draft.absorb(outcome) {
            Ok(()) => {}
            Err(Stop::Read(error)) => return Err(error),
            // `absorb` lets nothing but a failed read through.
            Err(Stop::Limit(_) | Stop::Broken(_)) => {}
        }
        if let Some(extracted) = draft.finish() {
            return Ok(Some(extracted));
        }
    }
    Ok(None)
}

fn end(reader: &mut Reader<'_>) -> Result<Vec<u8>, Stop> {
    let wanted = reader.len().min(crate::reader::u64_of(END_BYTES));
    reader.seek(reader.len().saturating_sub(wanted));
    reader.bytes(wanted)
}

fn prefix(reader: &mut Reader<'_>) -> Result<Vec<u8>, Stop> {
    let wanted = reader.len().min(crate::reader::u64_of(PREFIX_BYTES));
    reader.bytes(wanted)
}
