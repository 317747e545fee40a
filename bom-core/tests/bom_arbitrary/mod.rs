//! Arbitrary documents: every field of the model filled or not, with hostile text wherever text is free.

use bom_core::bom::*;
use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::{BTreeMap, BTreeSet};

/// A document that [`check`] has nothing against.
pub(crate) fn any_bom() -> impl Strategy<Value = Bom> {
    let metadata = (
        of(any_timestamp()),
        btree_set(select(Phase::ALL), 0..3),
        vec(any_component().boxed(), 0..2),
        of(any_component().boxed()),
        vec(any_property(), 0..3),
    )
        .prop_map(|(timestamp, lifecycles, tools, component, properties)| Metadata {
            timestamp,
            lifecycles,
            tools,
            component,
            properties,
        });
    (
        metadata.boxed(),
        vec(any_component().boxed(), 0..4),
        vec(any_service().boxed(), 0..3),
        vec(any_reference().boxed(), 0..2),
        vec(any_composition().boxed(), 0..3),
        vec(any_annotation().boxed(), 0..3),
        vec(any_workflow().boxed(), 0..2),
        vec(any::<(prop::sample::Index, Vec<prop::sample::Index>)>(), 0..4),
    )
        .prop_map(
            |(
                metadata,
                components,
                services,
                external_references,
                compositions,
                annotations,
                workflows,
                edges,
            )| {
                let bom = Bom {
                    metadata,
                    components,
                    services,
                    external_references,
                    dependencies: BTreeMap::new(),
                    compositions,
                    annotations,
                    workflows,
                };
                connect(bom, &edges)
            },
        )
}

type Edge = (prop::sample::Index, Vec<prop::sample::Index>);

/// Makes references unique and lets edges, claims and remarks lead to elements that exist.
fn connect(mut bom: Bom, edges: &[Edge]) -> Bom {
    let mut count = 0_u32;
    let mut fresh = |bom_ref: &mut BomRef| {
        count += 1;
        *bom_ref = BomRef::new(format!("{count}:{bom_ref}")).expect("not empty");
    };
    let mut elements = Vec::new();
    let metadata = &mut bom.metadata;
    for component in metadata.tools.iter_mut().chain(&mut metadata.component).chain(&mut bom.components) {
        component.bom_ref.iter_mut().for_each(&mut fresh);
        elements.extend(component.bom_ref.clone());
        component
            .pedigree
            .ancestors
            .iter_mut()
            .flat_map(|ancestor| &mut ancestor.bom_ref)
            .for_each(&mut fresh);
        component.evidence.occurrences.iter_mut().flat_map(|seen| &mut seen.bom_ref).for_each(&mut fresh);
        component.model_card.iter_mut().flat_map(|card| &mut card.bom_ref).for_each(&mut fresh);
    }
    for service in &mut bom.services {
        service.bom_ref.iter_mut().for_each(&mut fresh);
        elements.extend(service.bom_ref.clone());
    }
    bom.compositions.iter_mut().flat_map(|composition| &mut composition.bom_ref).for_each(&mut fresh);
    bom.annotations.iter_mut().flat_map(|annotation| &mut annotation.bom_ref).for_each(&mut fresh);
    for workflow in &mut bom.workflows {
        fresh(&mut workflow.bom_ref);
        workflow.tasks.iter_mut().for_each(|task| fresh(&mut task.bom_ref));
    }
    if elements.is_empty() {
        bom.annotations.clear();
        return bom;
    }
    let pick = |index: &prop::sample::Index| index.get(&elements).clone();
    for (from, to) in edges {
        bom.dependencies.entry(pick(from)).or_default().extend(to.iter().map(pick));
    }
    let some: BTreeSet<BomRef> = edges.iter().map(|(from, _)| pick(from)).collect();
    for composition in &mut bom.compositions {
        composition.dependencies = some.clone();
    }
    for annotation in &mut bom.annotations {
        annotation.subjects = [elements[0].clone()].into();
    }
    bom
}

