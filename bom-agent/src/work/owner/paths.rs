//! Paths as bytes: brought to one form, and seen from a directory.

/// Longest path; PATH_MAX.
const PATH_BYTES: usize = 4096;

/// The path without empty and `.` steps, and with each `..` resolved against the step before it, as far as there is
/// one: `a/../../bin/x` is `../bin/x`. `None` if it is empty, too long or has a NUL.
pub(super) fn normal(path: &[u8]) -> Option<Vec<u8>> {
    if path.len() > PATH_BYTES || path.contains(&0) {
        return None;
    }
    let absolute = path.first() == Some(&b'/');
    let mut steps: Vec<&[u8]> = Vec::new();
    for step in path.split(|&byte| byte == b'/') {
        match step {
            b"" | b"." => {}
            b".." if steps.last().is_some_and(|&last| last != b"..") => {
                steps.pop();
            }
            b".." if absolute => {}
            other => steps.push(other),
        }
    }
    let joined = steps.join(&b'/');
    if joined.is_empty() {
        return None;
    }
    Some(if absolute { [b"/", &joined[..]].concat() } else { joined })
}

/// `path` as it is named in `directory`; both absolute and normal.
pub(super) fn seen_from(directory: &[u8], path: &[u8]) -> Vec<u8> {
    let steps = |path: &'_ [u8]| -> usize {
        path.split(|&byte| byte == b'/').filter(|step| !step.is_empty()).count()
    };
    let mut shared = 0;
    let mut pairs = split(directory).zip(split(path));
    while pairs.next().is_some_and(|(one, other)| one == other) {
        shared += 1;
    }
    let up = std::iter::repeat_n(&b".."[..], steps(directory) - shared);
    let down = split(path).skip(shared);
    up.chain(down).collect::<Vec<_>>().join(&b'/')
}

/// The directories above `path`, the nearest first, `/` last.
pub(super) fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let cut = rest.iter().rposition(|&byte| byte == b'/')?;
        rest = &rest[..cut];
        Some(if rest.is_empty() { b"/" } else { rest })
    })
}

/// `directory` and a name below it.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    [directory, b"/", name].concat()
}

/// The module that a compiled file was made from (PEP 3147): `p/__pycache__/m.cpython-311.opt-1.pyc` and `p/m.pyc`
/// come from `p/m.py`. Installers that do not compile (uv) list the module alone.
pub(super) fn source_of(path: &[u8]) -> Option<Vec<u8>> {
    let cut = path.iter().rposition(|&byte| byte == b'/')?;
    let (directory, name) = (&path[..cut], &path[cut + 1..]);
    let stem = name.strip_suffix(b".pyc")?;
    let Some(package) = directory.strip_suffix(b"/__pycache__") else {
        return Some([directory, b"/", stem, b".py"].concat());
    };
    let dot = |name: &[u8]| name.iter().rposition(|&byte| byte == b'.');
    let mut end = dot(stem)?;
    if stem[end..].starts_with(b".opt-") {
        end = dot(&stem[..end])?;
    }
    Some([package, b"/", &stem[..end], b".py"].concat())
}

/// Directories that usr-merge moved below /usr; older packages still list their files without it.
const MERGED: [&[u8]; 6] = [b"/bin/", b"/sbin/", b"/lib/", b"/lib32/", b"/lib64/", b"/libx32/"];

/// The path as it was before usr-merge, if that moved it.
pub(super) fn before_merge(path: &[u8]) -> Option<&[u8]> {
    path.strip_prefix(b"/usr").filter(|rest| MERGED.iter().any(|moved| rest.starts_with(moved)))
}

fn split(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|step| !step.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{ancestors, normal, seen_from, source_of};

    fn text(bytes: Option<Vec<u8>>) -> Option<String> {
        bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn brings_paths_to_one_form() {
        for (path, expected) in [
            ("a/b.py", Some("a/b.py")),
            ("./a//b.py", Some("a/b.py")),
            ("a/../../../bin/x", Some("../../bin/x")),
            ("../../bin/x", Some("../../bin/x")),
            ("/../../etc/passwd", Some("/etc/passwd")),
            ("/a/./b", Some("/a/b")),
            ("", None),
            ("a/..", None),
            ("a\0b", None),
        ] {
            assert_eq!(text(normal(path.as_bytes())).as_deref(), expected, "{path:?}");
        }
        assert_eq!(normal(&[b'a'; 5000]), None);
    }

    #[test]
    fn names_a_path_from_a_directory() {
        for (directory, path, expected) in [
            ("/v/lib/site", "/v/lib/site/p/m.py", "p/m.py"),
            ("/v/lib/site", "/v/bin/x", "../../bin/x"),
            ("/v/lib/site", "/v/lib/sites/x", "../sites/x"),
            ("/", "/x", "x"),
            ("/v", "/w", "../w"),
        ] {
            let seen = seen_from(directory.as_bytes(), path.as_bytes());
            assert_eq!(text(Some(seen)).as_deref(), Some(expected), "{path} from {directory}");
        }
    }

    #[test]
    fn finds_the_module_of_a_compiled_file() {
        for (path, expected) in [
            ("/s/p/__pycache__/m.cpython-311.pyc", Some("/s/p/m.py")),
            ("/s/p/__pycache__/m.cpython-311.opt-2.pyc", Some("/s/p/m.py")),
            ("/s/p/__pycache__/a.b.pypy310.pyc", Some("/s/p/a.b.py")),
            ("/s/p/m.pyc", Some("/s/p/m.py")),
            ("/s/p/__pycache__/m.pyc", None),
            ("/s/p/m.py", None),
            ("m.pyc", None),
        ] {
            assert_eq!(text(source_of(path.as_bytes())).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn climbs_to_the_root() {
        assert_eq!(ancestors(b"/a/b/c").collect::<Vec<_>>(), [&b"/a/b"[..], b"/a", b"/"]);
    }
}
