//! `-o [FMT=]PATH`.

use std::{path::PathBuf, str::FromStr};

use bom_core::bom::SpecVersion;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    CycloneDx(SpecVersion),
    Table,
    Json,
    Sarif,
    Junit,
    Markdown,
    Csv,
}

/// Where one result goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `None`: what the command makes by default.
    pub(crate) format: Option<Format>,
    /// `None`: stdout.
    pub(crate) path: Option<PathBuf>,
}

const FORMATS: &[(&str, Format)] = &[
    ("cyclonedx", Format::CycloneDx(SpecVersion::V1_6)),
    ("cyclonedx-1.5", Format::CycloneDx(SpecVersion::V1_5)),
    ("cyclonedx-1.6", Format::CycloneDx(SpecVersion::V1_6)),
    ("cyclonedx-1.7", Format::CycloneDx(SpecVersion::V1_7)),
    ("table", Format::Table),
    ("json", Format::Json),
    ("sarif", Format::Sarif),
    ("junit", Format::Junit),
    ("markdown", Format::Markdown),
    ("csv", Format::Csv),
];

impl FromStr for Target {
    type Err = String;

    /// A path that contains `=` before its first slash is written `./a=b`.
    fn from_str(text: &str) -> Result<Self, String> {
        let prefix = text.split_once('=').filter(|(word, _)| !word.contains('/'));
        let (format, path) = match prefix {
            Some((word, path)) => {
                let found = FORMATS.iter().find(|(name, _)| *name == word).map(|(_, format)| *format);
                let names: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).collect();
                let unknown = || format!("unknown format {word:?}; one of {}", names.join(", "));
                (Some(found.ok_or_else(unknown)?), path)
            }
            None => (None, text),
        };
        if path.is_empty() {
            return Err("the path is empty".to_owned());
        }
        Ok(Self { format, path: (path != "-").then(|| PathBuf::from(path)) })
    }
}
