//! Starting the observed command.
