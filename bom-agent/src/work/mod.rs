//! Answers to the work the core asks for.
