//! Codes found while lowering rules to the table.

super::codes! {
    Error NOT_COMPILED_YET "not-compiled-yet";
    Error TABLE_TOO_LARGE "table-too-large";
    Note NOT_ENFORCED_YET "not-enforced-yet";
}
