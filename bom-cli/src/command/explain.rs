//! `aibom explain`: why is this in my BOM?

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use anyhow::Context as _;
use bom_core::{
    bom::{Limits, escape, from_json},
    explain::{Explanation, Identified, Seen, explain as of},
};
use serde_json::json;

use crate::{
    arguments::Explain,
    exit::Outcome,
    output::{Format, Style, columns, write},
};

/// What a technique means, in words.
const TECHNIQUES: &[(&str, &str)] = &[
    ("instrumentation", "a kernel probe saw it happen"),
    ("binary-analysis", "the content was read"),
    ("hash-comparison", "a digest that was computed equals one from another source"),
    ("manifest-analysis", "an installer's or a store's own list says so"),
    ("filename", "only a name says so"),
];

pub(crate) fn explain(arguments: &Explain) -> anyhow::Result<Outcome> {
    for target in &arguments.output {
        anyhow::ensure!(
            matches!(target.format, None | Some(Format::Json)),
            "`aibom explain` writes json only: -o json=PATH"
        );
    }
    let shown = arguments.bom.display();
    let bytes = document(&arguments.bom).with_context(|| format!("read {shown}"))?;
    let read = from_json(&bytes).with_context(|| format!("read {shown}"))?;
    let told = of(&read.bom, &arguments.reference)?;
    if arguments.output.is_empty() {
        write(None, human(&told).as_bytes())?;
    }
    for target in &arguments.output {
        let mut bytes = serde_json::to_vec_pretty(&value(&told))?;
        bytes.push(b'\n');
        write(target.path.as_deref(), &bytes)?;
    }
    Ok(Outcome::Fine)
}

fn document(path: &Path) -> anyhow::Result<Vec<u8>> {
    let raw: Box<dyn io::Read> =
        if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    // One byte past what the reader takes: it then says itself that it is too much.
    let limit = u64::try_from(Limits::default().bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    raw.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn human(told: &Explanation) -> String {
    let mut text = format!("{}: {}\n", clean(&told.name), told.kind);
    let mut rows = vec![vec!["bom-ref".to_owned(), clean(&told.reference)]];
    let version = told.version.as_ref().map(|version| ("version", version));
    for (name, value) in version.into_iter().chain(told.purl.as_ref().map(|purl| ("purl", purl))) {
        rows.push(vec![name.to_owned(), clean(value)]);
    }
    for (algorithm, hex) in &told.hashes {
        rows.push(vec![algorithm.clone(), hex.clone()]);
    }
    text.push_str(&columns(&["", ""], rows, Style::PLAIN));
    text.push_str("\nHow it is known\n");
    if told.identities.is_empty() {
        text.push_str("  the document does not say\n");
    }
    for identity in &told.identities {
        text.push_str(&identified(identity));
    }
    let _ = writeln!(text, "\nWhere it was seen ({})", told.occurrences.len());
    for seen in &told.occurrences {
        text.push_str(&place(seen));
    }
    text.push_str("\nWho leads to it\n");
    for way in &told.reached {
        let way: Vec<String> = way.iter().map(|name| clean(name)).collect();
        let _ = writeln!(text, "  {}", way.join(" → "));
    }
    if !told.needs.is_empty() {
        let needs: Vec<String> = told.needs.iter().map(|name| clean(name)).collect();
        let _ = writeln!(text, "\nIt depends on\n  {}", needs.join(", "));
    }
    let (claims, facts): (Vec<_>, Vec<_>) =
        told.properties.iter().partition(|(name, _)| name.starts_with("aibom:claim:"));
    for (title, list) in [("What is said of it by itself (claimed)", claims), ("What else is known", facts)] {
        if !list.is_empty() {
            let _ = writeln!(text, "\n{title}");
            let rows = list.iter().map(|(name, value)| vec![clean(name), clean(value)]);
            text.push_str(&columns(&["", ""], rows.collect(), Style::PLAIN));
        }
    }
    if !told.gaps.is_empty() {
        text.push_str("\nWhat may be missing\n");
        for gap in &told.gaps {
            let _ = writeln!(text, "  {}", clean(gap));
        }
    }
    text
}

fn identified(identity: &Identified) -> String {
    let value = identity.value.as_deref().map_or_else(|| "(no value)".to_owned(), clean);
    let mut text = format!("  {} {value}", identity.field);
    if let Some(confidence) = identity.confidence {
        let _ = write!(text, ", confidence {}", fraction(confidence));
    }
    text.push('\n');
    for (technique, confidence, _) in &identity.methods {
        let words = TECHNIQUES.iter().find(|(name, _)| name == technique).map_or("", |(_, words)| words);
        let _ = writeln!(text, "    {technique} ({}): {words}", fraction(*confidence));
    }
    text
}

fn place(seen: &Seen) -> String {
    let mut text = format!("  {}\n", clean(&seen.location));
    let program = seen.program.as_deref().unwrap_or("?");
    let subject = seen.subject.as_deref().unwrap_or("?");
    let word = |name: &str| seen.words.get(name).map_or("?", String::as_str);
    let _ = writeln!(
        text,
        "    by {} of {}: {}, {}",
        clean(program),
        clean(subject),
        clean(word("op")),
        clean(word("strength"))
    );
    let more: Vec<String> = seen
        .words
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "op" | "strength"))
        .map(|(name, value)| clean(&format!("{name}={value}")))
        .collect();
    if !more.is_empty() {
        let _ = writeln!(text, "    {}", more.join(" "));
    }
    if let Some(reference) = &seen.reference {
        let _ = writeln!(text, "    {}", clean(reference));
    }
    text
}

fn value(told: &Explanation) -> serde_json::Value {
    let methods = |identity: &Identified| {
        let rows = identity.methods.iter().map(|(technique, confidence, value)| {
            json!({"technique": technique, "confidence": fraction(*confidence), "value": value})
        });
        rows.collect::<Vec<_>>()
    };
    let identities = told.identities.iter().map(|identity| {
        json!({
            "field": identity.field,
            "value": identity.value,
            "confidence": identity.confidence.map(fraction),
            "methods": methods(identity),
        })
    });
    let occurrences = told.occurrences.iter().map(|seen| {
        json!({
            "bom-ref": seen.reference,
            "location": seen.location,
            "subject": seen.subject,
            "program": seen.program,
            "words": seen.words,
        })
    });
    json!({
        "bom-ref": told.reference,
        "kind": told.kind,
        "name": told.name,
        "version": told.version,
        "purl": told.purl,
        "hashes": told.hashes.iter().map(|(alg, hex)| json!({"alg": alg, "content": hex})).collect::<Vec<_>>(),
        "identity": identities.collect::<Vec<_>>(),
        "occurrences": occurrences.collect::<Vec<_>>(),
        "reached": told.reached,
        "needs": told.needs,
        "properties": told.properties.iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>(),
        "gaps": told.gaps,
    })
}

/// Permille as the document writes it.
fn fraction(permille: u16) -> String {
    let text = format!("{}.{:03}", permille / 1000, permille % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn clean(text: &str) -> String {
    escape(text.as_bytes()).text
}
