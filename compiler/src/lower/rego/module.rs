//! A parsed module by its names: which rules and functions it has, what it imports, what it calls.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{AssignOp, Expr, Literal, Module, Query, Ref, Rule, RuleHead};

use super::parse::Fault;
use super::values::{Const, Num};
use super::visit;
use crate::diag::codes::rego::REGO_OUTCOME;

/// A module's rules by name.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) groups: BTreeMap<String, Group>,
    /// What a name stands for that an import gives: the path.
    pub(super) imports: BTreeMap<String, Vec<String>>,
    /// The arguments of actions are not all that is looked at.
    pub(super) mentions_action: bool,
}

/// All definitions of one name.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) defs: Vec<Def>,
    pub(super) default: Option<Ref<Expr>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `x := 5 if ...`
    Complete,
    /// `x contains y if ...`
    Set,
    /// `f(x) := y if ...`
    Function,
    /// `x[k] := y if ...`
    Object,
    /// Another form: an object that rules make, or several of the above under one name.
    Other,
}

/// One definition.
#[derive(Debug)]
pub(super) struct Def {
    /// Its head.
    pub(super) span: regorus::unstable::Span,
    pub(super) params: Vec<Ref<Expr>>,
    /// What it puts into a set, or under which key it puts it into an object.
    pub(super) key: Option<Ref<Expr>>,
    /// Each body with its value; each but the first is an `else` of the one before.
    pub(super) chain: Vec<Body>,
}

#[derive(Debug)]
pub(super) struct Body {
    /// Absent: true.
    pub(super) value: Option<Ref<Expr>>,
    /// Absent: always.
    pub(super) query: Option<Ref<Query>>,
}

impl Index {
    pub(super) fn new(module: &Module) -> Self {
        let mut index = Self::default();
        for rule in &module.policy {
            match rule.as_ref() {
                Rule::Default { refr, args, value, .. } => {
                    let (name, plain) = name_of(refr);
                    let kind = match (plain, args.is_empty()) {
                        (false, _) => Kind::Other,
                        (true, true) => Kind::Complete,
                        (true, false) => Kind::Function,
                    };
                    let group = index.group(name, kind);
                    if group.default.replace(value.clone()).is_some() {
                        group.kind = Kind::Other;
                    }
                }
                Rule::Spec { head, bodies, .. } => {
                    let (refr, kind, params, key, assign) = match head {
                        RuleHead::Compr { refr, assign, .. } => (refr, Kind::Complete, &[][..], None, assign.as_ref()),
                        RuleHead::Set { refr, key, .. } => (refr, Kind::Set, &[][..], key.clone(), None),
                        RuleHead::Func { refr, args, assign, .. } => {
                            (refr, Kind::Function, args.as_slice(), None, assign.as_ref())
                        }
                    };
                    let (name, plain) = name_of(refr);
                    let value = assign.map(|assign| assign.value.clone());
                    let (kind, key) = match refr.as_ref() {
                        _ if plain => (kind, key),
                        Expr::RefBrack { refr, index, .. } if kind == Kind::Complete && name_of(refr).1 => {
                            (Kind::Object, Some(index.clone()))
                        }
                        _ => (Kind::Other, key),
                    };
                    let group = index.group(name, kind);
                    let def = |chain| Def {
                        span: head_span(head).clone(),
                        params: params.to_vec(),
                        key: key.clone(),
                        chain,
                    };
                    let mut chains: Vec<Vec<Body>> = Vec::new();
                    for body in bodies {
                        let own = body.assign.as_ref().map(|assign| assign.value.clone());
                        let made = Body {
                            value: if body.is_else {
                                own
                            } else {
                                own.or_else(|| value.clone())
                            },
                            query: Some(body.query.clone()),
                        };
                        match chains.last_mut() {
                            Some(chain) if body.is_else => chain.push(made),
                            _ => chains.push(vec![made]),
                        }
                    }
                    if chains.is_empty() {
                        chains.push(vec![Body { value, query: None }]);
                    }
                    group.defs.extend(chains.into_iter().map(def));
                }
            }
        }
        for import in &module.imports {
            let Some(path) = path(&import.refr) else { continue };
            if matches!(path.first().map(String::as_str), Some("future" | "rego")) {
                continue;
            }
            let name = match &import.r#as {
                Some(alias) => alias.text().to_owned(),
                None => path.last().cloned().unwrap_or_default(),
            };
            index.imports.insert(name, path);
        }
        index.mentions_action = mentions_action(module);
        index
    }

    fn group(&mut self, name: String, kind: Kind) -> &mut Group {
        let group = self.groups.entry(name).or_insert(Group {
            kind,
            defs: Vec::new(),
            default: None,
        });
        if group.kind != kind {
            group.kind = Kind::Other;
        }
        group
    }
}

