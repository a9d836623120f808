//! Codes found while reading the repository.

super::codes! {
    Error SYMLINK_IN_TREE "symlink-in-tree";
    Error SUBMODULE_IN_TREE "submodule-in-tree";
    Error SPECIAL_FILE "special-file";
    Error NOT_UTF8 "not-utf8";
    Error BAD_PATH "bad-path";
    Error PATH_COLLISION "path-collision";
    Error EXTENSION_CASE "extension-case";
    Error FILE_TOO_LARGE "file-too-large";
    Error TREE_TOO_LARGE "tree-too-large";
}
