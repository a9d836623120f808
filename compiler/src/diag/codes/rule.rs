//! Codes found while lowering rules to the table.

super::codes! {}
