//! Tests in the format of Cedar's integration tests, with what Cedar's own authorizer says.
//!
//! `cedar_corpus write FOLDER COUNT` generates so many; `cedar_corpus fill FOLDER` writes the decisions into tests that
//! lack them, or have others.

use std::fs;
use std::path::Path;

use polity_tests::corpus::generate::{Judge, schema, test};
use polity_tests::corpus::{Request, Test, Texts};
use serde_json::{Value as Json, json};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", folder, count] => write(Path::new(folder), count.parse().expect("a number")),
        ["fill", folder] => fill(Path::new(folder)),
        _ => eprintln!("cedar_corpus write FOLDER COUNT | fill FOLDER"),
    }
}

fn write(folder: &Path, count: u64) {
    fs::create_dir_all(folder).expect("the folder");
    let put = |name: String, text: String| fs::write(folder.join(name), text).expect("a file");
    put("schema.cedarschema".into(), schema());
    for seed in 0..count {
        let (texts, requests) = test(seed, 8);
        put(format!("{seed}.cedar"), texts.policies);
        put(format!("{seed}.entities.json"), pretty(&texts.entities));
        let requests: Vec<Json> = requests.iter().map(one).collect();
        let test = json!({
            "policies": format!("{seed}.cedar"),
            "entities": format!("{seed}.entities.json"),
            "schema": "schema.cedarschema",
            "requests": requests,
        });
        put(format!("{seed}.json"), lines(&test));
    }
}

fn fill(folder: &Path) {
    for entry in fs::read_dir(folder).expect("the folder").flatten() {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let (Ok(test), Ok(mut json)) = (serde_json::from_str::<Test>(&text), serde_json::from_str::<Json>(&text))
        else {
            continue;
        };
        let read = |path: &str| fs::read_to_string(folder.join(path)).expect("a file that the test names");
        let judge = Judge::new(&Texts {
            policies: read(&test.policies),
            json: false,
            schema: read(&test.schema),
            entities: serde_json::from_str(&read(&test.entities)).expect("entities"),
        });
        json["shouldValidate"] = json!(judge.validates());
        let fill = |mut request: Request| {
            judge.fill(&mut request);
            one(&request)
        };
        json["requests"] = test.requests.into_iter().map(fill).collect();
        fs::write(entry.path(), lines(&json)).expect("a file");
    }
}

fn one(request: &Request) -> Json {
    json!({
        "description": request.description,
        "principal": request.principal,
        "action": request.action,
        "resource": request.resource,
        "context": request.context,
        "decision": request.decision,
        "reason": request.reason,
        "errors": request.errors,
    })
}

/// A request a line.
fn lines(test: &Json) -> String {
    let mut text = String::from("{");
    for (key, value) in test
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != "requests")
    {
        text.push_str(&format!("\n {key:?}: {value},"));
    }
    let requests: Vec<String> = test["requests"]
        .as_array()
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    text + "\n \"requests\": [\n  " + &requests.join(",\n  ") + "\n ]\n}\n"
}

fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).expect("it is JSON") + "\n"
}
