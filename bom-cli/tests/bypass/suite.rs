//! Running a row and judging it: seen, declared, or neither, which fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, OnceLock, PoisonError},
};

use bom_agent::probes::PROBES;
use bom_core::coverage::{
    light::LIGHT,
    rules::{ESCAPES, Escape, REQUIRED, Watch},
};
use bom_testkit::trial::Failed;

use crate::{
    facts::{Fact, names},
    observation::{self, Document, Observation, Run},
    rows::{Row, Status, Table},
};

/// Every probe of the base tier.
const FULL: &str = "full";

/// What came of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every fact is in the document; these probes are its evidence.
    Seen(BTreeSet<&'static str>),
    /// Not every fact is there, and the class is incomplete for these reasons.
    Declared(BTreeSet<String>),
    /// Not every fact is there, and nothing says so; or the program did not do what it is for.
    Silent(String),
}

pub(crate) struct Suite {
    pub(crate) table: Table,
    places: Vec<Place>,
    groups: Vec<Group>,
}

/// What is kept for one row.
#[derive(Default)]
struct Place {
    missing: Option<String>,
    verdict: OnceLock<Verdict>,
    /// Two runs of one row would meet on its ports.
    running: Mutex<()>,
}

/// Rows that depend on the same hooks and can do without them under one observer.
struct Group {
    without: Vec<&'static str>,
    rows: Vec<usize>,
    /// Of every row.
    verdicts: OnceLock<BTreeMap<usize, Verdict>>,
}

impl Suite {
    /// With `able`, rows that ask the machine whether it can run them are asked.
    pub(crate) fn new(table: Table, able: bool) -> Self {
        let ask = |row: &Row| -> Option<String> {
            if row.given("x86_64") || row.given("bare") || row.given("bare32") {
                let other = !cfg!(target_arch = "x86_64");
                if other {
                    return Some("only on x86-64".to_owned());
                }
            }
            if let Some(need) = row.needs().into_iter().find(|need| !need.is_there()) {
                return Some(format!("no {}", need.name()));
            }
            (able && row.given("optional")).then(|| observation::missing(row)).flatten()
        };
        let place = |row| Place { missing: ask(row), ..Place::default() };
        let places: Vec<Place> = table.rows.iter().map(place).collect();
        let mut groups: BTreeMap<(&[String], Option<String>), Vec<usize>> = BTreeMap::new();
        for (number, row) in table.rows.iter().enumerate() {
            if places[number].missing.is_none() && !row.given("alone") {
                // What is not known by a name of its own, such as an address, must be the same for all of them: another
                // row might bring it about.
                let own = row.facts.iter().all(Fact::is_its_own);
                let facts = (!own).then(|| format!("{:?}", row.facts));
                groups.entry((&row.hooks, facts)).or_default().push(number);
            }
        }
        let group = |((hooks, _), rows): ((&[String], Option<String>), _)| Group {
            without: existing(hooks),
            rows,
            verdicts: OnceLock::new(),
        };
        let groups = groups.into_iter().map(group).collect();
        Self { table, places, groups }
    }

    /// Why the machine cannot run this row.
    pub(crate) fn missing(&self, number: usize) -> Option<&str> {
        self.places[number].missing.as_deref()
    }

    /// What came of the row with every probe; run once.
    pub(crate) fn verdict(&self, number: usize) -> Verdict {
        let place = &self.places[number];
        place.verdict.get_or_init(|| self.run(number, &[])).clone()
    }

    fn run(&self, number: usize, without: &[&str]) -> Verdict {
        let mut verdicts = self.run_together(&[number], FULL, without);
        verdicts.remove(&number).expect("a verdict for the row that was run")
    }

    /// Several rows, one after the other under one observer. In another profile, `without` are the probes that it leaves
    /// out by itself.
    pub(crate) fn run_together(
        &self,
        numbers: &[usize],
        profile: &str,
        without: &[&str],
    ) -> BTreeMap<usize, Verdict> {
        // In ascending order everywhere, so that nobody waits in a circle.
        let lock =
            |number: &usize| self.places[*number].running.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone: Vec<_> = numbers.iter().map(lock).collect();
        let rows: Vec<&Row> = numbers.iter().map(|number| &self.table.rows[*number]).collect();
        let observation = observation::observe(&rows, profile, if profile == FULL { without } else { &[] });
        let judged =
            rows.iter().zip(&observation.runs).map(|(row, run)| judge(row, run, &observation, without));
        numbers.iter().copied().zip(judged).collect()
    }

    pub(crate) fn is_as_stated(&self, number: usize) -> Result<(), Failed> {
        let row = &self.table.rows[number];
        let verdict = self.verdict(number);
        println!("{} ({:?}): {verdict:?}", row.id, row.status);
        match (&verdict, row.status) {
            (Verdict::Seen(_), _)
            | (Verdict::Declared(_), Status::Pending | Status::Argued | Status::Race) => Ok(()),
            (Verdict::Declared(gaps), Status::Must) => {
                Err(format!("must be seen, but is only declared: {gaps:?}").into())
            }
            (Verdict::Silent(why), _) => Err(why.into()),
        }
    }

