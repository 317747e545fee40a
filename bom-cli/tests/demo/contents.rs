//! Used models, packages and endpoints are in the BOM, nothing else of their kind is, and no decoy.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use bom_testkit::trial::Failed;
use serde_json::Value;

use crate::{
    bom::{Bom, equal, list, locations, normal, properties, sha256, text},
    inside,
    session::session,
};

pub(crate) fn models_are_those_used() -> Result<(), Failed> {
    let session = session()?;
    let mut expected = BTreeSet::new();
    for model in list(&session.truth["models"]) {
        let path = Path::new(text(&model["path"])).canonicalize()?;
        expected.insert((text(&model["sha256"]).to_owned(), vec![path.display().to_string()]));
    }
    let found = session.bom.of_type("machine-learning-model").map(|model| {
        (
            sha256(model).unwrap_or_default().to_owned(),
            locations(model).map(str::to_owned).collect::<Vec<_>>(),
        )
    });
    equal("models by digest and path", &expected, &found.collect())?;
    let nameless =
        |(_, paths): &(String, Vec<String>)| paths.iter().any(|path| Path::new(path).extension().is_none());
    if !expected.iter().any(nameless) {
        return Err("no model without extension was used".into());
    }
    let formats = |models: &mut dyn Iterator<Item = (String, String)>| models.collect::<BTreeSet<_>>();
    let expected = formats(
        &mut list(&session.truth["models"])
            .map(|model| (text(&model["sha256"]).to_owned(), text(&model["format"]).to_owned())),
    );
    let found = formats(&mut session.bom.of_type("machine-learning-model").flat_map(|model| {
        let digest = sha256(model).unwrap_or_default();
        properties(model, "aibom:model:format")
            .into_iter()
            .map(move |format| (digest.to_owned(), format.to_owned()))
    }));
    Ok(equal("models by format", &expected, &found)?)
}

pub(crate) fn packages_are_those_imported() -> Result<(), Failed> {
    let session = session()?;
    let truth = &session.truth["packages"];
    let expected: BTreeSet<_> = list(&truth["agent"]).chain(list(&truth["child"])).map(package).collect();
    let found: BTreeSet<_> = session.bom.python_packages().map(package).collect();
    equal("packages", &expected, &found)?;
    let computed = normal(text(&session.truth["imported_under_a_computed_name"]));
    if !found.iter().any(|(name, _)| *name == computed) {
        return Err(format!("{computed} was imported under a computed name and is missing").into());
    }
    Ok(())
}

/// Name and version, the name as the index compares it.
pub(crate) fn package(package: &Value) -> (String, String) {
    (normal(text(&package["name"])), text(&package["version"]).to_owned())
}

pub(crate) fn endpoints_are_those_called() -> Result<(), Failed> {
    let session = session()?;
    let called = list(&session.truth["endpoints"]).map(|endpoint| {
        let (host, provider) = (text(&endpoint["host"]), text(&endpoint["provider"]));
        (format!("https://{host}:{}", endpoint["port"]), provider.to_owned())
    });
    // Who was asked for their addresses is an endpoint as well.
    let is_resolver = |service: &&Value| properties(service, "aibom:net:role") == ["resolver"];
    let resolvers: Vec<&str> = session
        .bom
        .services()
        .filter(is_resolver)
        .flat_map(|service| list(&service["endpoints"]).map(text))
        .collect();
    if resolvers != ["udp://127.0.0.1:53"] {
        return Err(format!("resolvers: {resolvers:?}").into());
    }
    let others = || session.bom.services().filter(|service| !is_resolver(service));
    let found = others().map(|service| {
        let urls: Vec<&str> = list(&service["endpoints"]).map(text).collect();
        (urls.join(" "), text(&service["provider"]["name"]).to_lowercase())
    });
    equal("endpoints and providers", &called.collect(), &found.collect())?;
    for service in others() {
        let name = text(&service["name"]);
        for source in ["aibom:net:name:sni", "aibom:net:name:dns"] {
            if properties(service, source) != [name] {
                return Err(format!("{name}: {source} is {:?}", properties(service, source)).into());
            }
        }
        if properties(service, "aibom:obs:strength") != ["exchanged-bytes"] {
            return Err(format!("{name}: answered, but the BOM does not say so").into());
        }
    }
    Ok(())
}

pub(crate) fn decoys_are_nowhere() -> Result<(), Failed> {
    let session = session()?;
    let decoys = &session.truth["decoys"];
    let models: Vec<(&str, &str)> =
        list(&decoys["models"]).map(|model| (text(&model["sha256"]), text(&model["path"]))).collect();
    let packages: BTreeSet<String> = list(&decoys["packages"]).map(|name| normal(text(name))).collect();
    if models.is_empty() || packages.is_empty() {
        return Err("the agent names no decoys".into());
    }
    let document = fs::read_to_string(&session.document)?;
    for (digest, path) in &models {
        if !Path::new(path).is_file() {
            return Err(format!("the decoy {path} is not even there").into());
        }
        if document.contains(digest) || document.contains(path) {
            return Err(format!("the decoy {path} is in the BOM").into());
        }
    }
    for component in session.bom.components() {
        if packages.contains(&normal(text(&component["name"]))) {
            return Err(format!("the decoy package {} is in the BOM", component["name"]).into());
        }
        for location in locations(component) {
            if location
                .split('/')
                .any(|part| packages.contains(&normal(part.split("-").next().unwrap_or(part))))
            {
                return Err(format!("{location} belongs to a decoy package").into());
            }
        }
    }
    Ok(())
}

/// A model that a process writes and then reads back: what it read is not what it opened first.
pub(crate) fn model_written_and_read_back_is_seen() -> Result<(), Failed> {
    const HEADER: &[u8] = br#"{"weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let folder = inside::folder("demo-written")?;
    let (source, written, document) =
        (folder.join("source"), folder.join("written"), folder.join("bom.json"));
    let length = u64::try_from(HEADER.len())?.to_le_bytes();
    fs::write(&source, [&length[..], HEADER, &[0; 8]].concat())?;
    // The shell opens the file for writing and later for reading; `cat` only has the descriptor.
    let script = r#"exec 3>"$0"; cat >&3; exec 3>&-; read -r line <"$0"; exit 0"#;
    let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
    aibom.arg("run").arg("-o").arg(&document).args(["--", "sh", "-c", script]).arg(&written);
    let output = aibom.stdin(fs::File::open(&source)?).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let bom = Bom::read(&fs::read(&document)?)?;
    let mut models: Vec<&str> = bom.of_type("machine-learning-model").flat_map(locations).collect();
    models.sort_unstable();
    // The shell holds the first open, as it was given it; `cat` reads it.
    models.dedup();
    if models != [source.display().to_string(), written.display().to_string()] {
        return Err(format!("models: {models:?}").into());
    }
    Ok(())
}
