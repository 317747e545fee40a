//! The command line without privilege: what is said to a wrong call, and with which code.

use std::process::{Command, Output};

fn aibom(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aibom")).args(arguments).output().expect("aibom starts")
}

fn check(arguments: &[&str], code: i32, word: &str) {
    let output = aibom(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}: results only on stdout");
    assert!(errors.contains(word), "{arguments:?}: {word:?} is not in {errors}");
}

#[test]
fn wrong_calls_of_run_are_125() {
    for (arguments, word) in [
        (&["run"][..], "CMD"),
        (&["run", "--"], "CMD"),
        (&["run", "true"], "unexpected argument"),
        (&["run", "--nonsense", "--", "true"], "--nonsense"),
        (&["run", "-o", "pdf=x", "--", "true"], "unknown format \"pdf\""),
        (&["run", "-o", "json=x", "--", "true"], "aibom inspect"),
        (&["run", "-o", "", "--", "true"], "path is empty"),
        (&["run", "-o", "cyclonedx=", "--", "true"], "path is empty"),
        (&["run", "--linger", "soon", "--", "true"], "not a number"),
        (&["run", "--linger=-1", "--", "true"], "between 0 and 86400"),
        (&["run", "--linger", "NaN", "--", "true"], "between 0 and 86400"),
        (&["run", "--ring-bytes", "5000", "--", "true"], "power of two"),
        (&["run", "--exit", "mine", "--", "true"], "command, aibom"),
        (&["record", "--to"], "--to"),
        (&["record", "-o", "pdf=x", "--", "true"], "unknown format"),
    ] {
        check(arguments, 125, word);
    }
}

#[test]
fn wrong_calls_of_the_others_are_2() {
    for (arguments, word) in [
        (&[][..], "Usage"),
        (&["nonsense"], "nonsense"),
        (&["replay"], "FILE"),
        (&["replay", "/nonexistent/recording"], "/nonexistent/recording"),
        (&["replay", "/etc/passwd"], "replay /etc/passwd"),
        (&["replay", "/dev/null"], "replay /dev/null"),
        (&["inspect"], "FILE"),
        (&["inspect", "/nonexistent/file"], "/nonexistent/file"),
        (&["inspect", "/dev/null"], "not a regular file"),
        (&["explain"], "BOM"),
        (&["explain", "/etc/passwd", "x"], "/etc/passwd"),
        (&["explain", "-o", "table=-", "/etc/passwd", "x"], "json"),
        (&["inspect", "-o", "table=-", "/etc/passwd"], "json"),
        (&["validate"], "BOM"),
        (&["validate", "/nonexistent/bom"], "/nonexistent/bom"),
        (&["validate", "/etc/passwd"], "read /etc/passwd"),
        (&["validate", "-o", "sarif=-", "/etc/passwd"], "table and json"),
        (&["convert"], "BOM"),
        (&["convert", "/etc/passwd"], "read /etc/passwd"),
        (&["convert", "--to", "1.3", "/etc/passwd"], "1.4, 1.5, 1.6 or 1.7"),
    ] {
        check(arguments, 2, word);
    }
}

#[test]
fn help_and_version_are_answers() {
    for arguments in
        [&["--help"][..], &["--version"], &["run", "--help"], &["replay", "-h"], &["help", "inspect"]]
    {
        let output = aibom(arguments);
        assert!(output.status.success(), "{arguments:?}");
        assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_error_is_one_line_of_text() {
    for path in ["/nonexistent/two\nlines", "/nonexistent/\u{1b}[31mred", "/nonexistent/\u{202e}txt"] {
        for command in ["inspect", "replay"] {
            let output = aibom(&[command, path]);
            let errors = String::from_utf8(output.stderr).expect("text");
            assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 1), "{errors:?}");
            assert!(!errors.trim_end().contains(['\u{1b}', '\u{202e}', '\n']), "{errors:?}");
        }
    }
}
