//! Peers and their names, told as small stories on a fake host: who was called, by what, and who says so.

#[path = "story/host.rs"]
#[expect(dead_code, reason = "the same host tells other stories as well")]
mod host;

use bom_common::record::probe;
use bom_core::{
    assemble::{Options, assemble},
    bom::{self, SpecVersion},
    correlate::Correlator,
    coverage::{Class, Gap},
    event::{Accepted, Body, Event, OtherSocket, TcpState, Udp, UnixKind, UnixSocket},
    identify::{Endpoint, View, catalog::Catalog, identify},
    input::Input,
    inventory::NameSource,
    key::Carrier,
    path::SeenPath,
    stream::{
        Authority, ClientHello, DnsAnswer, HeadKind, HttpHead, HttpVersion, Method, ModelName, Transport,
        Undecoded,
    },
};
use host::{FakeHost, PYTHON};

const SECOND: u64 = 1_000_000_000;

struct Net {
    host: FakeHost,
    sequence: u64,
    /// Nanoseconds.
    now: u64,
}

impl Net {
    fn new() -> Self {
        let mut host = FakeHost::new();
        host.exec(100, 0, PYTHON);
        Self { host, sequence: 1000, now: 10 * SECOND }
    }

    fn event(&mut self, body: Body) {
        self.sequence += 1;
        let event =
            Event { sequence: self.sequence, probe: probe::CGROUP_SKB_EGRESS, time_ns: self.now, body };
        self.host.input(Input::Event(event));
    }

    fn resolves(&mut self, name: &str, address: &str, ttl: u32) {
        let answer = DnsAnswer {
            question: name.to_owned(),
            addresses: [address.parse().unwrap()].into(),
            ttl,
            ..DnsAnswer::default()
        };
        self.answers("10.0.0.53:53", answer);
    }

    fn answers(&mut self, server: &str, answer: DnsAnswer) {
        let server = server.parse().unwrap();
        self.event(Body::Dns { cookie: 9, cgroup: 77, server, answer });
    }

    fn udp(&mut self, cookie: u64, remote: &str, inbound: bool, sent: u64, received: u64) {
        let udp = Udp {
            cookie,
            remote: remote.parse().unwrap(),
            local: "10.0.0.100:5000".parse().unwrap(),
            inbound,
            sent,
            received,
            datagrams_sent: 1,
            datagrams_received: 1,
            protocol: 17,
        };
        let task = self.host.whole_task(100);
        self.event(Body::Udp { task, udp });
    }

    fn tcp(&mut self, cookie: u64, remote: &str, state: TcpState, sent: u64, received: u64) {
        let tcp = bom_core::event::Tcp {
            cookie,
            remote: remote.parse().unwrap(),
            local: "10.0.0.100:40000".parse().unwrap(),
            state,
            bytes_acked: sent,
            bytes_received: received,
        };
        let task = self.host.whole_task(100);
        self.event(Body::Tcp { task, tcp });
    }

    fn connects(&mut self, cookie: u64, remote: &str) {
        self.tcp(cookie, remote, TcpState::SynSent, 0, 0);
        self.tcp(cookie, remote, TcpState::Established, 0, 0);
    }

    fn hello(&mut self, cookie: u64, remote: &str, transport: Transport, name: &str) {
        let hello = ClientHello { server_name: Some(name.to_owned()), ..ClientHello::default() };
        let remote = remote.parse().unwrap();
        self.event(Body::Hello { cookie, cgroup: 77, remote, transport, hello });
    }

    fn request(&mut self, cookie: u64, method: Method, target: Option<&str>, host: &str, model: ModelName) {
        let authority = |text: &str| match text.split_once(':') {
            Some((host, port)) => Authority { host: host.to_owned(), port: port.parse().ok() },
            None => Authority { host: text.to_owned(), port: None },
        };
        let head = HttpHead {
            version: HttpVersion::Http1,
            method,
            scheme: None,
            target: target.map(authority),
            host: Some(authority(host)),
            upgrade_h2c: false,
            model,
        };
        let remote = "10.0.0.1:80".parse().unwrap();
        self.event(Body::HttpHead { cookie, cgroup: 77, remote, head });
    }

