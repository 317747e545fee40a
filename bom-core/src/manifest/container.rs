//! A container as every kind of manifest describes it.

use std::collections::BTreeMap;

use super::yaml::Node;
use crate::declared::Place;

/// A text and its place.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) place: Place,
    /// The line on which the text's first line stands, if each of its lines is one of the file.
    pub(super) block: Option<u32>,
}

impl Said {
    pub(super) fn new(text: impl Into<String>, place: Place) -> Self {
        Self { text: text.into(), place, block: None }
    }

    /// The text of a node; `None` if it is none.
    pub(super) fn of(node: &Node, place: Place) -> Option<Self> {
        Some(Self { text: node.text()?.to_owned(), place, block: node.block_line() })
    }

    /// The place of a line of the text, counted from 1.
    pub(super) fn line(&self, line: u32) -> Place {
        match self.block {
            Some(first) => {
                Place { line: first.saturating_add(line.saturating_sub(1)), column: 0, ..self.place.clone() }
            }
            None => self.place.clone(),
        }
    }
}

/// A variable.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    /// `None`: a secret, a field reference, or a ConfigMap that is not in the input.
    pub(super) value: Option<String>,
    pub(super) place: Place,
    /// Where it comes from: `env OPENAI_BASE_URL` or `ConfigMap agent OPENAI_BASE_URL`.
    pub(super) origin: String,
}

/// A container, with everything resolved that the input resolves.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: Option<Said>,
    /// Entrypoint and arguments, in order.
    pub(super) command: Vec<Said>,
    pub(super) environment: Vec<Variable>,
    /// Files that are mounted from ConfigMaps: path, text, and the place of the text.
    pub(super) files: Vec<(String, Said)>,
    /// Accelerators asked for.
    pub(super) devices: Vec<Said>,
    /// OCI image volumes: the image, and where it is mounted.
    pub(super) image_volumes: Vec<(Said, String)>,
}

impl Container {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            image: None,
            command: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
            devices: Vec::new(),
            image_volumes: Vec::new(),
        }
    }

    /// Variables with a value.
    pub(super) fn known(&self) -> BTreeMap<String, String> {
        let known = self.environment.iter();
        known.filter_map(|variable| Some((variable.name.clone(), variable.value.clone()?))).collect()
    }
}
