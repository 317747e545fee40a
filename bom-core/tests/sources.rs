//! Content that could be a model or code, and of which nobody knows what it is: in files of unknown formats, and in no file
//! at all.

#[path = "story/host.rs"]
#[expect(dead_code, reason = "the same host tells other stories as well")]
mod host;

use bom_common::record::probe;
use bom_core::{
    correlate::Correlator,
    coverage::{Class, Gap},
    event::{Body, Direction, Swept, SweptSocket, SweptState, SweptTransport, Tcp, TcpState, Udp},
    identify::{View, catalog::Catalog, identify},
    key::Carrier,
    path::SeenPath,
};
use host::{FakeHost, PYTHON, Thing};

const LITTLE: u64 = 1000;
const MUCH: u64 = 2 << 20;
const LARGE: u64 = 1 << 20;

fn host() -> FakeHost {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host
}

fn view(correlator: &Correlator) -> View {
    identify(&correlator.inventory(), &Catalog::built_in())
}

/// What is suspected of a class, of the ways this file is about.
fn suspected(correlator: &Correlator, class: Class) -> Vec<&'static str> {
    let inventory = correlator.inventory();
    let cells = inventory.epochs.values().flat_map(|epoch| &epoch.coverage.cells);
    let gaps = cells.filter(|((_, of), _)| *of == class).flat_map(|(_, cell)| cell.gaps.iter().cloned());
    let ids = gaps.filter_map(|gap| if let Gap::Suspected(id) = gap { Some(id) } else { None });
    let mut ids: Vec<&'static str> =
        ids.filter(|id| id.starts_with("streamed-") || *id == "unknown-format").collect();
    ids.sort_unstable();
    ids
}

fn connection(host: &mut FakeHost, cookie: u64, end: TcpState, received: u64) {
    let task = host.whole_task(100);
    for (state, bytes_received) in [(TcpState::SynSent, 0), (TcpState::Established, 0), (end, received)] {
        let tcp = Tcp {
            cookie,
            remote: format!("10.0.1.{cookie}:443").parse().unwrap(),
            local: "10.0.0.100:40000".parse().unwrap(),
            state,
            bytes_acked: 10,
            bytes_received,
        };
        // As packets tell of it while it goes on.
        host.event(probe::CGROUP_SKB_EGRESS, Body::Tcp { task, tcp });
    }
}

#[test]
fn what_could_have_been_streamed_is_suspected() {
    let (model, code) = ("streamed-content", "streamed-code");
    let check = |row: &str, received: Option<(u64, TcpState)>, expected: [&[&str]; 2]| {
        let mut host = host();
        if let Some((bytes, end)) = received {
            connection(&mut host, 7, end, bytes);
        }
        let correlator = host.finish();
        for (class, expected) in [Class::Models, Class::Packages].into_iter().zip(expected) {
            assert_eq!(suspected(&correlator, class), expected, "{row} {}", class.name());
        }
        assert_eq!(suspected(&correlator, Class::Libraries), [] as [&str; 0], "{row}");
    };
    check("nothing", None, [&[], &[]]);
    check("a_little", Some((LITTLE, TcpState::Closed)), [&[], &[code]]);
    check("much", Some((MUCH, TcpState::Closed)), [&[model], &[code]]);
    // How much it was in the end, nobody knows.
    check("still_open", Some((LITTLE, TcpState::Open)), [&[model], &[code]]);
}

/// The end of a connection takes its time; what came over it is known when the process hangs up.
#[test]
fn a_connection_that_was_hung_up_is_known() {
    let mut host = host();
    connection(&mut host, 7, TcpState::Established, LITTLE);
    let task = host.whole_task(100);
    let tcp = Tcp {
        cookie: 7,
        remote: "10.0.1.7:443".parse().unwrap(),
        local: "10.0.0.100:40000".parse().unwrap(),
        state: TcpState::Open,
        bytes_acked: 10,
        bytes_received: LITTLE,
    };
    host.event(probe::INET_SOCK_SET_STATE, Body::Tcp { task, tcp });
    assert_eq!(suspected(&host.finish(), Class::Models), [] as [&str; 0]);
}

#[test]
fn much_in_many_pieces_is_much() {
    let mut host = host();
    for cookie in 0..32 {
        connection(&mut host, cookie, TcpState::Closed, 40 << 10);
    }
    assert_eq!(suspected(&host.finish(), Class::Models), ["streamed-content"]);
}

