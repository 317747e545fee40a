//! The rules of the comparison, one at a time: what is declared, what is observed, what is found.

use std::collections::{BTreeMap, BTreeSet};

use bom_core::{
    bom::{Hash, Purl},
    declared::{
        Class, Declared, Force, HostPattern, Item, Kind, Origin, PathPattern, Place, Set, Workload,
        WorkloadId,
    },
    diff::{
        Comparison, Coverage, Observed, Options, Required, Subject, compare,
        gate::{Expression, Verdict, verdict},
    },
};

fn place(line: u32) -> Place {
    Place { file: "m.yaml".into(), line, column: 1 }
}

fn seen(mut item: Item) -> Item {
    item.origins = Set::from([Origin::Observed { reference: item.name.clone(), evidence: Set::new() }]);
    item
}

fn said(item: Item) -> Item {
    item.declared_at(place(7), "test")
}

fn model(path: &str) -> Item {
    let mut item = Item::new(Kind::Model, path.rsplit('/').next().unwrap_or(path));
    item.paths.extend(PathPattern::new(path));
    item
}

fn with_digest(mut item: Item, byte: u8) -> Item {
    item.digests.insert(Hash::sha256(&[byte; 32]));
    item
}

fn repository(name: &str, revision: Option<&str>) -> Item {
    let mut item = Item::new(Kind::Model, name);
    item.ecosystem = Some("huggingface".to_owned());
    item.revision = revision.map(str::to_owned);
    item.many = true;
    item
}

fn package(name: &str, version: &str) -> Item {
    let mut item = Item::new(Kind::Package, name);
    item.purl = Purl::pypi(name, Some(version)).ok();
    item.version = Some(version.to_owned());
    item.ecosystem = Some("pypi".to_owned());
    item
}

fn endpoint(host: &str, port: u16, provider: Option<&str>, address: &str) -> Item {
    let mut item = Item::new(Kind::Endpoint, host);
    item.host = HostPattern::new(host);
    item.port = Some(port);
    item.provider = provider.map(str::to_owned);
    item.addresses.extend(address.parse::<std::net::IpAddr>());
    item
}

fn wanted(host: &str, port: Option<u16>) -> Item {
    Item { port, many: true, ..endpoint(host, 0, None, "") }
}

fn id(name: &str) -> WorkloadId {
    WorkloadId { kind: "Deployment".to_owned(), namespace: None, name: name.to_owned() }
}

/// Coverage with the ways past the probes that are always there.
fn usual() -> BTreeMap<Class, Coverage> {
    let gaps = BTreeSet::from(["suspected:streamed-content".to_owned()]);
    Class::ALL.iter().map(|class| (*class, Coverage::Incomplete(gaps.clone()))).collect()
}

struct Case {
    declared: Workload,
    subject: Subject,
    options: Options,
}

fn case(declared: Vec<Item>, observed: Vec<Item>) -> Case {
    let mut workload = Workload::new(id("w"), place(1));
    workload.items = declared.into_iter().map(said).collect();
    workload.tidy();
    let mut items: Vec<Item> = observed.into_iter().map(seen).collect();
    items.sort();
    let subject = Subject {
        id: WorkloadId { kind: "session".to_owned(), ..id("w") },
        aliases: BTreeSet::new(),
        pod: None,
        reference: "subject:1".to_owned(),
        items,
        coverage: usual(),
    };
    Case { declared: workload, subject, options: Options::default() }
}

impl Case {
    fn covered(mut self, class: Class, coverage: Coverage) -> Self {
        self.subject.coverage.insert(class, coverage);
        self
    }

    fn exhaustive(mut self, class: Class) -> Self {
        self.declared.exhaustive.insert(class);
        self
    }

    fn compare(self) -> Comparison {
        let declared = Declared { workloads: vec![self.declared], ..Declared::default() };
        let tools = BTreeSet::new();
        let observed = Observed {
            file: "o.json".to_owned(),
            subjects: vec![self.subject],
            tools,
            other: 0,
            unread: vec![],
        };
        compare(&declared, &[observed], &self.options)
    }

    #[track_caller]
    fn finds(self, name: &str, expected: &[&str]) {
        let found = self.compare();
        let codes: Vec<&str> = found.findings.iter().map(|finding| finding.code.code).collect();
        assert_eq!(codes, expected, "{name}: {:#?}", found.findings);
    }
}

