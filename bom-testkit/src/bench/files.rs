//! Files at rest: `aibom inspect` beside the hashers of the system. Everything is in the page cache before the first
//! measurement, so that the disk is in none of them.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::{BenchError, at};
use super::sample::Sample;
use super::spent;
use super::stage::{Stage, as_f64};
use crate::synth;

/// Models of a mebibyte of weights each.
pub(crate) const MANY: u64 = 5000;
const EACH: u64 = 1 << 20;
/// The one large model, in pieces of [`EACH`].
const LARGE: u64 = 1024;

/// Whoever reads all of a file for its digest.
const HASHERS: [(&str, &[&str]); 3] = [
    ("`aibom inspect --hash`", &["inspect", "--hash"]),
    ("`openssl dgst -sha256`", &["openssl", "dgst", "-sha256"]),
    ("`sha256sum`", &["sha256sum"]),
];

/// What one hasher took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hasher {
    pub(crate) name: &'static str,
    /// It is installed.
    pub(crate) here: bool,
    pub(crate) one_wall: Sample,
    pub(crate) one_cpu: Sample,
    pub(crate) many_wall: Sample,
    pub(crate) many_cpu: Sample,
    pub(crate) peak_mib: Sample,
}

/// Megabytes (10^6) each second, unless the name says otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// The headers of the folder, without a digest.
    pub(crate) headers_s: Sample,
    pub(crate) headers_cpu_s: Sample,
    pub(crate) headers_peak_mib: Sample,
    /// In the order of the page; aibom is the first.
    pub(crate) hashers: Vec<Hasher>,
}

pub(crate) fn files(stage: &Stage, repetitions: usize) -> Result<Files, BenchError> {
    let folder = stage.file("models");
    fs::create_dir(&folder).map_err(at(&folder))?;
    let many = many(&folder)?;
    let large = stage.file("large.safetensors");
    let bytes = write(&large, LARGE, 0)?;
    let hashers = HASHERS.iter().map(|(name, _)| Hasher { name, ..Hasher::default() }).collect();
    let mut files = Files { hashers, ..Files::default() };
    // Neither side pays for the cold page cache.
    headers(stage, &folder, &mut Files::default())?;
    for _ in 0..repetitions {
        headers(stage, &folder, &mut files)?;
        for (hasher, (_, words)) in files.hashers.iter_mut().zip(HASHERS) {
            let ours = std::slice::from_ref(&folder);
            let folder = if words.first() == Some(&"inspect") { ours } else { &many.paths };
            let sets = [(&[large.clone()][..], bytes, true), (folder, many.bytes, false)];
            for (paths, bytes, one) in sets {
                let Some(ended) = hash(stage, words, paths)? else { continue };
                hasher.here = true;
                let rate = |seconds: f64| as_f64(bytes) / 1e6 / seconds;
                let (wall, cpu) = (ended.spent.wall.as_secs_f64(), ended.spent.cpu.as_secs_f64());
                let (to_wall, to_cpu) = match one {
                    true => (&mut hasher.one_wall, &mut hasher.one_cpu),
                    false => (&mut hasher.many_wall, &mut hasher.many_cpu),
                };
                to_wall.push(rate(wall));
                to_cpu.push(rate(cpu));
                hasher.peak_mib.push(as_f64(ended.peak_kib) / 1024.0);
            }
        }
    }
    Ok(files)
}

fn headers(stage: &Stage, folder: &Path, files: &mut Files) -> Result<(), BenchError> {
    let mut command = stage.program("inspect");
    command.arg(folder).stdout(Stdio::null());
    let ended = spent::run(&mut command)?;
    files.headers_s.push(ended.spent.wall.as_secs_f64());
    files.headers_cpu_s.push(ended.spent.cpu.as_secs_f64());
    files.headers_peak_mib.push(as_f64(ended.peak_kib) / 1024.0);
    Ok(())
}

/// `None` if the program is not installed.
fn hash(stage: &Stage, words: &[&str], paths: &[PathBuf]) -> Result<Option<spent::Ended>, BenchError> {
    let mut command = match words {
        ["inspect", rest @ ..] => {
            let mut aibom = stage.program("inspect");
            aibom.args(rest);
            aibom
        }
        [program, rest @ ..] => {
            let mut command = Command::new(program);
            command.args(rest);
            command
        }
        [] => return Ok(None),
    };
    command.args(paths).stdout(Stdio::null());
    match spent::run(&mut command) {
        Err(BenchError::Start { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

struct Many {
    paths: Vec<PathBuf>,
    bytes: u64,
}

/// Distinct in content, so that each is a model of its own.
fn many(folder: &Path) -> Result<Many, BenchError> {
    let mut many = Many { paths: Vec::new(), bytes: 0 };
    for number in 0..MANY {
        let path = folder.join(format!("model-{number:04}.safetensors"));
        many.bytes += write(&path, 1, number)?;
        many.paths.push(path);
    }
    Ok(many)
}

/// A model of so many pieces of weights; gives its size.
fn write(path: &Path, pieces: u64, number: u64) -> Result<u64, BenchError> {
    let len = EACH * pieces;
    let whole = synth::safetensors().empty().tensor_at("weights", "F32", &[len / 4], 0, len).build();
    let file = File::create(path).map_err(at(path))?;
    let mut out = BufWriter::new(file);
    out.write_all(&whole).map_err(at(path))?;
    let piece: Vec<u8> = (0..EACH / 8).flat_map(|word| (word ^ number << 20).to_le_bytes()).collect();
    for _ in 0..pieces {
        out.write_all(&piece).map_err(at(path))?;
    }
    out.flush().map_err(at(path))?;
    Ok(whole.len() as u64 + len)
}
