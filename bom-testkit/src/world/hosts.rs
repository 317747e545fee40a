use std::net::Ipv4Addr;

/// One provider: its name, the names its DNS answer passes through, and its address.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    /// The name a client asks for and sends as SNI.
    pub name: &'static str,
    /// The canonical names between `name` and the address, in the order of the CNAME chain.
    pub chain: &'static [&'static str],
    /// The IPv4 address; different for each host, so that an address alone says who was called.
    pub address: Ipv4Addr,
}

/// Everybody there is, sorted by name. Two links per chain, as content delivery networks have them.
pub const HOSTS: &[Host] = &[
    Host {
        name: "api.anthropic.com",
        chain: &["anthropic.cdn.example", "pop7.cdn.example"],
        address: Ipv4Addr::new(127, 0, 10, 2),
    },
    Host {
        name: "api.openai.com",
        chain: &["openai.cdn.example", "pop3.cdn.example"],
        address: Ipv4Addr::new(127, 0, 10, 1),
    },
    Host {
        name: "openrouter.ai",
        chain: &["openrouter.cdn.example", "pop5.cdn.example"],
        address: Ipv4Addr::new(127, 0, 10, 3),
    },
];

/// The host with this name, in any case and with or without the final dot.
pub(crate) fn find(name: &str) -> Option<&'static Host> {
    let name = name.strip_suffix('.').unwrap_or(name);
    HOSTS.iter().find(|host| host.name.eq_ignore_ascii_case(name))
}
