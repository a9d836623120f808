//! Codes of tests of policies.

super::codes! {
    Error TOO_MANY_CELLS "too-many-cells";
}
