//! A SQLite database with one table of a number and a blob, after sqlite.org/fileformat2.html.

/// A database of pages of that size whose table `name` has these rows: one leaf, an interior page in front if `deep`, and
/// overflow pages.
#[must_use]
pub fn sqlite(name: &str, rows: &[(i64, Vec<u8>)], deep: bool, page_bytes: usize) -> Vec<u8> {
    let root = 2_u32;
    let leaf = if deep { 3 } else { 2 };
    let mut overflow: Vec<Vec<u8>> = Vec::new();
    let mut first_free = leaf + 1;
    let cells: Vec<Vec<u8>> = rows
        .iter()
        .map(|(number, blob)| {
            let record = record(&[Value::Null, Value::Blob(blob)]);
            cell(page_bytes, *number, &record, &mut overflow, &mut first_free)
        })
        .collect();
    let sql = format!("CREATE TABLE '{name}' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)");
    let schema = record(&[
        Value::Text("table"),
        Value::Text(name),
        Value::Text(name),
        Value::Integer(root as u8),
        Value::Text(&sql),
    ]);
    let schema = cell(page_bytes, 1, &schema, &mut Vec::new(), &mut 0);
    let mut pages = vec![leaf_page(page_bytes, 100, &[schema])];
    if deep {
        // No cells: everything is below the last pointer.
        let mut page = vec![0; page_bytes];
        page[0] = 5;
        page[5..7].copy_from_slice(&(page_bytes as u16).to_be_bytes());
        page[8..12].copy_from_slice(&(leaf as u32).to_be_bytes());
        pages.push(page);
    }
    pages.push(leaf_page(page_bytes, 0, &cells));
    pages.extend(overflow);
    let count = pages.len() as u32;
    let mut file = pages.concat();
    file[..16].copy_from_slice(b"SQLite format 3\0");
    file[16..18].copy_from_slice(&(page_bytes as u16).to_be_bytes());
    file[18..24].copy_from_slice(&[1, 1, 0, 64, 32, 32]);
    file[28..32].copy_from_slice(&count.to_be_bytes());
    file[56..60].copy_from_slice(&1_u32.to_be_bytes());
    file
}

enum Value<'a> {
    Null,
    Integer(u8),
    Text(&'a str),
    Blob(&'a [u8]),
}

fn record(values: &[Value<'_>]) -> Vec<u8> {
    let (mut types, mut body) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Null => types.extend(varint(0)),
            Value::Integer(number) => {
                types.extend(varint(1));
                body.push(*number);
            }
            Value::Text(text) => {
                types.extend(varint(13 + 2 * text.len() as u64));
                body.extend_from_slice(text.as_bytes());
            }
            Value::Blob(bytes) => {
                types.extend(varint(12 + 2 * bytes.len() as u64));
                body.extend_from_slice(bytes);
            }
        }
    }
    let mut size = types.len() + 1;
    if varint(size as u64).len() > 1 {
        size += 1;
    }
    [varint(size as u64), types, body].concat()
}

/// Size, number, and of the record what fits here; the rest goes into pages of its own, linked by number.
fn cell(
    page_bytes: usize,
    number: i64,
    record: &[u8],
    overflow: &mut Vec<Vec<u8>>,
    free: &mut usize,
) -> Vec<u8> {
    let mut cell = [varint(record.len() as u64), varint(number as u64)].concat();
    let (most, least) = (page_bytes - 35, (page_bytes - 12) * 32 / 255 - 23);
    if record.len() <= most {
        cell.extend_from_slice(record);
        return cell;
    }
    let wanted = least + (record.len() - least) % (page_bytes - 4);
    let here = if wanted <= most { wanted } else { least };
    cell.extend_from_slice(&record[..here]);
    cell.extend((*free as u32).to_be_bytes());
    let pieces: Vec<&[u8]> = record[here..].chunks(page_bytes - 4).collect();
    for (index, piece) in pieces.iter().enumerate() {
        *free += 1;
        let next = if index + 1 < pieces.len() { *free as u32 } else { 0 };
        let mut page = next.to_be_bytes().to_vec();
        page.extend_from_slice(piece);
        page.resize(page_bytes, 0);
        overflow.push(page);
    }
    cell
}

fn leaf_page(page_bytes: usize, header_at: usize, cells: &[Vec<u8>]) -> Vec<u8> {
    let mut page = vec![0; page_bytes];
    let mut end = page_bytes;
    let mut pointers = Vec::new();
    for cell in cells {
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(cell);
        pointers.extend((end as u16).to_be_bytes());
    }
    page[header_at] = 13;
    page[header_at + 3..header_at + 5].copy_from_slice(&(cells.len() as u16).to_be_bytes());
    page[header_at + 5..header_at + 7].copy_from_slice(&(end as u16).to_be_bytes());
    page[header_at + 8..header_at + 8 + pointers.len()].copy_from_slice(&pointers);
    page
}

/// Most significant group first, seven bits each.
fn varint(mut value: u64) -> Vec<u8> {
    let mut groups = vec![(value & 0x7f) as u8];
    value >>= 7;
    while value > 0 {
        groups.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    groups.reverse();
    groups
}
