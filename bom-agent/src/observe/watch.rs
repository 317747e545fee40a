//! Who is observed, while they come and go.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use bom_core::{
    decode::CgroupLife,
    input::{Ended, Subject, SubjectKind},
    path::SeenPath,
};

use super::{
    pods::Pods,
    selection::{Meant, Selection},
    tree::{Cgroup, Role, role},
};
use crate::{
    cgroup::{Hierarchy, Members, members},
    host,
    session::{Engine, SessionError, io_error},
};

/// How often it is looked for names of pods: kubelet makes its links when a container has started.
const PODS: Duration = Duration::from_secs(1);

/// The subjects of one observation.
#[derive(Debug)]
pub(crate) struct Watch {
    hierarchy: Hierarchy,
    /// Cgroups that are subjects, or hold some.
    cgroups: BTreeMap<u64, Cgroup>,
    /// Those that hold subjects.
    parting: BTreeMap<u64, Cgroup>,
    /// Subjects that are a process with its descendants.
    processes: Vec<u64>,
    pods: Pods,
    /// When it was last asked which pods they are.
    asked: Option<Instant>,
    all: bool,
}

impl Watch {
    /// Finds everybody, attaches to their cgroups, and makes them known to the probes. The order matters: a cgroup is
    /// tracked before those in it are listed, so that none is made in between.
    pub(crate) fn start(engine: &mut Engine, selections: &[Selection]) -> Result<Self, SessionError> {
        let hierarchy = Hierarchy::of_this_process()?;
        let meant: Vec<Meant> =
            selections.iter().map(|one| one.find(&hierarchy)).collect::<Result<_, _>>()?;
        let mut this = Self {
            hierarchy,
            cgroups: BTreeMap::new(),
            parting: BTreeMap::new(),
            processes: Vec::new(),
            pods: Pods::default(),
            asked: None,
            all: meant.contains(&Meant::All),
        };
        for path in this.places(&meant) {
            let directory = File::open(&path).map_err(io_error("open the cgroup"))?;
            engine.attach(&directory);
        }
        // The widest first, so that a closer one takes what is its own.
        let mut cgroups: Vec<&Cgroup> = meant.iter().filter_map(Meant::subject).collect();
        cgroups.sort_by_key(|cgroup| cgroup.path.components().count());
        if this.all {
            let root = this.hierarchy.mount().to_owned();
            let root = Cgroup::at(&root)
                .ok_or_else(|| SessionError::Nobody("the root cgroup cannot be read".to_owned()))?;
            this.part(engine, root, false)?;
        }
        for cgroup in cgroups {
            this.leaf(engine, cgroup.clone(), true)?;
        }
        for meant in &meant {
            if let Meant::Process { tgid, target, .. } = meant {
                engine.probes().target(*tgid, target)?;
                engine.subject(Subject {
                    id: target.subject,
                    name: format!("process {tgid}"),
                    before_first_instruction: false,
                    kind: SubjectKind::Process,
                    at_ns: host::boot_ns(),
                })?;
                this.processes.push(target.subject);
            }
        }
        Ok(this)
    }

    /// Where the probes of cgroups are attached: at the outermost, which see what is below.
    fn places(&self, meant: &[Meant]) -> Vec<PathBuf> {
        if self.all {
            return vec![self.hierarchy.mount().to_owned()];
        }
        let mut paths: Vec<PathBuf> =
            meant.iter().filter_map(|one| one.cgroup()).map(|cgroup| cgroup.path.clone()).collect();
        paths.sort();
        let mut places: Vec<PathBuf> = Vec::new();
        for path in paths {
            if !places.iter().any(|place| path.starts_with(place)) {
                places.push(path);
            }
        }
        places
    }

    /// Takes in what came and went since the last call.
    pub(crate) fn keep_up(&mut self, engine: &mut Engine) -> Result<(), SessionError> {
        for life in engine.take_cgroups() {
            match life {
                CgroupLife::Made { cgroup, parent, path } => self.made(engine, cgroup, parent, &path)?,
                CgroupLife::Gone { cgroup } => self.gone(engine, cgroup)?,
            }
        }
        if self.asked.is_none_or(|asked| asked.elapsed() >= PODS) {
            self.asked = Some(Instant::now());
            for (subject, pod) in self.pods.named() {
                engine.pod(subject, pod)?;
            }
        }
        Ok(())
    }

    /// Whether anybody is left to be observed. All of a machine is never gone.
    pub(crate) fn anybody(&self, engine: &mut Engine) -> Result<bool, SessionError> {
        if self.all || self.cgroups.values().any(Cgroup::is_populated) {
            return Ok(true);
        }
        if self.processes.is_empty() {
            return Ok(false);
        }
        let running = engine.probes().processes()?;
        Ok(running.values().any(|process| self.processes.contains(&process.subject)))
    }

