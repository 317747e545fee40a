//! Pickles, instruction by instruction.

/// A pickle under construction.
#[derive(Clone, Debug)]
pub struct Pickle {
    bytes: Vec<u8>,
}

/// An empty pickle of protocol 2.
#[must_use]
pub fn pickle() -> Pickle {
    Pickle { bytes: b"\x80\x02".to_vec() }
}

impl Pickle {
    /// Any instructions.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Protocol 4, with a frame of no promise.
    #[must_use]
    pub fn protocol_4(mut self) -> Self {
        self.bytes = b"\x80\x04\x95\0\0\0\0\0\0\0\0".to_vec();
        self
    }

    /// GLOBAL.
    #[must_use]
    pub fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    /// Two texts and STACK_GLOBAL.
    #[must_use]
    pub fn stack_global(self, module: &str, name: &str) -> Self {
        self.text(module).text(name).raw(b"\x93")
    }

    /// BINUNICODE.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
    }

    /// BININT.
    #[must_use]
    pub fn int(self, value: i32) -> Self {
        self.raw(b"J").raw(&value.to_le_bytes())
    }

    /// A tuple of numbers.
    #[must_use]
    pub fn ints(self, values: &[i32]) -> Self {
        values.iter().fold(self.raw(b"("), |pickle, value| pickle.int(*value)).raw(b"t")
    }

    /// A tensor as PyTorch describes it: storage class, key, offset, sizes.
    #[must_use]
    pub fn tensor(self, storage: &str, key: &str, offset: i32, sizes: &[i32]) -> Self {
        let elements = sizes.iter().product();
        self.global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"((")
            .text("storage")
            .global("torch", storage)
            .text(key)
            .text("cpu")
            .int(elements)
            .raw(b"tQ")
            .int(offset)
            .ints(sizes)
            .ints(&vec![1; sizes.len()])
            .raw(b"\x89}tR")
    }

    /// An empty `OrderedDict`.
    #[must_use]
    pub fn ordered(self) -> Self {
        self.global("collections", "OrderedDict").raw(b")R")
    }

    /// A dictionary of tensors under these names, as `state_dict` gives it: with a state of its own at the end.
    #[must_use]
    pub fn state(self, tensors: &[(&str, &str, &[i32])]) -> Self {
        let mut pickle = self.ordered().raw(b"(");
        for (at, (name, storage, sizes)) in tensors.iter().enumerate() {
            pickle = pickle.text(name).tensor(storage, &at.to_string(), 0, sizes);
        }
        pickle.raw(b"u}").text("_metadata").ordered().raw(b"sb")
    }

    /// The file, with its STOP.
    #[must_use]
    pub fn build(self) -> Vec<u8> {
        self.raw(b".").bytes
    }
}

/// An archive as `torch.save` writes it: a folder with a pickle, and storages.
#[must_use]
pub fn torch_zip(pickle: &[u8]) -> super::Zip {
    super::zip()
        .stored("model/data.pkl", pickle)
        .stored("model/byteorder", b"little")
        .stored("model/data/0", &[0; 96])
        .aligned(64)
        .stored("model/version", b"3\n")
}

/// A file as `torch.save` wrote it before 1.6: magic, protocol, facts of the machine, the object, the keys.
#[must_use]
pub fn torch_legacy(object: &[u8], keys: &[&str]) -> Vec<u8> {
    let mut out = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    out.extend(b"\x80\x02M\xe9\x03.");
    out.extend(pickle().raw(b"}").text("little_endian").raw(b"\x88s").build());
    out.extend(object);
    let list = keys.iter().fold(pickle().raw(b"]("), |pickle, key| pickle.text(key));
    out.extend(list.raw(b"e").build());
    out.extend([0; 32]);
    out
}

/// A class of scikit-learn with its version, and an array of joblib of `count` 64-bit floats in it.
#[must_use]
pub fn joblib(count: i32, data: usize) -> Vec<u8> {
    let object =
        pickle().global("sklearn.linear_model._logistic", "LogisticRegression").raw(b")\x81}(").text("coef_");
    let dtype = |pickle: Pickle| {
        pickle.global("numpy", "dtype").raw(b"(").text("f8").raw(b"\x89\x88tR").ints(&[3]).raw(b"b")
    };
    let wrapper = object
        .global("joblib.numpy_pickle", "NumpyArrayWrapper")
        .raw(b")\x81}(")
        .text("shape")
        .ints(&[count])
        .text("dtype");
    let wrapper = dtype(wrapper).text("numpy_array_alignment_bytes").int(16).raw(b"ub\x03\xff\xff\xff");
    wrapper.raw(&vec![0; data]).text("_sklearn_version").text("1.9.1").raw(b"ub").build()
}
