//! Which of the [`MARKERS`] an ELF file defines in its dynamic symbol table.
//!
//! Source: the System V gABI, chapter 5, for the symbol table and `DT_HASH`; binutils and glibc, which introduced it,
//! for `DT_GNU_HASH`. No symbol table is read as a whole: an interpreter has thousands of symbols, node has 75 000. Each
//! marker is looked up as a loader does it, and nearly always the filter in front of the GNU table ends that at once.
//!
//! The tables are whatever the file says they are. Every address goes through the program headers, every step is
//! counted, and running out of steps is an issue: a marker that was not looked for to the end is not absent.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode, MARKERS};
use goblin::container::Ctx;
use goblin::elf::program_header::ProgramHeader;
use goblin::elf::section_header::SHN_UNDEF;
use goblin::elf::sym::Sym;

use crate::draft::{Draft, Stop};
use crate::format::elf::file_offset;
use crate::reader::{Reader, u64_of};

/// Entries of one GNU hash chain looked at, a kibibyte of file. Linkers aim for chains of one to four.
const CHAIN_STEPS: u64 = 256;
/// Symbols that a GNU table may lead to, over all markers, at two reads each. It leads to those whose hash is that of a
/// marker: the marker itself, once for each of its versions.
const GNU_SYMBOLS: u32 = 32;
/// Symbols that a `DT_HASH` table may lead to, over all markers, at three reads each. It leads through a whole chain even
/// to a name that is not there. GNU ld writes the longest ones into small tables, about five symbols for each bucket.
const SYSV_SYMBOLS: u32 = 160;
/// Damaged chains after which the table is given up: then it is not a chain that is damaged.
const DAMAGED: usize = 5;

/// Where the dynamic section says that the tables are, as addresses; `None` where it says nothing.
pub(crate) struct Tables<'s> {
    /// File offset of the dynamic section, for issues.
    pub(crate) at: u64,
    pub(crate) segments: &'s [ProgramHeader],
    pub(crate) ctx: Ctx,
    pub(crate) order: ByteOrder,
    /// Bytes of one entry of `DT_HASH`: 4 or 8.
    pub(crate) sysv_entry: u64,
    pub(crate) gnu_hash: Option<u64>,
    pub(crate) sysv_hash: Option<u64>,
    pub(crate) symbols: Option<u64>,
    pub(crate) strings: Option<u64>,
    /// Size of the string table in bytes.
    pub(crate) strings_size: u64,
}