    /// Ends the observation of everybody who is left.
    pub(crate) fn finish(mut self, engine: &mut Engine) -> Result<(), SessionError> {
        let at_ns = host::boot_ns();
        for (&id, cgroup) in &self.cgroups {
            if let Some(pod) = self.pods.over(id) {
                engine.pod(id, pod)?;
            }
            // Of one that holds subjects only those directly in it are its own.
            let members = if self.parting.contains_key(&id) {
                Members { pids: std::collections::BTreeSet::new(), complete: true }
            } else {
                members(&cgroup.path)
            };
            engine.ended(Ended {
                subject: id,
                at_ns,
                status: None,
                survivors: members.pids,
                survivors_cut: !members.complete,
            })?;
        }
        for &id in &self.processes {
            let survivors = engine.probes().processes()?;
            let mine = survivors.into_iter().filter(|(_, process)| process.subject == id);
            let survivors = mine.map(|(tgid, _)| tgid).collect();
            engine.ended(Ended { subject: id, at_ns, status: None, survivors, survivors_cut: false })?;
        }
        Ok(())
    }

    /// How many subjects there are, those that are only expected included.
    pub(crate) fn len(&self) -> usize {
        self.cgroups.len() + self.processes.len()
    }

    /// The feed expects it already; what is left to tell is what it is for.
    fn made(
        &mut self,
        engine: &mut Engine,
        id: u64,
        parent: u64,
        path: &SeenPath,
    ) -> Result<(), SessionError> {
        let Some(above) = self.parting.get(&parent) else { return Ok(()) };
        let path = above.path.join(OsStr::from_bytes(path.file_name()));
        let cgroup = Cgroup { id, path };
        // Its processes are followed already; what they take up is its own from now on.
        engine.probes().share(id)?;
        match role(cgroup.path.file_name().unwrap_or_default(), false) {
            Role::Leaf => {
                self.pods.met(id, &cgroup.path);
                self.cgroups.insert(id, cgroup);
            }
            // It may be gone again, or another have its name by now: then nobody was in it for long.
            Role::Parting if Cgroup::at(&cgroup.path).is_some_and(|now| now.id == id) => {
                self.part(engine, cgroup, true)?;
            }
            Role::Parting => drop(self.cgroups.insert(id, cgroup)),
        }
        Ok(())
    }

    fn gone(&mut self, engine: &mut Engine, id: u64) -> Result<(), SessionError> {
        self.parting.remove(&id);
        if self.cgroups.remove(&id).is_none() {
            return Ok(());
        }
        if let Some(pod) = self.pods.over(id) {
            engine.pod(id, pod)?;
        }
        engine.ended(Ended {
            subject: id,
            at_ns: host::boot_ns(),
            status: None,
            survivors: std::collections::BTreeSet::new(),
            survivors_cut: false,
        })
    }

    /// One cgroup below a parting one.
    fn enter(&mut self, engine: &mut Engine, cgroup: Cgroup) -> Result<(), SessionError> {
        let inner = !cgroup.has_processes() && !cgroup.children().is_empty();
        match role(cgroup.path.file_name().unwrap_or_default(), inner) {
            Role::Leaf => self.leaf(engine, cgroup, false),
            Role::Parting => self.part(engine, cgroup, false),
        }
    }

    /// A cgroup that holds subjects, and what is in it. A `new` one was made since the probes run.
    fn part(&mut self, engine: &mut Engine, cgroup: Cgroup, new: bool) -> Result<(), SessionError> {
        engine.probes().part_cgroup(cgroup.id)?;
        engine.probes().track_cgroup(cgroup.id, cgroup.id)?;
        if !new {
            engine.expect(self.subject_of(&cgroup));
        }
        self.cgroups.insert(cgroup.id, cgroup.clone());
        self.parting.insert(cgroup.id, cgroup.clone());
        for child in cgroup.children() {
            self.enter(engine, child)?;
        }
        Ok(())
    }

    /// A subject with everything nested in it. One that was asked for is told of even if nothing of it is met.
    fn leaf(&mut self, engine: &mut Engine, cgroup: Cgroup, asked: bool) -> Result<(), SessionError> {
        let subject = self.subject_of(&cgroup);
        if asked {
            engine.subject(subject)?;
        } else {
            engine.expect(subject);
        }
        let mut waiting = vec![cgroup.clone()];
        while let Some(nested) = waiting.pop() {
            engine.probes().track_cgroup(nested.id, cgroup.id)?;
            waiting.extend(nested.children());
        }
        self.pods.met(cgroup.id, &cgroup.path);
        self.cgroups.insert(cgroup.id, cgroup);
        Ok(())
    }

    fn subject_of(&self, cgroup: &Cgroup) -> Subject {
        Subject {
            id: cgroup.id,
            name: cgroup.name(self.hierarchy.mount()),
            before_first_instruction: false,
            kind: SubjectKind::Cgroup,
            at_ns: host::boot_ns(),
        }
    }
}

impl Meant {
    fn subject(&self) -> Option<&Cgroup> {
        match self {
            Self::Cgroup(cgroup) => Some(cgroup),
            Self::Process { .. } | Self::All => None,
        }
    }

    /// The cgroup whose packets are looked at.
    fn cgroup(&self) -> Option<&Cgroup> {
        match self {
            Self::Cgroup(cgroup) | Self::Process { cgroup, .. } => Some(cgroup),
            Self::All => None,
        }
    }
}
