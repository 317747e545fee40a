//! A safetensors file: `u64` length, JSON, tensor data.

/// Builder of a safetensors file.
#[derive(Clone, Debug)]
pub struct Safetensors {
    entries: Vec<String>,
    metadata: Vec<String>,
    data: usize,
    header: Option<String>,
    header_length: Option<u64>,
    padding: usize,
    appended: Vec<u8>,
    cut: Option<usize>,
}

/// Two tensors (32 parameters in F32, 4 indices in I64) and one metadata entry.
#[must_use]
pub fn safetensors() -> Safetensors {
    Safetensors {
        entries: Vec::new(),
        metadata: Vec::new(),
        data: 0,
        header: None,
        header_length: None,
        padding: 0,
        appended: Vec::new(),
        cut: None,
    }
    .metadata("format", "pt")
    .tensor("embed.weight", "F32", &[4, 8], 128)
    .tensor("position_ids", "I64", &[1, 4], 32)
}

impl Safetensors {
    /// Removes the tensors and the metadata.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.entries.clear();
        self.metadata.clear();
        self.data = 0;
        self
    }

    /// A tensor of `bytes` bytes behind the others.
    #[must_use]
    pub fn tensor(self, name: &str, dtype: &str, shape: &[u64], bytes: usize) -> Self {
        let begin = self.data;
        let mut this = self.tensor_at(name, dtype, shape, begin as u64, (begin + bytes) as u64);
        this.data = begin + bytes;
        this
    }

    /// A tensor that claims `begin..end` and brings no data.
    #[must_use]
    pub fn tensor_at(mut self, name: &str, dtype: &str, shape: &[u64], begin: u64, end: u64) -> Self {
        let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
        self.entries.push(format!(
            "{}:{{\"dtype\":\"{dtype}\",\"shape\":[{}],\"data_offsets\":[{begin},{end}]}}",
            quoted(name),
            shape.join(",")
        ));
        self
    }

    /// An entry with any JSON as its value.
    #[must_use]
    pub fn entry(mut self, name: &str, json: &str) -> Self {
        self.entries.push(format!("{}:{json}", quoted(name)));
        self
    }

    /// An entry of `__metadata__`.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.metadata.push(format!("{}:{}", quoted(key), quoted(value)));
        self
    }

    /// Bytes that belong to no tensor, before the next one.
    #[must_use]
    pub fn hole(mut self, bytes: usize) -> Self {
        self.data += bytes;
        self
    }

    /// This text instead of the JSON.
    #[must_use]
    pub fn header(mut self, text: &str) -> Self {
        self.header = Some(text.to_owned());
        self
    }

    /// This length instead of the true one.
    #[must_use]
    pub fn header_length(mut self, length: u64) -> Self {
        self.header_length = Some(length);
        self
    }

    /// Spaces behind the JSON, as writers that align the data put there.
    #[must_use]
    pub fn padding(mut self, spaces: usize) -> Self {
        self.padding = spaces;
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
        let json = self.header.clone().unwrap_or_else(|| {
            let mut entries = Vec::new();
            if !self.metadata.is_empty() {
                entries.push(format!("\"__metadata__\":{{{}}}", self.metadata.join(",")));
            }
            entries.extend(self.entries.iter().cloned());
            format!("{{{}}}{}", entries.join(","), " ".repeat(self.padding))
        });
        let mut out = self.header_length.unwrap_or(json.len() as u64).to_le_bytes().to_vec();
        out.extend_from_slice(json.as_bytes());
        out.resize(out.len() + self.data, 0);
        out.extend_from_slice(&self.appended);
        out.truncate(self.cut.unwrap_or(usize::MAX));
        out
    }
}

/// A JSON string. Enough for test data: quotes, backslashes and control characters are escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            other if (other as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", other as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
