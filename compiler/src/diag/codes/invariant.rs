//! Codes of proofs.

super::codes! {
    Error INVARIANT_VIOLATED "invariant-violated";
    Error INVARIANT_UNDECIDED "invariant-undecided";
}
