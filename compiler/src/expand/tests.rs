//! Templates and their uses: nothing that a parameter holds adds a document or a rule, and what is hostile ends.

mod hostile;

use std::collections::BTreeSet;

use polity_runtime::decide::{Phase, Request, decide};
use polity_runtime::guard::Silent;
use polity_runtime::session::{ClassSet, Seat, State};
use polity_runtime::value::Arguments;
use proptest::prelude::*;

use super::*;
use crate::compile::{Compiled, compile};
use crate::report::text;

/// A small organisation; templates and uses are laid over it.
const BASE: &str = r#"
polity: v1
kind: Organization
name: acme
owners: [security]
---
kind: Person
name: alice
email: alice@acme.example
---
kind: Person
name: bob
email: bob@acme.example
---
kind: Group
name: security
members: [alice, bob]
---
kind: Team
name: payments
owners: [alice, bob]
---
kind: Environment
name: development
rank: 1
---
kind: Environment
name: production
rank: 2
---
kind: Tool
name: github
server: {url: "https://mcp.acme.example/github", digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
actions:
  list_issues:
    effect: read
    params: {owner: string, repo: string}
    resources: ["repo:{owner}/{repo}"]
  merge_pull_request:
    effect: write
    external: true
    reversible: false
    params: {owner: string, repo: string, number: int}
    resources: ["repo:{owner}/{repo}"]
  delete_repository:
    effect: destructive
    external: true
    reversible: false
    params: {owner: string, repo: string}
    resources: ["repo:{owner}/{repo}"]
---
kind: Tool
name: billing
server: {url: "https://mcp.acme.example/billing", digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
actions:
  balance: {effect: read, params: {}, reads: [customer-data]}
  refund:
    effect: write
    external: true
    reversible: false
    params: {amount: int}
---
kind: Credential
name: billing-db
environments: [production]
max_ttl: 15m
owner: alice
---
kind: DataClass
name: customer-data
owner: alice
---
kind: Agent
name: claude-code
owner: alice
kill_contact: security
---
kind: Deployment
agent: claude-code
team: payments
environments:
  development: {ring: trusted, tools: [github], enforced_by: gateway}
  production: {ring: trusted, tools: [github], enforced_by: gateway}
"#;

const TEMPLATE: &str = "templates/t.yaml";
const USE: &str = "teams/payments/use.yaml";

fn compiled(files: &[(&str, &str)]) -> (SourceTree, Compiled) {
    let mut all = vec![("polity.yaml".to_owned(), BASE.to_owned())];
    all.extend(
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned())),
    );
    let tree = SourceTree::from_files(all);
    let compiled = compile(&tree, 0, Sink::default());
    (tree, compiled)
}

/// The errors, as a person reads them.
fn errors(files: &[(&str, &str)]) -> String {
    let (tree, compiled) = compiled(files);
    if compiled.findings.has_errors() {
        text::findings(&compiled.findings, &tree, false)
    } else {
        String::new()
    }
}

/// The codes of a template with this declaration and body, used with these values.
fn codes_of(params: &str, body: &str, with: &str) -> Vec<&'static str> {
    let template = format!("kind: Template\nname: t\n{params}---\n{body}");
    let filled = format!("kind: Use\nname: u\ntemplate: t\n{with}");
    let (_, compiled) = compiled(&[(TEMPLATE, &template), (USE, &filled)]);
    let found = compiled.findings.diagnostics().iter();
    found
        .filter(|found| found.severity == crate::diag::Severity::Error)
        .map(|found| found.code.id)
        .collect()
}

const POLICY: &str = r#"kind: Policy
name: {{ name }}
rules:
  reads:
    effect: allow
    environments: [{{ environment }}]
    actions: [github.list_issues]
    resources: [{{ "repo:" ~ repo | literal }}]
    when: |
      context.args.repo == {{ repo }} || context.args.repo like {{ repo | literal }}
    reason: {{ reason }}
"#;

const PARAMS: &str = "params:
  name: {type: name}
  environment: {type: name, default: production}
  repo: {type: string}
  reason: {type: string, default: because}
";

