//! One directory with *.dist-info: its index, and what a distribution says of itself.

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use bom_core::{
    input::{PythonOwner, Reason},
    path::SeenPath,
};

use super::lines::{Ends, Lines};
use super::paths::{join, normal, seen_from, source_of};
use super::record::{Record, parse};
use super::rows::Rows;
use super::{Stamp, existing, stamp};
use crate::work::content::hex;
use crate::work::open::{Links, Tree, reason};
use crate::work::watch::Watch;
use bom_extract::read_some;

/// Names looked at in one directory.
pub(super) const NAMES: usize = 200_000;
const DISTRIBUTIONS: usize = 20_000;
/// The largest in the field are a few MiB.
const RECORD_BYTES: u64 = 32 << 20;
const METADATA_BYTES: usize = 64 << 10;
const VALUE_BYTES: usize = 256;
const PIECE: usize = 64 << 10;
/// How long a miss is believed before the RECORD files are looked at again: an installer writes RECORD last, which
/// leaves no trace in the directory above.
const TRUST: Duration = Duration::from_secs(1);

/// What is known of one directory. Most have no distribution and cost nothing but this.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) stamp: Stamp,
    pub(super) last_use: u64,
    distributions: Vec<Distribution>,
    rows: Rows,
    /// Why a miss is not known to be one.
    partial: Option<Reason>,
    /// Digest of the states of all RECORD files.
    state: u64,
    looked: Instant,
}

#[derive(Debug)]
struct Distribution {
    /// `name-version.dist-info`.
    folder: Box<[u8]>,
    /// Read when first needed; `Some(None)` if it does not say.
    about: Option<Option<About>>,
    /// Of an editable install: the folder of its project, as the installer wrote it down.
    project: Option<Box<[u8]>>,
}

#[derive(Clone, Debug)]
struct About {
    name: String,
    version: String,
    editable: bool,
}

/// Number of the distribution that lists a path, and the digest it gives.
type Listed = (usize, Option<[u8; 32]>);

