//! Documents that people worked on, and what becomes of them when their server says something else.

use serde_json::{Value, json};

use super::*;
use crate::import::{Imported, Listing, document, propose};

fn listed(tools: &Value) -> (Tool, String) {
    let listing = Listing::read(&[tools.to_string().into_bytes()]).unwrap();
    let Imported { tool, .. } = propose(&listing, None).unwrap();
    (tool, listing.digest)
}

/// The document as it becomes, and the changes.
fn updated(text: &str, tools: &Value) -> Result<(String, Vec<String>), String> {
    let (tool, digest) = listed(tools);
    let updated = update(text, None, &tool, &digest)?;
    Ok((updated.text, updated.changes.iter().map(ToString::to_string).collect()))
}

fn server() -> Value {
    json!([
        {"name": "get", "annotations": {"readOnlyHint": true, "openWorldHint": false}, "inputSchema": {"type": "object",
            "properties": {"path": {"type": "string"}, "depth": {"type": "integer"}}, "required": ["path"]}},
        {"name": "put", "annotations": {"destructiveHint": false}, "inputSchema": {"type": "object",
            "properties": {"path": {"type": "string"}, "mode": {"enum": ["a", "b"]}}, "required": ["path"]}},
    ])
}

/// What a person makes of the import: confirmed, with types, resources and comments of their own.
fn worked_on() -> String {
    let (tool, _) = listed(&server());
    let text = document("files", tool).unwrap();
    let text = text.replace("    unconfirmed: proposed\n", "");
    let text = text.replace("      path: string\n", "      path: path # a path, not any text\n");
    let text = text.replace(
        "    effect: write\n",
        "    # Nobody outside sees the files.\n    effect: write\n",
    );
    text.replace(
        "    external: true\n",
        "    external: false\n    resources: [\"{path}\"]\n",
    )
}

#[test]
fn the_same_answer_changes_nothing() {
    let text = worked_on();
    assert_eq!(updated(&text, &server()), Ok((text, Vec::new())));
    // Nor does the order of the answer, or that of the keys.
    let mut other = server();
    other.as_array_mut().unwrap().reverse();
    let text = worked_on();
    assert_eq!(updated(&text, &other), Ok((text, Vec::new())));
}

#[test]
fn what_people_wrote_stays_and_what_changed_is_marked() {
    let mut tools = server();
    tools[0]["annotations"] = json!({"readOnlyHint": false});
    tools[0]["inputSchema"]["properties"] = json!({"path": {"type": "string"}, "deep": {"type": "boolean"}});
    tools[1]["description"] = json!("Now with a description.");
    tools
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "drop", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}}}));
    let (text, changes) = updated(&worked_on(), &tools).unwrap();
    insta::assert_snapshot!(format!("{text}\n{}", changes.join("\n")));
    // The next time nothing has changed.
    assert_eq!(updated(&text, &tools), Ok((text.clone(), Vec::new())));
    // Somebody confirms; then the first answer is back, and one action is not listed any more.
    let confirmed: String = text
        .split_inclusive('\n')
        .filter(|line| !line.contains("unconfirmed"))
        .collect();
    let (back, changes) = updated(&confirmed, &server()).unwrap();
    insta::assert_snapshot!(format!("{back}\n{}", changes.join("\n")));
    let (again, changes) = updated(&back, &tools).unwrap();
    assert!(
        changes
            .iter()
            .any(|change| change.starts_with("~ drop: it is listed again")),
        "{changes:?}"
    );
    assert_eq!(again.matches("unconfirmed: changed").count(), 3, "{again}");
}

#[test]
fn a_proposal_that_nobody_touched_follows_the_server() {
    let (tool, _) = listed(&server());
    let text = document("files", tool).unwrap();
    let mut tools = server();
    tools[0]["annotations"] = json!({});
    let (proposed, changes) = updated(&text, &tools).unwrap();
    assert!(
        proposed.contains(
            "  get:\n    unconfirmed: proposed\n    effect: destructive\n    external: true\n    reversible: false\n"
        ),
        "{proposed}"
    );
    assert!(changes[0].contains("`effect: destructive` is proposed"), "{changes:?}");
    tools[0]["annotations"] = json!({"readOnlyHint": true, "openWorldHint": false});
    let (back, _) = updated(&proposed, &tools).unwrap();
    assert!(
        back.contains("  get:\n    unconfirmed: proposed\n    effect: read\n    params:"),
        "{back}"
    );
    // A person said otherwise, and has not confirmed yet: that stays.
    let (kept, _) = updated(
        &text.replace(
            "effect: read",
            "effect: write\n    external: false\n    reversible: true",
        ),
        &{
            let mut tools = server();
            tools[0]["annotations"] = json!({});
            tools
        },
    )
    .unwrap();
    assert!(
        kept.contains("unconfirmed: proposed\n    effect: write\n    external: false\n"),
        "{kept}"
    );
}

