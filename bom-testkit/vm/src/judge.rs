//! From a document (and the recording behind it) to a verdict for each row.
//!
//! The document is read as JSON, not through aibom's own reader: what a reader and a writer of ours have wrong in common
//! would not show.

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::Value;

use crate::{
    acts,
    line::Verdict,
    rows::{Fact, Row},
};

/// Everything one observation left.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) document: Value,
    /// Lines of the recording.
    pub(crate) recording: Vec<String>,
    /// What became of each act by its own account: `done`, `impossible …`, `failed …`.
    pub(crate) ledger: BTreeMap<String, String>,
}

impl Observation {
    pub(crate) fn verdict(&self, row: &Row) -> (Verdict, String) {
        match self.ledger.get(row.name).map(|line| line.split_once(' ').unwrap_or((line, ""))) {
            Some(("done", _)) => {}
            Some(("impossible", why)) => return (Verdict::Impossible, why.to_owned()),
            Some((_, why)) => return (Verdict::Failed, format!("the act itself failed: {why}")),
            None => return (Verdict::Failed, "the act left no line".to_owned()),
        }
        if let Some(how) = self.seen(row) {
            return (Verdict::Seen, how);
        }
        let gaps = self.gaps();
        match gaps.iter().find(|gap| row.declared.iter().any(|code| gap.starts_with(code))) {
            Some(gap) => (Verdict::Declared, gap.clone()),
            None => (
                Verdict::Failed,
                format!("not in the document, and none of its gaps says so: {}", gaps.join(" ")),
            ),
        }
    }

    /// The states of the probes: (name, `attached` or the kernel's words).
    pub(crate) fn probes(&self) -> BTreeMap<&str, &str> {
        self.properties(&["metadata"])
            .filter_map(|(name, value)| Some((name.strip_prefix("aibom:probe:")?, value)))
            .collect()
    }

    /// Codes of all gaps, each once.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let properties = self.properties(&["metadata", "component"]);
        let mut gaps: Vec<String> = properties
            .filter(|(name, _)| name.starts_with("aibom:coverage:") && name.ends_with(":gap"))
            .map(|(_, value)| value.to_owned())
            .collect();
        gaps.sort();
        gaps.dedup();
        gaps
    }

    /// What was lost, `CAUSE COUNT`.
    pub(crate) fn losses(&self) -> Vec<String> {
        let properties = self.properties(&["metadata", "component"]);
        let losses = properties.filter_map(|(name, value)| Some((name.strip_prefix("aibom:loss:")?, value)));
        // The interval of each stands beside it, and is another one in every run.
        losses
            .filter(|(cause, _)| !cause.contains(':'))
            .map(|(cause, count)| format!("{cause} {count}"))
            .collect()
    }

    /// What could not be found out about files.
    pub(crate) fn unresolved(&self) -> Vec<&str> {
        let properties = self.properties(&["metadata", "component"]);
        properties.filter(|(name, _)| *name == "aibom:unresolved").map(|(_, value)| value).collect()
    }

    /// Classes that the document calls complete.
    pub(crate) fn complete(&self) -> Vec<&str> {
        let properties = self.properties(&["metadata", "component"]);
        let classes = properties.filter(|(_, value)| *value == "complete");
        classes.filter_map(|(name, _)| name.strip_prefix("aibom:coverage:")).collect()
    }

    fn properties(&self, at: &[&str]) -> impl Iterator<Item = (&str, &str)> {
        let holder = at.iter().fold(&self.document, |value, key| &value[key]);
        pairs(holder)
    }

    /// Which probe the fact of the row came from; `None` if it is not there.
    fn seen(&self, row: &Row) -> Option<String> {
        match row.fact {
            Fact::Model => self.occurrence("machine-learning-model", |place| place == acts::model(row.name)),
            Fact::Program => self.occurrence("application", |place| place == acts::program(row.name)),
            Fact::MemoryProgram => self.occurrence("application", |place| place.contains("from-memory")),
            Fact::Service(address) => {
                let found = self.service(address.parse().ok()?)?;
                let strength = pairs(found).find(|(name, _)| *name == "aibom:obs:strength");
                Some(strength.map_or("?", |(_, value)| value).to_owned())
            }
            Fact::Named(address, name) => {
                let found = self.service(address.parse().ok()?)?;
                pairs(found).find(|pair| *pair == ("aibom:net:name:sni", name)).map(|(key, _)| key.to_owned())
            }
            Fact::Recorded => {
                let file = format!("{}.gguf", row.name);
                let line =
                    self.recording.iter().find(|line| line.contains(&file) && line.contains("\"Open\""))?;
                let probe = line.split_once("\"probe\":")?.1.split(|c: char| !c.is_ascii_digit()).next()?;
                Some(format!("probe {probe}"))
            }
            Fact::Path(path) => self.document.to_string().contains(path).then(|| "path".to_owned()),
        }
    }

    /// A model with this property, opened at this path.
    pub(crate) fn model(&self, property: (&str, &str), path: Option<&str>) -> Option<String> {
        let models = list(&self.document["components"]).filter(|component| {
            component["type"] == "machine-learning-model" && pairs(component).any(|pair| pair == property)
        });
        witnesses(models, |place| path.is_none_or(|path| path == place))
    }

    /// Whether the document mentions the text.
    pub(crate) fn anywhere(&self, text: &str) -> bool {
        self.document.to_string().contains(text)
    }

    /// Codes of the gaps of one class.
    pub(crate) fn gaps_of(&self, class: &str) -> Vec<&str> {
        let name = format!("aibom:coverage:{class}:gap");
        self.properties(&["metadata", "component"])
            .filter(|(key, _)| *key == name)
            .map(|(_, gap)| gap)
            .collect()
    }

    pub(crate) fn occurrence(&self, kind: &str, is_it: impl Fn(&str) -> bool) -> Option<String> {
        let components = list(&self.document["components"]).filter(|component| component["type"] == *kind);
        witnesses(components, is_it)
    }

    fn service(&self, address: SocketAddr) -> Option<&Value> {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let has = |service: &&Value, name: &str, wanted: &str| {
            pairs(service).any(|(key, value)| key == name && value == wanted)
        };
        list(&self.document["services"]).find(|service| {
            has(service, "aibom:net:remote_ip", &ip) && has(service, "aibom:net:remote_port", &port)
        })
    }
}

/// The probes whose evidence places one of the components where it is looked for; `None` if there is no such place.
fn witnesses<'a>(
    components: impl Iterator<Item = &'a Value>,
    is_it: impl Fn(&str) -> bool,
) -> Option<String> {
    let occurrences = components.flat_map(|component| list(&component["evidence"]["occurrences"]));
    let here = occurrences.filter(|occurrence| occurrence["location"].as_str().is_some_and(&is_it));
    // `evidence:EPOCH:PROBE:…`
    let probe = |occurrence: &Value| Some(occurrence["bom-ref"].as_str()?.split(':').nth(2)?.to_owned());
    let mut probes: Vec<String> =
        here.map(|occurrence| probe(occurrence).unwrap_or_else(|| "?".to_owned())).collect();
    probes.sort();
    probes.dedup();
    (!probes.is_empty()).then(|| format!("probe {}", probes.join(", ")))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn pairs(holder: &Value) -> impl Iterator<Item = (&str, &str)> {
    list(&holder["properties"])
        .filter_map(|property| Some((property["name"].as_str()?, property["value"].as_str()?)))
}