/// Adds the markers that the file defines to `exports`. What is wrong with the tables becomes issues.
///
/// # Errors
/// A failed read, or the budget being spent: then nothing further can be read of this file.
pub(crate) fn find(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    tables: &Tables<'_>,
    exports: &mut BTreeSet<String>,
) -> Result<(), Stop> {
    let mut lookup = Lookup { reader, tables, symbols_left: 0 };
    let Some(table) = lookup.table(draft)? else { return Ok(()) };
    lookup.symbols_left = table.symbols();
    let mut damaged = 0_usize;
    for marker in MARKERS {
        match lookup.defines(&table, marker) {
            Ok(true) => drop(exports.insert(marker.to_string())),
            Ok(false) => {}
            Err(stop) if is_final(&stop) => return Err(stop),
            // One damaged chain says nothing about the others.
            Err(stop) => {
                draft.absorb(Err(stop))?;
                damaged = damaged.saturating_add(1);
                if damaged >= DAMAGED {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn is_final(stop: &Stop) -> bool {
    match stop {
        Stop::Read(_) => true,
        Stop::Limit(issue) | Stop::Broken(issue) => issue.code == IssueCode::BudgetSpent,
    }
}

/// A hash table whose header was read and makes sense. Positions are addresses.
enum HashTable {
    Gnu {
        filter: u64,
        /// In words as wide as an address; a power of two.
        filter_words: u32,
        filter_shift: u32,
        buckets: u64,
        bucket_count: u32,
        chains: u64,
        /// Number of the first symbol in the table; those before it are not defined here.
        first_symbol: u32,
    },
    Sysv {
        buckets: u64,
        bucket_count: u64,
        chains: u64,
        /// Also the number of symbols.
        chain_count: u64,
    },
}

impl HashTable {
    /// How many symbols are looked at.
    fn symbols(&self) -> u32 {
        match self {
            Self::Gnu { .. } => GNU_SYMBOLS,
            Self::Sysv { .. } => SYSV_SYMBOLS,
        }
    }
}

struct Lookup<'l, 'a> {
    reader: &'l mut Reader<'a>,
    tables: &'l Tables<'l>,
    symbols_left: u32,
}

impl Lookup<'_, '_> {
    /// The GNU table, or the older one if there is none or its header is damaged. `None` if there is neither: no loader
    /// finds a symbol in such a file.
    fn table(&mut self, draft: &mut Draft<'_>) -> Result<Option<HashTable>, Stop> {
        if let Some(address) = self.tables.gnu_hash {
            match self.gnu_table(address) {
                Ok(table) => return Ok(Some(table)),
                Err(stop) if is_final(&stop) => return Err(stop),
                Err(stop) => draft.absorb(Err(stop))?,
            }
        }
        self.tables.sysv_hash.map(|address| self.sysv_table(address)).transpose()
    }

    fn gnu_table(&mut self, address: u64) -> Result<HashTable, Stop> {
        let what = "GNU hash table";
        let bucket_count = self.word(what, address, 0)?;
        let first_symbol = self.word(what, address, 1)?;
        let filter_words = self.word(what, address, 2)?;
        let filter_shift = self.word(what, address, 3)?;
        if bucket_count == 0 {
            return Err(self.invalid(address, format!("{what} has no bucket")));
        }
        // Loaders mask with one less than this, so another number means nothing.
        if !filter_words.is_power_of_two() {
            let detail = format!("filter of {filter_words} words in the {what} is not a power of two");
            return Err(self.invalid(address, detail));
        }
        let filter = self.item(what, address, 4, 4)?;
        let buckets = self.item(what, filter, u64::from(filter_words), self.filter_bytes())?;
        let chains = self.item(what, buckets, u64::from(bucket_count), 4)?;
        Ok(HashTable::Gnu { filter, filter_words, filter_shift, buckets, bucket_count, chains, first_symbol })
    }

    fn sysv_table(&mut self, address: u64) -> Result<HashTable, Stop> {
        let what = "hash table";
        let bucket_count = self.sysv_word(what, address, 0)?;
        let chain_count = self.sysv_word(what, address, 1)?;
        if bucket_count == 0 {
            return Err(self.invalid(address, format!("{what} has no bucket")));
        }
        let buckets = self.item(what, address, 2, self.tables.sysv_entry)?;
        let chains = self.item(what, buckets, bucket_count, self.tables.sysv_entry)?;
        Ok(HashTable::Sysv { buckets, bucket_count, chains, chain_count })
    }

    fn defines(&mut self, table: &HashTable, marker: &str) -> Result<bool, Stop> {
        match *table {
            HashTable::Gnu {
                filter,
                filter_words,
                filter_shift,
                buckets,
                bucket_count,
                chains,
                first_symbol,
            } => {
                let hash = gnu_hash(marker);
                if !self.passes(filter, filter_words, filter_shift, hash)? {
                    return Ok(false);
                }
                let bucket = u64::from(hash.checked_rem(bucket_count).unwrap_or(0));
                let first = self.word("hash bucket", buckets, bucket)?;
                if first == 0 {
                    return Ok(false);
                }
                let Some(start) = first.checked_sub(first_symbol) else {
                    let detail =
                        format!("hash bucket {bucket} starts at symbol {first}, before {first_symbol}");
                    return Err(self.invalid(buckets, detail));
                };
                let mut same = Vec::new();
                let outcome = self.gnu_chain(chains, u64::from(start), hash, &mut same);
                for step in same {
                    if self.is_defined(u64::from(first).saturating_add(step), marker)? {
                        return Ok(true);
                    }
                }
                outcome.map(|()| false)
            }
            HashTable::Sysv { buckets, bucket_count, chains, chain_count } => {
                let bucket = u64::from(sysv_hash(marker)).checked_rem(bucket_count).unwrap_or(0);
                let mut symbol = self.sysv_word("hash bucket", buckets, bucket)?;
                // Nothing keeps a chain from leading back into itself; the budget of symbols ends it.
                while symbol != 0 {
                    if symbol >= chain_count {
                        let detail =
                            format!("hash chain leads to symbol {symbol} of a table of {chain_count}");
                        return Err(self.invalid(chains, detail));
                    }
                    if self.is_defined(symbol, marker)? {
                        return Ok(true);
                    }
                    symbol = self.sysv_word("hash chain", chains, symbol)?;
                }
                Ok(false)
            }
        }
    }

    /// The Bloom filter in front of a GNU table: two bits of one word. Unset means that no loader looks further.
    fn passes(&mut self, filter: u64, words: u32, shift: u32, hash: u32) -> Result<bool, Stop> {
        let width = self.filter_bytes().saturating_mul(8);
        let hash = u64::from(hash);
        let index = hash.checked_div(width).unwrap_or(0) & u64::from(words).saturating_sub(1);
        let place = self.place("hash filter", filter, index, self.filter_bytes())?;
        self.reader.seek(place);
        let word = if self.tables.ctx.container.is_big() {
            self.reader.u64(self.tables.order)?
        } else {
            u64::from(self.reader.u32(self.tables.order)?)
        };
        let bit = |hash: u64| {
            let at = u32::try_from(hash.checked_rem(width).unwrap_or(0)).unwrap_or(0);
            word.checked_shr(at).unwrap_or(0) & 1 == 1
        };
        Ok(bit(hash) && bit(hash.checked_shr(shift).unwrap_or(0)))
    }

    /// Walks one chain from entry `start` on and notes the steps at which the hash is `hash`, bit 0 aside: that one marks
    /// the end.
    fn gnu_chain(&mut self, chains: u64, start: u64, hash: u32, same: &mut Vec<u64>) -> Result<(), Stop> {
        for step in 0..CHAIN_STEPS {
            let entry = self.word("hash chain", chains, start.saturating_add(step))?;
            if entry | 1 == hash | 1 {
                same.push(step);
            }
            if entry & 1 == 1 {
                return Ok(());
            }
        }
        let detail = format!("hash chain has no end within {CHAIN_STEPS} entries");
        Err(Stop::limit(IssueCode::CountExceedsLimit, self.reader.pos(), detail))
    }

    /// Whether the symbol of this number is called `marker` and defined here, not only referred to.
    fn is_defined(&mut self, symbol: u64, marker: &str) -> Result<bool, Stop> {
        let Some(left) = self.symbols_left.checked_sub(1) else {
            let detail = "the budget of symbols is spent".to_string();
            return Err(Stop::limit(IssueCode::BudgetSpent, self.tables.at, detail));
        };
        self.symbols_left = left;
        let size = u64_of(Sym::size(self.tables.ctx.container));
        let address = self.required("symbol table", self.tables.symbols)?;
        let place = self.place("symbol", address, symbol, size)?;
        self.reader.seek(place);
        let bytes = self.reader.bytes(size)?;
        let parsed =
            Sym::parse(&bytes, 0, 1, self.tables.ctx).ok().and_then(|symbols| symbols.first().copied());
        let Some(parsed) = parsed else {
            return Err(self.invalid(address, format!("symbol {symbol} cannot be read")));
        };
        Ok(u64_of(parsed.st_shndx) != u64::from(SHN_UNDEF) && self.is_named(parsed.st_name, marker)?)
    }

    fn is_named(&mut self, index: usize, marker: &str) -> Result<bool, Stop> {
        let strings = self.required("string table", self.tables.strings)?;
        let wanted = u64_of(marker.len()).saturating_add(1);
        let end = u64_of(index).saturating_add(wanted);
        if end > self.tables.strings_size {
            // Too short for this name, whatever it is.
            return Ok(false);
        }
        let place = self.place("symbol name", strings, u64_of(index), 1)?;
        if place.checked_add(wanted).is_none_or(|end| end > self.reader.len()) {
            return Ok(false);
        }
        self.reader.seek(place);
        let bytes = self.reader.bytes(wanted)?;
        Ok(bytes.strip_suffix(&[0]) == Some(marker.as_bytes()))
    }

    /// Width of the words of the filter of a GNU table.
    fn filter_bytes(&self) -> u64 {
        if self.tables.ctx.container.is_big() { 8 } else { 4 }
    }

    fn word(&mut self, what: &str, base: u64, index: u64) -> Result<u32, Stop> {
        let place = self.place(what, base, index, 4)?;
        self.reader.seek(place);
        self.reader.u32(self.tables.order)
    }

    fn sysv_word(&mut self, what: &str, base: u64, index: u64) -> Result<u64, Stop> {
        if self.tables.sysv_entry != 8 {
            return self.word(what, base, index).map(u64::from);
        }
        let place = self.place(what, base, index, 8)?;
        self.reader.seek(place);
        self.reader.u64(self.tables.order)
    }

    /// Where item `index` of a table of items of `size` bytes stands in the file.
    fn place(&self, what: &str, base: u64, index: u64, size: u64) -> Result<u64, Stop> {
        let address = self.item(what, base, index, size)?;
        file_offset(self.tables.segments, address).ok_or_else(|| {
            self.invalid(self.tables.at, format!("{what} address {address:#x} lies in no segment"))
        })
    }

    /// The address of item `index`.
    fn item(&self, what: &str, base: u64, index: u64, size: u64) -> Result<u64, Stop> {
        index.checked_mul(size).and_then(|offset| base.checked_add(offset)).ok_or_else(|| {
            let detail = format!("{what} at {base:#x} has an item {index} past the last address");
            Stop::broken(IssueCode::ArithmeticOverflow, self.tables.at, detail)
        })
    }

    fn required(&self, what: &str, address: Option<u64>) -> Result<u64, Stop> {
        address.ok_or_else(|| {
            let detail = format!("the dynamic section has no {what}");
            Stop::broken(IssueCode::MissingField, self.tables.at, detail)
        })
    }

    /// An issue at the file offset of `address`.
    fn invalid(&self, address: u64, detail: String) -> Stop {
        let offset = file_offset(self.tables.segments, address).unwrap_or(self.tables.at);
        Stop::broken(IssueCode::InvalidValue, offset, detail)
    }
}

/// The hash of `DT_GNU_HASH`.
fn gnu_hash(name: &str) -> u32 {
    name.bytes().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

/// The hash of `DT_HASH`, chapter 5 of the gABI.
fn sysv_hash(name: &str) -> u32 {
    name.bytes().fold(0, |hash: u32, byte| {
        let hash = hash.wrapping_shl(4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ high.wrapping_shr(24)) & !high
    })
}
