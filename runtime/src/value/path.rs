//! A file path as written comes in, its lexical normal form goes out. Knows no file system: a symbolic link is
//! beyond it.
//!
//! `.`, empty segments and a trailing slash are dropped and `..` takes its parent away. A path that climbs out of
//! where it starts is an error, above the root as well: what `/../etc` means depends on who opens it. A backslash is
//! an ordinary character, as it is to POSIX.

use std::borrow::Cow;

use super::Fault;

/// The normal form of `path`; borrowed where it is normal already. `.` stands for the place itself.
///
/// # Errors
/// [`Fault::Unsafe`] for a path that climbs out, for one with a NUL, and for an empty one: to POSIX it names nothing,
/// to many programs the place itself.
pub fn path(path: &str) -> Result<Cow<'_, str>, Fault> {
    if path.is_empty() || path.as_bytes().contains(&0) {
        return Err(Fault::Unsafe);
    }
    if is_normal(path) {
        return Ok(Cow::Borrowed(path));
    }
    let mut normal = String::with_capacity(path.len());
    normal.push_str(if path.starts_with('/') { "/" } else { "" });
    let root = normal.len();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if normal.len() == root => return Err(Fault::Unsafe),
            ".." => normal.truncate(normal.rfind('/').unwrap_or(0).max(root)),
            _ => {
                if normal.len() > root {
                    normal.push('/');
                }
                normal.push_str(segment);
            }
        }
    }
    if normal.is_empty() {
        normal.push('.');
    }
    Ok(Cow::Owned(normal))
}

fn is_normal(path: &str) -> bool {
    match path {
        "/" | "." => true,
        _ => path
            .strip_prefix('/')
            .unwrap_or(path)
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | "..")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_file_are_one_path() {
        for (written, normal) in [
            ("/srv/../etc", "/etc"),
            ("/srv/./app//config/", "/srv/app/config"),
            ("//srv", "/srv"),
            ("/", "/"),
            ("///", "/"),
            ("/srv/..", "/"),
            (".", "."),
            ("./", "."),
            ("a/..", "."),
            ("./a", "a"),
            ("a/b/../../c/", "c"),
            ("...", "..."),
            ("/a/..b/.c", "/a/..b/.c"),
            (r"a\..\b", r"a\..\b"),
            ("/été/../x", "/x"),
        ] {
            assert_eq!(path(written).as_deref(), Ok(normal), "{written}");
        }
    }

    #[test]
    fn climbing_out_nul_and_nothing_at_all_are_errors() {
        for written in [
            "..",
            "../etc",
            "a/../../etc",
            "/..",
            "/../etc",
            "/a/../..",
            "./..",
            "a\0",
            "\0",
            "",
        ] {
            assert_eq!(path(written), Err(Fault::Unsafe), "{written:?}");
        }
    }

    #[test]
    fn a_normal_path_is_borrowed() {
        assert!(matches!(path("/srv/app"), Ok(Cow::Borrowed(_))));
        assert!(matches!(path("src/main.rs"), Ok(Cow::Borrowed(_))));
    }

    /// The same, by a stack of segments.
    fn naive(path: &str) -> Option<String> {
        if path.is_empty() {
            return None;
        }
        let mut stack = Vec::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
            match segment {
                ".." => drop(stack.pop()?),
                _ => stack.push(segment),
            }
        }
        Some(match (path.starts_with('/'), stack.is_empty()) {
            (true, _) => format!("/{}", stack.join("/")),
            (false, true) => ".".to_owned(),
            (false, false) => stack.join("/"),
        })
    }

    proptest! {
        #[test]
        fn agrees_with_a_stack_and_is_idempotent(written in "[./aé]{0,16}") {
            let normal = path(&written).ok().map(Cow::into_owned);
            prop_assert_eq!(&normal, &naive(&written));
            if let Some(normal) = normal {
                prop_assert!(matches!(path(&normal), Ok(Cow::Borrowed(again)) if again == normal));
            }
        }
    }
}
