//! Signatures of commits: who wrote a step.

use crate::world::{APPROVAL, COMMIT, REFUNDS, RULES, World, public, refunds, sign, with_signature};

/// A step whose only commit is made by `make`, approved by these.
fn written(make: impl FnOnce(&mut World, String) -> String, approvers: &[&str]) -> World {
    let mut world = World::new();
    world.write(REFUNDS, refunds(200));
    let bytes = world.unsigned(&[world.head], "a change", "frank");
    let bytes = make(&mut world, bytes);
    world.head = world.write_commit(&bytes);
    world.approve(approvers).merge();
    world
}

#[test]
fn where_nobody_knows_who_wrote_it_one_more_has_to_approve() {
    let signature = |name: &'static str, namespace: &'static str| {
        move |_: &mut World, bytes: String| with_signature(&bytes, &sign(name, namespace, bytes.as_bytes()))
    };
    type Make = Box<dyn Fn(&mut World, String) -> String>;
    let doubtful: [(&str, Make); 9] = [
        ("is not signed", Box::new(|_, bytes| bytes)),
        ("was nobody's before the step", Box::new(signature("stranger", COMMIT))),
        (
            "made for `polity-approval@v1` and not for `git`",
            Box::new(signature("frank", "polity-approval@v1")),
        ),
        (
            "is signed by the merge bot `gitlab`",
            Box::new(signature("gitlab", COMMIT)),
        ),
        (
            "has two signatures",
            Box::new(|_, bytes| {
                let good = sign("frank", COMMIT, bytes.as_bytes());
                with_signature(&with_signature(&bytes, &good), &good)
            }),
        ),
        (
            "has two signatures",
            Box::new(|_, bytes| {
                let good = with_signature(&bytes, &sign("frank", COMMIT, bytes.as_bytes()));
                good.replacen("gpgsig ", "gpgsig-sha256 ", 1)
            }),
        ),
        (
            "the signature does not hold",
            Box::new(|_, bytes| {
                let good = with_signature(&bytes, &sign("frank", COMMIT, bytes.as_bytes()));
                good.replace("a change", "another change")
            }),
        ),
        (
            "OpenPGP, which is not supported",
            Box::new(|_, bytes| {
                with_signature(
                    &bytes,
                    "-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n",
                )
            }),
        ),
        (
            "X.509, which is not supported",
            Box::new(|_, bytes| {
                with_signature(
                    &bytes,
                    "-----BEGIN SIGNED MESSAGE-----\nMIIB\n-----END SIGNED MESSAGE-----\n",
                )
            }),
        ),
    ];
    for (words, make) in doubtful {
        let world = written(&make, &["carol"]);
        world.refused("missing 1");
        world.refused(words);
        written(&make, &["carol", "dave"]).holds();
    }
    written(signature("frank", COMMIT), &["carol"]).holds();
}

#[test]
fn malformed_armour_is_no_signature() {
    for broken in [
        "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n",
        "nonsense",
        "-----BEGIN SSH SIGNATURE-----",
    ] {
        written(|_, bytes| with_signature(&bytes, broken), &["carol"]).refused("the signature is malformed");
    }
}

#[test]
fn a_key_that_comes_with_the_commit_it_signs_makes_nobody_known() {
    let make = |key: &str, approvers: &[&str]| {
        let mut world = World::new();
        let old = public("frank");
        world.replace(
            "people.yaml",
            &format!("[\"{old}\"]"),
            &format!("[\"{old}\", \"{}\"]", public("new")),
        );
        world.commit_as("erin", key, "a new key").approve(approvers).merge();
        world
    };
    make("new", &["alice"]).refused("was nobody's before the step");
    make("new", &["alice", "bob"]).holds();
    make("frank", &["alice"]).holds();
}

#[test]
fn a_key_that_goes_in_the_change_it_signs_was_there_before() {
    let make = |signer: &str, approver: &str| {
        let mut world = World::new();
        world.replace("people.yaml", &public("alice"), &public("new"));
        world.commit(signer).approve(&[approver]).merge();
        world
    };
    // Whose it was before decides, so alice cannot approve what she wrote by taking her key away.
    make("alice", "alice").refused("alice wrote part of the change");
    make("frank", "alice").holds();
}

#[test]
fn two_people_cannot_share_a_key() {
    let mut world = World::new();
    world
        .replace("people.yaml", &public("dave"), &public("carol"))
        .commit("frank")
        .merge();
    world.refused("does not compile: this key is");
    let mut world = World::new();
    world
        .replace("people.yaml", &public("dave"), &public("new"))
        .commit("frank")
        .approve(&["alice"])
        .merge();
    world.holds();
}

/// A hardware key's signature over a statement: it signs the hashes of application and message, with flags between.
fn touched(flags: u8, message: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    use ssh_key::{Algorithm, HashAlg, LineEnding, Signature, SshSig};

    let asked = SshSig::signed_data(APPROVAL, HashAlg::Sha512, message).unwrap();
    let trailer = [flags, 0, 0, 0, 1];
    let body = [&Sha256::digest("ssh:")[..], &trailer, &Sha256::digest(&asked)[..]].concat();
    let secret = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let signature = [&ed25519_dalek::Signer::sign(&secret, &body).to_bytes()[..], &trailer].concat();
    let signature = Signature::new(Algorithm::SkEd25519, signature).unwrap();
    let signed = SshSig::new(hardware(), APPROVAL, HashAlg::Sha512, signature).unwrap();
    signed.to_pem(LineEnding::LF).unwrap()
}

fn hardware() -> ssh_key::public::KeyData {
    use ssh_key::public::{Ed25519PublicKey, KeyData, SkEd25519};

    let secret = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let point = Ed25519PublicKey(secret.verifying_key().to_bytes());
    KeyData::SkEd25519(SkEd25519::new(point, "ssh:"))
}

#[test]
fn where_presence_is_asked_for_a_touch_is_needed() {
    let line = ssh_key::PublicKey::new(hardware(), "").to_openssh().unwrap();
    let rule = "kind: ApprovalRule\nname: payments\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: [team-owners], count: 1}]\nevidence: present\n";
    let make = |evidence: &dyn Fn(&[u8]) -> String| {
        let mut world = World::with(&[(RULES, rule)]);
        world
            .replace("people.yaml", &public("carol"), &line)
            .commit("frank")
            .approve(&["alice"])
            .merge();
        world.write(REFUNDS, refunds(200)).commit("frank");
        let statement = world.statement("carol");
        let signature = evidence(&statement.to_bytes());
        world.add_evidence(&statement, Some(signature));
        world.commit("").merge();
        world
    };
    let trail = make(&|message| touched(1, message)).holds();
    assert_eq!(trail.steps[1].answers[0].given[0].grade.to_string(), "present");
    make(&|message| touched(0, message)).refused("it is of the grade `signed`, and `present` is asked for");
    make(&|_| touched(1, b"another")).refused("the signature does not hold");
    // Nor does a key in a file say that anybody was there.
    let mut world = World::with(&[(RULES, rule)]);
    world
        .write(REFUNDS, refunds(200))
        .commit("frank")
        .approve(&["dave"])
        .merge();
    world.refused("it is of the grade `signed`, and `present` is asked for");
}
