//! Which programs run the code of which language, by what their files define and are linked with. A name decides
//! nothing: `python3` can be anything, and a server can have an interpreter inside.

use std::collections::{BTreeMap, BTreeSet};

use super::artifacts::Known;
use crate::{
    fact::{Action, FactKey, Strength},
    inventory::Epoch,
    key::{FileKey, ImageId, Object},
    metadata::{ElfMetadata, Language},
    path::SeenPath,
};

/// Symbol that the interpreter of a language defines, and the beginning of the library it is linked with otherwise.
const RUNS: &[(Language, &str, &str)] = &[
    (Language::Python, "Py_BytesMain", "libpython3"),
    (Language::Node, "napi_module_register", "libnode."),
    (Language::Java, "JNI_CreateJavaVM", "libjvm."),
    // The launcher `java` is linked with this one, which loads the machine itself.
    (Language::Java, "JNI_CreateJavaVM", "libjli."),
    (Language::Ruby, "ruby_run_node", "libruby"),
];

/// The same for languages whose packages are not told apart.
const OTHERS: &[(&str, &str)] = &[
    ("perl_parse", "libperl."),
    ("php_request_startup", "libphp"),
    ("lua_newstate", "liblua"),
    ("Tcl_CreateInterp", "libtcl"),
    ("Rf_initEmbeddedR", "libR."),
    ("jl_init", "libjulia"),
];

/// What an image runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    pub(crate) languages: BTreeSet<Language>,
    /// A language whose packages are not told apart.
    pub(crate) other: bool,
}

impl Runs {
    fn add(&mut self, elf: &ElfMetadata) {
        let has = |symbol: &str, library: &str| {
            elf.exports.contains(symbol) || elf.needed.iter().any(|needed| needed.starts_with(library))
        };
        let languages = RUNS.iter().filter(|(_, symbol, library)| has(symbol, library));
        self.languages.extend(languages.map(|(language, ..)| *language));
        self.other |= OTHERS.iter().any(|(symbol, library)| has(symbol, library));
    }
}

/// What each image runs: by its executable, and by the libraries it mapped as code.
pub(super) fn of_images(epoch: &Epoch, known: &BTreeMap<&Object, Known<'_>>) -> BTreeMap<ImageId, Runs> {
    let elf = |file: &FileKey| known.get(&Object::File(*file)).and_then(Known::elf);
    let mut images: BTreeMap<ImageId, Runs> = BTreeMap::new();
    for (id, image) in &epoch.images {
        let runs = images.entry(*id).or_default();
        image.executables.iter().filter_map(elf).for_each(|elf| runs.add(elf));
    }
    for (FactKey { image, action, object, .. }, evidence) in &epoch.facts {
        // A library that was only read was copied or looked at.
        if *action == Action::Mapped
            && evidence.strength.0 == Strength::Executed
            && let Object::File(file) = object
            && let Some(elf) = elf(file)
        {
            images.entry(*image).or_default().add(elf);
        }
    }
    images
}

/// The language that loads a file of this name as code. Extension modules (`.so`) belong to whoever lists them.
pub(crate) fn of_name(path: &SeenPath) -> Option<Language> {
    let name = path.file_name();
    let language = match name.rsplit(|&byte| byte == b'.').next().unwrap_or_default() {
        _ if !name.contains(&b'.') => return None,
        b"py" | b"pyc" | b"pyz" | b"egg" | b"whl" => Language::Python,
        b"js" | b"mjs" | b"cjs" | b"jsx" | b"ts" | b"mts" | b"cts" | b"tsx" | b"node" => Language::Node,
        b"jar" | b"war" | b"ear" | b"class" | b"jmod" => Language::Java,
        b"rb" => Language::Ruby,
        _ => return None,
    };
    Some(language)
}

/// The language of a script, by the last word of its first line that names a program: `/usr/bin/env -S node` is Node.
pub(crate) fn of_script(interpreter: &str) -> Option<Language> {
    let programs = interpreter.split_ascii_whitespace().filter(|word| !word.starts_with('-'));
    let program = programs.take(2).last()?;
    let program = program.rsplit('/').next().unwrap_or(program);
    let plain = program.trim_end_matches(|digit: char| digit.is_ascii_digit() || digit == '.');
    match plain {
        "python" | "pypy" => Some(Language::Python),
        "node" | "nodejs" => Some(Language::Node),
        "java" => Some(Language::Java),
        "ruby" => Some(Language::Ruby),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_lines() {
        for (name, expected) in [
            ("/a/b.py", Some(Language::Python)),
            ("/a/b.cpython-311.pyc", Some(Language::Python)),
            ("/a/b.d.ts", Some(Language::Node)),
            ("/a/addon.node", Some(Language::Node)),
            ("/a/lib.jar", Some(Language::Java)),
            ("/a/x.rb", Some(Language::Ruby)),
            ("/a/py", None),
            ("/a/x.so", None),
            ("/a/x.json", None),
        ] {
            assert_eq!(of_name(&SeenPath::new(name)), expected, "{name}");
        }
        for (line, expected) in [
            ("/usr/bin/env python3", Some(Language::Python)),
            ("/venv/bin/python3.11 -I", Some(Language::Python)),
            ("/usr/bin/env -S node --no-warnings", Some(Language::Node)),
            ("/usr/bin/ruby3.1", Some(Language::Ruby)),
            ("/bin/sh", None),
            ("", None),
        ] {
            assert_eq!(of_script(line), expected, "{line}");
        }
    }
}