/// Text that somebody else chose: readable, or with line breaks, terminal controls, overrides, quotes.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9 ._/-]{0,12}",
        1 => select(vec!["a\nb", "tab\there", "cr\r\nlf", "\u{1b}[31m", "\u{202e}gpj", "\"\\\u{0}", "é\u{85}"])
            .prop_map(str::to_owned),
        1 => vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().collect()),
    ]
}

/// References that our parser takes, common ones and odd ones.
pub(crate) fn any_iri() -> impl Strategy<Value = Iri> {
    prop_oneof![
        3 => "(https?|tcp)://[a-z0-9]{1,6}(\\.[a-z]{1,5})?(:[0-9]{0,5})?(/[a-z%20]{0,6})?"
            .prop_filter_map("not an iri", |text| Iri::parse(&text).ok()),
        1 => "[a-z0-9:/?#@!%é–\\. \\[\\]]{0,12}".prop_filter_map("not an iri", |text| Iri::parse(&text).ok()),
        1 => "[a-z]{1,3}:(//)?[a-z0-9@:é]{0,6}[/?#]?[a-z:/?@é\\[]{0,6}"
            .prop_filter_map("not an iri", |text| Iri::parse(&text).ok()),
        1 => select(vec!["http://[0:0:0:0:0:0:0:1]:80/x?y#z", "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#x", "//h/p", "a"])
            .prop_map(|text| Iri::parse(text).expect("an iri")),
    ]
}

pub(crate) fn any_purl() -> impl Strategy<Value = Purl> {
    let version = || of(any_text());
    prop_oneof![
        (any_text(), version()).prop_filter_map("purl", |(name, version)| Purl::pypi(
            &name,
            version.as_deref()
        )
        .ok()),
        (of(any_text()), any_text(), version()).prop_filter_map("purl", |(scope, name, version)| Purl::npm(
            scope.as_deref(),
            &name,
            version.as_deref()
        )
        .ok()),
        (any_text(), any_text(), version(), version(), version()).prop_filter_map(
            "purl",
            |(vendor, name, version, arch, distro)| {
                Purl::deb(&vendor, &name, version.as_deref(), arch.as_deref(), distro.as_deref()).ok()
            }
        ),
        (any_text(), any_text(), of("[0-9a-fA-F]{40}"), version()).prop_filter_map(
            "purl",
            |(owner, repo, commit, file)| {
                Purl::huggingface(&owner, &repo, commit.as_deref(), file.as_deref()).ok()
            }
        ),
        (any_text(), version(), of(any::<[u8; 32]>())).prop_filter_map("purl", |(name, version, sha256)| {
            Purl::generic(&name, version.as_deref(), sha256.as_ref()).ok()
        }),
        (any_text(), version(), version(), version()).prop_filter_map("purl", |(name, digest, url, tag)| {
            Purl::oci(&name, digest.as_deref(), url.as_deref(), tag.as_deref()).ok()
        }),
    ]
}

fn any_timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        (-62_167_219_200_i64..=253_402_300_799).prop_map(|at| Timestamp::from_unix(at).expect("in range")),
        (1_600_000_000_000_000_000_i128..1_900_000_000_000_000_000)
            .prop_map(|at| Timestamp::from_unix_nanos(at).expect("in range")),
    ]
}

fn any_ref() -> impl Strategy<Value = BomRef> {
    any_text().prop_map(|text| BomRef::new(format!("r{text}")).expect("not empty"))
}

fn any_version() -> impl Strategy<Value = Version> {
    any_text().prop_map(|text| Version::new(text).expect("short"))
}

fn any_property() -> impl Strategy<Value = Property> {
    ("(aibom|cdx:ai-ml):[a-z_]{1,6}:[A-Za-z0-9_-]{1,6}", any_text())
        .prop_map(|(name, value)| Property::new(name, value))
}

