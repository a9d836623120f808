//! The declared parameters of an action as a bundle holds them: tables of words come in, typed records go out.
//! Knows nothing of calls.
//!
//! A parameter is six words: `[name, kind | flags << 8, slot, first child, children, 0]`. What the children are depends
//! on the kind: the names of an enum in a pool of words, the one element record of a list, the fields of a record, url
//! or email. Siblings are sorted by name, children stand after their parent.

use std::ops::Range;

use super::{MAX_DEPTH, Slot};

/// The flag of a parameter that a call may leave out.
pub const OPTIONAL: u32 = 1;
/// The flag of a string that is lower-cased before it is compared.
pub const FOLD: u32 = 2;

/// The flag of what is told of a resource of the call beside its arguments: no argument, whatever it is called.
pub const ENTITY: u32 = 4;
/// The letter that the name of such a record begins with, which no parameter's name may have.
pub const ENTITY_NAME: char = '\u{1}';

/// The fields of a url, in order.
const URL_FIELDS: [&str; 4] = ["host", "path", "port", "scheme"];
/// The fields of an email, in order.
const EMAIL_FIELDS: [&str; 2] = ["host", "local"];
/// What a derived parameter's name adds to that of its list.
pub const HOSTS_SUFFIX: &str = "_hosts";

/// The parameters of one action.
///
/// Every access is total: a table that [`Parameters::validate`] would refuse leaves arguments unread, and never panics.
#[derive(Debug, Clone)]
pub struct Parameters<'t> {
    /// All records of the table.
    pub records: &'t [[u32; 6]],
    /// String ids of the enums' values.
    pub words: &'t [u32],
    /// The names.
    pub strings: Strings<'t>,
    /// The top-level parameters in `records`.
    pub top: Range<u32>,
    /// How many slots the values fill.
    pub slots: u16,
    /// Whether an argument that no parameter declares is remembered.
    pub strict: bool,
}

/// Strings by id: the `i`th is `text[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'t> {
    /// One more than there are strings, ascending.
    pub offsets: &'t [u32],
    /// All strings, one after the other.
    pub text: &'t str,
}

/// A parameter's type. The number is the one in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A string, folded or not.
    String = 0,
    /// A 64-bit integer.
    Int = 1,
    /// A boolean.
    Bool = 2,
    /// Four places.
    Decimal = 3,
    /// An RFC 3339 moment.
    DateTime = 4,
    /// A duration in Cedar's syntax.
    Duration = 5,
    /// An address or a range of addresses.
    Ip = 6,
    /// A file path.
    Path = 7,
    /// A host name.
    Host = 8,
    /// A url: a record of `host`, `path`, `port`, `scheme`.
    Url = 9,
    /// A mail address: a record of `host`, `local`.
    Email = 10,
    /// One of the strings named.
    Enum = 11,
    /// A list of a scalar, of urls or of emails.
    List = 12,
    /// A record.
    Record = 13,
    /// Anything: only whether it is there is visible.
    Opaque = 14,
    /// The set of hosts of the sibling list whose name is this one's without `_hosts`. A call cannot give it.
    Hosts = 15,
}

/// One record of the table, typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The string id of its name.
    pub name: u32,
    /// Its type.
    pub kind: Kind,
    /// [`OPTIONAL`], [`FOLD`].
    pub flags: u32,
    /// Where its value is read to.
    pub slot: Slot,
    /// Of an enum in the pool of words, else in the records.
    pub children: Range<u32>,
}

