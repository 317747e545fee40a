//! Packages of every ecosystem, code without one, and what may hide either; servers by what they have loaded.

use std::collections::BTreeSet;

use bom_common::record::probe;
use bom_core::{
    coverage::Class,
    event::{Body, Tcp, TcpState},
    identify::{How, McpPart, ServerBasis, View, catalog::Catalog, identify},
    input::{Answer, DebOwner, Owner, Request},
    metadata::{CodeMetadata, ElfType, Extracted, FileKind, Language},
    package::{Basis, Ecosystem, ListedPackage, PackageOwner, UnreadList},
    path::SeenPath,
    stored::Origins,
};

use crate::host::{FakeHost, PYTHON, elf};
use crate::{document, gaps, view};

const NODE: &str = "/usr/bin/node";
/// `VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYEXEC`.
const CODE: u64 = 0x55;

fn package(ecosystem: Ecosystem, basis: Basis, name: &str, version: &str) -> PackageOwner {
    PackageOwner {
        ecosystem,
        basis,
        name: name.to_owned(),
        version: Some(version.to_owned()),
        architecture: None,
        source: SeenPath::new("/list"),
        recorded_sha256: None,
    }
}

fn owned(package: PackageOwner) -> Owner {
    Owner { packages: [package].into(), ..Owner::default() }
}

fn deb(name: &str) -> Owner {
    let deb = DebOwner { package: name.into(), version: "1".into(), architecture: "amd64".into() };
    Owner { deb: Some(deb), ..Owner::default() }
}

fn listed(ecosystem: Ecosystem, name: &str, version: &str) -> ListedPackage {
    ListedPackage { ecosystem, name: name.into(), version: Some(version.into()), checksum: None }
}

fn program(exports: &[&str], needed: &[&str]) -> Extracted {
    elf(ElfType::PieExecutable, exports, needed)
}

fn answer(content: Option<Extracted>, owner: Owner) -> impl Fn(Request) -> Option<Answer> {
    move |request| match request {
        Request::Inspect => Some(Answer::Inspected(content.clone().map(Box::new))),
        Request::Digest => Some(Answer::Digest("ab".repeat(32))),
        Request::Owner => Some(Answer::Owner(owner.clone())),
        Request::Origin => Some(Answer::Origins(Origins::default())),
        Request::Verify => Some(Answer::Verified(false)),
        Request::Locate | Request::Recheck | Request::Claims => None,
    }
}

impl FakeHost {
    fn start(&mut self, pid: u32, path: &str, content: Extracted, owner: Owner) {
        self.exec_answering(pid, 0, path, answer(Some(content), owner));
    }

    pub(crate) fn load(&mut self, pid: u32, path: &str, content: Option<Extracted>, owner: Owner) {
        let file = self.file(path);
        let body = Body::Open { task: self.whole_task(pid), file };
        let work = self.event(probe::SYS_EXIT_OPENAT, body);
        self.answer_all(work, answer(content, owner));
    }

    fn map(&mut self, pid: u32, path: &str, content: Extracted, owner: Owner) {
        let file = self.file(path);
        let body = Body::Map { task: self.whole_task(pid), file, vm_flags: CODE };
        let work = self.event(probe::SYS_EXIT_MMAP, body);
        self.answer_all(work, answer(Some(content), owner));
    }

    fn listen(&mut self, pid: u32, local: &str) {
        let tcp = Tcp {
            cookie: 500 + u64::from(pid),
            remote: "0.0.0.0:0".parse().unwrap(),
            local: local.parse().unwrap(),
            state: TcpState::Listening,
            bytes_acked: 0,
            bytes_received: 0,
        };
        let body = Body::Tcp { task: self.whole_task(pid), tcp };
        self.event(probe::INET_SOCK_SET_STATE, body);
    }
}

fn names(view: &View) -> Vec<(Ecosystem, &str, &str)> {
    view.packages
        .iter()
        .map(|package| (package.ecosystem, package.name.as_str(), package.version.as_str()))
        .collect()
}

