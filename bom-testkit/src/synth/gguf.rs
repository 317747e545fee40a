//! A GGUF file: magic, version, counts, entries, tensor list, data.

/// Builder of a GGUF file.
#[derive(Clone, Debug)]
pub struct Gguf {
    version: u32,
    big_endian: bool,
    entries: Vec<Entry>,
    tensors: Vec<Tensor>,
    key_count: Option<u64>,
    tensor_count: Option<u64>,
    alignment: usize,
    appended: Vec<u8>,
    cut: Option<usize>,
}

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Raw(u32, Vec<u8>),
    U8(u8),
    U32(u32),
    U64(u64),
    F32(f32),
    Bool(bool),
    Text(Vec<u8>),
    LongText(u64),
    Texts(Vec<String>),
    Floats(usize),
    CountedArray(u32, u64),
    Nested(u32),
}

#[derive(Clone, Debug)]
struct Tensor {
    name: String,
    dims: Vec<u64>,
    kind: u32,
    bytes: usize,
    offset: Option<u64>,
}

/// A llama of 768 parameters with a vocabulary of three tokens.
#[must_use]
pub fn gguf() -> Gguf {
    Gguf {
        version: 3,
        big_endian: false,
        entries: Vec::new(),
        tensors: Vec::new(),
        key_count: None,
        tensor_count: None,
        alignment: 32,
        appended: Vec::new(),
        cut: None,
    }
    .text("general.architecture", "llama")
    .text("general.name", "Tiny Llama")
    .text("general.license", "apache-2.0")
    .u32("general.file_type", 15)
    .texts("general.tags", &["text-generation", "test"])
    .u32("llama.context_length", 4096)
    .u32("llama.block_count", 2)
    .f32("llama.rope.freq_base", 10000.0)
    .text("tokenizer.ggml.model", "gpt2")
    .texts("tokenizer.ggml.tokens", &["<s>", "</s>", "hello"])
    .floats("tokenizer.ggml.scores", 3)
    .bool("tokenizer.ggml.add_bos_token", true)
    .text("tokenizer.chat_template", "{{ messages }}")
    .tensor("token_embd.weight", 12, &[256, 2], 288)
    .tensor("output_norm.weight", 0, &[256], 1024)
}

impl Gguf {
    /// Removes the entries and the tensors.
    #[must_use]
    pub fn empty(self) -> Self {
        self.no_entries().no_tensors()
    }

    /// Removes the entries.
    #[must_use]
    pub fn no_entries(mut self) -> Self {
        self.entries.clear();
        self
    }

    /// Removes the tensors.
    #[must_use]
    pub fn no_tensors(mut self) -> Self {
        self.tensors.clear();
        self
    }

    /// The version number; 1 also narrows counts and lengths to 32 bits.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Most significant byte first.
    #[must_use]
    pub fn big_endian(mut self) -> Self {
        self.big_endian = true;
        self
    }

    /// An entry with a string.
    #[must_use]
    pub fn text(self, key: &str, value: &str) -> Self {
        self.entry(key, Value::Text(value.as_bytes().to_vec()))
    }

    /// An entry with a string of any bytes.
    #[must_use]
    pub fn text_bytes(self, key: &str, value: &[u8]) -> Self {
        self.entry(key, Value::Text(value.to_vec()))
    }

    /// An entry with a string that claims to be `length` bytes long and brings none.
    #[must_use]
    pub fn text_length(self, key: &str, length: u64) -> Self {
        self.entry(key, Value::LongText(length))
    }

    /// An entry with an unsigned 32-bit integer.
    #[must_use]
    pub fn u32(self, key: &str, value: u32) -> Self {
        self.entry(key, Value::U32(value))
    }

    /// An entry with an unsigned 64-bit integer.
    #[must_use]
    pub fn u64(self, key: &str, value: u64) -> Self {
        self.entry(key, Value::U64(value))
    }

    /// An entry with a 32-bit float.
    #[must_use]
    pub fn f32(self, key: &str, value: f32) -> Self {
        self.entry(key, Value::F32(value))
    }

    /// An entry with a switch.
    #[must_use]
    pub fn bool(self, key: &str, value: bool) -> Self {
        self.entry(key, Value::Bool(value))
    }

    /// An entry with an array of strings.
    #[must_use]
    pub fn texts(self, key: &str, values: &[&str]) -> Self {
        self.entry(key, Value::Texts(values.iter().map(ToString::to_string).collect()))
    }

    /// An entry with an array of `count` floats.
    #[must_use]
    pub fn floats(self, key: &str, count: usize) -> Self {
        self.entry(key, Value::Floats(count))
    }

    /// An entry with an array that claims `count` elements of type `kind` and brings none.
    #[must_use]
    pub fn array_count(self, key: &str, kind: u32, count: u64) -> Self {
        self.entry(key, Value::CountedArray(kind, count))
    }

    /// An entry with `depth` arrays inside each other.
    #[must_use]
    pub fn nested(self, key: &str, depth: u32) -> Self {
        self.entry(key, Value::Nested(depth))
    }

