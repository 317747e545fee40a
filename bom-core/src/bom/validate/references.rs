//! Names of elements are unique, and what refers to one leads somewhere.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::finding::{Code, Findings};
use crate::bom::spec::{Field, Place, Shape, Table, Visit, What, walk};

pub(super) fn check(table: &Table, document: &Value, findings: &mut Findings) {
    let mut found = References::default();
    walk(table, document, &mut found);
    for (at, name, first) in &found.twice {
        findings.add(Code::DuplicateRef, at, format!("{name:?} is also the name of {first}"));
    }
    for (at, name) in &found.uses {
        if !found.names.contains_key(name) {
            findings.add(Code::DanglingRef, at, format!("{name:?} is not in the document"));
        }
    }
}

/// Names and uses of one document.
#[derive(Debug, Default)]
pub(in crate::bom) struct References {
    /// Where each name stands first.
    pub(in crate::bom) names: BTreeMap<String, String>,
    twice: Vec<(String, String, String)>,
    uses: Vec<(String, String)>,
}

impl Visit for References {
    fn object(&mut self, _: &Place, _: &'static str, _: &Shape, _: &Map<String, Value>) {}

    fn field(&mut self, _: &Place, _: &'static str, _: &str, _: &Field, _: &Value) {}

    fn value(&mut self, at: &Place, field: &str, kinds: &[&What], value: &Value) {
        let Some(text) = value.as_str() else { return };
        let is = |wanted: &What| kinds.contains(&wanted);
        if field == "bom-ref" {
            let at = at.to_string();
            match self.names.get(text) {
                Some(first) => self.twice.push((at, text.to_owned(), first.clone())),
                None => drop(self.names.insert(text.to_owned(), at)),
            }
        } else if is(&What::Ref) && !(is(&What::BomLink) && text.starts_with("urn:cdx:")) {
            self.uses.push((at.to_string(), text.to_owned()));
        }
    }
}