impl Parameters<'_> {
    /// Whether the table is well formed: indices within bounds, known kinds and flags, children after their parents,
    /// siblings sorted by name and without duplicates, each slot filled by one parameter, no deeper than a call may be.
    #[must_use]
    pub fn validate(&self) -> bool {
        let mut taken = vec![false; usize::from(self.slots)];
        self.validate_group(&self.top, 0, &mut taken)
    }

    /// The parameter at an index of the table.
    pub(super) fn get(&self, index: u32) -> Option<Parameter> {
        self.records
            .get(usize::try_from(index).ok()?)
            .and_then(Parameter::from_words)
    }

    /// The parameter of this name in a group of siblings, if a call may give it.
    pub(super) fn find(&self, group: &Range<u32>, name: &str) -> Option<Parameter> {
        self.search(group, |other| other.cmp(name.as_bytes()))
            .filter(|found| found.kind != Kind::Hosts && found.flags & ENTITY == 0)
    }

    /// The record for what is told of one more resource.
    #[cfg(any(test, feature = "json"))]
    pub(super) fn entity(&self, number: usize) -> Option<Parameter> {
        let records = self.records.get(range(&self.top)?)?;
        let entities = records.iter().filter_map(Parameter::from_words);
        entities
            .filter(|found| found.flags & ENTITY != 0 && found.kind == Kind::Record)
            .nth(number)
    }

    /// The derived set of hosts of a list in a group of siblings.
    pub(super) fn hosts_of(&self, group: &Range<u32>, list: &Parameter) -> Option<Parameter> {
        let name = self.strings.get(list.name)?;
        self.search(group, |other| {
            other.iter().copied().cmp(name.bytes().chain(HOSTS_SUFFIX.bytes()))
        })
        .filter(|found| found.kind == Kind::Hosts)
    }

    /// Whether a string is one of an enum's.
    pub(super) fn enumerates(&self, parameter: &Parameter, value: &str) -> bool {
        let Some(names) = range(&parameter.children).and_then(|names| self.words.get(names)) else {
            return false;
        };
        names
            .binary_search_by(|&name| self.strings.get(name).unwrap_or_default().cmp(value))
            .is_ok()
    }

    fn search(&self, group: &Range<u32>, order: impl Fn(&[u8]) -> std::cmp::Ordering) -> Option<Parameter> {
        let records = self.records.get(range(group)?)?;
        let at = records
            .binary_search_by(|[name, ..]| order(self.strings.bytes(*name).unwrap_or_default()))
            .ok()?;
        records.get(at).and_then(Parameter::from_words)
    }

    fn validate_group(&self, group: &Range<u32>, depth: usize, taken: &mut [bool]) -> bool {
        let Some(records) = range(group).and_then(|group| self.records.get(group)) else {
            return false;
        };
        let mut previous = None;
        depth < MAX_DEPTH
            && group.clone().zip(records).all(|(index, record)| {
                let Some(parameter) = Parameter::from_words(record) else {
                    return false;
                };
                let Some(name) = self.strings.get(parameter.name) else {
                    return false;
                };
                // What is told of a resource is a record of its own kind, beside the arguments and never within one.
                let told = parameter.flags & ENTITY != 0;
                let placed =
                    told == name.starts_with(ENTITY_NAME) && (!told || (depth == 0 && parameter.kind == Kind::Record));
                let sorted = previous.replace(name).is_none_or(|previous| previous < name);
                let free = taken
                    .get_mut(usize::from(parameter.slot.0))
                    .is_some_and(|taken| !std::mem::replace(taken, true));
                placed && sorted && free && self.validate_children(index, &parameter, group, depth, taken)
            })
    }

    fn validate_children(
        &self,
        index: u32,
        parameter: &Parameter,
        group: &Range<u32>,
        depth: usize,
        taken: &mut [bool],
    ) -> bool {
        let children = &parameter.children;
        let after = children.start > index;
        let named = |fields: &[&str]| {
            let names = children
                .clone()
                .map(|child| self.get(child).and_then(|child| self.strings.get(child.name)));
            children.len() == fields.len() && names.eq(fields.iter().copied().map(Some))
        };
        match parameter.kind {
            Kind::Enum => self.validate_enum(children),
            Kind::Record => after && self.validate_group(children, depth + 1, taken),
            Kind::Url => after && named(&URL_FIELDS) && self.validate_group(children, depth + 1, taken),
            Kind::Email => after && named(&EMAIL_FIELDS) && self.validate_group(children, depth + 1, taken),
            Kind::List => {
                after
                    && children.len() == 1
                    && self
                        .get(children.start)
                        .is_some_and(|element| self.validate_element(&element))
            }
            Kind::Hosts => children.is_empty() && self.list_of(group, parameter).is_some(),
            _ => children.is_empty(),
        }
    }

    fn validate_enum(&self, names: &Range<u32>) -> bool {
        let Some(names) = range(names).and_then(|names| self.words.get(names)) else {
            return false;
        };
        let mut previous = None;
        !names.is_empty()
            && names.iter().all(|&name| {
                let Some(name) = self.strings.get(name) else {
                    return false;
                };
                previous.replace(name).is_none_or(|previous| previous < name)
            })
    }

    /// An element has no name, no slot and no fields of its own: what stands there is not looked at.
    fn validate_element(&self, element: &Parameter) -> bool {
        match element.kind {
            Kind::Enum => self.validate_enum(&element.children),
            Kind::List | Kind::Record | Kind::Opaque | Kind::Hosts => false,
            _ => true,
        }
    }

    /// The list that a derived set of hosts belongs to.
    fn list_of(&self, group: &Range<u32>, hosts: &Parameter) -> Option<Parameter> {
        let name = self.strings.get(hosts.name)?.strip_suffix(HOSTS_SUFFIX)?;
        let list = self.find(group, name).filter(|list| list.kind == Kind::List)?;
        let element = self.get(list.children.start)?;
        matches!(element.kind, Kind::Url | Kind::Email | Kind::Host).then_some(list)
    }
}

