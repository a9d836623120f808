//! Whole calls out of what was found for their parts; where tests were left open, several, with values tried for what
//! those look at.

use std::collections::BTreeSet;

use polity_runtime::value::{IpNet, Kind, Slot};

use super::{Model, Part, State, Theory, numeric, values};
use crate::ir::{Constant, Function, Op, ResourcePart, Term, Test};

/// Calls tried for one set of answers. Picked by gut feeling: each is decided twice, in microseconds.
const MOST_TRIES: usize = 300;
/// Elements of a list that is tried for their number. Picked by gut feeling.
const MOST_ELEMENTS: usize = 100;

/// Something that a call may have another value for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Argument(usize),
    Now,
    Calls,
    Behalf,
    Holding,
}

/// Calls that may give the answers of which the parts were found; the first is the likeliest.
pub(crate) fn models(theory: &Theory<'_>, parts: &[&Part]) -> Vec<Model> {
    let base = whole(theory, parts);
    let open: Vec<&Test> = parts.iter().flat_map(|part| &part.open).collect();
    if open.is_empty() {
        return vec![base];
    }
    let mut places = BTreeSet::new();
    let mut constants: Vec<Constant> = Vec::new();
    for test in &open {
        for term in [&test.left, &test.right] {
            look(theory, term, &mut places, &mut constants);
        }
    }
    // What the same values are elsewhere in the call may be what is asked for: two arguments that must be equal.
    for place in &places {
        let Place::Argument(at) = place else { continue };
        if let State::Value(value) = base.state(*at) {
            constants.push(value.clone());
        }
        if let Some(one) = theory.frame.arguments().get(*at) {
            constants.extend(one.takes.values.iter().take(8).cloned().map(Constant::String));
        }
    }
    constants.push(Constant::DateTime(base.now));
    if let Some(name) = &base.behalf {
        constants.push(Constant::String(name.clone()));
    }
    for test in &open {
        if let (Op::Equal, Term::Apply(function, operands), Term::Constant(wanted)) = (test.op, &test.left, &test.right)
        {
            constants.extend(backwards(*function, operands, wanted));
        }
    }
    let candidates: Vec<(Place, Vec<Constant>)> = places
        .into_iter()
        .map(|place| {
            let mut all = candidates(theory, place, &constants);
            if let Place::Argument(at) = place
                && open
                    .iter()
                    .any(|test| counts(theory, at, &test.left) || counts(theory, at, &test.right))
            {
                all.splice(0..0, of_counts(theory, at, &constants));
            }
            (place, all)
        })
        .collect();
    let mut all = vec![base.clone()];
    // The nearest mixtures first: one value changed, then two, and so on, as far as the tries go.
    let mut from = 0;
    for _ in 0..candidates.len().min(3) {
        let round = all.len();
        for at in from..round {
            for (place, values) in &candidates {
                for value in values {
                    if all.len() >= MOST_TRIES {
                        return all;
                    }
                    let Some(next) = all.get(at).map(|model| with(theory, model, *place, value)) else {
                        continue;
                    };
                    if !all.contains(&next) {
                        all.push(next);
                    }
                }
            }
        }
        from = round;
    }
    all
}

/// One call of all parts; what nobody asked about is ordinary.
fn whole(theory: &Theory<'_>, parts: &[&Part]) -> Model {
    let mut states: Vec<Option<State>> = vec![None; theory.frame.arguments().len()];
    let mut model = Model {
        states: Vec::new(),
        null: BTreeSet::new(),
        junk: false,
        now: values::ORDINARY_MOMENT,
        calls: 0,
        behalf: None,
        holding: Vec::new(),
    };
    for part in parts {
        for (at, state) in &part.states {
            if let Some(place) = states.get_mut(*at) {
                *place = Some(state.clone());
            }
        }
        model.null.extend(&part.null);
        model.junk |= part.junk.unwrap_or(false);
        model.now = part.now.unwrap_or(model.now);
        model.calls = part.calls.unwrap_or(model.calls);
        if let Some(behalf) = &part.behalf {
            model.behalf.clone_from(behalf);
        }
        if let Some(holding) = &part.holding {
            model.holding.clone_from(holding);
        }
    }
    let ordinary = |at: usize| match theory.frame.arguments().get(at) {
        Some(one) if one.optional => State::Absent,
        _ => State::Present,
    };
    // A url is there where a part of it is.
    let held: Vec<usize> = theory
        .frame
        .arguments()
        .iter()
        .enumerate()
        .filter(|(at, one)| one.presence != *at && matches!(states.get(*at), Some(Some(State::Value(_)))))
        .map(|(_, one)| one.presence)
        .collect();
    for at in held {
        if let Some(place @ None) = states.get_mut(at) {
            *place = Some(State::Present);
        }
    }
    let whole = states.into_iter().enumerate();
    model.states = whole.map(|(at, state)| state.unwrap_or_else(|| ordinary(at))).collect();
    model
}

