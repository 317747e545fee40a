//! The programs themselves.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

/// Marks the command line of a copy.
const ROLE: &str = "flood";
/// How long one answer is waited for: the town is on the same machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a copy does.
#[derive(Clone, Debug)]
pub enum Role {
    /// Starts and ends: what every copy does besides.
    Nothing,
    /// Makes so many files of their own inode, each opened twice: to write it, and to read it. In this folder.
    Opens(u64, PathBuf),
    /// Opens so many files of a folder that [`Role::prepare`] filled, each once, to read it.
    Prepared(u64, PathBuf),
    /// Connects so many times, each to another address, to this port.
    Connects(u64, u16),
    /// Forks so many children, one after the other; each ends at once.
    Forks(u64),
    /// Asks a server at this address for so many names.
    Names(u64, SocketAddr),
    /// Reads a file, and connects to an address.
    Secret(PathBuf, SocketAddr),
}

/// What a copy says at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    pub opens: u64,
    pub connects: u64,
    pub forks: u64,
    pub names: u64,
    /// Microseconds from the first to the last of them.
    pub took_us: u64,
}

impl Role {
    /// The command that plays it: this program again, in the given cgroup (its `cgroup.procs`) before its first
    /// instruction.
    pub fn command(&self) -> io::Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(ROLE);
        let words: Vec<OsString> = match self {
            Self::Nothing => vec!["nothing".into()],
            Self::Opens(count, folder) => vec!["opens".into(), count.to_string().into(), folder.into()],
            Self::Prepared(count, folder) => vec!["prepared".into(), count.to_string().into(), folder.into()],
            Self::Connects(count, port) => {
                vec!["connects".into(), count.to_string().into(), port.to_string().into()]
            }
            Self::Forks(count) => vec!["forks".into(), count.to_string().into()],
            Self::Names(count, server) => {
                vec!["names".into(), count.to_string().into(), server.to_string().into()]
            }
            Self::Secret(file, peer) => vec!["secret".into(), file.into(), peer.to_string().into()],
        };
        command.args(words);
        Ok(command)
    }

    /// Fills the folder of [`Role::Prepared`].
    pub fn prepare(count: u64, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        for number in 0..count {
            File::create(prepared(folder, number))?.write_all(b"x")?;
        }
        Ok(())
    }

    /// Reads it from a command line without the mark.
    fn read(words: &[OsString]) -> Option<Self> {
        let text = |at: usize| words.get(at).and_then(|word| word.to_str());
        let count = || text(1).and_then(|word| word.parse().ok());
        Some(match text(0)? {
            "nothing" => Self::Nothing,
            "opens" => Self::Opens(count()?, words.get(2)?.into()),
            "prepared" => Self::Prepared(count()?, words.get(2)?.into()),
            "connects" => Self::Connects(count()?, text(2)?.parse().ok()?),
            "forks" => Self::Forks(count()?),
            "names" => Self::Names(count()?, text(2)?.parse().ok()?),
            "secret" => Self::Secret(words.get(1)?.into(), text(2)?.parse().ok()?),
            _ => return None,
        })
    }

    fn play(&self) -> io::Result<Done> {
        let mut done = Done { opens: 0, connects: 0, forks: 0, names: 0, took_us: 0 };
        let begun = Instant::now();
        match self {
            Self::Nothing => {}
            Self::Opens(count, folder) => {
                for number in 0..*count {
                    let path = folder.join(format!("part-{number:08}.txt"));
                    let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
                    file.write_all(b"x")?;
                    drop(file);
                    drop(File::open(&path)?);
                    done.opens += 2;
                    fs::remove_file(&path)?;
                }
            }
            Self::Prepared(count, folder) => {
                for number in 0..*count {
                    drop(File::open(prepared(folder, number))?);
                    done.opens += 1;
                }
            }
            Self::Connects(count, port) => {
                for number in 0..*count {
                    drop(connect(SocketAddr::new(address(number).into(), *port))?);
                    done.connects += 1;
                }
            }
            Self::Forks(count) => {
                for _ in 0..*count {
                    fork()?;
                    done.forks += 1;
                }
            }
            Self::Names(count, server) => {
                let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
                socket.connect(server)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                for number in 0..*count {
                    ask(&socket, &format!("n{number}.flood.example"))?;
                    done.names += 1;
                }
            }
            Self::Secret(file, peer) => {
                let mut content = Vec::new();
                File::open(file)?.read_to_end(&mut content)?;
                done.opens += 1;
                drop(connect(*peer)?);
                done.connects += 1;
            }
        }
        done.took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(done)
    }
}

impl Done {
    /// The last line of what a copy wrote.
    pub fn read(output: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(output).ok()?;
        let line = text.lines().last()?.strip_prefix("done ")?;
        let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let &[opens, connects, forks, names, took_us] = numbers.as_slice() else { return None };
        Some(Self { opens, connects, forks, names, took_us })
    }
}

/// Plays the role that the command line asks for, if it asks for one.
pub fn as_asked() -> Option<ExitCode> {
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    let [mark, rest @ ..] = words.as_slice() else { return None };
    if mark != ROLE {
        return None;
    }
    let played =
        Role::read(rest).ok_or_else(|| io::Error::other("no such role")).and_then(|role| role.play());
    Some(match played {
        Ok(Done { opens, connects, forks, names, took_us }) => {
            println!("done {opens} {connects} {forks} {names} {took_us}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{rest:?}: {error}");
            ExitCode::FAILURE
        }
    })
}

fn prepared(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("part-{number:08}.txt"))
}

/// One of the sixteen million addresses of the loopback device.
fn address(number: u64) -> Ipv4Addr {
    let [.., a, b, c] = (number % 16_000_000 + 2).to_be_bytes();
    Ipv4Addr::new(127, a, b, c)
}

/// A connection that leaves nothing behind when it is closed: a flood would run out of ports.
fn connect(peer: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(peer)?;
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the option's value is live and has the size that is given.
    let set = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(stream) }
}

fn fork() -> io::Result<()> {
    // SAFETY: the copy has one thread; the child does nothing but end.
    let child = unsafe { libc::fork() };
    match child {
        0 => {
            // SAFETY: ends this process without running anything of the parent's.
            unsafe { libc::_exit(0) }
        }
        1.. => {
            let mut status = 0;
            // SAFETY: the status is live.
            if unsafe { libc::waitpid(child, &raw mut status, 0) } == child {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        }
        _ => Err(io::Error::last_os_error()),
    }
}

/// One question for an address, and its answer (RFC 1035, section 4).
fn ask(socket: &UdpSocket, name: &str) -> io::Result<()> {
    let mut question = vec![0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).map_err(io::Error::other)?);
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.send(&question)?;
    let mut answer = [0; 512];
    socket.recv(&mut answer).map(drop)
}