/// What a rule is called.
pub(super) fn name(rule: &Rule) -> String {
    match rule {
        Rule::Default { refr, .. } => name_of(refr).0,
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => name_of(refr).0,
        },
    }
}

fn head_span(head: &RuleHead) -> &regorus::unstable::Span {
    match head {
        RuleHead::Compr { span, .. } | RuleHead::Set { span, .. } | RuleHead::Func { span, .. } => span,
    }
}

/// The first name of a head, and whether it is all of it.
fn name_of(refr: &Expr) -> (String, bool) {
    match refr {
        Expr::Var { span, .. } => (span.text().to_owned(), true),
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => (name_of(refr).0, false),
        _ => (String::new(), false),
    }
}

/// A reference by its constant parts.
pub(super) fn path(refr: &Expr) -> Option<Vec<String>> {
    let mut parts = match refr {
        Expr::Var { span, .. } => return Some(vec![span.text().to_owned()]),
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => path(refr)?,
        _ => return None,
    };
    parts.push(match refr {
        Expr::RefDot { field, .. } => field.0.text().to_owned(),
        Expr::RefBrack { index, .. } => match constant(index)? {
            Const::Str(text) => text,
            _ => return None,
        },
        _ => return None,
    });
    Some(parts)
}

/// A scalar as it is written.
pub(super) fn constant(e: &Expr) -> Option<Const> {
    Some(match e {
        Expr::Null { .. } => Const::Null,
        Expr::Bool { value, .. } => Const::Bool(*value.as_bool().ok()?),
        Expr::Number { span, .. } => Const::Num(Num::parse(span.text())),
        Expr::String { value, .. } | Expr::RawString { value, .. } => Const::Str(value.as_string().ok()?.to_string()),
        _ => return None,
    })
}

/// Members of `data` that are looked at and that there are none of, each where it first stands.
pub(super) fn lacking(module: &Module, data: &BTreeMap<Const, Const>) -> Vec<(String, regorus::unstable::Span)> {
    let mut found: BTreeMap<String, regorus::unstable::Span> = BTreeMap::new();
    let mut see = |e: &Expr| {
        let parts = path(e).unwrap_or_default();
        let [root, member, ..] = parts.as_slice() else { return };
        if root == "data" && member != "polity" && !data.contains_key(&Const::Str(member.clone())) {
            found.entry(member.clone()).or_insert_with(|| e.span().clone());
        }
    };
    module.imports.iter().for_each(|import| see(&import.refr));
    visit::walk(module, &mut see);
    found.into_iter().collect()
}

/// Rules of the names that decide, of a form that cannot.
pub(super) fn shapeless(index: &Index) -> Vec<Fault> {
    let mut found = Vec::new();
    for name in ["allow", "deny", "require_approval"] {
        let Some(group) = index.groups.get(name) else { continue };
        let Some(def) = group.defs.first() else { continue };
        let literal = |def: &&Def| {
            let of = |body: &Body| body.value.as_ref().is_some_and(|value| is_other(value));
            group.kind == Kind::Complete && def.chain.iter().any(of)
        };
        let keys = group.defs.iter().filter(|def| def.key.is_some()).count();
        let (message, def) = match (group.kind, group.defs.iter().find(literal)) {
            (_, Some(def)) => (format!("`{name}` is neither a boolean nor a set of reasons"), def),
            (Kind::Complete | Kind::Set, None) => continue,
            (Kind::Other, None) if keys > 0 && keys < group.defs.len() => {
                (format!("`{name}` is a boolean here and a set of reasons there"), def)
            }
            _ => (format!("`{name}` is neither a boolean nor a set of reasons"), def),
        };
        found.push(Fault {
            code: &REGO_OUTCOME,
            message,
            span: def.span.clone(),
            label: String::new(),
            help: format!("write `{name} if ...`, or `{name} contains \"why\" if ...`"),
        });
    }
    found
}

/// Whether a value is told by its looks to be no boolean and no set.
fn is_other(value: &Expr) -> bool {
    let constant = constant(value).is_some_and(|constant| !matches!(constant, Const::Bool(_)));
    constant
        || matches!(
            value,
            Expr::Object { .. } | Expr::Array { .. } | Expr::ArrayCompr { .. } | Expr::ObjectCompr { .. }
        )
}

