//! Paths are bytes. Where text is needed they are reversible C escapes (`bom::escape`).

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::bom::escape::{escape, unescape};

/// A path as the observed process's mount namespace has it; never one that we may open as it is.
///
/// Shared, because a fact, what is known of its file and what is asked about it all carry it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SeenPath(Arc<[u8]>);

impl SeenPath {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into().into())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reversible text without control characters.
    pub fn escaped(&self) -> String {
        escape(&self.0).text
    }

    /// Whether [`SeenPath::escaped`] differs from the bytes.
    pub fn needs_escape(&self) -> bool {
        escape(&self.0).encoded
    }

    /// The last component.
    pub fn file_name(&self) -> &[u8] {
        self.0.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }

    /// The components from the root on, empty ones left out.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/').filter(|part| !part.is_empty())
    }
}

impl fmt::Debug for SeenPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SeenPath({})", self.escaped())
    }
}

impl fmt::Display for SeenPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.escaped())
    }
}

impl Serialize for SeenPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.escaped())
    }
}

impl<'de> Deserialize<'de> for SeenPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        unescape(&text).map(Self::new).map_err(|error| D::Error::custom(error.to_string()))
    }
}
