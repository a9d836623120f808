//! The arguments of an action, as one table declares them or as two do: which slots mean the same argument, what it
//! takes, and how values become a call's JSON. Knows nothing of tests.

use polity_runtime::table::{ActionId, Table as RuntimeTable};
use polity_runtime::value::{FOLD, Kind, OPTIONAL, Parameter, Slot};
use serde_json::{Map, Value as Json};

use super::theory::{Model, State, values};

/// Added to the slot of an argument that only the second table declares so.
const SECOND: u16 = 0x4000;
/// Added to an argument's place: the slot whose presence says that the call gives it, be it as null.
const GIVEN: u16 = 0x8000;
/// The slot whose presence says that the call carries an argument which nobody declares.
pub(crate) const JUNK: Slot = Slot(u16::MAX);
/// What such an argument is called.
const JUNK_NAME: &str = "undeclared";

/// A table and an action of it that a call can name.
pub type Table<'t> = Option<(&'t RuntimeTable, ActionId)>;

/// The arguments of one action.
#[derive(Debug, Default)]
pub struct Frame {
    arguments: Vec<Argument>,
    /// Of each slot of the second table, the slot here.
    second: Vec<Slot>,
    strict: [bool; 2],
}

/// One argument, or a field of one.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) path: Vec<String>,
    pub(crate) slot: Slot,
    pub(crate) takes: Takes,
    /// The argument that it is a field of.
    pub(crate) parent: Option<usize>,
    /// The argument whose presence is also this one's: of a url's host the url.
    pub(crate) presence: usize,
    /// The top-level argument that it belongs to.
    pub(crate) root: usize,
    pub(crate) optional: bool,
    /// Which tables declare it so.
    declared: [bool; 2],
}

/// What an argument takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Takes {
    pub(crate) kind: Kind,
    pub(crate) fold: bool,
    /// Of an enum.
    pub(crate) values: Vec<String>,
    /// Of a list.
    pub(crate) element: Option<Box<Takes>>,
}

/// One parameter of a table with what is below it.
struct Declared {
    name: String,
    slot: Slot,
    takes: Takes,
    optional: bool,
    fields: Vec<Declared>,
}

impl Frame {
    /// The arguments of an action that one table, the other, or both have.
    pub fn new(first: Table<'_>, second: Table<'_>) -> Self {
        let mut frame = Self::default();
        let both = [first, second].map(|table| table.map(|(table, action)| (declared(table, action), table, action)));
        for (strict, side) in frame.strict.iter_mut().zip(&both) {
            *strict = side
                .as_ref()
                .is_some_and(|(_, table, action)| table.parameters(*action).strict);
        }
        let [left, right] = &both;
        let none = Vec::new();
        let left_list = left.as_ref().map_or(&none, |(list, _, _)| list);
        let right_list = right.as_ref().map_or(&none, |(list, _, _)| list);
        frame.level(left_list, right_list, None, &[]);
        frame
    }

    /// The arguments of an action of one table.
    pub fn alone(table: &RuntimeTable, action: ActionId) -> Self {
        // Compared with itself everything is declared on both sides.
        Self::new(Some((table, action)), Some((table, action)))
    }

    /// Whether both tables declare the same arguments under the same slots.
    pub fn is_shared(&self) -> bool {
        let identity = |(at, slot): (usize, &Slot)| usize::from(slot.0) == at;
        self.arguments.iter().all(|one| one.declared == [true, true])
            && self.second.iter().enumerate().all(identity)
            && self.strict[0] == self.strict[1]
    }

    /// The slot here of a slot of the second table.
    pub fn second(&self, slot: Slot) -> Slot {
        self.second.get(usize::from(slot.0)).copied().unwrap_or(slot)
    }

    /// The slots of which any presence makes a call one that a table refuses: arguments that it does not declare.
    pub(crate) fn undeclared(&self, table: usize) -> Vec<Slot> {
        if !self.strict.get(table).copied().unwrap_or(true) {
            return Vec::new();
        }
        let shared = |at: Option<usize>| {
            at.and_then(|at| self.arguments.get(at))
                .is_none_or(|one| one.declared == [true, true])
        };
        let other = |one: &&(u16, &Argument)| {
            let (_, one) = **one;
            one.declared.get(table) == Some(&false)
                && one.is_given()
                && shared(one.parent)
                && !self.declares(table, &one.path)
        };
        let numbered: Vec<(u16, &Argument)> = (0u16..).zip(&self.arguments).collect();
        let mut slots: Vec<Slot> = numbered.iter().filter(other).map(|(at, _)| Slot(GIVEN + at)).collect();
        slots.push(JUNK);
        slots
    }

