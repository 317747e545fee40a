//! A recording: every input of the core, one JSON value a line, behind a header line.
//!
//! Live run and replay go through the same lines, so they give the same document. The agent
//! compresses the lines with gzip; here they are text. Payload never gets this far: see `stream`.

use serde::{Deserialize, Serialize};

use crate::input::Input;

/// The longest line that is read: a recorded answer carries bounded metadata.
pub const LINE: usize = 16 << 20;

const FORMAT: &str = "aibom-recording";
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("line 1: not a recording of aibom")]
    NotRecording,
    #[error("line 1: recording version {0}, this build reads {VERSION}")]
    Version(u32),
    #[error("line {line}: {source}")]
    Line { line: u64, source: serde_json::Error },
    #[error("line {line}: longer than {LINE} bytes")]
    Long { line: u64 },
    #[error("write recording: {0}")]
    Write(serde_json::Error),
}

/// The first line, without its line feed.
pub fn header() -> Result<String, RecordingError> {
    let header = Header { format: FORMAT.to_owned(), version: VERSION };
    serde_json::to_string(&header).map_err(RecordingError::Write)
}

/// One input as a line, without its line feed.
pub fn line(input: &Input) -> Result<String, RecordingError> {
    serde_json::to_string(input).map_err(RecordingError::Write)
}

/// Reads lines one by one, knows where it is.
#[derive(Debug, Default)]
pub struct Reader {
    line: u64,
}

impl Reader {
    /// One line, without its line feed; the first is the header and gives `None`.
    pub fn read(&mut self, text: &[u8]) -> Result<Option<Input>, RecordingError> {
        self.line += 1;
        if text.len() > LINE {
            return Err(RecordingError::Long { line: self.line });
        }
        if self.line == 1 {
            let header: Header = serde_json::from_slice(text).map_err(|_| RecordingError::NotRecording)?;
            if header.format != FORMAT {
                return Err(RecordingError::NotRecording);
            }
            if header.version != VERSION {
                return Err(RecordingError::Version(header.version));
            }
            return Ok(None);
        }
        serde_json::from_slice(text)
            .map(Some)
            .map_err(|source| RecordingError::Line { line: self.line, source })
    }
}