#[test]
fn models() {
    let q = "/m/q.gguf";
    case(vec![model(q)], vec![with_digest(model(q), 1)]).finds("as_declared", &[]);
    case(vec![], vec![model(q)]).finds("undeclared", &["undeclared-model"]);
    case(vec![with_digest(model(q), 1)], vec![with_digest(model(q), 2)]).finds("swapped", &["content-drift"]);
    case(vec![with_digest(model(q), 1)], vec![model(q)]).finds("not_hashed", &["content-unknown"]);
    let whole = |byte: Option<u8>| {
        let mut item = with_digest(model(q), 1);
        item.whole = byte.map(|byte| Hash::sha256(&[byte; 32]));
        item.digests.extend(item.whole.clone());
        item
    };
    case(vec![whole(Some(7))], vec![whole(Some(7))]).finds("same_set", &[]);
    case(vec![whole(Some(7))], vec![whole(Some(8))]).finds("swapped_shard", &["content-drift"]);
    case(vec![whole(Some(7))], vec![whole(None)]).finds("shard_not_hashed", &["content-unknown"]);
    case(vec![with_digest(model(q), 7)], vec![whole(Some(7))]).finds("set_declared_by_hand", &[]);
    case(vec![with_digest(model(q), 1)], vec![with_digest(model("/x/q.gguf"), 1)]).finds("moved", &["moved"]);
    case(vec![with_digest(model(q), 1)], vec![with_digest(model("/m/z.gguf"), 1)])
        .finds("renamed", &["name-mismatch", "moved"]);
}

#[test]
fn folders_and_repositories_stand_for_several() {
    let folder = Item { many: true, ..model("/m/") };
    case(vec![folder], vec![model("/m/a.gguf"), model("/m/x/b.gguf")]).finds("folder", &[]);
    let commit = "0123456789012345678901234567890123456789";
    let shard = |file: &str, revision: &str| {
        let mut item = model(&format!("/cache/{file}"));
        item.aliases.insert("a/b".to_owned());
        item.revision = Some(revision.to_owned());
        item
    };
    case(vec![repository("a/b", Some(commit))], vec![shard("1", commit), shard("2", commit)])
        .finds("shards", &[]);
    case(vec![repository("a/b", Some(commit))], vec![shard("1", commit), shard("2", &"f".repeat(40))])
        .finds("one_shard_moved", &["revision-drift"]);
    case(vec![repository("a/b", Some("main"))], vec![shard("1", commit)])
        .finds("branch", &["revision-unpinned"]);
    case(vec![repository("a/b", None)], vec![shard("1", commit)])
        .finds("no_revision", &["revision-unpinned"]);
}

#[test]
fn what_was_not_seen_is_absent_only_where_all_was_seen() {
    let q = || vec![model("/m/q.gguf")];
    case(q(), vec![]).finds("incomplete", &["not-exercised"]);
    case(q(), vec![]).covered(Class::Models, Coverage::Complete).finds("complete", &["absent"]);
    case(q(), vec![])
        .covered(Class::Endpoints, Coverage::Complete)
        .finds("another_class", &["not-exercised"]);
    let implied = Item { force: Force::Implied, ..wanted("api.x.example", Some(443)) };
    case(vec![implied], vec![])
        .covered(Class::Endpoints, Coverage::Complete)
        .finds("implied", &["not-exercised"]);
    let permitted = Item { force: Force::Permitted, ..wanted("api.x.example", Some(443)) };
    case(vec![permitted], vec![]).covered(Class::Endpoints, Coverage::Complete).finds("permitted", &[]);
    let remote = Item { host: HostPattern::new("api.x.example"), ..Item::new(Kind::Model, "big-1") };
    case(vec![remote], vec![])
        .covered(Class::Models, Coverage::Complete)
        .finds("behind_an_address", &["not-observable"]);
}

