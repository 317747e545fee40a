use bom_core::identify::product;
use bom_core::metadata::{ElfType, FileKind, MARKERS};
use bom_core::path::SeenPath;
use bom_extract::{Limits, extract};
use bom_testkit::synth::{Elf, elf};

use crate::budget::{Metered, within_budget};
use crate::check::{check, check_within};

const BUILD_ID: &str = "elf.build_id=abababababababababababababababababababab";

#[test]
fn reads_valid_files() {
    for (name, file, expected) in [
        (
            "library",
            elf(),
            vec![
                "kind=elf",
                "truncated=false",
                "elf.class=bits64",
                "elf.byte_order=little",
                "elf.machine=x86_64",
                "elf.elf_type=shared-library",
                "elf.is_static=false",
                "elf.soname=libtiny.so.1.2.3",
                "elf.version=1.2.3",
                "elf.needed.0=libc.so.6",
                BUILD_ID,
                "no elf.interp",
                "no elf.needed.1",
            ],
        ),
        (
            "bits_32",
            elf().narrow().machine(3),
            vec!["elf.class=bits32", "elf.machine=i386", "elf.soname=libtiny.so.1.2.3", BUILD_ID],
        ),
        (
            "big_endian",
            elf().big_endian().machine(22),
            vec!["elf.byte_order=big", "elf.machine=s390", "elf.soname=libtiny.so.1.2.3", BUILD_ID],
        ),
        ("big_endian_32", elf().big_endian().narrow(), vec!["elf.needed.0=libc.so.6", BUILD_ID]),
        (
            "order_of_needed",
            elf().needed(b"liba.so").needed(b"libc.so.6"),
            vec!["elf.needed.1=liba.so", "elf.needed.2=libc.so.6"],
        ),
        (
            "static_program",
            elf().kind(2).no_dynamic(),
            vec!["elf.elf_type=executable", "elf.is_static=true", "no elf.needed"],
        ),
        (
            "static_pie",
            elf().soname(None).no_needed().pie_flag(),
            vec!["elf.elf_type=pie-executable", "elf.is_static=true"],
        ),
        (
            "program",
            elf().soname(None).interp("/lib64/ld-linux-x86-64.so.2"),
            vec![
                "elf.elf_type=pie-executable",
                "elf.is_static=false",
                "elf.interp=/lib64/ld-linux-x86-64.so.2",
            ],
        ),
        // The C library can be run, which does not make it a program.
        ("library_with_interpreter", elf().interp("/lib/ld.so"), vec!["elf.elf_type=shared-library"]),
        ("library_without_needs", elf().no_needed(), vec!["elf.is_static=false", "no elf.needed"]),
        ("core", elf().kind(4), vec!["elf.elf_type=core", "no elf.soname"]),
        ("object", elf().kind(1), vec!["elf.elf_type=relocatable"]),
        ("unknown_machine", elf().machine(9999), vec!["elf.machine=machine-9999"]),
        ("no_build_id", elf().build_id(None), vec!["no elf.build_id"]),
        ("far_apart", elf().far(3 << 20), vec!["elf.soname=libtiny.so.1.2.3", BUILD_ID]),
        ("no_version", elf().soname(Some(b"plugin.so")), vec!["elf.soname=plugin.so", "no elf.version"]),
    ] {
        check(name, &file.build(), &expected);
    }
}

