//! What listens, and what is called on this machine: self-hosted servers by what the program that listens has loaded, and
//! programs that speak MCP by the packages they imported. A port or a file name alone is a hint, and said to be one.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use super::{
    catalog::Catalog,
    versions::stem,
    view::{McpPart, Program, ServedBy, Server, ServerBasis, View},
};
use crate::{bom::purl::pep503, key::Carrier, package::Ecosystem, path::SeenPath};

/// A listening address, with the subject and the program.
pub(super) type Listening = (usize, usize, Carrier, SocketAddr);

/// Fills in who serves where, and who is called.
pub(super) fn join(view: &mut View, listening: &BTreeSet<Listening>, catalog: &Catalog) {
    let loaded: BTreeMap<usize, Loaded> =
        listening.iter().map(|&(_, program, ..)| (program, Loaded::of(view, program))).collect();
    let mut by_address: BTreeMap<(Carrier, u16), Vec<(IpAddr, Server)>> = BTreeMap::new();
    let mut served = Vec::new();
    for &(subject, program, carrier, address) in listening {
        let nothing = Loaded::default();
        let loaded = loaded.get(&program).unwrap_or(&nothing);
        let Some(server) = catalog.server(loaded, address.port()) else { continue };
        by_address.entry((carrier, address.port())).or_default().push((address.ip(), server.clone()));
        served.push((subject, ServedBy { program, carrier, address, server }));
    }
    for (subject, by) in served {
        if let Some(subject) = view.subjects.get_mut(subject) {
            subject.served_by.push(by);
        }
    }
    for endpoint in &mut view.endpoints {
        if endpoint.provider.is_some() {
            continue;
        }
        let here = endpoint.carriers.iter().filter_map(|carrier| by_address.get(&(*carrier, endpoint.port)));
        let known =
            here.flatten().find(|(address, _)| endpoint.addresses.iter().any(|own| reaches(*own, *address)));
        // What listens elsewhere can only be guessed by its port.
        endpoint.server = match known {
            Some((_, server)) => Some(server.clone()),
            None => catalog.server(&Loaded::default(), endpoint.port),
        };
    }
}

/// Whether who calls `called` reaches what listens on `listening`: that address, or all of them where the call stayed on
/// this machine.
fn reaches(called: IpAddr, listening: IpAddr) -> bool {
    called == listening || listening.is_unspecified() && called.is_loopback()
}

/// What a program has in it, as far as it tells servers apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loaded {
    /// `ecosystem:name`.
    pub(super) packages: BTreeSet<String>,
    /// Sonames and file names.
    pub(super) libraries: BTreeSet<String>,
    pub(super) engines: BTreeSet<String>,
    /// File names of the executable.
    pub(super) names: BTreeSet<String>,
}

impl Loaded {
    fn of(view: &View, program: usize) -> Self {
        let mut loaded = Self::default();
        for package in &view.packages {
            if package.uses.iter().any(|usage| usage.program == program) {
                let name = if package.ecosystem == Ecosystem::Pypi {
                    pep503(&package.name)
                } else {
                    package.name.clone()
                };
                loaded.packages.insert(format!("{}:{name}", package.ecosystem.name()));
            }
        }
        for library in &view.libraries {
            if library.uses.iter().any(|usage| usage.program == program) {
                loaded.libraries.insert(stem(&library.name).to_owned());
                loaded.engines.extend(library.engines.iter().cloned());
            }
        }
        if let Some(program) = view.programs.get(program) {
            loaded.names.extend(program.paths.iter().map(|path| SeenPath::new(path.file_name()).escaped()));
            loaded.engines.extend(program.code.iter().flat_map(|code| code.engines.iter().cloned()));
        }
        loaded
    }
}

