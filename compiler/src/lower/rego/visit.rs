//! Visits to all that stands in a module: its expressions and its queries, those within others included.

use regorus::unstable::{Expr, Literal, Module, Query, Rule, RuleHead};

/// Visits every expression of a module's rules.
pub(super) fn walk(module: &Module, f: &mut dyn FnMut(&Expr)) {
    for rule in &module.policy {
        match rule.as_ref() {
            Rule::Default { refr, args, value, .. } => {
                expr(refr, f);
                args.iter().for_each(|arg| expr(arg, f));
                expr(value, f);
            }
            Rule::Spec { head, bodies, .. } => {
                let (refr, args, key, assign) = match head {
                    RuleHead::Compr { refr, assign, .. } => (refr, &[][..], None, assign.as_ref()),
                    RuleHead::Set { refr, key, .. } => (refr, &[][..], key.as_ref(), None),
                    RuleHead::Func { refr, args, assign, .. } => (refr, args.as_slice(), None, assign.as_ref()),
                };
                expr(refr, f);
                args.iter().chain(key).for_each(|arg| expr(arg, f));
                assign.into_iter().for_each(|assign| expr(&assign.value, f));
                for body in bodies {
                    body.assign.iter().for_each(|assign| expr(&assign.value, f));
                    query(&body.query, f);
                }
            }
        }
    }
}

pub(super) fn query(of: &Query, f: &mut dyn FnMut(&Expr)) {
    for stmt in &of.stmts {
        match &stmt.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn {
                key, value, collection, ..
            } => key.iter().chain([value, collection]).for_each(|e| expr(e, f)),
            Literal::Expr { expr: e, .. } | Literal::NotExpr { expr: e, .. } => expr(e, f),
            Literal::Every {
                domain, query: inner, ..
            } => {
                expr(domain, f);
                query(inner, f);
            }
        }
        for with in &stmt.with_mods {
            expr(&with.refr, f);
            expr(&with.r#as, f);
        }
    }
}

pub(super) fn expr(e: &Expr, f: &mut dyn FnMut(&Expr)) {
    f(e);
    match e {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. } => {}
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|item| expr(item, f)),
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
            expr(key, f);
            expr(value, f);
        }),
        Expr::ArrayCompr { term, query: q, .. } | Expr::SetCompr { term, query: q, .. } => {
            expr(term, f);
            query(q, f);
        }
        Expr::ObjectCompr {
            key, value, query: q, ..
        } => {
            expr(key, f);
            expr(value, f);
            query(q, f);
        }
        Expr::Call { fcn, params, .. } => {
            expr(fcn, f);
            params.iter().for_each(|param| expr(param, f));
        }
        Expr::UnaryExpr { expr: inner, .. } => expr(inner, f),
        Expr::RefDot { refr, .. } => expr(refr, f),
        Expr::RefBrack { refr, index, .. } => {
            expr(refr, f);
            expr(index, f);
        }
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            expr(lhs, f);
            expr(rhs, f);
        }
        Expr::Membership {
            key, value, collection, ..
        } => key.iter().chain([value, collection]).for_each(|inner| expr(inner, f)),
    }
}

/// Visits every query of a module's rules, those within others included.
pub(super) fn queries(module: &Module, f: &mut dyn FnMut(&Query)) {
    for rule in &module.policy {
        if let Rule::Spec { bodies, .. } = rule.as_ref() {
            bodies.iter().for_each(|body| within(&body.query, f));
        }
    }
    walk(module, &mut |e| match e {
        Expr::ArrayCompr { query, .. } | Expr::SetCompr { query, .. } | Expr::ObjectCompr { query, .. } => {
            within(query, f);
        }
        _ => {}
    });
}

/// A query, and those of its `every`.
fn within(of: &Query, f: &mut dyn FnMut(&Query)) {
    f(of);
    for stmt in &of.stmts {
        if let Literal::Every { query, .. } = &stmt.literal {
            within(query, f);
        }
    }
}
