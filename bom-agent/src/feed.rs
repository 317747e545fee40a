//! The one place through which inputs reach the core: each is recorded, given to the correlator, and
//! what the correlator then asks for goes to the workers. Live run and replay differ only in who
//! calls it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufWriter, Write},
};

use bom_core::{
    correlate::Correlator,
    decode::{CgroupLife, Decoded, Record},
    event::{Body, Event, Task, TcpState},
    input::{Answer, Input, Reason, Subject, SubjectKind, Work},
    recording::{self, RecordingError},
    stream::{Settings, StreamDecoder},
};
use flate2::{Compression, write::GzEncoder};

use crate::work::Pool;

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error("write recording: {0}")]
    Write(#[from] io::Error),
}

/// A recording being written.
pub struct Recorder {
    lines: GzEncoder<BufWriter<Box<dyn Write>>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Recorder")
    }
}

impl Recorder {
    pub fn new(to: Box<dyn Write>) -> Result<Self, FeedError> {
        let mut lines = GzEncoder::new(BufWriter::new(to), Compression::fast());
        writeln!(lines, "{}", recording::header()?)?;
        Ok(Self { lines })
    }

    fn record(&mut self, input: &Input) -> Result<(), FeedError> {
        writeln!(self.lines, "{}", recording::line(input)?)?;
        Ok(())
    }

    /// Ends the file; what is missing after this was never recorded.
    fn finish(self) -> Result<(), FeedError> {
        self.lines.finish()?.flush()?;
        Ok(())
    }
}

/// Everything between the rings and the inventory.
#[derive(Debug)]
pub struct Feed {
    correlator: Correlator,
    recorder: Option<Recorder>,
    pool: Pool,
    decoder: StreamDecoder,
    sequence: u64,
    namespaces: BTreeSet<u32>,
    /// By subject; 0 where even that could not be read.
    undecodable: BTreeMap<u64, u64>,
    /// Subjects that are announced when something of theirs is met.
    expected: BTreeMap<u64, Subject>,
    /// Whose processes are whose, where something else than the probes tells of them.
    #[cfg(feature = "probes")]
    owners: Option<crate::fanotify::Owners>,
    #[cfg(feature = "probes")]
    reads: Vec<(u16, u64, Body)>,
    /// What became of cgroups, for whoever says who is observed.
    cgroups: Vec<CgroupLife>,
}

impl Feed {
    pub fn new(pool: Pool, recorder: Option<Recorder>, streams: Settings) -> Self {
        Self {
            correlator: Correlator::default(),
            recorder,
            pool,
            decoder: StreamDecoder::new(streams),
            sequence: 0,
            namespaces: BTreeSet::new(),
            undecodable: BTreeMap::new(),
            expected: BTreeMap::new(),
            #[cfg(feature = "probes")]
            owners: None,
            #[cfg(feature = "probes")]
            reads: Vec::new(),
            cgroups: Vec::new(),
        }
    }

