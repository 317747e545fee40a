//! Running programs: every failure names the command line and what came of it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs a program with our own terminal; anything but exit code 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start `{}`", line(command)))?;
    if status.success() {
        return Ok(());
    }
    bail!("`{}` ended with {}", line(command), ending(status))
}

/// Runs two programs, the stdout of the first as the stdin of the second; both have to end with exit code 0.
pub(crate) fn pipe(from: &mut Command, to: &mut Command) -> Result<()> {
    let shown = line(from);
    let mut first =
        from.stdout(Stdio::piped()).spawn().with_context(|| format!("failed to start `{shown}`"))?;
    let stdout = first.stdout.take().context("a piped stdout is there")?;
    let second = run(to.stdin(stdout));
    let status = first.wait().with_context(|| format!("failed to wait for `{shown}`"))?;
    second?;
    if status.success() {
        return Ok(());
    }
    bail!("`{shown}` ended with {}", ending(status))
}

/// Like [`run`], and shows every line of stdout to `look` while it passes through to `out`.
pub(crate) fn run_watched(
    command: &mut Command,
    out: &mut impl Write,
    mut look: impl FnMut(&str),
) -> Result<()> {
    let shown = line(command);
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("failed to start `{shown}`"))?;
    let stdout = child.stdout.take().context("a piped stdout is there")?;
    let mut lines = BufReader::new(stdout);
    let mut bytes = Vec::new();
    while lines.read_until(b'\n', &mut bytes).with_context(|| format!("failed to read from `{shown}`"))? > 0 {
        out.write_all(&bytes).with_context(|| format!("failed to pass on the output of `{shown}`"))?;
        look(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    let status = child.wait().with_context(|| format!("failed to wait for `{shown}`"))?;
    if status.success() {
        return Ok(());
    }
    bail!("`{shown}` ended with {}", ending(status))
}

/// Runs a program that reports on stderr, and shows every line of it to `look` only.
pub(crate) fn run_quiet(command: &mut Command, mut look: impl FnMut(&str)) -> Result<()> {
    let shown = line(command);
    let mut child =
        command.stderr(Stdio::piped()).spawn().with_context(|| format!("failed to start `{shown}`"))?;
    let stderr = child.stderr.take().context("a piped stderr is there")?;
    let mut lines = BufReader::new(stderr);
    let mut bytes = Vec::new();
    let mut kept = std::collections::VecDeque::new();
    while lines.read_until(b'\n', &mut bytes).with_context(|| format!("failed to read from `{shown}`"))? > 0 {
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        look(&text);
        if kept.len() >= 60 {
            kept.pop_front();
        }
        kept.push_back(text);
        bytes.clear();
    }
    let status = child.wait().with_context(|| format!("failed to wait for `{shown}`"))?;
    if status.success() {
        return Ok(());
    }
    // What it said last tells what it found.
    kept.iter().for_each(|text| eprintln!("    {text}"));
    bail!("`{shown}` ended with {}", ending(status))
}

/// Runs a program and returns its stdout; on failure the error carries its stderr.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        bail!(
            "`{}` ended with {}: {}",
            line(command),
            ending(output.status),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed bytes that are not UTF-8", line(command)))
}

/// Runs a program and returns whatever it printed and however it ended.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    command.output().with_context(|| format!("failed to start `{}`", line(command)))
}

/// The file a bare program name stands for, by `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        // `ip` and friends live here, and a developer's PATH may lack it.
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(program))
        .find(|file| is_executable(file))
}

/// The command line as one would type it: `cargo` by its name and not by its place in the toolchain.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let shown = if program.ends_with("cargo") { Path::new("cargo") } else { program };
    let mut line = word(&shown.to_string_lossy());
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&word(&argument.to_string_lossy()));
    }
    line
}

fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_command_and_its_end() {
        for (name, script, expected) in [
            ("exit_code", "exit 3", "`sh -c 'exit 3'` ended with exit code 3"),
            ("signal", "kill -9 $$", "`sh -c 'kill -9 $$'` ended with signal 9"),
        ] {
            let error = run(Command::new("sh").args(["-c", script])).expect_err(name);
            assert_eq!(error.to_string(), expected, "{name}");
        }
    }

    #[test]
    fn capture_carries_stderr() {
        let error = capture(Command::new("sh").args(["-c", "echo why >&2; exit 1"])).expect_err("exit 1");
        assert!(error.to_string().ends_with("exit code 1: why"), "{error}");
    }

    #[test]
    fn watched_lines_and_the_end_are_both_seen() {
        let (mut out, mut seen) = (Vec::new(), Vec::new());
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; printf two; exit 4"]);
        let result = run_watched(&mut command, &mut out, |line| seen.push(line.to_owned()));
        assert_eq!(seen, ["one", "two"]);
        assert_eq!(out, b"one\ntwo");
        assert!(result.is_err_and(|error| error.to_string().ends_with("exit code 4")));
    }

    #[test]
    fn a_pipe_fails_with_either_end() {
        let sh = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            command
        };
        assert!(pipe(&mut sh("echo one"), &mut sh("test $(cat) = one")).is_ok());
        for (name, from, to, expected) in [
            ("first", "exit 3", "cat", "`sh -c 'exit 3'` ended with exit code 3"),
            ("second", "echo one", "cat >/dev/null; exit 4", "ended with exit code 4"),
        ] {
            let error = pipe(&mut sh(from), &mut sh(to)).expect_err(name);
            assert!(error.to_string().ends_with(expected), "{name}: {error}");
        }
    }

    #[test]
    fn missing_program_is_named() {
        let error = run(&mut Command::new("/nonexistent/program")).expect_err("no such file");
        assert!(error.to_string().contains("/nonexistent/program"), "{error}");
    }

    #[test]
    fn quotes_what_a_shell_would_split() {
        let mut command = Command::new("a b");
        command.args(["c", "", "d'e"]);
        assert_eq!(line(&command), r"'a b' c '' 'd'\''e'");
        assert_eq!(line(Command::new("/toolchain/bin/cargo").arg("test")), "cargo test");
    }
}
