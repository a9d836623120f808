//! Codes found while reading YAML as YAML.

super::codes! {}
