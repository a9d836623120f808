//! The command lines that the documentation shows, run as its reader would run them: in come the pages and the
//! examples of `--help`, out comes that each line ends as the page says, and prints what the page shows below it.
//!
//! A line may say `# exit code N`; without it the code is 0. Of what a page shows, lengths, digests, commits and serials
//! may differ.

#![allow(clippy::disallowed_methods, reason = "a test prepares folders and starts a shell")]

use polity_tests::git::git;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The binary under test.
const POLITY: &str = env!("CARGO_BIN_EXE_polity-tested");

/// Lines that no test can run: where they stand, how they begin, and why.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("README.md", "cargo test --workspace", "would run itself"),
    (
        "README.md",
        "cargo run --release -- demo",
        "another suite runs it, and keeps what it prints",
    ),
    ("demo", "polity demo", "another suite runs it"),
    ("demo", "git -C polity-demo", "another suite makes it"),
    (
        "README.md",
        "cargo install --path compiler",
        "installs into the home folder",
    ),
    ("CONTRIBUTING.md", "cargo", "builds the project that is running"),
    (
        "CONTRIBUTING.md",
        "CEDAR_INTEGRATION_TESTS=",
        "takes a release build, and tests that are not here",
    ),
    (
        "completions",
        "source <(polity completions bash)",
        "the runner's own shell has no completions",
    ),
    (
        "build",
        "polity build --trust",
        "needs an approved history, as the tests of the trail have it",
    ),
    (
        "approve",
        "polity approve --previous",
        "needs a bundle that another compiler attested",
    ),
    (
        "log",
        "polity log --trust",
        "needs an approved history, as the tests of the trail have it",
    ),
    (
        "verify",
        "polity verify acme.polity --trust trust.json --now",
        "the bundle has ended by then",
    ),
    (
        "init",
        "polity init acme",
        "asks on a terminal, for a new folder: the tests of `init` do that",
    ),
    (
        "import",
        "polity import mcp",
        "the tests of `import` run them, with a server's list",
    ),
    (
        "mcp",
        "polity import mcp",
        "the tests of `import` run them, with a server's list",
    ),
    ("mcp", "curl", "there is no network"),
];

/// How a clone runs the program that is under test here.
const IN_A_CLONE: &str = "cargo run --release -- ";

/// Sections that no test can run, and why.
const SECTIONS_NOT_RUN: &[(&str, &str, &str)] = &[(
    "README.md",
    "## Performance",
    "takes a release build, and minutes of an idle machine",
)];

/// What comes before the lines of a page or of an example.
const PRELUDE: &str = r#"
polity() { "$POLITY" "$@"; }
# What a line pipes into need not be there: it is no part of what is shown.
command -v jq > /dev/null || jq() { cat > /dev/null; }
command -v man > /dev/null || man() { cat > /dev/null; }
# Runs one line, and ends everything where its exit code is not the one that the page says.
ends() {
  wanted=$1; shown=$2
  eval "$shown"; got=$?
  if [ "$got" != "$wanted" ]; then printf 'FAILED: exit code %s, not %s: %s\n' "$got" "$wanted" "$shown"; exit 97; fi
}
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A page's blocks of commands, each with what is shown below it.
struct Block {
    lines: Vec<String>,
    shown: Vec<String>,
}

fn blocks(page: &str, text: &str, used: &mut Vec<&'static str>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut fence, mut spared) = (None, false);
    let mut after_commands = false;
    for line in text.lines() {
        match (&fence, line.strip_prefix("```")) {
            (None, Some(word)) => {
                if word == "sh" || word == "console" {
                    blocks.push(Block {
                        lines: Vec::new(),
                        shown: Vec::new(),
                    });
                }
                fence = Some(word.to_owned());
            }
            (Some(word), Some(_)) => {
                after_commands = word == "sh" || word == "console";
                fence = None;
            }
            (Some(word), None) if word == "sh" && !spared => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            (Some(word), None) if word.is_empty() && after_commands && !spared => {
                blocks.last_mut().unwrap().shown.push(line.to_owned());
            }
            (None, None) if line.starts_with('#') => {
                let section = SECTIONS_NOT_RUN
                    .iter()
                    .find(|(at, heading, _)| *at == page && *heading == line);
                spared = section.is_some();
                used.extend(section.map(|(_, heading, _)| *heading));
                after_commands = false;
            }
            // What stands below other words is the output of something else.
            (None, None) if !line.is_empty() => after_commands &= line.ends_with("output:"),
            _ => {}
        }
    }
    blocks
}

