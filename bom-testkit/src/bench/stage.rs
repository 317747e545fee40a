//! Where the programs and the scratch files are.

use std::env;
use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::error::{BenchError, at};
use super::observer::Observer;
use super::spent::{self, Ended, Spent};

/// A scratch folder, removed on drop, and the release binaries beside our own.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: PathBuf,
    ours: PathBuf,
    aibom: PathBuf,
}

impl Stage {
    pub(crate) fn new() -> Result<Self, BenchError> {
        let ours = env::current_exe().map_err(at("/proc/self/exe"))?;
        let aibom = ours.with_file_name("aibom");
        fs::metadata(&aibom).map_err(at(&aibom))?;
        let folder = env::temp_dir().join(format!("aibom-bench-{}", std::process::id()));
        fs::create_dir(&folder).map_err(at(&folder))?;
        Ok(Self { folder, ours, aibom })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A folder with that many files, distinct in name and inode.
    pub(crate) fn files(&self, count: u64) -> Result<PathBuf, BenchError> {
        let folder = self.file("distinct");
        fs::create_dir(&folder).map_err(at(&folder))?;
        for number in 0..count {
            let path = folder.join(format!("part-{number:06}.txt"));
            fs::write(&path, b"one line\n").map_err(at(&path))?;
        }
        Ok(folder)
    }

    /// A command of aibom.
    pub(crate) fn program(&self, command: &str) -> Command {
        let mut aibom = Command::new(&self.aibom);
        aibom.arg(command);
        aibom
    }

    /// `aibom run|record` with its document in the scratch folder, up to the options.
    pub(crate) fn aibom(&self, command: &str) -> Command {
        let mut aibom = Command::new(&self.aibom);
        aibom.arg(command).arg("--quiet").arg("-o").arg(self.file("bom.json"));
        aibom.env("AIBOM_TIMES", "1").stdout(Stdio::null());
        aibom
    }

    /// The command line of a load, and the file it writes what it took to.
    pub(crate) fn load(&self, kind: &str, count: u64, path: &Path) -> (Vec<OsString>, PathBuf) {
        let out = self.file(&format!("load-{kind}"));
        let words: [OsString; 6] = [
            self.ours.clone().into(),
            "load".into(),
            kind.into(),
            out.clone().into(),
            count.to_string().into(),
            path.into(),
        ];
        (words.into(), out)
    }

    /// The same for a command that is timed from outside.
    pub(crate) fn timed(&self, command: &[OsString]) -> (Vec<OsString>, PathBuf) {
        let out = self.file("timed");
        let ours: [OsString; 3] = [self.ours.clone().into(), "timed".into(), out.clone().into()];
        (ours.into_iter().chain(command.iter().cloned()).collect(), out)
    }

    /// Runs a load under an observer and returns nanoseconds per repetition: wall and CPU.
    pub(crate) fn nanoseconds(
        &self,
        observer: Observer,
        kind: &str,
        count: u64,
        path: &Path,
    ) -> Result<[f64; 2], BenchError> {
        let (words, out) = self.load(kind, count, path);
        let beside = observer.beside(self)?;
        let mut command = observer.command(self, &words);
        self.silence(&mut command)?;
        spent::run(&mut command)?;
        drop(beside);
        let spent = Spent::read(&out)?;
        fs::remove_file(&out).map_err(at(&out))?;
        Ok([spent.wall, spent.cpu].map(|took| took.as_secs_f64() * 1e9 / as_f64(count)))
    }

    /// Runs aibom; its end, and the two figures of its `aibom-times` line: set-up and the command, in milliseconds.
    pub(crate) fn observe(&self, aibom: &mut Command) -> Result<(Ended, [f64; 2]), BenchError> {
        let path = self.file("stderr");
        aibom.stderr(File::create(&path).map_err(at(&path))?);
        let ended = spent::run(aibom);
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let ended = ended.inspect_err(|_| eprint!("{text}"))?;
        let times = text.lines().find_map(|line| line.strip_prefix("aibom-times "));
        let times = times.ok_or(BenchError::Missing("aibom-times in what aibom printed"))?;
        let figure = |name: &str| {
            let mut words = times.split_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
        };
        let set_up = figure("set_up_ms").ok_or(BenchError::Missing("set_up_ms in what aibom printed"))?;
        let ran = figure("ran_ms").ok_or(BenchError::Missing("ran_ms in what aibom printed"))?;
        Ok((ended, [set_up, ran]))
    }

    /// Where an observer's own messages go.
    pub(crate) fn silence(&self, command: &mut Command) -> Result<(), BenchError> {
        let path = self.file("stderr");
        command.stdout(Stdio::null()).stderr(File::create(&path).map_err(at(&path))?);
        Ok(())
    }

    /// A release binary beside our own.
    pub(crate) fn beside(&self, name: &str) -> Result<PathBuf, BenchError> {
        let path = self.ours.with_file_name(name);
        fs::metadata(&path).map_err(at(&path))?;
        Ok(path)
    }

    /// A named pipe: who opens it for reading waits for its end.
    pub(crate) fn pipe(&self) -> Result<PathBuf, BenchError> {
        self.pipe_at(self.file("pipe"))
    }

    /// The same elsewhere.
    pub(crate) fn pipe_at(&self, path: PathBuf) -> Result<PathBuf, BenchError> {
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|error| at(&path)(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        // SAFETY: the name ends in a zero byte and outlives the call.
        match unsafe { libc::mkfifo(name.as_ptr(), 0o600) } {
            0 => Ok(path),
            _ => Err(at(path)(io::Error::last_os_error())),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("aibom-bench: {}: {error}", self.folder.display());
        }
    }
}

/// Exact below 2^53, which no count here comes near.
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

/// Opens a pipe for writing once somebody reads it. Not by a plain open, which would wait for ever if `reader` ends
/// without having opened it.
pub(crate) fn open_writer(pipe: &Path, reader: &mut Child) -> io::Result<File> {
    loop {
        let opened = File::options().write(true).custom_flags(libc::O_NONBLOCK).open(pipe);
        match opened {
            // The kernel's answer while there is no reader.
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {}
            other => return other,
        }
        if let Some(status) = reader.try_wait()? {
            return Err(io::Error::other(format!("its reader ended with {status}")));
        }
        thread::sleep(Duration::from_millis(5));
    }
}
