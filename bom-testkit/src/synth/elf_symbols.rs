//! The dynamic symbols of an ELF file, with the hash tables that lead to them.
//!
//! From the System V gABI, chapter 5, and for the GNU table from what binutils writes.

use super::elf::Out;

/// Symbols, which tables to write for them, and where those lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Symbols {
    /// Name, and whether it is defined here.
    pub(super) list: Vec<(String, bool)>,
    pub(super) no_gnu: bool,
    pub(super) sysv: bool,
    /// 64-bit entries, as on s390x.
    pub(super) sysv_wide: bool,
    pub(super) imports_hashed: bool,
    pub(super) filter_words: Option<u32>,
    pub(super) bucket_count: Option<u32>,
    pub(super) first_symbol: Option<u32>,
    pub(super) bucket: Option<u32>,
    pub(super) endless: bool,
    pub(super) gnu_address: Option<u64>,
    pub(super) table_address: Option<u64>,
    pub(super) no_table: bool,
    /// Bytes of other things between any two tables.
    pub(super) apart: usize,
}

const BUCKETS: u64 = 3;
const FILTER_WORDS: u64 = 2;
const FILTER_SHIFT: u32 = 6;

impl Symbols {
    /// Appends names to `strings` and tables to `body`, whose first byte has the address `base`; gives the dynamic
    /// entries that point to them.
    pub(super) fn write(
        &self,
        strings: &mut Vec<u8>,
        body: &mut Out,
        base: u64,
        wide: bool,
    ) -> Vec<(u64, u64)> {
        if self.list.is_empty() {
            return Vec::new();
        }
        // A GNU table covers the end of the symbol table, in the order of its buckets.
        let (mut hashed, mut symbols): (Vec<_>, Vec<_>) =
            self.list.iter().partition(|(_, defined)| *defined || self.imports_hashed);
        hashed.sort_by_key(|(name, _)| gnu_hash(name) % BUCKETS);
        let first = symbols.len() as u64 + 1;
        symbols.extend(&hashed);

        let mut entries = Vec::new();
        body.pad(16);
        entries.push((6, self.table_address.unwrap_or(base + body.bytes.len() as u64)));
        entries.push((11, if wide { 24 } else { 16 }));
        body.bytes.resize(body.bytes.len() + if wide { 24 } else { 16 }, 0);
        for (name, defined) in &symbols {
            let at = strings.len() as u32;
            strings.extend_from_slice(name.as_bytes());
            strings.push(0);
            symbol(body, at, *defined, wide);
        }
        if self.no_table {
            entries.clear();
        }
        if !self.no_gnu {
            self.gap(body);
            entries.push((0x6fff_fef5, self.gnu_address.unwrap_or(base + body.bytes.len() as u64)));
            let names: Vec<&str> = hashed.iter().map(|(name, _)| name.as_str()).collect();
            self.gnu(body, &names, first, wide);
        }
        if self.sysv {
            self.gap(body);
            entries.push((4, base + body.bytes.len() as u64));
            let names: Vec<&str> = symbols.iter().map(|(name, _)| name.as_str()).collect();
            self.sysv(body, &names);
        }
        self.gap(body);
        entries
    }

    fn gap(&self, body: &mut Out) {
        body.bytes.resize(body.bytes.len() + self.apart, 0xcc);
        body.pad(8);
    }

    fn gnu(&self, body: &mut Out, names: &[&str], first: u64, wide: bool) {
        body.u32(self.bucket_count.unwrap_or(BUCKETS as u32));
        body.u32(self.first_symbol.unwrap_or(first as u32));
        body.u32(self.filter_words.unwrap_or(FILTER_WORDS as u32));
        body.u32(FILTER_SHIFT);
        let bits = if wide { 64 } else { 32 };
        let mut filter = [0_u64; FILTER_WORDS as usize];
        for name in names {
            let hash = gnu_hash(name);
            let word = (hash / bits) % FILTER_WORDS;
            filter[word as usize] |= 1 << (hash % bits) | 1 << ((hash >> FILTER_SHIFT) % bits);
        }
        for word in filter {
            body.address(word, wide);
        }
        for bucket in 0..BUCKETS {
            let place = names.iter().position(|name| gnu_hash(name) % BUCKETS == bucket);
            body.u32(self.bucket.unwrap_or(place.map_or(0, |place| (first + place as u64) as u32)));
        }
        for (at, name) in names.iter().enumerate() {
            let hash = gnu_hash(name);
            let last = names.get(at + 1).is_none_or(|next| gnu_hash(next) % BUCKETS != hash % BUCKETS);
            body.u32(hash as u32 & !1 | u32::from(last && !self.endless));
        }
        if self.endless {
            body.bytes.resize(body.bytes.len() + 4000, 0);
        }
    }

    /// One bucket for every second symbol; each new symbol goes in front of its chain.
    fn sysv(&self, body: &mut Out, names: &[&str]) {
        let count = names.len() + 1;
        let mut buckets = vec![0; count.div_ceil(2)];
        let mut chains = vec![0; count];
        for (at, name) in names.iter().enumerate() {
            let at = at as u32 + 1;
            let bucket = sysv_hash(name) as usize % buckets.len();
            chains[at as usize] = if self.endless { at } else { buckets[bucket] };
            buckets[bucket] = self.bucket.unwrap_or(at);
        }
        let counts = [self.bucket_count.unwrap_or(buckets.len() as u32), count as u32];
        for value in counts.into_iter().chain(buckets).chain(chains) {
            body.address(u64::from(value), self.sysv_wide);
        }
    }
}

/// A function, seen from outside.
fn symbol(body: &mut Out, name: u32, defined: bool, wide: bool) {
    let (value, size) = if defined { (0x40_1000, 16) } else { (0, 0) };
    body.u32(name);
    if !wide {
        body.u32(value);
        body.u32(size);
    }
    body.bytes.extend([0x12, 0]);
    body.u16(if defined { 9 } else { 0 });
    if wide {
        body.address(u64::from(value), true);
        body.address(u64::from(size), true);
    }
}

/// Bernstein's hash, as 32 bits.
fn gnu_hash(name: &str) -> u64 {
    let mut hash: u64 = 5381;
    for byte in name.bytes() {
        hash = ((hash << 5) + hash + u64::from(byte)) & 0xffff_ffff;
    }
    hash
}

/// The hash printed in the gABI.
fn sysv_hash(name: &str) -> u64 {
    let mut hash: u64 = 0;
    for byte in name.bytes() {
        hash = (hash << 4) + u64::from(byte);
        let high = hash & 0xf000_0000;
        if high != 0 {
            hash ^= high >> 24;
        }
        hash &= 0x0fff_ffff;
    }
    hash
}
