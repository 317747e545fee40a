//! `aibom validate`: is a document what it says it is?

use std::fmt::Write as _;

use anyhow::Context as _;
use bom_core::bom::{
    Limits, escape,
    validate::{self, Checked, Finding, Severity},
};
use serde_json::json;

#[cfg(feature = "schema")]
use super::schema;
use crate::{
    arguments::Validate,
    exit::Outcome,
    output::{Format, write},
    side,
};

/// What was found out about one file.
struct Looked {
    file: String,
    result: anyhow::Result<(Checked, Schema)>,
}

/// What the official schema says.
pub(super) enum Schema {
    NotChecked(String),
    #[cfg_attr(not(feature = "schema"), expect(dead_code, reason = "without the feature no schema is read"))]
    Checked(Vec<(String, String)>),
}

pub(crate) fn validate(arguments: &Validate) -> anyhow::Result<Outcome> {
    for target in &arguments.output {
        anyhow::ensure!(
            matches!(target.format, None | Some(Format::Json | Format::Table)),
            "`aibom validate` writes table and json"
        );
    }
    #[cfg(not(feature = "schema"))]
    anyhow::ensure!(arguments.schema.is_none(), "this aibom was built without --schema");
    #[cfg(feature = "schema")]
    let schemas = match &arguments.schema {
        Some(folder) => Some(schema::Schemas::read(folder)?),
        None => None,
    };
    let mut looked = Vec::new();
    for path in &arguments.documents {
        let result = side::read(path).and_then(|bytes| {
            let checked = validate::validate(&bytes, &Limits::default())
                .with_context(|| format!("read {}", side::shown(path)))?;
            #[cfg(feature = "schema")]
            let schema = match (&schemas, checked.edition) {
                (None, _) => Schema::NotChecked("no --schema".to_owned()),
                (Some(_), None) => Schema::NotChecked("it is not CycloneDX JSON".to_owned()),
                (Some(schemas), Some(edition)) => schemas.check(edition, &bytes)?,
            };
            #[cfg(not(feature = "schema"))]
            let schema = Schema::NotChecked("no --schema".to_owned());
            Ok((checked, schema))
        });
        looked.push(Looked { file: side::shown(path), result });
    }
    if arguments.output.is_empty() {
        write(None, table(&looked).as_bytes())?;
    }
    for target in &arguments.output {
        let text = match target.format {
            Some(Format::Json) => json(&looked)?,
            _ => table(&looked),
        };
        write(target.path.as_deref(), text.as_bytes())?;
    }
    for one in &looked {
        if let Err(error) = &one.result {
            eprintln!("aibom: {}", clean(&format!("{error:#}").replace('\n', " ")));
        }
    }
    Ok(outcome(&looked))
}

/// Of several, what could not be done stands before what is wrong.
fn outcome(looked: &[Looked]) -> Outcome {
    if looked.iter().any(|one| one.result.is_err()) {
        return Outcome::Failed;
    }
    let errors = looked.iter().filter_map(|one| one.result.as_ref().ok()).any(|(checked, schema)| {
        checked.findings.count(Severity::Error) > 0
            || matches!(schema, Schema::Checked(found) if !found.is_empty())
    });
    if errors { Outcome::Findings } else { Outcome::Fine }
}

/// One line for each finding, and one for each document.
fn table(looked: &[Looked]) -> String {
    let mut text = String::new();
    for one in looked {
        let Ok((checked, schema)) = &one.result else { continue };
        let file = clean(&one.file);
        for finding in &checked.findings.list {
            let _ = writeln!(text, "{file}: {}", clean(&finding.to_string()));
        }
        let mut errors = checked.findings.count(Severity::Error);
        let word = match schema {
            Schema::NotChecked(why) => format!("not checked, {why}"),
            Schema::Checked(found) => {
                for (at, message) in found {
                    let _ = writeln!(text, "{file}: error: {}: schema: {}", clean(at), clean(message));
                }
                errors = errors.saturating_add(u64::try_from(found.len()).unwrap_or(u64::MAX));
                if found.is_empty() { "valid".to_owned() } else { "not valid".to_owned() }
            }
        };
        let ours = if checked.ours { " by aibom" } else { "" };
        let warnings = checked.findings.count(Severity::Warning);
        let _ = writeln!(
            text,
            "{file}: {}{ours}: {}, {}; schema: {word}",
            clean(&checked.format),
            counted(errors, "error"),
            counted(warnings, "warning")
        );
    }
    text
}

fn counted(number: u64, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

fn json(looked: &[Looked]) -> anyhow::Result<String> {
    let documents: Vec<_> = looked
        .iter()
        .map(|one| match &one.result {
            Err(error) => json!({"file": one.file, "error": format!("{error:#}")}),
            Ok((checked, schema)) => {
                let (schema, violations) = match schema {
                    Schema::NotChecked(why) => (format!("not checked, {why}"), Vec::new()),
                    Schema::Checked(found) => {
                        let word = if found.is_empty() { "valid" } else { "not valid" };
                        (
                            word.to_owned(),
                            found.iter().map(|(at, text)| json!({"at": at, "message": text})).collect(),
                        )
                    }
                };
                json!({
                    "file": one.file,
                    "format": checked.format,
                    "byAibom": checked.ours,
                    "errors": checked.findings.count(Severity::Error),
                    "warnings": checked.findings.count(Severity::Warning),
                    "findings": checked.findings.list.iter().map(finding).collect::<Vec<_>>(),
                    "schema": schema,
                    "schemaViolations": violations,
                })
            }
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&json!({"documents": documents}))?;
    text.push('\n');
    Ok(text)
}

fn finding(finding: &Finding) -> serde_json::Value {
    json!({
        "severity": finding.severity().as_str(),
        "code": finding.code.as_str(),
        "at": finding.at,
        "message": finding.message,
    })
}

fn clean(text: &str) -> String {
    escape(text.as_bytes()).text
}
