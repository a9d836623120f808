//! The two forms that a call's arguments come in, JSON text and a tree, as one stream of tokens.

use std::borrow::Cow;
use std::fmt;

/// How deep lists and objects may nest. Deep enough for what tools take, and the reader recurses no deeper.
pub const MAX_DEPTH: usize = 64;
/// The longest JSON text of a call, in bytes. Picked by gut feeling: a file that an agent writes whole fits.
pub const MAX_TEXT: usize = 4 << 20;

/// A call's arguments, or one of them, for a host that has no JSON text.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// Counts as not given.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any number, in JSON's syntax.
    Number(&'a str),
    /// A string.
    Str(Cow<'a, str>),
    /// A list.
    List(Vec<Input<'a>>),
    /// An object. A key may stand once only.
    Map(Vec<(Cow<'a, str>, Input<'a>)>),
}

/// Why a call's arguments cannot be read at all. The host must deny the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentsError {
    /// No JSON: where reading stopped, in bytes from the start.
    Malformed(usize),
    /// JSON, but no object.
    NotAnObject,
    /// An object has a key twice, however spelled.
    DuplicateKey,
    /// Lists and objects nest deeper than [`MAX_DEPTH`].
    TooDeep,
    /// Longer than [`MAX_TEXT`].
    TooLong,
    /// More resources are told of than the call can touch, or the action declares nothing that could be told.
    TooManyEntities,
}

impl fmt::Display for ArgumentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ArgumentsError::Malformed(at) => write!(f, "the arguments are no valid JSON at byte {at}"),
            ArgumentsError::NotAnObject => write!(f, "the arguments are no object"),
            ArgumentsError::DuplicateKey => write!(f, "the arguments have a key twice in one object"),
            ArgumentsError::TooDeep => write!(f, "the arguments nest deeper than {MAX_DEPTH} levels"),
            ArgumentsError::TooLong => write!(f, "the arguments are longer than {MAX_TEXT} bytes"),
            ArgumentsError::TooManyEntities => write!(f, "more is told of resources than the action declares"),
        }
    }
}

impl std::error::Error for ArgumentsError {}

/// A value, or the beginning of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// In JSON's syntax.
    Number(&'a str),
    Str(Cow<'a, str>),
    /// [`Tokens::element`] follows until it says that there is none.
    List,
    /// [`Tokens::key`] follows until it says that there is none.
    Map,
}

/// Whatever arguments can be read from.
pub(super) trait Tokens<'a> {
    /// The next value.
    fn value(&mut self) -> Result<Token<'a>, ArgumentsError>;

    /// Whether the list entered has another element. `first`: none has been asked for yet.
    fn element(&mut self, first: bool) -> Result<bool, ArgumentsError>;

    /// The next key of the object entered. `first`: none has been asked for yet.
    fn key(&mut self, first: bool) -> Result<Option<Cow<'a, str>>, ArgumentsError>;

    /// Nothing follows.
    fn end(&mut self) -> Result<(), ArgumentsError>;
}

/// A tree as tokens.
pub(super) struct Tree<'a> {
    next: Option<Input<'a>>,
    open: Vec<Open<'a>>,
}

enum Open<'a> {
    List(std::vec::IntoIter<Input<'a>>),
    Map(std::vec::IntoIter<(Cow<'a, str>, Input<'a>)>),
}

impl<'a> Tree<'a> {
    pub(super) fn new(input: Input<'a>) -> Tree<'a> {
        Tree {
            next: Some(input),
            open: Vec::new(),
        }
    }
}

impl<'a> Tokens<'a> for Tree<'a> {
    fn value(&mut self) -> Result<Token<'a>, ArgumentsError> {
        Ok(match self.next.take().ok_or(ArgumentsError::Malformed(0))? {
            Input::Null => Token::Null,
            Input::Bool(value) => Token::Bool(value),
            Input::Int(value) => Token::Int(value),
            Input::Number(text) => Token::Number(text),
            Input::Str(text) => Token::Str(text),
            Input::List(elements) => {
                self.open.push(Open::List(elements.into_iter()));
                Token::List
            }
            Input::Map(entries) => {
                self.open.push(Open::Map(entries.into_iter()));
                Token::Map
            }
        })
    }

    fn element(&mut self, _first: bool) -> Result<bool, ArgumentsError> {
        if let Some(Open::List(elements)) = self.open.last_mut() {
            self.next = elements.next();
        }
        if self.next.is_none() {
            self.open.pop();
        }
        Ok(self.next.is_some())
    }

    fn key(&mut self, _first: bool) -> Result<Option<Cow<'a, str>>, ArgumentsError> {
        if let Some(Open::Map(entries)) = self.open.last_mut()
            && let Some((key, value)) = entries.next()
        {
            self.next = Some(value);
            return Ok(Some(key));
        }
        self.open.pop();
        Ok(None)
    }

    fn end(&mut self) -> Result<(), ArgumentsError> {
        Ok(())
    }
}
