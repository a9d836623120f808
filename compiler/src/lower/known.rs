//! Conditions that were lowered before, by their text and what their names mean.
//!
//! In: a condition as it was written, and the vocabulary. Out: what it came to for each shape of arguments, or each
//! action, where that was worked out before without anything to say about it. What there is something to say about is
//! lowered anew, so that each place gets its own diagnostics. Knows nothing of revisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use polity_runtime::table::ActionId;

use super::cedar::Schema;
use super::vocabulary::{Vocabulary, VocabularyAction};
use super::{Draft, Meaning};
use crate::resolve::shape::{Shape, ShapeId, Type};
use crate::table::hash::HashMap;

/// Distinct conditions that are kept; beyond that all are forgotten. A generated organisation of 10,000 rules has a
/// third of this in one revision, and a history has few more than its last revision.
const MOST: usize = 20_000;

/// Vocabularies of which parts are kept. Picked by gut feeling: few commits declare a name.
const MOST_VOCABULARIES: usize = 64;

/// Conditions that were lowered.
#[derive(Debug, Default)]
pub struct KnownConditions {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    names: Interned<Names>,
    callers: Interned<[Vec<String>; 2]>,
    actions: Interned<Vec<VocabularyAction>>,
    shapes: Interned<Shape>,
    conditions: HashMap<Key, Known>,
    /// The last that was made.
    schema: Option<(SchemaKey, Arc<OnceLock<Schema>>)>,
}

/// What a condition depends on, beside the arguments of the action at hand: whatever its text cannot mention is left
/// out, so that a new agent does not make every condition a new one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    text: String,
    /// Whether it is the test of a variant.
    variant: bool,
    names: u32,
    callers: Option<u32>,
    actions: Option<u32>,
}

/// What a schema is made of: names, actions and their shapes.
type SchemaKey = (u32, u32, Vec<u32>);

/// What a condition comes to.
#[derive(Debug, Clone)]
enum Known {
    /// By the numbers of shapes.
    ByShape(BTreeMap<u32, Meaning>),
    ByAction(BTreeMap<ActionId, Meaning>),
}

/// Names that any condition may depend on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Names {
    /// Teams, rings, environments, keys of tags, data classes, tools.
    lists: [Vec<String>; 6],
    /// What may be told of resources, and what they may lie in.
    told: Vec<(String, Type)>,
    within: Vec<String>,
    /// Of every action: `context.args has` of a name that no action declares is an error.
    arguments: BTreeSet<String>,
}

/// Values, each with a number.
#[derive(Debug)]
struct Interned<T>(HashMap<T, u32>);

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T: Eq + std::hash::Hash> Interned<T> {
    fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(value).or_insert(next)
    }
}

/// What was kept, seen from one vocabulary.
#[derive(Debug)]
pub(super) struct Recall<'k> {
    state: &'k Mutex<State>,
    names: u32,
    callers: u32,
    actions: u32,
    /// Of each shape, its number.
    shapes: Vec<u32>,
    schema: Arc<OnceLock<Schema>>,
}

