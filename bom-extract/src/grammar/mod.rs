//! Containers and encodings that several formats stand on, each a bounded reader of its own.

pub(crate) mod flatbuffer;
pub(crate) mod hdf5;
pub(crate) mod json_outline;
pub(crate) mod pickle;
pub(crate) mod protobuf;
pub(crate) mod thrift;
pub(crate) mod ubjson;
pub(crate) mod zip;