/// What a call is answered, in production.
fn decided(compiled: &Compiled, agent: &str, action: &str, args: &str) -> &'static str {
    let table = compiled.table.as_ref().expect("a table");
    let id = table.action(action);
    let mut arguments = Arguments::new();
    if let Some(id) = id {
        arguments.read_json(&table.parameters(id), args).expect("arguments");
    }
    let state = State {
        seat: &Seat::resolve(table, agent, "production"),
        holding: &ClassSet::default(),
        calls: 0,
    };
    let request = Request {
        action: id,
        arguments: &arguments,
        on_behalf_of: None,
        now: 0,
        phase: Phase::Live,
    };
    decide(table, &state, &request, &mut Silent).outcome.as_str()
}

#[test]
fn a_template_is_filled_in() {
    let template = format!("kind: Template\nname: t\n{PARAMS}---\n{POLICY}");
    let filled = "kind: Use\nname: u\ntemplate: t\nwith: {name: readers, repo: acme/docs}\n";
    let files = [(TEMPLATE, template.as_str()), (USE, filled)];
    assert_eq!(errors(&files), "");
    let (_, compiled) = compiled(&files);
    let list = |repo: &str| {
        let args = format!("{{\"owner\": \"acme\", \"repo\": \"{repo}\"}}");
        decided(&compiled, "payments/claude-code", "github.list_issues", &args)
    };
    assert_eq!(list("other"), "deny");
    // The rule is told by where the template is used.
    let table = compiled.table.as_ref().expect("a table");
    let rule = compiled
        .organization
        .rules
        .iter()
        .find(|rule| rule.name == "readers/reads")
        .expect("the rule");
    assert_eq!(
        compiled
            .tree
            .file(compiled.tree.used_at(rule.span).file)
            .map(|file| file.path.as_str()),
        Some(USE)
    );
    assert!(table.deployment("payments/claude-code").is_some());
}

#[test]
fn a_diagnostic_points_into_the_template_and_names_the_use() {
    let body = POLICY.replace("github.list_issues", "github.list_isues");
    let template = format!("kind: Template\nname: t\n{PARAMS}---\n{body}");
    let filled = "kind: Use\nname: u\ntemplate: t\nwith: {name: readers, repo: acme/docs}\n";
    let found = errors(&[(TEMPLATE, &template), (USE, filled)]);
    assert!(found.contains("--> templates/t.yaml:15:15"), "{found}");
    assert!(found.contains("--> teams/payments/use.yaml:3:11"), "{found}");
    // A value is told by the expression that it came of.
    let body = POLICY.replace("context.args.repo == {{ repo }}", "context.args.nope == {{ repo }}");
    let template = format!("kind: Template\nname: t\n{PARAMS}---\n{body}");
    let found = errors(&[(TEMPLATE, &template), (USE, filled)]);
    assert!(found.contains("--> templates/t.yaml:18:"), "{found}");
    let filled = "kind: Use\nname: u\ntemplate: read-only-analyst\nwith: {name: a, team: payments, owner: alice, kill_contact: security, environments: [nowhere], tools: [github]}\n";
    let found = errors(&[(USE, filled)]);
    assert!(
        found.contains("of the built-in template `read-only-analyst`"),
        "{found}"
    );
    assert!(found.contains("--> teams/payments/use.yaml:3:11"), "{found}");
}

#[test]
fn what_a_template_may_not_say_is_refused() {
    for body in [
        "{{ x | safe }}",
        "{{ x | escape }}",
        "{{ x | e }}",
        "{{ x | tojson }}",
        "{{ x | indent }}",
        "{{ x | pprint }}",
        "{{ debug() }}",
        "{{ range(9) }}",
        "{{ namespace() }}",
        "{{ x.upper() }}",
        "{{ x.y }}",
        "{{ {x: 1} }}",
        "{% autoescape false %}{{ x }}{% endautoescape %}",
        "{% include 'a' %}",
        "{% extends 'a' %}",
        "{% import 'a' as b %}",
        "{% from 'a' import b %}",
        "{% macro m() %}{% endmacro %}",
        "{% block b %}{% endblock %}",
        "{% filter upper %}a{% endfilter %}",
        "{% set y %}a{% endset %}",
        "{% do x() %}",
        "{% call x() %}{% endcall %}",
        "{{ x is string }}",
        "{% for a, b in [x] %}{% endfor %}",
        "{% for a in [x] recursive %}{% endfor %}",
        "{% set y = [x, x] %}",
        "{% with y = [x] %}{% endwith %}",
        "{% for a in [[x, x]] %}{% endfor %}",
        "{{ (x, x) }}",
        "{% set y = x + x %}",
        "{% for y in [x + x] %}{% endfor %}",
        "{{ x * 9 }}",
        "{{ 9 ** 9 }}",
        "{{ x ",
        "{% if x %}",
        "{% bogus %}",
        "{{ x | join(sep=1) }}",
    ] {
        let body = format!("# {body}\n");
        assert_eq!(
            codes_of("params: {x: {type: string}}\n", &body, "with: {x: a}\n"),
            ["template-syntax"],
            "{body}"
        );
    }
    assert_eq!(
        codes_of("params: {x: {type: string}}\n", "# {{ y }}\n", "with: {x: a}\n"),
        ["unknown-template-parameter"]
    );
}

