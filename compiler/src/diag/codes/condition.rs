//! Codes found in conditions.

super::codes! {
    Error CONDITION_SYNTAX "condition-syntax";
    Error CONDITION_TOO_LARGE "condition-too-large";
    Error CONDITION_TYPE "condition-type";
    Error INVALID_CONSTANT "invalid-constant";
    Error NO_RESOURCE "no-resource";
    Error NOT_IN_ENUM "not-in-enum";
    Error UNGUARDED_OPTIONAL "unguarded-optional";
    Error UNKNOWN_ARGUMENT "unknown-argument";
    Error UNKNOWN_ATTRIBUTE "unknown-attribute";
    Error UNKNOWN_ENTITY "unknown-entity";
    Error UNSUPPORTED_CONDITION "unsupported-condition";
    Error VARIANT_TEST "variant-test";
    Warning LIKE_ON_COMMAND "like-on-command";
}
