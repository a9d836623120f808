//! Codes of Cedar policies that stand in files of their own.

super::codes! {
    Error CEDAR_SYNTAX "cedar-syntax";
    Error UNKNOWN_ANNOTATION "unknown-annotation";
    Error BAD_ANNOTATION "bad-annotation";
    Error IMPOSSIBLE_SCOPE "impossible-scope";
    Error UNLINKED_SLOT "unlinked-slot";
    Error BAD_RESOURCE_TYPE "bad-resource-type";
    Warning POLICY_CAN_ERR "policy-can-err";
}