#[test]
fn endpoints() {
    let openai = || endpoint("api.openai.com", 443, Some("OpenAI"), "203.0.113.1");
    case(vec![wanted("api.openai.com", Some(443))], vec![openai()]).finds("as_declared", &[]);
    case(vec![wanted("*.openai.com", None)], vec![openai()]).finds("pattern", &[]);
    case(vec![wanted("*.openai.com", Some(8443))], vec![openai()])
        .finds("pattern_at_another_port", &["undeclared-provider", "not-exercised"]);
    case(vec![wanted("api.openai.com", Some(8443))], vec![openai()]).finds("port", &["endpoint-drift"]);
    case(vec![], vec![openai()]).finds("provider", &["undeclared-provider"]);
    case(vec![], vec![endpoint("x.example", 443, None, "203.0.113.1")])
        .finds("anybody", &["undeclared-endpoint"]);
    case(vec![], vec![endpoint("203.0.113.1", 443, None, "203.0.113.1")])
        .finds("by_address", &["undeclared-endpoint"]);
    case(vec![], vec![endpoint("127.0.0.1", 8080, None, "127.0.0.1")]).finds("loopback", &["local-endpoint"]);
    let resolver = Item { role: Some("resolver".to_owned()), ..endpoint("10.0.0.10", 53, None, "10.0.0.10") };
    case(vec![], vec![resolver]).finds("resolver", &["resolver-endpoint"]);
    let nameless = || endpoint("10.96.0.7", 6333, None, "10.96.0.7");
    case(vec![wanted("qdrant", Some(6333))], vec![nameless()])
        .finds("may_be_declared", &["unnamed-endpoint", "not-exercised"]);
    case(vec![], vec![nameless()]).finds("private_and_nobody_declared", &["undeclared-endpoint"]);
    case(
        vec![wanted("qdrant", Some(6333))],
        vec![endpoint("qdrant.n.svc.cluster.local", 6333, None, "10.96.0.7")],
    )
    .finds("service_of_a_namespace_that_is_not_known", &["namespace-unknown"]);
    case(
        vec![wanted("qdrant.n.svc", Some(6333))],
        vec![endpoint("qdrant.n.svc.cluster.local", 6333, None, "10.96.0.7")],
    )
    .finds("service_of_the_cluster", &[]);
    let eu = Item { provider: Some("Azure OpenAI".to_owned()), ..wanted("eu.openai.azure.com", Some(443)) };
    let us = || endpoint("us.openai.azure.com", 443, Some("Azure OpenAI"), "203.0.113.2");
    case(vec![eu.clone()], vec![us()]).finds("region", &["endpoint-drift"]);
    let permitted = Item { force: Force::Permitted, ..eu };
    case(vec![permitted], vec![us()]).finds("a_permission_is_for_its_host", &["undeclared-provider"]);
}

#[test]
fn classes_that_nobody_speaks_of_are_counted_and_not_judged() {
    let found = case(vec![], vec![package("openai", "1.0")]).compare();
    assert!(found.findings.is_empty());
    let rows: Vec<_> = found.not_compared.iter().map(|row| (row.class, row.observed)).collect();
    assert_eq!(rows, [(Class::Packages, 1)]);
    case(vec![], vec![package("openai", "1.0")])
        .exhaustive(Class::Packages)
        .finds("spoken", &["undeclared-package"]);
    case(vec![package("openai", "1.0")], vec![package("OpenAI", "1.1")]).finds("bump", &["version-drift"]);
    case(vec![with_digest(package("openai", "1.0"), 1)], vec![with_digest(package("openai", "1.1"), 2)])
        .finds("bump_of_what_a_person_pinned", &["content-drift", "version-drift"]);
    let mut documents =
        case(vec![with_digest(package("openai", "1.0"), 1)], vec![with_digest(package("openai", "1.1"), 2)]);
    documents.declared.items.iter_mut().for_each(|item| *item = seen(item.clone()));
    documents.finds("bump_between_documents", &["version-drift"]);
    case(vec![with_digest(package("openai", "1.0"), 1)], vec![with_digest(package("openai", "1.0"), 2)])
        .finds("same_version_other_content", &["content-drift"]);
    case(vec![package("llama_cpp_python", "0.3.1")], vec![package("llama-cpp-python", "v0.3.1")])
        .finds("folded", &[]);
    let npm = Item { ecosystem: Some("npm".to_owned()), purl: None, ..package("openai", "1.0") };
    case(vec![npm], vec![package("openai", "1.0")])
        .exhaustive(Class::Packages)
        .finds("another_ecosystem", &["undeclared-package", "not-exercised"]);
}

#[test]
fn coverage_is_held_to_what_was_required() {
    let q = || case(vec![model("/m/q.gguf")], vec![model("/m/q.gguf")]);
    let gaps = |code: &str| Coverage::Incomplete(BTreeSet::from([code.to_owned()]));
    q().finds("ways_that_nobody_watches", &[]);
    q().covered(Class::Models, gaps("lost:opens-lost")).finds("lost", &["coverage-insufficient"]);
    q().covered(Class::Models, gaps("probe-missing:openat")).finds("probe", &["coverage-insufficient"]);
    q().covered(Class::Models, Coverage::Unstated).finds("unstated", &["coverage-insufficient"]);
    q().covered(Class::Models, Coverage::Incomplete(BTreeSet::new()))
        .finds("no_reason", &["coverage-insufficient"]);
    q().covered(Class::Models, gaps("something-new")).finds("unknown_reason", &["coverage-insufficient"]);
    q().covered(Class::Libraries, Coverage::Unstated).finds("nobody_speaks_of_libraries", &[]);
    let mut strict = q();
    strict.options.required = Required::Complete;
    strict.finds("complete_required", &["coverage-insufficient"; 2]);
    let mut lax = q().covered(Class::Models, Coverage::Unstated);
    lax.options.required = Required::None;
    lax.finds("none_required", &[]);
}

