//! Codes found in conditions.

super::codes! {}