    /// Without the hooks that the row names, the facts are gone and the class says so.
    pub(crate) fn depends_on_its_hooks(&self, number: usize) -> Result<(), Failed> {
        let row = &self.table.rows[number];
        let without = existing(&row.hooks);
        let verdict = match self.groups.iter().find(|group| group.rows.contains(&number)) {
            // There is nothing to take away: this version has none of them.
            _ if without.is_empty() => self.verdict(number),
            None => self.run(number, &without),
            Some(group) => {
                let run = || self.run_together(&group.rows, FULL, &group.without);
                group.verdicts.get_or_init(run).get(&number).expect("every row of the group").clone()
            }
        };
        match verdict {
            Verdict::Declared(_) => Ok(()),
            // A document cannot depend on probes if there is none.
            Verdict::Seen(_) if row.facts == [Fact::NoDocument] => Ok(()),
            Verdict::Seen(by) => Err(format!("still seen without {without:?}, by {by:?}").into()),
            Verdict::Silent(why) => Err(format!("without {without:?}: {why}").into()),
        }
    }
}

/// The hooks that this version has.
fn existing(hooks: &[String]) -> Vec<&'static str> {
    PROBES
        .iter()
        .map(|probe| probe.name)
        .filter(|name| hooks.iter().any(|hook| hook == name))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn judge(row: &Row, run: &Run, observation: &Observation, without: &[&str]) -> Verdict {
    let silent = |why: String| Verdict::Silent(format!("{}: {why}", row.id));
    let no_document = row.facts == [Fact::NoDocument];
    let expected = if no_document { 128 + libc::SIGKILL } else { 0 };
    if run.code != expected {
        return silent(format!("ended with {}: {}", run.code, observation.stderr));
    }
    if row.given("proof") && !run.proof {
        return silent("its last process left no proof".to_owned());
    }
    let bom = match &observation.document {
        Document::Earlier if no_document => return Verdict::Seen(BTreeSet::new()),
        Document::Written(bom) if !no_document => bom,
        Document::Earlier => return silent("no document was written".to_owned()),
        Document::Written(_) => return silent("a document was written".to_owned()),
        Document::Broken(why) => return silent(format!("the document is broken: {why}")),
    };
    let subject: Vec<_> = bom.metadata.component.iter().flat_map(|subject| &subject.properties).collect();
    let values = |name: String| -> Vec<String> {
        subject
            .iter()
            .filter(|property| property.name == name)
            .map(|property| property.value.clone())
            .collect()
    };
    let class = row.class.name();
    let gaps = values(format!("aibom:coverage:{class}:gap"));
    let mut witnesses = BTreeSet::new();
    let mut absent = Vec::new();
    for fact in &row.facts {
        match fact.find(bom, &gaps, &run.given) {
            Some(found) => witnesses.extend(found),
            None => absent.push(fact),
        }
    }
    if absent.is_empty() {
        return Verdict::Seen(names(&witnesses));
    }
    let coverage = values(format!("aibom:coverage:{class}"));
    let covering: BTreeSet<String> = gaps.iter().filter(|gap| covers(row, without, gap)).cloned().collect();
    if coverage == ["incomplete"] && !covering.is_empty() {
        Verdict::Declared(covering)
    } else {
        silent(format!("absent: {absent:?}; {class} is {coverage:?}, and no gap covers it: {gaps:?}"))
    }
}

/// Whether a gap says that this row may be missing: one that the row names, or one that a probe that was taken away
/// leaves.
fn covers(row: &Row, without: &[&str], gap: &str) -> bool {
    let named = row.gaps.iter().any(|known| match known.strip_suffix('*') {
        Some(beginning) => gap.starts_with(beginning),
        None => gap == known,
    });
    let light = |escape: &Escape| *gap == format!("unwatched:{}", escape.id);
    named || left_by(row, without).contains(gap) || LIGHT.iter().any(light)
}

fn left_by(row: &Row, without: &[&str]) -> BTreeSet<String> {
    let taken = |probes: &[&'static str]| -> Vec<&'static str> {
        probes.iter().copied().filter(|probe| without.contains(probe)).collect()
    };
    let required = REQUIRED.iter().filter(|(classes, _)| classes.contains(&row.class));
    let mut left: BTreeSet<String> = required
        .flat_map(|(_, probes)| taken(probes))
        .map(|probe| format!("probe-missing:{probe}"))
        .collect();
    for escape in ESCAPES.iter().filter(|escape| escape.classes.contains(&row.class)) {
        if taken(&escape.watch.probes()).is_empty() {
            continue;
        }
        left.insert(format!("unwatched:{}", escape.id));
        if matches!(escape.watch, Watch::First(_)) {
            // Another of its watchers takes over, which only tells that it may have happened.
            left.insert(format!("suspected:{}", escape.id));
        }
    }
    left
}
