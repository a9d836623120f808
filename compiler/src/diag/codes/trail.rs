//! Codes of the approval trail: what in a tree could not be verified later.

super::codes! {
    Error BAD_KEY "bad-key";
}