/// Whether anything but arguments, agent, environment, session and time is looked at.
fn mentions_action(module: &Module) -> bool {
    let mut all = 0usize;
    let mut harmless = 0usize;
    let known = |name: &str| {
        matches!(
            name,
            "args" | "agent" | "environment" | "session" | "on_behalf_of" | "now"
        )
    };
    let input = |e: &Expr| matches!(e, Expr::Var { span, .. } if span.text() == "input");
    visit::walk(module, &mut |e| {
        all += usize::from(input(e));
        harmless += match e {
            Expr::RefDot { refr, field, .. } => usize::from(input(refr) && known(field.0.text())),
            _ => 0,
        };
    });
    let imported = module.imports.iter().any(|import| {
        path(&import.refr).is_some_and(|path| {
            path.first().is_some_and(|first| first == "input") && !path.get(1).is_some_and(|second| known(second))
        })
    });
    all > harmless || imported
}

/// What a module names below `data`, each by its constant steps.
pub(super) fn data(module: &Module) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut see = |e: &Expr| {
        if let Some([root, names @ ..]) = path(e).as_deref()
            && root == "data"
        {
            found.push(names.to_vec());
        }
    };
    module.imports.iter().for_each(|import| see(&import.refr));
    visit::walk(module, &mut see);
    found
}

/// Whether a module calls what may stand in another package.
pub(super) fn calls_out(module: &Module, index: &Index) -> bool {
    let mut found = false;
    visit::walk(module, &mut |e| {
        if let Expr::Call { fcn, .. } = e {
            found |= path(fcn).is_some_and(|path| is_out(&path, index));
        }
    });
    found
}

/// Whether a path is of `data`, or of what is imported from there.
pub(super) fn is_out(path: &[String], index: &Index) -> bool {
    let data = |path: &[String]| path.first().is_some_and(|first| first == "data");
    let imported = path.first().and_then(|first| index.imports.get(first));
    data(path) || imported.is_some_and(|path| data(path))
}

/// The names that a module's definitions of a group call, directly.
pub(super) fn names(of: &Group) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut see = |e: &Expr| match e {
        Expr::Var { span, .. } => {
            found.insert(span.text().to_owned());
        }
        // `data.polity.NAME.rule`
        Expr::RefDot { .. } | Expr::RefBrack { .. } => {
            let path = path(e).unwrap_or_default();
            if let [data, polity, _, rule, ..] = path.as_slice()
                && data == "data"
                && polity == "polity"
            {
                found.insert(rule.clone());
            }
        }
        _ => {}
    };
    for def in &of.defs {
        def.key.iter().chain(&def.params).for_each(|e| visit::expr(e, &mut see));
        for body in &def.chain {
            body.value.iter().for_each(|e| visit::expr(e, &mut see));
            body.query.iter().for_each(|q| visit::query(q, &mut see));
        }
    }
    found
}

/// The messages of a set of reasons, as far as they are written out, and each once.
pub(super) fn reasons(group: &Group) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for def in &group.defs {
        let Some(key) = &def.key else { continue };
        let mut said = constant(key);
        if let Expr::Var { span, .. } = key.as_ref() {
            let statements = def.chain.iter().filter_map(|body| body.query.as_ref());
            for stmt in statements.flat_map(|query| &query.stmts) {
                if let Literal::Expr { expr, .. } = &stmt.literal
                    && let Expr::AssignExpr { op, lhs, rhs, .. } = expr.as_ref()
                    && matches!(op, AssignOp::ColEq | AssignOp::Eq)
                    && matches!(lhs.as_ref(), Expr::Var { span: name, .. } if name.text() == span.text())
                {
                    said = message(rhs);
                }
            }
        } else if said.is_none() {
            said = message(key);
        }
        if let Some(Const::Str(text)) = said
            && !found.contains(&text)
        {
            found.push(text);
        }
    }
    found
}

/// A message as it is written; of `sprintf` what is the same for every call.
fn message(e: &Expr) -> Option<Const> {
    match e {
        Expr::Call { fcn, params, .. } if path(fcn).is_some_and(|path| path == ["sprintf"]) => {
            let Some(Const::Str(text)) = constant(params.first()?) else {
                return None;
            };
            let mut plain = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once('%') {
                plain.push_str(before);
                plain.push('…');
                rest = after
                    .trim_start_matches(|c: char| !c.is_ascii_alphabetic() && c != '%')
                    .get(1..)
                    .unwrap_or("");
            }
            plain.push_str(rest);
            Some(Const::Str(plain))
        }
        other => constant(other),
    }
}