/// What the libraries of accelerators are called by their makers, and how far their numbers are the product's.
#[test]
fn libraries_of_accelerators_tell_their_release() {
    for (soname, path, expected) in [
        ("libcudart.so.12", "/usr/local/cuda/lib64/libcudart.so.12.4.127", Some("CUDA 12.4.127")),
        // In a wheel the file is called like its soname.
        ("libcudart.so.12", "/venv/nvidia/cuda_runtime/lib/libcudart.so.12", Some("CUDA 12")),
        ("libcudart.so.11.0", "/usr/local/cuda/lib64/libcudart.so.11.0", Some("CUDA 11")),
        ("libcudart.so.11.0", "/usr/local/cuda/lib64/libcudart.so.11.8.89", Some("CUDA 11.8.89")),
        ("libcudart-9335f6a2.so.12.4.127", "/venv/torch/lib/libcudart-9335f6a2.so.12", Some("CUDA 12.4.127")),
        ("libcublasLt.so.12", "/cuda/libcublasLt.so.12.4.5.8", Some("CUDA 12")),
        ("libnvrtc-builtins.so.12.4", "/cuda/libnvrtc-builtins.so.12.4.127", Some("CUDA 12")),
        ("libcufft.so.11", "/cuda/libcufft.so.11.2.1.3", Some("CUDA")),
        ("libcudnn.so.9", "/usr/lib/libcudnn.so.9.1.0", Some("cuDNN 9.1.0")),
        ("libcudnn_ops_infer.so.8", "/venv/libcudnn_ops_infer.so.8", Some("cuDNN 8")),
        ("libnvinfer.so.10", "/usr/lib/libnvinfer.so.10.0.1", Some("TensorRT 10.0.1")),
        ("libnvinfer_plugin.so.8", "/venv/libnvinfer_plugin.so.8", Some("TensorRT 8")),
        ("libnccl.so.2", "/usr/lib/libnccl.so.2.21.5", Some("NCCL 2.21.5")),
        ("libdnnl.so.3", "/usr/lib/libdnnl.so.3.6", Some("oneDNN 3.6")),
        ("libdnnl.so.2", "/usr/lib/libdnnl.so.2", Some("oneDNN 2")),
        ("libamdhip64.so.6", "/opt/rocm/lib/libamdhip64.so.6.2.41134", Some("HIP 6.2.41134")),
        ("librocblas.so.4", "/opt/rocm/lib/librocblas.so.4.2.60203", Some("ROCm 6.2.3")),
        ("libhsa-runtime64.so.1", "/opt/rocm/lib/libhsa-runtime64.so.1.14.60200", Some("ROCm 6.2.0")),
        ("librocblas.so.0", "/usr/lib/x86_64-linux-gnu/librocblas.so.0.1", Some("ROCm")),
        ("libcuda.so.1", "/usr/lib/libcuda.so.550.54.15", Some("NVIDIA driver 550.54.15")),
        ("libcuda.so.1", "/usr/lib/libcuda.so.1", Some("NVIDIA driver")),
        ("libcudacxx.so.1", "/usr/lib/libcudacxx.so.1.2.3", None),
        ("libz.so.1", "/usr/lib/libcudart.so.12.4.127", None),
    ] {
        let file = elf().soname(Some(soname.as_bytes())).build();
        let extracted = extract(&file.as_slice(), &Limits::default()).expect("memory").expect("ours");
        let path = SeenPath::new(path);
        let found = product(&extracted.elf.expect("a library"), &[&path].into());
        let found = found.map(|product| product.to_string());
        assert_eq!(found.as_deref(), expected, "{soname} at {path:?}");
    }
    // A file's name is whoever copied it; without a soname nothing is told.
    let file = elf().soname(None).build();
    let extracted = extract(&file.as_slice(), &Limits::default()).expect("memory").expect("ours");
    let path = SeenPath::new("/usr/lib/libcudart.so.12.4.127");
    assert_eq!(product(&extracted.elf.expect("a library"), &[&path].into()), None);
}

