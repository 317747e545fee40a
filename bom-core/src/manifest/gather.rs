//! A container becomes items: image, variables, arguments, mounted settings.

use std::collections::BTreeSet;

use super::{
    config,
    container::Container,
    container::Said,
    fields,
    reference::{address, model_item},
    settings::{ARGUMENTS, ENVIRONMENT, PROGRAMS, Says, Starts},
    words::{expand, shell},
};
use crate::declared::{
    Force, HostPattern, ImageName, Issue, IssueKind, Item, Kind, PathPattern, Place, Workload,
};
use crate::identify::catalog::Catalog;

/// What is found while reading, and the names it is found by.
pub(super) struct Gather<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) issues: Vec<Issue>,
}

impl Gather<'_> {
    /// Adds what a container declares to its workload.
    pub(super) fn container(&mut self, container: &Container, workload: &mut Workload) {
        workload.aliases.insert(container.name.clone());
        let first = workload.items.len();
        self.image(container, workload);
        let mut model = Qualifiers::default();
        self.environment(container, workload, &mut model);
        self.command(container, workload, &mut model);
        for (path, said) in &container.files {
            config::file(self, path, said, workload);
        }
        for device in &container.devices {
            let item = Item::new(Kind::Device, device.text.clone());
            workload.items.push(item.declared_at(device.place.clone(), fields::DEVICE.name));
        }
        let own = workload.items.get_mut(first..).unwrap_or_default();
        model.apply(own);
        drop_answered_keys(&mut workload.items, first, self.catalog);
    }

    fn image(&mut self, container: &Container, workload: &mut Workload) {
        if let Some(said) = &container.image {
            workload.items.extend(self.image_item(said, fields::IMAGE.name));
        }
        for (said, folder) in &container.image_volumes {
            let Some(name) = ImageName::parse(&said.text) else { continue };
            let mut item = Item::new(Kind::Model, said.text.clone());
            item.aliases.insert(name.short().to_owned());
            item.version = name.digest.or(name.tag);
            item.paths.extend(PathPattern::new(&format!("{}/", folder.trim_end_matches('/'))));
            item.many = true;
            workload.items.push(item.declared_at(said.place.clone(), fields::VOLUME_IMAGE.name));
        }
    }

    pub(super) fn image_item(&mut self, said: &Said, field: &str) -> Option<Item> {
        let Some(name) = ImageName::parse(&said.text).filter(|_| !said.text.contains(['{', '$'])) else {
            self.unknowable(&said.place, format!("image {:?} is not known before it is rendered", said.text));
            return None;
        };
        let mut item = Item::new(Kind::Image, name.repository.clone());
        item.aliases.insert(name.short().to_owned());
        item.digests.extend(name.digest.as_deref().and_then(super::reference::digest));
        item.version = name.tag;
        Some(item.declared_at(said.place.clone(), field))
    }

    fn environment(&mut self, container: &Container, workload: &mut Workload, model: &mut Qualifiers) {
        let known = container.known();
        for variable in &container.environment {
            let row = ENVIRONMENT.iter().find(|(name, _)| *name == variable.name.to_uppercase());
            let says = row.map(|(_, says)| *says);
            if let Some(Says::KeyOf(host)) = says {
                workload.items.extend(self.key_of(host, &variable.place, &variable.origin));
                continue;
            }
            let Some(value) = &variable.value else {
                if says.is_some() {
                    let text = format!("{}: the value is not in the input", variable.origin);
                    self.unknowable(&variable.place, text);
                }
                continue;
            };
            let said = Said::new(expand(value, &known), variable.place.clone());
            match says {
                Some(says) => self.setting(says, &said, &variable.origin, workload, model),
                None => self.url(&said, &variable.origin, workload),
            }
        }
    }

    fn command(&mut self, container: &Container, workload: &mut Workload, model: &mut Qualifiers) {
        let known = container.known();
        let words: Vec<Said> = container
            .command
            .iter()
            .map(|said| Said { text: expand(&said.text, &known), ..said.clone() })
            .collect();
        for command in commands(&words) {
            self.words(&command, workload, model);
        }
    }

    /// One command: a program and its arguments.
    pub(super) fn words(&mut self, words: &[Said], workload: &mut Workload, model: &mut Qualifiers) {
        self.program(words, workload);
        let mut rest = words.iter().peekable();
        while let Some(word) = rest.next() {
            let (flag, inline) = match word.text.split_once('=') {
                Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
                _ => (word.text.as_str(), None),
            };
            let wanted = flag.replace('_', "-").to_lowercase();
            // `python -m module` names no model.
            let python = wanted == "-m"
                && words.first().is_some_and(|first| program_name(&first.text).starts_with("python"));
            let row = ARGUMENTS.iter().find(|(name, _)| *name == wanted && flag.starts_with('-') && !python);
            match (row, inline) {
                (Some((name, says)), Some(value)) => {
                    let said = Said::new(value.to_owned(), word.place.clone());
                    self.setting(*says, &said, &format!("args {name}"), workload, model);
                }
                (Some((name, says)), None) => {
                    // Several values may follow an option for adapters.
                    while let Some(value) = rest.next_if(|next| !next.text.starts_with('-')) {
                        self.setting(*says, value, &format!("args {name}"), workload, model);
                        if *says != Says::Adapter {
                            break;
                        }
                    }
                }
                (None, _) => {
                    let text = inline.unwrap_or(&word.text).to_owned();
                    self.url(&Said::new(text, word.place.clone()), "args", workload);
                }
            }
        }
    }

    /// `ollama run NAME`, `npx PACKAGE`, …
    fn program(&mut self, words: &[Said], workload: &mut Workload) {
        let Some((program, arguments)) = words.split_first() else { return };
        let name = program_name(&program.text);
        let texts: Vec<&str> = arguments.iter().map(|said| said.text.as_str()).collect();
        let Some((_, before, starts)) =
            PROGRAMS.iter().find(|(known, before, _)| *known == name && texts.starts_with(before))
        else {
            return;
        };
        let mut behind = arguments.iter().skip(before.len());
        let mut named = behind.find(|said| !said.text.starts_with('-'));
        // `uvx --from PACKAGE COMMAND`, `npx --package=PACKAGE COMMAND`
        let from = texts.iter().position(|word| matches!(*word, "--from" | "--package" | "-p"));
        if let Some(at) = from {
            named = arguments.get(at.saturating_add(1));
        }
        let Some(said) = named else { return };
        let field = format!("args {name}");
        match starts {
            Starts::Model(store) => {
                if let Some(mut item) = model_item(Kind::Model, &said.text) {
                    item.ecosystem = item.ecosystem.or(Some((*store).to_owned()));
                    workload.items.push(item.declared_at(said.place.clone(), field));
                }
            }
            Starts::Package(ecosystem) => {
                let item = package(Kind::Program, ecosystem, &said.text);
                workload.items.extend(item.map(|item| item.declared_at(said.place.clone(), field)));
            }
            Starts::Container => workload.items.extend(self.image_item(said, &field)),
        }
    }

    /// One value that a table has a row for.
    pub(super) fn setting(
        &mut self,
        says: Says,
        said: &Said,
        field: &str,
        workload: &mut Workload,
        model: &mut Qualifiers,
    ) {
        let place = &said.place;
        let item = match says {
            Says::Model | Says::LocalModel => self.model(Kind::Model, said),
            Says::Storage if is_store(&said.text) => self.model(Kind::Model, said),
            Says::Storage => {
                self.url(said, field, workload);
                None
            }
            Says::Adapter => {
                let text = said.text.split_once('=').map_or(said.text.as_str(), |(_, path)| path);
                self.model(Kind::Adapter, &Said::new(text.to_owned(), place.clone()))
            }
            Says::Tokenizer => self.data(said, "tokenizer"),
            Says::Dataset => self.data(said, "dataset"),
            Says::Data => self.data(said, "prompt"),
            Says::Endpoint => self.endpoint(said, None),
            Says::EndpointAt(port) => self.endpoint(said, Some(port)),
            Says::Proxy => {
                self.endpoint(said, None).map(|item| Item { role: Some("proxy".to_owned()), ..item })
            }
            Says::KeyOf(host) => self.key_of(host, place, field),
            Says::Revision => {
                model.revision = Some(said.text.clone());
                None
            }
            Says::Quantization => {
                model.quantization = Some(said.text.to_lowercase());
                None
            }
            Says::ModelName | Says::ModelFile => {
                model.names.insert(said.text.clone());
                None
            }
            Says::Config => None,
        };
        workload.items.extend(item.map(|item| item.declared_at(place.clone(), field)));
    }

    fn model(&mut self, kind: Kind, said: &Said) -> Option<Item> {
        let item = model_item(kind, &said.text);
        if item.is_none() && !said.text.is_empty() {
            self.unknowable(&said.place, format!("model {:?} is not known before it is rendered", said.text));
        }
        item
    }

    fn data(&mut self, said: &Said, role: &str) -> Option<Item> {
        model_item(Kind::Data, &said.text).map(|item| Item { role: Some(role.to_owned()), ..item })
    }

    fn endpoint(&mut self, said: &Said, port: Option<u16>) -> Option<Item> {
        let found = address(&said.text, true);
        if found.is_none() && said.text.contains(['$', '{']) {
            self.unknowable(
                &said.place,
                format!("address {:?} is not known before it is rendered", said.text),
            );
        }
        let found = found?;
        Some(self.endpoint_item(found.host, found.port.or(port)))
    }

    /// An endpoint, with the provider that the catalog knows for its host.
    pub(super) fn endpoint_item(&self, host: HostPattern, port: Option<u16>) -> Item {
        let mut item = Item::new(Kind::Endpoint, host.as_str());
        item.provider = self.catalog.provider(host.as_str()).map(|row| row.provider.clone());
        item.host = Some(host);
        item.port = port;
        item.many = true;
        item
    }

    fn key_of(&self, host: &str, place: &Place, field: &str) -> Option<Item> {
        let mut item = self.endpoint_item(HostPattern::new(host)?, Some(443));
        item.force = Force::Implied;
        Some(item.declared_at(place.clone(), field))
    }

    /// Any other value that is a URL is somebody to call.
    fn url(&mut self, said: &Said, field: &str, workload: &mut Workload) {
        if let Some(found) = address(&said.text, false) {
            // A model's address is no service.
            if matches!(found.scheme.as_str(), "hf" | "s3" | "gs" | "pvc" | "oci" | "docker" | "git") {
                return;
            }
            let item = self.endpoint_item(found.host, found.port);
            workload.items.push(item.declared_at(said.place.clone(), field));
        }
    }

    pub(super) fn unknowable(&mut self, place: &Place, text: String) {
        self.issues.push(Issue { place: place.clone(), kind: IssueKind::Unknowable, text });
    }

    pub(super) fn unresolved(&mut self, place: &Place, text: String) {
        self.issues.push(Issue { place: place.clone(), kind: IssueKind::Unresolved, text });
    }

    pub(super) fn bad(&mut self, place: &Place, text: String) {
        self.issues.push(Issue { place: place.clone(), kind: IssueKind::BadValue, text });
    }
}

