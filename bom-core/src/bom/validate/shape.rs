//! Fields, kinds of values, vocabularies, and values with a grammar of their own.

use serde_json::{Map, Value};

use super::finding::{Code, Findings};
use crate::bom::hash::Hash;
use crate::bom::iri::Iri;
use crate::bom::license::LicenseId;
use crate::bom::purl::{Purl, PurlError};
use crate::bom::spec::{Edition, Field, Place, Shape, Table, Visit, What, walk};
use crate::bom::terms::HashAlgorithm;
use crate::bom::timestamp::Timestamp;

pub(super) fn check(table: &Table, document: &Value, findings: &mut Findings) {
    if let Some(serial) = document.get("serialNumber").and_then(Value::as_str)
        && !is_serial(serial)
    {
        findings.add(Code::BadSerial, "$.serialNumber", format!("{serial:?} is not urn:uuid: and a UUID"));
    }
    walk(table, document, &mut Checker { edition: table.edition, findings });
}

struct Checker<'f> {
    edition: Edition,
    findings: &'f mut Findings,
}

impl Checker<'_> {
    fn add(&mut self, code: Code, at: &Place, message: impl AsRef<str>) {
        self.findings.add(code, &at.to_string(), message);
    }

    fn within(&mut self, at: &Place, least: Option<f64>, most: Option<f64>, value: &Value) {
        let Some(number) = value.as_f64() else { return };
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            let end = |end: Option<f64>| end.map(|end| end.to_string()).unwrap_or_default();
            self.add(Code::BadNumber, at, format!("{number} is not in {}..{}", end(least), end(most)));
        }
    }
}

impl Visit for Checker<'_> {
    fn object(&mut self, at: &Place, name: &'static str, shape: &Shape, map: &Map<String, Value>) {
        for key in map.keys().filter(|key| !shape.open && !shape.fields.contains_key(key.as_str())) {
            let mut place = at.clone();
            place.enter_field(key);
            self.add(Code::UnknownField, &place, format!("CycloneDX {} has no such field", self.edition));
        }
        for (key, _) in shape.fields.iter().filter(|(key, field)| field.required && !map.contains_key(**key))
        {
            self.add(Code::MissingField, at, format!("{key} is missing"));
        }
        match name {
            "hash" => {
                let text = |key: &str| map.get(key).and_then(Value::as_str);
                let algorithm = text("alg").and_then(HashAlgorithm::from_word);
                if let (Some(algorithm), Some(content)) = (algorithm, text("content"))
                    && let Err(error) = Hash::new(algorithm, content)
                {
                    self.add(Code::BadHash, at, error.to_string());
                }
            }
            "license" if !map.contains_key("id") && !map.contains_key("name") => {
                self.add(Code::MissingField, at, "a licence has an id or a name");
            }
            _ => {}
        }
    }

    fn field(&mut self, at: &Place, shape: &'static str, name: &str, _: &Field, value: &Value) {
        match (name, value) {
            ("purl", Value::String(text)) => match Purl::parse(text) {
                Ok(purl) if purl.as_str() == text => {}
                Ok(purl) => {
                    self.add(
                        Code::PurlForm,
                        at,
                        format!("{text:?} is {:?} in canonical form", purl.as_str()),
                    );
                }
                // Older tools write Hugging Face package URLs without an owner, or with a branch.
                Err(error @ PurlError::NotACommit { .. }) => self.add(Code::PurlForm, at, error.to_string()),
                Err(error) => self.add(Code::BadPurl, at, format!("{text:?}: {error}")),
            },
            ("id", Value::String(text)) if shape == "license" && LicenseId::parse(text).is_none() => {
                self.add(Code::UnknownLicense, at, format!("{text:?}"));
            }
            ("licenses", Value::Array(rows)) if self.edition < Edition::V1_7 => {
                let expressions = rows.iter().filter(|row| row.get("expression").is_some()).count();
                if expressions > 0 && rows.len() > 1 {
                    self.add(
                        Code::MixedLicenses,
                        at,
                        format!("{expressions} expressions in {} entries", rows.len()),
                    );
                }
            }
            _ => {}
        }
    }

    fn value(&mut self, at: &Place, _: &str, kinds: &[&What], value: &Value) {
        let Some(first) = kinds.first() else {
            return self.add(Code::WrongType, at, format!("{} may not stand here", kind_of(value)));
        };
        // With several kinds the value is good if one of them takes it.
        let only = kinds.len() == 1;
        // A BOM-Link is an IRI as well.
        let links = kinds.iter().all(|kind| matches!(kind, What::Link | What::BomLink));
        match (first, value) {
            (What::Number(least, most) | What::Whole(least, most), _) if only => {
                self.within(at, *least, *most, value);
            }
            (What::Time, Value::String(text)) if only && Timestamp::parse(text).is_err() => {
                self.add(Code::BadTime, at, format!("{text:?}"));
            }
            (What::Link | What::BomLink, Value::String(text)) if links => {
                if let Err(error) = Iri::parse(text) {
                    self.add(Code::BadLink, at, error.to_string());
                }
            }
            (What::Words(_), Value::String(text)) => {
                let known = kinds.iter().any(|kind| match kind {
                    What::Words(words) => words.contains(&text.as_str()),
                    What::Text
                    | What::Time
                    | What::Link
                    | What::Name
                    | What::Ref
                    | What::BomLink
                    | What::Any => true,
                    What::Number(..) | What::Whole(..) | What::Flag | What::Object(_) | What::List(_) => {
                        false
                    }
                });
                if !known {
                    let message = format!("CycloneDX {} does not know {text:?}", self.edition);
                    self.add(Code::WrongWord, at, message);
                }
            }
            (What::Name | What::Ref, Value::String(text)) if only && text.is_empty() => {
                self.add(Code::MissingField, at, "a reference has at least one character");
            }
            _ => {}
        }
    }
}

fn is_serial(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:") else { return false };
    let groups: Vec<&str> = uuid.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
