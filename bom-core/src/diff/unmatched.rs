//! What is on one side only.

use std::collections::BTreeSet;

use super::{Coverage, Finding, Severity, Subject, codes, endpoints};
use crate::declared::{Class, Force, Item, Kind, Workload};

/// What an undeclared item is judged by.
pub(super) struct Context<'a> {
    pub(super) workload: &'a Workload,
    pub(super) file: &'a str,
    pub(super) name: &'a str,
    /// Classes that the declaration speaks of.
    pub(super) spoken: &'a BTreeSet<Class>,
    /// Ports of the declared endpoints that have a name; `None` is any port.
    pub(super) named_ports: BTreeSet<Option<u16>>,
    /// Whether an accelerator is declared.
    pub(super) devices: bool,
    /// Whether an image is declared.
    pub(super) images: bool,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        workload: &'a Workload,
        file: &'a str,
        name: &'a str,
        spoken: &'a BTreeSet<Class>,
    ) -> Self {
        let named = |item: &&Item| {
            item.host.as_ref().is_some_and(|host| host.as_str().parse::<std::net::IpAddr>().is_err())
        };
        let endpoints = workload.items.iter().filter(|item| item.kind == Kind::Endpoint);
        let named_ports = endpoints.filter(named).map(|item| item.port).collect();
        let devices = workload.items.iter().any(|item| item.kind == Kind::Device);
        let images = workload.items.iter().any(|item| item.kind == Kind::Image);
        Self { workload, file, name, spoken, named_ports, devices, images }
    }
}

/// Roles that say nothing of AI.
const ORDINARY: &[&str] =
    &["library", "program", "unknown", "data", "resolver", "accelerator", "http-client", "proxy"];

/// Whether the catalog gives it a role in AI.
pub(super) fn has_ai_role(item: &Item) -> bool {
    match item.kind {
        Kind::Model | Kind::Adapter | Kind::McpServer => true,
        Kind::Endpoint => item.provider.is_some(),
        Kind::Code => false,
        Kind::Data | Kind::Library | Kind::Package | Kind::Program | Kind::Image | Kind::Device => {
            item.role.as_deref().is_some_and(|role| !ORDINARY.contains(&role))
        }
    }
}

/// Declared, and not observed. `asks`: the workload declares endpoints.
pub(super) fn unobserved(item: &Item, asks: bool, subject: &Subject, name: &str) -> Option<Finding> {
    if item.force == Force::Permitted || item.kind == Kind::Image {
        return None;
    }
    let new = |code| Finding::new(code, name, Some(item.kind), &item.name, "").declared(item);
    let local = matches!(item.kind, Kind::Model | Kind::Adapter) && item.host.is_none();
    if matches!(item.kind, Kind::Model | Kind::Adapter) && !local {
        let provider = item.provider.as_deref().unwrap_or("a provider");
        let text =
            format!("model {} at {provider}: which model answers cannot be seen from outside", item.name);
        return Some(new(codes::NOT_OBSERVABLE).saying(text));
    }
    // A name alone, beside an address to ask: the model may be there.
    let bare = local && item.paths.is_empty() && item.purl.is_none() && item.digests.is_empty();
    if bare && asks {
        let text = format!(
            "model {} was not loaded here, and may be behind one of the declared endpoints",
            item.name
        );
        return Some(new(codes::NOT_OBSERVABLE).saying(text));
    }
    let complete =
        item.kind.class().and_then(|class| subject.coverage.get(&class)) == Some(&Coverage::Complete);
    if complete && item.force == Force::Stated {
        let text = format!(
            "{} {} is declared, everything was seen, and it was not used",
            item.kind.word(),
            item.name
        );
        return Some(new(codes::ABSENT).saying(text));
    }
    let text = format!("{} {} is declared and was not seen in this window", item.kind.word(), item.name);
    Some(new(codes::NOT_EXERCISED).saying(text))
}

/// Observed, and not declared. `None` if the declaration does not speak of its class.
pub(super) fn undeclared(item: &Item, context: &Context<'_>) -> Option<Finding> {
    let class = item.kind.class();
    let new = |code| {
        let what = item.purl.as_ref().map_or_else(String::new, ToString::to_string);
        let what = if what.is_empty() {
            item.paths.first().map(ToString::to_string).unwrap_or_default()
        } else {
            what
        };
        let digest = item.digests.first().map_or(what, |hash| hash.hex().to_owned());
        Finding::new(code, context.name, Some(item.kind), &item.name, &digest)
            .seen(item, context.file)
            .at(&context.workload.place, "metadata.name")
    };
    let exhaustive = class.is_some_and(|class| context.workload.exhaustive.contains(&class));
    let text = |what: &str| format!("{what} {} is used and not declared{}", item.name, volume(item));
    match item.kind {
        Kind::Model => Some(new(codes::UNDECLARED_MODEL).saying(text("model"))),
        Kind::Adapter => Some(new(codes::UNDECLARED_ADAPTER).saying(text("adapter"))),
        Kind::Data => Some(new(codes::UNDECLARED_DATA).saying(text(item.role.as_deref().unwrap_or("data")))),
        Kind::Endpoint => Some(endpoints::undeclared(item, context)),
        Kind::McpServer => {
            let servers = context.spoken.contains(&Class::Programs);
            let finding = new(codes::UNDECLARED_MCP_SERVER);
            let text = text("MCP server");
            Some(finding.saying(if servers {
                text
            } else {
                format!("{text}; no MCP server is declared at all")
            }))
        }
        Kind::Library => exhaustive.then(|| new(codes::UNDECLARED_LIBRARY).saying(text("library"))),
        Kind::Package => exhaustive.then(|| {
            let finding = new(codes::UNDECLARED_PACKAGE).saying(text("package"));
            if has_ai_role(item) { finding.with_severity(Severity::Error) } else { finding }
        }),
        Kind::Program => exhaustive.then(|| new(codes::UNDECLARED_PROGRAM).saying(text("program"))),
        Kind::Device => (!context.devices).then(|| new(codes::UNDECLARED_DEVICE).saying(text("accelerator"))),
        Kind::Code => exhaustive.then(|| {
            let text = format!("code {} belongs to no package, was run, and is not declared", item.name);
            new(codes::UNDECLARED_CODE).saying(text)
        }),
        // A declaration that names no image says nothing of images.
        Kind::Image => context.images.then(|| new(codes::UNDECLARED_IMAGE).saying(text("image"))),
    }
}

/// Code without a package, where nothing is declared of packages: said once.
pub(super) fn unlisted<'i>(code: impl Iterator<Item = &'i Item>, context: &Context<'_>) -> Option<Finding> {
    let code: Vec<&Item> = code.collect();
    let first = code.first()?;
    let names: Vec<&str> = code.iter().take(5).map(|item| item.name.as_str()).collect();
    let more = if code.len() > names.len() { ", …" } else { "" };
    let text = format!(
        "{} files of code that belong to no package were run: {}{more}",
        code.len(),
        names.join(", ")
    );
    Some(
        Finding::new(codes::UNLISTED_CODE, context.name, Some(Kind::Code), "code", "")
            .saying(text)
            .seen(first, context.file)
            .at(&context.workload.place, "metadata.name"),
    )
}

/// Where it lay: what a person looks for first.
fn volume(item: &Item) -> String {
    match item.paths.first() {
        Some(path) if matches!(item.kind, Kind::Model | Kind::Adapter | Kind::Data) => format!(" ({path})"),
        _ => String::new(),
    }
}
