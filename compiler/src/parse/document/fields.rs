//! A mapping after it was checked against its [`Form`]: values of the right type, to be taken by name.
//!
//! What is broken is a hole: [`Fields::has`] says that it was written, so that nothing is said about it twice.

use super::form::Form;
use crate::ast::{Millis, Moment, Param, Rate, Text};
use crate::source::{Span, Spanned};

/// A value of some [`Type`](super::form::Type).
#[derive(Debug)]
pub(super) enum Read {
    Text(String),
    Bool(bool),
    Int(i64),
    Duration(Millis),
    Rate(Rate),
    Moment(Moment),
    List(Vec<Spanned<Read>>),
    Map(Vec<(Text, Spanned<Read>)>),
    Fields(Fields),
    Parameter(Param),
    /// Of an entry of a mapping, whose key was legible and whose value was not.
    Hole,
}

/// A mapping with fixed keys. Every value is of the type that the form states.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) form: &'static Form,
    /// The whole mapping.
    pub(super) span: Span,
    /// What a reader is pointed to when something is missing: the key above, or a document's name.
    pub(super) at: Span,
    pub(super) slots: Vec<Slot>,
}

/// A field that was written. `value` is absent where it was broken, and once it was taken.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: &'static str,
    pub(super) key: Span,
    pub(super) value: Option<Spanned<Read>>,
}

/// Takes a value of one type.
macro_rules! take {
    ($($(#[$doc:meta])* $method:ident $variant:ident $ty:ty;)*) => { $(
        $(#[$doc])*
        pub(super) fn $method(&mut self, name: &str) -> Option<Spanned<$ty>> {
            let value = self.any(name)?;
            match value.value {
                Read::$variant(inner) => Some(Spanned::new(inner, value.span)),
                _ => None,
            }
        }
    )* };
}

impl Fields {
    take! {
        text Text String;
        bool Bool bool;
        int Int i64;
        duration Duration Millis;
        rate Rate Rate;
        moment Moment Moment;
        list List Vec<Spanned<Read>>;
        nested Fields Fields;
    }

    /// Whether the key was written, broken or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.key(name).is_some()
    }

    /// Where the key was written.
    pub(super) fn key(&self, name: &str) -> Option<Span> {
        self.slots.iter().find(|slot| slot.name == name).map(|slot| slot.key)
    }

    /// The mapping under a key.
    pub(super) fn fields(&mut self, name: &str) -> Option<Fields> {
        self.nested(name).map(|fields| fields.value)
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<Text>> {
        Some(texts(self.list(name)?.value))
    }

    /// One of the words that the form lists.
    pub(super) fn word<T>(&mut self, name: &str, meaning: fn(&str) -> Option<T>) -> Option<Spanned<T>> {
        known(self.text(name)?, meaning)
    }

    /// A list of such words.
    pub(super) fn words<T>(&mut self, name: &str, meaning: fn(&str) -> Option<T>) -> Option<Vec<Spanned<T>>> {
        Some(
            self.texts(name)?
                .into_iter()
                .filter_map(|word| known(word, meaning))
                .collect(),
        )
    }

    /// A list of mappings.
    pub(super) fn forms(&mut self, name: &str) -> Vec<Fields> {
        let entries = self.list(name).map(|list| list.value).unwrap_or_default();
        entries
            .into_iter()
            .filter_map(|entry| match entry.value {
                Read::Fields(fields) => Some(fields),
                _ => None,
            })
            .collect()
    }

    /// A mapping whose keys the author chose, in the order written.
    pub(super) fn map(&mut self, name: &str) -> Vec<(Text, Spanned<Read>)> {
        match self.any(name).map(|value| value.value) {
            Some(Read::Map(entries)) => entries,
            _ => Vec::new(),
        }
    }

    /// The same, of texts.
    pub(super) fn map_of_texts(&mut self, name: &str) -> Vec<(Text, Text)> {
        let entries = self.map(name).into_iter();
        entries
            .filter_map(|(key, value)| Some((key, value.into_text()?)))
            .collect()
    }

    /// The same, of mappings with fixed keys.
    pub(super) fn map_of_forms(&mut self, name: &str) -> Vec<(Text, Fields)> {
        self.map_with_holes(name).0
    }

    /// The same, and the keys of what could not be read.
    pub(super) fn map_with_holes(&mut self, name: &str) -> (Vec<(Text, Fields)>, Vec<String>) {
        let (mut read, mut holes) = (Vec::new(), Vec::new());
        for (key, value) in self.map(name) {
            match value.value {
                Read::Fields(fields) => read.push((key, fields)),
                _ => holes.push(key.value),
            }
        }
        (read, holes)
    }

    /// Whether the key was written, and its value is not there: what reads it before anybody took it.
    pub(super) fn is_hole(&self, name: &str) -> bool {
        self.slots.iter().any(|slot| slot.name == name && slot.value.is_none())
    }

    /// The names of the fields that nobody took.
    pub(super) fn left_over(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.slots
            .iter()
            .filter(|slot| slot.value.is_some())
            .map(|slot| slot.name)
    }

    /// Whether the key was written, and its value, or an entry of it, is not there.
    pub(super) fn is_partial(&self, name: &str) -> bool {
        let hole = |value: &Spanned<Read>| match &value.value {
            Read::List(entries) => entries.iter().any(|entry| matches!(entry.value, Read::Hole)),
            _ => false,
        };
        let slot = self.slots.iter().find(|slot| slot.name == name);
        slot.is_some_and(|slot| slot.value.as_ref().is_none_or(hole))
    }

    /// The value under a key, whatever it is. Each value is taken once.
    pub(super) fn any(&mut self, name: &str) -> Option<Spanned<Read>> {
        debug_assert!(
            self.form.field(name).is_some(),
            "{} has no field `{name}`",
            self.form.what
        );
        self.slots.iter_mut().find(|slot| slot.name == name)?.value.take()
    }
}

impl Spanned<Read> {
    /// The text, if it is one.
    pub(super) fn into_text(self) -> Option<Text> {
        match self.value {
            Read::Text(text) => Some(Spanned::new(text, self.span)),
            _ => None,
        }
    }
}

/// The texts of a list.
pub(super) fn texts(entries: Vec<Spanned<Read>>) -> Vec<Text> {
    entries.into_iter().filter_map(Spanned::into_text).collect()
}

fn known<T>(word: Text, meaning: fn(&str) -> Option<T>) -> Option<Spanned<T>> {
    Some(Spanned::new(meaning(&word.value)?, word.span))
}
