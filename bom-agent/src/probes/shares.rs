//! Places of the subjects in the tables that say what each takes up, and what of it is free again.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    os::fd::{AsFd as _, AsRawFd as _},
    ptr::{self, NonNull},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use aya::maps::MapData;
use bom_common::config::{PLACES, Use, ring_bytes};

/// One of the rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    Common,
    Rare,
}

/// The table in which user space counts what became free, as a part of our memory.
pub(super) struct Freed {
    rows: NonNull<Use>,
    bytes: usize,
}

// SAFETY: the rows are only used through atomic operations.
unsafe impl Send for Freed {}
// SAFETY: as above.
unsafe impl Sync for Freed {}

impl Freed {
    pub(super) fn map(map: &MapData) -> io::Result<Self> {
        let bytes = PLACES as usize * size_of::<Use>();
        // SAFETY: a new mapping of a whole array at an address of the kernel's choice.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.fd().as_fd().as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let rows = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Self { rows, bytes })
    }

    fn row(&self, place: u32) -> [&AtomicU64; 4] {
        let place = if place < PLACES { place as usize } else { 0 };
        // SAFETY: the place lies within the mapping, which lives as long as `self`; the members are aligned words
        // that the kernel only reads.
        unsafe {
            let row = self.rows.as_ptr().add(place);
            [&raw mut (*row).common, &raw mut (*row).rare, &raw mut (*row).opens, &raw mut (*row).sockets]
                .map(|member| AtomicU64::from_ptr(member))
        }
    }
}

impl Drop for Freed {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nobody has a reference into it any more.
        unsafe { libc::munmap(self.rows.as_ptr().cast(), self.bytes) };
    }
}

/// Who has which place. Shared by the probes, which give them out, and the rings, which free.
#[derive(Clone)]
pub struct Shares {
    inner: Arc<Inner>,
}

struct Inner {
    freed: Freed,
    places: Mutex<Places>,
}

#[derive(Debug)]
struct Places {
    of: BTreeMap<u64, u32>,
    next: u32,
    /// Given back, the longest ago first: the next one to be used again is the one least likely to have records left.
    back: VecDeque<u32>,
}

impl std::fmt::Debug for Shares {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Shares")
    }
}

impl Shares {
    pub(super) fn new(freed: Freed) -> Self {
        let places = Places { of: BTreeMap::new(), next: 1, back: VecDeque::new() };
        Self { inner: Arc::new(Inner { freed, places: Mutex::new(places) }) }
    }

    /// A place for a subject; `None` if all are taken: it then shares place 0 with others like it. The flag says that
    /// somebody else had the place before.
    pub(super) fn give(&self, subject: u64) -> Option<(u32, bool)> {
        let places = &mut *self.places();
        if let Some(&place) = places.of.get(&subject) {
            return Some((place, false));
        }
        let (place, used) = if places.next < PLACES {
            places.next += 1;
            (places.next - 1, false)
        } else {
            (places.back.pop_front()?, true)
        };
        places.of.insert(subject, place);
        Some((place, used))
    }

    pub(super) fn give_back(&self, subject: u64) {
        let places = &mut *self.places();
        if let Some(place) = places.of.remove(&subject) {
            places.back.push_back(place);
        }
    }

    /// The subjects that have a place.
    pub(super) fn all(&self) -> Vec<(u64, u32)> {
        self.places().of.iter().map(|(&subject, &place)| (subject, place)).collect()
    }

    /// Every place that anybody has or had.
    pub(super) fn every(&self) -> std::ops::Range<u32> {
        1..self.places().next
    }

    pub(super) fn place(&self, subject: u64) -> u32 {
        self.places().of.get(&subject).copied().unwrap_or(0)
    }

    /// A place begins again: nothing of what it took is taken up any more.
    pub(super) fn begin_again(&self, place: u32, taken: &Use) {
        let [common, rare, opens, sockets] = self.inner.freed.row(place);
        common.store(taken.common, Ordering::Relaxed);
        rare.store(taken.rare, Ordering::Relaxed);
        opens.store(taken.opens, Ordering::Relaxed);
        // Connections of whoever had it before are not those of this one, when they end.
        sockets.store(taken.sockets, Ordering::Relaxed);
    }

    /// A record of so many bytes was read.
    pub(crate) fn free(&self, ring: Ring, place: u32, record: usize) {
        let [common, rare, ..] = self.inner.freed.row(place);
        let column = match ring {
            Ring::Common => common,
            Ring::Rare => rare,
        };
        column.fetch_add(ring_bytes(record as u64), Ordering::Relaxed);
    }

    pub(super) fn freed_opens(&self, place: u32) -> u64 {
        let [_, _, opens, _] = self.inner.freed.row(place);
        opens.load(Ordering::Relaxed)
    }

    pub(super) fn free_open(&self, place: u32) {
        let [_, _, opens, _] = self.inner.freed.row(place);
        opens.fetch_add(1, Ordering::Relaxed);
    }

    /// Looks places up without asking each time.
    pub(crate) fn reader(&self) -> Reader {
        Reader { shares: self.clone(), last: (0, 0) }
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        self.inner.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frees records in a row; lives for one piece of work, because places change.
pub(crate) struct Reader {
    shares: Shares,
    last: (u64, u32),
}

impl Reader {
    pub(crate) fn free(&mut self, ring: Ring, subject: u64, record: usize) {
        if self.last.0 != subject {
            self.last = (subject, self.shares.place(subject));
        }
        self.shares.free(ring, self.last.1, record);
    }
}
