//! What the node is.
