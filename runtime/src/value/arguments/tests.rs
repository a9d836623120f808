//! Whole calls, friendly and hostile, against one table.

use proptest::prelude::*;

use super::*;
use crate::value::{IpNet, Strings};

mod table;

use table::{Table, all_kinds};

impl Table {
    fn read<'a>(&self, text: &'a str) -> Result<Arguments<'a>, ArgumentsError> {
        let mut arguments = Arguments::new();
        arguments.read_json(&self.parameters(), text)?;
        // A tree of the same call reads alike.
        let mut of_tree = Arguments::new();
        of_tree
            .read(&self.parameters(), input(&serde_json::from_str(text).unwrap()))
            .unwrap();
        assert_eq!(of_tree.slots(), arguments.slots(), "{text}");
        Ok(arguments)
    }

    /// What a call with this one argument leaves in a slot.
    fn value(&self, slot: &str, text: &str) -> Value<'static> {
        let arguments = self.read(text).unwrap();
        assert_eq!(arguments.undeclared(), None, "{text}");
        owned(arguments.get(self.slot(slot)))
    }
}

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::Str(text) => Value::Str(text.to_string().into()),
        Value::List(values) => Value::List(values.iter().map(owned).collect()),
        Value::Absent => Value::Absent,
        Value::Invalid(fault) => Value::Invalid(*fault),
        Value::Present => Value::Present,
        Value::Bool(value) => Value::Bool(*value),
        Value::Int(value) => Value::Int(*value),
        Value::Decimal(value) => Value::Decimal(*value),
        Value::DateTime(value) => Value::DateTime(*value),
        Value::Duration(value) => Value::Duration(*value),
        Value::Ip(value) => Value::Ip(*value),
    }
}

fn input(value: &serde_json::Value) -> Input<'static> {
    match value {
        serde_json::Value::Null => Input::Null,
        serde_json::Value::Bool(value) => Input::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(value) => Input::Int(value),
            None => Input::Number(number.to_string().leak()),
        },
        serde_json::Value::String(text) => Input::Str(text.clone().into()),
        serde_json::Value::Array(values) => Input::List(values.iter().map(input).collect()),
        serde_json::Value::Object(map) => Input::Map(
            map.iter()
                .map(|(key, value)| (key.clone().into(), input(value)))
                .collect(),
        ),
    }
}