    fn finish(self) -> Correlator {
        self.host.finish()
    }
}

fn view(correlator: &Correlator) -> View {
    identify(&correlator.inventory(), &Catalog::built_in())
}

fn endpoint(view: &View, port: u16) -> &Endpoint {
    view.endpoints.iter().find(|endpoint| endpoint.port == port).unwrap()
}

fn gaps(correlator: &Correlator, class: Class) -> Vec<String> {
    view(correlator).subjects[0].classes[&class].gaps.iter().map(Gap::code).collect()
}

fn suspected(correlator: &Correlator, class: Class) -> Vec<String> {
    let gaps = gaps(correlator, class).into_iter();
    gaps.filter_map(|gap| gap.strip_prefix("suspected:").map(str::to_owned)).collect()
}

fn document(correlator: &Correlator) -> String {
    let bom = assemble(&view(correlator), Options { deterministic: false, version: "0.0.0" }).unwrap();
    let options = bom::Options { version: SpecVersion::V1_6, deterministic: false };
    String::from_utf8(bom::to_json(&bom, options).unwrap().json).unwrap()
}

#[test]
fn quic_is_an_endpoint_with_the_name_of_its_hello() {
    let mut net = Net::new();
    net.resolves("api.openai.com", "10.0.0.1", 60);
    net.hello(5, "10.0.0.1:443", Transport::Quic, "api.openai.com");
    net.udp(5, "10.0.0.1:443", false, 1200, 0);
    net.udp(5, "10.0.0.1:443", false, 2400, 900);
    net.connects(6, "10.0.0.1:443");
    let correlator = net.finish();
    let view = view(&correlator);
    let [endpoint] = &view.endpoints[..] else { panic!("{:?}", view.endpoints) };
    assert_eq!(endpoint.host.as_deref(), Some("api.openai.com"));
    assert_eq!(endpoint.carriers, [Carrier::Tcp, Carrier::Udp].into());
    let buckets = endpoint.uses[0].evidence.activity.values();
    let (connections, sent) =
        buckets.fold((0, 0), |sum, bucket| (sum.0 + bucket.connections.0, sum.1 + bucket.sent.0));
    assert_eq!((connections, sent), (2, 2400), "counts so far are not added up");
    assert_eq!(suspected(&correlator, Class::Endpoints), [] as [&str; 0]);
}

#[test]
fn counts_that_begin_anew_are_added() {
    let mut net = Net::new();
    net.udp(5, "10.0.0.1:123", false, 1000, 10);
    net.now += SECOND;
    net.udp(5, "10.0.0.1:123", false, 100, 1);
    let view = view(&net.finish());
    let sent: u64 = view.endpoints[0].uses[0].evidence.activity.values().map(|bucket| bucket.sent.0).sum();
    assert_eq!(sent, 1100);
}

#[test]
fn bytes_of_an_open_connection_stand_in_their_minutes() {
    let mut net = Net::new();
    net.connects(1, "10.0.0.1:443");
    for minute in 1..=3 {
        net.now += 60 * SECOND;
        net.tcp(1, "10.0.0.1:443", TcpState::Open, minute * 1000 + 1, minute * 10);
    }
    let view = view(&net.finish());
    let activity = &view.endpoints[0].uses[0].evidence.activity;
    let sent: Vec<u64> = activity.values().map(|bucket| bucket.sent.0).collect();
    assert_eq!(sent, [0, 1000, 1000, 1000]);
    assert_eq!(activity.values().map(|bucket| bucket.connections.0).sum::<u64>(), 1);
}

