//! A session of two subjects in cgroups of their own, in this process.

use std::{
    env, fs, io,
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use bom_agent::{
    cgroup::Session,
    host,
    launch::Signals,
    probes::Settings,
    session::{Engine, Setup},
};
use bom_core::{
    coverage::Class,
    input::{Ended, Subject, SubjectKind},
    inventory::{Description, Epoch},
    key::{Object, SubjectKey},
};
use bom_testkit::{
    flood::{Done, Role},
    trial::Failed,
};

/// What came of it.
pub(crate) struct Flooded {
    pub(crate) done: Done,
    /// The port that the quiet one connected to.
    pub(crate) secret_port: u16,
    epoch: Epoch,
    flood: u64,
    quiet: u64,
    nothing: u64,
    peak_kib: u64,
    events: u64,
}

/// A folder on a file system in memory, removed on drop.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> io::Result<Self> {
        let base = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { env::temp_dir() };
        let folder = (0..).map(|number| base.join(format!("aibom-flood-{}-{number}", std::process::id())));
        for path in folder {
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is in memory of a test machine.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How often something is done: more in the long shows.
pub(crate) fn times(normally: u64, in_full: u64) -> u64 {
    if env::var_os("AIBOM_TEST_FULL").is_some() { in_full } else { normally }
}

struct Someone {
    session: Session,
    role: Role,
    child: Option<Child>,
}

impl Someone {
    fn new(hint: &str, role: &Role) -> Result<Self, Failed> {
        Ok(Self { session: Session::create(hint)?, role: role.clone(), child: None })
    }

    fn start(&mut self) -> Result<(), Failed> {
        let mut command = self.role.command()?;
        let procs: RawFd = std::os::fd::AsFd::as_fd(&self.session.procs_fd()).as_raw_fd();
        // SAFETY: between fork and exec there is one system call on bytes that are constant.
        unsafe {
            command.pre_exec(move || {
                if libc::write(procs, c"0".as_ptr().cast(), 1) == 1 {
                    Ok(())
                } else {
                    Err(io::Error::last_os_error())
                }
            });
        }
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
        Ok(())
    }

    fn is_running(&mut self) -> Result<bool, Failed> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?.is_none()),
            None => Ok(false),
        }
    }

    fn done(self) -> Result<Done, Failed> {
        let output = self.child.ok_or("never started")?.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("{:?} ended with {}", self.role, output.status).into());
        }
        Done::read(&output.stdout).ok_or_else(|| "said nothing".into())
    }
}

/// Observes a flood, one who does nothing, and the quiet one, who starts when the flood is under way.
pub(crate) fn observe(flood: Option<&Role>, quiet: &Role, settings: &Settings) -> Result<Flooded, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(session(flood, quiet, settings))
}