fn strings(values: &[&'static str]) -> Value<'static> {
    Value::List(values.iter().map(|text| Value::Str((*text).into())).collect())
}

const WRONG: Value<'static> = Value::Invalid(Fault::WrongType);
const RANGE: Value<'static> = Value::Invalid(Fault::OutOfRange);
const UNSAFE: Value<'static> = Value::Invalid(Fault::Unsafe);

#[test]
fn each_kind_is_read_and_normalised() {
    let table = all_kinds();
    let str = |text: &'static str| Value::Str(text.into());
    for (slot, text, value) in [
        ("string", r#"{"string":"A\u00e9"}"#, str("Aé")),
        ("string", r#"{"string":7}"#, WRONG),
        ("folded", r#"{"folded":"AC\u004dE"}"#, str("acme")),
        ("int", r#"{"int":-9223372036854775808}"#, Value::Int(i64::MIN)),
        ("int", r#"{"int":9223372036854775808}"#, RANGE),
        ("int", r#"{"int":1.0}"#, WRONG),
        ("int", r#"{"int":1e3}"#, WRONG),
        ("int", r#"{"int":"1"}"#, WRONG),
        ("int", r#"{"int":true}"#, WRONG),
        ("bool", r#"{"bool":true}"#, Value::Bool(true)),
        ("bool", r#"{"bool":"true"}"#, WRONG),
        ("bool", r#"{"bool":0}"#, WRONG),
        ("decimal", r#"{"decimal":12}"#, Value::Decimal(120_000)),
        ("decimal", r#"{"decimal":-0.5}"#, Value::Decimal(-5_000)),
        ("decimal", r#"{"decimal":"0.0001"}"#, Value::Decimal(1)),
        ("decimal", r#"{"decimal":1.00005}"#, RANGE),
        ("decimal", r#"{"decimal":922337203685478}"#, RANGE),
        ("decimal", r#"{"decimal":true}"#, WRONG),
        (
            "datetime",
            r#"{"datetime":"1970-01-01T00:00:01Z"}"#,
            Value::DateTime(1000),
        ),
        ("datetime", r#"{"datetime":1000}"#, WRONG),
        ("duration", r#"{"duration":"1m"}"#, Value::Duration(60_000)),
        (
            "ip",
            r#"{"ip":"10.0.0.1"}"#,
            Value::Ip(IpNet {
                address: [10, 0, 0, 1].into(),
                prefix: 32,
            }),
        ),
        ("ip", r#"{"ip":"10.1"}"#, WRONG),
        ("path", r#"{"path":"/srv/../etc"}"#, str("/etc")),
        ("path", r#"{"path":"\/srv\u002f..\u002fetc"}"#, str("/etc")),
        ("path", r#"{"path":"../etc"}"#, UNSAFE),
        ("path", r#"{"path":"/etc\u0000.png"}"#, UNSAFE),
        ("host", r#"{"host":"ACME.example."}"#, str("acme.example")),
        ("host", r#"{"host":"bücher.example"}"#, UNSAFE),
        ("enum", r#"{"enum":"squash"}"#, str("squash")),
        ("enum", r#"{"enum":"Squash"}"#, RANGE),
        ("enum", r#"{"enum":1}"#, WRONG),
        ("opaque", r#"{"opaque":[{"x":[1,2,{}]}]}"#, Value::Present),
        ("opaque", r#"{"opaque":null}"#, Value::Absent),
        ("strings", r#"{"strings":["b","A","a","B"]}"#, strings(&["a", "b"])),
        ("strings", r#"{"strings":[]}"#, strings(&[])),
        ("strings", r#"{"strings":["a",null]}"#, WRONG),
        ("strings", r#"{"strings":["a",["b"]]}"#, WRONG),
        ("strings", r#"{"strings":"a"}"#, WRONG),
        ("strings", r#"{"strings":{"0":"a"}}"#, WRONG),
        ("strings", r#"{"strings":null}"#, Value::Absent),
        (
            "ints",
            r#"{"ints":[3,1,2,1]}"#,
            Value::List([1, 2, 3].map(Value::Int).into()),
        ),
        ("ints", r#"{"ints":[1,9223372036854775808]}"#, RANGE),
        ("enums", r#"{"enums":["b","a"]}"#, strings(&["a", "b"])),
        ("enums", r#"{"enums":["b","c"]}"#, RANGE),
        (
            "hosts",
            r#"{"hosts":["B.example","a.example."]}"#,
            strings(&["a.example", "b.example"]),
        ),
        (
            "hosts_hosts",
            r#"{"hosts":["B.example","a.example."]}"#,
            strings(&["a.example", "b.example"]),
        ),
    ] {
        assert_eq!(table.value(slot, text), value, "{slot} of {text}");
    }
}

#[test]
fn what_is_missing_or_null_is_absent_everywhere() {
    let table = all_kinds();
    let arguments = table.read("{}").unwrap();
    assert!(arguments.slots().iter().all(|value| *value == Value::Absent));
    assert_eq!(arguments.slots().len(), usize::from(table.slots));
    let arguments = table
        .read(r#"{"record":null,"url":null,"to":null,"int":null}"#)
        .unwrap();
    assert!(arguments.slots().iter().all(|value| !value.is_present()));
}

#[test]
fn a_record_has_its_fields_or_none_can_be_read() {
    let table = all_kinds();
    let text = r#"{"record":{"a":1,"inner":{"b":"X"}}}"#;
    assert_eq!(table.value("record", text), Value::Present);
    assert_eq!(table.value("record.a", text), Value::Int(1));
    assert_eq!(table.value("record.inner.b", text), Value::Str("x".into()));
    assert_eq!(table.value("record.url.host", text), Value::Absent);
    for text in [r#"{"record":[{"a":1}]}"#, r#"{"record":"{}"}"#, r#"{"record":false}"#] {
        for slot in [
            "record",
            "record.a",
            "record.inner",
            "record.inner.b",
            "record.url",
            "record.url.port",
        ] {
            assert_eq!(table.value(slot, text), WRONG, "{slot} of {text}");
        }
    }
    let text = r#"{"record":{"a":null,"inner":3}}"#;
    assert_eq!(table.value("record.a", text), Value::Absent);
    assert_eq!(table.value("record.inner.b", text), WRONG);
}

#[test]
fn a_url_and_an_email_have_all_their_fields_or_none() {
    let table = all_kinds();
    for text in [
        r#"{"url":"HTTPS://Acme.example/a/../b?q"}"#,
        r#"{"url":"https:\/\/acme.example\/b"}"#,
    ] {
        assert_eq!(table.value("url", text), Value::Present);
        assert_eq!(table.value("url.scheme", text), Value::Str("https".into()));
        assert_eq!(table.value("url.host", text), Value::Str("acme.example".into()));
        assert_eq!(table.value("url.port", text), Value::Int(443));
        assert_eq!(table.value("url.path", text), Value::Str("/b".into()));
    }
    for slot in ["url", "url.scheme", "url.host", "url.port", "url.path"] {
        assert_eq!(
            table.value(slot, r#"{"url":"https://good.example@evil.example/"}"#),
            UNSAFE
        );
        assert_eq!(table.value(slot, r#"{"url":{"host":"good.example"}}"#), WRONG);
    }
    assert_eq!(
        table.value("email.local", r#"{"email":"Al@Acme.example"}"#),
        Value::Str("Al".into())
    );
    assert_eq!(
        table.value("email.host", r#"{"email":"Al@Acme.example"}"#),
        Value::Str("acme.example".into())
    );
    assert_eq!(table.value("email.host", r#"{"email":"a@b@acme.example"}"#), UNSAFE);
    assert_eq!(table.value("email.host", r#"{"email":7}"#), WRONG);
}

#[test]
fn the_hosts_of_a_list_are_those_of_all_its_elements() {
    let table = all_kinds();
    let text = r#"{"to":["a@B.example","b@b.example","c@a.example"]}"#;
    assert_eq!(table.value("to", text), Value::Present);
    assert_eq!(table.value("to_hosts", text), strings(&["a.example", "b.example"]));
    assert_eq!(table.value("to_hosts", r#"{"to":[]}"#), strings(&[]));
    assert_eq!(table.value("to_hosts", r#"{"to":null}"#), Value::Absent);
    for (text, value) in [
        (r#"{"to":["a@a.example","eve"]}"#, UNSAFE),
        (r#"{"to":["a@a.example",7]}"#, WRONG),
        (r#"{"to":"a@a.example"}"#, WRONG),
        (r#"{"to":{"a":"a@a.example"}}"#, WRONG),
    ] {
        assert_eq!(table.value("to", text), value);
        assert_eq!(table.value("to_hosts", text), value);
    }
    assert_eq!(
        table.value("urls_hosts", r#"{"urls":["http://[::1]/","ftp://a:1"]}"#),
        strings(&["[::1]", "a"])
    );
}

#[test]
fn a_call_cannot_give_what_is_derived() {
    let table = all_kinds();
    let arguments = table
        .read(r#"{"to":["a@evil.example"],"to_hosts":["acme.example"]}"#)
        .unwrap();
    assert_eq!(arguments.undeclared(), Some("to_hosts"));
    assert_eq!(arguments.get(table.slot("to_hosts")), &strings(&["evil.example"]));
}

#[test]
fn an_undeclared_argument_is_remembered_where_the_table_is_strict() {
    let mut table = all_kinds();
    for (text, first) in [
        (r#"{"int":1,"force":true,"extra":{}}"#, Some("force")),
        (r#"{"Int":1}"#, Some("Int")),
        (r#"{"record":{"x":1}}"#, Some("x")),
        (r#"{"force":null}"#, Some("force")),
        (r#"{"":1}"#, Some("")),
        (r#"{"opaque":{"x":1},"int":{"y":1}}"#, None),
    ] {
        table.strict = true;
        assert_eq!(table.read(text).unwrap().undeclared(), first, "{text}");
        table.strict = false;
        assert_eq!(table.read(text).unwrap().undeclared(), None, "{text}");
    }
}

#[test]
fn a_key_twice_in_any_object_is_an_error() {
    for strict in [true, false] {
        let mut table = all_kinds();
        table.strict = strict;
        for text in [
            r#"{"int":1,"int":1}"#,
            r#"{"int":null,"int":1}"#,
            r#"{"int":1,"\u0069nt":2}"#,
            r#"{"x":1,"x":1}"#,
            r#"{"x":1,"y":2,"\u0078":1}"#,
            r#"{"x":{"y":1,"y":1}}"#,
            r#"{"x":[[{"y":1,"y":1}]]}"#,
            r#"{"opaque":{"y":1,"z":{},"y":1}}"#,
            r#"{"record":{"a":1,"a":2}}"#,
            r#"{"record":[{"q":1,"q":2}]}"#,
            r#"{"to_hosts":1,"to_hosts":2}"#,
            r#"{"strings":[{"q":1,"q":2}]}"#,
        ] {
            assert_eq!(
                Arguments::new().read_json(&table.parameters(), text),
                Err(ArgumentsError::DuplicateKey),
                "{text}"
            );
        }
        assert!(
            table
                .read(r#"{"x":{"x":{"x":1}},"y":{"x":1},"record":{"inner":{"a":1}}}"#)
                .is_ok()
        );
    }
    let twice = Input::Map(vec![("int".into(), Input::Int(1)), ("int".into(), Input::Int(1))]);
    assert_eq!(
        Arguments::new().read(&all_kinds().parameters(), twice),
        Err(ArgumentsError::DuplicateKey)
    );
}

#[test]
fn what_is_no_object_of_json_is_an_error_and_leaves_nothing_readable() {
    let table = all_kinds();
    let mut arguments = Arguments::new();
    for text in [
        "",
        "null",
        "[]",
        "1",
        "\"{}\"",
        "{",
        "{}x",
        "{\"int\":1",
        "{\"int\":1}}",
        "\u{feff}{}",
        "{\"int\":\"\\ud800\"}",
    ] {
        assert!(arguments.read_json(&table.parameters(), text).is_err(), "{text}");
        assert!(arguments.slots().iter().all(|value| *value == WRONG), "{text}");
    }
    let broken = arguments.read_json_bytes(&table.parameters(), b"{\"string\":\"\xff\"}");
    assert_eq!(broken, Err(ArgumentsError::Malformed(11)));
    assert_eq!(
        arguments.read(&table.parameters(), Input::List(vec![])),
        Err(ArgumentsError::NotAnObject)
    );
}

#[test]
fn nesting_has_a_limit_wherever_it_is() {
    let table = all_kinds();
    for (open, close) in [("[", "]"), ("{\"x\":", "}"), ("[{\"x\":", "}]")] {
        let levels = if open.len() > 5 { 2 } else { 1 };
        for name in ["opaque", "int", "undeclared", "strings", "record"] {
            let call = |depth: usize| {
                format!(
                    "{{\"{name}\":{}1{}}}",
                    open.repeat(depth / levels),
                    close.repeat(depth / levels)
                )
            };
            let read = |text: &str| Arguments::new().read_json(&table.parameters(), text);
            assert_eq!(read(&call(MAX_DEPTH - 2)), Ok(()), "{name}");
            assert_eq!(read(&call(MAX_DEPTH + 1)), Err(ArgumentsError::TooDeep), "{name}");
            assert_eq!(read(&call(200_000)), Err(ArgumentsError::TooDeep), "{name}");
        }
    }
    let brackets = "[".repeat(1_000_000);
    assert_eq!(
        Arguments::new().read_json(&table.parameters(), &brackets),
        Err(ArgumentsError::TooDeep)
    );
}

#[test]
fn hostile_sizes_are_bounded() {
    let table = all_kinds();
    let read = |text: &str, slot: &str| {
        let mut arguments = Arguments::new();
        arguments
            .read_json(&table.parameters(), text)
            .map(|()| owned(arguments.get(table.slot(slot))))
    };
    let digits = "9".repeat(100_000);
    assert_eq!(read(&format!("{{\"int\":{digits}}}"), "int"), Ok(RANGE));
    assert_eq!(read(&format!("{{\"decimal\":{digits}.5}}"), "decimal"), Ok(RANGE));
    assert_eq!(read(&format!("{{\"decimal\":0.{digits}}}"), "decimal"), Ok(RANGE));
    assert_eq!(read("{\"int\":1e999999999}", "int"), Ok(WRONG));
    assert_eq!(read("{\"decimal\":1e999999999}", "decimal"), Ok(WRONG));
    assert_eq!(read("{\"decimal\":\"1e999999999\"}", "decimal"), Ok(WRONG));
    let list = |length: usize| format!("{{\"ints\":[{}0]}}", "1,".repeat(length - 1));
    assert_eq!(
        read(&list(MAX_LIST), "ints"),
        Ok(Value::List(vec![Value::Int(0), Value::Int(1)]))
    );
    assert_eq!(read(&list(MAX_LIST + 1), "ints"), Ok(RANGE));
    let spaces = " ".repeat(crate::value::MAX_TEXT);
    assert_eq!(read(&format!("{{}}{spaces}"), "ints"), Err(ArgumentsError::TooLong));
    let keys: String = (0..50_000).map(|key| format!("\"k{key}\":0,")).collect();
    assert_eq!(read(&format!("{{{keys}\"int\":1}}"), "int"), Ok(Value::Int(1)));
    assert_eq!(
        read(&format!("{{{keys}\"k7\":1}}"), "int"),
        Err(ArgumentsError::DuplicateKey)
    );
}

#[test]
fn what_is_normal_is_borrowed_from_the_text() {
    let table = all_kinds();
    let text = r#"{"string":"a","folded":"a","path":"/a","host":"a.example","enum":"merge","url":"https://a/b","strings":["a"]}"#;
    let arguments = table.read(text).unwrap();
    for slot in [
        "string",
        "folded",
        "path",
        "host",
        "enum",
        "url.host",
        "url.path",
        "url.scheme",
    ] {
        assert!(
            matches!(arguments.get(table.slot(slot)), Value::Str(Cow::Borrowed(_))),
            "{slot}"
        );
    }
}

#[test]
fn reading_again_forgets_the_call_before() {
    let table = all_kinds();
    let mut arguments = table.read(r#"{"int":1,"x":1}"#).unwrap();
    arguments.read_json(&table.parameters(), r#"{"bool":true}"#).unwrap();
    assert_eq!(arguments.undeclared(), None);
    assert_eq!(arguments.get(table.slot("int")), &Value::Absent);
    let again = String::from(r#"{"int":2}"#);
    let mut arguments = arguments.recycle();
    assert!(arguments.slots().is_empty());
    arguments.read_json(&table.parameters(), &again).unwrap();
    assert_eq!(arguments.get(table.slot("int")), &Value::Int(2));
}

#[test]
fn a_table_that_is_not_well_formed_is_refused() {
    let table = all_kinds();
    let breaks = |change: &dyn Fn(&mut Table)| {
        let mut table = all_kinds();
        change(&mut table);
        !table.parameters().validate()
    };
    let at = |name: &str| {
        let slot = u32::from(table.slot(name).0);
        let of = |at: &u32| table.records[*at as usize][2] == slot;
        table.top.clone().find(of).unwrap() as usize
    };
    assert!(breaks(&|table| table.top.end = 10_000));
    assert!(breaks(&|table| table.slots -= 1));
    assert!(breaks(&|table| table.records[at("int")][2] = 0));
    assert!(breaks(&|table| table.records[at("int")][1] = 16));
    assert!(breaks(&|table| table.records[at("int")][1] |= 8 << 8));
    assert!(breaks(&|table| table.records[at("record")][1] |= 4 << 8));
    assert!(breaks(&|table| table.records[at("int")][1] |= 8 << 8));
    assert!(breaks(&|table| table.records[at("int")][0] = u32::MAX));
    assert!(breaks(&|table| table.records[at("int")][4] = 1));
    assert!(breaks(&|table| table.records[at("int")][5] = 1));
    assert!(breaks(&|table| table.records.swap(at("int"), at("ip"))));
    assert!(breaks(&|table| table.records[at("record")][3] = at("record") as u32));
    assert!(breaks(&|table| table.records[at("record")][3] = 0));
    assert!(breaks(&|table| table.records[at("record")][4] = u32::MAX));
    assert!(breaks(&|table| table.records[at("url")][4] = 3));
    assert!(breaks(&|table| table.records[at("strings")][4] = 0));
    assert!(breaks(
        &|table| table.records[at("to_hosts")][0] = table.records[at("urls")][0]
    ));
    assert!(breaks(&|table| table.words.swap(0, 1)));
    assert!(breaks(&|table| table.words.clear()));
    assert!(breaks(&|table| {
        let element = table.records[at("to")][3] as usize;
        table.records[element][1] = Kind::Record as u32;
    }));
    let strings = |offsets: &[u32], text: &str| Strings { offsets, text }.validate();
    assert!(strings(&[0, 2, 2, 3], "éa") && strings(&[0], ""));
    assert!(
        !strings(&[], "") && !strings(&[0, 1, 2], "é") && !strings(&[0, 3], "éab") && !strings(&[0, 2, 1, 3], "abc")
    );
}

proptest! {
    #[test]
    fn no_table_and_no_text_makes_reading_panic(
        records in proptest::collection::vec([0u32..12, 0u32..18, 0u32..9, 0u32..12, 0u32..4, 0u32..1], 0..12),
        words in proptest::collection::vec(0u32..12, 0..4),
        top in (0u32..4, 0u32..12),
        text in "\\{(\"(a|b|a_hosts)\":(1|\"x\"|\\{\"a\":1\\}|\\[\"a\"\\]|null),){0,3}\"c\":\\[?\\{?\"[ab@:/.]{0,4}\"\\}?\\]?\\}",
    ) {
        let strings = Strings { offsets: &[0, 1, 1, 2, 9, 3, 40], text: "aba_hosts" };
        let parameters = Parameters { records: &records, words: &words, strings, top: top.0..top.1, slots: 5, strict: true };
        let _ = parameters.validate();
        let _ = Arguments::new().read_json(&parameters, &text);
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,40}", key in "[a-z]{2,8}") {
        let table = all_kinds();
        let _ = Arguments::new().read_json(&table.parameters(), &text);
        let quoted = serde_json::Value::from(text).to_string();
        for key in ["path", "host", "url", "email", "ip", "decimal", "datetime", "duration", "folded", &*key] {
            let text = format!("{{\"{key}\":{quoted}}}");
            prop_assert!(Arguments::new().read_json(&table.parameters(), &text).is_ok());
        }
    }
}