#[test]
fn each_language_is_known_by_what_its_interpreter_defines() {
    let npm = || owned(package(Ecosystem::Npm, Basis::Manifest, "openai", "6.0.0"));
    let gem = || owned(package(Ecosystem::Gem, Basis::Manifest, "ruby-openai", "7.3.1"));
    for (name, interpreter, path, owner, expected) in [
        ("node", program(&["napi_module_register"], &[]), "/srv/node_modules/openai/index.js", npm(), true),
        ("libnode", program(&[], &["libnode.so.115"]), "/srv/node_modules/openai/index.mjs", npm(), true),
        ("node_by_name_alone", program(&[], &[]), "/srv/node_modules/openai/index.js", npm(), false),
        ("ruby", program(&[], &["libruby-3.1.so.3.1"]), "/gems/ruby-openai-7.3.1/lib/openai.rb", gem(), true),
        (
            "python_reads_javascript",
            program(&["Py_BytesMain"], &[]),
            "/srv/node_modules/openai/index.js",
            npm(),
            false,
        ),
        (
            "resolution",
            program(&["napi_module_register"], &[]),
            "/srv/node_modules/openai/package.json",
            npm(),
            false,
        ),
    ] {
        let mut host = FakeHost::new();
        host.start(100, NODE, interpreter, deb("nodejs"));
        host.load(100, path, None, owner);
        let correlator = host.finish();
        assert_eq!(view(&correlator).packages.len(), usize::from(expected), "{name}");
        let suspected =
            gaps(&correlator, Class::Packages).contains(&"suspected:unknown-interpreter".to_owned());
        assert_eq!(suspected, !expected && name != "resolution", "{name}");
    }
}

#[test]
fn a_server_with_an_interpreter_inside_is_known_by_the_library_it_mapped() {
    let mut host = FakeHost::new();
    host.start(100, "/usr/bin/uwsgi", program(&[], &[]), deb("uwsgi"));
    let library = elf(ElfType::SharedLibrary, &["Py_BytesMain"], &[]);
    host.map(100, "/usr/lib/libpython3.11.so.1.0", library, deb("libpython3.11"));
    host.load(100, "/usr/lib/python3/dist-packages/onnx/a.py", None, deb("python3-onnx"));
    let correlator = host.finish();
    let view = view(&correlator);
    // Nothing of Python's own names it: the system's package does.
    assert_eq!(names(&view), [(Ecosystem::Deb, "python3-onnx", "1")]);
    assert!(document(&correlator).contains("pkg:deb/debian/python3-onnx@1?arch=amd64&distro=debian-12"));
}

#[test]
fn code_without_a_package_is_a_fact_and_a_gap() {
    let place = || owned(package(Ecosystem::Runtime, Basis::Place, "cpython", "3.11.7"));
    let project = || owned(package(Ecosystem::Npm, Basis::Project, "agent", "0.1.0"));
    let script = || {
        let code =
            CodeMetadata { interpreter: Some("/usr/bin/env python3".into()), ..CodeMetadata::default() };
        Extracted { code: Some(code.into()), ..Extracted::new(FileKind::Script) }
    };
    for (name, path, content, owner, code, suspected) in [
        ("module", "/srv/agent.py", None, Owner::default(), 1, true),
        ("script", "/srv/agent", Some(script()), Owner::default(), 1, true),
        ("by_place_alone", "/opt/lib/python3.11/json.py", None, place(), 0, true),
        ("of_another_language", "/srv/src/index.js", None, project(), 0, false),
        ("of_the_system", "/usr/lib/python3.11/json.py", None, deb("libpython3.11"), 0, false),
        ("no_code", "/srv/data.json", None, Owner::default(), 0, false),
    ] {
        let mut host = FakeHost::new();
        host.start(100, PYTHON, program(&["Py_BytesMain"], &[]), deb("python3.11-minimal"));
        host.load(100, path, content, owner);
        let correlator = host.finish();
        let view = view(&correlator);
        assert_eq!(view.code.len(), code, "{name}");
        assert_eq!(
            gaps(&correlator, Class::Packages).contains(&"suspected:unlisted-package".to_owned()),
            suspected,
            "{name}"
        );
        if code == 1 {
            assert_eq!(view.code[0].digest.as_deref(), Some("ab".repeat(32).as_str()), "{name}");
            assert!(document(&correlator).contains("\"unlisted-code\""), "{name}");
        }
    }
}