/// What is said about "the model" beside its name.
#[derive(Default)]
pub(super) struct Qualifiers {
    pub(super) revision: Option<String>,
    pub(super) quantization: Option<String>,
    pub(super) names: BTreeSet<String>,
}

impl Qualifiers {
    /// Only if it is clear which model is meant.
    pub(super) fn apply(self, items: &mut [Item]) {
        let mut models = items.iter_mut().filter(|item| item.kind == Kind::Model);
        let (Some(model), None) = (models.next(), models.next()) else { return };
        model.revision = self.revision.or(model.revision.take());
        model.quantization = self.quantization.or(model.quantization.take());
        model.aliases.extend(self.names);
    }
}

/// A key implies its provider's usual host only if no other address of that provider is declared beside it.
fn drop_answered_keys(items: &mut Vec<Item>, first: usize, catalog: &Catalog) {
    let said = |item: &Item| item.kind == Kind::Endpoint && item.force == Force::Stated;
    let own = items.get(first..).unwrap_or_default();
    let stated: BTreeSet<String> =
        own.iter().filter(|item| said(item)).filter_map(|item| item.provider.clone()).collect();
    let unknown_openai = own.iter().any(|item| {
        said(item) && item.origins.iter().any(|origin| matches!(origin, crate::declared::Origin::Declared { field, .. } if field.contains("OPENAI_BASE_URL") || field.contains("OPENAI_API_BASE")))
    });
    let openai = catalog.provider("api.openai.com").map(|row| row.provider.clone());
    let mut index = 0_usize;
    items.retain(|item| {
        let own = index >= first;
        index = index.saturating_add(1);
        let implied = item.kind == Kind::Endpoint && item.force == Force::Implied;
        let answered = item.provider.as_ref().is_some_and(|provider| stated.contains(provider))
            || (unknown_openai && item.provider == openai);
        !(own && implied && answered)
    });
}