fn any_hash() -> impl Strategy<Value = Hash> {
    prop_oneof![
        any::<[u8; 32]>().prop_map(|digest| Hash::sha256(&digest)),
        any::<u64>().prop_map(|half| Hash::sha512(&[half.to_le_bytes()[0]; 64])),
        (select(HashAlgorithm::ALL), "[0-9a-fA-F]{32}").prop_filter_map("length", |(algorithm, hex)| {
            [1, 2, 3, 4].iter().find_map(|times| Hash::new(algorithm, &hex.repeat(*times)).ok())
        }),
    ]
}

fn any_licenses() -> impl Strategy<Value = Licenses> {
    let license = (
        prop_oneof!["(MIT|Apache-2.0|GPL-2.0\\+|NOASSERTION)", any_text()],
        of(select(Acknowledgement::ALL)),
    )
        .prop_map(|(text, acknowledgement)| License { acknowledgement, ..License::from_text(&text) });
    prop_oneof![
        2 => Just(Licenses::default()),
        1 => vec(license, 0..3).prop_map(Licenses::List),
        1 => (any_text(), of(select(Acknowledgement::ALL)))
            .prop_map(|(text, acknowledgement)| Licenses::Expression { text, acknowledgement }),
    ]
}

fn any_reference() -> impl Strategy<Value = ExternalReference> {
    // Words of 1.7 are left out: the law of this file is about 1.6.
    let kind = select(ExternalReferenceKind::ALL)
        .prop_filter("too new", |kind: &ExternalReferenceKind| kind.since() <= SpecVersion::V1_6);
    (kind, any_iri(), of(any_text()), vec(any_hash(), 0..2))
        .prop_map(|(kind, url, comment, hashes)| ExternalReference { kind, url, comment, hashes })
}

fn any_confidence() -> impl Strategy<Value = Confidence> {
    (0_u16..=1000).prop_map(|permille| Confidence::from_permille(permille).expect("in range"))
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let method = (select(Technique::ALL), any_confidence(), of(any_text()))
        .prop_map(|(technique, confidence, value)| Method { technique, confidence, value });
    let identity = (select(IdentityField::ALL), of(any_text()), of(any_confidence()), vec(method, 0..3))
        .prop_map(|(field, concluded_value, confidence, methods)| Identity {
            field,
            concluded_value,
            confidence,
            methods,
        });
    let occurrence = (of(any_ref()), any_text(), of(any_text()), of(any_text())).prop_map(
        |(bom_ref, location, symbol, additional_context)| Occurrence {
            bom_ref,
            location,
            symbol,
            additional_context,
        },
    );
    (vec(identity, 0..3), vec(occurrence, 0..3), any_licenses().boxed())
        .prop_map(|(identities, occurrences, licenses)| Evidence { identities, occurrences, licenses })
}

fn any_pedigree() -> impl Strategy<Value = Pedigree> {
    let ancestor = (
        of(any_ref()),
        select(ComponentKind::ALL),
        of(any_text()),
        any_text(),
        of(any_version()),
        of(any_purl().boxed()),
        vec(any_hash(), 0..2),
    )
        .prop_map(|(bom_ref, kind, group, name, version, purl, hashes)| Ancestor {
            bom_ref,
            kind,
            group,
            name,
            version,
            purl,
            hashes,
        });
    (vec(ancestor, 0..2), of(any_text())).prop_map(|(ancestors, notes)| Pedigree { ancestors, notes })
}

fn any_model_card() -> impl Strategy<Value = ModelCard> {
    (
        of(any_ref()),
        of(select(Approach::ALL)),
        of(any_text()),
        of(any_text()),
        of(any_text()),
        vec(any_property(), 0..2),
    )
        .prop_map(|(bom_ref, approach, task, architecture_family, model_architecture, properties)| {
            ModelCard { bom_ref, approach, task, architecture_family, model_architecture, properties }
        })
}

