//! `aibom replay`: a recording through the same analysis.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    path::Path,
};

use anyhow::Context as _;
use bom_core::{
    correlate::Correlator,
    recording::{LINE, Reader},
};
use flate2::read::MultiGzDecoder;

use crate::{
    arguments::Replay,
    exit::Outcome,
    output::{Style, check_documents, table, view_of, write, write_documents},
};

pub(crate) fn replay(arguments: &Replay) -> anyhow::Result<Outcome> {
    check_documents(&arguments.documents)?;
    let shown = arguments.recording.display().to_string();
    let correlator = read(&arguments.recording).with_context(|| format!("replay {shown}"))?;
    let view = view_of(&correlator);
    write_documents(&view, &arguments.documents)?;
    if arguments.documents.output.is_empty() {
        write(None, table(&view, Style::PLAIN).as_bytes())?;
    }
    Ok(Outcome::Fine)
}

fn read(path: &Path) -> anyhow::Result<Correlator> {
    let raw: Box<dyn Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut lines = BufReader::new(MultiGzDecoder::new(raw));
    let mut reader = Reader::default();
    let mut correlator = Correlator::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        // One byte past the limit tells a long line from one that just fits.
        let limit = u64::try_from(LINE).unwrap_or(u64::MAX).saturating_add(2);
        let read = lines.by_ref().take(limit).read_until(b'\n', &mut line);
        if read.with_context(|| format!("line {number}: decompress"))? == 0 {
            anyhow::ensure!(correlator.epoch().is_some(), "line {number}: nothing was recorded");
            return Ok(correlator);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if let Some(input) = reader.read(&line)? {
            // A replay has no one to do the work: the answers stand in the recording.
            correlator.step(input);
        }
    }
    Ok(correlator)
}
