//! Waivers: what somebody has decided to live with, why, and until when.

use std::sync::Arc;

use crate::declared::Place;
use crate::diff::{Comparison, Finding, codes};
use crate::manifest::yaml::{self, Limits, Node, YamlError};

/// One waiver. It covers exactly what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The finding's code, or its fingerprint.
    pub finding: String,
    /// The workload; `None`: any. `*` stands for anything but a slash.
    pub workload: Option<String>,
    /// The thing; `None`: any.
    pub name: Option<String>,
    /// Why.
    pub reason: String,
    /// Who.
    pub owner: String,
    /// The last day, `YYYY-MM-DD`.
    pub expires: String,
    /// Where it stands.
    pub place: Place,
}

/// A file of waivers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waivers(pub Vec<Waiver>);

/// Why a file of waivers cannot be used. A waiver that is not understood must not hide anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaiversError {
    /// Not YAML.
    #[error("read {file}")]
    Yaml {
        /// The file.
        file: String,
        /// What is wrong.
        source: YamlError,
    },
    /// A waiver that lacks something or has something wrong.
    #[error("read {file}: line {line}: {problem}")]
    Bad {
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// What is wrong.
        problem: String,
    },
}

const KEYS: &[&str] = &["finding", "workload", "name", "reason", "owner", "expires"];

impl Waivers {
    /// Reads a file: `waivers:` with a list.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, WaiversError> {
        let name: Arc<str> = file.into();
        let limits = Limits { bytes: 4 << 20, values: 500_000, ..Limits::default() };
        let yaml = |source| WaiversError::Yaml { file: file.to_owned(), source };
        let (nodes, repeated) = yaml::read(bytes, &limits).map_err(yaml)?;
        let bad = |line: u32, problem: String| WaiversError::Bad { file: file.to_owned(), line, problem };
        if let Some((key, line)) = repeated.first() {
            return Err(bad(*line, format!("key {key:?} stands twice")));
        }
        let mut waivers = Vec::new();
        for node in &nodes {
            if let Some(entry) = node.entries().iter().find(|entry| entry.key != "waivers") {
                return Err(bad(entry.line, format!("unknown key {:?}", entry.key)));
            }
            for entry in node.list_at(&["waivers"]) {
                waivers.push(one(entry, &name).map_err(|(line, problem)| bad(line, problem))?);
            }
        }
        Ok(Self(waivers))
    }

    /// Marks what is waived. `today` is `YYYY-MM-DD`; a waiver holds on its last day.
    pub fn apply(&self, comparison: &mut Comparison, today: &str) {
        let mut more = Vec::new();
        for waiver in &self.0 {
            let expired = waiver.expires.as_str() < today;
            let mut found = false;
            for finding in comparison.findings.iter_mut().filter(|finding| waiver.covers(finding)) {
                found = true;
                if !expired && finding.waived.is_none() {
                    finding.waived =
                        Some(format!("{} ({}, until {})", waiver.reason, waiver.owner, waiver.expires));
                }
            }
            let subject = waiver.name.as_deref().unwrap_or(&waiver.finding);
            let key = format!("{}|{}", waiver.finding, waiver.workload.as_deref().unwrap_or("*"));
            if found && expired {
                let text =
                    format!("the waiver of {} for {subject} ended on {}", waiver.finding, waiver.expires);
                more.push(
                    Finding::new(codes::WAIVER_EXPIRED, "", None, subject, &key)
                        .saying(text)
                        .at(&waiver.place, "waivers[]"),
                );
            } else if !found {
                let text =
                    format!("the waiver of {} for {subject} names nothing that was found", waiver.finding);
                more.push(
                    Finding::new(codes::WAIVER_UNUSED, "", None, subject, &key)
                        .saying(text)
                        .at(&waiver.place, "waivers[]"),
                );
            }
        }
        comparison.findings.extend(more);
        comparison.findings.sort_by_cached_key(Finding::order);
    }
}

impl Waiver {
    fn covers(&self, finding: &Finding) -> bool {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| {
                if wanted.contains('*') { crate::declared::glob(wanted, found, '/') } else { wanted == found }
            })
        };
        (finding.code.code == self.finding || finding.fingerprint == self.finding)
            && is(&self.workload, &finding.workload)
            && is(&self.name, &finding.name)
    }
}

fn one(node: &Node, file: &Arc<str>) -> Result<Waiver, (u32, String)> {
    if let Some(entry) = node.entries().iter().find(|entry| !KEYS.contains(&entry.key.as_str())) {
        return Err((entry.line, format!("unknown key {:?}", entry.key)));
    }
    // A name that is there and is no text would otherwise count as not given, and cover everything.
    let optional = |key: &str| {
        let Some(value) = node.get(key) else { return Ok(None) };
        let text = value.text().filter(|text| !text.trim().is_empty());
        let text = text.ok_or_else(|| (value.line, format!("{key} is {}, and not a text", value.what())))?;
        Ok::<_, (u32, String)>(Some(text.to_owned()))
    };
    let required = |key: &str| optional(key)?.ok_or_else(|| (node.line, format!("a waiver without {key}")));
    let finding = required("finding")?;
    let is_fingerprint = finding.len() == 32 && finding.bytes().all(|byte| byte.is_ascii_hexdigit());
    if crate::diff::code(&finding).is_none() && !is_fingerprint {
        return Err((node.line, format!("{finding:?} is no code of a finding and no fingerprint")));
    }
    let expires = required("expires")?;
    if !crate::declared::is_day(&expires) {
        return Err((node.line, format!("expires {expires:?} is no day (YYYY-MM-DD)")));
    }
    Ok(Waiver {
        finding,
        workload: optional("workload")?,
        name: optional("name")?,
        reason: required("reason")?,
        owner: required("owner")?,
        expires,
        place: Place { file: file.clone(), line: node.line, column: node.column },
    })
}

/// The day of a moment, in seconds since 1970, as `YYYY-MM-DD` (UTC).
pub fn day_of(seconds: u64) -> String {
    let nanos = i128::from(seconds).saturating_mul(1_000_000_000);
    let text = crate::bom::Timestamp::from_unix_nanos(nanos).map(|time| time.to_string()).unwrap_or_default();
    text.chars().take(10).collect()
}
