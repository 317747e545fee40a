use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

/// One JSON object per line: `event`, `ms` since the world was opened, and the fields of the event.
///
/// It is what really happened, for a test to compare with what was observed. Headers, query strings and bodies are
/// never handed to it.
#[derive(Debug)]
pub(crate) struct Log {
    file: Option<Mutex<File>>,
    opened: Instant,
}

impl Log {
    /// Appends to `path`, or forgets everything if there is none.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = match path {
            Some(path) => Some(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)),
            None => None,
        };
        Ok(Self { file, opened: Instant::now() })
    }

    /// Writes one line. `fields` is an object; a full disk loses lines but never disturbs the servers.
    pub(crate) fn line(&self, event: &str, mut fields: Value) {
        let Some(file) = &self.file else { return };
        fields["event"] = json!(event);
        fields["ms"] = json!(u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX));
        let line = format!("{fields}\n");
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody inside the world can act on this error, and the reader of the log notices a missing line.
        let _ = file.write_all(line.as_bytes());
    }
}
