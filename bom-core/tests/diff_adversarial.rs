//! Laws of the comparison over documents that are made to be confused: few names for many things, same names with other
//! contents, subjects of one name, stores that are contradicted, streams that lie.

use std::collections::BTreeSet;

use bom_core::{
    bom,
    declared::{Item, Set},
    diff::{
        Comparison, Observed, Options, Required, compare, declared_of,
        gate::{Expression, Verdict, Waivers, verdict},
        observed_of, pair,
    },
    identify::catalog::Catalog,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// A document before it is one.
#[derive(Clone, Debug)]
struct Spec {
    /// Names of the subjects.
    subjects: Vec<&'static str>,
    things: Vec<Thing>,
    calls: Vec<Call>,
}

#[derive(Clone, Debug)]
struct Thing {
    kind: &'static str,
    role: &'static str,
    name: &'static str,
    folder: &'static str,
    digest: Option<u8>,
    recorded_only: bool,
    store: Option<(&'static str, &'static str, &'static str)>,
    user: usize,
}

#[derive(Clone, Debug)]
struct Call {
    host: &'static str,
    port: u16,
    address: &'static str,
    names: Vec<(&'static str, &'static str)>,
    mismatch: bool,
    user: usize,
}

fn any_thing() -> impl Strategy<Value = Thing> {
    (
        select(vec![
            ("machine-learning-model", "model"),
            ("machine-learning-model", "adapter"),
            ("data", "tokenizer"),
            ("file", "unlisted-code"),
            ("library", "library"),
            ("application", "program"),
        ]),
        select(vec!["b", "b.gguf", "c", "a"]),
        select(vec!["/m/", "/x/", "/m/*/"]),
        of(0_u8..3),
        prop::bool::weighted(0.2),
        of((
            select(vec!["a/b", "c/b", "b"]),
            select(vec![
                "1111111111111111111111111111111111111111",
                "2222222222222222222222222222222222222222",
                "main",
            ]),
            select(vec!["same", "not-compared", "differs: sha256:00"]),
        )),
        0_usize..5,
    )
        .prop_map(|((kind, role), name, folder, digest, recorded_only, store, user)| Thing {
            kind,
            role,
            name,
            folder,
            digest,
            recorded_only,
            store,
            user,
        })
}

fn any_call() -> impl Strategy<Value = Call> {
    let hosts =
        vec!["q", "q.prod.svc", "q.dev.svc.cluster.local", "api.x.example", "y.x.example", "10.0.0.1"];
    (
        select(hosts.clone()),
        select(vec![443_u16, 6333]),
        select(vec!["203.0.113.1", "10.0.0.1", "127.0.0.1"]),
        vec((select(vec!["sni", "dns", "host", "proxy"]), select(hosts)), 0..3),
        prop::bool::weighted(0.2),
        0_usize..5,
    )
        .prop_map(|(host, port, address, names, mismatch, user)| Call {
            host,
            port,
            address,
            names,
            mismatch,
            user,
        })
}

fn any_spec() -> impl Strategy<Value = Spec> {
    (vec(select(vec!["w", "v", "w"]), 1..4), vec(any_thing(), 0..6), vec(any_call(), 0..5))
        .prop_map(|(subjects, things, calls)| Spec { subjects, things, calls })
}

impl Spec {
    /// The last users are nobody's: one that is not in the document, and none at all.
    fn context(&self, user: usize) -> String {
        match user {
            4 => String::new(),
            3 => "subject=gone program=p".to_owned(),
            user => format!("subject=s{} program=p", user % self.subjects.len()),
        }
    }

    fn document(&self) -> bom::Bom {
        let mut components: Vec<Value> = Vec::new();
        for (at, name) in self.subjects.iter().enumerate() {
            let mut properties = vec![json!({"name": "aibom:subject:kind", "value": "cgroup"})];
            for class in ["models", "libraries", "packages", "endpoints", "programs"] {
                properties.push(json!({"name": format!("aibom:coverage:{class}"), "value": "complete"}));
            }
            components.push(json!({"type": "application", "bom-ref": format!("s{at}"), "name": name, "properties": properties}));
        }
        for (at, thing) in self.things.iter().enumerate() {
            let mut properties = vec![json!({"name": "aibom:role", "value": thing.role})];
            let mut property =
                |name: &str, value: &str| properties.push(json!({"name": name, "value": value}));
            if let Some((name, revision, recorded)) = thing.store {
                property("aibom:store:name", name);
                property("aibom:store:revision", revision);
                property("aibom:store:recorded_digest", recorded);
            }
            if thing.digest.is_some() {
                property("aibom:hash:source", if thing.recorded_only { "store-recorded" } else { "read" });
            }
            let hashes: Vec<Value> = thing
                .digest
                .iter()
                .map(|byte| json!({"alg": "SHA-256", "content": format!("{byte:02x}").repeat(32)}))
                .collect();
            components.push(json!({"type": thing.kind, "bom-ref": format!("t{at}"), "name": thing.name, "hashes": hashes, "properties": properties,
                "evidence": {"occurrences": [{"location": format!("{}{}", thing.folder, thing.name), "additionalContext": self.context(thing.user)}]}}));
        }
        let mut services: Vec<Value> = Vec::new();
        for (at, call) in self.calls.iter().enumerate() {
            let mut properties = vec![
                json!({"name": "aibom:net:remote_port", "value": call.port.to_string()}),
                json!({"name": "aibom:net:remote_ip", "value": call.address}),
                json!({"name": "aibom:net:transport", "value": "tcp"}),
                json!({"name": "aibom:evidence", "value": format!("e{at} {}", self.context(call.user))}),
            ];
            for (source, name) in &call.names {
                properties.push(json!({"name": format!("aibom:net:name:{source}"), "value": name}));
            }
            if call.mismatch {
                properties
                    .push(json!({"name": "aibom:net:name_mismatch", "value": format!("sni {}", call.host)}));
            }
            services.push(json!({"bom-ref": format!("v{at}"), "name": call.host, "properties": properties}));
        }
        let text = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components, "services": services}).to_string();
        bom::from_json(text.as_bytes()).expect("a document").bom
    }
}

