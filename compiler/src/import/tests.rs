//! Answers of servers, honest and hostile: what becomes of them, and that nothing else does.

mod hostile;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::ast::{Body, Documents, Tool};
use crate::diag::Sink;
use crate::diag::codes::import::UNCONFIRMED_EFFECT;
use crate::parse::parse;
use crate::source::SourceTree;

/// The answer as a document and its remarks, or why not.
fn imported(answer: &str) -> Result<(String, Vec<String>), String> {
    let listing = Listing::read(&[answer.as_bytes().to_vec()])?;
    let Imported { tool, remarks } = propose(&listing, None)?;
    let text = document("server", tool)?;
    Ok((text, remarks.iter().map(ToString::to_string).collect()))
}

/// The document of a server whose tools are these.
fn document_of(tools: &Value) -> (String, Vec<String>) {
    imported(&json!({"tools": tools}).to_string()).unwrap()
}

/// What the repository's own reader makes of a document: its tools, and the codes of what it finds.
fn read(text: &str) -> (Vec<Tool>, Vec<&'static str>) {
    let mut sink = Sink::default();
    let tree = SourceTree::from_files(vec![("tool.yaml".to_owned(), text.to_owned())]);
    let Documents { documents, .. } = parse(&tree, &mut sink).documents;
    let tools = documents
        .into_iter()
        .map(|document| match Arc::into_inner(document).unwrap().body {
            Body::Tool(tool) => tool,
            other => panic!("{other:?}"),
        });
    (
        tools.collect(),
        sink.diagnostics().iter().map(|found| found.code.id).collect(),
    )
}

/// The one line of a parameter `it` with this schema, and the remarks.
fn parameter(schema: &Value) -> (String, Vec<String>) {
    let tools =
        json!([{"name": "a", "inputSchema": {"type": "object", "properties": {"it": schema}, "required": ["it"]}}]);
    let (text, remarks) = document_of(&tools);
    let line = text.lines().find_map(|line| line.strip_prefix("      it: "));
    (line.unwrap_or("none").to_owned(), remarks)
}

#[test]
fn an_answer_becomes_a_document() {
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": {"serverInfo": {"name": "Acme GitHub"}, "tools": [
        {
            "name": "list_issues",
            "description": "Lists issues of a repository.\nThe second line is for models.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "owner": {"type": "string", "description": "who"},
                    "state": {"type": "string", "enum": ["open", "closed", "on"]},
                    "since": {"type": "string", "format": "date-time"},
                    "labels": {"type": "array", "items": {"type": "string"}},
                    "per-page": {"type": ["integer", "null"]},
                    "filter": {"oneOf": [{"type": "string"}, {"type": "object"}]},
                },
                "required": ["owner", "per-page"],
            },
            "annotations": {"title": "List", "readOnlyHint": true, "openWorldHint": false},
        },
        {"name": "create_issue", "inputSchema": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]},
         "annotations": {"destructiveHint": false}},
        {"name": "delete_repository", "inputSchema": {"type": "object"}},
    ]}});
    let listing = Listing::read(&[answer.to_string().into_bytes()]).unwrap();
    assert_eq!(listing.server.as_deref(), Some("Acme GitHub"));
    let reached = Reached::Command(vec![
        "npx".to_owned(),
        "-y".to_owned(),
        "@acme/github-mcp@1.4.2".to_owned(),
    ]);
    let Imported { tool, remarks } = propose(&listing, Some(&reached)).unwrap();
    insta::assert_snapshot!(document("github", tool).unwrap());
    assert_eq!(
        remarks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["`list_issues.filter` is opaque, invisible to conditions: it is one of several (`oneOf`)"]
    );
}

