//! A host that exists only as a list of inputs: fixed clock, fixed ids, answers by kind of file.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use bom_common::record::probe;
use bom_core::{
    claimed::Claims,
    correlate::Correlator,
    coverage::{ProbeState, ProbeStatus},
    event::{Body, Event, Exec, OpenedFile, Task, Tcp, TcpState},
    input::{
        Answer, Ended, HostFacts, Input, Owner, PythonOwner, Reason, Request, Start, Subject, SubjectKind,
        Work,
    },
    key::{EpochId, FileKey, ImageId, ProcessKey},
    metadata::{ByteOrder, ElfClass, ElfMetadata, ElfType, Extracted, FileKind, ModelMetadata},
    path::SeenPath,
    recording,
    stored::Origins,
    stream::{ClientHello, DnsAnswer, Transport},
};

/// An interpreter that exports CPython's entry point.
pub(crate) const PYTHON: &str = "/usr/bin/python3.11";
/// One that is linked with libpython instead.
pub(crate) const LIBPYTHON: &str = "/opt/embedded";

const PROBES: &[&str] = &[
    "cgroup_mkdir",
    "iter_task_file",
    "sched_process_exec",
    "sched_process_fork",
    "sched_process_exit",
    "inet_sock_set_state",
    "io_uring_create",
    "io_uring_complete",
    "sys_exit_open",
    "sys_exit_openat",
    "sys_exit_openat2",
    "sys_exit_creat",
    "sys_exit_open_by_handle_at",
    "cgroup_skb_egress",
    "cgroup_skb_ingress",
    "io_uring_submit_req",
    "iomap_iter",
    "mm_filemap_fault",
    "mm_filemap_get_pages",
    "mm_filemap_map_pages",
    "sched_process_exec_memory",
    "skb_copy_datagram_iovec",
    "sys_exit_mmap",
    "sys_exit_mprotect",
    "sys_exit_mremap",
    "sys_exit_bpf",
    "sys_exit_pidfd_getfd",
    "sys_exit_pkey_mprotect",
    "sys_exit_shmat",
    "sys_exit_connect",
    "sys_exit_listen",
    "sys_exit_socket",
    "sys_exit_socketpair",
    "cgroup_connect4",
    "cgroup_connect6",
    "cgroup_sendmsg4",
    "cgroup_sendmsg6",
    "cgroup_attach_task",
];

/// What a file turns out to be.
#[derive(Clone, Copy)]
pub(crate) enum Thing {
    Plain,
    /// Digest.
    Model(&'static str),
    UnhashedModel,
    /// Code of a distribution.
    Wheel(&'static str, &'static str),
    /// A shared library of a distribution.
    WheelLibrary(&'static str, &'static str),
    Unreadable(Reason),
    /// Nobody ever answers.
    Unanswered,
}

pub(crate) struct FakeHost {
    correlator: Correlator,
    lines: Rc<RefCell<Vec<String>>>,
    files: BTreeMap<String, OpenedFile>,
    images: BTreeMap<u32, u64>,
    next: u64,
    shift: u64,
    counters: BTreeMap<String, u64>,
}

impl FakeHost {
    pub(crate) fn new() -> Self {
        Self::made(0, "", ProbeStatus::Attached)
    }

    /// The same with other times and numbers.
    pub(crate) fn shifted(shift: u64) -> Self {
        Self::made(shift, "", ProbeStatus::Attached)
    }

    pub(crate) fn without(probe: &str, status: ProbeStatus) -> Self {
        Self::made(0, probe, status)
    }

