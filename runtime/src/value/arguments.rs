//! A call's arguments come in, as JSON text or as a tree; one normalised value a slot goes out, in one pass. Knows the
//! parameters' table, and nothing of rules.

use std::borrow::Cow;
use std::mem;
use std::ops::Range;

use super::input::{Token, Tokens, Tree};
#[cfg(any(test, feature = "json"))]
use super::json::Json;
use super::number::{decimal_argument, integer};
use super::{
    ArgumentsError, Email, FOLD, Fault, Input, Kind, MAX_DEPTH, Parameter, Parameters, Slot, Url, Value, datetime,
    duration, email, fold, host, ip, path, url,
};

/// The longest list that is read; a longer one is invalid. Picked by gut feeling: conditions compare sets with a few
/// names, and sorting this many costs well under a millisecond.
pub const MAX_LIST: usize = 4096;

/// The arguments of one call, read for one action. Reading again reuses the memory.
#[derive(Debug, Clone, Default)]
pub struct Arguments<'a> {
    slots: Vec<Value<'a>>,
    /// Which slots' parameters have been given, null included.
    given: Vec<bool>,
    undeclared: Option<Cow<'a, str>>,
    /// The undeclared keys of the objects that are being read, the innermost object's last.
    keys: Vec<Cow<'a, str>>,
}

impl<'a> Arguments<'a> {
    /// No arguments, for no action.
    #[must_use]
    pub fn new() -> Arguments<'a> {
        Arguments::default()
    }

    /// Values that were read and normalised elsewhere, one a slot: for comparing evaluators. A host reads a call's
    /// arguments with the action's parameters, which types them.
    #[must_use]
    pub fn of_slots(slots: Vec<Value<'a>>) -> Arguments<'a> {
        Arguments {
            slots,
            ..Arguments::default()
        }
    }

    /// Reads a JSON object. `parameters` are valid, or their records are read as if they were not there.
    ///
    /// # Errors
    /// Where the text is no JSON object, has a key twice in any object, or goes beyond a limit. Then the host must deny
    /// the call; every slot is invalid, should it be asked all the same.
    #[cfg(any(test, feature = "json"))]
    pub fn read_json(&mut self, parameters: &Parameters<'_>, text: &'a str) -> Result<(), ArgumentsError> {
        let result = match text.len() {
            0..=super::MAX_TEXT => self.read_tokens(parameters, Json::new(text)),
            _ => Err(ArgumentsError::TooLong),
        };
        self.settle(parameters, result)
    }

    /// As [`Arguments::read_json`], of bytes that may turn out not to be UTF-8.
    ///
    /// # Errors
    /// The same, and [`ArgumentsError::Malformed`] where the bytes are no UTF-8.
    #[cfg(any(test, feature = "json"))]
    pub fn read_json_bytes(&mut self, parameters: &Parameters<'_>, bytes: &'a [u8]) -> Result<(), ArgumentsError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.read_json(parameters, text),
            Err(error) => self.settle(parameters, Err(ArgumentsError::Malformed(error.valid_up_to()))),
        }
    }

    /// Reads what the request tells of the call's resources, after its arguments: a JSON object with an object for each
    /// resource by its name, which holds the attributes that the tool declares, and under `in` a list of the entities
    /// that the resource is in, spelled `Folder::"x"`.
    ///
    /// # Errors
    /// As [`Arguments::read_json`], and [`ArgumentsError::TooManyEntities`] where there are more than the action can
    /// touch. Then the host must deny the call; every slot is invalid, should it be asked all the same.
    #[cfg(any(test, feature = "json"))]
    pub fn read_entities_json(&mut self, parameters: &Parameters<'_>, text: &'a str) -> Result<(), ArgumentsError> {
        let result = match text.len() {
            0..=super::MAX_TEXT => {
                let mut reader = Reader {
                    tokens: Json::new(text),
                    parameters,
                    to: self,
                };
                reader.entities()
            }
            _ => Err(ArgumentsError::TooLong),
        };
        self.settle(parameters, result)
    }

    /// Reads a tree, which is an [`Input::Map`].
    ///
    /// # Errors
    /// Where the tree is no map, has a key twice in any map, or nests too deep. Then the host must deny the call; every
    /// slot is invalid, should it be asked all the same.
    pub fn read(&mut self, parameters: &Parameters<'_>, input: Input<'a>) -> Result<(), ArgumentsError> {
        let result = self.read_tokens(parameters, Tree::new(input));
        self.settle(parameters, result)
    }

    /// The value of each slot.
    #[must_use]
    pub fn slots(&self) -> &[Value<'a>] {
        &self.slots
    }

    /// The value of one slot; absent where there is no such slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> &Value<'a> {
        self.slots.get(usize::from(slot.0)).unwrap_or(&Value::Absent)
    }

    /// The first argument, or field of a record, that no parameter declares, if the parameters are strict.
    #[must_use]
    pub fn undeclared(&self) -> Option<&str> {
        self.undeclared.as_deref()
    }

    /// The memory without its contents, for a text that lives elsewhere.
    #[must_use]
    pub fn recycle<'b>(mut self) -> Arguments<'b> {
        self.slots.clear();
        self.keys.clear();
        // Collecting an emptied vector of the same layout keeps its allocation.
        Arguments {
            slots: self.slots.into_iter().map(|_| Value::Absent).collect(),
            given: self.given,
            undeclared: None,
            keys: self.keys.into_iter().map(|_| Cow::Borrowed("")).collect(),
        }
    }

    fn read_tokens(&mut self, parameters: &Parameters<'_>, tokens: impl Tokens<'a>) -> Result<(), ArgumentsError> {
        self.reset(parameters, &Value::Absent);
        let mut reader = Reader {
            tokens,
            parameters,
            to: self,
        };
        match reader.tokens.value()? {
            Token::Map => reader.object(Some(&parameters.top), 1)?,
            token => {
                reader.skip(&token, 0)?;
                return Err(ArgumentsError::NotAnObject);
            }
        }
        reader.tokens.end()
    }

    fn settle(&mut self, of: &Parameters<'_>, result: Result<(), ArgumentsError>) -> Result<(), ArgumentsError> {
        if result.is_err() {
            self.reset(of, &Value::Invalid(Fault::WrongType));
        }
        result
    }

    fn reset(&mut self, parameters: &Parameters<'_>, value: &Value<'a>) {
        let slots = usize::from(parameters.slots);
        self.slots.clear();
        self.slots.resize(slots, value.clone());
        self.given.clear();
        self.given.resize(slots, false);
        self.keys.clear();
        self.undeclared = None;
    }

    fn set(&mut self, parameter: &Parameter, value: Value<'a>) {
        if let Some(slot) = self.slots.get_mut(usize::from(parameter.slot.0)) {
            *slot = value;
        }
    }
}