#[test]
fn every_wrapping_of_the_answer_is_the_same_answer() {
    let tools = json!([{"name": "a", "inputSchema": {"type": "object"}}]);
    let bare = imported(&tools.to_string());
    assert!(bare.is_ok());
    for wrapped in [
        json!({"tools": tools}),
        json!({"jsonrpc": "2.0", "id": "x", "result": {"tools": tools}}),
        json!({"tools": tools, "nextCursor": null}),
    ] {
        assert_eq!(imported(&wrapped.to_string()), bare);
    }
    // In pages, and in another order: the digest of the whole is the same.
    let page = |name: &str, more: Value| {
        json!({"tools": [{"name": name}], "nextCursor": more})
            .to_string()
            .into_bytes()
    };
    let (a, b) = (page("a", json!("x")), page("b", Value::Null));
    let paged = Listing::read(&[a.clone(), b.clone()]).unwrap();
    let other = Listing::read(&[b, page("a", Value::Null)]).unwrap();
    assert_eq!(paged.definitions.len(), 2);
    assert_eq!(paged.digest, other.digest);
    assert!(Listing::read(&[a]).unwrap_err().contains("another page"));
}

#[test]
fn a_tool_can_be_left_out_for_the_sake_of_the_others() {
    let circle = json!({"properties": {"b": {"$ref": "#"}}});
    let answer = json!([{"name": "a", "inputSchema": circle}, {"name": "b"}])
        .to_string()
        .into_bytes();
    let mut listing = Listing::read(&[answer]).unwrap();
    let digest = listing.digest.clone();
    assert!(propose(&listing, None).unwrap_err().contains("the schema of `a`"));
    assert!(listing.leave_out("c").unwrap_err().contains("no `c`"));
    listing.leave_out("a").unwrap();
    let Imported { tool, .. } = propose(&listing, None).unwrap();
    assert_eq!(tool.actions.len(), 1);
    assert_eq!(listing.digest, digest, "the digest is that of all");
}

#[test]
fn hints_are_read_the_stricter_way() {
    let said = |hints: Value| {
        let (text, remarks) = document_of(&json!([{"name": "a", "annotations": hints}]));
        let keys = ["effect", "external", "reversible"];
        let line = |key: &&str| {
            let start = format!("    {key}: ");
            text.lines()
                .find_map(|line| line.strip_prefix(&start))
                .unwrap_or("-")
                .to_owned()
        };
        (keys.iter().map(line).collect::<Vec<_>>().join(" "), remarks.len() - 1)
    };
    for (hints, class, odd) in [
        (json!(null), "destructive true false", 0),
        (json!({}), "destructive true false", 0),
        (json!({"readOnlyHint": false}), "destructive true false", 0),
        (json!({"readOnlyHint": true}), "read true -", 0),
        (json!({"readOnlyHint": true, "openWorldHint": false}), "read - -", 0),
        (json!({"destructiveHint": false}), "write true false", 0),
        (
            json!({"destructiveHint": false, "idempotentHint": true}),
            "write true false",
            0,
        ),
        (
            json!({"destructiveHint": false, "openWorldHint": false}),
            "write false false",
            0,
        ),
        (
            json!({"readOnlyHint": true, "destructiveHint": true}),
            "destructive true false",
            1,
        ),
        (
            json!({"readOnlyHint": true, "destructiveHint": false}),
            "read true -",
            0,
        ),
        // What is no boolean says nothing.
        (
            json!({"readOnlyHint": "true", "openWorldHint": 0}),
            "destructive true false",
            2,
        ),
    ] {
        assert_eq!(said(hints.clone()), (class.to_owned(), odd), "{hints}");
    }
}

