//! Packages that are told by a manifest above a file: Node's package.json, RubyGems' specifications, and the library that
//! lies in the prefix of an interpreter.
//!
//! None of these lists a file. What lies below the manifest, where the installer of that language puts packages, is taken
//! for part of the package; what lies below the manifest of a project is so by the project's own word.

use std::collections::BTreeMap;

use bom_core::{
    input::Reason,
    package::{Basis, Ecosystem, PackageOwner},
    path::SeenPath,
};

use super::paths::{ancestors, join};
use super::site::{head_of, value};
use super::{Identity, Stamp, existing, identity, stamp};
use crate::work::open::{Links, Tree};
use crate::work::watch::Watch;

/// Steps a path is climbed.
const DEPTH: usize = 64;
/// Manifests remembered.
const KNOWN: usize = 8192;
/// Suffixes of what Node loads.
const NODE: &[&[u8]] =
    &[b"js", b"mjs", b"cjs", b"jsx", b"ts", b"mts", b"cts", b"tsx", b"node", b"wasm", b"json"];
/// Longest part of a package.json that is read; names and versions stand at the start, but nothing says so.
const MANIFEST_BYTES: usize = 1 << 20;

/// What a manifest says: name, and version if it has one.
type About = Option<(String, Option<String>)>;

#[derive(Debug, Default)]
pub(super) struct Manifests {
    known: BTreeMap<Identity, (Stamp, About)>,
}

impl Manifests {
    pub(super) fn owners(
        &mut self,
        tree: &Tree,
        path: &[u8],
        watch: &Watch,
    ) -> Result<Vec<PackageOwner>, Reason> {
        let mut owners = Vec::new();
        owners.extend(self.node(tree, path, watch)?);
        owners.extend(self.gem(tree, path, watch)?);
        Ok(owners)
    }

    /// The nearest package.json with a name: those without are marks inside a package (`{"type": "commonjs"}`).
    fn node(&mut self, tree: &Tree, path: &[u8], watch: &Watch) -> Result<Option<PackageOwner>, Reason> {
        let installed = path.windows(NODE_MODULES.len()).any(|part| part == NODE_MODULES);
        if !installed && !has_suffix(path, NODE) {
            return Ok(None);
        }
        for directory in ancestors(path).take(DEPTH) {
            if directory.ends_with(b"/node_modules") {
                // What lies here belongs to no package.
                return Ok(None);
            }
            let source = join(directory, b"package.json");
            let about = self.read(tree, &source, watch, node_about)?;
            if let Some((name, version)) = about {
                // A project may lie in a folder that is called like that; a package lies directly in one.
                let basis = if is_package_folder(directory) { Basis::Manifest } else { Basis::Project };
                return Ok(Some(owner(Ecosystem::Npm, basis, name, version, source)));
            }
        }
        Ok(None)
    }

    /// `…/gems/rake-13.0.6/lib/rake.rb` beside `…/specifications/rake-13.0.6.gemspec`.
    fn gem(&mut self, tree: &Tree, path: &[u8], watch: &Watch) -> Result<Option<PackageOwner>, Reason> {
        let mut below = path;
        for directory in ancestors(path).take(DEPTH) {
            if let Some(home) = directory.strip_suffix(b"/gems") {
                let folder = below.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
                for place in [&b"/specifications/"[..], b"/specifications/default/"] {
                    let source = [home, place, folder, b".gemspec"].concat();
                    if let Some((name, version)) = self.read(tree, &source, watch, gem_about)? {
                        return Ok(Some(owner(Ecosystem::Gem, Basis::Manifest, name, version, source)));
                    }
                }
            }
            below = directory;
        }
        Ok(None)
    }

    /// The interpreter whose library the file lies in, to be asked where nobody else owns it:
    /// `PREFIX/lib/python3.11/…` outside of its site directory. Which version it is, its own header says.
    pub(super) fn runtime(
        &mut self,
        tree: &Tree,
        path: &[u8],
        watch: &Watch,
    ) -> Result<Option<PackageOwner>, Reason> {
        if path.windows(15).any(|part| part == b"/site-packages/" || part == b"/dist-packages/") {
            return Ok(None);
        }
        for directory in ancestors(path).take(DEPTH) {
            let Some((library, name)) = split(directory) else { continue };
            let Some(series) = name.strip_prefix(b"python") else { continue };
            let is_series =
                series.starts_with(b"3.") && series.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
            if !is_series || !(library.ends_with(b"/lib") || library.ends_with(b"/lib64")) {
                continue;
            }
            // Every library of Python has this one; a folder of somebody else's has not.
            if existing(tree.find(&join(directory, b"os.py"), Links::Follow))?.is_none() {
                continue;
            }
            let prefix = split(library).map_or(&b""[..], |(prefix, _)| prefix);
            let source = [prefix, b"/include/", name, b"/patchlevel.h"].concat();
            let (name, version, source) = match self.read(tree, &source, watch, patch_level)? {
                Some((name, version)) => (name, version, source),
                None => ("cpython".to_owned(), value(series), directory.to_vec()),
            };
            return Ok(Some(owner(Ecosystem::Runtime, Basis::Place, name, version, source)));
        }
        Ok(None)
    }

