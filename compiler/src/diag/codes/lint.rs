//! Codes of lints: worth mending, and nothing is wrong. With them, what can be wrong in setting their levels.

super::codes! {
    Error UNKNOWN_CODE "unknown-code";
    Error UNKNOWN_LINT_LEVEL "unknown-lint-level";
    Error NOT_A_LINT "not-a-lint";
    Warning UNUSED_PRAGMA "unused-pragma";
}