#[test]
fn schemas_become_types_that_say_no_more_than_they_do() {
    for (schema, line) in [
        (json!({"type": "string", "minLength": 3, "pattern": "^a"}), "string"),
        (
            json!({"type": "integer", "maximum": 18_446_744_073_709_551_615_u64}),
            "int",
        ),
        (json!({"type": "number"}), "decimal"),
        (json!({"type": ["integer", "number"]}), "decimal"),
        (json!({"type": "boolean"}), "bool"),
        (json!({"type": "string", "format": "date-time"}), "datetime"),
        (json!({"type": "string", "format": "date"}), "string"),
        (json!({"type": "string", "format": "duration"}), "string"),
        (json!({"type": "string", "format": "email"}), "email"),
        (json!({"type": "string", "format": "ipv4"}), "ip"),
        (json!({"type": "string", "format": "ipv6"}), "ip"),
        (json!({"type": "string", "format": "hostname"}), "host"),
        (json!({"type": "string", "format": "uri"}), "url"),
        (json!({"type": "string", "format": "uri-reference"}), "string"),
        (json!({"enum": ["a", "b c", "a", "no"]}), "{enum: [a, \"b c\", \"no\"]}"),
        (json!({"const": "a"}), "{enum: [a]}"),
        (json!({"enum": [1, 2, 3]}), "int"),
        (json!({"enum": ["a", null]}), "{enum: [a], optional: true}"),
        (json!({"type": ["string", "null"]}), "{type: string, optional: true}"),
        (
            json!({"type": "string", "nullable": true}),
            "{type: string, optional: true}",
        ),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            "{type: int, optional: true}",
        ),
        (json!({"oneOf": [{"const": "a"}, {"const": "b"}]}), "{enum: [a, b]}"),
        (json!({"allOf": [{"type": "integer"}], "description": "x"}), "int"),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            "{type: list, of: string}",
        ),
        (
            json!({"type": "array", "items": {"type": "string", "format": "uri"}}),
            "{type: list, of: url}",
        ),
        (
            json!({"type": "array", "items": {"enum": ["a"]}}),
            "{type: list, of: {enum: [a]}}",
        ),
        (
            json!({"type": "object", "properties": {"line": {"type": "integer"}, "on": {"type": "string"}}, "required": ["line"]}),
            "{type: record, fields: {line: int, \"on\": {type: string, optional: true}}}",
        ),
    ] {
        assert_eq!(parameter(&schema), (line.to_owned(), Vec::new()), "{schema}");
    }
    for (schema, why) in [
        (json!({}), "names no type"),
        (json!(true), "any value"),
        (json!({"type": ["string", "integer"]}), "several types"),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            "one of several (`anyOf`)",
        ),
        (json!({"enum": ["a", 1]}), "several types"),
        (
            json!({"allOf": [{"type": "string"}, {"minLength": 1}]}),
            "several schemas at once",
        ),
        (json!({"type": "array"}), "list of anything"),
        (
            json!({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}),
            "list of records",
        ),
        (
            json!({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}),
            "list of lists",
        ),
        (
            json!({"type": "array", "items": {"type": ["string", "null"]}}),
            "may be null",
        ),
        (
            json!({"type": "array", "items": {"type": ["string", "integer"]}}),
            "of an entry, it may be of several types",
        ),
        (
            json!({"type": "array", "prefixItems": [{"type": "string"}]}),
            "by their place",
        ),
        (json!({"type": "object"}), "does not name"),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            "does not name",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": true}),
            "does not name",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "oneOf": [{}]}),
            "one of several",
        ),
        (json!({"type": "text"}), "no type `text`"),
    ] {
        let (line, remarks) = parameter(&schema);
        assert_eq!(line, "opaque", "{schema}");
        assert!(remarks.len() == 1 && remarks[0].contains(why), "{schema}: {remarks:?}");
    }
    // A record within a record is opaque; the rest of it is not.
    let inner = json!({"type": "object", "properties": {"b": {"type": "string"}}});
    let (line, remarks) = parameter(&json!({"type": "object", "properties": {"a": inner, "c": {"type": "integer"}}}));
    assert_eq!(
        line,
        "{type: record, fields: {a: {type: opaque, optional: true}, c: {type: int, optional: true}}}"
    );
    assert_eq!(
        remarks,
        ["`a.it.a` is opaque, invisible to conditions: it is a record within a record"]
    );
    // A value that cannot be written down widens the type, and says so.
    let (line, remarks) = parameter(&json!({"type": "string", "enum": ["", "a"]}));
    assert_eq!(line, "string");
    assert!(remarks[0].contains("may be any string"), "{remarks:?}");
}