/// The places and constants of a term.
fn look(theory: &Theory<'_>, term: &Term, places: &mut BTreeSet<Place>, constants: &mut Vec<Constant>) {
    let argument = |slot| given(theory, slot).map(Place::Argument);
    match term {
        Term::Slot(slot) => places.extend(argument(*slot)),
        Term::Now => {
            places.insert(Place::Now);
        }
        Term::Calls => {
            places.insert(Place::Calls);
        }
        Term::OnBehalfOf => {
            places.insert(Place::Behalf);
        }
        Term::Holding | Term::Held(_) => {
            places.insert(Place::Holding);
            constants.extend(theory.classes.iter().cloned().map(Constant::String));
        }
        Term::Constant(Constant::Set(values)) => constants.extend(values.iter().cloned()),
        Term::Constant(value) => constants.push(value.clone()),
        Term::Apply(_, terms) | Term::Set(terms) | Term::List(terms) => {
            terms.iter().for_each(|term| look(theory, term, places, constants));
        }
        Term::Document(fields) => fields.iter().for_each(|field| {
            look(theory, &field.there, places, constants);
            look(theory, &field.value, places, constants);
        }),
        Term::Program(program) => constants.extend(program.constants.iter().cloned()),
        Term::Resource(parts) => {
            for part in parts {
                if let ResourcePart::Slot { slot, .. } = part {
                    places.extend(argument(*slot));
                }
            }
        }
        _ => {}
    }
}

/// The argument that a call gives for a slot: for the hosts of a list that list.
fn given(theory: &Theory<'_>, slot: Slot) -> Option<usize> {
    let at = theory.frame.argument(slot)?;
    let one = theory.frame.arguments().get(at)?;
    Some(if one.takes.kind == Kind::Hosts {
        one.presence
    } else {
        at
    })
}

/// Whether the elements of a list are counted in a term.
fn counts(theory: &Theory<'_>, list: usize, term: &Term) -> bool {
    match term {
        Term::Apply(Function::Count, of) => of.iter().any(|set| match set {
            Term::Slot(slot) => given(theory, *slot) == Some(list),
            _ => false,
        }),
        Term::Apply(_, terms) => terms.iter().any(|term| counts(theory, list, term)),
        _ => false,
    }
}

/// Lists of as many elements as the constants say, one less and one more.
fn of_counts(theory: &Theory<'_>, list: usize, constants: &[Constant]) -> Vec<Constant> {
    let Some(element) = theory
        .frame
        .arguments()
        .get(list)
        .and_then(|one| one.takes.element.as_deref())
    else {
        return Vec::new();
    };
    let numbers = constants.iter().filter_map(numeric);
    let near: BTreeSet<usize> = numbers
        .flat_map(|number| [number - 1, number, number + 1])
        .filter_map(|number| usize::try_from(number).ok())
        .filter(|number| *number <= MOST_ELEMENTS)
        .collect();
    let made = |many| {
        let mut elements = values::fresh(element, &BTreeSet::new(), many);
        elements.sort();
        Constant::Set(elements)
    };
    near.into_iter().map(made).collect()
}

/// No class held, each by itself, and all.
fn of_classes(theory: &Theory<'_>) -> Vec<Constant> {
    let classes: Vec<Constant> = theory.classes.iter().cloned().map(Constant::String).collect();
    let each = classes.iter().map(|class| vec![class.clone()]);
    let sets = [Vec::new()].into_iter().chain(each).chain([classes.clone()]);
    sets.map(Constant::Set).collect()
}

/// What operands may be so that a function gives a value.
fn backwards(function: Function, operands: &[Term], wanted: &Constant) -> Vec<Constant> {
    let Some(wanted) = numeric(wanted).and_then(|value| i64::try_from(value).ok()) else {
        return Vec::new();
    };
    let constant = operands.iter().find_map(|operand| match operand {
        Term::Constant(value) => numeric(value).and_then(|value| i64::try_from(value).ok()),
        _ => None,
    });
    let found = match (function, constant) {
        (Function::Negate, _) => vec![wanted.checked_neg()],
        (Function::Multiply, Some(factor)) => {
            let near = wanted.checked_div(factor);
            vec![
                near,
                near.and_then(|near| near.checked_add(1)),
                near.and_then(|near| near.checked_sub(1)),
            ]
        }
        (Function::ToSeconds, _) => vec![wanted.checked_mul(1_000)],
        (Function::ToMinutes, _) => vec![wanted.checked_mul(60_000)],
        (Function::ToHours, _) => vec![wanted.checked_mul(3_600_000)],
        (Function::ToDays, _) => vec![wanted.checked_mul(86_400_000)],
        _ => vec![Some(wanted)],
    };
    found.into_iter().flatten().map(Constant::Int).collect()
}

