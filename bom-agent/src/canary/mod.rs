//! A canary: a child of ours that does one known thing through each hook, in a cgroup of its own. A probe that is
//! attached and does not tell of it is silent, and what needs it is incomplete.
//!
//! Its records end in the drain; nothing of it reaches the core. `song` is what the child does.

mod song;

use std::{
    collections::BTreeSet,
    fs::File,
    io,
    net::{Ipv4Addr, TcpListener, UdpSocket},
    os::fd::AsRawFd as _,
};

use bom_common::record::probe;
use bom_core::coverage::{ProbeState, ProbeStatus};

use crate::{
    cgroup::{CgroupError, Session},
    probes::{LoadError, PROBES, Probes, Settings},
};

pub use song::Verse;

#[derive(Debug, thiserror::Error)]
pub enum CanaryError {
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("make a canary: {0}")]
    Io(#[from] io::Error),
}

/// Addresses of the loopback device that nobody else is likely to use.
const HOST: Ipv4Addr = Ipv4Addr::new(127, 83, 79, 78);
/// Where answers of name servers come from.
const DNS_PORT: u16 = 53;

/// The probes whose records each verse brings, by number; each one alone is enough of its kind.
const TOLD: &[(Verse, u16)] = &[
    (Verse::Open, probe::SYS_EXIT_OPEN),
    (Verse::OpenAt, probe::SYS_EXIT_OPENAT),
    (Verse::OpenAt2, probe::SYS_EXIT_OPENAT2),
    (Verse::Creat, probe::SYS_EXIT_CREAT),
    (Verse::OpenByHandle, probe::SYS_EXIT_OPEN_BY_HANDLE_AT),
    (Verse::Fork, probe::SCHED_PROCESS_FORK),
    (Verse::Fork, probe::SCHED_PROCESS_EXIT),
    (Verse::Exec, probe::SCHED_PROCESS_EXEC),
    (Verse::Connect, probe::INET_SOCK_SET_STATE),
    (Verse::Hello, probe::CGROUP_SKB_EGRESS),
    (Verse::Answer, probe::CGROUP_SKB_INGRESS),
    (Verse::Uring, probe::IO_URING_CREATE),
];

/// A cgroup, and whom the child talks to.
#[derive(Debug)]
pub struct Canary {
    session: Session,
    listener: Option<TcpListener>,
    /// Answers as a name server would; `None` if port 53 cannot be had.
    server: Option<UdpSocket>,
    told: BTreeSet<u16>,
    silent: BTreeSet<&'static str>,
    lost: u64,
}

impl Canary {
    /// Makes the cgroup and attaches the probes to it.
    pub fn new(probes: &mut Probes, settings: &Settings) -> Result<Self, CanaryError> {
        let session = Session::create("canary")?;
        probes.track_canary(&File::open(session.path())?, session.id(), settings)?;
        Ok(Self {
            session,
            // Where there is no loopback device, those verses are not sung.
            listener: TcpListener::bind((HOST, 0)).ok(),
            server: UdpSocket::bind((HOST, DNS_PORT)).ok(),
            told: BTreeSet::new(),
            silent: BTreeSet::new(),
            lost: 0,
        })
    }

    /// The id its records have as their subject.
    pub const fn id(&self) -> u64 {
        self.session.id()
    }

    /// A record of the canary came.
    pub(crate) fn told(&mut self, probe: u16) {
        self.told.insert(probe);
    }

    /// Sings once. The rings have to be drained before [`Self::judge`].
    pub fn sing(&mut self) -> io::Result<BTreeSet<Verse>> {
        self.told.clear();
        let port = self.listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let sung = song::sing(
            std::os::fd::AsFd::as_fd(&self.session.procs_fd()).as_raw_fd(),
            port.map(|address| (HOST, address.port())),
            self.server.as_ref(),
        )?;
        // The connection waits to be accepted; nobody needs it any more.
        if let Some(listener) = &self.listener {
            listener.set_nonblocking(true)?;
            while listener.accept().is_ok() {}
        }
        Ok(sung)
    }

    /// The probes that should have told and did not, as states for the core; each once.
    pub fn judge(&mut self, probes: &Probes, sung: &BTreeSet<Verse>) -> Result<Vec<ProbeState>, LoadError> {
        // A record without room was not left out by its probe.
        let lost = probes.canary_losses()?;
        if std::mem::replace(&mut self.lost, lost) != lost {
            return Ok(Vec::new());
        }
        let expected = TOLD.iter().filter(|(verse, _)| sung.contains(verse)).map(|(_, number)| *number);
        let missing: BTreeSet<u16> = expected.filter(|number| !self.told.contains(number)).collect();
        let mut states = Vec::new();
        for probe in PROBES.iter().filter(|probe| missing.contains(&probe.number)) {
            let attached = probes.status(probe.name) == Some(&ProbeStatus::Attached);
            if attached && self.silent.insert(probe.name) {
                let name = probe.name.to_owned();
                states.push(ProbeState { number: probe.number, name, status: ProbeStatus::Silent });
            }
        }
        Ok(states)
    }
}