#[test]
fn what_a_program_was_built_with_is_listed_with_it() {
    let code = CodeMetadata {
        toolchain: Some("go1.22.1".into()),
        main: Some(listed(Ecosystem::Golang, "github.com/ollama/ollama", "v0.5.0")),
        packages: [listed(Ecosystem::Golang, "github.com/openai/openai-go", "v1.0.0")].into(),
        engines: ["llama.cpp".to_owned()].into(),
        ..CodeMetadata::default()
    };
    let binary = Extracted { code: Some(code.into()), ..program(&[], &[]) };
    let mut host = FakeHost::new();
    host.start(100, "/opt/server", binary, Owner::default());
    host.listen(100, "127.0.0.1:11434");
    host.connect(100, 9, "127.0.0.1", 11434);
    let correlator = host.finish();
    let view = view(&correlator);
    assert!(view.packages.iter().all(|package| package.how == [How::CompiledIn].into()));
    assert_eq!(view.packages.len(), 2);
    assert_eq!(view.packages[1].role.as_deref(), Some("llm-sdk"));
    // It says what it is made of, so it hides nothing.
    assert!(!gaps(&correlator, Class::Packages).contains(&"suspected:unlisted-program".to_owned()));
    let served = &view.subjects[0].served_by;
    assert_eq!(served.len(), 1);
    assert_eq!(served[0].server.name, "Ollama");
    assert_eq!(served[0].server.bases, [ServerBasis::Package, ServerBasis::Port].into());
    assert_eq!(view.endpoints[0].server.as_ref().map(bom_core::identify::Server::is_hint), Some(false));
    let text = document(&correlator);
    for part in [
        "pkg:golang/github.com/openai/openai-go@v1.0.0",
        "go1.22.1",
        "server=Ollama kind=inference-server by=package,port",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn a_port_alone_is_a_hint() {
    for (name, owner, local, expected) in [
        ("by_package", Some("vllm"), "0.0.0.0:9999", Some(("vLLM", false))),
        ("by_port", None, "0.0.0.0:8000", Some(("vLLM", true))),
        ("unknown", None, "0.0.0.0:9999", None),
    ] {
        let mut host = FakeHost::new();
        host.start(100, PYTHON, program(&["Py_BytesMain"], &[]), deb("python3.11-minimal"));
        if let Some(name) = owner {
            host.load(
                100,
                "/site-packages/vllm/a.py",
                None,
                owned(package(Ecosystem::Pypi, Basis::List, name, "0.9")),
            );
        }
        host.listen(100, local);
        let view = view(&host.finish());
        let served = view.subjects[0].served_by.first();
        assert_eq!(served.map(|by| (by.server.name.as_str(), by.server.is_hint())), expected, "{name}");
    }
}

#[test]
fn programs_that_can_speak_mcp_are_told_by_their_packages() {
    let npm = |name: &str| owned(package(Ecosystem::Npm, Basis::Manifest, name, "1.0.0"));
    for (name, path, owner, expected) in [
        (
            "server",
            "/n/node_modules/@modelcontextprotocol/server-everything/index.js",
            npm("@modelcontextprotocol/server-everything"),
            vec![McpPart::Server],
        ),
        (
            "sdk_client",
            "/n/node_modules/@modelcontextprotocol/sdk/dist/esm/client/stdio.js",
            npm("@modelcontextprotocol/sdk"),
            vec![McpPart::Client],
        ),
        (
            "sdk_server",
            "/n/node_modules/@modelcontextprotocol/sdk/dist/esm/server/stdio.js",
            npm("@modelcontextprotocol/sdk"),
            vec![McpPart::Server],
        ),
        (
            "sdk_shared",
            "/n/node_modules/@modelcontextprotocol/sdk/dist/esm/server/zod-compat.js",
            npm("@modelcontextprotocol/sdk"),
            vec![],
        ),
        ("other", "/n/node_modules/openai/server/x.js", npm("openai"), vec![]),
    ] {
        let mut host = FakeHost::new();
        host.start(100, NODE, program(&["napi_module_register"], &[]), deb("nodejs"));
        host.load(100, path, None, owner);
        let parts: Vec<McpPart> = view(&host.finish()).programs[0].mcp.iter().copied().collect();
        assert_eq!(parts, expected, "{name}");
    }
}

#[test]
fn archives_list_what_they_contain_or_are_suspected() {
    let java = || program(&[], &["libjli.so"]);
    let jar = |opaque: bool| {
        let code = CodeMetadata {
            packages: [listed(Ecosystem::Maven, "dev.langchain4j:langchain4j-core", "1.2.3")].into(),
            languages: [Language::Java].into(),
            opaque,
            ..CodeMetadata::default()
        };
        Extracted { code: Some(code.into()), ..Extracted::new(FileKind::Archive) }
    };
    let packed = || {
        let code = CodeMetadata { opaque: true, ..CodeMetadata::default() };
        Extracted { code: Some(code.into()), ..Extracted::new(FileKind::Archive) }
    };
    for (name, content, packages, suspected, unlisted) in [
        ("jar", jar(false), 1, false, false),
        ("jar_with_more", jar(true), 1, true, true),
        ("tarball", packed(), 0, true, false),
    ] {
        let mut host = FakeHost::new();
        host.start(100, "/usr/bin/java", java(), deb("openjdk"));
        host.load(100, "/srv/app", Some(content), Owner::default());
        let correlator = host.finish();
        let view = view(&correlator);
        assert_eq!(view.packages.len(), packages, "{name}");
        assert!(view.packages.iter().all(|package| package.how == [How::Archived].into()), "{name}");
        for class in [Class::Models, Class::Packages] {
            assert_eq!(
                gaps(&correlator, class).contains(&"suspected:archive-member".to_owned()),
                suspected,
                "{name}"
            );
        }
        assert_eq!(
            gaps(&correlator, Class::Packages).contains(&"suspected:unlisted-package".to_owned()),
            unlisted,
            "{name}"
        );
    }
}

#[test]
fn a_program_that_something_else_loads_is_listed_and_suspected() {
    let loader = || elf(ElfType::SharedLibrary, &[], &[]);
    let foreign = || {
        let mut program = program(&[], &[]);
        program.elf.as_mut().expect("a program").machine = "aarch64".to_owned();
        program
    };
    let suspected = |host: FakeHost| {
        let correlator = host.finish();
        let found = gaps(&correlator, Class::Programs).contains(&"suspected:loaded-program".to_owned());
        (found, view(&correlator).libraries.len())
    };
    let mut by_name = FakeHost::new();
    by_name.start(100, "/lib64/ld-linux-x86-64.so.2", loader(), deb("libc6"));
    by_name.map(100, "/opt/hidden", program(&[], &[]), Owner::default());
    assert_eq!(suspected(by_name), (true, 1));

    let mut emulated = FakeHost::new();
    emulated.start(100, "/usr/bin/qemu-aarch64", program(&[], &[]), deb("qemu-user"));
    emulated.load(100, "/opt/arm", Some(foreign()), Owner::default());
    assert_eq!(suspected(emulated), (true, 0));

    // Reading a program is no way to run it, and every program is mapped as it starts.
    let mut copied = FakeHost::new();
    copied.start(100, "/usr/bin/cp", program(&[], &[]), deb("coreutils"));
    copied.map(100, "/usr/bin/cp", program(&[], &[]), deb("coreutils"));
    copied.load(100, "/usr/bin/ls", Some(program(&[], &[])), deb("coreutils"));
    assert_eq!(suspected(copied), (false, 0));
}

#[test]
fn interpreters_of_other_languages_and_strange_programs_are_suspected() {
    for (name, content, owner, language, program_gap) in [
        ("perl", program(&["perl_parse"], &[]), deb("perl-base"), true, false),
        ("bundle", program(&[], &[]), Owner::default(), false, true),
        ("ordinary", program(&[], &[]), deb("coreutils"), false, false),
    ] {
        let mut host = FakeHost::new();
        host.start(100, "/opt/x", content, owner);
        let gaps: BTreeSet<String> = gaps(&host.finish(), Class::Packages).into_iter().collect();
        assert_eq!(gaps.contains("suspected:other-language"), language, "{name}");
        assert_eq!(gaps.contains("suspected:unlisted-program"), program_gap, "{name}");
    }
}

#[test]
fn libraries_are_named_by_the_package_that_lists_them() {
    let mut host = FakeHost::new();
    host.start(100, PYTHON, program(&["Py_BytesMain"], &[]), deb("python3.11-minimal"));
    let mut owner = package(Ecosystem::Rpm, Basis::List, "openssl-libs", "1:3.0.7-27.el9");
    owner.architecture = Some("x86_64".into());
    host.load(100, "/usr/lib64/libssl.so.3", Some(elf(ElfType::SharedLibrary, &[], &[])), owned(owner));
    host.load(
        100,
        "/usr/lib64/libx.so",
        None,
        Owner { unread: [UnreadList::RpmNdb].into(), ..Owner::default() },
    );
    let text = document(&host.finish());
    assert!(
        text.contains("pkg:rpm/debian/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=debian-12&epoch=1"),
        "{text}"
    );
    assert!(text.contains("\"rpm-ndb\""));
}

#[test]
fn a_copier_from_an_rpm_is_known_by_the_digest_in_its_header() {
    for (name, recorded, foreign, expected) in [
        ("as_installed", Some("ab"), Owner::default(), true),
        ("changed", Some("cd"), Owner::default(), false),
        ("without_digest", None, Owner::default(), false),
        ("with_code_of_an_rpm", Some("ab"), owned(package(Ecosystem::Rpm, Basis::List, "glibc", "2")), true),
        ("with_code_of_nobody", Some("ab"), owned(package(Ecosystem::Npm, Basis::Project, "x", "1")), false),
    ] {
        let mut host = FakeHost::new();
        let mut owner = package(Ecosystem::Rpm, Basis::List, "coreutils", "9.1-1.el9");
        owner.recorded_sha256 = recorded.map(|byte| byte.repeat(32));
        host.start(100, "/usr/bin/sha256sum", program(&[], &[]), owned(owner));
        if foreign != Owner::default() {
            host.map(100, "/usr/lib64/libany.so", elf(ElfType::SharedLibrary, &[], &[]), foreign);
        }
        let correlator = host.finish();
        let handlers: Vec<&str> = view(&correlator)
            .programs
            .iter()
            .filter_map(|program| program.handler.as_ref().map(|handler| handler.package))
            .collect();
        assert_eq!(handlers, if expected { vec!["coreutils"] } else { vec![] }, "{name}");
    }
}

#[test]
fn hosts_tell_region_and_resource() {
    let catalog = Catalog::built_in();
    for (host, provider, parts) in [
        ("my-res.openai.azure.com", "Azure OpenAI", vec![("resource", "my-res")]),
        (
            "phi.eastus2.models.ai.azure.com",
            "Azure AI Foundry (serverless)",
            vec![("region", "eastus2"), ("resource", "phi")],
        ),
        (
            "bedrock-runtime.eu-central-1.amazonaws.com",
            "Amazon Bedrock runtime",
            vec![("region", "eu-central-1")],
        ),
        (
            "gw.gateway.bedrock-agentcore.us-east-1.amazonaws.com",
            "Amazon Bedrock AgentCore gateway",
            vec![("region", "us-east-1"), ("resource", "gw")],
        ),
        (
            "europe-west4-aiplatform.googleapis.com",
            "Google Vertex AI (regional)",
            vec![("region", "europe-west4")],
        ),
        (
            "1234.us-central1-567.prediction.vertexai.goog",
            "Google Vertex AI dedicated endpoint",
            vec![("endpoint-id", "1234"), ("project", "567"), ("region", "us-central1")],
        ),
        ("api.openai.com", "OpenAI", vec![]),
    ] {
        let (row, found) = catalog.provider_of(host).unwrap_or_else(|| panic!("{host}"));
        assert_eq!(row.provider, provider, "{host}");
        let found: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, parts, "{host}");
    }
    for host in [
        "openai.azure.com",
        ".openai.azure.com",
        "xopenai.azure.com",
        "eastus2.models.ai.azure.com.evil.example",
        "-aiplatform.googleapis.com",
    ] {
        assert!(catalog.provider_of(host).is_none(), "{host}");
    }
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    host.connect(100, 1, "10.0.0.1", 443);
    host.hello(1, Some("europe-west4-aiplatform.googleapis.com"));
    host.connect(100, 2, "10.0.0.2", 443);
    host.hello(2, Some("openrouter.ai"));
    let correlator = host.finish();
    let text = document(&correlator);
    for part in ["aibom:service:region", "europe-west4", "aibom:service:behind"] {
        assert!(text.contains(part), "{part}");
    }
    let view = identify(&correlator.inventory(), &Catalog::default());
    assert!(view.endpoints.iter().all(|endpoint| endpoint.provider.is_none()));
}
