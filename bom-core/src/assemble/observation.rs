//! What was watched: the subjects, the window, the probes, the losses and the gaps.

use std::collections::{BTreeMap, BTreeSet};

use bom_common::config::PROCESS_SUBJECT;

use super::{AssembleError, Context, clean, depend, place, property};
use crate::{
    bom::{
        Aggregate, Annotation, Annotator, Bom, BomRef, Component, ComponentKind, Composition, Phase,
        Property, Timestamp, Version,
    },
    coverage::{Cell, Gap, ProbeStatus, light::STANDS_IN},
    identify::{Program, SubjectView, roles},
    input::PodName,
};

const TOOL: &str = "tool:aibom";

impl Context<'_> {
    pub(super) fn observation(&self, bom: &mut Bom, version: &str) -> Result<(), AssembleError> {
        bom.metadata.lifecycles.insert(Phase::Operations);
        let mut tool = Component::new(BomRef::new(TOOL)?, ComponentKind::Application, "aibom");
        tool.version = Some(Version::new(version)?);
        bom.metadata.tools.push(tool);
        let ends = self.view.subjects.iter().filter_map(|subject| {
            let (_, end) = subject.window?;
            wall(subject, end)
        });
        let end = ends.max();
        if let Some(end) = end.filter(|_| !self.deterministic) {
            bom.metadata.timestamp = Some(end);
        }
        self.window(&mut bom.metadata.properties);
        for (subject, reference) in self.view.subjects.iter().zip(&self.names.subjects) {
            let component = self.subject(subject, reference)?;
            self.coverage(bom, subject, reference, end)?;
            if self.view.subjects.len() == 1 {
                bom.dependencies.entry(reference.clone()).or_default();
                bom.metadata.component = Some(component);
            } else {
                place(bom, component);
            }
        }
        for (index, program) in self.view.programs.iter().enumerate() {
            let Some(own) = self.names.programs.get(index) else { continue };
            let starter = match program.parent {
                Some(parent) => self.names.programs.get(parent),
                None => self.names.subjects.get(program.subject),
            };
            if let Some(starter) = starter {
                depend(bom, starter, own);
            }
        }
        Ok(())
    }

    fn window(&self, properties: &mut Vec<Property>) {
        for subject in &self.view.subjects {
            for host in &subject.host {
                property(properties, "aibom:host:kernel", &host.kernel);
                property(properties, "aibom:host:architecture", &host.architecture);
                for (name, version) in &host.drivers {
                    let version =
                        version.as_ref().map(|version| format!(" {}", clean(version))).unwrap_or_default();
                    property(properties, "aibom:host:driver", format!("{}{version}", clean(name)));
                }
                if let Some((id, version)) = &host.distribution {
                    property(properties, "aibom:host:distribution", format!("{id}-{version}"));
                }
            }
            for probe in &subject.probes {
                let name = format!("aibom:probe:{}", probe.name);
                let status = match &probe.status {
                    ProbeStatus::Attached => "attached".to_owned(),
                    ProbeStatus::LeftOut => "left-out".to_owned(),
                    ProbeStatus::Silent => "silent".to_owned(),
                    ProbeStatus::Refused(reason) => format!("refused: {}", clean(reason)),
                };
                property(properties, &name, status);
            }
            if !subject.probes.is_empty() {
                let light = subject.probes.iter().any(|probe| probe.name == STANDS_IN);
                property(properties, "aibom:obs:profile", if light { "light" } else { "full" });
            }
            if self.deterministic {
                continue;
            }
            property(properties, "aibom:epoch:node", &subject.epoch.node);
            property(properties, "aibom:epoch:boot", &*subject.epoch.boot);
            property(properties, "aibom:epoch:start_ns", subject.epoch.start_ns.to_string());
            for (name, value) in &subject.counters {
                property(properties, &format!("aibom:obs:counter:{name}"), value.to_string());
            }
            if let Some((from, to)) = subject.window {
                property(properties, "aibom:obs:window_start_ns", from.to_string());
                property(properties, "aibom:obs:window_end_ns", to.to_string());
                for (name, at) in [("window_start", from), ("window_end", to)] {
                    if let Some(time) = wall(subject, at) {
                        property(properties, &format!("aibom:obs:{name}"), time.to_string());
                    }
                }
            }
        }
    }

    fn subject(&self, subject: &SubjectView, reference: &BomRef) -> Result<Component, AssembleError> {
        let name = subject.names.first().map_or("unnamed", String::as_str);
        let mut component = Component::new(reference.clone(), ComponentKind::Application, name);
        let properties = &mut component.properties;
        let kind = match subject.key.session {
            Some(_) => "session",
            None if subject.key.cgroup & PROCESS_SUBJECT != 0 => "process",
            None => "cgroup",
        };
        property(properties, "aibom:subject:kind", kind);
        for rule in roles(&subject.signs) {
            let signs: Vec<String> = rule.signs.iter().map(|sign| sign.text()).collect();
            property(properties, "aibom:subject:role", format!("{}: {}", rule.role, signs.join(" ")));
        }
        for name in subject.names.iter().skip(1) {
            property(properties, "aibom:subject:alias", name);
        }
        // Two cannot both be it: then neither is said.
        let uids: BTreeSet<&str> = subject.pods.iter().map(|pod| pod.uid.as_str()).collect();
        let names: BTreeSet<&PodName> = subject.pods.iter().filter_map(|pod| pod.name.as_ref()).collect();
        if let (Some(uid), 1, 0..=1) = (uids.first(), uids.len(), names.len()) {
            property(properties, "aibom:k8s:pod_uid", clean(uid));
            for name in names {
                property(properties, "aibom:k8s:namespace", clean(&name.namespace));
                property(properties, "aibom:k8s:pod", clean(&name.pod));
                property(properties, "aibom:k8s:container", clean(&name.container));
            }
        }
        for (class, cell) in &subject.classes {
            let word = if cell.is_complete() { "complete" } else { "incomplete" };
            property(properties, &format!("aibom:coverage:{}", class.name()), word);
            for gap in &cell.gaps {
                property(properties, &format!("aibom:coverage:{}:gap", class.name()), gap.code());
            }
        }
        for (cause, loss) in &subject.losses {
            let cause = crate::bom::taxonomy_segment(cause);
            property(properties, &format!("aibom:loss:{cause}"), loss.count.0.to_string());
            if !self.deterministic {
                let (from, to) = (loss.from_ns.0, loss.to_ns.0);
                property(properties, &format!("aibom:loss:{cause}:from_ns"), from.to_string());
                property(properties, &format!("aibom:loss:{cause}:to_ns"), to.to_string());
            }
        }
        let unresolved = self.view.unresolved.iter().filter(|item| {
            self.view.subjects.get(item.subject).is_some_and(|other| other.key == subject.key)
        });
        for item in unresolved {
            for path in &item.paths {
                let value = format!("{} {}: {path}", item.question.name(), item.reason.name());
                property(properties, "aibom:unresolved", value);
            }
        }
        for (_, path) in self
            .view
            .unknown_formats
            .iter()
            .filter(|(of, _)| self.view.subjects.get(*of).is_some_and(|other| other.key == subject.key))
        {
            property(properties, "aibom:unknown_format", path.to_string());
        }
        for status in &subject.status {
            property(properties, "aibom:subject:wait_status", status.to_string());
        }
        for name in &subject.resolved {
            property(properties, "aibom:net:resolved", name);
        }
        for ((carrier, local), calls) in &subject.served {
            // The kernel chooses some ports, which then differ from run to run.
            let calls = if self.deterministic { String::new() } else { format!(" calls={calls}") };
            property(properties, "aibom:net:served", format!("{} {local}{calls}", carrier.name()));
        }
        for by in &subject.served_by {
            let program = self.names.programs.get(by.program).map_or("", BomRef::as_str);
            let bases: Vec<&str> = by.server.bases.iter().map(|basis| basis.name()).collect();
            let word = if by.server.is_hint() { "hint" } else { "server" };
            let value = format!(
                "{} {} {word}={} kind={} by={} program={program}",
                by.carrier.name(),
                by.address,
                clean(&by.server.name),
                clean(&by.server.kind),
                bases.join(",")
            );
            property(properties, "aibom:net:served_by", value);
        }
        self.claims(properties, subject);
        for list in &subject.unread {
            property(properties, "aibom:package:unread_list", list.name());
        }
        for name in &subject.served_unix {
            property(properties, "aibom:net:served", super::references::unix_text(name.as_ref()));
        }
        if !self.deterministic {
            property(properties, "aibom:subject:cgroup", subject.key.cgroup.to_string());
            property(properties, "aibom:obs:processes", subject.processes.to_string());
            property(properties, "aibom:obs:files", subject.files.to_string());
            for (name, value) in &subject.own_counters {
                property(properties, &format!("aibom:obs:counter:{name}"), value.to_string());
            }
            for process in &subject.still_running {
                let value = format!("{}@{}", process.tgid, process.start_ns);
                property(properties, "aibom:obs:still_running", value);
            }
        }
        Ok(component)
    }

    /// What its programs were told, each once; by how many it is not known.
    fn claims(&self, properties: &mut Vec<Property>, subject: &SubjectView) {
        let own = |program: &&Program| {
            self.view.subjects.get(program.subject).is_some_and(|other| other.key == subject.key)
        };
        let programs = || self.view.programs.iter().filter(own);
        let said: BTreeSet<String> =
            programs().flat_map(|program| &program.claims).map(|claim| clean(&claim.text())).collect();
        for claim in said {
            property(properties, "aibom:claim:setting", claim);
        }
        let mut unread: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in programs().flat_map(|program| &program.claims_unread) {
            let count = unread.entry(reason.name()).or_default();
            *count = count.saturating_add(1);
        }
        // Whether a program lives long enough to be asked differs from run to run.
        for (reason, count) in unread.into_iter().filter(|_| !self.deterministic) {
            property(properties, "aibom:claim:settings_unread", format!("{reason} programs={count}"));
        }
    }

    /// One composition with the weakest class; the reasons as one annotation per class.
    fn coverage(
        &self,
        bom: &mut Bom,
        subject: &SubjectView,
        reference: &BomRef,
        end: Option<Timestamp>,
    ) -> Result<(), AssembleError> {
        let looked = !subject.classes.is_empty();
        let complete = looked && subject.classes.values().all(Cell::is_complete);
        let aggregate = match (looked, complete) {
            (false, _) => Aggregate::Unknown,
            (true, true) => Aggregate::Complete,
            (true, false) => Aggregate::Incomplete,
        };
        let composition = BomRef::new(format!("composition:{}", reference.as_str()))?;
        bom.compositions.push(Composition {
            bom_ref: Some(composition.clone()),
            aggregate,
            assemblies: BTreeSet::new(),
            dependencies: BTreeSet::from([reference.clone()]),
        });
        // An annotation needs a time; without one the reasons stand in the properties alone.
        let Some(end) = end.filter(|_| !self.deterministic) else { return Ok(()) };
        for (class, cell) in subject.classes.iter().filter(|(_, cell)| !cell.is_complete()) {
            let reasons: Vec<String> = cell.gaps.iter().map(Gap::text).collect();
            bom.annotations.push(Annotation {
                bom_ref: Some(BomRef::new(format!("annotation:{}:{}", class.name(), reference.as_str()))?),
                subjects: BTreeSet::from([reference.clone()]),
                annotator: Annotator::Component {
                    kind: ComponentKind::Application,
                    group: None,
                    name: "aibom".to_owned(),
                    version: None,
                },
                timestamp: end,
                text: format!("{} incomplete: {}", class.name(), reasons.join("; ")),
            });
        }
        Ok(())
    }
}

/// Wall-clock time of a moment of CLOCK_BOOTTIME; `None` if the clocks were never read together.
pub(super) fn wall(subject: &SubjectView, boot_ns: u64) -> Option<Timestamp> {
    let nanos = i128::from(subject.clock_offset?) + i128::from(boot_ns);
    Timestamp::from_unix_nanos(nanos).ok()
}
