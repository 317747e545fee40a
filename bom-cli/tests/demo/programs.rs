//! Who did it: programs, their processes, and what hangs on which.

use std::collections::BTreeSet;

use bom_testkit::trial::Failed;
use serde_json::Value;

use crate::{
    bom::{equal, list, properties, text},
    contents::package,
    session::{Session, session},
};

pub(crate) fn packages_are_of_their_program() -> Result<(), Failed> {
    let session = session()?;
    let edges = session.bom.edges();
    for who in ["agent", "child"] {
        let program = text(&program_of(session, who)?["bom-ref"]);
        let under = edges.get(program).ok_or(format!("{program} has no edges"))?;
        let found = session.bom.python_packages().filter(|package| under.contains(text(&package["bom-ref"])));
        let expected = list(&session.truth["packages"][who]).map(package);
        equal(&format!("packages of the {who}"), &expected.collect(), &found.map(package).collect())?;
    }
    let of = |who| list(&session.truth["packages"][who]).map(package).collect::<BTreeSet<_>>();
    if of("child").is_subset(&of("agent")) {
        return Err("the child has no package of its own: nothing was shown".into());
    }
    Ok(())
}

pub(crate) fn are_those_started() -> Result<(), Failed> {
    let session = session()?;
    // A double fork with setsid is still a process of the child's program.
    for (who, program) in [("agent", "agent"), ("child", "child"), ("grandchild", "child")] {
        let (found, expected) = (program_of(session, who)?, program_of(session, program)?);
        if found["bom-ref"] != expected["bom-ref"] {
            return Err(format!(
                "the {who} is a process of {}, not of {}",
                found["bom-ref"], expected["bom-ref"]
            )
            .into());
        }
    }
    if program_of(session, "agent")?["bom-ref"] == program_of(session, "child")?["bom-ref"] {
        return Err("agent and child are one program".into());
    }
    let asked: BTreeSet<String> = session
        .bom
        .of_type("application")
        .flat_map(|program| properties(program, "aibom:claim:exec"))
        .map(|path| {
            path.rsplit("/venv/").next().unwrap_or(path).rsplit("/agents/").next().unwrap_or(path).to_owned()
        })
        .map(|path| if path.ends_with("/uname") { "uname".to_owned() } else { path })
        .collect();
    let expected = ["bin/python", "tools-venv/bin/python", "uname"].map(str::to_owned);
    Ok(equal("programs, as they were asked for", &expected.into(), &asked)?)
}

pub(crate) fn graph_reaches_everything() -> Result<(), Failed> {
    let session = session()?;
    let edges = session.bom.edges();
    let mut reached = BTreeSet::new();
    let mut next = vec![text(&session.bom.subject()["bom-ref"])];
    while let Some(at) = next.pop() {
        if reached.insert(at) {
            next.extend(edges.get(at).into_iter().flatten());
        }
    }
    let parts = session.bom.components().chain(session.bom.services()).chain([session.bom.subject()]);
    Ok(equal(
        "what the subject's edges lead to",
        &reached,
        &parts.map(|part| text(&part["bom-ref"])).collect(),
    )?)
}

/// The program that a process of the truth ran, by its pid: `agent`, `child` or `grandchild`. A process that was
/// forked ran its parent's program until its own exec, so it is listed with both; it is the one that was started.
fn program_of<'a>(session: &'a Session, who: &str) -> Result<&'a Value, Failed> {
    let pid = session.truth["processes"][who].as_u64().ok_or(format!("the truth has no pid of the {who}"))?;
    let key = format!("{pid}@");
    let edges = session.bom.edges();
    let ran =
        |program: &&Value| properties(program, "aibom:process:key").iter().any(|one| one.starts_with(&key));
    let all: Vec<&Value> = session.bom.of_type("application").filter(ran).collect();
    let starts = |one: &Value, other: &Value| {
        one != other
            && edges.get(text(&one["bom-ref"])).is_some_and(|to| to.contains(text(&other["bom-ref"])))
    };
    let mut last = all.iter().filter(|one| !all.iter().any(|other| starts(one, other)));
    match (last.next(), last.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("no program has the process {pid} of the {who}").into()),
        (Some(one), Some(two)) => {
            Err(format!("{} and {} have process {pid}", one["bom-ref"], two["bom-ref"]).into())
        }
    }
}