    /// An entry of this name with a byte as its value.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.entry(key, Value::U8(1))
    }

    /// An entry of any type number and any bytes.
    #[must_use]
    pub fn raw(self, key: &str, kind: u32, bytes: &[u8]) -> Self {
        self.entry(key, Value::Raw(kind, bytes.to_vec()))
    }

    /// A tensor of `bytes` bytes behind the others, padded to the alignment.
    #[must_use]
    pub fn tensor(mut self, name: &str, kind: u32, dims: &[u64], bytes: usize) -> Self {
        self.tensors.push(Tensor { name: name.to_owned(), dims: dims.to_vec(), kind, bytes, offset: None });
        self
    }

    /// A tensor that claims to start at `offset` and brings no data.
    #[must_use]
    pub fn tensor_at(mut self, name: &str, kind: u32, dims: &[u64], offset: u64) -> Self {
        let (name, dims) = (name.to_owned(), dims.to_vec());
        self.tensors.push(Tensor { name, dims, kind, bytes: 0, offset: Some(offset) });
        self
    }

    /// This number of entries instead of the true one.
    #[must_use]
    pub fn key_count(mut self, count: u64) -> Self {
        self.key_count = Some(count);
        self
    }

    /// This number of tensors instead of the true one.
    #[must_use]
    pub fn tensor_count(mut self, count: u64) -> Self {
        self.tensor_count = Some(count);
        self
    }

    /// Step at which the tensors really start; says nothing in the header.
    #[must_use]
    pub fn aligned(mut self, alignment: usize) -> Self {
        self.alignment = alignment;
        self
    }

    /// Bytes behind the last tensor.
    #[must_use]
    pub fn append(mut self, bytes: &[u8]) -> Self {
        self.appended.extend_from_slice(bytes);
        self
    }

    /// Only the first `bytes` bytes of the file.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// The file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut out = Out { bytes: b"GGUF".to_vec(), big: self.big_endian, narrow: self.version == 1 };
        out.word(self.version);
        out.size(self.tensor_count.unwrap_or(self.tensors.len() as u64));
        out.size(self.key_count.unwrap_or(self.entries.len() as u64));
        for entry in &self.entries {
            out.text(entry.key.as_bytes());
            entry.value.write(&mut out);
        }
        let mut data = 0;
        for tensor in &self.tensors {
            out.text(tensor.name.as_bytes());
            out.word(tensor.dims.len() as u32);
            for dim in &tensor.dims {
                out.size(*dim);
            }
            out.word(tensor.kind);
            out.long(tensor.offset.unwrap_or(data as u64));
            data += tensor.bytes.div_ceil(self.alignment) * self.alignment;
        }
        let mut bytes = out.bytes;
        if !self.tensors.is_empty() {
            let data_start = bytes.len().div_ceil(self.alignment) * self.alignment;
            bytes.resize(data_start + data, 0);
        }
        bytes.extend_from_slice(&self.appended);
        bytes.truncate(self.cut.unwrap_or(usize::MAX));
        bytes
    }

    fn entry(mut self, key: &str, value: Value) -> Self {
        self.entries.push(Entry { key: key.to_owned(), value });
        self
    }
}

impl Value {
    fn write(&self, out: &mut Out) {
        match self {
            Self::Raw(kind, bytes) => {
                out.word(*kind);
                out.bytes.extend_from_slice(bytes);
            }
            Self::U8(value) => {
                out.word(0);
                out.bytes.push(*value);
            }
            Self::U32(value) => {
                out.word(4);
                out.word(*value);
            }
            Self::U64(value) => {
                out.word(10);
                out.long(*value);
            }
            Self::F32(value) => {
                out.word(6);
                out.word(value.to_bits());
            }
            Self::Bool(value) => {
                out.word(7);
                out.bytes.push(u8::from(*value));
            }
            Self::Text(text) => {
                out.word(8);
                out.text(text);
            }
            Self::LongText(length) => {
                out.word(8);
                out.size(*length);
            }
            Self::Texts(texts) => {
                out.word(9);
                out.word(8);
                out.size(texts.len() as u64);
                for text in texts {
                    out.text(text.as_bytes());
                }
            }
            Self::Floats(count) => {
                out.word(9);
                out.word(6);
                out.size(*count as u64);
                out.bytes.resize(out.bytes.len() + 4 * count, 0);
            }
            Self::CountedArray(kind, count) => {
                out.word(9);
                out.word(*kind);
                out.size(*count);
            }
            Self::Nested(depth) => {
                out.word(9);
                for _ in 0..*depth {
                    out.word(9);
                    out.size(1);
                }
                out.word(0);
                out.size(0);
            }
        }
    }
}

struct Out {
    bytes: Vec<u8>,
    big: bool,
    narrow: bool,
}

impl Out {
    fn word(&mut self, value: u32) {
        self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn long(&mut self, value: u64) {
        self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn size(&mut self, value: u64) {
        if self.narrow { self.word(value as u32) } else { self.long(value) }
    }

    fn text(&mut self, text: &[u8]) {
        self.size(text.len() as u64);
        self.bytes.extend_from_slice(text);
    }
}