#[test]
fn a_template_is_read_even_where_nobody_uses_it() {
    for (text, code) in [
        ("kind: Template\nname: t\n", "bad-template"),
        ("---\nkind: Template\nname: t\n", "bad-template"),
        ("kind: Template\nname: other\n---\n", "bad-template"),
        ("kind: Template\nname: t\n---\n{% if %}\n", "template-syntax"),
        ("kind: Template\nname: t\nparms: {}\n---\n", "unknown-key"),
        (
            "kind: Template\nname: t\nparams: {x: {type: int, default: a}}\n---\n",
            "bad-template-argument",
        ),
        (
            "kind: Template\nname: t\nparams: {loop: {type: int}}\n---\n",
            "bad-parameter",
        ),
        (
            "kind: Template\nname: t\nparams: {x: {type: int, min: 2, max: 1}}\n---\n",
            "bad-parameter",
        ),
        (
            "kind: Template\nname: t\nparams: {x: {type: list}}\n---\n",
            "missing-field",
        ),
        ("kind: Policy\nname: t\n---\n", "unknown-value"),
    ] {
        let found = errors(&[(TEMPLATE, text)]);
        assert!(found.contains(&format!("error[{code}]")), "{text}: {found}");
    }
    let found = errors(&[(
        "templates/read-only-analyst.yaml",
        "kind: Template\nname: read-only-analyst\n---\n",
    )]);
    assert!(found.contains("template-name-taken"), "{found}");
}

#[test]
fn values_are_checked_where_they_are_given() {
    let params = "params:\n  i: {type: int, min: 1, max: 3, default: 2}\n  s: {type: string, optional: true}\n  m: {type: name, optional: true}\n  e: {enum: [a, b], optional: true}\n  l: {type: list, of: name, min: 1, max: 2, optional: true}\n  b: {type: bool, optional: true}\n";
    for (with, codes) in [
        ("with: {i: 1, s: x, m: z, e: a, l: [x], b: true}\n", &[] as &[&str]),
        ("", &[]),
        ("with: {i: 0}\n", &["bad-template-argument"]),
        ("with: {i: 4}\n", &["bad-template-argument"]),
        ("with: {i: 1.5}\n", &["bad-template-argument"]),
        ("with: {i: \"1\"}\n", &["bad-template-argument"]),
        ("with: {s: 1}\n", &["bad-template-argument"]),
        ("with: {s: {a: b}}\n", &["bad-template-argument"]),
        ("with: {m: A}\n", &["bad-template-argument"]),
        ("with: {e: c}\n", &["bad-template-argument"]),
        ("with: {l: [a, b, c]}\n", &["bad-template-argument"]),
        ("with: {l: [A]}\n", &["bad-template-argument"]),
        ("with: {b: \"true\"}\n", &["bad-template-argument"]),
        ("with: {s: \"a\\nb\"}\n", &["bad-template-argument"]),
        ("with: {s: \"a\\u0085b\"}\n", &["bad-template-argument"]),
        ("with: {s: \"a\\u2028b\"}\n", &["bad-template-argument"]),
        ("with: {s: \"a\\u2029b\"}\n", &["bad-template-argument"]),
        ("with: {s: \"a\\uFEFFb\"}\n", &["bad-template-argument"]),
        ("with: {s: \"a\\uFDD0b\"}\n", &["bad-template-argument"]),
        ("with: {t: a}\n", &["unknown-template-parameter"]),
    ] {
        assert_eq!(codes_of(params, "# nothing\n", with), codes, "{with}");
    }
    assert_eq!(
        codes_of("params: {x: {type: name}}\n", "# nothing\n", ""),
        ["missing-template-parameter"]
    );
    let found = errors(&[(USE, "kind: Use\nname: u\ntemplate: read-only-analist\n")]);
    assert!(
        found.contains("unknown-template") && found.contains("did you mean `read-only-analyst`?"),
        "{found}"
    );
}

