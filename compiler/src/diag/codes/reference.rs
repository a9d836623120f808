//! Codes found while resolving names and selectors.

super::codes! {}
