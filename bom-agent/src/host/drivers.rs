//! Kernel modules that drive accelerators, as sysfs has them.

use std::collections::BTreeMap;
use std::path::Path;

use super::{SMALL, read_bounded};

/// NVIDIA, AMD (graphics, XDNA), Intel (graphics, NPU, Gaudi), Google's and Qualcomm's accelerators, AWS Neuron.
const MODULES: &[&str] = &[
    "amdgpu",
    "amdxdna",
    "apex",
    "habanalabs",
    "i915",
    "intel_vpu",
    "neuron",
    "nouveau",
    "nvidia",
    "qaic",
    "xe",
];
/// Longest version that is believed.
const LONGEST: usize = 64;

/// Those that are loaded; a module of the kernel's own gives no version.
pub(super) fn loaded(root: &Path) -> BTreeMap<String, Option<String>> {
    let modules = MODULES.iter().map(|&name| (name, root.join("sys/module").join(name)));
    let there = modules.filter(|(_, folder)| folder.is_dir());
    there.map(|(name, folder)| (name.to_owned(), version(&folder))).collect()
}

fn version(folder: &Path) -> Option<String> {
    let text = read_bounded(&folder.join("version"), SMALL).ok()?;
    let text = str::from_utf8(&text).ok()?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    (!text.is_empty() && text.len() <= LONGEST && text.chars().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn modules_and_their_versions() {
        let root = tempfile::tempdir().expect("a folder");
        for (name, text) in
            [("nvidia", Some("550.54.15\n")), ("amdgpu", None), ("xe", Some("a b\n")), ("ext4", None)]
        {
            let folder = root.path().join("sys/module").join(name);
            fs::create_dir_all(&folder).expect("a folder");
            if let Some(text) = text {
                fs::write(folder.join("version"), text).expect("a file");
            }
        }
        let expected = [("amdgpu", None), ("nvidia", Some("550.54.15")), ("xe", None)];
        let expected = expected.map(|(name, version)| (name.to_owned(), version.map(str::to_owned)));
        assert_eq!(loaded(root.path()), BTreeMap::from(expected));
    }
}
