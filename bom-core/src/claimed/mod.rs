//! What programs were told by their environment and arguments: names of models, and where to call.
//!
//! The word of whoever started the program, which the program itself can rewrite: claimed, and never taken for what was
//! loaded or called. Of both lists only values of allow-listed names leave [`read`], which wipes what it was given;
//! `plausible` says what a value has to look like. What does not is [`Value::Withheld`]: it was there, and that is all.

mod plausible;
mod read;

use std::collections::BTreeSet;

pub use read::{MOST_BYTES, Raw, read};
use serde::{Deserialize, Serialize};

use crate::stdio::Stdio;

/// What one program was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claims {
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub said: BTreeSet<Claim>,
    /// There was more than is looked at, or than is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// No claim, but read at the same time: what the kernel says its standard input and output are. `None` if that
    /// could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdio: Option<Stdio>,
}

/// One name and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Claim {
    pub place: Place,
    /// As the allow-list has it: `OPENAI_MODEL`, `--model`, `ollama run`.
    pub name: String,
    pub value: Value,
}

/// Where a claim stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    Environment,
    Argument,
}

/// What is kept of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// The name of a model, a path, or scheme, host and port of an address. Without blanks.
    Text(String),
    /// It does not look like what the name is for, so nothing of it is kept.
    Withheld,
}

impl Place {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Argument => "argument",
        }
    }
}

impl Claim {
    /// One line: place, name and value.
    pub fn text(&self) -> String {
        let Self { place, name, value } = self;
        match value {
            Value::Text(value) => format!("{} {name}={value}", place.name()),
            Value::Withheld => format!("{} {name} (withheld)", place.name()),
        }
    }
}
