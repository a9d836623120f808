//! A session keeps the ways to the cells that it went. It must answer as a session that keeps none, whatever it was
//! asked before, and by whichever bundle.

use std::collections::BTreeMap;

use polity_runtime::Call;
use polity_runtime::decide::Decision;
use polity_runtime::session::Session;
use polity_runtime::value::Arguments;
use polity_tests::generate::random::Random;
use polity_tests::generate::{Parameters, generate};
use polity_tests::measure::{Asked, Compiled, NOW, calls, compiled};

/// Few deployments and many actions: sessions meet more actions than they keep ways.
fn world(seed: u64) -> Compiled {
    compiled(generate(&Parameters {
        seed,
        teams: 2,
        deployments: 6,
        tools: 6,
        actions: 90,
        rules: 120,
        tools_given: (4, 6),
        ..Parameters::default()
    }))
}

/// What a decision says. That a condition erred is told of other rules too where all are looked at.
fn said(decision: Decision) -> Decision {
    Decision {
        erred: false,
        ..decision
    }
}

#[test]
fn a_session_that_was_asked_much_answers_as_a_new_one() {
    let worlds = [world(1), world(2)];
    let asked: Vec<Asked> = worlds
        .iter()
        .flat_map(|world| calls(world, &(0..=1_000), 600))
        .collect();
    let mut random = Random::new(7);
    let mut sessions: BTreeMap<(&str, &str), Session> = BTreeMap::new();
    let mut codes = BTreeMap::new();
    let mut swapped = 0;
    for _ in 0..8_000 {
        let call = random.pick(&asked);
        let at = random.below(worlds.len());
        let bundle = &worlds[at].bundle;
        let action = bundle.action(&call.action);
        let mut arguments = Arguments::new();
        if let Some(action) = action {
            let read = arguments.read_json(&bundle.parameters(action), &call.args);
            assert_eq!(read, Ok(()), "{call:?}");
        }
        let place = (call.agent.as_str(), call.environment.as_str());
        let session = sessions
            .entry(place)
            .or_insert_with(|| bundle.session(&call.agent, &call.environment));
        let question = Call {
            action,
            arguments: &arguments,
            on_behalf_of: call.on_behalf_of.as_deref(),
            now: NOW,
        };
        // The explanation looks everything up anew.
        let expected = bundle.explain(session, &question).decision;
        let decision = bundle.decide(session, &question);
        assert_eq!(said(decision), said(expected), "{call:?}");
        *codes.entry(decision.code).or_insert(0) += 1;
        swapped += at;
    }
    assert!(codes.len() >= 5, "{codes:?}");
    assert!(sessions.len() > 5, "{}", sessions.len());
    assert!((3_000..5_000).contains(&swapped), "{swapped}");
}
