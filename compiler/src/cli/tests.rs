//! The command line as somebody types it: what is understood, what is refused, and the exit codes.

use super::console::Captured;
use super::*;

/// Exit code, standard output, standard error.
fn polity(arguments: &[&str]) -> (Exit, String, String) {
    let (out, err) = (Captured::default(), Captured::default());
    let mut console = Console::plain(Box::new(out.clone()), Box::new(err.clone()));
    let exit = run_on(
        std::iter::once("polity")
            .chain(arguments.iter().copied())
            .map(OsString::from),
        &mut console,
    );
    (exit, out.text(), err.text())
}

#[test]
fn the_definitions_hold_together() {
    command().debug_assert();
}

#[test]
fn every_command_has_an_example() {
    for command in command().get_subcommands() {
        let help = command.clone().render_long_help().to_string();
        let example = format!("polity {}", command.get_name());
        let (_, examples) = help
            .split_once("Example")
            .unwrap_or_else(|| panic!("`{}` has no example", command.get_name()));
        assert!(
            examples.contains(&example),
            "the example of `{}` shows it",
            command.get_name()
        );
    }
}

#[test]
fn examples_fit_a_terminal_so_that_they_can_be_copied() {
    for command in command().get_subcommands() {
        let examples = command.get_after_help().unwrap().to_string();
        for line in examples.lines() {
            assert!(line.len() <= 80, "`{}`: {line}", command.get_name());
        }
    }
}

#[test]
fn help_that_was_asked_for_is_a_result() {
    let (exit, out, err) = polity(&["--help"]);
    assert_eq!((exit, err.as_str()), (Exit::Yes, ""));
    assert!(out.contains("Exit codes: 0 yes"), "{out}");
    assert_eq!(
        polity(&["--version"]).1,
        format!("polity {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn misuse_is_said_on_standard_error() {
    for arguments in [
        &["polish"][..],
        &["check", "--fromat", "json"],
        &["build", "--out", "x"],
        &["verify", "a.polity"],
        &["explain"],
        &["verify", "a.polity", "--trust", "t", "--now", "yesterday"],
        &["decide", "a.polity", "--trust", "t"],
        &[
            "decide",
            "a.polity",
            "--trust",
            "t",
            "--requests",
            "r",
            "--agent",
            "a/b",
        ],
    ] {
        let (exit, out, err) = polity(arguments);
        assert_eq!((exit, out.as_str()), (Exit::Misuse, ""), "{arguments:?}");
        assert!(err.starts_with("error: "), "{arguments:?}: {err}");
    }
}

#[test]
fn a_value_that_cannot_be_read_names_its_flag() {
    let err = polity(&["decide", "a.polity", "--trust", "t", "--args", "{\"amount\" 100}"]).2;
    assert!(
        err.contains("'--args <JSON>': not JSON: expected `:` at line 1 column 11"),
        "{err}"
    );
    let err = polity(&["verify", "a.polity", "--trust", "t", "--now", "2026-11-01"]).2;
    assert!(
        err.contains("'--now <RFC3339>': expected an RFC 3339 timestamp"),
        "{err}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let (exit, _, err) = polity(&["verify", "no/such.polity", "--trust", "t"]);
    assert_eq!(exit, Exit::Misuse);
    assert!(
        err.starts_with("error: cannot read the bundle `no/such.polity`: "),
        "{err}"
    );
}

#[test]
fn a_code_is_explained() {
    let (exit, out, err) = polity(&["explain", "unused-pragma"]);
    assert_eq!((exit, err.as_str()), (Exit::Yes, ""));
    assert!(out.starts_with("warning[unused-pragma]\n"), "{out}");
}

#[test]
fn a_mistyped_code_gets_a_suggestion() {
    let (exit, out, err) = polity(&["explain", "unused-pargma"]);
    assert_eq!((exit, out.as_str()), (Exit::Misuse, ""));
    insta::assert_snapshot!(err);
}

#[test]
fn every_code_is_listed() {
    let (exit, out, _) = polity(&["explain", "--list"]);
    assert_eq!(exit, Exit::Yes);
    assert_eq!(out.lines().count(), crate::diag::codes::all().count());
    assert_eq!(polity(&["explain", "--all"]).1, out);
}

#[test]
fn a_code_takes_no_request_and_a_bundle_takes_all_of_one() {
    let err = polity(&["explain", "unused-pragma", "--agent", "a/b"]).2;
    assert_eq!(
        err,
        "error: `--agent` belongs to a bundle, and `unused-pragma` is none\n"
    );
    let err = polity(&["explain", "acme.polity"]).2;
    assert!(err.contains("takes `--trust FILE`"), "{err}");
    let err = polity(&["explain", "acme.polity", "--trust", "t", "--action", "a.b"]).2;
    assert_eq!(
        err,
        "error: a request also takes `--agent TEAM/AGENT`, `--environment ENVIRONMENT`\n"
    );
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (exit, out, _) = polity(&["completions", shell]);
        assert_eq!(exit, Exit::Yes);
        assert!(out.contains("keygen") && out.contains("unattested"), "{shell}");
    }
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(polity(&["man", "--out", folder.path().to_str().unwrap()]).0, Exit::Yes);
    for command in command().get_subcommands() {
        assert!(folder.path().join(format!("polity-{}.1", command.get_name())).exists());
    }
    assert!(polity(&["man"]).1.contains(".TH polity 1"));
}
