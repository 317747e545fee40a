//! The agent once more, in the light profile: the document has the same models, packages, endpoints and programs.

use std::{collections::BTreeSet, fs};

use bom_testkit::trial::Failed;

use crate::{
    bom::{Bom, equal, list, locations, properties, sha256, text},
    contents::package,
    replay,
    session::{self, Session, session},
};

pub(crate) fn sees_what_the_full_one_sees() -> Result<(), Failed> {
    let full = session()?;
    let light = session::run("light")?;
    for (of, profile) in [(full, "full"), (&light, "light")] {
        let root = of.bom.metadata();
        assert_eq!(properties(root, "aibom:obs:profile"), [profile]);
    }
    let models = |bom: &Bom| -> BTreeSet<(String, Vec<String>)> {
        let all = bom.of_type("machine-learning-model");
        all.map(|model| {
            let places = locations(model).map(str::to_owned).collect();
            (sha256(model).unwrap_or_default().to_owned(), places)
        })
        .collect()
    };
    equal("models by digest and path", &models(&full.bom), &models(&light.bom))?;
    let packages = |bom: &Bom| bom.python_packages().map(package).collect::<BTreeSet<_>>();
    equal("packages", &packages(&full.bom), &packages(&light.bom))?;
    let endpoints = |bom: &Bom| -> BTreeSet<String> {
        bom.services()
            .flat_map(|service| list(&service["endpoints"]))
            .map(|url| text(url).to_owned())
            .collect()
    };
    equal("endpoints", &endpoints(&full.bom), &endpoints(&light.bom))?;
    let programs = |bom: &Bom| -> BTreeSet<String> {
        let all = bom.components().filter(|one| text(&one["bom-ref"]).starts_with("program:"));
        all.map(|program| text(&program["name"]).to_owned()).collect()
    };
    equal("programs", &programs(&full.bom), &programs(&light.bom))?;
    what_is_not_watched_is_said(&light)?;
    replay::agrees(&light.document, &light.recording)?;
    Ok(())
}

fn what_is_not_watched_is_said(light: &Session) -> Result<(), Failed> {
    let root = light.bom.metadata();
    assert_eq!(properties(root, "aibom:probe:fanotify_open"), ["attached"]);
    assert_eq!(properties(root, "aibom:probe:sys_exit_openat"), ["left-out"]);
    let subject = light.bom.subject();
    for class in ["models", "libraries", "packages", "endpoints", "programs"] {
        assert_eq!(properties(subject, &format!("aibom:coverage:{class}")), ["incomplete"], "{class}");
    }
    let gaps = properties(subject, "aibom:coverage:models:gap");
    for gap in ["unwatched:unmarked-file-system", "unwatched:merged-open", "unwatched:descriptor-passing"] {
        assert!(gaps.contains(&gap), "{gap}: {gaps:?}");
    }
    let document = fs::read_to_string(&light.document)?;
    assert!(!document.contains("fanotify-unresolved"), "an open could not be described");
    Ok(())
}