    /// Whether a table declares the path, be it with another type.
    fn declares(&self, table: usize, path: &[String]) -> bool {
        let same = |one: &&Argument| one.path == path && one.declared.get(table) == Some(&true);
        self.arguments.iter().any(|one| same(&one))
    }

    pub(crate) fn arguments(&self) -> &[Argument] {
        &self.arguments
    }

    /// The argument read to a slot.
    pub(crate) fn argument(&self, slot: Slot) -> Option<usize> {
        // Slots were numbered as arguments were laid out, so the place is near; there are few.
        self.arguments.iter().position(|one| one.slot == slot)
    }

    /// The argument whose being given a slot stands for.
    pub(crate) fn given(&self, slot: Slot) -> Option<usize> {
        let at = usize::from(slot.0.checked_sub(GIVEN)?);
        (at < self.arguments.len()).then_some(at)
    }

    /// Lays one level out: what both declare alike is one argument.
    fn level(&mut self, left: &[Declared], right: &[Declared], parent: Option<usize>, path: &[String]) {
        for one in left {
            let other = right
                .iter()
                .find(|other| other.name == one.name && other.takes == one.takes);
            let at = self.push(one, one.slot, parent, path, [true, other.is_some()]);
            if let Some(other) = other {
                self.rename(other.slot, one.slot);
            }
            let own = self.path(at);
            self.level(&one.fields, other.map_or(&[], |other| &other.fields), Some(at), &own);
        }
        for one in right {
            let known = left
                .iter()
                .any(|other| other.name == one.name && other.takes == one.takes);
            if !known {
                let slot = Slot(SECOND + one.slot.0);
                let at = self.push(one, slot, parent, path, [false, true]);
                self.rename(one.slot, slot);
                let own = self.path(at);
                self.level(&[], &one.fields, Some(at), &own);
            }
        }
        self.derive(parent);
    }

    fn push(
        &mut self,
        one: &Declared,
        slot: Slot,
        parent: Option<usize>,
        path: &[String],
        declared: [bool; 2],
    ) -> usize {
        let at = self.arguments.len();
        let above = parent.and_then(|parent| self.arguments.get(parent));
        let part = above.is_some_and(|above| matches!(above.takes.kind, Kind::Url | Kind::Email));
        let mut own = path.to_vec();
        own.push(one.name.clone());
        let argument = Argument {
            path: own,
            slot,
            takes: one.takes.clone(),
            parent,
            presence: if part { parent.unwrap_or(at) } else { at },
            root: above.map_or(at, |above| above.root),
            optional: one.optional,
            declared,
        };
        self.arguments.push(argument);
        at
    }

    fn path(&self, at: usize) -> Vec<String> {
        self.arguments.get(at).map(|one| one.path.clone()).unwrap_or_default()
    }

    fn rename(&mut self, from: Slot, to: Slot) {
        let at = usize::from(from.0);
        while self.second.len() <= at {
            let next = u16::try_from(self.second.len()).unwrap_or(u16::MAX);
            self.second.push(Slot(next));
        }
        if let Some(place) = self.second.get_mut(at) {
            *place = to;
        }
    }

    /// Derived sets of hosts are there when their lists are.
    fn derive(&mut self, parent: Option<usize>) {
        let hosts: Vec<(usize, usize, usize)> = self
            .arguments
            .iter()
            .enumerate()
            .filter(|(_, one)| one.parent == parent && one.takes.kind == Kind::Hosts)
            .filter_map(|(at, one)| {
                let name = one.path.last()?.strip_suffix("_hosts")?;
                let list = self.arguments.iter().position(|list| {
                    list.parent == parent
                        && list.takes.kind == Kind::List
                        && list.path.last().map(String::as_str) == Some(name)
                        && list.declared.iter().zip(one.declared).all(|(list, own)| *list || !own)
                })?;
                Some((at, list, self.arguments.get(list)?.root))
            })
            .collect();
        for (at, list, root) in hosts {
            if let Some(one) = self.arguments.get_mut(at) {
                (one.presence, one.root) = (list, root);
            }
        }
    }

    /// A call's arguments. Where two tables declare one name differently, the value is that of the table preferred.
    pub(crate) fn json(&self, model: &Model, prefer: usize) -> Json {
        let mut object = self.object(None, model, prefer);
        if model.junk {
            object.insert(JUNK_NAME.to_owned(), Json::Bool(true));
        }
        Json::Object(object)
    }

