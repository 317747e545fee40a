//! What the header of one file says.