struct Reader<'r, 'a, T> {
    tokens: T,
    parameters: &'r Parameters<'r>,
    to: &'r mut Arguments<'a>,
}

impl<'a, T: Tokens<'a>> Reader<'_, 'a, T> {
    /// An object with an object for each resource. The slot of each holds the resource's name.
    #[cfg(any(test, feature = "json"))]
    fn entities(&mut self) -> Result<(), ArgumentsError> {
        match self.tokens.value()? {
            Token::Map => {}
            _ => return Err(ArgumentsError::NotAnObject),
        }
        let mut names: Vec<Cow<'a, str>> = Vec::new();
        while let Some(name) = self.tokens.key(names.is_empty())? {
            if names.contains(&name) {
                return Err(ArgumentsError::DuplicateKey);
            }
            let entity = self
                .parameters
                .entity(names.len())
                .ok_or(ArgumentsError::TooManyEntities)?;
            match self.tokens.value()? {
                Token::Map => self.object(Some(&entity.children), 2)?,
                _ => return Err(ArgumentsError::NotAnObject),
            }
            self.to.set(&entity, Value::Str(name.clone()));
            names.push(name);
        }
        self.tokens.end()
    }

    /// The rest of an object, whose keys are these parameters', or nobody's.
    fn object(&mut self, group: Option<&Range<u32>>, depth: usize) -> Result<(), ArgumentsError> {
        if depth > MAX_DEPTH {
            return Err(ArgumentsError::TooDeep);
        }
        let outer = self.to.keys.len();
        let mut first = true;
        while let Some(key) = self.tokens.key(mem::take(&mut first))? {
            let declared = group.and_then(|group| Some((group, self.parameters.find(group, &key)?)));
            if let Some((group, parameter)) = declared {
                let given = self.to.given.get_mut(usize::from(parameter.slot.0));
                if given.is_some_and(|given| mem::replace(given, true)) {
                    return Err(ArgumentsError::DuplicateKey);
                }
                self.parameter(group, &parameter, depth)?;
                continue;
            }
            if self.parameters.strict && group.is_some() && self.to.undeclared.is_none() {
                self.to.undeclared = Some(key.clone());
            }
            self.to.keys.push(key);
            let token = self.tokens.value()?;
            self.skip(&token, depth)?;
        }
        let own = self.to.keys.get_mut(outer..).unwrap_or_default();
        own.sort_unstable();
        if own.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return Err(ArgumentsError::DuplicateKey);
        }
        self.to.keys.truncate(outer);
        Ok(())
    }

    /// The value of a parameter. Null leaves it absent.
    fn parameter(&mut self, group: &Range<u32>, parameter: &Parameter, depth: usize) -> Result<(), ArgumentsError> {
        match (parameter.kind, self.tokens.value()?) {
            (_, Token::Null) => {}
            (Kind::Record, Token::Map) => {
                self.to.set(parameter, Value::Present);
                self.object(Some(&parameter.children), depth + 1)?;
            }
            (Kind::List, Token::List) => self.list(group, parameter, depth + 1)?,
            (Kind::Url, Token::Str(text)) => self.url(parameter, text),
            (Kind::Email, Token::Str(text)) => self.email(parameter, text),
            (Kind::Opaque, token) => {
                self.to.set(parameter, Value::Present);
                self.skip(&token, depth)?;
            }
            (_, token @ (Token::List | Token::Map)) => {
                self.invalidate(group, parameter, Fault::WrongType, depth);
                self.skip(&token, depth)?;
            }
            (Kind::Record | Kind::List | Kind::Url | Kind::Email, _) => {
                self.invalidate(group, parameter, Fault::WrongType, depth);
            }
            (_, token) => {
                let value = self.scalar(parameter, token).unwrap_or_else(Value::Invalid);
                self.to.set(parameter, value);
            }
        }
        Ok(())
    }

    /// The rest of a list: a set, and the set of its hosts.
    fn list(&mut self, group: &Range<u32>, parameter: &Parameter, depth: usize) -> Result<(), ArgumentsError> {
        if depth > MAX_DEPTH {
            return Err(ArgumentsError::TooDeep);
        }
        let element = self.parameters.get(parameter.children.start);
        let mut set = Ok(Vec::new());
        let mut first = true;
        while self.tokens.element(mem::take(&mut first))? {
            let token = self.tokens.value()?;
            self.skip(&token, depth)?;
            let Ok(values) = &mut set else { continue };
            if values.len() == MAX_LIST {
                set = Err(Fault::OutOfRange);
                continue;
            }
            match element
                .as_ref()
                .ok_or(Fault::WrongType)
                .and_then(|element| self.element(element, token))
            {
                Ok(value) => values.push(value),
                Err(fault) => set = Err(fault),
            }
        }
        match set {
            Ok(mut values) => {
                values.sort_unstable();
                values.dedup();
                self.set_list(group, parameter, element.map(|element| element.kind), values);
            }
            Err(fault) => self.invalidate(group, parameter, fault, depth),
        }
        Ok(())
    }

    /// An element as the set holds it; of a url or email, its host.
    fn element(&self, element: &Parameter, token: Token<'a>) -> Result<Value<'a>, Fault> {
        match (element.kind, token) {
            (Kind::Url, Token::Str(text)) => Ok(Value::Str(read_url(text)?.host)),
            (Kind::Email, Token::Str(text)) => Ok(Value::Str(read_email(text)?.host)),
            (_, token) => self.scalar(element, token),
        }
    }

    fn set_list(&mut self, group: &Range<u32>, parameter: &Parameter, of: Option<Kind>, values: Vec<Value<'a>>) {
        let hosts = match of {
            Some(Kind::Url | Kind::Email | Kind::Host) => self.parameters.hosts_of(group, parameter),
            _ => None,
        };
        match (of, hosts) {
            (Some(Kind::Url | Kind::Email), hosts) => {
                self.to.set(parameter, Value::Present);
                if let Some(hosts) = hosts {
                    self.to.set(&hosts, Value::List(values));
                }
            }
            (_, Some(hosts)) => {
                self.to.set(&hosts, Value::List(values.clone()));
                self.to.set(parameter, Value::List(values));
            }
            (_, None) => self.to.set(parameter, Value::List(values)),
        }
    }

    fn scalar(&self, parameter: &Parameter, token: Token<'a>) -> Result<Value<'a>, Fault> {
        Ok(match (parameter.kind, token) {
            (Kind::String, Token::Str(text)) if parameter.flags & FOLD != 0 => {
                Value::Str(normalise(text, |text| Ok(fold(text)))?)
            }
            (Kind::String, Token::Str(text)) => Value::Str(text),
            (Kind::Enum, Token::Str(text)) if self.parameters.enumerates(parameter, &text) => Value::Str(text),
            (Kind::Enum, Token::Str(_)) => return Err(Fault::OutOfRange),
            (Kind::Path, Token::Str(text)) => Value::Str(normalise(text, path)?),
            (Kind::Host, Token::Str(text)) => Value::Str(normalise(text, host)?),
            (Kind::Bool, Token::Bool(value)) => Value::Bool(value),
            (Kind::Int, Token::Int(value)) => Value::Int(value),
            (Kind::Int, Token::Number(text)) => Value::Int(integer(text)?),
            (Kind::Decimal, Token::Int(value)) => Value::Decimal(value.checked_mul(10_000).ok_or(Fault::OutOfRange)?),
            (Kind::Decimal, Token::Number(text)) => Value::Decimal(decimal_argument(text)?),
            (Kind::Decimal, Token::Str(text)) => Value::Decimal(decimal_argument(&text)?),
            (Kind::DateTime, Token::Str(text)) => Value::DateTime(datetime(&text)?),
            (Kind::Duration, Token::Str(text)) => Value::Duration(duration(&text)?),
            (Kind::Ip, Token::Str(text)) => Value::Ip(ip(&text)?),
            _ => return Err(Fault::WrongType),
        })
    }

    fn url(&mut self, parameter: &Parameter, text: Cow<'a, str>) {
        let fields = read_url(text).map(|url| {
            [
                Value::Str(url.host),
                Value::Str(url.path),
                Value::Int(url.port),
                Value::Str(url.scheme),
            ]
        });
        self.set_fields(parameter, fields);
    }

    fn email(&mut self, parameter: &Parameter, text: Cow<'a, str>) {
        let fields = read_email(text).map(|email| [Value::Str(email.host), Value::Str(email.local)]);
        self.set_fields(parameter, fields);
    }

    /// A parameter that is there, and its fields in the order of the table, which is that of their names.
    fn set_fields<const N: usize>(&mut self, parameter: &Parameter, fields: Result<[Value<'a>; N], Fault>) {
        self.to.set(
            parameter,
            fields
                .as_ref()
                .map_or_else(|&fault| Value::Invalid(fault), |_| Value::Present),
        );
        let fields = fields.unwrap_or_else(|fault| std::array::from_fn(|_| Value::Invalid(fault)));
        for (child, value) in parameter.children.clone().zip(fields) {
            if let Some(child) = self.parameters.get(child) {
                self.to.set(&child, value);
            }
        }
    }

    /// A parameter is given and cannot be read, so nor can what is in it or derived from it.
    fn invalidate(&mut self, group: &Range<u32>, parameter: &Parameter, fault: Fault, depth: usize) {
        self.to.set(parameter, Value::Invalid(fault));
        match parameter.kind {
            // No table that is valid nests deeper.
            Kind::Record | Kind::Url | Kind::Email if depth <= MAX_DEPTH => {
                for child in parameter.children.clone() {
                    if let Some(child) = self.parameters.get(child) {
                        self.invalidate(&parameter.children, &child, fault, depth + 1);
                    }
                }
            }
            Kind::List => {
                if let Some(hosts) = self.parameters.hosts_of(group, parameter) {
                    self.to.set(&hosts, Value::Invalid(fault));
                }
            }
            _ => {}
        }
    }

    /// What is left of a value that nobody looks at; its keys must differ all the same.
    fn skip(&mut self, token: &Token<'a>, depth: usize) -> Result<(), ArgumentsError> {
        match token {
            Token::Map => self.object(None, depth + 1),
            Token::List if depth >= MAX_DEPTH => Err(ArgumentsError::TooDeep),
            Token::List => {
                let mut first = true;
                while self.tokens.element(mem::take(&mut first))? {
                    let token = self.tokens.value()?;
                    self.skip(&token, depth + 1)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn read_url(text: Cow<'_, str>) -> Result<Url<'_>, Fault> {
    match text {
        Cow::Borrowed(text) => url(text),
        Cow::Owned(text) => url(&text).map(Url::into_owned),
    }
}

fn read_email(text: Cow<'_, str>) -> Result<Email<'_>, Fault> {
    match text {
        Cow::Borrowed(text) => email(text),
        Cow::Owned(text) => email(&text).map(Email::into_owned),
    }
}

/// The normal form of a text; the text itself where it is normal already.
fn normalise<'a>(
    text: Cow<'a, str>,
    to: impl for<'t> Fn(&'t str) -> Result<Cow<'t, str>, Fault>,
) -> Result<Cow<'a, str>, Fault> {
    match text {
        Cow::Borrowed(text) => to(text),
        Cow::Owned(text) => {
            let normal = match to(&text)? {
                Cow::Borrowed(same) if same.len() == text.len() => None,
                other => Some(other.into_owned()),
            };
            Ok(Cow::Owned(normal.unwrap_or(text)))
        }
    }
}

#[cfg(test)]
mod tests;
