//! What loads and what does not, and what an answer costs at most.

use regorus::Engine;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::Program as Code;

use super::builtins::BUILTINS;
use super::*;
use crate::guard::{Answer, Blame, Call, Function, Guard, Node, Op, Silent, Term, Trace, evaluate};
use crate::session::ClassSet;
use crate::table::{Table, TableData, TableError};

fn code(policy: &str) -> Code {
    let mut engine = Engine::new();
    engine
        .add_policy("p.rego".into(), format!("package p\n{policy}"))
        .unwrap();
    let policy = engine.compile_with_entrypoint(&"data.p.deny".into()).unwrap();
    (*Compiler::compile_from_policy(&policy, &["data.p.deny"]).unwrap()).clone()
}

fn bytes(policy: &str) -> Vec<u8> {
    code(policy).serialize_binary().unwrap()
}

/// A table whose only node asks a program of `{"now": ...}`.
fn data(code: Vec<u8>) -> TableData {
    let word = |term: Term| term.encode().unwrap();
    let (name, at, nothing) = (1, word(Term::Now), word(Term::Nothing));
    let node: Node = [
        Op::Program as u32,
        word(Term::Program(0)),
        word(Term::Apply(0)),
        Guard::YES.0,
        Guard::NO.0,
        Guard::ERROR.0,
    ];
    let length = u32::try_from(code.len()).unwrap();
    TableData {
        string_offsets: vec![0, 6, 9],
        string_text: "acme/rnow".into(),
        words: vec![name, 0, nothing, at],
        organization: vec![[0, u32::MAX, 1, 0]],
        nodes: vec![node],
        terms: vec![[Function::Record as u32, 0, 4]],
        programs: vec![[0, 0, length, length, 2]],
        program_bytes: [code, b"{}".to_vec()].concat(),
        ..TableData::default()
    }
}

#[derive(Default)]
struct Seen(Option<Blame>);

impl Trace for Seen {
    fn test(&mut self, _: u32, _: Answer, blame: Option<Blame>) {
        self.0 = blame;
    }
}

/// What a policy comes to at a moment, and why where it errs.
fn answer(policy: &str) -> (Answer, Option<Blame>) {
    let table = Table::new(data(bytes(policy))).unwrap();
    let call = Call {
        slots: &[],
        now: 1_795_305_600_000,
        calls: 0,
        holding: &ClassSet::default(),
        on_behalf_of: None,
    };
    let mut seen = Seen::default();
    let answer = evaluate(&table, Guard(0), &call, &mut seen);
    assert_eq!(evaluate(&table, Guard(0), &call, &mut Silent), answer, "asked again");
    (answer, seen.0)
}

fn refusal(code: &[u8]) -> ProgramFault {
    check(code, b"{}").unwrap_err()
}