fn observed(bom: &bom::Bom) -> Observed {
    observed_of(bom, "o.json", &Catalog::default())
}

fn differences(declared: &bom::Bom, seen: &bom::Bom) -> Comparison {
    let declared = declared_of(declared, "d.json", b"", &Catalog::default());
    compare(&declared, &[observed(seen)], &Options { required: Required::None, ..Options::default() })
}

fn told(found: &Comparison) -> Verdict {
    // Everything that was found, for the law is not about what somebody lets fail.
    verdict(found, &Expression::parse("warning").expect("a word")).0
}

/// Something that is not as it was: one of these at a time.
fn changed(spec: &Spec, how: usize, at: prop::sample::Index) -> Option<Spec> {
    let mut spec = spec.clone();
    let weights = |thing: &Thing| matches!(thing.role, "model" | "adapter");
    let sound = |thing: &Thing| {
        weights(thing) && !thing.store.is_some_and(|(_, _, recorded)| recorded.starts_with("differs"))
    };
    match how {
        0 => {
            // Other content under the same name.
            let all: Vec<usize> = (0..spec.things.len())
                .filter(|at| sound(&spec.things[*at]) && spec.things[*at].digest.is_some())
                .collect();
            let at = *all.get(at.index(all.len().max(1)))?;
            spec.things[at].digest = Some(7);
        }
        1 => {
            // Content that was read is not read any more.
            let all: Vec<usize> = (0..spec.things.len())
                .filter(|at| {
                    sound(&spec.things[*at])
                        && spec.things[*at].digest.is_some()
                        && !spec.things[*at].recorded_only
                })
                .collect();
            let at = *all.get(at.index(all.len().max(1)))?;
            spec.things[at].digest = None;
        }
        2 => {
            // Somebody else's model.
            let all: Vec<usize> = (0..spec.things.len())
                .filter(|at| {
                    sound(&spec.things[*at])
                        && spec.things[*at].digest.is_none()
                        && spec.things[*at].store.is_some()
                })
                .collect();
            let at = *all.get(at.index(all.len().max(1)))?;
            spec.things[at].name = "evil";
            spec.things[at].store = Some(("evil/b", "main", "not-compared"));
        }
        3 => {
            // Another host.
            let at = at.index(spec.calls.len().max(1));
            spec.calls.get_mut(at)?.host = "evil.example";
            spec.calls.get_mut(at)?.address = "203.0.113.66";
        }
        4 => {
            // A stream that lies.
            let at = at.index(spec.calls.len().max(1));
            let call = spec.calls.get_mut(at).filter(|call| !call.mismatch)?;
            call.mismatch = true;
        }
        5 => spec.things.push(Thing {
            kind: "machine-learning-model",
            role: "model",
            name: "new",
            folder: "/new/",
            digest: Some(9),
            recorded_only: false,
            store: None,
            user: 0,
        }),
        6 => spec.things.push(Thing {
            kind: "machine-learning-model",
            role: "model",
            name: "new",
            folder: "/new/",
            digest: None,
            recorded_only: false,
            store: None,
            user: 3,
        }),
        _ => spec.calls.push(Call {
            host: "new.example",
            port: 443,
            address: "203.0.113.77",
            names: vec![],
            mismatch: false,
            user: 3,
        }),
    }
    Some(spec)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_differs_from_itself(spec in any_spec()) {
        let document = spec.document();
        let found = differences(&document, &document);
        prop_assert!(found.findings.is_empty(), "{:#?}", found.findings);
    }

    #[test]
    fn what_changes_is_told(spec in any_spec(), how in 0_usize..8, at in any::<prop::sample::Index>()) {
        let Some(other) = changed(&spec, how, at) else { return Ok(()) };
        // One of two that were alike is no change of what is used.
        let items = |spec: &Spec| -> Vec<Vec<Item>> {
            let bare = |item: &Item| Item { origins: Set::new(), ..item.clone() };
            let subjects = observed(&spec.document()).subjects;
            subjects.iter().map(|subject| subject.items.iter().map(bare).collect()).collect()
        };
        prop_assume!(items(&spec) != items(&other));
        let found = differences(&spec.document(), &other.document());
        prop_assert_ne!(told(&found), Verdict::Clean, "{:?}\n{:?}\n{:#?}", how, other, found);
    }

    #[test]
    fn pairs_are_mirrored(a in any_spec(), b in any_spec()) {
        for (own, other) in observed(&a.document()).subjects.iter().zip(&observed(&b.document()).subjects) {
            let (a, b) = (&own.items, &other.items);
            let there: BTreeSet<_> = pair(a, b).into_iter().map(|p| (p.declared, p.observed, p.pass)).collect();
            let back: BTreeSet<_> = pair(b, a).into_iter().map(|p| (p.observed, p.declared, p.pass)).collect();
            prop_assert_eq!(there, back);
        }
        // Replicas of one name are held to one declaration, which is no mirror image of itself.
        let alone = |spec: &Spec| spec.subjects.len() == spec.subjects.iter().collect::<BTreeSet<_>>().len();
        if !alone(&a) || !alone(&b) {
            return Ok(());
        }
        let who = |found: &Comparison, swapped: bool| -> BTreeSet<(String, String)> {
            found.paired.iter().map(|(a, b, _)| if swapped { (b.clone(), a.clone()) } else { (a.clone(), b.clone()) }).collect()
        };
        let (there, back) = (differences(&a.document(), &b.document()), differences(&b.document(), &a.document()));
        prop_assert_eq!(who(&there, false), who(&back, true));
    }

    #[test]
    fn order_does_not_matter(a in any_spec(), b in any_spec(), turn in 0_usize..6) {
        let mut other = b.document();
        other.components.reverse();
        let middle = turn.min(other.components.len());
        other.components.rotate_left(middle);
        other.services.reverse();
        prop_assert_eq!(differences(&a.document(), &b.document()), differences(&a.document(), &other));
        let mut own = a.document();
        own.components.reverse();
        own.services.reverse();
        prop_assert_eq!(differences(&a.document(), &b.document()), differences(&own, &b.document()));
    }

    #[test]
    fn what_is_written_and_read_says_the_same(spec in any_spec()) {
        let document = spec.document().normalized();
        let Ok(written) = bom::to_json(&document, bom::Options::default()) else { return Ok(()) };
        let read = bom::from_json(&written.json).expect("our own document").bom;
        prop_assert_eq!(observed(&document), observed(&read));
    }

    #[test]
    fn waivers_hide_what_they_name_and_nothing_else(
        a in any_spec(), b in any_spec(), picks in vec((any::<prop::sample::Index>(), 0_usize..4), 1..4),
    ) {
        let mut found = differences(&a.document(), &b.document());
        prop_assume!(!found.findings.is_empty());
        let mut text = String::from("waivers:\n");
        let mut named = Vec::new();
        for (index, how) in picks {
            let finding = index.get(&found.findings).clone();
            let (code, workload, name) = (finding.code.code.to_owned(), finding.workload.clone(), finding.name.clone());
            let quoted = |text: &str| serde_json::to_string(text).expect("text");
            let plain = !workload.is_empty() && !name.is_empty() && !workload.contains('*') && !name.contains('*');
            let row = match how {
                1 if plain => (code, Some(workload), None),
                2 if plain => (code, None, Some(name)),
                3 if plain => (code, Some(workload), Some(name)),
                _ => (finding.fingerprint.clone(), None, None),
            };
            text.push_str(&format!("- {{finding: {}, reason: r, owner: o, expires: '2030-01-01'", row.0));
            for (key, value) in [("workload", &row.1), ("name", &row.2)] {
                if let Some(value) = value {
                    text.push_str(&format!(", {key}: {}", quoted(value)));
                }
            }
            text.push_str("}\n");
            named.push(row);
        }
        let before = found.findings.len();
        Waivers::parse(text.as_bytes(), "w").expect("waivers").apply(&mut found, "2026-01-01");
        prop_assert_eq!(found.findings.len(), before);
        for finding in &found.findings {
            let expected = named.iter().any(|(what, workload, name)| {
                (what == finding.code.code || *what == finding.fingerprint)
                    && workload.as_ref().is_none_or(|workload| *workload == finding.workload)
                    && name.as_ref().is_none_or(|name| *name == finding.name)
            });
            prop_assert_eq!(finding.waived.is_some(), expected, "{:#?}", finding);
        }
        // Two that differ in what they say have two fingerprints, but for the place of one content.
        let all: BTreeSet<&str> = found.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
        let texts: BTreeSet<(&str, &str, &str)> =
            found.findings.iter().map(|finding| {
                let text = finding.text.split_once(" and not declared (").map_or(finding.text.as_str(), |(what, _)| what);
                (finding.code.code, finding.workload.as_str(), text)
            }).collect();
        prop_assert!(all.len() >= texts.len(), "{:#?}", found.findings);
    }
}

/// A part of a waiver that cannot be read would otherwise count as not given, and cover everything.
#[test]
fn waivers_that_are_not_understood_hide_nothing() {
    for row in ["workload: ", "workload: [a]", "name: {a: b}", "name: ''", "workload: ~", "Name: x"] {
        let text =
            format!("waivers: [{{finding: moved, reason: r, owner: o, expires: '2030-01-01', {row}}}]");
        assert!(Waivers::parse(text.as_bytes(), "w").is_err(), "{row}");
    }
}