impl Site {
    /// Reads the directory and, if it has distributions, their RECORD files.
    pub(super) fn read(tree: &Tree, stamp: Stamp, limit: usize, watch: &Watch) -> Result<Self, Reason> {
        let wanted = |name: &[u8]| name.ends_with(b".dist-info");
        let (mut folders, all) = tree.names(NAMES, wanted).map_err(|error| reason(&error))?;
        let partial = (!all || folders.len() > DISTRIBUTIONS).then_some(Reason::TooLarge);
        folders.truncate(DISTRIBUTIONS);
        let mut site = Self {
            stamp,
            last_use: 0,
            // A directory without distributions is passed over, however long it is.
            partial: partial.filter(|_| !folders.is_empty()),
            distributions: folders
                .into_iter()
                .map(|folder| Distribution { folder: folder.into_boxed_slice(), about: None, project: None })
                .collect(),
            rows: Rows::new(limit),
            state: 0,
            looked: Instant::now(),
        };
        if !site.distributions.is_empty() {
            site.state = site.state_now(tree, watch)?;
            site.index(tree, watch)?;
            for distribution in &mut site.distributions {
                distribution.project = project(tree, &distribution.folder, watch)?;
            }
        }
        Ok(site)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.distributions.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether a miss could be due to something written after the index was made.
    pub(super) fn is_stale(&mut self, tree: &Tree, watch: &Watch) -> Result<bool, Reason> {
        if self.is_empty() || self.looked.elapsed() < TRUST {
            return Ok(false);
        }
        self.looked = Instant::now();
        Ok(self.state_now(tree, watch)? != self.state)
    }

    /// The distribution that lists `path`; `directory` is where `tree` is in the same namespace.
    pub(super) fn owner(
        &mut self,
        tree: &Tree,
        directory: &[u8],
        path: &[u8],
        watch: &Watch,
    ) -> Result<Option<PythonOwner>, Reason> {
        let mut found = self.listed(tree, directory, path, watch)?;
        if found.is_none()
            && let Some(source) = source_of(path)
        {
            // The digest is the module's, not the compiled file's.
            found = self.listed(tree, directory, &source, watch)?.map(|(index, _)| (index, None));
        }
        let Some((index, sha256)) = found else {
            return self.partial.map_or(Ok(None), Err);
        };
        let Some(distribution) = self.distributions.get_mut(index) else { return Ok(None) };
        if distribution.about.is_none() {
            distribution.about = Some(about(tree, &distribution.folder, watch)?);
        }
        Ok(distribution.about.clone().flatten().map(|about| PythonOwner {
            name: about.name,
            version: about.version,
            dist_info: SeenPath::new(join(directory, &distribution.folder)),
            recorded_sha256: sha256.map(|bytes| hex(&bytes)),
            editable: about.editable,
        }))
    }

    /// Distributions whose project an installer was told to use where it lies, and where that is.
    pub(super) fn projects(
        &mut self,
        tree: &Tree,
        directory: &[u8],
        watch: &Watch,
    ) -> Result<Vec<(Vec<u8>, PythonOwner)>, Reason> {
        let mut projects = Vec::new();
        for distribution in &self.distributions {
            let Some(project) = &distribution.project else { continue };
            let Some(about) = about(tree, &distribution.folder, watch)? else { continue };
            let owner = PythonOwner {
                name: about.name,
                version: about.version,
                dist_info: SeenPath::new(join(directory, &distribution.folder)),
                recorded_sha256: None,
                editable: true,
            };
            projects.push((project.to_vec(), owner));
        }
        Ok(projects)
    }

    fn listed(
        &self,
        tree: &Tree,
        directory: &[u8],
        path: &[u8],
        watch: &Watch,
    ) -> Result<Option<Listed>, Reason> {
        // Installers write the path from the site directory, or an absolute one where they see no way between.
        for name in [&seen_from(directory, path)[..], path] {
            for row in self.rows.candidates(name) {
                let index = usize::try_from(row.list).map_err(|_| Reason::ReadFailed)?;
                let Some(distribution) = self.distributions.get(index) else { continue };
                let Some(file) = record_file(tree, &distribution.folder)? else { continue };
                let mut lines = Lines::at(&file, Ends::NewlineOutsideQuotes, row.offset, watch);
                if let Some((_, line)) = lines.next()?
                    && let Some(Record { path, sha256 }) = parse(line)
                    && path == name
                {
                    return Ok(Some((index, sha256)));
                }
            }
        }
        Ok(None)
    }

    fn index(&mut self, tree: &Tree, watch: &Watch) -> Result<(), Reason> {
        for (number, distribution) in (0u32..).zip(&self.distributions) {
            let file = match record_file(tree, &distribution.folder) {
                Ok(Some(file)) => file,
                // Debian's packages and some build tools leave RECORD out.
                Ok(None) => continue,
                Err(reason) => {
                    self.partial.get_or_insert(reason);
                    continue;
                }
            };
            let mut lines = Lines::new(&file, Ends::NewlineOutsideQuotes, RECORD_BYTES, watch);
            let mut fits = true;
            while let Some((offset, line)) = lines.next()? {
                if let Some(record) = parse(line) {
                    fits &= self.rows.push(&record.path, number, offset);
                }
                if !fits {
                    break;
                }
            }
            if !fits || !lines.is_whole() {
                self.partial.get_or_insert(Reason::TooLarge);
            }
        }
        self.rows.finish();
        Ok(())
    }

    fn state_now(&self, tree: &Tree, watch: &Watch) -> Result<u64, Reason> {
        let mut state = DefaultHasher::new();
        for distribution in &self.distributions {
            watch.beat()?;
            let place = tree.find(&join_relative(&distribution.folder, b"RECORD"), Links::Refuse);
            place.ok().map(|place| (place.metadata.ino(), stamp(&place.metadata))).hash(&mut state);
        }
        Ok(state.finish())
    }
}

fn record_file(tree: &Tree, folder: &[u8]) -> Result<Option<File>, Reason> {
    Ok(existing(tree.read(&join_relative(folder, b"RECORD"), Links::Refuse))?.map(|(file, _)| file))
}

fn join_relative(folder: &[u8], name: &[u8]) -> Vec<u8> {
    [folder, b"/", name].concat()
}

/// `None` if METADATA does not give a name and a version: neither is guessed from the folder's name.
fn about(tree: &Tree, folder: &[u8], watch: &Watch) -> Result<Option<About>, Reason> {
    let Some(metadata) = head(tree, &join_relative(folder, b"METADATA"), watch)? else { return Ok(None) };
    let (Some(name), Some(version)) = (header(&metadata, b"name"), header(&metadata, b"version")) else {
        return Ok(None);
    };
    let direct = head(tree, &join_relative(folder, b"direct_url.json"), watch)?.unwrap_or_default();
    let editable = serde_json::from_slice::<serde_json::Value>(&direct)
        .is_ok_and(|value| value.pointer("/dir_info/editable") == Some(&serde_json::Value::Bool(true)));
    Ok(Some(About { name, version, editable }))
}

/// The folder of an editable install: `{"url": "file:///src/project", "dir_info": {"editable": true}}` (PEP 610, 660).
fn project(tree: &Tree, folder: &[u8], watch: &Watch) -> Result<Option<Box<[u8]>>, Reason> {
    let direct = head(tree, &join_relative(folder, b"direct_url.json"), watch)?.unwrap_or_default();
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(&direct) else { return Ok(None) };
    let editable = json.pointer("/dir_info/editable") == Some(&serde_json::Value::Bool(true));
    let url = json.get("url").and_then(serde_json::Value::as_str).and_then(|url| url.strip_prefix("file://"));
    let path = url.filter(|_| editable).and_then(|url| normal(&unquoted(url.as_bytes())));
    // A project at the root would own everything.
    Ok(path.filter(|path| path.first() == Some(&b'/') && path.len() > 1).map(Vec::into_boxed_slice))
}

/// `%20` and its like, as URLs have them.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let digits =
            (first == b'%').then(|| after.get(..2)).flatten().and_then(|pair| str::from_utf8(pair).ok());
        match digits.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

/// The first bytes of a file.
fn head(tree: &Tree, path: &[u8], watch: &Watch) -> Result<Option<Vec<u8>>, Reason> {
    let Some((file, _)) = existing(tree.read(path, Links::Refuse))? else { return Ok(None) };
    head_of(&file, METADATA_BYTES, watch).map(Some)
}

/// The first bytes of an open file, at most `limit`.
pub(super) fn head_of(file: &File, limit: usize, watch: &Watch) -> Result<Vec<u8>, Reason> {
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        watch.beat()?;
        let filled = bytes.len();
        let offset = u64::try_from(filled).map_err(|_| Reason::ReadFailed)?;
        bytes.resize(limit.min(filled + PIECE), 0);
        let count = read_some(file, &mut bytes[filled..], offset).map_err(|_| Reason::ReadFailed)?;
        bytes.truncate(filled + count);
        if count == 0 {
            break;
        }
    }
    Ok(bytes)
}

