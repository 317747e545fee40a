//! The version of a library, by what it says itself.

use std::collections::BTreeSet;

use super::view::VersionSource;
use crate::{
    metadata::{ElfMetadata, version_from_soname},
    path::SeenPath,
};

/// The most precise version that a library's content or names give, and where it stands.
///
/// `libcuda.so.1` is called `libcuda.so.550.54.15` on disk, `libonnxruntime.so.1` has symbols of `VERS_1.20.1`. What the
/// owning package says is somebody else's word, and stands beside this.
pub(super) fn of(elf: &ElfMetadata, paths: &BTreeSet<&SeenPath>) -> Option<(String, VersionSource)> {
    if let [only] = elf.symbol_versions.as_slice()
        && let Some(version) = only.rsplit('_').next().filter(|version| dots(version) >= 2)
    {
        return Some((version.to_owned(), VersionSource::SymbolVersion));
    }
    let own = elf.soname.as_deref();
    let in_name = paths.iter().find_map(|path| {
        let name = std::str::from_utf8(path.file_name()).ok()?;
        let version = version_from_soname(name)?;
        // Only if it is the same library's name: a stranger's link says nothing.
        let same = own.is_some_and(|own| stem(own) == stem(name));
        same.then(|| version.to_owned())
    });
    let in_soname = elf.version.clone();
    let note = elf.package_note.as_ref().and_then(|note| note.version.clone());
    match (in_name, in_soname) {
        (Some(name), soname) if soname.as_deref().is_none_or(|soname| dots(&name) > dots(soname)) => {
            Some((name, VersionSource::FileName))
        }
        (_, Some(soname)) => Some((soname, VersionSource::Soname)),
        (_, None) => note.map(|version| (version, VersionSource::PackageNote)),
    }
}

/// Dots in a version of digits; none if it is no such version.
fn dots(version: &str) -> usize {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if version.split('.').all(digits) { version.matches('.').count() } else { 0 }
}

/// `libtorch_cpu-1a2b3c4d.so.1` is `libtorch_cpu`: what auditwheel puts behind a name is a digest.
pub(super) fn stem(name: &str) -> &str {
    let stem = name.split(".so").next().unwrap_or(name);
    match stem.rsplit_once('-') {
        Some((before, tag)) if tag.len() == 8 && tag.bytes().all(|byte| byte.is_ascii_hexdigit()) => before,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_precise_version_wins() {
        for (name, soname, version, symbols, path, expected) in [
            (
                "soname",
                Some("libz.so.1"),
                Some("1"),
                &[][..],
                "/lib/libz.so.1",
                Some(("1", VersionSource::Soname)),
            ),
            (
                "longer_file_name",
                Some("libcuda.so.1"),
                Some("1"),
                &[],
                "/lib/libcuda.so.550.54.15",
                Some(("550.54.15", VersionSource::FileName)),
            ),
            (
                "anothers_file_name",
                Some("libz.so.1"),
                Some("1"),
                &[],
                "/x/liba.so.9.9.9",
                Some(("1", VersionSource::Soname)),
            ),
            (
                "symbols",
                Some("libonnxruntime.so.1"),
                Some("1"),
                &["VERS_1.20.1"],
                "/x/libonnxruntime.so.1",
                Some(("1.20.1", VersionSource::SymbolVersion)),
            ),
            ("interface_of_symbols", Some("liba.so"), None, &["LIBA_1"], "/x/liba.so", None),
            (
                "many_symbols",
                Some("libc.so.6"),
                Some("6"),
                &["GLIBC_2.2.5", "GLIBC_2.3"],
                "/x/libc.so.6",
                Some(("6", VersionSource::Soname)),
            ),
        ] {
            let json =
                r#"{"class":"bits64","byte_order":"little","machine":"x86_64","elf_type":"shared-library"}"#;
            let mut elf: ElfMetadata = serde_json::from_str(json).expect("all that is required");
            elf.soname = soname.map(str::to_owned);
            elf.version = version.map(str::to_owned);
            elf.symbol_versions = symbols.iter().map(|&text: &&str| text.to_owned()).collect();
            let path = SeenPath::new(path);
            let expected = expected.map(|(version, source)| (version.to_owned(), source));
            assert_eq!(of(&elf, &[&path].into()), expected, "{name}");
        }
        assert_eq!(stem("libctranslate2-a7a60d30.so.4.8.5"), "libctranslate2");
        assert_eq!(stem("libfoo-bar.so.1"), "libfoo-bar");
    }
}