#[test]
fn references_are_followed_within_the_schema() {
    let schema = json!({"$ref": "#/definitions/In", "$schema": "x", "definitions": {
        "In": {"type": "object", "properties": {
            "a": {"$ref": "#/definitions/Kind"},
            "b": {"$ref": "#/definitions/Kind", "description": "again", "default": "x", "x-order": 2},
            "c": {"$ref": "#/definitions/Kind", "minLength": 1},
            "d": {"anyOf": [{"$ref": "#/definitions/a~1b%"}, {"type": "null"}]},
            // The name of a property, not a reference.
            "ref": {"default": {"$ref": "http://elsewhere"}, "type": "string"},
        }},
        "Kind": {"type": "string", "enum": ["x", "z"]},
        "a/b%": {"type": "integer"},
    }});
    let (text, remarks) = document_of(&json!([{"name": "a", "inputSchema": schema}]));
    for line in [
        "      a: {enum: [x, z], optional: true}",
        "      b: {enum: [x, z], optional: true}",
        "      c: {type: opaque, optional: true}",
        "      d: {type: int, optional: true}",
        "      ref: {type: string, optional: true}",
    ] {
        assert!(text.lines().any(|written| written == line), "{line}\n{text}");
    }
    assert_eq!(remarks.len(), 1, "{remarks:?}");
}

#[test]
fn what_the_model_cannot_name_is_left_out_and_listed() {
    let (text, remarks) = document_of(&json!([
        {"name": "with space", "inputSchema": {"type": "object"}},
        {"name": "наме"},
        {"name": "x".repeat(129)},
        {"name": "ok", "inputSchema": {
            "type": "object",
            "properties": {"$top": {"type": "integer"}, "never": false, "to": {"type": "array", "items": {"type": "string", "format": "email"}}, "to_hosts": {"type": "string"}},
            "additionalProperties": true,
            "anyOf": [{"required": ["to"]}],
        }},
    ]));
    let (tools, _) = read(&text);
    let names: Vec<_> = tools[0].actions.iter().map(|(name, _)| name.value.as_str()).collect();
    assert_eq!(names, ["ok"]);
    let params: Vec<_> = tools[0].actions[0]
        .1
        .params
        .iter()
        .map(|(name, _)| name.value.as_str())
        .collect();
    assert_eq!(params, ["to"]);
    for said in [
        "`with space` is left out",
        "`наме` is left out",
        "`ok.$top` is left out",
        "`ok.never` is left out",
        "`ok.to_hosts` is left out",
        "`ok` takes arguments that it does not name",
        "`ok` has an `anyOf`",
    ] {
        assert!(
            remarks.iter().any(|remark| remark.starts_with(said)),
            "{said}: {remarks:#?}"
        );
    }
}

