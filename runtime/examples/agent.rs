//! An agent's host: it loads its bundle once, and asks before each tool call that its model wants to make.
//!
//! `cargo run -- demo`, then
//! `cargo run -p polity-runtime --features json --example agent -- polity-demo/acme.polity polity-demo/keys/trust.json`
#![expect(
    clippy::disallowed_methods,
    reason = "a host reads files and the clock; the runtime does neither"
)]

use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, error::Error, fs};

use polity_runtime::value::Arguments;
use polity_runtime::{Bundle, Call, decide::Outcome, session::Session, trust::TrustRoot};

/// What the models ask for. The third call is the first one again, after customer data was read.
const SUPPORT: [(&str, &str); 4] = [
    (
        "slack.slack_post_message",
        r#"{"channel_id": "C0SUPPORT1", "text": "On it"}"#,
    ),
    (
        "postgres.execute_sql",
        r#"{"sql": "select status from orders where id = 7"}"#,
    ),
    (
        "slack.slack_post_message",
        r#"{"channel_id": "C0SUPPORT1", "text": "On it"}"#,
    ),
    ("stripe.list_customers", r#"{"email": "a", "email": "b"}"#),
];
const REFUNDS: [(&str, &str); 1] = [(
    "stripe.create_refund",
    r#"{"payment_intent": "pi_3QK1", "amount": 5001}"#,
)];

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = env::args().skip(1).collect();
    let [bundle, trust] = paths.as_slice() else {
        return Err("usage: agent BUNDLE TRUST".into());
    };
    // Without a bundle that verifies there is no agent: nothing falls back to allowing.
    let trust = TrustRoot::parse(&fs::read_to_string(trust)?)?;
    let bundle = Bundle::load(fs::read(bundle)?, &trust, now()?)?;
    // A session is one run of one agent. It remembers which data was read.
    let mut session = bundle.session("support/support-agent", "production");
    for (action, json) in SUPPORT {
        call_tool(&bundle, &mut session, action, json, Some("hana"))?;
    }
    let mut session = bundle.session("payments/refund-bot", "production");
    for (action, json) in REFUNDS {
        call_tool(&bundle, &mut session, action, json, None)?;
    }
    Ok(())
}

/// Asks, and only then acts. `person` is whom the host knows the agent to work for.
fn call_tool(
    bundle: &Bundle,
    session: &mut Session,
    name: &str,
    json: &str,
    person: Option<&str>,
) -> Result<(), Box<dyn Error>> {
    println!("\n{name} {json}");
    let action = bundle.action(name);
    let mut arguments = Arguments::new();
    if let Some(action) = action
        && let Err(error) = arguments.read_json(&bundle.parameters(action), json)
    {
        println!("  deny: {error}"); // What cannot be read cannot be judged.
        return Ok(());
    }
    let call = Call {
        action,
        arguments: &arguments,
        on_behalf_of: person,
        now: now()?,
    };
    // Names and obligations are the cold side. Asked before `decide`, they speak of the same session.
    let why = bundle.explain(session, &call);
    let decision = bundle.decide(session, &call);
    let reason = why.reason.map_or_else(String::new, |reason| format!(": {reason}"));
    println!("  {} ({}){reason}", decision.outcome.as_str(), decision.code.as_str());
    match decision.outcome {
        Outcome::Deny => {} // The model is told the reason; the tool is not called.
        Outcome::RequireApproval => {
            // All of these must agree to these very arguments. Until they have, this is a denial.
            for approval in &why.obligations.approvals {
                for one in &approval.require {
                    println!(
                        "  {} of {} must agree ({})",
                        one.count,
                        one.people.join(", "),
                        approval.rule
                    );
                }
            }
        }
        Outcome::Allow => {
            // The runtime keeps no counters yet. A host that cannot keep a limit must not make the call.
            for limit in &why.obligations.limits {
                println!("  at most {} calls in {} ms ({})", limit.count, limit.per, limit.of);
            }
            println!("  the tool is called here");
        }
    }
    Ok(())
}

/// The host's clock; the runtime has none.
fn now() -> Result<i64, Box<dyn Error>> {
    Ok(i64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}