/// The first field of that (lower-case) name in the headers, which end with the first empty line: the description
/// below may look like headers.
pub(super) fn header(text: &[u8], wanted: &[u8]) -> Option<String> {
    text.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take_while(|line| !line.is_empty())
        .find_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            line[..colon].eq_ignore_ascii_case(wanted).then(|| value(&line[colon + 1..]))
        })
        .flatten()
}

/// A header's value, if it can be a name or version.
pub(super) fn value(bytes: &[u8]) -> Option<String> {
    let text = str::from_utf8(bytes.trim_ascii()).ok()?;
    let fits = !text.is_empty() && text.len() <= VALUE_BYTES && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn reads_headers_up_to_the_first_empty_line() {
        for (name, text, expected) in [
            ("plain", &b"Metadata-Version: 2.1\nName: openai\nVersion: 2.8.0\n"[..], Some("openai")),
            ("crlf_and_case", b"NAME:  openai \r\n\r\n", Some("openai")),
            ("first_wins", b"Name: one\nName: two\n", Some("one")),
            ("in_description", b"Version: 1\n\nName: fake\n", None),
            ("folded", b"Summary: a\n Name: fake\nName: true\n", Some("true")),
            ("control_characters", b"Name: a\x1b[2Jb\n", None),
            ("not_utf8", b"Name: \xff\n", None),
            ("empty", b"Name:\n", None),
        ] {
            assert_eq!(header(text, b"name").as_deref(), expected, "{name}");
        }
        let long = [&b"Name: "[..], &[b'a'; 300]].concat();
        assert_eq!(header(&long, b"name"), None);
    }
}
