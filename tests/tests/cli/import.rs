//! `polity import`: a server's list becomes a document that somebody has to confirm, and hostile lists become nothing.

use serde_json::{Value, json};

use crate::harness::{Place, Ran, codes};

/// An organisation with one deployment, which is given the tool `files`.
const ORGANIZATION: &str = "\
polity: v1
kind: Organization
name: acme
owners: [carol]
sole_owner: true
---
kind: Person
name: carol
email: carol@acme.example
---
kind: Team
name: payments
owners: [carol]
---
kind: Environment
name: development
rank: 1
enforced_by: [hook]
---
kind: Agent
name: bot
owner: carol
kill_contact: carol
";
const DEPLOYMENT: &str = "\
kind: Deployment
agent: bot
environments: {development: {ring: standard, tools: [files], enforced_by: hook}}
---
kind: Policy
name: bot
rules:
  reads: {effect: allow, environments: [development], effects: [read]}
";

fn place() -> Place {
    let place = Place::new();
    place.write("acme/polity.yaml", ORGANIZATION);
    place.write("acme/teams/payments/bot.yaml", DEPLOYMENT);
    place.write("list.json", list().to_string());
    place
        .polity("keygen --developer --organization acme --out keys")
        .exits(0);
    place
}

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [
        {"name": "read_file", "annotations": {"readOnlyHint": true}, "inputSchema": {"type": "object",
            "properties": {"path": {"type": "string"}, "edits": {"type": "array", "items": {"type": "object"}}}, "required": ["path"]}},
        {"name": "write_file", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}},
    ]}})
}

fn read(place: &Place, name: &str) -> String {
    String::from_utf8(place.read(name)).unwrap()
}

#[test]
fn nothing_is_built_from_what_nobody_confirmed() {
    let place = place();
    let import = |words: &[&str]| -> Ran {
        let first = ["import", "mcp", "list.json", "--name", "files"];
        place.words(&[&first, words].concat(), &[])
    };
    let shown = import(&["--command", "npx -y @acme/files@1.0.0"]).exits(0);
    assert!(shown.err.contains("note: `read_file.edits` is opaque"), "{}", shown.err);
    assert!(shown.err.contains("2 actions to confirm"), "{}", shown.err);
    let out = import(&["--command", "npx -y @acme/files@1.0.0", "--out", "acme/files.yaml"]).exits(0);
    assert_eq!((out.out.as_str(), out.err), ("acme/files.yaml\n", shown.err));
    assert_eq!(read(&place, "acme/files.yaml"), shown.out);
    // What is there already is not written over: somebody may have worked on it.
    let again = import(&["--out", "acme/files.yaml"]).exits(2);
    assert!(again.err.contains("--update"), "{}", again.err);

    let found = place.polity("check acme --format json").exits(1);
    assert_eq!(codes(&found), ["unconfirmed-effect", "unconfirmed-effect"]);
    place.build().exits(1);
    let confirmed = shown.out.replacen("    unconfirmed: proposed\n", "", 1);
    place.write("acme/files.yaml", &confirmed);
    place.build().exits(1);
    assert!(!place.at("acme.polity").exists());
    let confirmed = confirmed.replace("    unconfirmed: proposed\n", "");
    place.write("acme/files.yaml", &confirmed);
    assert_eq!(place.polity("check acme").exits(0).out, "");
    place.build().exits(0);

    // The server has not changed; then it has.
    let update = "import mcp list.json --update acme/files.yaml";
    let same = place.polity(update).exits(0);
    assert_eq!(same.out, "");
    assert_eq!(read(&place, "acme/files.yaml"), confirmed);
    let mut changed = list();
    changed["result"]["tools"][0]["annotations"]["readOnlyHint"] = json!(false);
    place.write("list.json", changed.to_string());
    let dry = place.polity(&format!("{update} --dry-run")).exits(0);
    assert_eq!(read(&place, "acme/files.yaml"), confirmed);
    let ran = place.polity(update).exits(0);
    assert_eq!(ran.out, dry.out);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines.len() == 2
            && lines[0].starts_with("~ server: digest sha256:")
            && lines[1].starts_with("~ read_file: readOnlyHint true -> false"),
        "{}",
        ran.out
    );
    assert_eq!(
        codes(&place.polity("check acme --format json").exits(1)),
        ["unconfirmed-effect"]
    );
    place.build().exits(1);
}

