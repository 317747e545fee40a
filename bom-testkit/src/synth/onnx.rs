//! An ONNX file: a protobuf `ModelProto`.

use super::wire::varint;

/// Builder of an ONNX file.
#[derive(Clone, Debug)]
pub struct Onnx {
    ir_version: u64,
    producer: String,
    producer_version: String,
    opsets: Vec<(String, u64)>,
    properties: Vec<(String, String)>,
    nodes: Vec<Vec<u8>>,
    initializers: Vec<Vec<u8>>,
    functions: Vec<Vec<u8>>,
    has_graph: bool,
    graph_length: Option<u64>,
    packed_dims: bool,
    appended: Vec<u8>,
    cut: Option<usize>,
}

/// One `MatMul` with a 2 × 3 weight.
#[must_use]
pub fn onnx() -> Onnx {
    Onnx {
        ir_version: 8,
        producer: "pytorch".to_owned(),
        producer_version: "2.1".to_owned(),
        opsets: vec![(String::new(), 17)],
        properties: vec![("author".to_owned(), "somebody".to_owned())],
        nodes: Vec::new(),
        initializers: Vec::new(),
        functions: Vec::new(),
        has_graph: true,
        graph_length: None,
        packed_dims: false,
        appended: Vec::new(),
        cut: None,
    }
    .node("MatMul", "")
    .initializer("weight", 1, &[2, 3], 24)
}

impl Onnx {
    /// `ir_version`.
    #[must_use]
    pub fn ir_version(mut self, version: u64) -> Self {
        self.ir_version = version;
        self
    }

    /// `producer_name` and `producer_version`; empty ones are left out, as some exporters do.
    #[must_use]
    pub fn producer(mut self, name: &str, version: &str) -> Self {
        self.producer = name.to_owned();
        self.producer_version = version.to_owned();
        self
    }

    /// One more imported operator set.
    #[must_use]
    pub fn opset(mut self, domain: &str, version: u64) -> Self {
        self.opsets.push((domain.to_owned(), version));
        self
    }

    /// No operator set at all.
    #[must_use]
    pub fn no_opset(mut self) -> Self {
        self.opsets.clear();
        self
    }

    /// One more metadata property.
    #[must_use]
    pub fn property(mut self, key: &str, value: &str) -> Self {
        self.properties.push((key.to_owned(), value.to_owned()));
        self
    }

    /// A node with an operator of a domain.
    #[must_use]
    pub fn node(mut self, operator: &str, domain: &str) -> Self {
        self.nodes.push(node(operator, domain, &[]));
        self
    }

    /// A `Constant` node with a tensor as its attribute.
    #[must_use]
    pub fn constant(mut self, kind: u64, dims: &[u64], bytes: usize) -> Self {
        let tensor = self.tensor("", kind, dims, bytes);
        self.nodes.push(node("Constant", "", &attribute(5, &tensor)));
        self
    }

    /// An `If` node around a graph with one constant, `depth` deep.
    #[must_use]
    pub fn nested(mut self, depth: usize, kind: u64, dims: &[u64], bytes: usize) -> Self {
        let tensor = self.tensor("", kind, dims, bytes);
        let mut innermost = node("Constant", "", &attribute(5, &tensor));
        for _ in 0..depth {
            let graph = message(1, &innermost);
            innermost = node("If", "", &attribute(6, &graph));
        }
        self.nodes.push(innermost);
        self
    }

    /// A weight of `bytes` bytes in the file.
    #[must_use]
    pub fn initializer(mut self, name: &str, kind: u64, dims: &[u64], bytes: usize) -> Self {
        let tensor = self.tensor(name, kind, dims, bytes);
        self.initializers.push(tensor);
        self
    }

    /// A weight kept in another file.
    #[must_use]
    pub fn external(mut self, name: &str, kind: u64, dims: &[u64], location: &str) -> Self {
        let mut tensor = self.tensor(name, kind, dims, 0);
        let mut pair = message(1, b"location");
        pair.extend(message(2, location.as_bytes()));
        tensor.extend(message(13, &pair));
        tensor.extend(number(14, 1));
        self.initializers.push(tensor);
        self
    }