    fn object(&self, parent: Option<usize>, model: &Model, prefer: usize) -> Map<String, Json> {
        let mut object = Map::new();
        let own = self
            .arguments
            .iter()
            .enumerate()
            .filter(|(_, one)| one.parent == parent);
        for (at, one) in own.filter(|(_, one)| one.is_given()) {
            let Some(name) = one.path.last() else { continue };
            let value = match model.state(at) {
                State::Absent if model.is_null(at) => Json::Null,
                State::Absent => continue,
                State::Invalid => values::wrong(one.takes.kind),
                State::Present | State::Value(_) => self.value(at, one, model, prefer),
            };
            let preferred = one.declared.get(prefer) == Some(&true);
            if preferred || !object.contains_key(name) {
                object.insert(name.clone(), value);
            }
        }
        object
    }

    fn value(&self, at: usize, one: &Argument, model: &Model, prefer: usize) -> Json {
        let field = |name: &str| {
            let found = self
                .arguments
                .iter()
                .position(|field| field.parent == Some(at) && field.path.last().map(String::as_str) == Some(name));
            found.and_then(|found| match model.state(found) {
                State::Value(value) => Some(value),
                _ => None,
            })
        };
        match one.takes.kind {
            Kind::Record => Json::Object(self.object(Some(at), model, prefer)),
            Kind::Url => values::url(field("scheme"), field("host"), field("port"), field("path")).into(),
            Kind::Email => values::email(field("local"), field("host")).into(),
            Kind::List => {
                let hosts = self
                    .arguments
                    .iter()
                    .position(|other| other.presence == at && other.takes.kind == Kind::Hosts);
                let of = |at: usize| match model.state(at) {
                    State::Value(value) => Some(value),
                    _ => None,
                };
                let own = of(at).or_else(|| hosts.and_then(of));
                values::list(own, one.takes.element.as_deref())
            }
            _ => match model.state(at) {
                State::Value(value) => values::json(value, one.takes.kind),
                _ => values::ordinary(&one.takes),
            },
        }
    }
}

impl Argument {
    /// Whether a call can give it: parts of a url and derived sets come with something else.
    pub(crate) fn is_given(&self) -> bool {
        self.takes.kind != Kind::Hosts
            && (self.parent.is_none() || self.parent.is_none_or(|parent| self.presence != parent))
    }

    /// As a person writes it: `position.line`.
    pub(crate) fn name(&self) -> String {
        self.path.join(".")
    }
}

/// The parameters of an action.
fn declared(table: &RuntimeTable, action: ActionId) -> Vec<Declared> {
    let parameters = table.parameters(action);
    group(table, parameters.top.clone(), 0)
}

/// How deep parameters nest at most; the table was checked, and this keeps the walk finite even if it had not been.
const DEEPEST: usize = polity_runtime::value::MAX_DEPTH;

fn group(table: &RuntimeTable, group: std::ops::Range<u32>, depth: usize) -> Vec<Declared> {
    if depth > DEEPEST {
        return Vec::new();
    }
    let records = &table.data().parameters;
    let of = |at: u32| records.get(at as usize).and_then(Parameter::from_words);
    let one = |parameter: Parameter| Declared {
        name: table.string(parameter.name).to_owned(),
        slot: parameter.slot,
        takes: takes(table, &parameter),
        optional: parameter.flags & OPTIONAL != 0,
        fields: match parameter.kind {
            Kind::Record | Kind::Url | Kind::Email => self::group(table, parameter.children.clone(), depth + 1),
            _ => Vec::new(),
        },
    };
    group.filter_map(of).map(one).collect()
}

fn takes(table: &RuntimeTable, parameter: &Parameter) -> Takes {
    let data = table.data();
    let children = parameter.children.start as usize..parameter.children.end as usize;
    let values = match parameter.kind {
        Kind::Enum => data.words.get(children.clone()).unwrap_or_default(),
        _ => &[],
    };
    let element = match parameter.kind {
        Kind::List => data.parameters.get(children.start).and_then(Parameter::from_words),
        _ => None,
    };
    Takes {
        kind: parameter.kind,
        fold: parameter.flags & FOLD != 0,
        values: values.iter().map(|id| table.string(*id).to_owned()).collect(),
        // An element is no list.
        element: element
            .filter(|element| element.kind != Kind::List)
            .map(|element| Box::new(takes(table, &element))),
    }
}