#[test]
fn a_list_comes_from_a_pipe_and_names_its_tool() {
    use std::io::Write as _;
    use std::process::Stdio;

    let place = Place::new();
    let run = |words: &[&str], input: &str| {
        let mut command = place.command(words, &[]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (exit, out, err) = run(
        &[
            "import",
            "mcp",
            "-",
            "--name",
            "files",
            "--url",
            "https://mcp.acme.example/files",
        ],
        &list().to_string(),
    );
    assert_eq!(exit, Some(0), "{err}");
    assert!(out.contains("  url: \"https://mcp.acme.example/files\"\n"), "{out}");
    let (exit, _, err) = run(&["import", "mcp", "-"], &list().to_string());
    assert_eq!(exit, Some(2));
    assert!(err.contains("--name NAME"), "{err}");
    let mut named = list();
    named["result"]["serverInfo"] = json!({"name": "Acme Files"});
    let (exit, out, _) = run(&["import", "mcp", "-"], &named.to_string());
    assert_eq!(exit, Some(0));
    assert!(out.contains("\nname: acme-files\n"), "{out}");
}

#[test]
fn hostile_lists_are_refused_and_nothing_is_written() {
    let place = Place::new();
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let large = format!("[{}]", " ".repeat(16 << 20));
    for (list, why) in [
        ("".to_owned(), "no JSON"),
        ("\u{0}".to_owned(), "no JSON"),
        (deep, "deeper than 64 levels"),
        (large, "larger than 16777216 bytes"),
        (json!([{"name": "a"}, {"name": "a"}]).to_string(), "two tools"),
        (json!([{"name": "a\u{1b}[2J"}]).to_string(), "U+001B"),
        (
            json!([{"name": "a", "inputSchema": {"properties": {"b": {"$ref": "#"}}}}]).to_string(),
            "leads back to itself",
        ),
        (
            json!([{"name": "a", "inputSchema": {"properties": {"b": {"$ref": "file:///etc/passwd"}}}}]).to_string(),
            "not fetched",
        ),
    ] {
        place.write("list.json", &list);
        let ran = place
            .polity("import mcp list.json --name files --out files.yaml")
            .exits(1);
        assert!(ran.err.contains(why), "{why}: {}", ran.err);
        assert!(ran.out.is_empty() && !ran.err.contains('\u{1b}'), "{}", ran.err);
        assert!(!place.at("files.yaml").exists());
    }
    place.polity("import mcp nowhere.json --name files").exits(2);
    place.write("list.json", list().to_string());
    for misuse in ["--name Files", "--name files --command a --url b", "--dry-run"] {
        place.polity(&format!("import mcp list.json {misuse}")).exits(2);
    }
    // What stands in the way of an update is said, and the document stays.
    place.write("old.yaml", "kind: Tool\nname: files\nactions: {a: {effect: reed}}\n");
    let ran = place.polity("import mcp list.json --update old.yaml").exits(1);
    assert!(ran.err.contains("has errors"), "{}", ran.err);
    // A recursive schema of one tool need not keep the others out.
    let tools = json!([{"name": "a"}, {"name": "b", "inputSchema": {"properties": {"b": {"$ref": "#"}}}}]);
    place.write("list.json", tools.to_string());
    assert!(
        place
            .polity("import mcp list.json --name files")
            .exits(1)
            .err
            .contains("--without TOOL")
    );
    place.polity("import mcp list.json --name files --without c").exits(2);
    let ran = place.polity("import mcp list.json --name files --without b").exits(0);
    assert!(ran.out.contains("  a:\n") && !ran.out.contains("  b:\n"), "{}", ran.out);
}

/// The examples of `--help`, typed as they stand there.
#[cfg(unix)]
#[test]
fn the_examples_of_the_help_work() {
    use std::os::unix::fs::symlink;

    let place = Place::new();
    let help = place.polity("import mcp --help").exits(0).out;
    let (_, examples) = help.split_once("Examples:\n").unwrap();
    let (examples, _) = examples.split_once("\n\n").unwrap();
    let lines = examples.lines().filter(|line| !line.contains("curl"));
    let script: String = lines.map(|line| format!("{}\n", line.trim_start())).collect();
    assert_eq!(script.matches("polity import mcp").count(), 4, "{script}");
    let list = list();
    let tools = list["result"]["tools"].as_array().unwrap();
    place.write("github.json", list.to_string());
    place.write(
        "page-1.json",
        json!({"tools": tools[..1], "nextCursor": "2"}).to_string(),
    );
    place.write("page-2.json", json!({"tools": tools[1..]}).to_string());
    place.write("tools/README.md", "");
    place.write("bin/README.md", "");
    symlink(crate::harness::POLITY, place.at("bin/polity")).unwrap();
    let ran = std::process::Command::new("sh")
        .args(["-eu", "-c", &script])
        .current_dir(place.path())
        .env(
            "PATH",
            format!("{}:{}", place.at("bin").display(), std::env::var("PATH").unwrap()),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(said.ends_with("nothing has changed\n"), "{said}");
    assert!(read(&place, "tools/github.yaml").contains("\"@acme/github-mcp@1.4.2\""));
}

#[test]
fn a_command_is_quoted_as_in_a_shell() {
    let place = place();
    let import = |command: &str| {
        let words = ["import", "mcp", "list.json", "--name", "files", "--command", command];
        place.words(&words, &[])
    };
    let shown = import(r#"sh -c 'exec files --root "/srv/our files"' x\ y"#).exits(0);
    let words = r#"command: [sh, "-c", 'exec files --root "/srv/our files"', "x y"]"#;
    assert!(shown.out.contains(words), "{}", shown.out);
    assert!(
        import("files 'unclosed")
            .exits(2)
            .err
            .contains("`--command` cannot be read")
    );
    assert!(import("  ").exits(2).err.contains("it names no program"));
}