impl<'t> Strings<'t> {
    /// The string with this id.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&'t str> {
        self.text.get(self.range(id)?)
    }

    /// The same for comparing, which needs no look at the characters' boundaries.
    fn bytes(&self, id: u32) -> Option<&'t [u8]> {
        self.text.as_bytes().get(self.range(id)?)
    }

    fn range(&self, id: u32) -> Option<Range<usize>> {
        let id = usize::try_from(id).ok()?;
        let &[from, to] = self.offsets.get(id..id.checked_add(2)?)? else {
            return None;
        };
        range(&(from..to))
    }

    /// Whether every id gives a string, and all of the text belongs to one.
    #[must_use]
    pub fn validate(&self) -> bool {
        let ends = self.offsets.first() == Some(&0)
            && self.offsets.last().and_then(|&last| usize::try_from(last).ok()) == Some(self.text.len());
        let at_boundary =
            |&offset: &u32| usize::try_from(offset).is_ok_and(|offset| self.text.is_char_boundary(offset));
        ends && self.offsets.is_sorted() && self.offsets.iter().all(at_boundary)
    }
}

impl Parameter {
    /// Reads a record. `None` for a kind, a flag or a slot that does not exist.
    #[must_use]
    pub fn from_words(&[name, kind, slot, first, count, reserved]: &[u32; 6]) -> Option<Parameter> {
        let flags = kind >> 8;
        if flags & !(OPTIONAL | FOLD | ENTITY) != 0 || reserved != 0 {
            return None;
        }
        Some(Parameter {
            name,
            kind: Kind::from_number(kind & 0xff)?,
            flags,
            slot: Slot(u16::try_from(slot).ok()?),
            children: first..first.checked_add(count)?,
        })
    }

    /// Writes a record.
    #[must_use]
    pub fn to_words(&self) -> [u32; 6] {
        let count = self.children.end.saturating_sub(self.children.start);
        let kind = self.kind as u32 | self.flags << 8;
        [self.name, kind, u32::from(self.slot.0), self.children.start, count, 0]
    }
}

impl Kind {
    fn from_number(number: u32) -> Option<Kind> {
        const KINDS: [Kind; 16] = [
            Kind::String,
            Kind::Int,
            Kind::Bool,
            Kind::Decimal,
            Kind::DateTime,
            Kind::Duration,
            Kind::Ip,
            Kind::Path,
            Kind::Host,
            Kind::Url,
            Kind::Email,
            Kind::Enum,
            Kind::List,
            Kind::Record,
            Kind::Opaque,
            Kind::Hosts,
        ];
        KINDS.get(usize::try_from(number).ok()?).copied()
    }
}

fn range(of: &Range<u32>) -> Option<Range<usize>> {
    Some(usize::try_from(of.start).ok()?..usize::try_from(of.end).ok()?)
}