#[test]
fn a_name_says_how_it_is_known() {
    for (row, resolve_seconds_ago, ttl, expected) in [
        ("fresh", 10, 60, NameSource::Dns),
        ("short_lived_but_at_once", 10, 0, NameSource::Dns),
        ("expired", 100, 60, NameSource::ExpiredDns),
    ] {
        let mut net = Net::new();
        net.resolves("a.example", "10.0.0.1", ttl);
        net.now += resolve_seconds_ago * SECOND;
        net.connects(1, "10.0.0.1:443");
        let view = view(&net.finish());
        let endpoint = endpoint(&view, 443);
        assert_eq!(endpoint.host.as_deref(), Some("a.example"), "{row}");
        assert_eq!(endpoint.names, [(expected, "a.example".to_owned())].into(), "{row}");
    }
}

#[test]
fn a_fresh_name_wins_over_an_expired_one_and_two_are_none() {
    let mut net = Net::new();
    net.resolves("old.example", "10.0.0.1", 30);
    net.now += 100 * SECOND;
    net.resolves("new.example", "10.0.0.1", 60);
    net.connects(1, "10.0.0.1:443");
    net.resolves("other.example", "10.0.0.1", 60);
    net.connects(2, "10.0.0.1:80");
    let correlator = net.finish();
    let view = view(&correlator);
    assert_eq!(endpoint(&view, 443).host.as_deref(), Some("new.example"));
    let several = endpoint(&view, 80);
    assert_eq!((several.host.as_deref(), several.several_names), (None, true));
    assert!(document(&correlator).contains(r#""several""#));
}

#[test]
fn a_stream_that_names_another_is_a_mismatch() {
    for (row, resolved, address, said, expected) in [
        ("as_resolved", "a.example", "10.0.0.1", "a.example", false),
        ("another_name_of_the_address", "b.example", "10.0.0.1", "a.example", true),
        ("another_address_of_the_name", "a.example", "10.0.0.2", "a.example", true),
        ("dns_knows_neither", "b.example", "10.0.0.2", "a.example", false),
    ] {
        for by_hello in [true, false] {
            let source = if by_hello { NameSource::Sni } else { NameSource::Host };
            let mut net = Net::new();
            net.resolves(resolved, address, 60);
            net.connects(1, "10.0.0.1:443");
            if by_hello {
                net.hello(1, "10.0.0.1:443", Transport::Tcp, said);
            } else {
                net.request(1, Method::Safe, None, said, ModelName::NotLooked);
            }
            let correlator = net.finish();
            let mismatches = &endpoint(&view(&correlator), 443).mismatches.clone();
            let wanted =
                if expected { [(source, said.to_owned())].into() } else { std::collections::BTreeSet::new() };
            assert_eq!(*mismatches, wanted, "{row}");
            assert_eq!(document(&correlator).contains("name_mismatch"), expected, "{row}");
        }
    }
}

#[test]
fn a_name_the_answer_passed_through_is_no_mismatch_and_no_name() {
    let mut net = Net::new();
    let answer = DnsAnswer {
        question: "a.example".to_owned(),
        aliases: vec!["cdn.example".to_owned()],
        addresses: ["10.0.0.1".parse().unwrap()].into(),
        ttl: 60,
        ..DnsAnswer::default()
    };
    net.answers("10.0.0.53:53", answer);
    net.connects(1, "10.0.0.1:80");
    net.connects(2, "10.0.0.1:443");
    net.hello(2, "10.0.0.1:443", Transport::Tcp, "cdn.example");
    let view = view(&net.finish());
    assert_eq!(endpoint(&view, 80).host.as_deref(), Some("a.example"));
    assert_eq!(endpoint(&view, 443).host.as_deref(), Some("cdn.example"));
    assert_eq!(endpoint(&view, 443).mismatches.len(), 0);
}

#[test]
fn a_proxy_and_what_it_was_asked_for_are_two() {
    let mut net = Net::new();
    net.resolves("proxy.example", "10.0.0.1", 60);
    net.connects(1, "10.0.0.1:3128");
    net.request(1, Method::Connect, Some("api.openai.com:443"), "api.openai.com", ModelName::NotLooked);
    net.hello(1, "10.0.0.1:3128", Transport::Tcp, "api.openai.com");
    net.tcp(1, "10.0.0.1:3128", TcpState::Closed, 501, 600);
    let correlator = net.finish();
    let seen = view(&correlator);
    let proxy = endpoint(&seen, 3128);
    assert_eq!((proxy.host.as_deref(), proxy.mismatches.len()), (Some("proxy.example"), 0));
    let target = endpoint(&seen, 443);
    assert_eq!(target.provider.as_ref().unwrap().provider, "OpenAI");
    assert_eq!(target.via, ["10.0.0.1:3128".parse().unwrap()].into());
    assert_eq!(target.addresses.len(), 0);
    assert_eq!(suspected(&correlator, Class::Endpoints), [] as [&str; 0]);

    let mut net = Net::new();
    net.connects(1, "10.0.0.1:3128");
    net.request(1, Method::Connect, Some("api.openai.com:443"), "api.openai.com", ModelName::NotLooked);
    net.hello(1, "10.0.0.1:3128", Transport::Tcp, "evil.example");
    assert_eq!(endpoint(&view(&net.finish()), 443).mismatches.len(), 1, "a tunnel to somebody else");

    let mut net = Net::new();
    net.resolves("proxy.example", "10.0.0.1", 60);
    net.connects(1, "10.0.0.1:3128");
    net.request(1, Method::Safe, Some("a.example"), "a.example", ModelName::NotLooked);
    let correlator = net.finish();
    assert_eq!(endpoint(&view(&correlator), 80).host.as_deref(), Some("a.example"));
    assert_eq!(suspected(&correlator, Class::Endpoints), ["proxied-requests"]);
}

#[test]
fn a_model_in_plain_text_is_claimed() {
    let mut net = Net::new();
    net.connects(1, "10.0.0.1:11434");
    net.request(1, Method::Changing, None, "ollama.example", ModelName::Unknown);
    net.request(1, Method::Changing, None, "ollama.example", ModelName::Claimed("qwen3:8b".to_owned()));
    let correlator = net.finish();
    assert_eq!(endpoint(&view(&correlator), 11434).models, ["qwen3:8b".to_owned()].into());
    assert!(document(&correlator).contains(r#""aibom:claim:model""#));
}

#[test]
fn a_resolver_needs_no_name() {
    let mut net = Net::new();
    net.udp(9, "10.0.0.53:53", false, 40, 0);
    net.resolves("a.example", "10.0.0.1", 60);
    let correlator = net.finish();
    assert!(endpoint(&view(&correlator), 53).resolver);
    assert_eq!(suspected(&correlator, Class::Endpoints), [] as [&str; 0]);

    let mut net = Net::new();
    net.udp(9, "10.0.0.54:53", false, 40, 40);
    assert_eq!(
        suspected(&net.finish(), Class::Endpoints),
        ["nameless-endpoint"],
        "no answer from it was read"
    );
}

#[test]
fn a_truncated_answer_is_missing_until_it_comes_whole() {
    for (row, again) in [("never", false), ("over_tcp", true)] {
        let mut net = Net::new();
        net.udp(9, "10.0.0.53:53", false, 40, 0);
        let reason = Undecoded::DnsTruncated { question: "a.example".to_owned() };
        let remote = "10.0.0.53:53".parse().unwrap();
        net.event(Body::Undecoded { cookie: 9, cgroup: 77, remote, reason });
        if again {
            net.resolves("a.example", "10.0.0.1", 60);
        }
        let missing = suspected(&net.finish(), Class::Endpoints).contains(&"undecoded-stream".to_owned());
        assert_eq!(missing, !again, "{row}");
    }
}

#[test]
fn what_cannot_be_read_is_declared_unless_it_is_no_head() {
    for (reason, expected) in [
        (Undecoded::NotAHead, false),
        (Undecoded::Incomplete(HeadKind::Tls), true),
        (Undecoded::QuicVersion(0xff00_0001), true),
    ] {
        let mut net = Net::new();
        let remote = "10.0.0.1:443".parse().unwrap();
        net.event(Body::Undecoded { cookie: 9, cgroup: 77, remote, reason: reason.clone() });
        let found = suspected(&net.finish(), Class::Endpoints).contains(&"undecoded-stream".to_owned());
        assert_eq!(found, expected, "{reason:?}");
    }
}

#[test]
fn what_is_called_is_served_and_no_endpoint() {
    let mut net = Net::new();
    net.tcp(1, "0.0.0.0:0", TcpState::Listening, 0, 0);
    let local = "10.0.0.100:40000".parse().unwrap();
    let task = net.host.whole_task(100);
    for connections in [1, 3] {
        let accepted = Accepted { local, connections, sent: 10, received: 20 };
        net.event(Body::Accepted { task, accepted });
    }
    net.udp(7, "10.0.0.9:999", true, 5, 5);
    net.udp(8, "10.0.0.10:999", true, 0, 5);
    let view = view(&net.finish());
    assert_eq!(view.endpoints.len(), 0);
    let served: Vec<(Carrier, String, u64)> = view.subjects[0]
        .served
        .iter()
        .map(|((carrier, local), calls)| (*carrier, local.to_string(), *calls))
        .collect();
    assert_eq!(
        served,
        [(Carrier::Tcp, "10.0.0.100:40000".to_owned(), 3), (Carrier::Udp, "10.0.0.100:5000".to_owned(), 2)]
    );
}

#[test]
fn a_stranger_that_answers_is_an_endpoint() {
    let mut net = Net::new();
    net.udp(7, "10.0.0.1:69", false, 5, 0);
    net.udp(7, "10.0.0.1:3000", true, 5, 5);
    let view = view(&net.finish());
    let ports: Vec<u16> = view.endpoints.iter().map(|endpoint| endpoint.port).collect();
    assert_eq!(ports, [69, 3000]);
    assert_eq!(view.subjects[0].served.len(), 0);
}

#[test]
fn a_unix_socket_of_another_is_listed_and_suspected() {
    for (row, peer_subject, expected) in
        [("inside", Some(77), false), ("outside", None, true), ("other", Some(5), true)]
    {
        let mut net = Net::new();
        let socket = UnixSocket {
            name: Some(SeenPath::new("/run/docker.sock")),
            kind: UnixKind::Stream,
            listening: false,
            peer: Some(1),
            peer_subject,
        };
        let task = net.host.whole_task(100);
        net.event(Body::Unix { task, socket });
        let correlator = net.finish();
        let view = view(&correlator);
        assert_eq!(view.unix_peers[0].same_subject, !expected, "{row}");
        assert_eq!(view.unix_peers[0].uses.len(), 1, "{row}");
        assert!(document(&correlator).contains(r#""unix:/run/docker.sock""#), "{row}");
        let (endpoints, programs) =
            (suspected(&correlator, Class::Endpoints), suspected(&correlator, Class::Programs));
        assert_eq!(endpoints.contains(&"unix-proxy".to_owned()), expected, "{row}");
        assert_eq!(programs.contains(&"delegated-start".to_owned()), expected, "{row}");
    }
}

#[test]
fn no_unix_name_keeps_the_document_from_being_written() {
    for name in [&b"\0"[..], b"\0a\0b", b" ", b"a b#?%[", b"\xff\xfe", b"\x1b[2J"] {
        let mut net = Net::new();
        for listening in [false, true] {
            let socket = UnixSocket {
                name: Some(SeenPath::new(name)),
                kind: UnixKind::Datagram,
                listening,
                peer: None,
                peer_subject: None,
            };
            let task = net.host.whole_task(100);
            net.event(Body::Unix { task, socket });
        }
        assert!(document(&net.finish()).contains("unix:"), "{name:?}");
    }
}

#[test]
fn sockets_that_nobody_follows_are_suspected() {
    for (row, family, kind, protocol, outside, expected) in [
        ("packet", 17, 3, 0, false, "other-families"),
        ("vsock", 40, 1, 0, false, "other-families"),
        // Below IP, and past it.
        ("internet_packet", 2, 10, 3, false, "other-families"),
        ("shared_memory_communications", 2, 1, 256, false, "other-families"),
        ("unix_datagram", 1, 2, 0, false, "unix-datagram"),
        ("outside", 2, 2, 17, true, "left-cgroup"),
    ] {
        let mut net = Net::new();
        let socket = OtherSocket { family, kind, protocol, outside, pair: false, inherited: false };
        let task = net.host.whole_task(100);
        net.event(Body::OtherSocket { task, socket });
        assert_eq!(suspected(&net.finish(), Class::Endpoints), [expected], "{row}");
    }
}

#[test]
fn sockets_of_other_protocols_are_followed_by_their_packets() {
    for (row, family, kind, protocol) in [
        ("raw", 2, 3, 1),
        ("ping", 2, 2, 1),
        ("ping6", 10, 2, 58),
        ("sctp", 2, 1, 132),
        ("udplite", 10, 2, 136),
    ] {
        let mut net = Net::new();
        let (outside, pair, inherited) = (false, false, false);
        let socket = OtherSocket { family, kind, protocol, outside, pair, inherited };
        let task = net.host.whole_task(100);
        net.event(Body::OtherSocket { task, socket });
        assert_eq!(suspected(&net.finish(), Class::Endpoints), [] as [&str; 0], "{row}");
    }
}

#[test]
fn a_socket_that_was_handed_over_is_suspected() {
    let mut net = Net::new();
    let socket =
        OtherSocket { family: 1, kind: 1, protocol: 0, outside: false, pair: false, inherited: true };
    let mut task = net.host.whole_task(100);
    task.image = bom_core::key::ImageId(0);
    net.event(Body::OtherSocket { task, socket });
    let correlator = net.finish();
    assert_eq!(suspected(&correlator, Class::Endpoints), ["socket-passing"]);
    assert_eq!(suspected(&correlator, Class::Programs), [] as [&str; 0]);
}

#[test]
fn a_peer_on_this_machine_is_suspected_unless_it_is_the_subject() {
    for (row, listens, expected) in [("somebody_else", false, true), ("itself", true, false)] {
        let mut net = Net::new();
        if listens {
            net.tcp(1, "0.0.0.0:0", TcpState::Listening, 0, 0);
        }
        net.connects(2, "127.0.0.1:40000");
        let correlator = net.finish();
        let found = suspected(&correlator, Class::Endpoints).contains(&"local-proxy".to_owned());
        assert_eq!(found, expected, "{row}");
        let found = suspected(&correlator, Class::Programs).contains(&"delegated-local".to_owned());
        assert_eq!(found, expected, "{row}");
    }
}

#[test]
fn what_no_process_was_seen_to_send_is_still_an_endpoint() {
    let mut net = Net::new();
    let mut task = net.host.whole_task(100);
    task.process = bom_core::key::ProcessKey { tgid: 0, start_ns: 0 };
    task.image = bom_core::key::ImageId(0);
    let udp = Udp {
        cookie: 3,
        remote: "10.0.0.1:443".parse().unwrap(),
        local: "10.0.0.100:5000".parse().unwrap(),
        inbound: false,
        sent: 5,
        received: 0,
        datagrams_sent: 1,
        datagrams_received: 0,
        protocol: 17,
    };
    net.event(Body::Udp { task, udp });
    net.host.counter("socket-unknown", 1);
    let correlator = net.finish();
    assert_eq!(view(&correlator).endpoints.len(), 1);
    assert!(suspected(&correlator, Class::Endpoints).contains(&"socket-unknown".to_owned()));
}
