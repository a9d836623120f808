//! Codes found while resolving names and selectors.

super::codes! {
    Error DUPLICATE_NAME "duplicate-name";
    Error UNKNOWN_PERSON "unknown-person";
    Error UNKNOWN_TEAM "unknown-team";
    Error UNKNOWN_ENVIRONMENT "unknown-environment";
    Error UNKNOWN_RING "unknown-ring";
    Error UNKNOWN_CLASS "unknown-data-class";
    Error UNKNOWN_TOOL "unknown-tool";
    Error UNKNOWN_ACTION "unknown-action";
    Error UNKNOWN_CREDENTIAL "unknown-credential";
    Error UNKNOWN_AGENT "unknown-agent";
    Error UNKNOWN_TAG "unknown-tag";
    Error UNKNOWN_RULE "unknown-rule";
    Error MATCHES_NOTHING_HERE "matches-nothing-here";
    Error GROUP_CYCLE "group-cycle";
    Error NO_ORGANIZATION "no-organization";
    Error TWO_ORGANIZATIONS "two-organizations";
    Error TOO_FEW_OWNERS "too-few-owners";
    Error SHARED_KEY "shared-key";
    Error RESOURCE_PLACEHOLDER "resource-placeholder";
    Error DERIVED_NAME_TAKEN "derived-name-taken";
    Error TOO_MANY_PARAMETERS "too-many-parameters";
    Error UNREACHABLE_VARIANT "unreachable-variant";
    Error CREDENTIAL_OUTLIVES_ENVIRONMENT "credential-outlives-environment";
    Error CREDENTIAL_NOT_HERE "credential-not-here";
    Error TOOL_ABOVE_CEILING "tool-above-ceiling";
    Error NEVER_ADMITTED "never-admitted";
    Error RESOURCES_NOT_DECLARED "resources-not-declared";
    Error APPROVAL_CANNOT_BE_MET "approval-cannot-be-met";
    Error EXCEPTION_OF_ALLOW "exception-of-allow";
    Error EXCEPTION_OUTRANKED "exception-outranked";
}
