//! The table of names: which fields a mapping has, of which type, and which it needs.
//!
//! The reader, the suggestions and the JSON Schema are all made from this one table. Nothing here reads anything.

use super::selector::SELECTOR;

/// The fields of one sort of mapping.
#[derive(Debug)]
pub struct Form {
    /// With its article, for messages: `a rule`.
    pub what: &'static str,
    /// In groups, so that forms can share some: every selector has the same fields.
    pub fields: &'static [&'static [Field]],
    /// Whether `{}` says something. Where it does not, it is refused: an `except: {}` would cover everything.
    pub may_be_empty: bool,
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What it takes.
    pub ty: Type,
    /// Whether a mapping without it is an error. Fields that depend on others are checked where they are built.
    pub required: bool,
    /// One line about it, for help and for editors.
    pub doc: &'static str,
}

/// What a value may be.
#[derive(Debug)]
pub enum Type {
    /// A string without line breaks; a reference to something is one of these.
    Text,
    /// A string for people, of one line or several.
    Prose,
    /// The name of what is declared here: `[a-z0-9][a-z0-9-]*`.
    Name,
    /// `[a-z0-9][a-z0-9_-]*`
    Word,
    /// The name of an action or parameter, which an MCP server chose.
    ForeignName,
    /// A Cedar expression.
    Condition,
    /// `true` or `false`.
    Bool,
    /// A whole number, at least this.
    Int(i64),
    /// `15m`
    Duration,
    /// `20/h`
    Rate,
    /// `2026-12-31` or RFC 3339.
    Moment,
    /// `512Mi`
    Size,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of effects, or `["*"]` for all of them.
    Effects,
    /// A list with at least one entry.
    List(&'static Type),
    /// A list that says something even when it is empty.
    MaybeEmpty(&'static Type),
    /// A mapping whose keys (of the first type) the author chooses, with at least one.
    Map(&'static Type, &'static Type),
    /// The same, and `{}` says something.
    MaybeEmptyMap(&'static Type, &'static Type),
    /// A mapping with fixed keys.
    Fields(&'static Form),
    /// A parameter: a type's name, or a mapping of [`super::PARAMETER`].
    Parameter,
    /// Any value, kept as canonical JSON.
    Json,
    /// A mapping of any values, kept as canonical JSON.
    JsonObject,
}

impl Type {
    /// What is expected, for messages.
    pub(super) fn expected(&self) -> &'static str {
        match self {
            Self::Text | Self::Prose | Self::OneOf(_) => "a string",
            Self::Name | Self::Word | Self::ForeignName => "a name",
            Self::Condition => "a condition",
            Self::Bool => "`true` or `false`",
            Self::Int(_) => "a whole number",
            Self::Duration => "a duration such as `15m`",
            Self::Rate => "a rate such as `20/h`",
            Self::Moment => "a date",
            Self::Size => "a size such as `512Mi`",
            Self::Effects | Self::List(_) | Self::MaybeEmpty(_) => "a list",
            Self::Map(..) | Self::MaybeEmptyMap(..) | Self::Fields(_) | Self::JsonObject => "a mapping",
            Self::Parameter => "a type, or a mapping with `type`",
            Self::Json => "a value",
        }
    }

    /// What a name of this type is made of, for messages; empty for what is no name.
    pub(super) fn spelling(&self) -> &'static str {
        match self {
            Self::Name => "lower-case letters, digits and hyphens, a hyphen not first, at most 64",
            Self::Word => "lower-case letters, digits, hyphens and underscores, a letter or digit first, at most 64",
            Self::ForeignName => "letters, digits, `_`, `-` and `.`, a point not first, at most 128",
            _ => "",
        }
    }

    /// The types that a value of this type is made of.
    fn parts(&self) -> [Option<&'static Type>; 2] {
        match self {
            Self::List(entry) | Self::MaybeEmpty(entry) => [Some(*entry), None],
            Self::Map(key, value) | Self::MaybeEmptyMap(key, value) => [Some(*key), Some(*value)],
            _ => [None, None],
        }
    }

    /// The form of this type, or of what it lists.
    pub(super) fn form(&self) -> Option<&'static Form> {
        match self {
            Self::Fields(form) => Some(*form),
            Self::Parameter => Some(&super::PARAMETER),
            _ => self.parts().into_iter().flatten().find_map(Type::form),
        }
    }
}

impl Form {
    /// Every field, in the order of the table.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().copied().flatten()
    }

    /// One field.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.name == name)
    }

    /// What, in this form or below it, has a field of that name.
    pub(super) fn homes(&'static self, name: &str, seen: &mut Vec<&'static Form>, homes: &mut Vec<&'static str>) {
        if seen.iter().any(|form| std::ptr::eq(*form, self)) {
            return;
        }
        seen.push(self);
        if self.field(name).is_some() && !homes.contains(&self.what) {
            homes.push(self.what);
        }
        for form in self.fields().filter_map(|field| field.ty.form()) {
            form.homes(name, seen, homes);
        }
    }

    /// Whether it selects: then a key of it may be a selector in the singular.
    pub(super) fn selects(&self) -> bool {
        self.fields.iter().any(|group| std::ptr::eq(*group, SELECTOR))
    }
}

/// A field that must be there.
pub(super) const fn required(name: &'static str, ty: Type, doc: &'static str) -> Field {
    Field {
        name,
        ty,
        required: true,
        doc,
    }
}

/// A field that may be absent.
pub(super) const fn optional(name: &'static str, ty: Type, doc: &'static str) -> Field {
    Field {
        name,
        ty,
        required: false,
        doc,
    }
}

/// A list of references, names or globs.
pub(super) const TEXTS: Type = Type::List(&Type::Text);

/// For people to read.
pub(super) const DESCRIPTION: Field = optional("description", Type::Prose, "for people to read");
