use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use serde_json::json;

use super::authority::{Authority, AuthorityError};
use super::command::{self, CommandError, Signals};
use super::hosts::HOSTS;
use super::log::Log;
use super::place::{self, PlaceError};
use super::{dns, peers, serve};

const DNS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);
const HTTPS: u16 = 443;

/// What the C library reads to resolve a name. Together they leave one way: a UDP query to our server.
const RESOLVER: [(&str, &str); 3] = [
    ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n"),
    // No systemd-resolved and no mDNS, which would be asked over a socket that leads outside.
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    ("hosts", "127.0.0.1 localhost\n::1 localhost\n"),
];
/// The name service cache daemon answers from outside as well.
const CACHE_DAEMON: &str = "/run/nscd";

/// How to open a [`World`].
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where one JSON line per name query, connection and request is appended.
    pub log: Option<PathBuf>,
    /// Appears when everything listens: a JSON object with `ca`, `dns`, `hosts` (name to address) and `pid`.
    pub ready_file: Option<PathBuf>,
    /// Every host has the address `::1` as well, the same for all.
    pub ipv6: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("hold signals: {0}")]
    Signals(#[source] io::Error),
    #[error("write {path}: {source}")]
    Write { path: String, source: io::Error },
    #[error("listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("no /etc/resolv.conf to mount over")]
    NoResolver,
}

/// An open world. Its servers run in threads of this process and end with it; its folder is removed on drop.
#[derive(Debug)]
pub struct World {
    scratch: Scratch,
    signals: Signals,
}

impl World {
    /// Moves this thread into new namespaces and starts the servers there.
    ///
    /// Needs root and should come before other threads: they would stay outside. There is no way back.
    pub fn open(options: &Options) -> Result<Self, WorldError> {
        let log = options.log.as_deref();
        let log = Arc::new(Log::open(log).map_err(written(log.unwrap_or(Path::new("log"))))?);
        place::enter()?;
        let scratch = Scratch::new()?;
        for (name, text) in RESOLVER {
            let covered = place::cover(&Path::new("/etc").join(name), &scratch.file(name, text)?)?;
            if name == "resolv.conf" && !covered {
                return Err(WorldError::NoResolver);
            }
        }
        place::cover(Path::new(CACHE_DAEMON), &scratch.empty_folder()?)?;
        let authority = Authority::new()?;
        scratch.file(CA, &authority.pem)?;
        let signals = Signals::hold().map_err(WorldError::Signals)?;

        let socket = UdpSocket::bind(DNS).map_err(|source| WorldError::Listen { address: DNS, source })?;
        let (ipv6, dns_log) = (options.ipv6, Arc::clone(&log));
        thread::spawn(move || dns::serve(&socket, ipv6, &dns_log));
        let listener =
            TcpListener::bind(DNS).map_err(|source| WorldError::Listen { address: DNS, source })?;
        let (ipv6, dns_log) = (options.ipv6, Arc::clone(&log));
        thread::spawn(move || dns::accept(&listener, ipv6, &dns_log));
        peers::start()?;
        let mut addresses: Vec<IpAddr> = HOSTS.iter().map(|host| host.address.into()).collect();
        if options.ipv6 {
            addresses.push(Ipv6Addr::LOCALHOST.into());
        }
        for address in addresses {
            let address = SocketAddr::new(address, HTTPS);
            let listener =
                TcpListener::bind(address).map_err(|source| WorldError::Listen { address, source })?;
            let (config, log) = (Arc::clone(&authority.server), Arc::clone(&log));
            thread::spawn(move || serve::accept(&listener, &config, &log));
        }
        let world = Self { scratch, signals };
        if let Some(path) = &options.ready_file {
            world.announce(path)?;
        }
        Ok(world)
    }

    /// Runs a command inside, in the foreground, and returns its exit code (128+n if signal n ended it).
    ///
    /// SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on. What the command leaves running loses its network when
    /// this process ends.
    pub fn run(&self, program: &OsStr, arguments: &[OsString]) -> Result<u8, CommandError> {
        command::run(program, arguments, &self.scratch.path.join(CA), self.signals)
    }

    fn announce(&self, path: &Path) -> Result<(), WorldError> {
        let hosts: serde_json::Map<_, _> =
            HOSTS.iter().map(|host| (host.name.to_owned(), json!(host.address.to_string()))).collect();
        let ca = self.scratch.path.join(CA).display().to_string();
        let text = json!({"ca": ca, "dns": DNS.to_string(), "hosts": hosts, "pid": std::process::id()});
        // Renamed into place, so that whoever waits for the file finds it whole.
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".part");
        fs::write(&unfinished, format!("{text}\n")).map_err(written(path))?;
        fs::rename(&unfinished, path).map_err(written(path))
    }
}

const CA: &str = "ca.pem";

/// A folder for the files that the world shows, readable for everybody and removed on drop.
#[derive(Debug)]
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new() -> Result<Self, WorldError> {
        // A world that was killed leaves its folder, and pids come back: take the first number that is free.
        // `create_dir` never takes over what somebody else put there.
        let mut attempt = 0;
        let path = loop {
            let path = std::env::temp_dir().join(format!("aibom-world-{}-{attempt}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => break path,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
                Err(error) => return Err(written(&path)(error)),
            }
        };
        let scratch = Self { path };
        // A command may run as another user and must reach the certificate whatever our umask is.
        fs::set_permissions(&scratch.path, Permissions::from_mode(0o755)).map_err(written(&scratch.path))?;
        Ok(scratch)
    }

    fn file(&self, name: &str, text: &str) -> Result<PathBuf, WorldError> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(written(&path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o644)).map_err(written(&path))?;
        Ok(path)
    }

    fn empty_folder(&self) -> Result<PathBuf, WorldError> {
        let path = self.path.join("empty");
        fs::create_dir(&path).map_err(written(&path))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: what is left is a few small files in the folder for temporary ones.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn written(path: &Path) -> impl Fn(io::Error) -> WorldError {
    let path = path.display().to_string();
    move |source| WorldError::Write { path: path.clone(), source }
}