    /// A function that the model defines in a domain.
    #[must_use]
    pub fn function(mut self, name: &str, domain: &str) -> Self {
        let mut function = message(1, name.as_bytes());
        function.extend(message(7, &node("Identity", "", &[])));
        function.extend(message(10, domain.as_bytes()));
        self.functions.push(function);
        self
    }

    /// Removes the weights.
    #[must_use]
    pub fn no_initializers(mut self) -> Self {
        self.initializers.clear();
        self
    }

    /// Removes the graph.
    #[must_use]
    pub fn no_graph(mut self) -> Self {
        self.has_graph = false;
        self
    }

    /// Dimensions in the packed encoding from here on.
    #[must_use]
    pub fn packed_dims(mut self) -> Self {
        self.packed_dims = true;
        self
    }

    /// This length of the graph instead of the true one.
    #[must_use]
    pub fn graph_length(mut self, length: u64) -> Self {
        self.graph_length = Some(length);
        self
    }

    /// Bytes behind the message.
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
        let mut out = number(1, self.ir_version);
        for (field, text) in [(2, &self.producer), (3, &self.producer_version)] {
            if !text.is_empty() {
                out.extend(message(field, text.as_bytes()));
            }
        }
        if self.has_graph {
            let graph = self.graph();
            out.extend(varint(7 << 3 | 2));
            out.extend(varint(self.graph_length.unwrap_or(graph.len() as u64)));
            out.extend(graph);
        }
        for (domain, version) in &self.opsets {
            let mut opset = message(1, domain.as_bytes());
            opset.extend(number(2, *version));
            out.extend(message(8, &opset));
        }
        for (key, value) in &self.properties {
            let mut pair = message(1, key.as_bytes());
            pair.extend(message(2, value.as_bytes()));
            out.extend(message(14, &pair));
        }
        for function in &self.functions {
            out.extend(message(25, function));
        }
        out.extend_from_slice(&self.appended);
        out.truncate(self.cut.unwrap_or(usize::MAX));
        out
    }

    fn graph(&self) -> Vec<u8> {
        let mut graph = Vec::new();
        for node in &self.nodes {
            graph.extend(message(1, node));
        }
        graph.extend(message(2, b"main_graph"));
        for tensor in &self.initializers {
            graph.extend(message(5, tensor));
        }
        graph.extend(message(11, &message(1, b"x")));
        graph.extend(message(12, &message(1, b"y")));
        graph
    }

    fn tensor(&self, name: &str, kind: u64, dims: &[u64], bytes: usize) -> Vec<u8> {
        let mut tensor = Vec::new();
        if self.packed_dims {
            let packed: Vec<u8> = dims.iter().flat_map(|dim| varint(*dim)).collect();
            tensor.extend(message(1, &packed));
        } else {
            tensor.extend(dims.iter().flat_map(|dim| number(1, *dim)));
        }
        tensor.extend(number(2, kind));
        if !name.is_empty() {
            tensor.extend(message(8, name.as_bytes()));
        }
        if bytes > 0 {
            tensor.extend(message(9, &vec![0; bytes]));
        }
        tensor
    }
}

fn node(operator: &str, domain: &str, attributes: &[u8]) -> Vec<u8> {
    let mut node = message(1, b"x");
    node.extend(message(2, b"y"));
    node.extend(message(4, operator.as_bytes()));
    node.extend_from_slice(attributes);
    if !domain.is_empty() {
        node.extend(message(7, domain.as_bytes()));
    }
    node
}

/// Field 5 of a node: an attribute named `value` with one field set.
fn attribute(field: u64, value: &[u8]) -> Vec<u8> {
    let mut attribute = message(1, b"value");
    attribute.extend(message(field, value));
    message(5, &attribute)
}

fn message(field: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(field << 3 | 2);
    out.extend(varint(bytes.len() as u64));
    out.extend_from_slice(bytes);
    out
}

fn number(field: u64, value: u64) -> Vec<u8> {
    let mut out = varint(field << 3);
    out.extend(varint(value));
    out
}