/// Every test of this package's suites, by its name.
fn tests() -> Vec<String> {
    let files = fs::read_dir(root().join("tests/tests"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let texts = files
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap());
    let names = |text: String| -> Vec<String> {
        let parts = text.split("#[test]\nfn ").skip(1);
        parts.map(|rest| rest.split('(').next().unwrap().to_owned()).collect()
    };
    texts.flat_map(names).collect()
}

/// The lines of a block as a script: each command by itself, a here-document and a continued line with it.
fn script(page: &str, lines: &[String], used: &mut Vec<&'static str>) -> String {
    let mut script = String::new();
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        let mut whole = line.clone();
        while whole.ends_with('\\') {
            whole.push('\n');
            whole.push_str(lines.next().unwrap());
        }
        // A function ends with a brace of its own.
        if line.ends_with("() {") {
            for line in lines.by_ref() {
                whole.push('\n');
                whole.push_str(line);
                if line == "}" {
                    break;
                }
            }
        }
        if let Some((_, word)) = line.split_once("<<") {
            let end = word.trim().trim_matches('\'');
            for line in lines.by_ref() {
                whole.push('\n');
                whole.push_str(line);
                if line == end {
                    break;
                }
            }
        }
        let spared = NOT_RUN
            .iter()
            .find(|(at, start, _)| *at == page && line.starts_with(start));
        used.extend(spared.map(|(_, start, _)| *start));
        if spared.is_some() || whole.trim().is_empty() {
            continue;
        }
        let whole = match whole.strip_prefix(IN_A_CLONE) {
            Some(rest) => format!("polity {rest}"),
            None => whole,
        };
        let code = whole.split_once("# exit code ").map_or("0", |(_, code)| code.trim());
        script.push_str(&format!("ends {code} {}\n", quoted(&whole)));
    }
    script
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// As [`attempt`], where nothing may fail.
fn run(folder: &Path, script: &str) -> String {
    attempt(folder, script).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a script in a folder, both streams in one. Gives what was printed.
fn attempt(folder: &Path, script: &str) -> Result<String, String> {
    let home = folder.join(".home");
    for below in ["", ".zfunc", ".config/fish/completions", ".local/share/man/man1"] {
        fs::create_dir_all(home.join(below)).unwrap();
    }
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{PRELUDE}\n{script}")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("POLITY", POLITY)
        .env("HOME", &home)
        .env("TMPDIR", folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    match output.status.success() {
        true => Ok(text),
        false => Err(format!("{script}\nprinted\n{text}")),
    }
}

/// A line without what differs from run to run: digests, commits, serials and lengths.
fn lasting(line: &str) -> String {
    let words = line.split_inclusive([' ', ':', '(', ',']);
    let word = |word: &str| {
        let bare = word.trim_end_matches([' ', ':', '(', ',']);
        let hex = bare.len() >= 8 && bare.bytes().all(|b| b.is_ascii_hexdigit());
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let serial = bare
            .split_once('.')
            .is_some_and(|(epoch, steps)| number(epoch) && number(steps));
        match hex || number(bare) && bare.len() > 3 || serial {
            true => word.replacen(bare, "*", 1),
            false => word.to_owned(),
        }
    };
    words.map(word).collect()
}

/// Whether the lines that are shown were printed, in their order; others may stand between them.
fn printed(printed: &str, shown: &[String]) -> Result<(), String> {
    let mut lines = printed.lines().map(lasting);
    for line in shown.iter().filter(|line| !line.trim().is_empty()) {
        let wanted = lasting(line);
        if !lines.any(|line| line == wanted) {
            return Err(format!("`{line}` is shown and was not printed:\n{printed}"));
        }
    }
    Ok(())
}

fn commit(folder: &Path) {
    git(folder, &["init", "-q", "-b", "main"]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "one"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// Pages whose readers stand at the root of a clone.
const PAGES: &[&str] = &[
    "README.md",
    "example-org/README.md",
    "CONTRIBUTING.md",
    "compiler/docs/README.md",
];

#[test]
fn every_command_line_of_the_pages_does_what_they_say() {
    let mut used = Vec::new();
    let mut count = 0;
    for page in PAGES {
        let place = tempfile::tempdir().unwrap();
        copy(&root().join("example-org"), &place.path().join("example-org"));
        commit(place.path());
        let text = fs::read_to_string(root().join(page)).unwrap();
        let blocks = blocks(page, &text, &mut used);
        let mut whole = String::new();
        for (at, block) in blocks.iter().enumerate() {
            whole.push_str(&format!("echo '@ {at}'\n{}", script(page, &block.lines, &mut used)));
        }
        count += whole.lines().filter(|line| line.contains("polity ")).count();
        let said = run(place.path(), &whole);
        for (at, block) in blocks.iter().enumerate() {
            let (_, from) = said.split_once(&format!("@ {at}\n")).unwrap();
            let mut said = from.split(&format!("@ {}\n", at + 1)).next().unwrap().to_owned();
            // What the suites print is known without running them again.
            if block.lines.iter().any(|line| line.starts_with("cargo test")) {
                let ran = tests().into_iter().map(|name| format!("test {name} ... ok\n"));
                let shown = |line: &String| block.shown.iter().position(|shown| shown == line.trim_end());
                let mut ran: Vec<String> = ran.filter(|line| shown(line).is_some()).collect();
                ran.sort_by_key(shown);
                said.push_str(&ran.concat());
            }
            if block
                .lines
                .iter()
                .any(|line| line.ends_with("-- demo") || line.contains("-- demo "))
            {
                said.push_str(include_str!(
                    "cli/snapshots/cli__demo__the_demo_says_the_same_every_time.snap"
                ));
            }
            if let Err(error) = printed(&said, &block.shown) {
                panic!("{page}: {error}");
            }
        }
    }
    assert!(count > 8, "{count}");
    for (page, start, _) in NOT_RUN.iter().chain(SECTIONS_NOT_RUN) {
        assert!(
            !page.ends_with(".md") || used.contains(start),
            "{page} has no `{start}` any more"
        );
    }
}

/// The examples of a command's help, and of the commands below it.
fn examples(command: &clap::Command, examples: &mut Vec<(String, String)>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    // They stand together, below their heading; what follows the blank line is about something else.
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let mut lines = lines.take_while(|line| line.starts_with("  ")).map(str::to_owned);
    while let Some(line) = lines.next() {
        // What is said about a line may go on below it.
        if line.starts_with("          ") {
            continue;
        }
        let mut whole = line.trim().to_owned();
        while whole.ends_with('\\') {
            whole.push('\n');
            whole.push_str(&lines.next().unwrap());
        }
        // What a line does stands beside it, after some blanks.
        let said = whole
            .split_once("   ")
            .map(|(line, _)| line.to_owned())
            .filter(|_| !whole.contains('\n'));
        examples.push((command.get_name().to_owned(), said.unwrap_or(whole)));
    }
    for below in command.get_subcommands() {
        self::examples(below, examples);
    }
}

/// A folder in which the examples of `--help` mean something: the example organisation as the work tree (`inside`) and
/// as `acme/` below (`beside`), with the keys and files that they name.
fn prepared(place: &Path) {
    copy(&root().join("example-org"), &place.join("beside/acme"));
    commit(&place.join("beside/acme"));
    git(&place.join("beside/acme"), &["tag", "v1.4"]);
    git(&place.join("beside/acme"), &["tag", "v1"]);
    git(&place.join("beside/acme"), &["tag", "v2"]);
    git(
        &place.join("beside/acme"),
        &["update-ref", "refs/remotes/origin/main", "HEAD"],
    );
    copy(&place.join("beside/acme"), &place.join("inside"));
    let made = "polity keygen --developer --organization acme --out keys && cp keys/trust.json . && \
        polity build PATH --unattested --trust trust.json --key keys/developer.key --out acme.polity && \
        cp acme.polity unknown.polity && cp acme.polity old.polity && cp acme.polity new.polity && \
        mkdir .github .gitlab";
    let call = r#"{"agent": "payments/refund-bot", "environment": "production", "action": "stripe.create_refund", "args": {"payment_intent": "pi_1", "amount": 1}}"#;
    for (folder, path) in [("inside", "."), ("beside", "acme")] {
        fs::write(place.join(folder).join("calls.jsonl"), format!("{call}\n")).unwrap();
        let made = made.replace("PATH", path);
        run(&place.join(folder), &format!("ends 0 {}\n", quoted(&made)));
    }
}

#[test]
fn every_example_of_help_runs() {
    let place = tempfile::tempdir().unwrap();
    prepared(place.path());
    let mut all = Vec::new();
    examples(&polity::cli::command(), &mut all);
    assert!(all.len() > 20, "{}", all.len());
    let (mut used, mut wrong) = (Vec::new(), Vec::new());
    for (command, example) in all {
        let folder = if example.split_whitespace().any(|word| word == "acme") {
            "beside"
        } else {
            "inside"
        };
        let folder = place.path().join(folder);
        // Keys are made where there are none yet.
        if command == "keygen" {
            fs::remove_dir_all(folder.join("keys")).unwrap();
        }
        let lines: Vec<String> = example.lines().map(str::to_owned).collect();
        wrong.extend(attempt(&folder, &script(&command, &lines, &mut used)).err());
    }
    assert!(wrong.is_empty(), "{} fail\n\n{}", wrong.len(), wrong.join("\n"));
    for (command, start, _) in NOT_RUN.iter().filter(|(page, ..)| !page.ends_with(".md")) {
        assert!(used.contains(start), "`{command}` has no example `{start}` any more");
    }
}