impl Catalog {
    /// The server that most is known for; what is inside the program weighs more than its name, and a port least.
    pub(super) fn server(&self, loaded: &Loaded, port: u16) -> Option<Server> {
        let mut found: BTreeMap<(&str, &str), BTreeSet<ServerBasis>> = BTreeMap::new();
        for row in &self.servers {
            let holds = match row.basis {
                ServerBasis::Package => loaded.packages.contains(&row.value),
                ServerBasis::Library => loaded.libraries.iter().any(|name| name.starts_with(&row.value)),
                ServerBasis::Engine => loaded.engines.contains(&row.value),
                ServerBasis::Program => loaded.names.contains(&row.value),
                ServerBasis::Port => row.value.parse() == Ok(port),
            };
            if holds {
                found.entry((&row.server, &row.kind)).or_default().insert(row.basis);
            }
        }
        // The surest basis stands first; of equals, the one more things speak for, then the first by name.
        let best = found
            .into_iter()
            .min_by_key(|(name, bases)| (bases.first().copied(), std::cmp::Reverse(bases.len()), *name));
        best.map(|((name, kind), bases)| Server { name: name.to_owned(), kind: kind.to_owned(), bases })
    }
}

/// Packages that are an MCP server whoever imports them, by the beginning of `ecosystem:name`.
const MCP_SERVERS: &[&str] = &[
    "pypi:mcp-server-",
    "npm:@modelcontextprotocol/server-",
    "npm:mcp-server-",
    "pypi:fastmcp",
    "npm:fastmcp",
];
/// Packages with both sides, and the folder of a server's files and of a client's; Python's opens both whenever it is
/// imported.
const MCP_BOTH: &[(&str, &[u8], &[u8])] = &[("npm:@modelcontextprotocol/sdk", b"server", b"client")];
/// Files in those folders that both sides open: Node's client opens `server/zod-compat.js`.
const MCP_SHARED: &[&[u8]] = &[b"zod-compat.js", b"zod-json-schema-compat.js"];
const MCP_EITHER: &[&str] = &[
    "pypi:mcp",
    "golang:github.com/modelcontextprotocol/go-sdk",
    "golang:github.com/mark3labs/mcp-go",
    "cargo:rmcp",
];

/// What part each program can have in MCP, by program. The messages are not seen; that there are pipes for them is.
pub(super) fn mcp(view: &mut View) {
    let mut parts: BTreeMap<usize, BTreeSet<McpPart>> = BTreeMap::new();
    for package in &view.packages {
        let name = format!("{}:{}", package.ecosystem.name(), package.name.to_lowercase());
        for usage in &package.uses {
            let part = parts.entry(usage.program).or_default();
            if MCP_SERVERS.iter().any(|start| name.starts_with(start)) {
                part.insert(McpPart::Server);
            }
            if MCP_EITHER.contains(&name.as_str()) {
                part.insert(McpPart::Either);
            }
            for (_, server, client) in MCP_BOTH.iter().filter(|(both, ..)| *both == name) {
                let opened = |folder: &[u8]| {
                    let mut own = usage.paths.iter().filter(|path| !MCP_SHARED.contains(&path.file_name()));
                    own.any(|path| path.components().any(|part| part == folder))
                };
                part.extend(opened(server).then_some(McpPart::Server));
                part.extend(opened(client).then_some(McpPart::Client));
            }
        }
    }
    for (program, parts) in parts {
        if let Some(program) = view.programs.get_mut(program) {
            program.mcp = parts;
        }
    }
    stdio(view);
}

/// Who talks MCP through pipes: whoever can be a server, started with such by whoever can be a client. Of what starts from
/// outside, only what can be nothing but a server: a client in a script has pipes as well.
fn stdio(view: &mut View) {
    let can = |program: Option<&Program>, part: McpPart| {
        program.is_some_and(|program| program.mcp.contains(&part) || program.mcp.contains(&McpPart::Either))
    };
    let mut found = Vec::new();
    for (index, program) in view.programs.iter().enumerate() {
        for asker in &program.asked_by {
            match asker {
                Some(asker) => {
                    let client = can(view.programs.get(*asker), McpPart::Client);
                    if client && can(Some(program), McpPart::Server) {
                        found.extend([(index, McpPart::Server), (*asker, McpPart::Client)]);
                    }
                }
                None if program.mcp == BTreeSet::from([McpPart::Server]) => {
                    found.push((index, McpPart::Server));
                }
                None => {}
            }
        }
    }
    for (index, part) in found {
        if let Some(program) = view.programs.get_mut(index) {
            program.mcp_stdio.insert(part);
        }
    }
}