/// Whether a text names a place where a model can be stored, as KServe's storage initializer takes them. A variable
/// of that name is also used for databases.
fn is_store(text: &str) -> bool {
    const STORES: &[&str] = &[
        "abfs", "abfss", "file", "gs", "hdfs", "hf", "http", "https", "oci", "pvc", "s3", "wasb", "wasbs",
        "webhdfs",
    ];
    match text.trim().split_once("://") {
        Some((scheme, _)) => STORES.contains(&scheme.to_lowercase().as_str()),
        None => text.trim().starts_with('/') || text.contains(['$', '{']),
    }
}

/// The last part of a program's path.
pub(super) fn program_name(text: &str) -> String {
    text.rsplit('/').next().unwrap_or(text).trim_end_matches(".exe").to_lowercase()
}

/// `sh -c LINE` is the commands of the line; anything else is itself.
pub(super) fn commands(words: &[Said]) -> Vec<Vec<Said>> {
    let shells = ["sh", "bash", "ash", "dash", "zsh"];
    let is_shell = words.first().is_some_and(|word| shells.contains(&program_name(&word.text).as_str()));
    let line = words.iter().position(|word| word.text.starts_with('-') && word.text.ends_with('c'));
    let Some(line) = line.filter(|_| is_shell).and_then(|at| words.get(at.saturating_add(1))) else {
        return vec![words.to_vec()];
    };
    // The place of a block is its mark; each command in it has its own.
    let mut found: Vec<Vec<Said>> = Vec::new();
    for mut command in shell(&line.text) {
        command.retain(|word| word != "exec");
        let place = place_within(line, command.first().map_or("", String::as_str));
        found.push(command.into_iter().map(|text| Said::new(text, place.clone())).collect());
    }
    found
}

