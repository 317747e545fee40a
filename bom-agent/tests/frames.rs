//! Every program has 512 bytes of stack together with what it calls. Kernels before 6.9 or so count each frame in steps
//! of 32 bytes (kernel/bpf/verifier.c, check_max_stack_depth) and refuse what is over it; later ones are more generous,
//! so that trying on one machine tells nothing.

use std::collections::{BTreeMap, BTreeSet};

use goblin::elf::{Elf, sym::STT_FUNC, sym::STT_SECTION};

static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("AIBOM_EBPF_OBJECT"));

const STACK: u64 = 512;
const STEP: u64 = 32;
/// Bytes of an instruction, and of the one that takes two (a 64-bit constant).
const ONE: usize = 8;
const WIDE: u8 = 0x18;
const CALL: u8 = 0x85;
const MOVE: u8 = 0xbf;
const ADD: u8 = 0x07;
/// BPF_PSEUDO_CALL (include/uapi/linux/bpf.h).
const PSEUDO_CALL: u8 = 1;
/// The frame pointer.
const FRAME: u8 = 10;

/// Section and offset.
type Place = (usize, u64);

#[derive(Debug)]
struct Function {
    name: String,
    frame: u64,
    calls: BTreeSet<Place>,
}

struct Instruction {
    code: u8,
    destination: u8,
    source: u8,
    offset: i16,
    constant: i32,
}

fn instruction(bytes: &[u8]) -> Instruction {
    let bytes: [u8; ONE] = bytes[..ONE].try_into().expect("eight bytes");
    Instruction {
        code: bytes[0],
        destination: bytes[1] & 15,
        source: bytes[1] >> 4,
        offset: i16::from_le_bytes([bytes[2], bytes[3]]),
        constant: i32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    }
}

fn functions(object: &[u8]) -> BTreeMap<Place, Function> {
    let elf = Elf::parse(object).expect("our own object");
    let mut relocations: BTreeMap<Place, Place> = BTreeMap::new();
    let mut to_sections: BTreeSet<Place> = BTreeSet::new();
    for (section, list) in &elf.shdr_relocs {
        let of = elf.section_headers[*section].sh_info as usize;
        for relocation in list {
            let symbol = elf.syms.get(relocation.r_sym).expect("a symbol");
            relocations.insert((of, relocation.r_offset), (symbol.st_shndx, symbol.st_value));
            if symbol.st_type() == STT_SECTION {
                to_sections.insert((of, relocation.r_offset));
            }
        }
    }
    let mut functions = BTreeMap::new();
    for symbol in elf.syms.iter().filter(|symbol| symbol.st_type() == STT_FUNC) {
        let section = &elf.section_headers[symbol.st_shndx];
        let start = usize::try_from(section.sh_offset + symbol.st_value).expect("an offset");
        let code = &object[start..start + usize::try_from(symbol.st_size).expect("a size")];
        let (mut frame, mut calls) = (0_i64, BTreeSet::new());
        let mut at = 0;
        while at < code.len() {
            let now = instruction(&code[at..]);
            let place = (symbol.st_shndx, symbol.st_value + at as u64);
            // Stores (classes 2 and 3) and loads (class 1) by the frame pointer, and addresses made from it.
            if now.code != WIDE
                && (matches!(now.code & 7, 2 | 3) && now.destination == FRAME
                    || now.code & 7 == 1 && now.source == FRAME)
            {
                frame = frame.max(-i64::from(now.offset));
            }
            if now.code == MOVE && now.source == FRAME {
                let next = instruction(&code[at + ONE..]);
                if next.code == ADD && next.destination == now.destination {
                    frame = frame.max(-i64::from(next.constant));
                }
            }
            if now.code == CALL && now.source == PSEUDO_CALL {
                let bytes = (i64::from(now.constant) + 1) * ONE as i64;
                let (section, base) = match relocations.get(&place) {
                    Some(&(section, _)) if to_sections.contains(&place) => (section, 0),
                    Some(&target) => target,
                    None => place,
                };
                let named = relocations.contains_key(&place) && !to_sections.contains(&place);
                calls.insert((section, if named { base } else { base.wrapping_add_signed(bytes) }));
            }
            // The address of a function, for a helper that calls it: written as its place in the section.
            if now.code == WIDE
                && let Some(&(section, value)) = relocations.get(&place)
                && elf.section_headers[section].is_executable()
            {
                calls.insert((section, value + u64::from(now.constant.unsigned_abs())));
            }
            at += if now.code == WIDE { 2 * ONE } else { ONE };
        }
        let name = elf.strtab.get_at(symbol.st_name).unwrap_or_default().to_owned();
        let frame = frame.unsigned_abs();
        functions.insert((symbol.st_shndx, symbol.st_value), Function { name, frame, calls });
    }
    functions
}

/// The deepest way down from a function, with its names.
fn deepest(functions: &BTreeMap<Place, Function>, from: Place, above: &[Place]) -> (u64, Vec<String>) {
    let function =
        functions.get(&from).unwrap_or_else(|| panic!("a call to nowhere: {from:?} from {above:?}"));
    assert!(!above.contains(&from), "{} calls itself", function.name);
    let above: Vec<Place> = above.iter().copied().chain([from]).collect();
    let below = function.calls.iter().map(|&callee| deepest(functions, callee, &above));
    let (depth, mut names) = below.max().unwrap_or_default();
    names.insert(0, format!("{} ({})", function.name, function.frame));
    (depth + function.frame.max(1).next_multiple_of(STEP), names)
}

#[test]
fn every_program_fits_on_the_stack_of_old_kernels() {
    let functions = functions(OBJECT);
    let called: BTreeSet<Place> = functions.values().flat_map(|function| function.calls.clone()).collect();
    let programs: Vec<Place> = functions.keys().copied().filter(|place| !called.contains(place)).collect();
    assert!(programs.len() > 40, "{}", programs.len());
    let depths: Vec<_> = programs.iter().map(|&program| deepest(&functions, program, &[])).collect();
    // The measure sees something: the largest program is nowhere near an empty one.
    assert!(depths.iter().any(|(depth, _)| *depth > STACK / 2));
    let over: Vec<_> = depths.iter().filter(|(depth, _)| *depth > STACK).collect();
    assert!(over.is_empty(), "{over:#?}");
}