#[test]
fn a_program_answers_yes_for_true_and_for_a_set_with_an_element() {
    let yes = (Answer::Yes, None);
    let no = (Answer::No, None);
    assert_eq!(answer(r#"deny if input.now == "2026-11-22T00:00:00Z""#), yes);
    assert_eq!(answer(r#"deny if input.now == "2026-11-22""#), no, "undefined");
    assert_eq!(answer("default deny := false\ndeny if input.x"), no);
    assert_eq!(
        answer(r#"deny contains "too late" if startswith(input.now, "2026")"#),
        yes
    );
    assert_eq!(
        answer(r#"deny contains "too late" if startswith(input.now, "2027")"#),
        no
    );
    let failed = |blame| (Answer::Error, Some(Blame::Program(blame)));
    assert_eq!(answer("deny := 1"), failed(ProgramBlame::Answer));
    assert_eq!(
        answer(r#"deny if to_number(input.now) > 1"#),
        failed(ProgramBlame::Failed)
    );
    assert_eq!(
        answer("deny if not to_number(input.now) > 1"),
        failed(ProgramBlame::Failed),
        "nothing absorbs it"
    );
    assert_eq!(
        answer("bad if 1 / count([]) > 1\ndeny if not bad"),
        failed(ProgramBlame::Failed)
    );
    assert_eq!(answer("deny if [x | x := 1 % 0.5] == []"), failed(ProgramBlame::Failed));
    assert_eq!(answer("deny if input.now + 1 > 1"), failed(ProgramBlame::Failed));
    assert_eq!(answer("deny if {1, 2, 3} - {1, 2} == {3}"), yes);
    assert_eq!(answer("deny if 7 % 4 + 1 == 2 * 2 - 0 / 3"), yes);
    assert_eq!(answer("deny if input.now > 1"), yes, "Rego orders values of all types");
}

#[test]
fn a_builtin_that_panics_is_an_error_of_the_program() {
    let policy = r#"deny if sprintf("%½", [input.now]) == """#;
    assert_eq!(
        answer(policy),
        (Answer::Error, Some(Blame::Program(ProgramBlame::Failed)))
    );
}

#[test]
fn a_program_that_does_not_end_in_time_errs() {
    let digits = (0..40).map(|at| at.to_string()).collect::<Vec<_>>().join(", ");
    let policy = format!(
        "n := [{digits}]\ndeny if {{ some a in n; some b in n; some c in n; some d in n; a + b + c + d > 999 }}"
    );
    let too_long = (Answer::Error, Some(Blame::Program(ProgramBlame::Budget)));
    assert_eq!(answer(&policy), too_long);
    assert_eq!(
        answer("deny if other\nother if deny"),
        too_long,
        "nor one that goes round"
    );
}

#[test]
fn what_a_program_makes_is_bounded() {
    let doubled = |first: &str, twice: &str, times: usize| {
        let steps: String = (1..=times)
            .map(|at| format!("x{at} := {}\n", twice.replace('x', &format!("x{}", at - 1))))
            .collect();
        format!("deny if {{\nx0 := {first}\n{steps}x{times} != 1\n}}")
    };
    let too_much = (Answer::Error, Some(Blame::Program(ProgramBlame::Budget)));
    assert_eq!(answer(&doubled("\"ab\"", "concat(\"\", [x, x])", 40)), too_much);
    assert_eq!(answer(&doubled("[1]", "array.concat(x, x)", 40)), too_much);
    assert_eq!(answer(&doubled("3", "x * x", 40)), too_much);
    assert_eq!(answer(&doubled("3", "x * x", 8)), (Answer::Yes, None));
}

#[test]
fn as_many_rules_as_there_may_be_call_each_other_within_the_stack_of_a_thread() {
    let chain = |rules: usize| {
        let link = |at: usize| format!("r{at} if r{}\n", at + 1);
        let links: String = (1..rules - 1).map(link).collect();
        format!("deny if r1\n{links}r{} if input.now\n", rules - 1)
    };
    let asked = move || answer(&chain(MAX_RULES));
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(asked).unwrap();
    assert_eq!(thread.join().unwrap(), (Answer::Yes, None));
    let refused = ProgramFault::Refused("has more rules and functions than are evaluated");
    assert_eq!(refusal(&bytes(&chain(MAX_RULES + 1))), refused);
}

#[test]
fn a_program_that_is_cut_off_anywhere_is_refused() {
    let whole = bytes(r#"deny contains msg if { some n in [1, {"a": {2, 3}}]; msg := sprintf("%v", [n]) }"#);
    assert_eq!(check(&whole, b"{}"), Ok(()));
    for length in 0..whole.len() {
        assert!(check(&whole[..length], b"{}").is_err(), "{length} of {}", whole.len());
    }
}

#[test]
fn a_changed_byte_never_panics() {
    let whole = bytes(r#"deny contains msg if { some n in [1, {"a": 2}]; msg := upper("b"); n > data.x }"#);
    for at in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut changed = whole.clone();
            changed[at] ^= bit;
            let _ = check(&changed, b"{}");
        }
    }
}

#[test]
fn another_version_of_the_format_is_refused_by_number() {
    let mut other = bytes("deny if input.now");
    for version in [1u32, 5, 7] {
        other[4..8].copy_from_slice(&version.to_le_bytes());
        assert_eq!(
            refusal(&other),
            ProgramFault::Version {
                found: version,
                known: 6
            }
        );
    }
    let error = Table::new(data(other)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the Rego program that decides the rule `acme/r` has the serialised form 7, and this runtime reads 6: build both from one release"
    );
}

#[test]
fn constants_that_are_nested_too_deeply_are_refused_before_they_are_decoded() {
    let mut program = code("deny if input.now");
    let nested = |depth: usize| (0..depth).fold(regorus::Value::from(1), |inner, _| regorus::Value::from(vec![inner]));
    program.literals.push(nested(MAX_NESTING - 2));
    assert_eq!(check(&program.serialize_binary().unwrap(), b"{}"), Ok(()));
    program.literals.push(nested(MAX_NESTING));
    assert!(matches!(
        refusal(&program.serialize_binary().unwrap()),
        ProgramFault::Broken(_)
    ));
}

#[test]
fn what_asks_more_than_its_arguments_is_refused() {
    let builtin = |name: &str| ProgramFault::Builtin(name.to_owned());
    assert_eq!(refusal(&bytes("deny if time.now_ns() > 1")), builtin("time.now_ns"));
    assert_eq!(
        refusal(&bytes("deny if count(numbers.range(1, 1000000000)) > 1")),
        builtin("numbers.range")
    );
    assert_eq!(
        refusal(&bytes("deny if bits.lsh(1, 1000000000) > 1")),
        builtin("bits.lsh")
    );
    assert!(BUILTINS.is_sorted(), "they are looked up by halves");
}

#[test]
fn definitions_that_may_disagree_are_refused() {
    let disagree = |name: &str| ProgramFault::Disagree(name.to_owned());
    assert_eq!(
        refusal(&bytes("deny := true if input.now\ndeny := false if input.x")),
        disagree("deny")
    );
    assert_eq!(
        refusal(&bytes(
            "f(x) := x if x > 1\nf(x) := 2 if x < 3\ndeny if f(input.now) > 1"
        )),
        disagree("f")
    );
    assert_eq!(
        refusal(&bytes("m[x] := y if some x, y in input.now\ndeny if m.a")),
        disagree("m")
    );
    assert_eq!(
        check(
            &bytes("f(x) if x > 1\nf(x) if x < 3\ndeny if f(2)\ndeny if f(4)"),
            b"{}"
        ),
        Ok(())
    );
    assert_eq!(
        check(
            &bytes("f(x) := 1 if x > 1 else := 2\ndeny contains f(2)\ndeny contains 3"),
            b"{}"
        ),
        Ok(())
    );
}

#[test]
fn every_builtin_that_a_program_may_call_is_there() {
    for name in BUILTINS {
        assert!(regorus::unstable::BUILTINS.contains_key(name), "{name}");
    }
}

#[test]
fn data_is_part_of_what_is_checked() {
    let code = bytes("deny if input.now == data.day");
    assert_eq!(check(&code, br#"{"day": "monday"}"#), Ok(()));
    assert!(matches!(check(&code, b"{"), Err(ProgramFault::Data(_))));
    assert!(
        matches!(check(&code, br#"{"p": {"deny": true}}"#), Err(ProgramFault::Broken(_))),
        "a rule of that path"
    );
}

#[test]
fn a_node_that_asks_no_program_of_a_document_is_broken() {
    let sound = data(bytes("deny if input.now"));
    let broken = |change: fn(&mut TableData)| {
        let mut data = sound.clone();
        change(&mut data);
        assert!(matches!(Table::new(data), Err(TableError::Record { .. })));
    };
    broken(|data| data.nodes[0][1] = Term::Now.encode().unwrap());
    broken(|data| data.nodes[0][2] = Term::Now.encode().unwrap());
    broken(|data| data.nodes[0][0] = Op::Equal as u32);
    broken(|data| data.nodes[0][1] = Term::Program(1).encode().unwrap());
    broken(|data| data.words[1] = 2);
    broken(|data| data.words[2] = Term::Now.encode().unwrap());
    broken(|data| data.terms[0][2] = 3);
    broken(|data| data.programs[0][2] += 3);
    broken(|data| data.programs[0][0] = 9);
}

#[test]
fn a_bundle_with_programs_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<crate::Bundle>();
    let table = Table::new(data(bytes("deny if input.now"))).unwrap();
    let ask = || {
        let call = Call {
            slots: &[],
            now: 0,
            calls: 0,
            holding: &ClassSet::default(),
            on_behalf_of: None,
        };
        (0..100).all(|_| evaluate(&table, Guard(0), &call, &mut Silent) == Answer::Yes)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
}
