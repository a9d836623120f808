//! Codes of templates and of their uses.

super::codes! {
    Error BAD_TEMPLATE "bad-template";
    Error TEMPLATE_NAME_TAKEN "template-name-taken";
    Error TEMPLATE_SYNTAX "template-syntax";
    Error TEMPLATE_FAILED "template-failed";
    Error TEMPLATE_TOO_LARGE "template-too-large";
    Error MISPLACED_TEMPLATE_VALUE "misplaced-template-value";
    Error TEMPLATE_VALUE_IN_GLOB "template-value-in-glob";
    Error TEMPLATE_IN_TEMPLATE "template-in-template";
    Error UNKNOWN_TEMPLATE "unknown-template";
    Error UNKNOWN_TEMPLATE_PARAMETER "unknown-template-parameter";
    Error MISSING_TEMPLATE_PARAMETER "missing-template-parameter";
    Error BAD_TEMPLATE_ARGUMENT "bad-template-argument";
}
