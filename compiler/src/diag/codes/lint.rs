//! Codes of lints: worth mending, and nothing is wrong.

super::codes! {}