    fn made(shift: u64, without: &str, status: ProbeStatus) -> Self {
        let mut host = Self {
            correlator: Correlator::default(),
            lines: Rc::default(),
            files: BTreeMap::new(),
            images: BTreeMap::new(),
            next: 10 + shift,
            shift,
            counters: BTreeMap::new(),
        };
        host.input(Input::Start(Box::new(Start {
            epoch: EpochId { node: "node".into(), boot: "boot".into(), start_ns: 1 + shift },
            version: "0.0.0".into(),
            host: HostFacts {
                kernel: "6.18.0".into(),
                architecture: "x86_64".into(),
                distribution: Some(("debian".into(), "12".into())),
                drivers: BTreeMap::from([("nvidia".into(), Some("550.54.15".into()))]),
            },
            at_ns: 1 + shift,
        })));
        host.input(Input::Subject(Subject {
            id: 77 + shift,
            name: "agent".into(),
            before_first_instruction: true,
            kind: SubjectKind::Session,
            at_ns: 1 + shift,
        }));
        let states = (1..).zip(PROBES.iter().copied()).map(|(number, name)| {
            let status = if name == without { status.clone() } else { ProbeStatus::Attached };
            ProbeState { number, name: name.to_owned(), status }
        });
        host.input(Input::Probes { at_ns: 2 + shift, states: states.collect() });
        host.input(Input::Clock { boot_ns: 1_000, wall_ns: 1_700_000_000_000_000_000 });
        host
    }

    pub(crate) fn correlator(&self) -> &Correlator {
        &self.correlator
    }

    pub(crate) fn lines(&self) -> Rc<RefCell<Vec<String>>> {
        Rc::clone(&self.lines)
    }

