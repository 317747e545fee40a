//! What the pages tell the reader to type exists.
//!
//! In code blocks of every Markdown file, `cargo xtask NAME` has to name a command of ours.

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
    }
    verdict(&findings)
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
}
