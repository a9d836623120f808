//! Codes of Rego policies.

super::codes! {
    Error REGO_SYNTAX "rego-syntax";
    Error BAD_PACKAGE "bad-package";
    Error BAD_DATA "bad-data";
    Error BAD_METADATA "bad-metadata";
    Error IMPURE_BUILTIN "impure-builtin";
    Error REGO_OUTCOME "rego-outcome";
    Error REGO_RECURSION "rego-recursion";
    Error REGO_REFUSED "rego-refused";
    Warning REGO_UNUSED "rego-unused";
    Warning REGO_MOMENT_AS_TEXT "rego-moment-as-text";
    Note REGO_NEEDS_ENGINE "rego-needs-engine";
}