#[test]
fn hostile_answers_are_refused_with_a_reason() {
    let schema = |schema: Value| json!([{"name": "a", "inputSchema": schema}]);
    let chain: serde_json::Map<String, Value> = (0..2_000)
        .map(|n| (format!("d{n}"), json!({"$ref": format!("#/$defs/d{}", n + 1)})))
        .chain([("d2000".to_owned(), json!({"type": "string"}))])
        .collect();
    let many = |count: usize| -> serde_json::Map<String, Value> {
        (0..count)
            .map(|n| (format!("p{n}"), json!({"type": "string"})))
            .collect()
    };
    for (answer, why) in [
        (json!(1), "it is a number"),
        (json!({}), "neither `tools` nor `result`"),
        (json!({"tools": [], "result": {"tools": []}}), "which of them"),
        (json!({"error": {"code": -1, "message": "no\u{1b}[2J"}}), r"no\u{1b}[2J"),
        (json!({"result": []}), "no `tools`"),
        (json!({"tools": {}}), "a list is asked for"),
        (json!({"tools": []}), "no tools"),
        (json!(["a"]), "an object is asked for"),
        (json!([{}]), "no name"),
        (json!([{"name": 7}]), "a number"),
        (json!([{"name": null}]), "null"),
        (json!([{"name": " "}]), "empty"),
        (json!([{"name": "a\nb: {effect: read}"}]), "U+000A"),
        (json!([{"name": "a\u{202e}b"}]), "U+202E"),
        (json!([{"name": "a\u{200b}"}]), "U+200B"),
        (json!([{"name": "a\u{e0041}"}]), "U+E0041"),
        (
            json!([{"name": "a"}, {"name": "b"}, {"name": "a"}]),
            "two tools are called `a`",
        ),
        (json!([{"name": "a", "description": 1}]), "`description` of `a`"),
        (json!([{"name": "a", "annotations": true}]), "`annotations` of `a`"),
        (json!([{"name": "a", "inputSchema": "x"}]), "`inputSchema` of `a`"),
        (schema(json!({"type": "string"})), "arguments are one"),
        (schema(json!({"type": ["object", "null"]})), "arguments are one"),
        (schema(json!({"properties": []})), "an array"),
        (schema(json!({"properties": {"a\u{7}": {}}})), "U+0007"),
        (schema(json!({"properties": {"a": 1}})), "a number"),
        (schema(json!({"properties": {"a": {"type": 1}}})), "a number"),
        (
            schema(json!({"properties": {"a": {"$ref": "https://evil.example/x.json"}}})),
            "not fetched",
        ),
        (
            schema(json!({"properties": {"a": {"$ref": "#/$defs/none"}}})),
            "does not have",
        ),
        (schema(json!({"properties": {"a": {"$ref": {}}}})), "no string"),
        (
            schema(json!({"properties": {"a": {"$dynamicRef": "#x"}}})),
            "not followed",
        ),
        (schema(json!({"$ref": "#"})), "leads back"),
        (schema(json!({"properties": {"a": {"$ref": "#"}}})), "leads back"),
        (
            schema(
                json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            ),
            "leads back",
        ),
        (
            schema(
                json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"properties": {"next": {"items": {"$ref": "#/$defs/a"}}}}}}),
            ),
            "leads back",
        ),
        (
            schema(json!({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": chain})),
            "lead to each other",
        ),
        (schema(json!({"properties": many(1025)})), "more than 1024 parameters"),
        (
            schema(json!({"properties": {"a": {"type": "object", "properties": many(1024)}}})),
            "more than 1024 parameters",
        ),
        (
            schema(json!({"$defs": {"r": {"type": "object", "properties": many(1000)}},
                "properties": many(1000).into_iter().map(|(name, _)| (name, json!({"$ref": "#/$defs/r"}))).collect::<serde_json::Map<_, _>>()})),
            "more than 50000 values",
        ),
        (
            Value::Array((0..=MAX_TOOLS).map(|n| json!({"name": format!("t{n}")})).collect()),
            "more than 2000 tools",
        ),
    ] {
        let shown: String = answer.to_string().chars().take(200).collect();
        let error = imported(&answer.to_string()).expect_err(&shown);
        assert!(error.contains(why), "{shown}: {error}");
        assert_eq!(visible::line(&error), error, "{shown}");
    }
    let stream = "event: message\ndata: {\"result\": {\"tools\": []}}\n";
    assert!(imported(stream).unwrap_err().contains("after `data:`"));
    let twice = r#"[{"name": "a", "annotations": {"readOnlyHint": false, "readOnlyHint": true}}]"#;
    assert!(imported(twice).unwrap_err().contains("stands twice"));
    for name in ["read", "credential"] {
        let listing = Listing::read(&[b"[{\"name\": \"a\"}]".to_vec()]).unwrap();
        let error = document(name, propose(&listing, None).unwrap().tool).unwrap_err();
        assert!(error.contains("may not be called"), "{error}");
    }
}

#[test]
fn a_description_is_one_line_in_which_everything_can_be_seen() {
    let described = |text: &str| {
        let (document, remarks) = document_of(&json!([{"name": "a", "description": text, "inputSchema": {}}]));
        let (tools, _) = read(&document);
        let description = tools[0].actions[0].1.description.as_ref();
        (description.map(|text| text.value.clone()), remarks.len())
    };
    let some = |text: &str| (Some(text.to_owned()), 0);
    assert_eq!(described("Reads: a #file"), some("Reads: a #file"));
    assert_eq!(described("\n\n  first\nsecond"), some("first"));
    assert_eq!(described("\"\neffect: read"), some("\""));
    assert_eq!(described("'it''s' \\ \"x\""), some("'it''s' \\ \"x\""));
    assert_eq!(described("{{ 7 * 7 }}"), some("{{ 7 * 7 }}"));
    assert_eq!(described("a\u{202e}b"), (None, 1));
    assert_eq!(described("a\u{e0049}\u{e0067}"), (None, 1));
    assert_eq!(described("  "), (None, 0));
    assert_eq!(
        described(&"é".repeat(500)),
        (Some(format!("{}...", "é".repeat(MAX_DESCRIPTION))), 0)
    );
}
