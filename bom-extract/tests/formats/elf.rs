use bom_core::metadata::{ElfType, FileKind};
use bom_extract::{Limits, extract};
use bom_testkit::synth::elf;

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
    if cfg!(target_env = "gnu") {
        assert!(elf.needed.iter().any(|library| library == "libc.so.6"), "{elf:?}");
        assert_eq!(elf.is_static, Some(false));
    }
}