#[test]
fn content_that_comes_otherwise_than_by_a_file_is_suspected() {
    let mut host = host();
    let task = host.whole_task(100);
    host.event(probe::SYS_EXIT_PROCESS_VM_READV, Body::OtherSource { task });
    let correlator = host.finish();
    assert_eq!(suspected(&correlator, Class::Models), ["streamed-content"]);
    assert_eq!(suspected(&correlator, Class::Packages), ["streamed-code"]);
}

#[test]
fn a_large_file_of_no_known_format_is_suspected_and_named() {
    let check = |row: &str, thing: Thing, change: fn(&mut bom_core::event::OpenedFile), expected: &[&str]| {
        let mut host = host();
        host.open_changed(100, "/data/weights", thing, change);
        let correlator = host.finish();
        assert_eq!(suspected(&correlator, Class::Models), expected, "{row}");
        let named = view(&correlator).unknown_formats.len();
        assert_eq!(named, expected.len(), "{row}");
    };
    const WRITE_ONLY: u32 = 1;
    let unknown = &["unknown-format"][..];
    check("large", Thing::Plain, |file| file.key.size = LARGE, unknown);
    check("small", Thing::Plain, |file| file.key.size = LARGE - 1, &[]);
    check("known", Thing::Model("aa"), |file| file.key.size = LARGE, &[]);
    check("of_a_package", Thing::Wheel("weights", "1.0"), |file| file.key.size = LARGE, &[]);
    let written = |file: &mut bom_core::event::OpenedFile| {
        file.key.size = LARGE;
        file.flags = WRITE_ONLY;
    };
    check("only_written", Thing::Plain, written, &[]);
}

#[test]
fn other_protocols_have_peers_as_well() {
    let mut host = host();
    for (cookie, protocol) in [(1, 1), (2, 132), (3, 253)] {
        let task = host.whole_task(100);
        let udp = Udp {
            cookie,
            remote: format!("10.0.0.{cookie}:0").parse().unwrap(),
            local: "10.0.0.100:0".parse().unwrap(),
            inbound: false,
            sent: 5,
            received: 5,
            datagrams_sent: 1,
            datagrams_received: 1,
            protocol,
        };
        host.event(probe::CGROUP_SKB_EGRESS, Body::Udp { task, udp });
    }
    let view = view(&host.finish());
    let carriers = view.endpoints.iter().flat_map(|endpoint| &endpoint.carriers);
    let carriers: Vec<&str> = carriers.map(|carrier| carrier.name()).collect();
    assert_eq!(carriers, ["icmp", "sctp", "ip"]);
}

/// A socket that a sweep meets.
fn met(transport: SweptTransport, state: SweptState) -> SweptSocket {
    SweptSocket {
        cookie: 5,
        inode: 9,
        close_on_exec: false,
        state,
        direction: Some(Direction::Called),
        transport,
        bytes_acked: 0,
        bytes_received: 0,
    }
}

#[test]
fn sockets_from_before_are_what_sweeps_meet() {
    let mut host = host();
    let task = host.whole_task(100);
    let (local, remote) = ("10.0.0.100:5000".parse().unwrap(), "10.0.0.1:443".parse().unwrap());
    let unix = |local: &str, remote: &str| {
        let (local, remote) = (SeenPath::new(local), SeenPath::new(remote));
        SweptTransport::Unix { local, remote, peer_subject: None }
    };
    for socket in [
        met(SweptTransport::Udp { local, remote }, SweptState::Connected),
        met(unix("", "/run/proxy"), SweptState::Connected),
        met(unix("/run/own", ""), SweptState::Listening),
        met(SweptTransport::Other { family: 40, kind: 1, protocol: 0 }, SweptState::Connected),
    ] {
        // The next sweep meets it again.
        for _ in 0..2 {
            let swept = Box::new(Swept::Socket(socket.clone()));
            host.event(probe::ITER_TASK_FILE, Body::Swept { task, swept });
        }
    }
    let correlator = host.finish();
    let view = view(&correlator);
    assert_eq!(view.endpoints.len(), 1);
    assert_eq!(view.endpoints[0].carriers, [Carrier::Udp].into());
    assert_eq!(view.unix_peers.len(), 1);
    assert_eq!(suspected(&correlator, Class::Models), ["streamed-content"]);
}
