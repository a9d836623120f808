//! One folder of a tree: an object's bytes in, its entries by name and what differs from another's out.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use gix::ObjectId;
use gix::objs::TreeRef;
use gix::objs::tree::EntryMode;

use crate::source::{ReadError, git};

/// A folder's entries, sorted by name.
#[derive(Default)]
pub(super) struct Folder(Vec<(Vec<u8>, Entry)>);

/// What stands under a name.
pub(super) type Entry = (EntryMode, ObjectId);

/// How many entries of folders are kept: about a hundred megabytes. The folder of approvals grows with every step.
const KEPT_ENTRIES: usize = 1_000_000;

/// Folders that were read, by id.
#[derive(Default)]
pub(super) struct Trees {
    known: HashMap<ObjectId, Rc<Folder>>,
    entries: usize,
}

impl Folder {
    /// Reads a tree. No two of its entries may have one name, and no name may be a path: other readers see other files.
    pub(super) fn read(id: ObjectId, data: &[u8]) -> Result<Self, ReadError> {
        let tree = TreeRef::from_bytes(data, id.kind()).map_err(|error| git::malformed(id, &error))?;
        git::names_are_names(id, &tree)?;
        let entry =
            |entry: gix::objs::tree::EntryRef<'_>| (entry.filename.to_vec(), (entry.mode, entry.oid.to_owned()));
        let mut folder: Vec<(Vec<u8>, Entry)> = tree.entries.into_iter().map(entry).collect();
        // Git sorts a folder as if its name ended in a slash.
        folder.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self(folder))
    }

    /// All of them.
    pub(super) fn entries(&self) -> &[(Vec<u8>, Entry)] {
        &self.0
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Entry> {
        let at = self.0.binary_search_by(|(own, _)| own.as_slice().cmp(name)).ok()?;
        self.0.get(at).map(|(_, entry)| *entry)
    }

    /// The names under which two folders do not have the same.
    pub(super) fn differing<'f>(&'f self, other: &'f Self) -> Vec<(&'f [u8], Option<Entry>, Option<Entry>)> {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut all = Vec::new();
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return all,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((one, _)), Some((other, _))) => one.cmp(other),
            };
            let one = if order.is_le() { left.next() } else { None };
            let two = if order.is_ge() { right.next() } else { None };
            let entry = |side: Option<&'f (Vec<u8>, Entry)>| side.map(|(_, entry)| *entry);
            if let Some((name, _)) = one.or(two).filter(|_| entry(one) != entry(two)) {
                all.push((name.as_slice(), entry(one), entry(two)));
            }
        }
    }
}

impl Trees {
    pub(super) fn get(&self, id: ObjectId) -> Option<Rc<Folder>> {
        self.known.get(&id).cloned()
    }

    pub(super) fn keep(&mut self, id: ObjectId, folder: &Rc<Folder>) {
        if self.entries > KEPT_ENTRIES {
            *self = Self::default();
        }
        self.entries = self.entries.saturating_add(folder.0.len());
        self.known.insert(id, folder.clone());
    }
}
