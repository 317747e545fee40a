//! What stores say of a model: its name among others, where its digest comes from, and whether the two agree.

use std::collections::BTreeSet;

use super::{clean, components::Known, property};
use crate::{
    bom::{IdentityField, Property, Purl},
    fact::Technique,
    identify::{Model, Part},
    stored::{self, Basis, Repository, Store, Stored},
};

/// Everything stores say of one model, against what was read.
pub(super) struct Origin<'a> {
    model: &'a Model,
    /// It is several files that are alike: no digest of one is the whole's.
    set: bool,
    /// SHA-256 that a store recorded, where the content was not hashed.
    recorded: Option<&'a str>,
    /// What the content contradicts.
    differing: BTreeSet<&'a Stored>,
}

impl<'a> Origin<'a> {
    pub(super) fn of(model: &'a Model) -> Self {
        let set = model.is_set();
        let read = model.digest.as_deref();
        let differing = model.stored.iter().filter(|stored| {
            let compared = stored.digest.as_ref().zip(read).and_then(|(digest, read)| digest.agrees(read));
            compared == Some(false) || set && model.contradicts_store()
        });
        let differing: BTreeSet<&Stored> = differing.collect();
        let recorded = stored::sha256(&model.stored).filter(|_| read.is_none() && !set);
        Self { model, set, recorded, differing }
    }

    /// The digest a store recorded, if the content was not hashed.
    pub(super) fn sha256(&self) -> Option<&'a str> {
        self.recorded
    }

    /// What speaks for the file: not what its content contradicts.
    fn sound(&self) -> impl Iterator<Item = &'a Stored> + '_ {
        self.model.stored.iter().filter(|stored| !self.differing.contains(stored))
    }

    /// The one name that stores wrote down.
    pub(super) fn name(&self) -> Option<String> {
        let names = self.sound().filter(|stored| stored.basis == Basis::Record);
        only(names.filter_map(|stored| stored.name.as_deref())).map(clean)
    }

    /// The one file name that stores wrote down: that of the content is a digest, in many of them.
    pub(super) fn file(&self) -> Option<String> {
        let names = self.sound().filter(|stored| stored.basis == Basis::Record);
        only(names.filter_map(|stored| stored.file.as_deref())).map(clean)
    }

    /// The package URL, if there is exactly one. Which of two revisions was meant cannot be told from the content.
    pub(super) fn purl(&self) -> Option<Purl> {
        let purls: BTreeSet<Purl> = self.sound().filter_map(|stored| self.purl_of(stored)).collect();
        if purls.len() == 1 { purls.into_iter().next() } else { None }
    }

    fn purl_of(&self, stored: &Stored) -> Option<Purl> {
        if self.set {
            // The whole is the repository's, not one file's.
            return purl(&Stored { file: None, ..stored.clone() });
        }
        purl(stored)
    }

    pub(super) fn properties(&self, properties: &mut Vec<Property>) {
        let source = match (&self.model.digest, self.recorded) {
            (Some(_), _) if self.model.earlier => Some("read-earlier"),
            (Some(_), _) => Some("read"),
            (None, Some(_)) => Some("store-recorded"),
            (None, None) => None,
        };
        let source = source.or_else(|| self.parts_source());
        if let Some(source) = source {
            property(properties, "aibom:hash:source", source);
        }
        let mut rows: BTreeSet<(&str, String)> = BTreeSet::new();
        for stored in &self.model.stored {
            let digest = stored.digest.as_ref();
            let shown = digest.map(|digest| format!("{}:{}", digest.algorithm(), digest.hex()));
            rows.insert(("aibom:store", stored.store.as_str().to_owned()));
            let basis = match stored.basis {
                Basis::Record => "record",
                Basis::Path => "path",
            };
            rows.insert(("aibom:store:basis", basis.to_owned()));
            for (name, value) in [
                ("aibom:store:name", stored.name.as_deref()),
                ("aibom:store:revision", stored.revision.as_deref()),
                ("aibom:store:file", stored.file.as_deref()),
                ("aibom:store:media_type", stored.media.as_deref()),
                ("aibom:store:repository", stored.repository.map(Repository::as_str)),
                ("aibom:store:digest", shown.as_deref()),
            ] {
                rows.extend(value.map(|value| (name, clean(value))));
            }
            rows.extend(stored.references.iter().map(|name| ("aibom:store:reference", clean(name))));
            rows.extend(self.purl_of(stored).map(|purl| ("aibom:store:purl", purl.as_str().to_owned())));
            let compared = digest.zip(self.model.digest.as_deref());
            let word = match compared.and_then(|(digest, read)| digest.agrees(read)) {
                Some(true) => "same".to_owned(),
                Some(false) => format!("differs: {}", shown.unwrap_or_default()),
                None if self.set => continue,
                None => "not-compared".to_owned(),
            };
            if digest.is_some() {
                rows.insert(("aibom:store:recorded_digest", word));
            }
        }
        for (name, value) in rows {
            property(properties, name, value);
        }
    }

    /// Of a set: as its parts, the weakest.
    fn parts_source(&self) -> Option<&'static str> {
        let known = |part: &Part| part.digest.is_some() || part.recorded.is_some();
        let parts = &self.model.parts;
        if !self.set || !parts.values().any(known) {
            return None;
        }
        let recorded = parts.values().any(|part| part.digest.is_none() && part.recorded.is_some());
        let earlier = parts.values().any(|part| part.earlier);
        // The weakest of them.
        Some(match (recorded, earlier) {
            (true, _) => "store-recorded",
            (false, true) => "read-earlier",
            (false, false) => "read",
        })
    }

    /// How the digest and the package URL are known, as far as a store is the witness.
    pub(super) fn identities(&self, shown: Option<&Purl>) -> Vec<Known> {
        let mut known = Vec::new();
        if let Some(recorded) = self.recorded {
            known.push(Known {
                field: IdentityField::Hash,
                techniques: &[Technique::ManifestAnalysis],
                claimed: true,
                value: format!("sha256:{recorded}"),
            });
        }
        let Some(purl) = self.purl().filter(|purl| Some(purl) == shown) else { return known };
        let read = self.model.digest.as_deref();
        let agrees = |stored: &Stored| {
            stored.digest.as_ref().zip(read).and_then(|(digest, read)| digest.agrees(read)) == Some(true)
        };
        let techniques: &[Technique] = if self.sound().any(agrees) {
            &[Technique::ManifestAnalysis, Technique::HashComparison]
        } else {
            &[Technique::ManifestAnalysis]
        };
        let value = purl.as_str().to_owned();
        known.push(Known { field: IdentityField::Purl, techniques, claimed: false, value });
        known
    }
}

