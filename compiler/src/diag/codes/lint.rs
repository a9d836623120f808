//! Codes of lints: worth mending, and nothing is wrong. With them, what can be wrong in setting their levels.

super::codes! {
    Error UNKNOWN_CODE "unknown-code";
    Error NOT_A_LINT "not-a-lint";
    Warning UNUSED_PRAGMA "unused-pragma";
    Warning AGENT_NOWHERE "agent-deployed-nowhere";
    Warning DEPLOYMENT_ENDED "deployment-ended";
    Warning NO_KILL_CONTACT "no-kill-contact";
    Warning REVIEW_OVERDUE "review-overdue";
    Warning ALLOW_NEVER_APPLIES "allow-never-applies";
    Warning EXCEPTION_EXPIRED "exception-expired";
    Warning EXCEPTION_EXPIRES_SOON "exception-expires-soon";
    Warning RULE_EXPIRED "rule-expired";
    Warning RULE_NEVER_MATCHES "rule-never-matches";
    Warning EMPTY_GROUP "empty-group";
    Warning UNPINNED_SERVER "unpinned-server";
    Warning CONDITION_ALWAYS_HOLDS "condition-always-holds";
    Warning CONDITION_NEVER_HOLDS "condition-never-holds";
    Warning RULE_SHADOWED "rule-shadowed";
    Warning RULES_CONTRADICT "rules-contradict";
    Warning UNKNOWN_NAME "unknown-name";
    Warning PATH_MATCHES_NOTHING "path-matches-nothing";
    Warning UNUSED_GROUP "unused-group";
    Warning UNUSED_TOOL "unused-tool";
}
