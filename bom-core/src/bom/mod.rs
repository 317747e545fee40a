//! The CycloneDX document.
