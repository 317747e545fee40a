//! Models, packages, libraries, programs and devices as components.

use super::{
    AssembleError, Context, clean, depend,
    owners::{built, deb_purl, owner_purl, owners},
    place, property,
    references::{distribution, short},
};
use crate::{
    bom::{
        Bom, BomRef, Component, ComponentKind, Confidence, Evidence, Hash, HashAlgorithm, Identity,
        IdentityField, Method, Occurrence, Property, Purl, Technique as Word, Version,
    },
    fact::{self, Technique, confidence},
    identify::{Handler, Library, Program, Usage},
    input::PythonOwner,
    metadata::ElfType,
    package::Basis,
    path::SeenPath,
};

pub(super) const IMPORT: &str = "import";
/// Places of one artifact in one program that are listed; `files=` in the context counts them all.
const PLACES: usize = 64;
/// Versions of symbols that are listed; of a library with more, none is.
const SYMBOL_VERSIONS: usize = 8;

impl Context<'_> {
    pub(super) fn artifacts(&self, bom: &mut Bom) -> Result<(), AssembleError> {
        for (index, (program, reference)) in self.view.programs.iter().zip(&self.names.programs).enumerate() {
            let component = self.program(index, program, reference)?;
            place(bom, component);
        }
        for (model, reference) in self.view.models.iter().zip(&self.names.models) {
            let component = self.model(model, reference)?;
            self.used(bom, &model.uses, reference);
            for base in model.bases.iter().filter_map(|&base| self.names.models.get(base)) {
                depend(bom, reference, base);
            }
            place(bom, component);
        }
        for (library, reference) in self.view.libraries.iter().zip(&self.names.libraries) {
            let component = self.library(library, reference)?;
            self.used(bom, &library.uses, reference);
            self.needed(bom, library, reference);
            place(bom, component);
        }
        for (package, reference) in self.view.packages.iter().zip(&self.names.packages) {
            let component = self.package(package, reference)?;
            self.used(bom, &package.uses, reference);
            place(bom, component);
        }
        for (code, reference) in self.view.code.iter().zip(&self.names.code) {
            let component = self.code(code, reference)?;
            self.used(bom, &code.uses, reference);
            place(bom, component);
        }
        for (device, reference) in self.view.devices.iter().zip(&self.names.devices) {
            let mut component =
                Component::new(reference.clone(), ComponentKind::Device, device.path.escaped());
            property(&mut component.properties, "aibom:role", "accelerator");
            component.evidence = self.evidence(reference, &device.uses, "open", Vec::new())?;
            self.used(bom, &device.uses, reference);
            place(bom, component);
        }
        Ok(())
    }

    pub(super) fn used(&self, bom: &mut Bom, uses: &[Usage], reference: &BomRef) {
        for usage in uses {
            if let Some(program) = self.names.programs.get(usage.program) {
                depend(bom, program, reference);
            }
        }
    }

    fn program(
        &self,
        index: usize,
        program: &Program,
        reference: &BomRef,
    ) -> Result<Component, AssembleError> {
        let seen = program.paths.first().or_else(|| program.requested.first());
        let name =
            seen.map_or_else(|| "unknown".to_owned(), |path| SeenPath::new(path.file_name()).escaped());
        let mut component = Component::new(reference.clone(), ComponentKind::Application, name);
        component.hashes = hashes(program.digest.as_deref())?;
        let properties = &mut component.properties;
        property(properties, "aibom:role", "program");
        if let Some(Handler { work, ecosystem, package }) = &program.handler {
            property(properties, "aibom:program:handler", format!("{work} {ecosystem}/{package}"));
        }
        for part in &program.mcp {
            property(properties, "aibom:program:mcp", part.name());
        }
        for part in &program.mcp_stdio {
            property(properties, "aibom:program:mcp_stdio", part.name());
        }
        if program.unseen_start {
            property(properties, "aibom:process:start", "not-seen");
        }
        for path in &program.requested {
            paths_property(properties, "aibom:claim:exec", path);
        }
        for claim in &program.claims {
            property(properties, "aibom:claim:setting", clean(&claim.text()));
        }
        // Whether a program lives long enough to be asked differs from run to run.
        for reason in program.claims_unread.iter().filter(|_| !self.deterministic) {
            property(properties, "aibom:claim:settings_unread", reason.name());
        }
        owners(
            self.view,
            properties,
            program.digest.as_deref(),
            (program.python.as_ref(), program.deb.as_ref()),
            &program.owners,
        );
        if let Some(code) = &program.code {
            built(properties, code);
        }
        if let Some(elf) = &program.elf {
            if let Some(build_id) = &elf.build_id {
                property(properties, "aibom:elf:build_id", build_id);
            }
            if let Some(interp) = &elf.interp {
                property(properties, "aibom:elf:interp", clean(interp));
            }
            if elf.is_static == Some(true) {
                property(properties, "aibom:elf:static", "true");
            }
        }
        if !self.deterministic {
            property(properties, "aibom:process:images", program.images.to_string());
            for process in &program.processes {
                property(properties, "aibom:process:key", format!("{}@{}", process.tgid, process.start_ns));
            }
        }
        let usage = program.evidence.clone().map(|evidence| Usage {
            subject: program.subject,
            program: index,
            evidence,
            probes: [bom_common::record::probe::SCHED_PROCESS_EXEC].into(),
            processes: program.processes.clone(),
            paths: program.paths.clone(),
            files: std::collections::BTreeSet::new(),
        });
        let uses: Vec<Usage> = usage.into_iter().collect();
        component.evidence = self.evidence(
            reference,
            &uses,
            "exec",
            hash_identity(program.digest.as_deref(), program.python.as_ref()),
        )?;
        Ok(component)
    }

    fn library(&self, library: &Library, reference: &BomRef) -> Result<Component, AssembleError> {
        let name = clean(&library.name);
        let mut component = Component::new(reference.clone(), ComponentKind::Library, name.clone());
        component.hashes = hashes(library.digest.as_deref())?;
        component.version = library.version.as_ref().and_then(|(text, _)| Version::new(text).ok());
        let distribution = distribution(self.view);
        if let (Some(deb), Some((id, version))) = (&library.deb, distribution) {
            component.purl = deb_purl(deb, id, version).ok();
            component.version = Version::new(&deb.version).ok();
        } else if let Some(owner) = library.owners.iter().find(|owner| owner.basis == Basis::List) {
            component.purl = owner_purl(self.view, owner).ok();
            let version = owner.version.as_deref().and_then(|text| Version::new(text).ok());
            component.version = version.or(component.version);
        }
        let properties = &mut component.properties;
        property(properties, "aibom:role", library.role.as_deref().unwrap_or("library"));
        if let Some(soname) = &library.elf.soname {
            property(properties, "aibom:elf:soname", clean(soname));
        }
        if let Some(build_id) = &library.elf.build_id {
            property(properties, "aibom:elf:build_id", build_id);
        }
        for needed in &library.elf.needed {
            property(properties, "aibom:elf:needed", clean(needed));
        }
        // glibc has forty: a history, and no version of its own.
        if library.elf.symbol_versions.len() <= SYMBOL_VERSIONS {
            for version in &library.elf.symbol_versions {
                property(properties, "aibom:elf:symbol_version", clean(version));
            }
        }
        if let Some(note) = &library.elf.package_note {
            for (name, value) in [("name", &note.name), ("version", &note.version), ("type", &note.kind)] {
                if let Some(value) = value {
                    property(properties, &format!("aibom:claim:package_{name}"), clean(value));
                }
            }
        }
        for engine in &library.engines {
            property(properties, "aibom:code:engine", engine);
        }
        if let Some((version, source)) = &library.version {
            property(properties, "aibom:library:version", clean(version));
            property(properties, "aibom:library:version_source", source.name());
        }
        if let Some(product) = &library.product {
            property(properties, "aibom:library:product", clean(&product.to_string()));
        }
        if library.elf.elf_type != ElfType::SharedLibrary {
            property(properties, "aibom:library:loaded", "program");
        }
        owners(
            self.view,
            properties,
            library.digest.as_deref(),
            (library.python.as_ref(), library.deb.as_ref()),
            &library.owners,
        );
        let mut identities = hash_identity(library.digest.as_deref(), library.python.as_ref());
        let technique: &[Technique] =
            if library.elf.soname.is_some() { &[Technique::BinaryAnalysis] } else { &[Technique::Filename] };
        identities.push(Known {
            field: IdentityField::Name,
            techniques: technique,
            claimed: false,
            value: name,
        });
        identities.extend(component.purl.as_ref().map(by_manifest));
        component.evidence = self.evidence(reference, &library.uses, "open", identities)?;
        Ok(component)
    }

    /// DT_NEEDED, where both ends were seen in the same program.
    fn needed(&self, bom: &mut Bom, library: &Library, reference: &BomRef) {
        for (other, name) in self.view.libraries.iter().zip(&self.names.libraries) {
            let wanted = library.elf.needed.iter().any(|needed| Some(needed) == other.elf.soname.as_ref());
            let together =
                || other.uses.iter().any(|usage| library.uses.iter().any(|own| own.program == usage.program));
            if wanted && together() {
                depend(bom, reference, name);
            }
        }
    }

    /// How it is known, and where it was seen: one occurrence for each program that used it.
    pub(super) fn evidence(
        &self,
        reference: &BomRef,
        uses: &[Usage],
        operation: &str,
        identities: Vec<Known>,
    ) -> Result<Evidence, AssembleError> {
        let mut evidence = Evidence::default();
        let strongest = uses.iter().map(|usage| self.counts(usage, operation)).max();
        for Known { field, techniques, claimed, value } in identities {
            let own = techniques
                .iter()
                .map(|&technique| method(technique, strongest, claimed, Some(value.clone())));
            let mut methods = own.collect::<Result<Vec<_>, _>>()?;
            // How sure the value is; that something was used at all is the probe's word, added below.
            let best = methods.iter().map(|method| method.confidence).max();
            if strongest.is_some() {
                methods.push(method(Technique::Instrumentation, strongest, false, None)?);
            }
            evidence.identities.push(Identity {
                field,
                concluded_value: Some(value),
                confidence: best,
                methods,
            });
        }
        for (number, usage) in uses.iter().enumerate() {
            let own = short(&[reference.as_str(), &number.to_string()]);
            let first = BomRef::new(self.evidence_reference(usage, &own))?;
            let context = self.context(usage, operation);
            // Files of equal content at several places are one artifact, seen at each of them; the
            // many files of a package stand for it as one.
            let places = if operation == IMPORT { 1 } else { PLACES };
            let paths = usage.paths.iter().take(places).map(SeenPath::escaped);
            let paths = if usage.paths.is_empty() { vec!["unknown".to_owned()] } else { paths.collect() };
            for (place, location) in paths.into_iter().enumerate() {
                let reference = match place {
                    0 => first.clone(),
                    place => BomRef::new(format!("{}/{place}", first.as_str()))?,
                };
                evidence.occurrences.push(Occurrence {
                    bom_ref: Some(reference),
                    location,
                    symbol: None,
                    additional_context: Some(context.clone()),
                });
            }
        }
        Ok(evidence)
    }

    /// {epoch, probes, first and last sequence, count}, with what makes it unique here.
    pub(super) fn evidence_reference(&self, usage: &Usage, own: &str) -> String {
        let subject = self.view.subjects.get(usage.subject);
        let Some(subject) = subject.filter(|_| !self.deterministic) else { return format!("evidence:{own}") };
        let epoch = &subject.epoch;
        let epoch = short(&[&epoch.node, &epoch.boot, &epoch.start_ns.to_string()]);
        let probes: Vec<String> = usage.probes.iter().map(u16::to_string).collect();
        let (first, last) = (usage.evidence.first_sequence.0, usage.evidence.last_sequence.0);
        format!("evidence:{epoch}:{}:{first}-{last}:{}:{own}", probes.join("+"), usage.evidence.count.0)
    }

    /// That a program was started counts, whatever it does with files.
    fn counts(&self, usage: &Usage, operation: &str) -> fact::Strength {
        let file = matches!(operation, "open" | IMPORT);
        if file { usage.strength(self.view) } else { usage.evidence.strength.0 }
    }

    pub(super) fn context(&self, usage: &Usage, operation: &str) -> String {
        let subject = self.names.subjects.get(usage.subject).map_or("", BomRef::as_str);
        let program = self.names.programs.get(usage.program).map_or("", BomRef::as_str);
        let (seen, counts) = (usage.evidence.strength.0, self.counts(usage, operation));
        let strength = counts.name();
        let mut text = format!("subject={subject} program={program} op={operation} strength={strength}");
        let handler = self.view.programs.get(usage.program).and_then(|program| program.handler.as_ref());
        if let Some(handler) = handler.filter(|_| counts != seen) {
            let Handler { work, ecosystem, package } = handler;
            text.push_str(&format!(" seen={} handler={work}:{ecosystem}/{package}", seen.name()));
        }
        if usage.paths.len() > 1 {
            text.push_str(&format!(" files={}", usage.paths.len()));
        }
        if usage.paths.first().is_some_and(SeenPath::needs_escape) {
            text.push_str(" encoding=c-escape");
        }
        if self.deterministic {
            return text;
        }
        text.push_str(&format!(" count={}", usage.evidence.count.0));
        if let Some(place) = self.view.subjects.get(usage.subject) {
            for (name, at) in [("first", usage.evidence.first_ns.0), ("last", usage.evidence.last_ns.0)] {
                if let Some(time) = super::observation::wall(place, at) {
                    text.push_str(&format!(" {name}={time}"));
                }
            }
        }
        let pids: Vec<String> = usage.processes.iter().map(|process| process.tgid.to_string()).collect();
        text.push_str(&format!(" tgid={}", pids.join(",")));
        if let [file] = usage.files.iter().collect::<Vec<_>>()[..] {
            let (major, minor) = (file.device >> 20, file.device & 0xf_ffff);
            text.push_str(&format!(" dev={major}:{minor} ino={} size={}", file.inode, file.size));
        }
        text
    }
}

