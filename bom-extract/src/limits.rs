//! How much one file may cost.

/// Upper bounds on the work and memory spent on one file.
///
/// The defaults let every file seen in the field through and hold a hostile one to a few tens of mebibytes. A bound
/// that ends the work early sets [`Extracted::truncated`](bom_core::metadata::Extracted::truncated) and leaves an
/// issue, so that what was not looked at is not taken for absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes asked of the input over the whole extraction. Default 32 MiB: a GGUF vocabulary of 256 Ki tokens is
    /// 16 MiB and stands before the tensor list, so less would lose the parameter count.
    pub read_bytes: u64,
    /// Calls of [`Input::read_at`](crate::Input::read_at). Default 8192: about one per tensor of a large ONNX model,
    /// whose headers are scattered between the weights.
    pub reads: u32,
    /// Bytes of names and values held in memory, with their bookkeeping. Default 16 MiB.
    pub kept_bytes: u64,
    /// Longest JSON header. Default 25 000 000 bytes, the bound of the most used downloader; the format itself allows
    /// 100 000 000.
    pub header_bytes: u64,
    /// Longest string read as a whole (chat templates). Default 1 MiB. A longer one is stepped over.
    pub string_bytes: u64,
    /// Longest text stored as a value; the rest is cut with an issue. Default 4096 bytes.
    pub value_bytes: usize,
    /// Longest metadata key. Default 65 535 bytes, the bound of the GGUF specification.
    pub key_bytes: u64,
    /// Most metadata entries. Default 100 000.
    pub entries: u64,
    /// Most elements of an array that has to be walked one by one. Default 2 000 000.
    pub array_items: u64,
    /// Most tensors listed in a header. Default 1 000 000.
    pub tensors: u64,
    /// Most tensors looked at in an ONNX graph, where each costs a read. Default 20 000.
    pub graph_tensors: u64,
    /// Deepest nesting of arrays, messages or subgraphs. Default 32.
    pub depth: u32,
    /// Most program headers of an ELF file. Default 1024; the linkers in use write about a dozen.
    pub segments: u16,
    /// Most bytes read of one dynamic section or note segment. Default 256 KiB.
    pub segment_bytes: u64,
    /// Most libraries an ELF file may ask for. Default 4096.
    pub needed: usize,
    /// Bytes looked at from the start, and where needed from the end, of a file whose format has no magic before it is
    /// taken for something else. Default 64 KiB.
    pub probe_bytes: u64,
    /// Longest directory of a zip archive read. Default 8 MiB, about 100 000 members.
    pub directory_bytes: u64,
    /// Bytes that one compressed part may unpack to; the rest is left. Default 8 MiB.
    pub inflated_bytes: usize,
    /// Most pickle instructions walked. Default 4 000 000.
    pub instructions: u64,
    /// Most objects of one pickle remembered; imports are listed past it too. Default 100 000.
    pub objects: usize,
    /// Bytes of a program's constants searched for the texts of AI engines. Default 12 MiB; those seen stand within the
    /// first three.
    pub engine_bytes: u64,
    /// Most packages that one program or archive may list. Default 20 000.
    pub packages: u64,
    /// Most issues kept; the others are counted. Default 64.
    pub issues: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read_bytes: 32 << 20,
            reads: 8192,
            kept_bytes: 16 << 20,
            header_bytes: 25_000_000,
            string_bytes: 1 << 20,
            value_bytes: 4096,
            key_bytes: 65_535,
            entries: 100_000,
            array_items: 2_000_000,
            tensors: 1_000_000,
            graph_tensors: 20_000,
            depth: 32,
            segments: 1024,
            segment_bytes: 256 << 10,
            needed: 4096,
            probe_bytes: 64 << 10,
            directory_bytes: 8 << 20,
            inflated_bytes: 8 << 20,
            instructions: 4_000_000,
            objects: 100_000,
            engine_bytes: 12 << 20,
            packages: 20_000,
            issues: 64,
        }
    }
}
