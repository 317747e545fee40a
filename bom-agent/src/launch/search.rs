//! Which paths execve(2) has to be tried with.

use std::{
    ffi::{CString, OsStr, OsString},
    os::unix::ffi::OsStrExt,
};

use super::LaunchError;

/// What execvp(3) takes where PATH is not set.
const DEFAULT: &str = "/bin:/usr/bin";

/// The program as it is if its name has a slash, else that name in each directory of `path`.
///
/// Whether a candidate exists is for the new process to try, with the rights of its user.
pub(super) fn candidates(program: &OsStr, path: Option<&OsStr>) -> Result<Vec<CString>, LaunchError> {
    let name = program.as_bytes();
    if name.is_empty() || name.contains(&b'/') {
        return Ok(vec![c_string(program)?]);
    }
    let path = path.unwrap_or(OsStr::new(DEFAULT)).as_bytes();
    let inside = |directory: &[u8]| match directory {
        // An empty part of PATH is the current directory.
        [] => c_string(program),
        [.., b'/'] => c_string(OsStr::from_bytes(&[directory, name].concat())),
        directory => c_string(OsStr::from_bytes(&[directory, b"/", name].concat())),
    };
    path.split(|byte| *byte == b':').map(inside).collect()
}

pub(super) fn c_string(text: &OsStr) -> Result<CString, LaunchError> {
    CString::new(text.as_bytes()).map_err(|_| LaunchError::ZeroByte)
}

/// `NAME=value` for each variable.
pub(super) fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<CString>, LaunchError> {
    let assignment = |(name, value): (OsString, OsString)| {
        c_string(OsStr::from_bytes(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
    };
    variables.into_iter().map(assignment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_like_execvp() {
        for (program, path, expected) in [
            ("x", Some("/a:/b/"), &["/a/x", "/b/x"][..]),
            ("x", Some(":/a:"), &["x", "/a/x", "x"]),
            ("x", Some(""), &["x"]),
            ("x", None, &["/bin/x", "/usr/bin/x"]),
            ("./x", Some("/a"), &["./x"]),
            ("/b/x", None, &["/b/x"]),
            ("", Some("/a"), &[""]),
        ] {
            let found = candidates(OsStr::new(program), path.map(OsStr::new)).expect("no zero byte");
            let found: Vec<&str> = found.iter().map(|path| path.to_str().expect("text")).collect();
            assert_eq!(found, expected, "{program:?} in {path:?}");
        }
        assert!(matches!(candidates(OsStr::new("a\0b"), None), Err(LaunchError::ZeroByte)));
    }
}