fn method(
    technique: Technique,
    strength: Option<fact::Strength>,
    claimed: bool,
    value: Option<String>,
) -> Result<Method, AssembleError> {
    let strength = strength.unwrap_or(fact::Strength::Enumerated);
    let word = match technique {
        Technique::Instrumentation => Word::Instrumentation,
        Technique::BinaryAnalysis => Word::BinaryAnalysis,
        Technique::ManifestAnalysis => Word::ManifestAnalysis,
        Technique::HashComparison => Word::HashComparison,
        Technique::Filename => Word::Filename,
    };
    let confidence = Confidence::from_permille(confidence(technique, strength, claimed))?;
    Ok(Method { technique: word, confidence, value })
}

/// One part of an identity, and how it was found out.
pub(super) struct Known {
    pub(super) field: IdentityField,
    pub(super) techniques: &'static [Technique],
    pub(super) claimed: bool,
    pub(super) value: String,
}

/// The digest we computed; if the installer's RECORD has the same one, that is a second method.
pub(super) fn hash_identity(digest: Option<&str>, owner: Option<&PythonOwner>) -> Vec<Known> {
    let recorded = owner.and_then(|owner| owner.recorded_sha256.as_deref());
    let known = |digest: &str| Known {
        field: IdentityField::Hash,
        techniques: if recorded == Some(digest) {
            &[Technique::BinaryAnalysis, Technique::HashComparison]
        } else {
            &[Technique::BinaryAnalysis]
        },
        claimed: false,
        value: format!("sha256:{digest}"),
    };
    digest.map(known).into_iter().collect()
}

pub(super) fn by_manifest(purl: &Purl) -> Known {
    Known {
        field: IdentityField::Purl,
        techniques: &[Technique::ManifestAnalysis],
        claimed: false,
        value: purl.as_str().to_owned(),
    }
}

pub(super) fn hashes(digest: Option<&str>) -> Result<Vec<Hash>, AssembleError> {
    digest.map(|digest| Ok(Hash::new(HashAlgorithm::Sha256, digest)?)).into_iter().collect()
}

pub(super) fn digest_bytes(hex: &str) -> Option<[u8; 32]> {
    let pairs = (0..32).map(|index| hex.get(2 * index..2 * index + 2));
    let bytes: Option<Vec<u8>> = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
    bytes?.try_into().ok()
}

pub(super) fn paths_property(properties: &mut Vec<Property>, name: &str, path: &SeenPath) {
    property(properties, name, path.escaped());
    if path.needs_escape() {
        property(properties, "aibom:path:encoding", "c-escape");
    }
}
