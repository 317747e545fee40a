//! rpm's headers, and the two kinds of files other than SQLite's that have held them.

/// An rpm header: name, version, release and files below one directory, each with its index for a SHA-256.
#[must_use]
pub fn rpm_header(name: &str, version: &str, release: &str, directory: &str, files: &[&str]) -> Vec<u8> {
    let text = |text: &str| [text.as_bytes(), b"\0"].concat();
    let names: Vec<u8> = files.iter().flat_map(|file| text(file)).collect();
    let indexes = vec![0; 4 * files.len()];
    let count = files.len() as u32;
    let digests: Vec<u8> = (0..files.len()).flat_map(|file| text(&format!("{file:064x}"))).collect();
    let rows: [(u32, u32, Vec<u8>, u32); 9] = [
        (5011, 4, 8_u32.to_be_bytes().to_vec(), 1),
        (1116, 4, indexes, count),
        (1000, 6, text(name), 1),
        (1001, 6, text(version), 1),
        (1002, 6, text(release), 1),
        (1022, 6, text("noarch"), 1),
        (1117, 8, names, count),
        (1118, 8, text(directory), 1),
        (1035, 8, digests, count),
    ];
    let (mut table, mut data) = (Vec::new(), Vec::new());
    for (tag, kind, bytes, count) in rows {
        for value in [tag, kind, data.len() as u32, count] {
            table.extend(value.to_be_bytes());
        }
        data.extend(bytes);
    }
    [(9_u32).to_be_bytes().to_vec(), (data.len() as u32).to_be_bytes().to_vec(), table, data].concat()
}

/// rpm's own file, after lib/backend/ndb/rpmpkg.c: a page of slots, then the headers.
#[must_use]
pub fn rpm_ndb(packages: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let generation = packages.len() as u32 + 1;
    let mut slots = [b"RpmP".to_vec(), words(&[0, generation, 1, generation]), vec![0; 12]].concat();
    let mut blobs = Vec::new();
    // The second slot is one whose package was removed.
    for (index, (number, header)) in packages.iter().enumerate() {
        if index == 1 {
            slots.extend([b"Slot".to_vec(), words(&[0, 0, 0])].concat());
        }
        let blocks = (header.len() + 28).div_ceil(16);
        let block = (4096 + blobs.len()) / 16;
        slots.extend([b"Slot".to_vec(), words(&[*number, block as u32, blocks as u32])].concat());
        let end = blobs.len() + blocks * 16 - 12;
        blobs.extend([b"BlbS".to_vec(), words(&[*number, generation, header.len() as u32])].concat());
        blobs.extend_from_slice(header);
        blobs.resize(end, 0);
        // The checksum is nobody's concern here.
        blobs.extend([words(&[0, header.len() as u32]), b"BlbE".to_vec()].concat());
    }
    while slots.len() < 4096 {
        slots.extend([b"Slot".to_vec(), words(&[0, 0, 0])].concat());
    }
    [slots, blobs].concat()
}

/// A hash table of Berkeley DB, after db_page.h of its version 5.3: one bucket with rpm's counter and the packages, of
/// which those larger than a quarter of a page stand in pages of their own. `big` is the byte order.
#[must_use]
pub fn rpm_berkeley(packages: &[(u32, Vec<u8>)], page_bytes: usize, big: bool) -> Vec<u8> {
    let word = |word: u32| if big { word.to_be_bytes() } else { word.to_le_bytes() };
    let short = |short: usize| if big { (short as u16).to_be_bytes() } else { (short as u16).to_le_bytes() };
    let page = |number: usize, next: usize, items: usize, offset: usize, kind: u8| {
        let mut page = vec![0; page_bytes];
        for (at, value) in [(8, number), (16, next)] {
            page[at..at + 4].copy_from_slice(&word(value as u32));
        }
        page[20..22].copy_from_slice(&short(items));
        page[22..24].copy_from_slice(&short(offset));
        page[25] = kind;
        page
    };
    let mut items = vec![[&[1], &word(0)[..]].concat(), [&[1], &word(packages.len() as u32)[..]].concat()];
    let mut chains = Vec::new();
    for (number, header) in packages {
        items.push([&[1], &word(*number)[..]].concat());
        if header.len() < page_bytes / 4 {
            items.push([&[1], header.as_slice()].concat());
            continue;
        }
        let first = chains.len() + 2;
        items.push([&[3, 0, 0, 0], &word(first as u32)[..], &word(header.len() as u32)].concat());
        let parts: Vec<&[u8]> = header.chunks(page_bytes - 26).collect();
        for (index, part) in parts.iter().enumerate() {
            let next = if index + 1 < parts.len() { first + index + 1 } else { 0 };
            let mut chain = page(first + index, next, 1, part.len(), 7);
            chain[26..26 + part.len()].copy_from_slice(part);
            chains.push(chain);
        }
    }
    let used: usize = items.iter().map(Vec::len).sum();
    let mut bucket = page(1, 0, items.len(), page_bytes - used, 13);
    let mut end = page_bytes;
    for (index, item) in items.iter().enumerate() {
        end -= item.len();
        bucket[end..end + item.len()].copy_from_slice(item);
        bucket[26 + index * 2..28 + index * 2].copy_from_slice(&short(end));
    }
    let mut meta = page(0, 0, 0, 0, 8);
    // The last page is one that was given back.
    let last = chains.len() + 2;
    for (at, value) in [(12, 0x0006_1561), (16, 9), (20, page_bytes), (28, last), (32, last)] {
        meta[at..at + 4].copy_from_slice(&word(value as u32));
    }
    [vec![meta, bucket], chains, vec![page(last, 0, 0, 0, 0)]].concat().concat()
}