    pub(crate) fn input(&mut self, input: Input) -> Vec<Work> {
        self.lines.borrow_mut().push(recording::line(&input).unwrap());
        self.correlator.step(input)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn event(&mut self, probe: u16, body: Body) -> Vec<Work> {
        let sequence = self.number();
        self.input(Input::Event(Event { sequence, probe, time_ns: sequence * 1_000, body }))
    }

    /// Process key and image of a pid.
    pub(crate) fn task(&self, pid: u32) -> (ProcessKey, ImageId) {
        let image = self.images.get(&pid).copied().unwrap_or_default();
        (ProcessKey { tgid: pid, start_ns: u64::from(pid) }, ImageId(image))
    }

    pub(crate) fn whole_task(&self, pid: u32) -> Task {
        let (process, image) = self.task(pid);
        let subject = 77 + self.shift;
        Task { process, tid: pid, image, subject, cgroup: subject, mount_namespace: 1 }
    }

    pub(crate) fn file(&mut self, path: &str) -> OpenedFile {
        if let Some(known) = self.files.get(path) {
            return known.clone();
        }
        let inode = self.number();
        let file = OpenedFile {
            key: FileKey { device: 1, inode, generation: 0, size: 4096, ctime_s: 1, ctime_ns: 0 },
            path: SeenPath::new(path),
            path_flags: 0,
            parent_inode: 2,
            name_hash: inode,
            mode: 0o100_644,
            flags: 0,
            fs_magic: 0xef53,
            rdev: 0,
            mount_id: 1,
            real: None,
        };
        self.files.insert(path.to_owned(), file.clone());
        file
    }

    /// Another name of a file that is there.
    pub(crate) fn linked(&mut self, from: &str, to: &str) {
        let mut file = self.file(from);
        file.path = SeenPath::new(to);
        file.name_hash += 1;
        self.files.insert(to.to_owned(), file);
    }

    pub(crate) fn exec(&mut self, pid: u32, parent: u32, path: &str) {
        let program = match path {
            PYTHON => elf(ElfType::PieExecutable, &["Py_BytesMain"], &[]),
            LIBPYTHON => elf(ElfType::PieExecutable, &[], &["libpython3.11.so.1.0"]),
            _ => elf(ElfType::PieExecutable, &[], &[]),
        };
        self.exec_answering(pid, parent, path, |request| match request {
            Request::Inspect => Some(Answer::Inspected(Some(Box::new(program.clone())))),
            Request::Digest => Some(Answer::Digest(format!("{:0>64}", path.len()))),
            Request::Owner => Some(Answer::Owner(Owner::default())),
            Request::Origin => Some(Answer::Origins(Origins::default())),
            Request::Verify => Some(Answer::Verified(false)),
            Request::Claims => Some(Answer::Claims(Claims::default())),
            Request::Locate | Request::Recheck => None,
        });
    }

    pub(crate) fn exec_answering(
        &mut self,
        pid: u32,
        parent: u32,
        path: &str,
        reply: impl Fn(Request) -> Option<Answer>,
    ) {
        let file = self.file(path);
        let previous = self.task(pid).1;
        let image = self.number();
        self.images.insert(pid, image);
        let exec = Exec {
            file,
            requested: SeenPath::new(path),
            previous_image: previous,
            parent: ProcessKey { tgid: parent, start_ns: u64::from(parent) },
            uid: 0,
        };
        let body = Body::Exec { task: self.whole_task(pid), exec: Box::new(exec) };
        let work = self.event(probe::SCHED_PROCESS_EXEC, body);
        self.answer_all(work, reply);
    }

    pub(crate) fn fork(&mut self, parent: u32, child: u32) {
        let image = self.task(parent).1.0;
        self.images.insert(child, image);
        let key = self.task(child).0;
        let body = Body::Fork { task: self.whole_task(parent), child: key };
        self.event(probe::SCHED_PROCESS_FORK, body);
    }

    pub(crate) fn open(&mut self, pid: u32, path: &str, thing: Thing) -> OpenedFile {
        let file = self.file(path);
        let body = Body::Open { task: self.whole_task(pid), file: file.clone() };
        let work = self.event(probe::SYS_EXIT_OPENAT, body);
        self.answer_all(work, |request| reply(thing, request));
        file
    }

    /// Opens a changed file.
    pub(crate) fn open_changed(
        &mut self,
        pid: u32,
        path: &str,
        thing: Thing,
        change: fn(&mut OpenedFile),
    ) -> OpenedFile {
        let mut file = self.file(path);
        change(&mut file);
        self.files.insert(path.to_owned(), file);
        self.open(pid, path, thing)
    }

    /// Opens a changed file and gives back what is asked of it.
    pub(crate) fn questions(&mut self, pid: u32, path: &str, change: fn(&mut OpenedFile)) -> Vec<Request> {
        let mut file = self.file(path);
        change(&mut file);
        let body = Body::Open { task: self.whole_task(pid), file };
        self.event(probe::SYS_EXIT_OPENAT, body).into_iter().map(|work| work.request).collect()
    }

    pub(crate) fn answer_all(&mut self, work: Vec<Work>, reply: impl Fn(Request) -> Option<Answer>) {
        let mut waiting = work;
        while let Some(work) = waiting.pop() {
            if let Some(answer) = reply(work.request) {
                waiting.extend(self.input(Input::Answer { work: work.id, answer }));
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one row of a connection's life")]
    pub(crate) fn tcp(
        &mut self,
        pid: u32,
        cookie: u64,
        address: &str,
        port: u16,
        state: TcpState,
        sent: u64,
        received: u64,
    ) {
        let tcp = Tcp {
            cookie,
            remote: format!("{address}:{port}").parse().unwrap(),
            local: "10.0.0.100:40000".parse().unwrap(),
            state,
            bytes_acked: sent,
            bytes_received: received,
        };
        let body = Body::Tcp { task: self.whole_task(pid), tcp };
        self.event(probe::INET_SOCK_SET_STATE, body);
    }

    pub(crate) fn connect(&mut self, pid: u32, cookie: u64, address: &str, port: u16) {
        self.tcp(pid, cookie, address, port, TcpState::SynSent, 0, 0);
        self.tcp(pid, cookie, address, port, TcpState::Established, 0, 0);
    }

    pub(crate) fn close_connection(
        &mut self,
        pid: u32,
        cookie: u64,
        address: &str,
        port: u16,
        sent: u64,
        received: u64,
    ) {
        self.tcp(pid, cookie, address, port, TcpState::Closed, sent, received);
    }

    pub(crate) fn hello(&mut self, cookie: u64, name: Option<&str>) {
        let hello = ClientHello {
            server_name: name.map(str::to_owned),
            alpn: vec!["h2".into()],
            ..ClientHello::default()
        };
        let remote = "10.0.0.1:443".parse().unwrap();
        self.event(
            probe::CGROUP_SKB_EGRESS,
            Body::Hello { cookie, cgroup: 77, remote, transport: Transport::Tcp, hello },
        );
    }

    pub(crate) fn resolve(&mut self, name: &str, address: &str) {
        let answer = DnsAnswer {
            question: name.to_owned(),
            aliases: Vec::new(),
            addresses: [address.parse().unwrap()].into(),
            ttl: 60,
            ..DnsAnswer::default()
        };
        let server = "10.0.0.53:53".parse().unwrap();
        self.event(probe::CGROUP_SKB_INGRESS, Body::Dns { cookie: 9, cgroup: 77, server, answer });
    }

    pub(crate) fn counter(&mut self, name: &str, value: u64) {
        self.counters.insert(name.to_owned(), value);
    }

    pub(crate) fn finish(self) -> Correlator {
        self.finish_with(&[])
    }

    /// Everything ends, but these.
    pub(crate) fn finish_with(mut self, survivors: &[u32]) -> Correlator {
        let ended: Vec<u32> = self.images.keys().copied().filter(|pid| !survivors.contains(pid)).collect();
        for pid in ended {
            let body = Body::Exit { task: self.whole_task(pid), code: 0 };
            self.event(probe::SCHED_PROCESS_EXIT, body);
        }
        let at_ns = 1_000_000 + self.shift;
        let counters = std::mem::take(&mut self.counters);
        let subjects = BTreeMap::new();
        self.input(Input::Counters { at_ns, counters, subjects, recursion_misses: BTreeMap::new() });
        let survivors = survivors.iter().copied().collect();
        self.input(Input::Ended(Box::new(Ended {
            subject: 77 + self.shift,
            at_ns,
            status: Some(0),
            survivors,
            survivors_cut: false,
        })));
        self.input(Input::Finish { at_ns });
        self.correlator
    }
}

pub(crate) fn reply(thing: Thing, request: Request) -> Option<Answer> {
    let content = match thing {
        Thing::Unanswered => return None,
        Thing::Unreadable(reason) => return Some(Answer::Unknown(reason)),
        Thing::Model(_) | Thing::UnhashedModel => Some(Box::new(model())),
        Thing::WheelLibrary(..) => Some(Box::new(elf(ElfType::SharedLibrary, &[], &[]))),
        Thing::Plain | Thing::Wheel(..) => None,
    };
    Some(match (request, thing) {
        (Request::Inspect, _) => Answer::Inspected(content),
        (Request::Digest, Thing::Model(digest)) => Answer::Digest(format!("{digest:0>64}")),
        (Request::Digest, Thing::UnhashedModel) => Answer::Unknown(Reason::TooLarge),
        (Request::Digest, _) => Answer::Digest("cc".repeat(32)),
        (Request::Owner, Thing::Wheel(name, version) | Thing::WheelLibrary(name, version)) => {
            Answer::Owner(Owner { python: Some(owner(name, version)), ..Owner::default() })
        }
        (Request::Owner, _) => Answer::Owner(Owner::default()),
        (Request::Origin, _) => Answer::Origins(Origins::default()),
        // A story that has these answers them itself.
        (Request::Verify, _) => Answer::Verified(false),
        (Request::Locate | Request::Recheck | Request::Claims, _) => return None,
    })
}

fn owner(name: &str, version: &str) -> PythonOwner {
    PythonOwner {
        name: name.to_owned(),
        version: version.to_owned(),
        dist_info: SeenPath::new(format!("/site-packages/{name}-{version}.dist-info")),
        recorded_sha256: None,
        editable: false,
    }
}

fn model() -> Extracted {
    let metadata = ModelMetadata {
        parameter_count: Some(1_000_000),
        tensor_count: Some(3),
        dtype: Some("F32".to_owned()),
        ..ModelMetadata::new(FileKind::Safetensors)
    };
    Extracted { model: Some(metadata), ..Extracted::new(FileKind::Safetensors) }
}

pub(crate) fn elf(elf_type: ElfType, exports: &[&str], needed: &[&str]) -> Extracted {
    let elf = ElfMetadata {
        class: ElfClass::Bits64,
        byte_order: ByteOrder::Little,
        machine: "x86_64".to_owned(),
        elf_type,
        is_static: Some(false),
        soname: None,
        version: None,
        build_id: None,
        needed: needed.iter().map(|&name| name.to_owned()).collect(),
        symbol_versions: Vec::new(),
        package_note: None,
        interp: None,
        exports: exports.iter().map(|&name| name.to_owned()).collect(),
    };
    Extracted { elf: Some(elf), ..Extracted::new(FileKind::Elf) }
}