#[test]
fn survives_hostile_files() {
    let long = vec![b'l'; 5000];
    for (name, file, expected) in [
        ("magic_cut_short", elf().cut(3), vec!["not ours"]),
        ("magic_only", elf().cut(4), vec!["! 52 bytes wanted, 4 left in the file", "no elf.class"]),
        (
            "cut_in_the_segments",
            elf().cut(100),
            vec!["elf.machine=x86_64", "no elf.is_static", "! program headers at 64 of 168 bytes exceeds"],
        ),
        (
            "cut_in_the_dynamic_section",
            elf().cut(340),
            vec!["! dynamic section", "no elf.soname", "elf.is_static=false", BUILD_ID],
        ),
        ("segment_count_65535", elf().segment_count(65535), vec!["truncated=true", "! header count 65535"]),
        ("segment_count_past_end", elf().segment_count(100), vec!["! program headers at 64 of 5600 bytes"]),
        ("segment_size_8", elf().segment_size(8), vec!["! program header size 8 is not 56"]),
        (
            "strings_nowhere",
            elf().strings_address(0xdead_0000_0000),
            vec!["! string table address 0xdead00000000 lies in no segment", BUILD_ID],
        ),
        (
            "dynamic_size_past_end",
            elf().dynamic_size(u64::MAX),
            vec!["truncated=true", "! is read up to 262144 bytes", "! dynamic section at", BUILD_ID],
        ),
        ("no_end_mark", elf().no_end_mark(), vec!["! no end mark", "elf.soname=libtiny.so.1.2.3"]),
        (
            "build_id_longer_than_note",
            elf().note_size(u32::MAX),
            vec!["! malformed-header", "no elf.build_id"],
        ),
        ("build_id_of_200_bytes", elf().build_id(Some(&[1; 200])), vec!["! build-id of 200 bytes"]),
        (
            "soname_of_5000_bytes",
            elf().soname(Some(&long)),
            vec!["! has no end within 4096 bytes", "no elf.soname"],
        ),
        (
            "soname_not_utf8",
            elf().soname(Some(b"lib\xff.so.1")),
            vec!["! a library name is not UTF-8", "elf.soname=lib\u{fffd}.so.1", "elf.version=1"],
        ),
        (
            "interpreter_of_5000_bytes",
            elf().interp(&"i".repeat(5000)),
            vec!["truncated=true", "! interpreter path of 5001 bytes", "no elf.interp"],
        ),
        // The kernel does not read the dynamic section: damaging it does not hide that the program is static.
        (
            "static_with_a_broken_dynamic_section",
            elf().kind(2).dynamic_size(1 << 30),
            vec!["elf.is_static=true", "truncated=true", "! read up to", "! exceeds file size"],
        ),
    ] {
        check(name, &file.build(), &expected);
    }
    let mut class = elf().build();
    class[4] = 9;
    check("class_9", &class, &["! malformed-header", "no elf.class"]);
    let mut order = elf().build();
    order[5] = 0;
    check("order_0", &order, &["! malformed-header", "no elf.class"]);
}

/// The library of an engine, among functions that mean nothing.
fn engine() -> Elf {
    let others =
        ["tiny_open", "tiny_close", "tiny_read", "tiny_write", "tiny_seek", "tiny_tell", "tiny_sync"];
    let elf = others.iter().fold(elf().imported("malloc"), |elf, name| elf.exported(name));
    elf.exported("Py_BytesMain").imported("free")
}

const PYTHON: &str = "elf.exports.0=Py_BytesMain";

