//! What a file may cost: reads, bytes and memory are measured from outside, not taken from the reader's own counters.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bom_core::metadata::{Extracted, IssueCode};
use bom_extract::{Input, Limits, ReadError, extract};
use bom_testkit::synth;

use crate::seeds;

/// Most bytes of memory any file may take under the default limits: a JSON header of 25 MB, its list of names and
/// ranges, and the read window.
const MEMORY: usize = 64 << 20;

#[global_allocator]
static COUNTING: Counting = Counting;

/// Counts the live bytes of each thread and the most there ever were.
struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system allocator unchanged; the counters are plain thread-local cells without
// a destructor, so touching them neither allocates nor runs after the thread has ended.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.get() + layout.size();
        LIVE.set(live);
        PEAK.set(PEAK.get().max(live));
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // Memory can be freed by another thread than the one that took it.
        LIVE.set(LIVE.get().saturating_sub(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`, and the memory came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// A file that starts with `head` and goes on with `filler` up to `len`, like a sparse file, read at most `step` bytes
/// at a time.
pub(crate) struct Metered<'a> {
    pub(crate) head: &'a [u8],
    pub(crate) filler: u8,
    pub(crate) len: u64,
    pub(crate) step: usize,
    pub(crate) reads: Cell<u32>,
    pub(crate) bytes: Cell<u64>,
}

impl<'a> Metered<'a> {
    pub(crate) fn new(head: &'a [u8]) -> Self {
        let (reads, bytes) = (Cell::new(0), Cell::new(0));
        Self { head, filler: 0, len: head.len() as u64, step: usize::MAX, reads, bytes }
    }
}

impl Input for Metered<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let count = buf.len().min(self.step).min(self.len.saturating_sub(offset) as usize);
        let buf = &mut buf[..count];
        let head = self.head.get(offset as usize..).unwrap_or_default();
        let from_head = head.len().min(count);
        buf[..from_head].copy_from_slice(&head[..from_head]);
        buf[from_head..].fill(self.filler);
        self.reads.set(self.reads.get() + 1);
        self.bytes.set(self.bytes.get() + count as u64);
        Ok(count)
    }
}

/// Extracts and asserts that the limits were kept.
pub(crate) fn within_budget(name: &str, input: &Metered<'_>, limits: &Limits) -> Option<Extracted> {
    let before = LIVE.get();
    PEAK.set(before);
    let extracted = extract(input, limits).expect("this input never fails");
    let memory = PEAK.get() - before;
    assert!(input.reads.get() <= limits.reads, "{name}: {} reads", input.reads.get());
    assert!(input.bytes.get() <= limits.read_bytes, "{name}: {} bytes", input.bytes.get());
    assert!(memory <= MEMORY, "{name}: {memory} bytes of memory");
    if let Some(extracted) = &extracted {
        assert!(extracted.issues.len() <= limits.issues + 1, "{name}: {} issues", extracted.issues.len());
    }
    extracted
}

/// A sparse file of a tebibyte behind headers that announce as much as they can.
#[test]
fn a_tebibyte_costs_no_more_than_the_limits() {
    let deep = format!("{{\"a\":{}", "[".repeat(50_000));
    let more = [
        ("safetensors_longest_header", synth::safetensors().header_length(25_000_000).build()),
        ("safetensors_header_past_limit", synth::safetensors().header_length(1 << 39).build()),
        ("safetensors_deep", synth::safetensors().header(&deep).header_length(25_000_000).build()),
        ("gguf_keys", synth::gguf().key_count(100_000).build()),
        ("gguf_tensors", synth::gguf().tensor_count(1_000_000).build()),
        ("gguf_strings", synth::gguf().array_count("tokenizer.ggml.tokens", 8, 2_000_000).build()),
        ("gguf_arrays", synth::gguf().array_count("a", 9, 2_000_000).build()),
        ("gguf_string", synth::gguf().text_length("general.author", 1 << 20).build()),
        ("onnx_graph", synth::onnx().graph_length(1 << 39).build()),
        ("elf_segments", synth::elf().segment_count(1024).build()),
        ("elf_dynamic", synth::elf().dynamic_size(1 << 39).build()),
        ("elf_buckets", synth::elf().exported("Py_BytesMain").bucket_count(u32::MAX).build()),
        ("pickle_open", synth::pickle().global("os", "system").build()[..14].to_vec()),
        ("tokenizer_open", seeds::TOKENIZER.as_bytes()[..seeds::TOKENIZER.len() - 25].to_vec()),
    ];
    for (name, head) in seeds::all().into_iter().chain(more) {
        // Zeros, and a byte that reads as a short protobuf field and as an enormous length.
        for filler in [0, 0x0a, 0xff] {
            let input = Metered { filler, len: 1 << 40, ..Metered::new(&head) };
            let extracted = within_budget(name, &input, &Limits::default());
            // What follows an ONNX message ends the pass over it or drowns it; the graph was seen before. Formats whose
            // directory is at the end, or that are proved only as a whole, are not recognised any more.
            let known =
                ["safetensors", "gguf", "onnx", "elf", "tflite", "npy", "pytorch_legacy", "hnswlib", "faiss"];
            if known.iter().any(|known| name.starts_with(known)) {
                assert!(extracted.is_some(), "{name} is recognised with {filler:#x} behind it");
            }
        }
    }
}

/// Whole files of nothing but small entries, as many as the budget lets through.
#[test]
fn many_small_entries_cost_no_more_than_the_limits() {
    let entries =
        (0..200_000).map(|at| format!("\"{at}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}"));
    let names = format!("{{{}}}", entries.collect::<Vec<_>>().join(","));
    let texts = format!(
        "{{\"__metadata__\":{{{}}}}}",
        (0..200_000).map(|at| format!("\"{at}\":\"\"")).collect::<Vec<_>>().join(",")
    );
    let shape = format!(
        "{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{}1],\"data_offsets\":[0,1]}}}}",
        "1,".repeat(5_000_000)
    );
    for (name, head) in [
        ("tensors", synth::safetensors().empty().header(&names).build()),
        ("metadata", synth::safetensors().empty().header(&texts).build()),
        ("dimensions", synth::safetensors().empty().header(&shape).build()),
    ] {
        let extracted = within_budget(name, &Metered::new(&head), &Limits::default());
        assert!(extracted.is_some_and(|extracted| !extracted.issues.is_empty()), "{name} has an issue");
    }
}

/// A read may return less than asked; the result is the same.
#[test]
fn short_reads_change_nothing() {
    for (name, file) in seeds::all() {
        let limits = Limits { reads: u32::MAX, ..Limits::default() };
        let whole = within_budget(name, &Metered::new(&file), &limits);
        let drip = within_budget(name, &Metered { step: 1, ..Metered::new(&file) }, &limits);
        assert!(whole.is_some(), "{name}");
        assert_eq!(whole, drip, "{name}");
    }
}

/// A file that shrinks after it was opened: what could be read stays, and the loss is said.
#[test]
fn a_shrinking_file_is_an_issue() {
    struct Shrunk(Vec<u8>, u64);
    impl Input for Shrunk {
        fn len(&self) -> u64 {
            self.1
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
            self.0.read_at(offset, buf)
        }
    }
    let file = synth::gguf().build();
    let shrunk = Shrunk(file[..200].to_vec(), file.len() as u64);
    let extracted =
        extract(&shrunk, &Limits::default()).expect("no input fails").expect("the magic is there");
    let issues: Vec<_> = extracted.issues.iter().map(|issue| (issue.code, issue.offset)).collect();
    assert_eq!(issues, [(IssueCode::ShortRead, Some(200))]);
    assert_eq!(extracted.model.and_then(|model| model.name).as_deref(), Some("Tiny Llama"));
}

/// Only a failed read is an error, and it keeps its cause.
#[test]
fn a_failed_read_is_the_only_error() {
    struct Failing<'a>(&'a [u8], u64);
    impl Input for Failing<'_> {
        fn len(&self) -> u64 {
            Input::len(&self.0)
        }
        fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
            if offset >= self.1 {
                return Err(ReadError { offset, wanted: buf.len(), source: "stale handle".into() });
            }
            let room = usize::try_from(self.1 - offset).expect("a small file").min(buf.len());
            self.0.read_at(offset, &mut buf[..room])
        }
    }
    for (name, file) in [
        ("safetensors", synth::safetensors().build()),
        ("gguf", synth::gguf().build()),
        ("onnx", synth::onnx().build()),
        ("elf", synth::elf().build()),
    ] {
        for good in [0, 70] {
            let error = extract(&Failing(&file, good), &Limits::default()).expect_err(name);
            // The header may be stepped over up to a later offset, never read from an earlier one.
            assert!(error.offset >= good, "{name} failed at {}", error.offset);
            let source = std::error::Error::source(&error).map(ToString::to_string);
            assert_eq!(source.as_deref(), Some("stale handle"), "{name}");
        }
    }
}