impl KnownConditions {
    /// What was kept, for conditions over this vocabulary.
    pub(super) fn recall(&self, vocabulary: &Vocabulary) -> Recall<'_> {
        let state = &mut *lock(&self.state);
        if state.conditions.len() > MOST || state.names.0.len() + state.actions.0.len() > MOST_VOCABULARIES {
            *state = State::default();
        }
        let told = vocabulary.told().into_iter();
        let arguments = vocabulary.shapes.iter().flat_map(|shape| &shape.parameters);
        let names = state.names.number(Names {
            lists: [
                &vocabulary.teams,
                &vocabulary.rings,
                &vocabulary.environments,
                &vocabulary.tags,
                &vocabulary.data_classes,
                &vocabulary.tools,
            ]
            .map(Clone::clone),
            told: told.map(|(name, ty)| (name.to_owned(), ty.clone())).collect(),
            within: vocabulary.within().into_iter().map(str::to_owned).collect(),
            arguments: arguments.map(|parameter| parameter.name.clone()).collect(),
        });
        let callers = [vocabulary.deployments.clone(), vocabulary.agents.clone()];
        let callers = state.callers.number(callers);
        let actions = state.actions.number(vocabulary.actions.clone());
        let numbered = vocabulary.shapes.iter().map(|shape| state.shapes.number(shape.clone()));
        let shapes: Vec<u32> = numbered.collect();
        let key = (names, actions, shapes.clone());
        let schema = match &state.schema {
            Some((known, schema)) if *known == key => Arc::clone(schema),
            _ => {
                let schema = Arc::default();
                state.schema = Some((key, Arc::clone(&schema)));
                schema
            }
        };
        Recall {
            state: &self.state,
            names,
            callers,
            actions,
            shapes,
            schema,
        }
    }
}

impl Recall<'_> {
    /// The schema of the vocabulary, which is made only where something has to be type-checked.
    pub(super) fn schema(&self, vocabulary: &Vocabulary) -> &Schema {
        self.schema.get_or_init(|| Schema::new(vocabulary))
    }

    /// What a condition comes to for these actions, each with its shape, if that is known of all of them.
    pub(super) fn get(
        &self,
        text: &str,
        variant: bool,
        actions: impl Iterator<Item = (ActionId, ShapeId)>,
    ) -> Option<Draft> {
        let key = self.key(text, variant);
        let state = lock(self.state);
        Some(match state.conditions.get(&key)? {
            Known::ByShape(known) => {
                let mut found = BTreeMap::new();
                for (_, shape) in actions {
                    if let std::collections::btree_map::Entry::Vacant(place) = found.entry(shape) {
                        place.insert(Arc::clone(known.get(&self.number(shape)?)?));
                    }
                }
                Draft::ByShape(found)
            }
            Known::ByAction(known) => {
                let found = actions.map(|(action, _)| Some((action, Arc::clone(known.get(&action)?))));
                Draft::ByAction(found.collect::<Option<_>>()?)
            }
        })
    }

    /// Keeps what a condition came to, of which there was nothing to say.
    pub(super) fn keep(&self, text: &str, variant: bool, draft: &Draft) {
        let key = self.key(text, variant);
        let numbered = |(shape, meaning): (&ShapeId, &Meaning)| Some((self.number(*shape)?, Arc::clone(meaning)));
        let mut state = lock(self.state);
        match draft {
            Draft::ByShape(found) => {
                let found = found.iter().filter_map(numbered);
                match state
                    .conditions
                    .entry(key)
                    .or_insert_with(|| Known::ByShape(BTreeMap::new()))
                {
                    Known::ByShape(known) => known.extend(found),
                    Known::ByAction(_) => {}
                }
            }
            Draft::ByAction(found) => {
                let found = found.iter().map(|(action, meaning)| (*action, Arc::clone(meaning)));
                match state
                    .conditions
                    .entry(key)
                    .or_insert_with(|| Known::ByAction(BTreeMap::new()))
                {
                    Known::ByAction(known) => known.extend(found),
                    Known::ByShape(_) => {}
                }
            }
        }
    }

    fn number(&self, shape: ShapeId) -> Option<u32> {
        self.shapes.get(shape.0 as usize).copied()
    }

    fn key(&self, text: &str, variant: bool) -> Key {
        // A variable or an entity's type has one spelling, so what is not in the text is not looked at.
        let callers = ["principal", "Agent", "Deployment"]
            .iter()
            .any(|word| text.contains(word));
        let actions = ["action", "Action", "resource"].iter().any(|word| text.contains(word));
        Key {
            text: text.to_owned(),
            variant,
            names: self.names,
            callers: callers.then_some(self.callers),
            actions: actions.then_some(self.actions),
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
