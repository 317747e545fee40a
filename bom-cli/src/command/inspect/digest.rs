//! SHA-256 of many files, with a line that says how far it is.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use bom_extract::{Digests, FileState, read_some};
use sha2::{Digest as _, Sha256};

use super::look::Looked;

/// Bytes per read.
const PIECE: usize = 128 << 10;
/// Between two states of the line.
const BEAT: Duration = Duration::from_millis(200);

/// A digest, and whether it was read earlier.
type Hashed = (String, bool);

/// Hashes every file, several at a time. Gives those that could not be read.
pub(super) fn all(files: &mut [Looked], cache: Option<&Digests>) -> Vec<(PathBuf, String)> {
    let total: u64 = files.iter().map(|file| file.key.size).fold(0, u64::saturating_add);
    let mut order: Vec<usize> = (0..files.len()).collect();
    // The largest first, or the last thread works alone.
    order.sort_by_key(|&index| std::cmp::Reverse(files.get(index).map_or(0, |file| file.key.size)));
    let workers = thread::available_parallelism().map_or(1, usize::from).min(order.len());
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let results: Mutex<Vec<(usize, io::Result<Hashed>)>> = Mutex::default();
    let left = AtomicUsize::new(workers);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Some(file) = files.get(index) else { continue };
                    let result = hash(file, cache, &done);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        if io::stderr().is_terminal() {
            line(&left, &done, total);
        }
    });
    let mut unread = Vec::new();
    for (index, result) in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let Some(file) = files.get_mut(index) else { continue };
        match result {
            Ok((digest, earlier)) => {
                file.digest = Some(digest);
                file.earlier = earlier;
            }
            Err(error) => unread.push((file.shown.clone(), error.to_string())),
        }
    }
    unread.sort();
    unread
}

fn hash(looked: &Looked, cache: Option<&Digests>, done: &AtomicU64) -> io::Result<Hashed> {
    let file = File::open(&looked.path)?;
    let size = looked.key.size;
    // Before the first byte: what changes meanwhile is in another state.
    let state = cache.and_then(|cache| Some((cache, FileState::of(&file)?)));
    if let Some(digest) = state.as_ref().and_then(|(cache, state)| cache.known(state)) {
        done.fetch_add(size, Ordering::Relaxed);
        return Ok((digest, true));
    }
    let mut piece = vec![0; PIECE.min(usize::try_from(size).unwrap_or(PIECE)).max(1)];
    let mut hash = Sha256::new();
    let mut offset = 0;
    while offset < size {
        let count = read_some(&file, &mut piece, offset)?;
        if count == 0 {
            return Err(io::Error::other("it became shorter"));
        }
        hash.update(piece.get(..count).unwrap_or_default());
        let count = u64::try_from(count).unwrap_or_default();
        offset += count;
        done.fetch_add(count, Ordering::Relaxed);
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some((cache, state)) = state
        && FileState::of(&file) == Some(state)
    {
        cache.keep(state, &digest)?;
    }
    Ok((digest, false))
}

/// Keeps one line on the terminal up to date, and clears it in the end.
fn line(left: &AtomicUsize, done: &AtomicU64, total: u64) {
    let start = Instant::now();
    let mut errors = io::stderr();
    while left.load(Ordering::Relaxed) > 0 {
        thread::sleep(BEAT);
        let bytes = done.load(Ordering::Relaxed);
        let rate = bytes / u64::try_from(start.elapsed().as_millis()).unwrap_or(1).max(1) / 1000;
        let percent = bytes.saturating_mul(100) / total.max(1);
        // Nobody has to see it.
        let _ = write!(
            errors,
            "\r\x1b[Khashing: {} of {} MiB ({percent} %), {rate} MB/s",
            bytes >> 20,
            total >> 20
        );
        let _ = errors.flush();
    }
    let _ = write!(errors, "\r\x1b[K");
}