#[test]
fn a_document_that_no_import_wrote_is_marked_whole_and_keeps_its_style() {
    let text = "\
# By hand.
kind: Person
name: dana
---
kind: Tool
name: files
server: {command: [files], digest: \"sha256:of-an-image\"} # pinned
resources: [\"{path}\"]
actions:
  get: {effect: read, params: {path: path, depth: int}} # short
  put:
    params:
      # The mode is what counts.
      mode: {enum: [a, b], optional: true}
      path: path
      old: string
    variants:
      a: {when: 'context.args has mode && context.args.mode == \"a\"', effect: write, external: false, reversible: true}
      b: {effect: destructive, external: false, reversible: false}
";
    let (text, changes) = updated(text, &server()).unwrap();
    insta::assert_snapshot!(format!("{text}\n{}", changes.join("\n")));
}

#[test]
fn narrower_types_stay_and_wider_ones_do_not() {
    let types = |mine: &str, schema: Value| {
        let text = format!("kind: Tool\nname: t\nactions:\n  a:\n    effect: read\n    params:\n      it: {mine}\n");
        let tools =
            json!([{"name": "a", "inputSchema": {"type": "object", "properties": {"it": schema}, "required": ["it"]}}]);
        let (text, _) = updated(&text, &tools).unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix("      it: "))
            .unwrap()
            .to_owned()
    };
    for (mine, schema) in [
        ("path", json!({"type": "string"})),
        ("{type: string, fold: case}", json!({"type": "string"})),
        ("{enum: [a, b]}", json!({"type": "string"})),
        ("int", json!({"type": "number"})),
        ("list of path", json!({"type": "array", "items": {"type": "string"}})),
        ("opaque", json!({"type": "string"})),
        ("string", json!({"anyOf": [{"type": "string"}, {"type": "integer"}]})),
        (
            "{type: record, fields: {a: {type: path, optional: true}}}",
            json!({"type": "object", "properties": {"a": {"type": "string"}}}),
        ),
    ] {
        assert_eq!(types(mine, schema), mine);
    }
    for (mine, schema, now) in [
        ("int", json!({"type": "string"}), "string"),
        ("decimal", json!({"type": "integer"}), "int"),
        ("{enum: [a]}", json!({"enum": ["a", "b"]}), "{enum: [a, b]}"),
        ("string", json!({"enum": ["a", "b"]}), "{enum: [a, b]}"),
        (
            "string",
            json!({"type": ["string", "null"]}),
            "{type: string, optional: true}",
        ),
        (
            "{type: record, fields: {a: path}}",
            json!({"type": "object", "properties": {"b": {"type": "string"}}}),
            "{type: record, fields: {b: {type: string, optional: true}}}",
        ),
    ] {
        assert_eq!(types(mine, schema), now);
    }
}

#[test]
fn what_cannot_be_changed_in_place_is_refused() {
    for (text, why) in [
        (
            "kind: Tool\nname: t\nactions: {a: {effect: read}}\n",
            "cannot be changed in place",
        ),
        ("kind: Tool\nname: t\nactions: {a: !x {effect: read}}\n", "has errors"),
        ("kind: Tool\nname: t\nactions: {a: {effect: reed}}\n", "has errors"),
        ("kind: Person\nname: t\n", "no tool"),
        ("", "no tool"),
        (
            "kind: Tool\nname: t\nactions: {a: {effect: read}}\n---\nkind: Tool\nname: u\nactions: {a: {effect: read}}\n",
            "several tools",
        ),
    ] {
        let error = updated(text, &server()).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn line_breaks_of_either_kind_and_a_last_line_without_one_are_kept() {
    let text = worked_on();
    let mut tools = server();
    tools[1]["annotations"] = json!({});
    let (wanted, changes) = updated(&text, &tools).unwrap();
    let (without, same) = updated(text.trim_end(), &tools).unwrap();
    assert_eq!((without.as_str(), &same), (wanted.trim_end(), &changes));
    let (windows, same) = updated(&text.replace('\n', "\r\n"), &tools).unwrap();
    assert_eq!((windows.replace("\r\n", "\n"), same), (wanted, changes));
}