fn any_component() -> impl Strategy<Value = Component> {
    let name = (
        of(any_ref()),
        select(ComponentKind::ALL),
        of(any_text()),
        any_text(),
        of(any_version()),
        of(any_text()),
    );
    let rest = (
        of(any_purl().boxed()),
        vec(any_hash(), 0..3),
        any_licenses().boxed(),
        any_pedigree().boxed(),
        vec(any_reference().boxed(), 0..2),
        vec(any_property(), 0..3),
        any_evidence().boxed(),
        of(any_model_card().boxed()),
    );
    (name, rest).prop_map(
        |(
            (bom_ref, kind, group, name, version, description),
            (purl, hashes, licenses, pedigree, external_references, properties, evidence, model_card),
        )| Component {
            bom_ref,
            kind,
            group,
            name,
            version,
            description,
            purl,
            hashes,
            licenses,
            external: false,
            pedigree,
            external_references,
            properties,
            evidence,
            model_card,
        },
    )
}

fn any_service() -> impl Strategy<Value = Service> {
    let provider =
        (of(any_text()), btree_set(any_iri(), 0..2)).prop_map(|(name, urls)| Provider { name, urls });
    let flow =
        (select(Flow::ALL), any_text()).prop_map(|(flow, classification)| DataFlow { flow, classification });
    let name = (of(any_ref()), of(provider), of(any_text()), any_text(), of(any_version()), of(any_text()));
    let rest = (
        btree_set(any_iri(), 0..3),
        any::<Option<bool>>(),
        any::<Option<bool>>(),
        of(any_text()),
        vec(flow, 0..3),
        any_licenses().boxed(),
        vec(any_reference().boxed(), 0..2),
        vec(any_property(), 0..3),
    );
    (name, rest).prop_map(
        |(
            (bom_ref, provider, group, name, version, description),
            (
                endpoints,
                authenticated,
                x_trust_boundary,
                trust_zone,
                data,
                licenses,
                external_references,
                properties,
            ),
        )| Service {
            bom_ref,
            provider,
            group,
            name,
            version,
            description,
            endpoints,
            authenticated,
            x_trust_boundary,
            trust_zone,
            data,
            licenses,
            external_references,
            properties,
        },
    )
}

fn any_composition() -> impl Strategy<Value = Composition> {
    (of(any_ref()), select(Aggregate::ALL)).prop_map(|(bom_ref, aggregate)| Composition {
        bom_ref,
        aggregate,
        assemblies: BTreeSet::new(),
        dependencies: BTreeSet::new(),
    })
}

fn any_annotation() -> impl Strategy<Value = Annotation> {
    let annotator = prop_oneof![
        (select(ComponentKind::ALL), of(any_text()), any_text(), of(any_version()))
            .prop_map(|(kind, group, name, version)| Annotator::Component { kind, group, name, version }),
        of(any_text()).prop_map(|name| Annotator::Organization { name }),
        of(any_text()).prop_map(|name| Annotator::Individual { name }),
        any_text().prop_map(|name| Annotator::Service { name }),
    ];
    (of(any_ref()), annotator, any_timestamp(), any_text()).prop_map(
        |(bom_ref, annotator, timestamp, text)| Annotation {
            bom_ref,
            subjects: BTreeSet::new(),
            annotator,
            timestamp,
            text,
        },
    )
}

fn any_workflow() -> impl Strategy<Value = Workflow> {
    let task =
        (any_ref(), any_text(), of(any_text()), btree_set(select(TaskType::ALL), 0..2), of(any_timestamp()))
            .prop_map(|(bom_ref, uid, name, task_types, time_start)| Task {
                bom_ref,
                uid,
                name,
                description: None,
                task_types,
                time_start,
                time_end: time_start,
                properties: Vec::new(),
            });
    (
        any_ref(),
        any_text(),
        of(any_text()),
        of(any_text()),
        btree_set(select(TaskType::ALL), 0..2),
        of(any_timestamp()),
        vec(task, 0..2),
        vec(any_property(), 0..2),
    )
        .prop_map(|(bom_ref, uid, name, description, task_types, time_start, tasks, properties)| {
            Workflow {
                bom_ref,
                uid,
                name,
                description,
                task_types,
                time_start,
                time_end: None,
                tasks,
                properties,
            }
        })
}