async fn session(flood: Option<&Role>, quiet: &Role, settings: &Settings) -> Result<Flooded, Failed> {
    let setup =
        Setup { settings: settings.clone(), catalog: None, recorder: None, version: "0.0.0".to_owned() };
    let mut signals = Signals::catch()?;
    let mut engine = Engine::start(setup)?;
    let mut all = vec![Someone::new("quiet", quiet)?];
    if let Some(flood) = flood {
        all.push(Someone::new("nothing", &Role::Nothing)?);
        all.push(Someone::new("flood", flood)?);
    }
    let ids: Vec<u64> = all.iter().map(|one| one.session.id()).collect();
    for one in &all {
        engine.attach(&fs::File::open(one.session.path())?);
        engine.probes().track_cgroup(one.session.id(), one.session.id())?;
        engine.subject(Subject {
            id: one.session.id(),
            name: one.session.id().to_string(),
            before_first_instruction: true,
            kind: SubjectKind::Session,
            at_ns: host::boot_ns(),
        })?;
    }
    engine.ready()?;
    // Who does nothing has ended before the flood, so that what it counts is only its own start.
    let before = all.len().min(2);
    for one in all.iter_mut().skip(1) {
        one.start()?;
        if before == 2 && one.session.id() == ids[1] {
            while one.is_running()? {
                engine.turn().await?;
            }
        }
    }
    let under_way = engine.events() + if flood.is_some() { 500 } else { 0 };
    let mut peak_kib = 0;
    loop {
        engine.turn().await?;
        peak_kib = peak_kib.max(resident_kib());
        let mut running = false;
        for one in all.iter_mut().skip(1) {
            running |= one.is_running()?;
        }
        if all[0].child.is_none() && (engine.events() >= under_way || !running) {
            all[0].start()?;
        }
        if !running && all[0].child.is_some() && !all[0].is_running()? {
            break;
        }
    }
    engine.conclude(&mut signals, std::time::Duration::from_secs(60)).await?;
    peak_kib = peak_kib.max(resident_kib());
    for one in &all {
        let (subject, at_ns) = (one.session.id(), host::boot_ns());
        engine.ended(Ended {
            subject,
            at_ns,
            status: Some(0),
            survivors: [].into(),
            survivors_cut: false,
        })?;
    }
    let events = engine.events();
    let correlator = engine.finish()?;
    let epoch = correlator.inventory().epochs.into_values().next().ok_or("no epoch")?;
    let secret_port = if let Role::Secret(_, peer) = quiet { peer.port() } else { 0 };
    let done = all.pop().ok_or("nobody")?.done()?;
    for one in all {
        one.done()?;
    }
    let id = |at: usize| ids.get(at).copied().unwrap_or_default();
    let flood = ids.last().copied().unwrap_or_default();
    Ok(Flooded { done, secret_port, epoch, flood, quiet: id(0), nothing: id(1), peak_kib, events })
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl Flooded {
    /// For the log of a long show.
    pub(crate) fn say(&self, role: &Role) {
        let Done { opens, connects, forks, names, took_us } = self.done;
        let lost: Vec<String> = self
            .epoch
            .coverage
            .losses
            .iter()
            .map(|((cause, of), loss)| {
                let whose = of.as_ref().map_or(0, |key| key.cgroup);
                let whose = match whose {
                    0 => "anybody",
                    whose if whose == self.flood => "flood",
                    _ => "other",
                };
                format!("{cause} of {whose}: {}", loss.count.0)
            })
            .collect();
        println!(
            "{role:?}: {opens} opens, {connects} connects, {forks} forks, {names} names in {} ms; {} events, at most \
             {} MiB resident; lost {lost:?}",
            took_us / 1000,
            self.events,
            self.peak_kib / 1024,
        );
    }

    fn key(&self, id: u64) -> Option<&SubjectKey> {
        self.epoch.subjects.keys().find(|key| key.cgroup == id)
    }

    fn counter(&self, id: u64, name: &str) -> u64 {
        let counted = self.key(id).and_then(|key| self.epoch.coverage.subject_counters.get(key));
        counted.and_then(|counted| counted.get(name)).map_or(0, |count| count.0)
    }

    /// Of the flood.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        self.counter(self.flood, name)
    }

    /// Of who did nothing.
    pub(crate) fn nothing(&self, name: &str) -> u64 {
        self.counter(self.nothing, name)
    }

    /// Declared of the flood.
    pub(crate) fn losses(&self, cause: &str) -> u64 {
        let key = self.key(self.flood).cloned();
        self.epoch.coverage.losses.get(&(cause.to_owned(), key)).map_or(0, |loss| loss.count.0)
    }

    pub(crate) fn facts_of_quiet(&self) -> impl Iterator<Item = &Object> {
        self.epoch.facts.keys().filter(|fact| fact.subject.cgroup == self.quiet).map(|fact| &fact.object)
    }

    pub(crate) fn is_model(&self, object: &Object) -> bool {
        let about = self.epoch.objects.get(object).into_iter().flatten();
        about
            .into_iter()
            .any(|about| matches!(about, Description::Content(Some(content)) if content.model.is_some()))
    }

    pub(crate) fn gaps_of_quiet(&self, class: Class) -> Vec<String> {
        let key = self.key(self.quiet).cloned();
        let cell = key.and_then(|key| self.epoch.coverage.cells.get(&(key, class)));
        cell.map_or_else(
            || vec!["lost:nobody looked".to_owned()],
            |cell| cell.gaps.iter().map(bom_core::coverage::Gap::code).collect(),
        )
    }
}