/// The line of a block on which a word first stands.
fn place_within(said: &Said, word: &str) -> Place {
    let at = said.text.lines().position(|line| line.contains(word));
    said.line(u32::try_from(at.unwrap_or(0)).unwrap_or(0).saturating_add(1))
}

/// A package as its ecosystem's launcher names it: `@scope/name@1.2`, `name==1.2`, `name[extra]`.
pub(crate) fn package(kind: Kind, ecosystem: &str, text: &str) -> Option<Item> {
    let (name, version) = match ecosystem {
        "npm" => match text.get(1..).and_then(|rest| rest.rfind('@')) {
            Some(at) => (text.get(..at.saturating_add(1))?, text.get(at.saturating_add(2)..)),
            None => (text, None),
        },
        _ => match text.split_once("==").or_else(|| text.split_once('@')) {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        },
    };
    let name = name.split('[').next().unwrap_or(name);
    if name.is_empty() || name.contains(['$', '{', ' ']) {
        return None;
    }
    let version = version.filter(|version| !version.is_empty() && *version != "latest");
    let mut item = Item::new(kind, name);
    item.ecosystem = Some(ecosystem.to_owned());
    item.version = version.map(str::to_owned);
    item.purl = match (ecosystem, name.rsplit_once('/')) {
        ("npm", Some((scope, name))) => crate::bom::Purl::npm(Some(scope), name, version).ok(),
        ("npm", None) => crate::bom::Purl::npm(None, name, version).ok(),
        ("pypi", _) => crate::bom::Purl::pypi(name, version).ok(),
        _ => None,
    };
    Some(item)
}
