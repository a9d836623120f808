//! Codes found while reading the repository.

super::codes! {}
