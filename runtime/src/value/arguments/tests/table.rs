//! Tables of parameters for tests, built from a description.

use std::ops::Range;

use crate::value::{FOLD, Kind, Parameter, Parameters, Slot, Strings};

/// A parameter's type, to build a table from.
pub(super) enum Type {
    Plain(Kind),
    Fold,
    Enum(&'static [&'static str]),
    List(Box<Type>),
    Record(Vec<(&'static str, Type)>),
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) records: Vec<[u32; 6]>,
    pub(super) words: Vec<u32>,
    offsets: Vec<u32>,
    text: String,
    pub(super) slots: u16,
    pub(super) top: Range<u32>,
    pub(super) strict: bool,
}

impl Table {
    pub(super) fn new(parameters: Vec<(&'static str, Type)>) -> Table {
        let mut table = Table {
            offsets: vec![0],
            strict: true,
            ..Table::default()
        };
        table.top = table.group(parameters);
        assert!(table.parameters().validate() && table.parameters().strings.validate());
        table
    }

    pub(super) fn parameters(&self) -> Parameters<'_> {
        Parameters {
            records: &self.records,
            words: &self.words,
            strings: Strings {
                offsets: &self.offsets,
                text: &self.text,
            },
            top: self.top.clone(),
            slots: self.slots,
            strict: self.strict,
        }
    }

    fn string(&mut self, string: &str) -> u32 {
        self.text.push_str(string);
        self.offsets.push(self.text.len() as u32);
        self.offsets.len() as u32 - 2
    }

    fn group(&mut self, mut of: Vec<(&'static str, Type)>) -> Range<u32> {
        of.sort_by_key(|(name, _)| *name);
        let start = self.records.len();
        self.records.resize(start + of.len(), [0; 6]);
        for (at, (name, ty)) in of.into_iter().enumerate() {
            let name = self.string(name);
            let slot = Slot(self.slots);
            self.slots += 1;
            let (kind, flags, children) = self.ty(ty);
            self.records[start + at] = Parameter {
                name,
                kind,
                flags,
                slot,
                children,
            }
            .to_words();
        }
        start as u32..self.records.len().min(start + self.width(start)) as u32
    }

    /// How many records the group that was just written has: up to the first that a child wrote.
    fn width(&self, start: usize) -> usize {
        let children = |record: &[u32; 6]| Parameter::from_words(record).map(|of| (of.kind, of.children));
        let of_records = |(kind, children): (Kind, Range<u32>)| {
            (kind != Kind::Enum && !children.is_empty()).then_some(children.start as usize)
        };
        self.records[start..]
            .iter()
            .filter_map(children)
            .filter_map(of_records)
            .min()
            .unwrap_or(self.records.len())
            - start
    }

    fn ty(&mut self, ty: Type) -> (Kind, u32, Range<u32>) {
        let plain = |kind| Type::Plain(kind);
        match ty {
            Type::Plain(kind @ Kind::Url) => {
                let fields = [
                    ("host", Kind::Host),
                    ("path", Kind::Path),
                    ("port", Kind::Int),
                    ("scheme", Kind::String),
                ];
                (
                    kind,
                    0,
                    self.group(fields.map(|(name, kind)| (name, plain(kind))).into()),
                )
            }
            Type::Plain(kind @ Kind::Email) => (
                kind,
                0,
                self.group(vec![("host", plain(Kind::Host)), ("local", plain(Kind::String))]),
            ),
            Type::Plain(kind) => (kind, 0, 0..0),
            Type::Fold => (Kind::String, FOLD, 0..0),
            Type::Enum(names) => {
                let start = self.words.len() as u32;
                let names: Vec<_> = names.iter().map(|name| self.string(name)).collect();
                self.words.extend(names);
                (Kind::Enum, 0, start..self.words.len() as u32)
            }
            Type::List(element) => {
                let at = self.records.len();
                self.records.push([0; 6]);
                let (kind, flags, children) = match *element {
                    Type::Plain(kind) => (kind, 0, 0..0),
                    other => self.ty(other),
                };
                self.records[at] = Parameter {
                    name: 0,
                    kind,
                    flags,
                    slot: Slot(0),
                    children,
                }
                .to_words();
                (Kind::List, 0, at as u32..at as u32 + 1)
            }
            Type::Record(fields) => (Kind::Record, 0, self.group(fields)),
        }
    }

    /// The slot of `a`, `a.b` and so on.
    pub(super) fn slot(&self, path: &str) -> Slot {
        let parameters = self.parameters();
        let (mut group, mut slot) = (self.top.clone(), None);
        for name in path.split('.') {
            let found = group.clone().filter_map(|at| parameters.get(at));
            let found = found
                .into_iter()
                .find(|at| parameters.strings.get(at.name) == Some(name))
                .unwrap();
            (group, slot) = (found.children.clone(), Some(found.slot));
        }
        slot.unwrap()
    }
}

/// A parameter of each kind.
pub(super) fn all_kinds() -> Table {
    use Type::{Enum, Fold, List, Plain, Record};
    let list = |of| List(Box::new(of));
    Table::new(vec![
        ("string", Plain(Kind::String)),
        ("folded", Fold),
        ("int", Plain(Kind::Int)),
        ("bool", Plain(Kind::Bool)),
        ("decimal", Plain(Kind::Decimal)),
        ("datetime", Plain(Kind::DateTime)),
        ("duration", Plain(Kind::Duration)),
        ("ip", Plain(Kind::Ip)),
        ("path", Plain(Kind::Path)),
        ("host", Plain(Kind::Host)),
        ("url", Plain(Kind::Url)),
        ("email", Plain(Kind::Email)),
        ("enum", Enum(&["merge", "rebase", "squash"])),
        ("opaque", Plain(Kind::Opaque)),
        (
            "record",
            Record(vec![
                ("a", Plain(Kind::Int)),
                ("inner", Record(vec![("b", Fold)])),
                ("url", Plain(Kind::Url)),
            ]),
        ),
        ("strings", list(Fold)),
        ("ints", list(Plain(Kind::Int))),
        ("enums", list(Enum(&["a", "b"]))),
        ("ips", list(Plain(Kind::Ip))),
        ("to", list(Plain(Kind::Email))),
        ("to_hosts", Plain(Kind::Hosts)),
        ("urls", list(Plain(Kind::Url))),
        ("urls_hosts", Plain(Kind::Hosts)),
        ("hosts", list(Plain(Kind::Host))),
        ("hosts_hosts", Plain(Kind::Hosts)),
    ])
}