    /// Records one input, takes it in, and hands on what it asks for.
    pub fn input(&mut self, input: Input) -> Result<(), FeedError> {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            if let Some(recorder) = &mut self.recorder {
                recorder.record(&input)?;
            }
            for work in self.correlator.step(input) {
                if let Err(Work { id, .. }) = self.pool.submit(work) {
                    inputs.push(Input::Answer { work: id, answer: Answer::Unknown(Reason::QueueFull) });
                }
            }
        }
        Ok(())
    }

    /// Takes in one record as it lay in a ring. Payload ends here.
    pub fn record(&mut self, record: Record) -> Result<(), FeedError> {
        let Record { probe, time_ns, decoded } = record;
        let bodies = match decoded {
            Decoded::Body(body) => self.ended(body),
            Decoded::Payload(payload) => self.decoder.push(payload),
            Decoded::Cgroup(life) => {
                // What happens in it is told next.
                if let CgroupLife::Made { cgroup, path, .. } = &life {
                    let name = match path.bytes() {
                        [] => format!("cgroup {cgroup}"),
                        _ => path.escaped(),
                    };
                    let kind = SubjectKind::Cgroup;
                    let at_ns = time_ns;
                    self.expect(Subject { id: *cgroup, name, before_first_instruction: true, kind, at_ns });
                }
                self.cgroups.push(life);
                return Ok(());
            }
        };
        for body in bodies {
            let task = self.hold_namespace(&body);
            #[cfg(feature = "probes")]
            if let (Some(owners), Some(task)) = (&mut self.owners, &task) {
                owners.note(&body, task);
            }
            self.announce(task)?;
            #[cfg(feature = "probes")]
            if self.owners.is_some() && matches!(&body, Body::Read { task, .. } if task.image.0 != 0) {
                // What opened the file is told of after the rings; whoever reads is the program it is either way.
                self.reads.push((probe, time_ns, body));
                continue;
            }
            self.read(probe, time_ns, body)?;
        }
        Ok(())
    }

    /// Takes in the reads that waited for the opens.
    #[cfg(feature = "probes")]
    pub fn take_reads(&mut self) -> Result<(), FeedError> {
        for (probe, time_ns, body) in std::mem::take(&mut self.reads) {
            self.read(probe, time_ns, body)?;
        }
        Ok(())
    }

    /// Takes in an open that something else than the probes told of.
    #[cfg(feature = "probes")]
    pub fn open(&mut self, probe: u16, time_ns: u64, body: Body) -> Result<(), FeedError> {
        let task = self.hold_namespace(&body);
        self.announce(task)?;
        self.read(probe, time_ns, body)
    }

    /// The subject of a task is announced before anything of it.
    fn announce(&mut self, task: Option<Task>) -> Result<(), FeedError> {
        match task.and_then(|task| self.expected.remove(&task.subject)) {
            Some(subject) => self.input(Input::Subject(subject)),
            None => Ok(()),
        }
    }

    /// From now on it is noted whose processes are whose, for opens on these file systems.
    #[cfg(feature = "probes")]
    pub fn watch_owners(&mut self, devices: Option<&BTreeSet<u32>>) {
        self.owners = devices.cloned().map(crate::fanotify::Owners::new);
    }

    /// Lends them out: what is noted meanwhile is lost.
    #[cfg(feature = "probes")]
    pub fn take_owners(&mut self) -> Option<crate::fanotify::Owners> {
        self.owners.take()
    }

    #[cfg(feature = "probes")]
    pub fn put_owners(&mut self, owners: crate::fanotify::Owners) {
        self.owners = Some(owners);
    }

    /// What ends with a connection comes before its end.
    fn ended(&mut self, body: Body) -> Vec<Body> {
        let mut bodies = Vec::new();
        if let Body::Tcp { tcp, .. } = &body
            && matches!(tcp.state, TcpState::Closed | TcpState::SynSent)
        {
            bodies = self.decoder.close(tcp.cookie);
        }
        bodies.push(body);
        bodies
    }

    /// Takes in something that was read from a table of the probes.
    pub fn read(&mut self, probe: u16, time_ns: u64, body: Body) -> Result<(), FeedError> {
        self.sequence += 1;
        self.input(Input::Event(Event { sequence: self.sequence, probe, time_ns, body }))
    }

    /// Counts a record that could not be decoded.
    pub fn undecodable(&mut self, subject: u64) {
        *self.undecodable.entry(subject).or_insert(0) += 1;
    }

    /// How many those were so far.
    pub fn undecoded(&self) -> &BTreeMap<u64, u64> {
        &self.undecodable
    }

    /// Takes in every answer that is there.
    pub fn answers(&mut self) -> Result<(), FeedError> {
        while let Some((work, answer)) = self.pool.try_recv() {
            self.input(Input::Answer { work, answer })?;
        }
        Ok(())
    }

    /// Gives up incomplete streams; they become events.
    pub fn finish_streams(&mut self, time_ns: u64, probe: u16) -> Result<(), FeedError> {
        for body in self.decoder.finish() {
            self.sequence += 1;
            self.input(Input::Event(Event { sequence: self.sequence, probe, time_ns, body }))?;
        }
        Ok(())
    }

    /// Ends the recording and gives the correlator back.
    pub fn finish(self) -> Result<Correlator, FeedError> {
        if let Some(recorder) = self.recorder {
            recorder.finish()?;
        }
        Ok(self.correlator)
    }

    /// Announces the subject as soon as something of it is met.
    pub fn expect(&mut self, subject: Subject) {
        self.expected.insert(subject.id, subject);
    }

    /// Nothing will be met of this subject any more.
    pub fn forget(&mut self, subject: u64) {
        self.expected.remove(&subject);
    }

    /// Cgroups that came and went since the last call.
    pub fn take_cgroups(&mut self) -> Vec<CgroupLife> {
        std::mem::take(&mut self.cgroups)
    }

    pub fn correlator(&self) -> &Correlator {
        &self.correlator
    }

    pub fn pending(&self) -> usize {
        self.correlator.pending()
    }

    pub fn events(&self) -> u64 {
        self.sequence
    }

    /// A mount namespace can go with its last process: hold on to it as soon as it is seen. Gives the task.
    fn hold_namespace(&mut self, body: &Body) -> Option<Task> {
        let task: &Task = match body {
            Body::Open { task, .. }
            | Body::Exec { task, .. }
            | Body::Fork { task, .. }
            | Body::Threaded { task }
            | Body::UringCreated { task }
            | Body::Connect { task, .. }
            | Body::Swept { task, .. }
            | Body::Map { task, .. }
            | Body::Read { task, .. }
            | Body::Moved { task, .. } => task,
            Body::Exit { task, .. }
            | Body::Tcp { task, .. }
            | Body::ExecutableMemory { task }
            | Body::LowMemory { task }
            | Body::SocketReceived { task }
            | Body::OtherSource { task }
            | Body::Udp { task, .. }
            | Body::Accepted { task, .. }
            | Body::Unix { task, .. }
            | Body::OtherSocket { task, .. } => return Some(*task),
            Body::Hello { .. } | Body::HttpHead { .. } | Body::Dns { .. } | Body::Undecoded { .. } => {
                return None;
            }
        };
        if task.mount_namespace != 0 && self.namespaces.insert(task.mount_namespace) {
            self.pool.hold_namespace(task.mount_namespace, task.process.tgid);
        }
        Some(*task)
    }
}