#[test]
fn finds_exported_markers() {
    let every = |elf: Elf| MARKERS.iter().fold(elf, |elf, name| elf.exported(name));
    for (name, file, expected) in [
        ("gnu_hash", engine(), vec![PYTHON, "no elf.exports.1", "elf.soname=libtiny.so.1.2.3", BUILD_ID]),
        ("both_tables", engine().sysv_hash(), vec![PYTHON]),
        ("old_table_alone", engine().sysv_hash().no_gnu_hash(), vec![PYTHON, "no elf.exports.1"]),
        ("bits_32", engine().narrow(), vec![PYTHON]),
        ("bits_32_old_table", engine().narrow().sysv_hash().no_gnu_hash(), vec![PYTHON]),
        ("big_endian", engine().big_endian(), vec![PYTHON]),
        ("big_endian_32", engine().big_endian().narrow(), vec![PYTHON]),
        (
            "s390_has_64_bit_entries",
            engine().big_endian().machine(22).sysv_hash().sysv_wide().no_gnu_hash(),
            vec!["elf.machine=s390", PYTHON],
        ),
        (
            "s390_of_31_bits_has_not",
            engine().big_endian().narrow().machine(22).sysv_hash().no_gnu_hash(),
            vec!["elf.machine=s390", PYTHON],
        ),
        (
            "every_marker",
            every(engine()),
            vec![
                "elf.exports.0=JNI_CreateJavaVM",
                "elf.exports.1=OrtGetApiBase",
                "elf.exports.2=Py_BytesMain",
                "elf.exports.22=zeInit",
                "no elf.exports.23",
            ],
        ),
        (
            "every_marker_old_table",
            every(engine()).sysv_hash().no_gnu_hash(),
            vec!["elf.exports.22=zeInit", "no elf.exports.23"],
        ),
        // Programs export too: an interpreter with everything inside.
        (
            "program",
            engine().kind(2).soname(None).interp("/lib/ld.so"),
            vec!["elf.elf_type=executable", PYTHON],
        ),
        ("no_names_needed", engine().soname(None).no_needed(), vec![PYTHON, "no elf.needed"]),
        ("other_names", elf().exported("Py_BytesMain2").exported("y_BytesMain"), vec!["no elf.exports"]),
        (
            "other_names_old_table",
            elf().exported("Py_BytesMain2").exported("y_BytesMain").sysv_hash().no_gnu_hash(),
            vec!["no elf.exports"],
        ),
        ("no_table", engine().no_gnu_hash(), vec!["no elf.exports"]),
        ("no_symbols", elf(), vec!["no elf.exports"]),
        ("no_dynamic_section", engine().kind(2).no_dynamic(), vec!["no elf.exports"]),
        // An interpreter that is linked with libpython calls it and defines nothing.
        ("imported", elf().imported("Py_BytesMain").exported("main"), vec!["no elf.exports"]),
        (
            "imported_old_table",
            elf().imported("Py_BytesMain").sysv_hash().no_gnu_hash(),
            vec!["no elf.exports"],
        ),
        (
            "imported_and_hashed",
            elf().imported("Py_BytesMain").exported("main").imports_hashed(),
            vec!["no elf.exports"],
        ),
        (
            "defined_behind_an_import",
            elf().imported("Py_BytesMain").exported("Py_BytesMain").imports_hashed(),
            vec![PYTHON],
        ),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn survives_hostile_hash_tables() {
    let crowd = (0..60).fold(elf(), |elf, _| elf.imported("Py_BytesMain")).exported("Py_BytesMain");
    let old = || engine().sysv_hash().no_gnu_hash();
    for (name, file, expected) in [
        (
            "gnu_table_nowhere",
            engine().gnu_hash_address(0xdead_0000_0000),
            vec!["! GNU hash table address 0xdead00000000 lies in no segment", "no elf.exports", BUILD_ID],
        ),
        (
            "gnu_table_at_the_last_address",
            engine().gnu_hash_address(u64::MAX),
            vec!["! GNU hash table address 0xffffffffffffffff lies in no", "no elf.exports"],
        ),
        // What no loader reads can still name what is inside.
        (
            "gnu_table_nowhere_with_an_old_one",
            engine().gnu_hash_address(1).sysv_hash(),
            vec!["! GNU hash table address 0x1 lies in no segment", PYTHON],
        ),
        ("no_bucket", engine().bucket_count(0), vec!["! GNU hash table has no bucket", "no elf.exports"]),
        ("no_bucket_old_table", old().bucket_count(0), vec!["! hash table has no bucket", "no elf.exports"]),
        (
            "buckets_past_end",
            engine().bucket_count(u32::MAX),
            vec!["! hash bucket address 0x", "no elf.exports", BUILD_ID],
        ),
        (
            "buckets_past_end_old_table",
            old().bucket_count(u32::MAX),
            vec![
                "! hash bucket",
                "! hash bucket",
                "! hash bucket",
                "! hash bucket",
                "! hash bucket",
                "no elf.exp",
            ],
        ),
        ("filter_of_0_words", engine().filter_words(0), vec!["! filter of 0 words", "no elf.exports"]),
        ("filter_of_3_words", engine().filter_words(3), vec!["! filter of 3 words", "no elf.exports"]),
        (
            "bucket_past_end",
            engine().bucket(u32::MAX),
            vec!["! hash chain address 0x", "no elf.exports", "elf.soname=libtiny.so.1.2.3"],
        ),
        (
            "bucket_past_end_old_table",
            elf().exported("Py_BytesMain").sysv_hash().no_gnu_hash().bucket(u32::MAX),
            vec![
                "! hash chain leads to symbol 4294967295 of a table of 2",
                "! hash chain leads to",
                "! hash chain leads to",
                "! hash chain leads to",
                "! hash chain leads to",
                "no elf.exports",
            ],
        ),
        (
            "bucket_before_the_first_symbol",
            engine().first_hashed(1000),
            vec!["! before 1000", "no elf.exports"],
        ),
        // The end of a chain matters only to those who did not find what they looked for.
        ("endless_chain_with_the_marker", engine().endless_chains(), vec![PYTHON]),
        (
            "endless_chain",
            engine().endless_chains().bucket(11),
            vec!["truncated=true", "! hash chain has no end within 256 entries", "no elf.exports"],
        ),
        (
            "circular_chain",
            old().endless_chains(),
            vec!["truncated=true", "! the budget of symbols is spent", BUILD_ID],
        ),
        (
            "thirty_imports_in_front",
            crowd.imports_hashed(),
            vec!["truncated=true", "! the budget of symbols is spent", "no elf.exports", BUILD_ID],
        ),
        (
            "symbols_nowhere",
            engine().symbols_address(0xdead_0000_0000),
            vec!["! symbol address 0xdead", "no elf.exports", BUILD_ID],
        ),
        (
            "symbols_past_the_last_address",
            engine().symbols_address(u64::MAX),
            vec!["! symbol at 0xffffffffffffffff has an item 10 past the last address", "no elf.exports"],
        ),
        (
            "no_symbol_table",
            engine().no_symbol_table(),
            vec!["! missing-field", "no elf.exports", "elf.soname=libtiny.so.1.2.3"],
        ),
    ] {
        check(name, &file.build(), &expected);
    }
}

/// The tables of a large library lie megabytes apart; each look costs a read, and there are few of them.
#[test]
fn looks_up_markers_with_few_reads() {
    let crowd = (0..60).fold(elf(), |elf, _| elf.imported("Py_BytesMain"));
    for (name, file, most) in [
        ("nothing_to_look_up", elf(), 6),
        ("gnu_hash", engine(), 20),
        ("old_table", engine().sysv_hash().no_gnu_hash(), 150),
        ("endless_chain", engine().endless_chains().bucket(11), 14),
        ("crowd", crowd.clone().imports_hashed(), 90),
        ("crowd_in_old_table", crowd.sysv_hash().no_gnu_hash(), 300),
        ("circular_chain", engine().sysv_hash().no_gnu_hash().endless_chains(), 520),
    ] {
        // The reader fetches a kibibyte at a time: no two tables may share one.
        let bytes = file.apart(4096).build();
        let input = Metered::new(&bytes);
        within_budget(name, &input, &Limits::default());
        assert!(input.reads.get() <= most, "{name}: {} reads", input.reads.get());
    }
}

#[test]
fn stops_at_its_limits() {
    let file = elf().needed(b"libm.so.6").build();
    let limits = Limits { needed: 1, ..Limits::default() };
    let expected = ["truncated=true", "elf.needed.0=libc.so.6", "no elf.needed.1", "! more than 1 needed"];
    check_within("needed", &file, &limits, &expected);
}

/// The running test is a real program of a real linker.
#[test]
fn reads_this_very_program() {
    let bytes = std::fs::read("/proc/self/exe").expect("procfs is mounted");
    let extracted = extract(&bytes, &Limits::default()).expect("no input fails").expect("this is ELF");
    assert_eq!(extracted.kind, FileKind::Elf);
    assert_eq!(extracted.issues, []);
    let elf = extracted.elf.expect("ELF has its part");
    assert_eq!(elf.machine, std::env::consts::ARCH);
    assert!(matches!(elf.elf_type, ElfType::PieExecutable | ElfType::Executable), "{elf:?}");
    assert!(elf.exports.is_empty(), "{elf:?}");
    if cfg!(target_env = "gnu") {
        assert!(elf.needed.iter().any(|library| library == "libc.so.6"), "{elf:?}");
        assert_eq!(elf.is_static, Some(false));
    }
}
