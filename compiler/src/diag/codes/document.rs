//! Codes found while reading a document of some kind.

super::codes! {
    Error UNKNOWN_KIND "unknown-kind";
    Error MISSING_KIND "missing-kind";
    Error KIND_NOT_ALLOWED_HERE "kind-not-allowed-here";
    Error TEAM_MISMATCH "team-mismatch";
    Error UNKNOWN_EDITION "unknown-edition";
    Error MISSING_FIELD "missing-field";
    Error UNKNOWN_KEY "unknown-key";
    Error WRONG_SHAPE "wrong-shape";
    Error EMPTY_LIST "empty-list";
    Error EMPTY_MAPPING "empty-mapping";
    Error NEEDS_QUOTES "needs-quotes";
    Error CONDITION_NEEDS_QUOTES "condition-needs-quotes";
    Error NOT_A_BOOLEAN "not-a-boolean";
    Error NOT_AN_INTEGER "not-an-integer";
    Error OUT_OF_RANGE "out-of-range";
    Error BAD_NAME "bad-name";
    Error RESERVED_NAME "reserved-name";
    Error BAD_TEXT "bad-text";
    Error BAD_DURATION "bad-duration";
    Error BAD_RATE "bad-rate";
    Error BAD_SIZE "bad-size";
    Error BAD_DATE "bad-date";
    Error BAD_EMAIL "bad-email";
    Error BAD_URL "bad-url";
    Error BAD_VERSIONS "bad-versions";
    Error BAD_PATHS "bad-paths";
    Error UNKNOWN_VALUE "unknown-value";
    Error UNKNOWN_TYPE "unknown-type";
    Error RESERVED_TYPE "reserved-type";
    Error BAD_PARAMETER "bad-parameter";
    Error BAD_SERVER "bad-server";
    Error UNCLASSIFIED_ACTION "unclassified-action";
    Error FIELD_NOT_FOR_EFFECT "field-not-for-effect";
    Error MISSING_APPROVAL "missing-approval";
    Error INCOMPLETE_ALLOW "incomplete-allow";
    Error EXCEPTION_FOR_EVERYBODY "exception-for-everybody";
    Error BAD_TARGET "bad-target";
    Error ANY_NOT_ALONE "any-not-alone";
    Error EMPTY_KILL "empty-kill";
    Error EMPTY_TEST "empty-test";
    Error INCOMPLETE_CASE "incomplete-case";
    Error UNKNOWN_CELL "unknown-cell";
}
