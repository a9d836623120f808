//! Codes of what this version reads and does not act on.

super::codes! {
    Error NOT_COMPILED_YET "not-compiled-yet";
}
