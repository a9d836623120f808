//! Documents that people worked on, and what becomes of them when their server says something else.

use std::collections::BTreeMap;

use proptest::prelude::*;
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

/// A server's tools by name: hints, parameters and a description, each of a few kinds, so that two draws differ a little.
fn drawn() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let schema = prop::sample::select(vec![
        json!({"type": "string"}),
        json!({"type": "integer"}),
        json!({"enum": ["a", "no"]}),
        json!({"type": "array", "items": {"type": "string"}}),
        json!({"type": "object", "properties": {"x": {"type": "string"}}}),
        json!({}),
    ]);
    let params = prop::collection::btree_map("[a-d]|on|x\\.y", schema, 0..4);
    let hints = prop::sample::select(vec![
        json!({}),
        json!({"readOnlyHint": true}),
        json!({"readOnlyHint": true, "openWorldHint": false}),
        json!({"destructiveHint": false}),
    ]);
    let tool = (hints, params, "[ab]").prop_map(|(hints, params, description)| {
        json!({"annotations": hints, "description": description, "inputSchema": {"type": "object", "properties": params}})
    });
    prop::collection::btree_map("[a-e]|no", tool, 1..5)
}

fn answer(tools: &BTreeMap<String, Value>) -> Value {
    let named = tools.iter().map(|(name, tool)| {
        let mut tool = tool.clone();
        tool["name"] = json!(name);
        tool
    });
    Value::Array(named.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever a server lists first and then: what it changed is marked, nothing else is, and a second time changes
    /// nothing. `confirmed` says which actions somebody confirmed in between.
    #[test]
    fn what_changed_is_marked_and_nothing_else(first in drawn(), then in drawn(), confirmed in any::<u8>()) {
        let (tool, _) = listed(&answer(&first));
        let text = document("t", tool).unwrap();
        let (mut kept, mut at) = (String::new(), 0);
        for line in text.split_inclusive('\n') {
            let mark = line == "    unconfirmed: proposed\n";
            at += u32::from(mark);
            if !(mark && confirmed.rotate_right(at) & 1 == 1) {
                kept.push_str(line);
            }
        }
        let was = Existing::read(&kept, None).unwrap().tool;
        let then = answer(&then);
        let (text, changes) = updated(&kept, &then).unwrap();
        let now = Existing::read(&text, None).unwrap().tool;
        let mark = |tool: &Tool, name: &str| {
            let action = tool.actions.iter().find(|(action, _)| action.value == name);
            action.map(|(_, action)| action.unconfirmed.map(|mark| mark.value))
        };
        let listed_then: BTreeMap<&str, &Value> = then.as_array().unwrap().iter().map(|tool| (tool["name"].as_str().unwrap(), tool)).collect();
        for (name, _) in &now.actions {
            let name = name.value.as_str();
            let before = mark(&was, name);
            let wanted = match (before, listed_then.get(name)) {
                (None, _) => Some(Unconfirmed::Proposed),
                (Some(_), None) => Some(Unconfirmed::Gone),
                (Some(before), Some(tool)) => {
                    let mut old = first[name].clone();
                    old["name"] = json!(name);
                    match old == **tool {
                        true => before,
                        false => before.or(Some(Unconfirmed::Changed)),
                    }
                }
            };
            prop_assert_eq!(mark(&now, name), Some(wanted), "{}\n{}", kept, text);
        }
        prop_assert_eq!(now.actions.len(), was.actions.len() + changes.iter().filter(|change| change.starts_with('+')).count());
        prop_assert_eq!(updated(&text, &then), Ok((text.clone(), Vec::new())));
    }
}

/// The document of a server that is named, so that it remembers what the last import saw.
fn of_a_server() -> String {
    let listing = Listing::read(&[server().to_string().into_bytes()]).unwrap();
    let reached = crate::import::Reached::Url("https://mcp.acme.example".to_owned());
    let Imported { tool, .. } = propose(&listing, Some(&reached)).unwrap();
    let text = document("files", tool).unwrap();
    let text = text.replace("    unconfirmed: proposed\n", "");
    assert!(text.contains(&listing.digest), "{text}");
    text
}

/// Without one of its actions.
fn without(text: &str, action: &str) -> String {
    let (before, rest) = text.split_once(&format!("  {action}:\n")).unwrap();
    let more: String = rest
        .split_inclusive('\n')
        .skip_while(|line| line.starts_with("    "))
        .collect();
    format!("{before}{more}")
}

#[test]
fn what_somebody_took_out_stays_out() {
    let text = without(&of_a_server(), "put");
    let out = vec!["  put: taken out here, and stays out".to_owned()];
    assert_eq!(updated(&text, &server()), Ok((text.clone(), out)));
    // Once the server lists something else, it cannot be told from what is new, and comes back to be confirmed.
    let mut tools = server();
    tools
        .as_array_mut()
        .unwrap()
        .push(json!({"name": "drop", "inputSchema": {"type": "object"}}));
    let (back, changes) = updated(&text, &tools).unwrap();
    let of = |action: &str| {
        changes
            .iter()
            .find(|change| change.starts_with(&format!("+ {action}: ")))
            .unwrap()
            .clone()
    };
    assert!(of("put").contains("or taken out here before"), "{changes:?}");
    assert!(of("drop").contains("`--without drop`"), "{changes:?}");
    assert_eq!(back.matches("unconfirmed: proposed").count(), 2, "{back}");
    // From a document that lacked nothing, what is new is called so.
    let (_, changes) = updated(&of_a_server(), &tools).unwrap();
    assert!(
        changes.contains(&"+ drop: new, to be confirmed".to_owned()),
        "{changes:?}"
    );
}
