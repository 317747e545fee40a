//! What the pages tell the reader to type or to follow exists.
//!
//! In code blocks of every Markdown file, `cargo xtask NAME` has to name a command of ours. Outside of them, a link into
//! the checkout has to lead to something, and so has a source named in back-ticks, such as a guard in ARCHITECTURE.md.
//! (That `aibom NAME` exists is a test of bom-cli, which has the command.)

use std::path::Path;

use anyhow::Result;

use super::{sources, verdict};
use crate::COMMANDS;
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut findings = Vec::new();
    for file in sources::with_extension(workspace.root(), "md")? {
        let text = sources::read(workspace.root(), &file)?;
        findings.extend(findings_in(&file, &text));
        for (number, source) in sources_named(&text) {
            if !workspace.root().join(source).exists() {
                findings.push(format!("{}:{number}: there is no {source}", file.display()));
            }
        }
        let folder = workspace.root().join(&file);
        let folder = folder.parent().unwrap_or(workspace.root());
        for (number, target) in links(&text) {
            if !folder.join(&target).exists() {
                findings.push(format!("{}:{number}: the link to {target} leads nowhere", file.display()));
            }
        }
    }
    verdict(&findings)
}

/// Line number and path of every source of ours that is named in back-ticks.
fn sources_named(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // Every other piece between back-ticks is code.
        for code in line.split('`').skip(1).step_by(2) {
            let ours = ["bom-", "xtask/", "fuzz/"].iter().any(|start| code.starts_with(start));
            if ours && code.contains('/') && !code.contains(char::is_whitespace) {
                found.push((number, code));
            }
        }
    }
    found
}

/// Line number and path of every link that stays in the checkout, without the part behind `#`. Code is left out.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every other piece between back-ticks is code.
        for prose in line.split('`').step_by(2) {
            for rest in prose.split("](").skip(1) {
                let target = rest.split(')').next().unwrap_or(rest);
                let path = target.split('#').next().unwrap_or(target);
                if !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:") {
                    found.push((number, path.to_owned()));
                }
            }
        }
    }
    found
}

fn findings_in(file: &Path, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            let words: Vec<&str> = line.split_whitespace().skip_while(|word| *word != "cargo").collect();
            if let ["cargo", "xtask", name, ..] = words.as_slice()
                && !COMMANDS.iter().any(|command| command.name == *name)
            {
                findings.push(format!("{}:{number}: there is no `cargo xtask {name}`", file.display()));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_code_blocks_exist() {
        for (name, text, expected) in [
            ("known", "```\ncargo xtask test --full\n```\n", None),
            ("with_sudo", "```\nsudo cargo xtask demo\n```\n", None),
            ("prose_is_free", "`cargo xtask polish` may come one day\n", None),
            ("after_the_block", "```\n```\ncargo xtask polish\n", None),
            (
                "unknown",
                "text\n```sh\n$ cargo xtask polish\n```\n",
                Some("x.md:3: there is no `cargo xtask polish`"),
            ),
        ] {
            let found = findings_in(Path::new("x.md"), text);
            assert_eq!(found.first().map(String::as_str), expected, "{name}");
        }
    }

    #[test]
    fn links_into_the_checkout_are_found() {
        for (name, text, expected) in [
            ("file", "see [it](a/b.md) and [that](c.md#part)\n", &[(1, "a/b.md"), (1, "c.md")][..]),
            ("label_is_code", "\n[`fact`](../fact.rs)\n", &[(2, "../fact.rs")]),
            ("elsewhere", "[x](https://example.invalid/y) [y](mailto:a@b) [z](#here)\n", &[]),
            ("code", "`[x](y)`\n```\n[x](y)\n```\n", &[]),
        ] {
            let found = links(text);
            let found: Vec<(usize, &str)> = found.iter().map(|(line, path)| (*line, path.as_str())).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn sources_in_back_ticks_are_found() {
        for (name, text, expected) in [
            (
                "file",
                "see `bom-core/src/fact.rs` and `xtask/src/check`\n",
                &["bom-core/src/fact.rs", "xtask/src/check"][..],
            ),
            ("crate", "`bom-core` and `bom-core/`\n", &["bom-core/"]),
            ("not_ours", "`/etc/passwd`, `target/x`, bom-core/src/fact.rs\n", &[]),
            ("command", "`bom-x/y --z`\n", &[]),
        ] {
            let found: Vec<&str> = sources_named(text).into_iter().map(|(_, source)| source).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
