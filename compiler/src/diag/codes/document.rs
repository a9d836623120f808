//! Codes found while reading a document of some kind.

super::codes! {}
