//! Texts that a person would not write, in every place that an answer has one: each is one scalar, and nothing is read of
//! it but itself.

use proptest::prelude::*;

use super::*;

/// Texts that a person would not write: YAML's own characters, lines, quotes, words that YAML reads otherwise.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\n    effect: read".to_owned()),
        Just("---\n".to_owned()),
        Just(": ".to_owned()),
        Just(" #".to_owned()),
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just("{{".to_owned()),
        Just("&a *b !c |".to_owned()),
        Just("null".to_owned()),
        Just("yes".to_owned()),
        Just("0x10".to_owned()),
        Just("1_000".to_owned()),
        Just("\u{85}".to_owned()),
        Just("\u{2028}".to_owned()),
        Just("\u{feff}".to_owned()),
        "[a-z]{1,3}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_text_is_one_scalar(text in hostile(), also in any::<String>()) {
        for text in [text, also] {
            let written = format!("a: {{b: {}, c: d}}\n{}: e\n", yaml::scalar(&text), yaml::scalar(&format!("k{text}")));
            let mut sink = Sink::default();
            let read = crate::parse::yaml::read(crate::source::FileId(0), &written, &mut sink);
            prop_assert!(sink.diagnostics().is_empty(), "{written:?}: {:?}", sink.diagnostics());
            prop_assert_eq!(read.len(), 1);
            let entry = |node: &crate::parse::node::Node, key: &str| crate::import::edit::entry(node, key).map(|one| one.value.value.clone());
            let root = &read[0].root;
            let inner = &crate::import::edit::entry(root, "a").unwrap().value;
            let value = entry(inner, "b");
            prop_assert!(matches!(&value, Some(crate::parse::node::Value::Scalar(read, _)) if *read == text), "{written:?}: {value:?}");
            let key = format!("k{text}");
            prop_assert!(entry(root, &key).is_some(), "{:?}", written);
        }
    }

    #[test]
    fn a_document_holds_what_is_listed_and_nothing_more(
        tools in prop::collection::btree_map(prop_oneof!["[a-zA-Z_][a-zA-Z0-9_.-]{0,8}", Just("on".to_owned()), Just("null".to_owned()), Just("1e3".to_owned()), Just("-".to_owned())], (hostile(), prop::collection::vec(hostile(), 1..4), prop::collection::btree_map(prop_oneof!["[a-z]{1,4}", Just("y".to_owned())], prop_oneof![Just("string"), Just("integer"), Just("object")], 0..4)), 1..4),
    ) {
        let listed: Vec<Value> = tools.iter().map(|(name, (description, values, params))| {
            let mut properties: serde_json::Map<String, Value> = params.iter().map(|(name, ty)| (name.clone(), json!({"type": ty}))).collect();
            properties.insert("drawn".to_owned(), json!({"enum": values}));
            json!({"name": name, "description": description, "inputSchema": {"type": "object", "properties": properties}})
        }).collect();
        let (text, _) = document_of(&Value::Array(listed));
        let (read, found) = read(&text);
        prop_assert!(found.iter().all(|code| *code == UNCONFIRMED_EFFECT.id), "{found:?}\n{text}");
        prop_assert_eq!(found.len(), tools.len());
        prop_assert_eq!(read.len(), 1);
        let actions = &read[0].actions;
        prop_assert_eq!(actions.len(), tools.len());
        for ((name, action), (wanted, (_, values, params))) in actions.iter().zip(&tools) {
            prop_assert_eq!(&name.value, wanted);
            prop_assert_eq!(action.unconfirmed.map(|mark| mark.value), Some(Unconfirmed::Proposed));
            prop_assert!(action.variants.is_empty() && action.class.resources.is_none() && action.class.reads.is_none());
            prop_assert_eq!(action.class.effect.map(|effect| effect.value), Some(Effect::Destructive));
            let names: Vec<&str> = action.params.iter().map(|(name, _)| name.value.as_str()).collect();
            let mut wanted: Vec<&str> = params.keys().map(String::as_str).collect();
            wanted.push("drawn");
            wanted.sort_unstable();
            wanted.dedup();
            let mut sorted = names.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, wanted);
            let drawn = action.params.iter().find(|(name, _)| name.value == "drawn").unwrap();
            if let crate::ast::ParamType::Enum(read) = &drawn.1.ty.value {
                let mut expected = values.clone();
                let mut seen = std::collections::BTreeSet::new();
                expected.retain(|value| seen.insert(value.clone()));
                let read: Vec<String> = read.iter().map(|value| value.value.clone()).collect();
                prop_assert_eq!(read, expected);
            }
        }
    }

    #[test]
    fn whatever_is_handed_over_ends(text in "\\PC{0,80}", mangled in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let _ = imported(&text);
        let mut bytes = br##"{"result":{"tools":[{"name":"a","annotations":{"readOnlyHint":true},"inputSchema":{"type":"object","properties":{"b":{"$ref":"#/$defs/c"}},"$defs":{"c":{"enum":["x"]}}}}]}}"##.to_vec();
        let at = mangled.index(bytes.len());
        bytes[at] = byte;
        if let Ok(listing) = Listing::read(&[bytes])
            && let Ok(imported) = propose(&listing, None)
        {
            let _ = document("a", imported.tool);
        }
    }
}