#[test]
fn a_value_fills_what_it_stands_in() {
    let rule = |line: &str| {
        format!(
            "kind: Policy\nname: p\nrules:\n  r:\n    effect: deny\n    actions: [github.list_issues]\n    {line}\n"
        )
    };
    let one = |line: &str, value: &str| {
        codes_of(
            "params: {x: {type: string}, i: {type: int, default: 1}}\n",
            &rule(line),
            &format!("with: {{x: '{value}'}}\n"),
        )
    };
    assert_eq!(one("when: context.args.repo == {{ x }}", "a"), Vec::<&str>::new());
    assert_eq!(
        one("when: |\n      context.args.repo == {{ x }}", "a # b: c \\\" || true"),
        Vec::<&str>::new()
    );
    for line in [
        "reason: {{ x }}-y",
        "reason: y-{{ x }}",
        "reason: \"{{ x }}\"",
        "reason: \"y {{ x }}\"",
        "reason: 'y {{ x }}'",
        "reason: y {{ i }} y",
        "reason: y {{ x }} y",
        "reason: |\n      y {{ x }}",
        "when: {{ x }}",
        "when: 'context.args.repo == {{ x }}'",
        "when: \"context.args.repo == {{ x }}\"",
        "when: |\n      context.args.repo == \"{{ x }}\"",
        "when: |\n      context.args.repo == \"a {{ x }} b\"",
        "when: |\n      context.args.repo == \"a\" // {{ x }}",
        "when: |\n      context.args.repo == a{{ i }}",
        "{{ \"reason\" }}: y",
    ] {
        assert_eq!(one(line, "a"), ["misplaced-template-value"], "{line}");
    }
    let help = errors(&[
        (
            TEMPLATE,
            &format!(
                "kind: Template\nname: t\nparams: {{x: {{type: name}}}}\n---\n{}",
                rule("reason: {{ x }}-y")
            ),
        ),
        (USE, "kind: Use\nname: u\ntemplate: t\nwith: {x: a}\n"),
    ]);
    assert!(help.contains("`{{ x ~ \"-y\" }}`"), "{help}");
}

#[test]
fn a_star_of_a_parameter_is_literal_or_refused() {
    let one = |line: &str, value: &str| {
        let body = format!(
            "kind: Policy\nname: p\nrules:\n  r:\n    effect: deny\n    actions: [github.list_issues]\n    {line}\n"
        );
        codes_of(
            "params: {x: {type: string}}\n",
            &body,
            &format!("with: {{x: '{value}'}}\n"),
        )
    };
    assert_eq!(
        one("resources: [{{ \"repo:\" ~ x ~ \"/*\" }}]", "acme"),
        Vec::<&str>::new()
    );
    assert_eq!(
        one("resources: [{{ \"repo:\" ~ x }}]", "acme/*"),
        ["template-value-in-glob"]
    );
    assert_eq!(
        one("resources: [{{ \"repo:\" ~ x | literal }}]", "acme/*"),
        ["template-value-in-glob"]
    );
    assert_eq!(
        one("resources: [{{ \"repo:\" ~ (x | pattern) }}]", "acme/*"),
        Vec::<&str>::new()
    );
    assert_eq!(
        one("when: |\n      context.args.repo like {{ x ~ \"*\" }}", "a*"),
        ["template-value-in-glob"]
    );
    assert_eq!(
        one(
            "when: |\n      context.args.repo like {{ (x | literal) ~ \"*\" }}",
            "a*"
        ),
        Vec::<&str>::new()
    );
    assert_eq!(one("reason: {{ x | literal }}", "a*"), Vec::<&str>::new());
}

#[test]
fn the_pages_examples_are_what_they_say() {
    for code in codes::ALL {
        let (_, examples) = code.page.split_once("\n## Bad\n").expect("a bad example");
        let (bad, good) = examples.split_once("\n## Good\n").expect("a good example");
        for (bad, example) in [(true, bad), (false, good)] {
            let blocks: Vec<(&str, &str)> = example
                .split("```yaml path=")
                .skip(1)
                .filter_map(|block| block.split("```").next()?.split_once('\n'))
                .collect();
            let found = errors(&blocks);
            let said = found.contains(&format!("error[{}]", code.id));
            assert_eq!(said, bad, "{}: {found}", code.id);
            assert!(bad || found.is_empty(), "{}: {found}", code.id);
        }
    }
}
