//! Files named on the command line: read whole and within a bound, written whole or not at all.

use std::{fs::File, io::Read as _, path::Path};

use super::Failure;

/// A bundle of 100,000 agents is about 10 MiB; the rest is room.
pub(super) const LARGEST_BUNDLE: u64 = 256 << 20;
/// Trust roots and keys are a few kilobytes.
pub(super) const LARGEST_KEY: u64 = 1 << 20;
/// A million requests or so.
pub(super) const LARGEST_REQUESTS: u64 = 256 << 20;

/// The bytes of a file; `what` is what it should be, `the bundle`.
pub(super) fn read(path: &Path, what: &str, most: u64) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|error| Failure::path(&format!("cannot read {what}"), path, &error))?;
    read_from(file, path, what, most)
}

/// As [`read`], of what has to be a file: opening a pipe would wait for somebody to write.
pub(super) fn read_regular(path: &Path, what: &str, most: u64) -> Result<Vec<u8>, Failure> {
    let metadata = std::fs::metadata(path);
    let metadata = metadata.map_err(|error| Failure::path(&format!("cannot read {what}"), path, &error))?;
    match metadata.is_file() {
        true => read(path, what, most),
        false => Err(Failure::path(
            &format!("cannot read {what}"),
            path,
            &"it is no regular file",
        )),
    }
}

/// As [`read`], from standard input where the path is `-`.
pub(super) fn read_or_standard_input(path: &Path, what: &str, most: u64) -> Result<Vec<u8>, Failure> {
    match path == Path::new("-") {
        true => read_from(std::io::stdin().lock(), path, what, most),
        false => read(path, what, most),
    }
}

fn read_from(source: impl std::io::Read, path: &Path, what: &str, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = source.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::path(&format!("cannot read {what}"), path, &error))?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        true => Ok(bytes),
        false => Err(Failure::falls_short(format!(
            "{what} `{}` is larger than {most} bytes",
            path.display()
        ))),
    }
}

/// Whether a file begins with these bytes; `None` where there is none. What cannot be read does not.
pub(super) fn begins_with(path: &Path, magic: &[u8]) -> Option<bool> {
    if !path.try_exists().unwrap_or(true) {
        return None;
    }
    let mut start = Vec::new();
    let length = u64::try_from(magic.len()).unwrap_or(u64::MAX);
    // A pipe would wait for somebody to write; only files are opened.
    let file = path.is_file().then(|| File::open(path).ok()).flatten();
    let read = file.and_then(|file| file.take(length).read_to_end(&mut start).ok());
    Some(read.is_some() && start == magic)
}

/// Writes a file that others may read: into a temporary file beside it, then in its place.
pub(super) fn write_atomically(path: &Path, what: &str, bytes: &[u8]) -> Result<(), Failure> {
    crate::bundle::write_atomically(path, bytes)
        .map_err(|error| Failure::path(&format!("cannot write {what}"), path, &error))
}

/// Replaces a file of the repository, whose permissions stay as they are.
pub(super) fn rewrite_atomically(path: &Path, what: &str, bytes: &[u8]) -> Result<(), Failure> {
    crate::bundle::rewrite_atomically(path, bytes)
        .map_err(|error| Failure::path(&format!("cannot write {what}"), path, &error))
}

/// As [`write_atomically`], a file that is new: one that is there already stays as it is.
pub(super) fn create_atomically(path: &Path, what: &str, bytes: &[u8]) -> Result<(), Failure> {
    crate::bundle::create_atomically(path, bytes)
        .map_err(|error| Failure::path(&format!("cannot write {what}"), path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_larger_than_its_bound_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomically(&path, "it", b"12345").unwrap();
        assert_eq!(read(&path, "it", 5).unwrap(), b"12345");
        assert!(
            read(&path, "it", 4)
                .unwrap_err()
                .message()
                .contains("larger than 4 bytes")
        );
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomically(&path, "it", b"old and long").unwrap();
        write_atomically(&path, "it", b"new").unwrap();
        assert_eq!(read(&path, "it", 9).unwrap(), b"new");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_new_file_takes_no_place_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        create_atomically(&path, "it", b"first").unwrap();
        assert!(create_atomically(&path, "it", b"second").is_err());
        assert_eq!(read(&path, "it", 9).unwrap(), b"first");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