/// Values of the place's type near the constants.
fn candidates(theory: &Theory<'_>, place: Place, constants: &[Constant]) -> Vec<Constant> {
    let numbers = |make: fn(i64) -> Constant, (ordinary, (least, greatest)): (i64, (i64, i64))| {
        let mut all: Vec<i64> = Vec::new();
        let own: Vec<i64> = constants
            .iter()
            .filter_map(numeric)
            .filter_map(|value| i64::try_from(value).ok())
            .collect();
        for value in &own {
            all.extend(
                [Some(*value), value.checked_add(1), value.checked_sub(1)]
                    .into_iter()
                    .flatten(),
            );
        }
        // Differences, for sums; and the ends, for what leaves its range.
        for (a, b) in own.iter().flat_map(|a| own.iter().map(move |b| (a, b))).take(64) {
            all.extend([a.checked_sub(*b), a.checked_add(*b)].into_iter().flatten());
        }
        all.extend([ordinary, 0, 1, -1, 2, greatest, least]);
        let mut seen = BTreeSet::new();
        all.retain(|value| (least..=greatest).contains(value) && seen.insert(*value));
        all.into_iter().map(make).collect::<Vec<_>>()
    };
    let strings = |fits: &dyn Fn(&Constant) -> bool| {
        let own = constants.iter().filter(|value| matches!(value, Constant::String(_)));
        let mut all: Vec<Constant> = own.cloned().collect();
        all.extend(
            ["example", "other", "", "/example", "host.example", "/"].map(|text| Constant::String(text.to_owned())),
        );
        all.retain(|value| fits(value));
        all
    };
    let takes = match place {
        Place::Now => return numbers(Constant::DateTime, (values::ORDINARY_MOMENT, values::NOWS)),
        Place::Calls => return numbers(Constant::Int, (0, (0, i64::MAX))),
        Place::Behalf => return strings(&|_| true),
        Place::Holding => return of_classes(theory),
        Place::Argument(at) => match theory.frame.arguments().get(at) {
            Some(one) => &one.takes,
            None => return Vec::new(),
        },
    };
    match takes.kind {
        kind @ Kind::Int => numbers(Constant::Int, values::number(kind)),
        kind @ Kind::Decimal => numbers(Constant::Decimal, values::number(kind)),
        kind @ Kind::DateTime => numbers(Constant::DateTime, values::number(kind)),
        kind @ Kind::Duration => numbers(Constant::Duration, values::number(kind)),
        Kind::Bool => [false, true].map(Constant::Bool).to_vec(),
        Kind::Ip => {
            let mut all: Vec<Constant> = constants
                .iter()
                .filter(|one| matches!(one, Constant::Ip(_)))
                .cloned()
                .collect();
            all.extend(
                ["0.0.0.0", "192.0.2.1"]
                    .iter()
                    .filter_map(|text| text.parse().ok())
                    .map(|address| Constant::Ip(IpNet { address, prefix: 32 })),
            );
            all
        }
        Kind::List => {
            let element = takes.element.as_deref();
            let fits = |one: &&Constant| element.is_some_and(|takes| values::is_element(takes, one));
            let own: Vec<Constant> = constants.iter().filter(fits).cloned().collect();
            let mut all = vec![Constant::Set(Vec::new())];
            all.extend(own.iter().map(|one| Constant::Set(vec![one.clone()])));
            all.push(Constant::Set(
                own.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
            ));
            all
        }
        Kind::Enum => takes.values.iter().cloned().map(Constant::String).collect(),
        _ => strings(&|value| match values::domain(takes) {
            Some(_) => values::is_element(takes, value),
            None => true,
        }),
    }
}

/// A call with another value at a place.
fn with(theory: &Theory<'_>, model: &Model, place: Place, value: &Constant) -> Model {
    let mut next = model.clone();
    match (place, value) {
        (Place::Now, Constant::DateTime(value)) => next.now = *value,
        (Place::Calls, Constant::Int(value)) => next.calls = *value,
        (Place::Behalf, Constant::String(name)) => next.behalf = Some(name.clone()),
        (Place::Holding, Constant::Set(classes)) => {
            let name = |class: &Constant| match class {
                Constant::String(name) => Some(name.clone()),
                _ => None,
            };
            next.holding = classes.iter().filter_map(name).collect();
        }
        (Place::Argument(at), value) => {
            if let Some(state) = next.states.get_mut(at) {
                *state = State::Value(value.clone());
            }
            let mut above = theory.frame.arguments().get(at).and_then(|one| one.parent);
            while let Some(parent) = above {
                if let Some(state) = next.states.get_mut(parent)
                    && !matches!(state, State::Value(_))
                {
                    *state = State::Present;
                }
                above = theory.frame.arguments().get(parent).and_then(|one| one.parent);
            }
        }
        _ => {}
    }
    next
}
