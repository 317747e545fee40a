//! What a document says of a run, against what the interpreters and the world say.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
};

use bom_testkit::trial::Failed;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    accuracy::{Accuracy, Figures, Package},
    document::{components, list, normal, properties, services, text},
    rows::{Difference, Why},
    session::Session,
};

/// Name and version of each package, both ways, but for the differences that have a trial of their own.
pub(crate) fn packages_are_those_imported(
    session: &Session,
    accuracy: &Arc<Mutex<Accuracy>>,
) -> Result<(), Failed> {
    let (theirs, ours) = (imported(session), reported(session));
    if theirs.is_empty() && !session.program.contrived {
        return Err("the interpreters imported nothing".into());
    }
    let figures = Figures::of(&theirs, &ours);
    let verdict = accuracy.lock().map_err(|_| "a trial died")?.add(session.program, figures);
    let pinned = |package: &&Package| {
        session.program.differences.iter().any(|difference| difference.package == package.1)
    };
    let missing: Vec<_> = theirs.difference(&ours).filter(|package| !pinned(package)).collect();
    let more: Vec<_> = ours.difference(&theirs).filter(|package| !pinned(package)).collect();
    if missing.is_empty() && more.is_empty() {
        return verdict;
    }
    let ran = others(session);
    let ran: Vec<_> = more.iter().filter(|package| ran.contains(**package)).collect();
    Err(format!("missing in the BOM: {missing:#?}\nonly in the BOM: {more:#?}\nof those, ran: {ran:#?}")
        .into())
}

/// A difference is still there, and of the kind that the page says.
pub(crate) fn difference_is_as_stated(session: &Session, difference: &Difference) -> Result<(), Failed> {
    let named = |packages: BTreeSet<Package>| packages.iter().any(|(_, name, _)| name == difference.package);
    let (theirs, ours, ran) = (named(imported(session)), named(reported(session)), named(others(session)));
    let as_stated = match difference.why {
        Why::ImportRaised => ours && ran && !theirs,
        Why::ReadAsText => ours && !ran && !theirs,
    };
    if as_stated {
        return Ok(());
    }
    Err(format!("in the BOM: {ours}, in the interpreter: {theirs}, its code ran: {ran}").into())
}

/// What the world saw of TLS is what the document has, and the provider of each is named.
pub(crate) fn endpoints_are_those_called(session: &Session) -> Result<(), Failed> {
    let called: BTreeSet<&str> =
        session.log.iter().filter(|line| line["event"] == "tls").map(|line| text(&line["sni"])).collect();
    let stated: BTreeSet<&str> = session.program.endpoints.iter().map(|(host, _)| *host).collect();
    if called != stated {
        return Err(format!("the program called {called:?} and was expected to call {stated:?}").into());
    }
    let expected: BTreeSet<(String, String)> = session
        .program
        .endpoints
        .iter()
        .map(|(host, provider)| (format!("https://{host}:443"), (*provider).to_owned()))
        .collect();
    let elsewhere = |service: &&Value| {
        let urls: Vec<&str> = list(&service["endpoints"]).map(text).collect();
        // The resolver, and what the program serves and calls itself.
        properties(service, "aibom:net:role") != ["resolver"] && !urls.iter().all(|url| is_loopback(url))
    };
    let outside: Vec<&Value> = services(&session.document).filter(elsewhere).collect();
    let found: BTreeSet<(String, String)> = outside
        .iter()
        .flat_map(|service| {
            let provider = text(&service["provider"]["name"]).to_owned();
            list(&service["endpoints"]).map(move |url| (text(url).to_owned(), provider.clone()))
        })
        .collect();
    if found != expected {
        return Err(format!("endpoints: {found:?}, expected {expected:?}").into());
    }
    for service in outside {
        if properties(service, "aibom:obs:strength") != ["exchanged-bytes"] {
            return Err(format!("{}: answered, but the BOM does not say so", service["name"]).into());
        }
    }
    Ok(())
}

fn is_loopback(url: &str) -> bool {
    url.contains("://127.0.0.1:") || url.contains("://[::1]:")
}

/// Models and tokenizers by path and format: those of the row and no other, each with its digest.
pub(crate) fn models_are_those_loaded(session: &Session) -> Result<(), Failed> {
    let stated = session.program.models;
    let mut found = BTreeSet::new();
    for component in components(&session.document) {
        for format in properties(component, "aibom:model:format") {
            let places: BTreeSet<&str> =
                list(&component["evidence"]["occurrences"]).map(|one| text(&one["location"])).collect();
            found.extend(places.iter().map(|place| (*place, format)));
            let [place] = places.iter().copied().collect::<Vec<_>>()[..] else {
                return Err(format!("one model at several places: {places:?}").into());
            };
            let read = list(&component["hashes"]).find(|hash| hash["alg"] == "SHA-256");
            let digest = Sha256::digest(fs::read(place)?);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            if read.is_none_or(|hash| text(&hash["content"]) != digest) {
                return Err(format!("{place}: {digest}, and the BOM has {:?}", component["hashes"]).into());
            }
        }
    }
    let is_stated = |(place, format): &(&str, &str)| {
        stated.iter().any(|(end, expected)| place.ends_with(end) && format == expected)
    };
    if found.len() != stated.len() || !found.iter().all(is_stated) {
        return Err(format!("models: {found:#?}, expected {stated:?}").into());
    }
    Ok(())
}

/// The subject has the roles of the row and no other, for the reasons of the row, and its programs their parts in MCP.
pub(crate) fn roles_are_those_it_plays(session: &Session) -> Result<(), Failed> {
    let subject = &session.document["metadata"]["component"];
    let found = properties(subject, "aibom:subject:role");
    let stated = session.program.roles;
    if found != stated {
        return Err(format!("roles: {found:?}, expected {stated:?}").into());
    }
    let mut parts: Vec<Vec<&str>> = components(&session.document)
        .map(|component| properties(component, "aibom:program:mcp"))
        .filter(|parts| !parts.is_empty())
        .collect();
    parts.sort();
    if parts != session.program.mcp {
        return Err(format!("parts in MCP: {parts:?}, expected {:?}", session.program.mcp).into());
    }
    Ok(())
}

fn imported(session: &Session) -> BTreeSet<Package> {
    session
        .said("packages")
        .map(|(ecosystem, one)| package(ecosystem, &one["name"], &one["version"]))
        .collect()
}

/// What ran and is not there any more.
fn others(session: &Session) -> BTreeSet<Package> {
    session.said("ran").map(|(ecosystem, one)| package(ecosystem, &one["name"], &one["version"])).collect()
}

/// The packages of the document, but for those of the system.
fn reported(session: &Session) -> BTreeSet<Package> {
    let mut packages = BTreeSet::new();
    for component in components(&session.document) {
        let purl = text(&component["purl"]);
        for ecosystem in ["pypi", "npm"] {
            if purl.starts_with(&format!("pkg:{ecosystem}/")) {
                let group = text(&component["group"]);
                let name = text(&component["name"]);
                let whole = if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") };
                packages.insert(package(ecosystem, &Value::from(whole), &component["version"]));
            }
        }
    }
    packages
}

fn package(ecosystem: &str, name: &Value, version: &Value) -> Package {
    (ecosystem.to_owned(), normal(ecosystem, text(name)), text(version).to_owned())
}
