//! Values that were made to break out, and templates that were made never to end.

use super::*;

#[path = "../../../../tests/cases/hostile-values.rs"]
mod values;

use values::PIECES;

#[test]
fn an_escaped_star_matches_a_star_and_nothing_else() {
    let template = "kind: Template\nname: t\nparams: {x: {type: string}}\n---\nkind: Policy\nname: p\nrules:\n  r:\n    effect: allow\n    environments: [production]\n    actions: [github.list_issues]\n    when: |\n      context.args.repo like {{ x | literal ~ \"*\" }}\n";
    let filled = "kind: Use\nname: u\ntemplate: t\nwith: {x: 'a*b'}\n";
    let files = [(TEMPLATE, template), (USE, filled)];
    assert_eq!(errors(&files), "");
    let (_, compiled) = compiled(&files);
    let list = |repo: &str| {
        let args = format!("{{\"owner\": \"acme\", \"repo\": \"{repo}\"}}");
        decided(&compiled, "payments/claude-code", "github.list_issues", &args)
    };
    assert_eq!((list("a*b and more"), list("axb")), ("allow", "deny"));
}

#[test]
fn what_does_not_end_ends() {
    let doubling: String = (0..60).map(|_| "{% set x = x ~ x %}").collect();
    let nested: String = (0..12).map(|_| "{% for a in l %}").collect();
    let ends: String = (0..12).map(|_| "{% endfor %}").collect();
    let with: String = (0..60).map(|_| "{% with x = x ~ x %}").collect();
    let without: String = (0..60).map(|_| "{% endwith %}").collect();
    for body in [doubling, format!("{nested}x{ends}"), format!("{with}{without}")] {
        let found = codes_of(
            "params: {x: {type: string}, l: {type: list, of: string}}\n",
            &format!("{body}\n"),
            "with: {x: aaaaaaaaaaaaaaaa, l: [a, b, c, d, e, f, g, h, i, j, k, l, m]}\n",
        );
        assert_eq!(
            found,
            ["template-too-large"],
            "{}",
            body.chars().take(40).collect::<String>()
        );
    }
    let deep = format!("# {{{{ {}x{} }}}}\n", "(".repeat(5000), ")".repeat(5000));
    assert_eq!(
        codes_of("params: {x: {type: string}}\n", &deep, "with: {x: a}\n"),
        ["template-too-large"]
    );
    let again = "kind: Use\nname: v\ntemplate: t\n";
    assert_eq!(codes_of("", again, ""), ["template-in-template"]);
    let undefined = "kind: Policy\nname: {{ x }}\n";
    assert_eq!(
        codes_of("params: {x: {type: string, optional: true}}\n", undefined, ""),
        ["template-failed"]
    );
    assert_eq!(codes_of("", "# {{ none }}\n", ""), ["template-failed"]);
    assert_eq!(codes_of("", "# {{ 1 / 0 }}\n", "").len(), 1);
}

#[test]
fn what_is_deep_is_refused_or_filled_in() {
    let many = 12_000;
    for body in [
        format!("# {{{{ x{} }}}}\n", " ~ x".repeat(many)),
        format!("# {{{{ x{} }}}}\n", "|upper".repeat(many / 2)),
        format!("# {{{{ x{} }}}}\n", "[0]".repeat(many)),
        format!("# {{{{ {}x }}}}\n", "not ".repeat(many)),
        format!("# {{{{ {}1 }}}}\n", "-".repeat(many)),
        format!("# {{{{ {}x{} }}}}\n", "[".repeat(many), "]".repeat(many)),
        format!("# {{{{ x{} }}}}\n", " if x else x".repeat(many / 3)),
        format!("{}{}\n", "{% if x %}".repeat(many / 6), "{% endif %}".repeat(many / 6)),
        format!("# {{{{ x{} }}}}\n", " ~ x".repeat(190)),
        format!("# {{{{ {}1{} }}}}\n", "(".repeat(190), ")".repeat(190)),
        format!("{}{}\n", "{% if x %}".repeat(195), "{% endif %}".repeat(195)),
        format!("{{% if x %}}{}{{% endif %}}\n", "{% elif x %}".repeat(390)),
        format!("{{% if x %}}{}{{% endif %}}\n", "{% elif x %}".repeat(many / 3)),
    ] {
        let found = codes_of("params: {x: {type: string}}\n", &body, "with: {x: a}\n");
        assert!(
            found.len() <= 1,
            "{}: {found:?}",
            body.chars().take(30).collect::<String>()
        );
    }
}

