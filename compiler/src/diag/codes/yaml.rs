//! Codes found while reading YAML as YAML.

super::codes! {
    Error YAML_SYNTAX "yaml-syntax";
    Error YAML_TAG "yaml-tag";
    Error YAML_ANCHOR "yaml-anchor";
    Error YAML_ALIAS "yaml-alias";
    Error YAML_MERGE_KEY "yaml-merge-key";
    Error YAML_DIRECTIVE "yaml-directive";
    Error NON_STRING_KEY "non-string-key";
    Error DUPLICATE_KEY "duplicate-key";
    Error NULL_VALUE "null-value";
    Error YAML_TOO_DEEP "yaml-too-deep";
    Error YAML_TOO_LARGE "yaml-too-large";
    Error CONTROL_CHARACTER "control-character";
    Error MALFORMED_PRAGMA "malformed-pragma";
}
