//! Who serves tools, and who asks for them, where the two talk through pipes: by what they loaded, and by what their
//! standard input and output are. What goes through the pipes is nobody's business here.

use bom_core::{
    claimed::Claims,
    identify::McpPart,
    input::{Answer, Owner, Request},
    metadata::ElfType,
    package::{Basis, Ecosystem, PackageOwner},
    path::SeenPath,
    stdio::{End, Stdio},
};

use crate::{
    document,
    host::{FakeHost, PYTHON, Thing, elf},
    view,
};

const NODE: &str = "/usr/bin/node";

fn pipes(input: u64, output: u64) -> Option<Stdio> {
    Some(Stdio { input: End::Pipe(input), output: End::Pipe(output) })
}

fn sockets(input: u64, output: u64) -> Option<Stdio> {
    Some(Stdio { input: End::Socket(input), output: End::Socket(output) })
}

const TERMINAL: Option<Stdio> = Some(Stdio { input: End::Other, output: End::Other });

/// A program of the story: its number, who started it, what it runs, its descriptors, and the code it loads.
struct Started {
    pid: u32,
    parent: u32,
    program: &'static str,
    stdio: Option<Stdio>,
    loads: Option<&'static str>,
}

fn python(pid: u32, parent: u32, stdio: Option<Stdio>) -> Started {
    let loads = Some("/venv/lib/python3.11/site-packages/mcp/__init__.py");
    Started { pid, parent, program: PYTHON, stdio, loads }
}

fn node(pid: u32, parent: u32, stdio: Option<Stdio>, side: &'static str) -> Started {
    Started { pid, parent, program: NODE, stdio, loads: Some(side) }
}

fn shell(pid: u32, parent: u32, stdio: Option<Stdio>) -> Started {
    Started { pid, parent, program: "/bin/sh", stdio, loads: None }
}

fn play(story: &[Started]) -> bom_core::correlate::Correlator {
    let mut host = FakeHost::new();
    for Started { pid, parent, program, stdio, loads } in story {
        if *parent != 0 {
            host.fork(*parent, *pid);
        }
        let markers: &[&str] = match *program {
            PYTHON => &["Py_BytesMain"],
            NODE => &["napi_module_register"],
            _ => &[],
        };
        let content = Box::new(elf(ElfType::PieExecutable, markers, &[]));
        host.exec_answering(*pid, *parent, program, |request| match request {
            Request::Claims => Some(Answer::Claims(Claims { stdio: *stdio, ..Claims::default() })),
            Request::Inspect => Some(Answer::Inspected(Some(content.clone()))),
            Request::Digest => Some(Answer::Digest(format!("{:0>64}", program.len()))),
            Request::Owner => Some(Answer::Owner(Owner::default())),
            Request::Origin | Request::Locate | Request::Recheck | Request::Verify => None,
        });
        match loads {
            Some(path) if *program == PYTHON => {
                host.open(*pid, path, Thing::Wheel("mcp", "1.2"));
            }
            Some(path) => {
                let sdk = PackageOwner {
                    ecosystem: Ecosystem::Npm,
                    basis: Basis::Manifest,
                    name: "@modelcontextprotocol/sdk".to_owned(),
                    version: Some("1.0.0".to_owned()),
                    architecture: None,
                    source: SeenPath::new("/n/node_modules/@modelcontextprotocol/sdk/package.json"),
                    recorded_sha256: None,
                };
                host.load(*pid, path, None, Owner { packages: [sdk].into(), ..Owner::default() });
            }
            None => {}
        }
    }
    host.finish()
}

#[test]
fn who_talks_mcp_through_pipes_is_told_by_both_ends() {
    const CLIENT: &str = "/n/node_modules/@modelcontextprotocol/sdk/dist/esm/client/stdio.js";
    const SERVER: &str = "/n/node_modules/@modelcontextprotocol/sdk/dist/esm/server/stdio.js";
    let both: &[&str] = &["mcp-client: asks-mcp-by-stdio", "mcp-server: answers-mcp-by-stdio"];
    let server = &both[1..];
    for (name, story, expected) in [
        ("python", vec![python(100, 0, TERMINAL), python(101, 100, pipes(1, 2))], both),
        ("python_in_a_script", vec![python(100, 0, pipes(8, 9)), python(101, 100, pipes(1, 2))], both),
        ("a_pair_of_sockets", vec![python(100, 0, TERMINAL), python(101, 100, sockets(1, 2))], both),
        ("node", vec![node(100, 0, TERMINAL, CLIENT), node(101, 100, sockets(1, 2), SERVER)], both),
        ("across_languages", vec![python(100, 0, TERMINAL), node(101, 100, sockets(1, 2), SERVER)], both),
        (
            "a_shell_between",
            vec![python(100, 0, TERMINAL), shell(101, 100, pipes(1, 2)), python(102, 101, pipes(1, 2))],
            both,
        ),
        (
            "a_shell_between_that_was_gone",
            vec![python(100, 0, TERMINAL), shell(101, 100, None), python(102, 101, pipes(1, 2))],
            both,
        ),
        ("a_server_of_somebody_outside", vec![node(100, 0, pipes(1, 2), SERVER)], server),
        // A client in a script has pipes as well.
        ("either_of_somebody_outside", vec![python(100, 0, pipes(1, 2))], &[]),
        ("a_client_of_somebody_outside", vec![node(100, 0, pipes(1, 2), CLIENT)], &[]),
        ("no_pipes", vec![python(100, 0, TERMINAL), python(101, 100, TERMINAL)], &[]),
        ("not_read", vec![python(100, 0, TERMINAL), python(101, 100, None)], &[]),
        ("the_parents_pipes", vec![python(100, 0, pipes(1, 2)), python(101, 100, pipes(1, 2))], &[]),
        (
            "output_alone",
            vec![
                python(100, 0, TERMINAL),
                python(101, 100, Some(Stdio { input: End::Other, output: End::Pipe(1) })),
            ],
            &[],
        ),
        ("two_clients", vec![node(100, 0, TERMINAL, CLIENT), node(101, 100, pipes(1, 2), CLIENT)], &[]),
        ("two_servers", vec![node(100, 0, TERMINAL, SERVER), node(101, 100, pipes(1, 2), SERVER)], &[]),
        ("no_mcp_above", vec![shell(100, 0, TERMINAL), python(101, 100, pipes(1, 2))], &[]),
        ("no_mcp_below", vec![python(100, 0, TERMINAL), shell(101, 100, pipes(1, 2))], &[]),
    ] {
        let document: serde_json::Value = serde_json::from_str(&document(&play(&story))).expect("JSON");
        let properties = document["metadata"]["component"]["properties"].as_array().expect("properties");
        let roles: Vec<&str> = properties
            .iter()
            .filter(|property| property["name"] == "aibom:subject:role")
            .map(|property| property["value"].as_str().expect("text"))
            .collect();
        assert_eq!(roles, expected, "{name}");
    }
}

#[test]
fn the_program_that_serves_says_so_and_the_shell_between_does_not() {
    let story = [python(100, 0, TERMINAL), shell(101, 100, pipes(1, 2)), python(102, 101, pipes(1, 2))];
    let view = view(&play(&story));
    let parts: Vec<Vec<McpPart>> =
        view.programs.iter().map(|program| program.mcp_stdio.iter().copied().collect()).collect();
    assert_eq!(parts, [vec![McpPart::Client], vec![], vec![McpPart::Server]]);
}
