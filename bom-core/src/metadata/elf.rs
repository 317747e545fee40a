use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ByteOrder, PackageNote};

/// Dynamic symbols that tell what an object is, whatever its file is called. Each is defined by the engine it belongs to
/// and only referred to by what is linked with that engine.
///
/// Finding one is structure, not proof: anybody can define a function of that name. Not finding one says less still: a
/// program without a dynamic section, or one that was linked to keep its symbols to itself, exports none.
pub const MARKERS: [&str; 23] = [
    // CPython since 3.8: libpython, and interpreters that have it inside. An interpreter linked with libpython refers to
    // it and defines nothing; its `DT_NEEDED` says what it is.
    "Py_BytesMain",
    // Node-API: node itself, or libnode where node is linked with it. Other programs that load node's addons offer it too.
    "napi_module_register",
    // ONNX Runtime: the one entry to its C interface.
    "OrtGetApiBase",
    // llama.cpp since January 2025: libllama, and engines that have it inside. Older ones show `ggml_init` alone.
    "llama_model_load_from_file",
    // ggml, the tensor library under llama.cpp and whisper.cpp.
    "ggml_init",
    // whisper.cpp.
    "whisper_full",
    // TensorFlow's C interface, and that of TensorFlow Lite.
    "TF_Version",
    "TfLiteInterpreterCreate",
    // TensorRT.
    "createInferRuntime_INTERNAL",
    // OpenVINO's C interface.
    "ov_core_create",
    // The CUDA driver and runtime, ROCm's HIP, Intel's Level Zero: what reaches an accelerator.
    "cuInit",
    "cudaGetDeviceCount",
    "hipInit",
    "zeInit",
    // oneDNN.
    "dnnl_engine_create",
    // Java: libjvm.
    "JNI_CreateJavaVM",
    // Ruby: libruby, and interpreters that have it inside.
    "ruby_run_node",
    // Other languages, whose packages are not told apart: Perl, PHP, Lua, Tcl, R, Julia.
    "perl_parse",
    "php_request_startup",
    "lua_newstate",
    "Tcl_CreateInterp",
    "Rf_initEmbeddedR",
    "jl_init",
];

/// Width of addresses in an ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElfClass {
    /// 32-bit.
    Bits32,
    /// 64-bit.
    Bits64,
}

/// What an ELF file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElfType {
    /// A program at a fixed address (`ET_EXEC`).
    Executable,
    /// A position-independent program: `ET_DYN` with the PIE flag, or with an interpreter and no soname.
    PieExecutable,
    /// A shared library: any other `ET_DYN`.
    SharedLibrary,
    /// An object file or kernel module (`ET_REL`).
    Relocatable,
    /// A core dump (`ET_CORE`).
    Core,
    /// None of these.
    Other,
}

/// What the headers, the dynamic section and the notes of an ELF file say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ElfMetadata {
    /// 32 or 64 bit.
    pub class: ElfClass,
    /// Byte order of the machine.
    pub byte_order: ByteOrder,
    /// Machine: `x86_64`, `aarch64`, …; `machine-<number>` if the number has no name here.
    pub machine: String,
    /// Program, library, object or core.
    pub elf_type: ElfType,
    /// Whether this is a program that the kernel starts without a dynamic loader. Such a program makes its own system
    /// calls and name lookups; what watches libc does not see it. `None` if there are no program headers or they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_static: Option<bool>,
    /// `DT_SONAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
    /// Version after `.so.` in the soname. Often only the ABI version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// GNU build-id note, lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
    /// `DT_NEEDED` in the order of the file, which is the order of loading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// Versions that it gives its symbols (`DT_VERDEF`), in the order of the file, without its own name: `VERS_1.20.1`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbol_versions: Vec<String>,
    /// What its distribution wrote into it. Claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_note: Option<PackageNote>,
    /// `PT_INTERP`: the dynamic loader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interp: Option<String>,
    /// Those of [`MARKERS`] that the dynamic symbol table defines. Only names that the object's own hash table leads to
    /// count: that is how a loader finds them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exports: BTreeSet<String>,
}

impl ElfMetadata {
    /// Whether the file is of type `ET_DYN`: a library, or a program that can be placed anywhere. What is told apart in
    /// [`elf_type`](Self::elf_type) is the same to a loader.
    #[must_use]
    pub fn is_shared_object(&self) -> bool {
        match self.elf_type {
            ElfType::PieExecutable | ElfType::SharedLibrary => true,
            ElfType::Executable | ElfType::Relocatable | ElfType::Core | ElfType::Other => false,
        }
    }
}

/// The version that follows `.so.` in a library name: `libssl.so.3` → `3`, `libfoo.so.1.20.1` → `1.20.1`.
///
/// Only digits and dots count: `libfoo.so.git` has no version. Works for file names as well as sonames.
#[must_use]
pub fn version_from_soname(soname: &str) -> Option<&str> {
    let (_, version) = soname.rsplit_once(".so.")?;
    let plain =
        version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    plain.then_some(version)
}

#[cfg(test)]
mod tests {
    use super::{ElfMetadata, version_from_soname};

    #[test]
    fn shared_objects() {
        for (elf_type, expected) in [
            ("executable", false),
            ("pie-executable", true),
            ("shared-library", true),
            ("relocatable", false),
            ("core", false),
            ("other", false),
        ] {
            // As a recording from before `exports` has it.
            let json = format!(
                r#"{{"class":"bits64","byte_order":"little","machine":"x86_64","elf_type":"{elf_type}"}}"#
            );
            let elf: ElfMetadata = serde_json::from_str(&json).expect("all that is required");
            assert_eq!(elf.is_shared_object(), expected, "{elf_type}");
            assert!(elf.exports.is_empty());
            assert_eq!(serde_json::to_string(&elf).expect("plain values"), json);
        }
    }

    #[test]
    fn versions() {
        for (soname, expected) in [
            ("libssl.so.3", Some("3")),
            ("libonnxruntime.so.1.20.1", Some("1.20.1")),
            ("libpython3.11.so.1.0", Some("1.0")),
            ("libodd.so.1.so.2", Some("2")),
            ("libcuda.so", None),
            ("libc++.so.", None),
            ("libfoo.so.git", None),
            ("libfoo.so.1..2", None),
            ("ld-linux-x86-64.so.2", Some("2")),
            ("", None),
        ] {
            assert_eq!(version_from_soname(soname), expected, "{soname}");
        }
    }
}
