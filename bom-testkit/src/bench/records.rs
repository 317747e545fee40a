//! What a recording of a run says about the records: how many, how large, how many were lost.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use bom_common::record;
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::error::{BenchError, at};
use super::stage::{Stage, as_f64};

/// What the kernel puts before each record, and what it rounds up to (kernel/bpf/ringbuf.c, BPF_RINGBUF_HDR_SZ).
const RING_HEADER: usize = 8;
const RING_ALIGN: usize = 8;

#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub(crate) events: u64,
    pub(crate) opens: u64,
    /// Bytes of all opens as they lay in the ring, without its own header.
    pub(crate) open_bytes: u64,
    /// With header and padding.
    pub(crate) open_ring_bytes: u64,
    pub(crate) recording_bytes: u64,
    pub(crate) text_bytes: u64,
    /// Text of the events alone, without what was looked up about the files.
    pub(crate) event_text_bytes: u64,
    /// Files that were not looked at because too many waited.
    pub(crate) not_looked_at: u64,
    pub(crate) counters: BTreeMap<String, u64>,
    pub(crate) peak_mib: f64,
}

impl Records {
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }

    /// Everything that was counted as lost, whatever the cause.
    pub(crate) fn lost(&self) -> u64 {
        self.counters.iter().filter(|(name, _)| name.ends_with("-lost")).map(|(_, count)| count).sum()
    }

    pub(crate) fn per_open(&self, bytes: u64) -> f64 {
        as_f64(bytes) / as_f64(self.opens)
    }

    pub(crate) fn per_event(&self, bytes: u64) -> f64 {
        as_f64(bytes) / as_f64(self.events)
    }
}

/// Records one command and reads the recording.
pub(crate) fn records(stage: &Stage, command: &[OsString]) -> Result<Records, BenchError> {
    let path = stage.file("run.aibomrec");
    let mut aibom = stage.aibom("record");
    aibom.arg("--to").arg(&path).arg("--").args(command);
    let (ended, _) = stage.observe(&mut aibom)?;
    let mut records = read(&path)?;
    records.peak_mib = as_f64(ended.peak_kib) / 1024.0;
    Ok(records)
}

fn read(path: &Path) -> Result<Records, BenchError> {
    let mut records =
        Records { recording_bytes: fs::metadata(path).map_err(at(path))?.len(), ..Records::default() };
    let file = File::open(path).map_err(at(path))?;
    for line in BufReader::new(MultiGzDecoder::new(file)).lines() {
        let line = line.map_err(at(path))?;
        let value: Value = serde_json::from_str(&line)
            .map_err(|source| BenchError::Recording { path: path.to_owned(), source })?;
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX) + 1;
        records.text_bytes += bytes;
        records.take(&value, bytes);
    }
    Ok(records)
}

impl Records {
    fn take(&mut self, line: &Value, bytes: u64) {
        if let Some(event) = line.get("Event") {
            self.events += 1;
            self.event_text_bytes += bytes;
            if let Some(path) = event.pointer("/body/Open/file/path") {
                self.opens += 1;
                // The path's text is its bytes, unless something had to be escaped.
                let path = path.as_str().map_or(0, str::len);
                let record = size_of::<record::Header>() + size_of::<record::Open>() + path;
                let ring = RING_HEADER + record.next_multiple_of(RING_ALIGN);
                self.open_bytes += u64::try_from(record).unwrap_or(0);
                self.open_ring_bytes += u64::try_from(ring).unwrap_or(0);
            }
        }
        if line.pointer("/Answer/answer/Unknown").is_some_and(|reason| reason == "QueueFull") {
            self.not_looked_at += 1;
        }
        let counters = line.pointer("/Counters/counters").and_then(Value::as_object);
        for (name, count) in counters.into_iter().flatten() {
            self.counters.insert(name.clone(), count.as_u64().unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_open_is_measured_as_it_lay_in_the_ring() {
        let mut records = Records::default();
        let open = json!({"Event": {"body": {"Open": {"file": {"path": "/etc/hosts"}}}}});
        records.take(&open, 60);
        records.take(&json!({"Event": {"body": {"Exit": {}}}}), 30);
        records.take(&json!({"Answer": {"work": 1, "answer": {"Unknown": "QueueFull"}}}), 40);
        records.take(
            &json!({"Counters": {"counters": {"opens-lost": 2, "tcp-records-lost": 1, "opens-seen": 5}}}),
            9,
        );
        assert_eq!((records.events, records.opens, records.event_text_bytes), (2, 1, 90));
        // 64 + 96 + 10, rounded up to 176, and 8 more.
        assert_eq!((records.open_bytes, records.open_ring_bytes), (170, 184));
        assert_eq!((records.lost(), records.not_looked_at, records.counter("opens-seen")), (3, 1, 5));
    }
}
