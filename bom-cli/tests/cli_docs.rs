//! What the pages tell the reader to type exists: every `aibom …` line in a block marked `sh` names a command and
//! options that `--help` shows.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Words after which the rest of a line is no longer this command's.
const ENDS: &[&str] = &["--", "|", "||", "&&", ";", ">", "2>", "#"];

#[test]
fn commands_in_the_pages_exist() {
    let mut help = Help::default();
    let mut checked = 0;
    let mut findings = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).expect("read a page");
        for (number, words) in commands(&text) {
            checked += 1;
            if let Err(finding) = help.check(&words) {
                findings.push(format!("{}:{number}: {finding}", page.display()));
            }
        }
    }
    assert!(findings.is_empty(), "{findings:#?}");
    assert!(checked >= 8, "only {checked} commands found in the pages");
}

#[test]
fn finds_commands_in_marked_blocks_only() {
    for (name, text, expected) in [
        ("plain", "```sh\naibom replay x\n```\n", vec![vec!["replay", "x"]]),
        ("sudo_and_path", "```sh\nsudo target/release/aibom run -- aibom-world\n```\n", vec![vec!["run"]]),
        (
            "within_another",
            "```sh\naibom-world -- aibom record --to R -- x --y\n```\n",
            vec![vec!["record", "--to", "R"]],
        ),
        ("pipe", "```sh\naibom run -o - -- true | jq .x\n```\n", vec![vec!["run", "-o", "-"]]),
        ("comment", "```sh\n# aibom run it\n```\n", vec![]),
        (
            "argument",
            "```sh\ncargo build --bin aibom -p x\nsudo install target/aibom /bin/aibom\n```\n",
            vec![],
        ),
        ("output", "```text\naibom observed python\n```\n", vec![]),
        ("prose", "aibom run --no\n", vec![]),
    ] {
        let found: Vec<Vec<String>> = commands(text).into_iter().map(|(_, words)| words).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn tells_what_does_not_exist() {
    let mut help = Help::default();
    for (line, good) in [
        ("replay x -o y --deterministic", true),
        ("inspect -o json=- x", true),
        ("--version", true),
        ("polish x", false),
        ("replay --polish x", false),
        ("replay -P x", false),
        ("--polish", false),
    ] {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!(help.check(&words).is_ok(), good, "{line}");
    }
}

/// The pages a user reads.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["docs", "deploy", "schemas", "testdata"].iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("list a folder").path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root.join(name)),
    );
    pages.sort();
    pages
}

/// Line number and the words after `aibom`, for each command in a block marked `sh`.
fn commands(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(word) = line.strip_prefix("```") {
            inside = !inside && word == "sh";
        } else if inside && !line.starts_with('#') {
            let words: Vec<&str> = line.split_whitespace().collect();
            for (index, word) in words.iter().enumerate() {
                let before = index.checked_sub(1).and_then(|index| words.get(index));
                let commands_follow = before.is_none_or(|word| *word == "sudo" || ENDS.contains(word));
                if commands_follow && (*word == "aibom" || word.ends_with("/aibom")) {
                    let rest = words.iter().skip(index + 1).take_while(|word| !ENDS.contains(word));
                    found.push((number, rest.map(|word| (*word).to_owned()).collect()));
                }
            }
        }
    }
    found
}

/// What `--help` says, by command; the empty one is `aibom` itself.
#[derive(Default)]
struct Help(BTreeMap<String, String>);

impl Help {
    fn check(&mut self, words: &[String]) -> Result<(), String> {
        let command = words.first().filter(|word| !word.starts_with('-'));
        // Built without `observe`, the command has none of these; the pages are about the full one.
        let absent = cfg!(not(feature = "observe"));
        let observing = ["run", "record", "observe", "doctor"];
        if absent && command.is_some_and(|command| observing.contains(&command.as_str())) {
            return Ok(());
        }
        if let Some(command) = command {
            let listed = self.of("").lines().any(|line| line.split_whitespace().next() == Some(command));
            if !listed {
                return Err(format!("there is no `aibom {command}`"));
            }
        }
        let name = command.cloned().unwrap_or_default();
        let known = self.of(&name);
        for option in words.iter().filter(|word| word.starts_with('-') && word.len() > 1) {
            let option = option.split('=').next().unwrap_or(option);
            let listed = known.split(|c: char| c.is_whitespace() || c == ',').any(|word| word == option);
            if !listed {
                return Err(format!("`aibom {name}` has no option {option}"));
            }
        }
        Ok(())
    }

    fn of(&mut self, command: &str) -> &str {
        self.0.entry(command.to_owned()).or_insert_with(|| {
            let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
            let aibom = if command.is_empty() { &mut aibom } else { aibom.arg(command) };
            let output = aibom.arg("--help").output().expect("start aibom");
            assert!(output.status.success(), "aibom {command} --help failed");
            String::from_utf8(output.stdout).expect("help is text")
        })
    }
}