#[test]
fn who_is_who() {
    let mut other = case(vec![], vec![]);
    other.subject.id.name = "python".to_owned();
    let found = other.compare();
    assert_eq!(found.paired, [("Deployment/w".to_owned(), "session/python".to_owned(), "the only ones")]);

    let mut two = case(vec![], vec![]);
    two.subject.id.name = "python".to_owned();
    let second = Workload::new(id("v"), place(9));
    let declared = Declared { workloads: vec![second, two.declared], ..Declared::default() };
    let observed = [Observed {
        file: "o".to_owned(),
        subjects: vec![two.subject],
        tools: BTreeSet::new(),
        other: 0,
        unread: vec![],
    }];
    let found = compare(&declared, &observed, &Options::default());
    assert_eq!(found.findings.iter().map(|finding| finding.code.code).collect::<Vec<_>>(), ["not-compared"]);
    let (result, _) = verdict(&found, &Expression::parse("none").expect("a word"));
    assert_eq!(result, Verdict::CannotTell, "nothing compared is never a success");
    let named = Options { workload: Some("Deployment/w".to_owned()), ..Options::default() };
    assert!(compare(&declared, &observed, &named).findings.is_empty());
    let nobody = Options { workload: Some("x".to_owned()), ..Options::default() };
    assert_eq!(
        verdict(&compare(&declared, &observed, &nobody), &Expression::default()).0,
        Verdict::CannotTell
    );
}

#[test]
fn documents_of_different_makers_are_compared_with_a_remark() {
    let made = |version: &str| BTreeSet::from([format!("aibom {version}")]);
    for (own, other, expected) in [("1", "1", 0), ("1", "2", 1)] {
        let Case { declared, subject, options } = case(vec![], vec![]);
        let declared = Declared { workloads: vec![declared], tools: made(own), ..Declared::default() };
        let observed = Observed {
            file: "o".to_owned(),
            subjects: vec![subject],
            tools: made(other),
            other: 0,
            unread: vec![],
        };
        let found = compare(&declared, &[observed], &options);
        let codes = found.findings.iter().filter(|finding| finding.code.code == "unfair-comparison");
        assert_eq!(codes.count(), expected, "{own} {other}");
    }
}

#[test]
fn strangers_with_ai_are_errors() {
    let mut first = case(vec![], vec![]);
    first.subject.id.name = "w".to_owned();
    let mut second = case(vec![], vec![model("/m/q.gguf")]).subject;
    second.id.name = "stranger".to_owned();
    let declared = Declared { workloads: vec![first.declared], ..Declared::default() };
    let subjects = vec![second, first.subject];
    let observed =
        Observed { file: "o".to_owned(), subjects, tools: BTreeSet::new(), other: 0, unread: vec![] };
    let found = compare(&declared, &[observed], &Options::default());
    let rows: Vec<_> =
        found.findings.iter().map(|finding| (finding.code.code, finding.severity.word())).collect();
    assert_eq!(rows, [("undeclared-workload", "error")]);
}

/// A digest that only a store says was not read: it can neither hold nor break what was declared.
#[test]
fn a_recorded_digest_is_no_content() {
    let digest = "11".repeat(32);
    for (source, expected) in [("read", &[][..]), ("store-recorded", &["content-unknown"][..])] {
        let text = format!(
            r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{{"type": "machine-learning-model",
            "name": "q.gguf", "bom-ref": "m", "hashes": [{{"alg": "SHA-256", "content": "{digest}"}}],
            "evidence": {{"occurrences": [{{"location": "/m/q.gguf"}}]}},
            "properties": [{{"name": "aibom:hash:source", "value": "{source}"}}]}}]}}"#
        );
        let bom = bom_core::bom::from_json(text.as_bytes()).expect("a document").bom;
        let catalog = bom_core::identify::catalog::Catalog::default();
        let observed = bom_core::diff::observed_of(&bom, "o", &catalog);
        let Case { declared, .. } = case(vec![with_digest(model("/m/q.gguf"), 0x11)], vec![]);
        let declared = Declared { workloads: vec![declared], ..Declared::default() };
        let options = Options { required: Required::None, ..Options::default() };
        let found = compare(&declared, &[observed], &options);
        let codes: Vec<&str> = found.findings.iter().map(|finding| finding.code.code).collect();
        assert_eq!(codes, expected, "{source}");
    }
}
