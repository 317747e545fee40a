//! The node daemon: observes until it is told to end, and keeps a document of it in a store.
//!
//! A daemon that is killed leaves its last document and its last heartbeat. The next one opens an epoch of its own,
//! states the time in between as lost for everybody, and finds what is still open or mapped by its first sweep.

use std::{
    env, io,
    os::unix::{ffi::OsStrExt as _, net::UnixDatagram},
    path::PathBuf,
    time::{Duration, Instant},
};

use bom_core::{
    assemble::{self, AssembleError, assemble},
    bom::{self, SpecVersion, WriteError},
    correlate::Correlator,
    identify::{catalog::Catalog, identify},
};
use sha2::{Digest as _, Sha256};

use crate::{
    host,
    launch::Signals,
    observe::{Selection, Watch},
    probes::Settings,
    session::{Engine, Look, SessionError, Setup, io_error},
    store::{Before, Store, StoreError},
};

const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long the first document waits for what was asked of the files that the first sweep met, and the last one for
/// what is still out.
const FIRST: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    #[error(transparent)]
    Document(#[from] WriteError),
}

/// Whom to observe, and where to write it.
#[derive(Debug)]
pub struct Options {
    pub selections: Vec<Selection>,
    pub store: PathBuf,
    /// Between two documents.
    pub every: Duration,
    /// Between two sweeps.
    pub sweep: Duration,
    /// Epochs kept in the store.
    pub keep: usize,
    /// Made once the first document is there.
    pub ready_file: Option<PathBuf>,
    pub settings: Settings,
    pub catalog: Option<Catalog>,
    /// Version of aibom.
    pub version: &'static str,
}

/// Runs until a signal. Needs a tokio runtime of the current thread with I/O and time.
pub async fn run(options: Options) -> Result<(), DaemonError> {
    let mut signals = Signals::catch().map_err(io_error("catch signals"))?;
    let Options { selections, store, every, sweep, keep, ready_file, settings, catalog, version } = options;
    let mut engine = Engine::start(Setup { settings, catalog, recorder: None, version: version.to_owned() })?;
    let Some(epoch) = engine.correlator().epoch().cloned() else { return Ok(()) };
    let (store, before) = Store::open(&store, &epoch)?;
    let before = before.filter(|before| *before.boot == *epoch.boot);
    // What was observed after the last document died with the one who observed it.
    let mut covered = before.as_ref().map_or(epoch.start_ns, |before| before.covered_ns);
    store.heartbeat(host::boot_ns(), covered, 0, false)?;
    let mut watch = Watch::start(&mut engine, &selections)?;
    engine.ready()?;
    if let Some(Before { covered_ns, .. }) = before {
        engine.gap("agent-restart", covered_ns, host::boot_ns())?;
    }
    engine.sweep(Look::Everything)?;
    let mut writer = Writer { store, keep, version, last: None };
    let started = Instant::now();
    let (mut beat, mut written): (Instant, Option<Instant>) = (started, None);
    loop {
        tokio::select! {
            _ = signals.next() => break,
            turned = engine.turn() => turned?,
        }
        watch.keep_up(&mut engine)?;
        if engine.since_sweep().is_none_or(|since| since >= sweep) {
            engine.sweep(Look::Everything)?;
        }
        if beat.elapsed() >= HEARTBEAT {
            beat = Instant::now();
            writer.store.heartbeat(host::boot_ns(), covered, engine.events(), false)?;
        }
        let due = match written {
            Some(at) => at.elapsed() >= every,
            None => engine.pending() == 0 || started.elapsed() >= FIRST.min(every),
        };
        if due {
            let now_ns = host::boot_ns();
            engine.take_stock()?;
            writer.write(engine.correlator())?;
            give_back();
            covered = now_ns;
            if written.is_none() {
                ready(ready_file.as_ref()).map_err(io_error("say that the first document is there"))?;
            }
            written = Some(Instant::now());
        }
    }
    engine.sweep(Look::Everything)?;
    engine.conclude(&mut signals, FIRST).await?;
    watch.keep_up(&mut engine)?;
    watch.finish(&mut engine)?;
    let (events, ended_ns) = (engine.events(), host::boot_ns());
    writer.write(&engine.finish()?)?;
    writer.store.heartbeat(host::boot_ns(), ended_ns, events, true)?;
    Ok(())
}

/// Writes documents that say something new.
#[derive(Debug)]
struct Writer {
    store: Store,
    keep: usize,
    version: &'static str,
    /// Digest of what the last one said, times and numbers aside.
    last: Option<[u8; 32]>,
}

impl Writer {
    fn write(&mut self, correlator: &Correlator) -> Result<(), DaemonError> {
        let mut catalog = correlator.catalog().clone();
        catalog.extend(Catalog::built_in());
        let view = identify(&correlator.inventory(), &catalog);
        let document = |deterministic| -> Result<Vec<u8>, DaemonError> {
            let document = assemble(&view, assemble::Options { deterministic, version: self.version })?;
            let options = bom::Options { version: SpecVersion::V1_6, deterministic };
            Ok(bom::to_json(&document, options)?.json)
        };
        let said: [u8; 32] = Sha256::digest(document(true)?).into();
        if self.last == Some(said) {
            return Ok(());
        }
        self.store.write(&document(false)?)?;
        self.store.keep(self.keep);
        self.last = Some(said);
        Ok(())
    }
}

/// Making a document takes as much again as what it is made from, and the C library keeps it for the next one.
fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number, and touches nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Tells whoever waits for it: by a file, and by sd_notify(3).
fn ready(file: Option<&PathBuf>) -> io::Result<()> {
    if let Some(file) = file {
        std::fs::write(file, b"")?;
    }
    let Some(address) = env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let socket = UnixDatagram::unbound()?;
    match address.as_bytes() {
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt as _;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            socket.send_to_addr(b"READY=1", &address)?;
        }
        path => drop(socket.send_to(b"READY=1", std::ffi::OsStr::from_bytes(path))?),
    }
    Ok(())
}
