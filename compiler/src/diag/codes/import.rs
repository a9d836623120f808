//! Codes of what an import wrote and nobody has looked at yet.

super::codes! {
    Error UNCONFIRMED_EFFECT "unconfirmed-effect";
}