/// The only one of these, if they are all the same.
fn only<'a>(values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let values: BTreeSet<&str> = values.collect();
    if values.len() == 1 { values.first().copied() } else { None }
}

/// What a store wrote down as a package URL, where there is a type for it.
pub(crate) fn purl(stored: &Stored) -> Option<Purl> {
    if stored.basis != Basis::Record {
        return None;
    }
    let name = stored.name.as_deref()?;
    let revision = stored.revision.as_deref()?;
    match stored.store {
        Store::HuggingfaceCache if stored.repository == Some(Repository::Model) => {
            Purl::huggingface_repository(name, Some(revision), stored.file.as_deref()).ok()
        }
        Store::Ollama | Store::OciLayout => {
            let short = name.rsplit('/').next()?;
            let tag = only(stored.references.iter().map(String::as_str));
            Purl::oci(short, Some(revision), Some(name), tag).ok()
        }
        Store::HuggingfaceCache
        | Store::HuggingfaceFolder
        | Store::Mlflow
        | Store::Triton
        | Store::Bentoml
        | Store::Kserve
        | Store::LmStudio
        | Store::Modelscope
        | Store::Kagglehub
        | Store::TorchHub
        | Store::SentenceTransformers
        | Store::Whisper
        | Store::KerasCache
        | Store::Gpt4all
        | Store::Jan => None,
    }
}