#[test]
fn an_expansion_stands_where_its_use_stands() {
    let found = codes_of("", "kind: Person\nname: mallory\nemail: m@acme.example\n", "");
    assert_eq!(found, ["kind-not-allowed-here"]);
}

/// The names of what a tree declares.
fn declared(compiled: &Compiled) -> BTreeSet<String> {
    let rules = compiled.organization.rules.iter().map(|rule| rule.name.clone());
    let documents = compiled.documents.documents.iter();
    let names = documents.filter_map(|document| document.name.as_ref().map(|name| format!("document {}", name.value)));
    rules.chain(names).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_value_adds_nothing_and_takes_nothing_away(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
        const SHAPES: &[&str] = &[
            "    reason: {{ x }}\n",
            "    resources: [{{ x }}, {{ x | literal }}]\n    reason: {{ \"a\" ~ x }}\n",
            "    reason: 'a {{ x }} b'\n",
            "    reason: \"a {{ x }} b\"\n",
            "    reason: a {{ x }} b\n",
            "    # {{ x }}\n    reason: a\n",
            "    when: context.args.repo == {{ x }}\n",
            "    when: |\n      context.args.repo == {{ x }} || context.args.repo like {{ x | literal }}\n",
            "    when: |\n      context.args.repo == \"{{ x }}\"\n",
            "    when: 'context.args.repo == {{ x }}'\n",
        ];
        let value: String = pieces.concat();
        let json = serde_json::to_string(&value).expect("JSON");
        for shape in SHAPES {
            for flow in [false, true] {
                let rule = if flow {
                    let fields: Vec<&str> = shape.lines().filter(|line| !line.contains('#') && !line.contains('|')).map(str::trim).collect();
                    if fields.is_empty() || shape.contains('|') { continue; }
                    format!("  r: {{effect: deny, {}, actions: [github.list_issues]}}\n", fields.join(", "))
                } else {
                    format!("  r:\n    effect: deny\n{shape}    actions: [github.list_issues]\n")
                };
                let template = format!("kind: Template\nname: t\nparams: {{x: {{type: string}}}}\n---\nkind: Policy\nname: p\nrules:\n{rule}");
                let filled = format!("kind: Use\nname: u\ntemplate: t\nwith: {{\"x\": {json}}}\n");
                let (_, made) = compiled(&[(TEMPLATE, &template), (USE, &filled)]);
                if made.findings.has_errors() {
                    continue;
                }
                let names = declared(&made);
                prop_assert!(names.contains("p/r") && names.contains("document p"), "{names:?}");
                let rules: Vec<&str> = names.iter().filter(|name| name.contains('/')).map(String::as_str).collect();
                prop_assert_eq!(rules, ["p/r"]);
                let rule = &made.organization.rules[0];
                prop_assert_eq!(rule.effect, crate::ast::RuleEffect::Deny);
                if shape.contains("reason: {{ x }}") {
                    prop_assert_eq!(rule.reason.as_deref().map(str::trim), Some(value.trim()));
                }
                let open = "kind: Policy\nname: open\nrules:\n  all: {effect: allow, environments: [production], effects: [read]}\n";
                if !shape.contains("when") && !shape.contains("resources") {
                    let (_, made) = compiled(&[(TEMPLATE, &template), (USE, &filled), ("policies/open.yaml", open)]);
                    let args = r#"{"owner": "acme", "repo": "docs"}"#;
                    prop_assert_eq!(decided(&made, "payments/claude-code", "github.list_issues", args), "deny");
                }
                // A condition on one repository stays one: no value makes it hold for another.
                if let Some(table) = &made.table && shape.contains("when") {
                    prop_assert!(table.action("github.list_issues").is_some());
                    let (_, made) = compiled(&[(TEMPLATE, &template), (USE, &filled), ("policies/open.yaml", open)]);
                    let args = r#"{"owner": "acme", "repo": "some other repository"}"#;
                    prop_assert_eq!(decided(&made, "payments/claude-code", "github.list_issues", args), "allow");
                }
            }
        }
    }
}