    fn read(
        &mut self,
        tree: &Tree,
        path: &[u8],
        watch: &Watch,
        about: fn(&[u8]) -> About,
    ) -> Result<About, Reason> {
        watch.beat()?;
        let Some((file, metadata)) = existing(tree.read(path, Links::Follow))? else { return Ok(None) };
        let (identity, stamp) = (identity(&metadata), stamp(&metadata));
        if let Some((known, about)) = self.known.get(&identity)
            && *known == stamp
        {
            return Ok(about.clone());
        }
        let bytes = head_of(&file, MANIFEST_BYTES, watch)?;
        let found = about(&bytes);
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(identity, (stamp, found.clone()));
        Ok(found)
    }
}

const NODE_MODULES: &[u8] = b"/node_modules/";

fn owner(
    ecosystem: Ecosystem,
    basis: Basis,
    name: String,
    version: Option<String>,
    source: Vec<u8>,
) -> PackageOwner {
    PackageOwner {
        ecosystem,
        basis,
        name,
        version,
        architecture: None,
        source: SeenPath::new(source),
        recorded_sha256: None,
    }
}

fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let cut = path.iter().rposition(|&byte| byte == b'/')?;
    Some((&path[..cut], &path[cut + 1..]))
}

fn has_suffix(path: &[u8], suffixes: &[&[u8]]) -> bool {
    let name = split(path).map_or(path, |(_, name)| name);
    let cut = name.iter().rposition(|&byte| byte == b'.');
    cut.is_some_and(|cut| suffixes.contains(&&name[cut + 1..]))
}

/// `…/node_modules/name` or `…/node_modules/@scope/name`.
fn is_package_folder(directory: &[u8]) -> bool {
    let Some((above, _)) = split(directory) else { return false };
    above.ends_with(b"/node_modules")
        || split(above)
            .is_some_and(|(home, scope)| home.ends_with(b"/node_modules") && scope.starts_with(b"@"))
}

/// Name and version of a package.json; none without a name.
fn node_about(bytes: &[u8]) -> About {
    let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let field = |name: &str| {
        json.get(name).and_then(serde_json::Value::as_str).and_then(|text| value(text.as_bytes()))
    };
    Some((field("name")?, field("version")))
}

/// `# stub: name version platform paths`, which RubyGems writes into each installed specification; otherwise the
/// assignments it writes below.
fn gem_about(bytes: &[u8]) -> About {
    let text = str::from_utf8(bytes).ok()?;
    if let Some(stub) = text.lines().find_map(|line| line.strip_prefix("# stub: ")) {
        let mut words = stub.split(' ');
        return Some((
            value(words.next()?.as_bytes())?,
            words.next().and_then(|word| value(word.as_bytes())),
        ));
    }
    let field = |name: &str| {
        let lines = text.lines().filter_map(|line| line.trim_start().split_once(name));
        let values = lines.filter_map(|(_, rest)| rest.trim_start().strip_prefix('=')?.split('"').nth(1));
        values.take(1).next().and_then(|text| value(text.as_bytes()))
    };
    Some((field(".name")?, field(".version")))
}

fn patch_level(bytes: &[u8]) -> About {
    let text = str::from_utf8(bytes).ok()?;
    let version = text.lines().find_map(|line| line.strip_prefix("#define PY_VERSION"))?;
    Some(("cpython".to_owned(), version.split('"').nth(1).and_then(|text| value(text.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_manifests() {
        let found = |name: &str, version: Option<&str>| Some((name.to_owned(), version.map(str::to_owned)));
        for (text, expected) in [
            (r#"{"name": "@a/b", "version": "1.0.0"}"#, found("@a/b", Some("1.0.0"))),
            (r#"{"name": "x"}"#, found("x", None)),
            (r#"{"type": "commonjs"}"#, None),
            (r#"{"name": 7}"#, None),
            (r#"{"name": "x", "#, None),
        ] {
            assert_eq!(node_about(text.as_bytes()), expected, "{text}");
        }
        for (text, expected) in [
            ("# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n", found("rake", Some("13.0.6"))),
            (
                "Gem::Specification.new do |s|\n  s.name = \"rack\".freeze\n  s.version = \"3.0\"\n",
                found("rack", Some("3.0")),
            ),
            ("Gem::Specification.new", None),
        ] {
            assert_eq!(gem_about(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(
            patch_level(b"#define PY_MAJOR_VERSION 3\n#define PY_VERSION      \t\"3.11.7\"\n"),
            found("cpython", Some("3.11.7"))
        );
        assert!(is_package_folder(b"/a/node_modules/@s/n") && is_package_folder(b"/a/node_modules/n"));
        assert!(!is_package_folder(b"/a/node_modules/n/dist") && !is_package_folder(b"/a"));
    }
}
