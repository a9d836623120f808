//! The bundles of `tests/vectors`: golden ones, and hostile ones that are each wrong in one way.
//!
//! They are made here, from keys of repeated bytes, and compared with the files byte for byte; then the files are loaded
//! and must give what their table says. To write them anew after a change of the format, run the test with
//! `POLITY_WRITE_VECTORS=1`: the golden ones may only change together with `layout::FORMAT`.

use std::fmt::Write as _;
use std::path::PathBuf;

use polity_runtime::manifest::{Manifest, PAYLOAD_TYPE};
use polity_runtime::trust::{self, Role, TrustRoot};
use polity_runtime::wire::{Timestamp, layout};

use super::tests::{ISSUED, manifest, ring, sections, take};
use super::*;
use crate::keys::SecretKey;
use crate::sign::sign_successor;

/// A file, what it is, and what loading it must give.
struct Vector {
    name: &'static str,
    what: &'static str,
    bytes: Vec<u8>,
    outcome: &'static str,
}

const ACCEPTED: &str = "accepted";
const WRONG_SIGNER: &str = "the bundle is not signed as it must be: it is signed by key ";
const BAD_SIGNATURE: &str = "the bundle is not signed as it must be: the signature by key ";

#[test]
#[expect(clippy::disallowed_methods, reason = "the vectors are files, written on demand")]
fn the_vectors_are_as_they_were_and_load_as_they_must() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors"));
    let write = std::env::var_os("POLITY_WRITE_VECTORS").is_some();
    let vectors = vectors();
    let mut files: Vec<(&str, Vec<u8>)> = vectors.iter().map(|one| (one.name, one.bytes.clone())).collect();
    let (trust, developer, next, signatures) = trust_files();
    files.push(("trust.json", trust.to_text().into_bytes()));
    files.push(("developer.trust.json", developer.to_text().into_bytes()));
    files.push(("trust-2.json", next.into_bytes()));
    files.push(("trust-2.json.sig", signatures.into_bytes()));
    files.push(("README.md", readme(&vectors).into_bytes()));
    // Git must not touch a byte, wherever the repository is checked out.
    files.push((".gitattributes", b"* -text\n".to_vec()));
    for (name, bytes) in &files {
        if write {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        assert_eq!(&std::fs::read(folder.join(name)).unwrap(), bytes, "{name}");
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        files.len(),
        "files that no vector is"
    );

    let now = Timestamp::parse(ISSUED).unwrap().millis();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let [trust, developer] = ["trust.json", "developer.trust.json"].map(|name| TrustRoot::parse(&read(name)).unwrap());
    for Vector { name, outcome, .. } in vectors {
        let trust = if name.starts_with("developer") {
            &developer
        } else {
            &trust
        };
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let found = match UnverifiedBundle::open(bytes) {
            Err(error) => error.to_string(),
            Ok(bundle) => bundle
                .verify(trust, now)
                .map_or_else(|error| error.to_string(), |_| ACCEPTED.to_owned()),
        };
        assert!(found.starts_with(outcome), "{name}: {found}");
    }
    let signatures = layout::read_detached(trust::PAYLOAD_TYPE, &read("trust-2.json.sig")).unwrap();
    assert!(trust.accept_successor(&read("trust-2.json"), &signatures).is_ok());
}

fn trust_files() -> (TrustRoot, TrustRoot, String, String) {
    let (present, mut next) = (ring(false, 1), ring(false, 11));
    next.trust.version = 2;
    let text = next.trust.to_text();
    let trust = present.trust.clone();
    let mut keys = take(present, Role::Root);
    keys.extend(take(next, Role::Root));
    let signatures = sign_successor(&trust, &text, &keys).unwrap();
    (trust, ring(true, 21).trust, text, signatures)
}

fn key(role: Role) -> SecretKey {
    take(ring(false, 1), role).remove(0)
}

fn golden() -> Vec<u8> {
    pack(manifest(), &sections(), &[&ring(false, 1).trust], &[key(Role::Bundle)]).unwrap()
}

/// The golden bundle after a change to its bytes.
fn broken(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = golden();
    change(&mut bytes);
    bytes
}

/// A bundle whose manifest is not what it should be, under a good signature: what a signer gone wrong could make.
fn signed(change: impl FnOnce(&mut Manifest)) -> Vec<u8> {
    let mut manifest = UnverifiedBundle::open(golden()).unwrap().claimed_manifest().unwrap();
    change(&mut manifest);
    signed_text(manifest.to_bytes(), &[key(Role::Bundle)], &sections())
}

fn signed_text(body: Vec<u8>, keys: &[SecretKey], sections: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let signatures: Vec<_> = keys.iter().map(|key| key.sign(PAYLOAD_TYPE, &body)).collect();
    layout::write(&body, &signatures, sections)
}

fn golden_text() -> String {
    String::from_utf8(UnverifiedBundle::open(golden()).unwrap().manifest_bytes().to_vec()).unwrap()
}

fn vectors() -> Vec<Vector> {
    let mut all = Vec::new();
    let mut add = |name, what, bytes, outcome| {
        all.push(Vector {
            name,
            what,
            bytes,
            outcome,
        })
    };
    add("golden.polity", "an attested bundle", golden(), ACCEPTED);
    let mut unattested = manifest();
    (unattested.attested, unattested.trail, unattested.source) = (false, None, Default::default());
    let developer = ring(true, 21);
    let trust = developer.trust.clone();
    let folder = pack(unattested, &sections(), &[&trust], &take(developer, Role::Developer)).unwrap();
    add(
        "developer.polity",
        "built from a folder, signed by the role `developer`",
        folder,
        ACCEPTED,
    );
    let stranger = SecretKey::from_seed(Role::Bundle, "", &zeroize::Zeroizing::new([200; 32]));
    let both = signed_text(golden_text().into_bytes(), &[key(Role::Bundle), stranger], &sections());
    add(
        "two-signatures.polity",
        "signed for this trust root and another one",
        both,
        ACCEPTED,
    );

    layout_vectors(&mut add);
    signature_vectors(&mut add);
    manifest_vectors(&mut add);
    all
}

type Add<'a> = dyn FnMut(&'static str, &'static str, Vec<u8>, &'static str) + 'a;

fn layout_vectors(add: &mut Add<'_>) {
    let manifest_end = 16 + golden_text().len();
    let count_at = manifest_end.next_multiple_of(8);
    add(
        "empty.polity",
        "no bytes",
        Vec::new(),
        "the bundle is cut short: its header",
    );
    add(
        "other-file.polity",
        "an archive",
        b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(),
        "this is not a bundle",
    );
    let crlf = broken(|b| drop(b.splice(7..8, *b"\r\n")));
    add(
        "newlines-mangled.polity",
        "a newline became two characters on its way",
        crlf,
        "this is not a bundle",
    );
    add(
        "future-format.polity",
        "format 2",
        broken(|b| b[8] = 2),
        "the bundle has format 2, and this runtime reads up to 1",
    );
    add(
        "no-format.polity",
        "format 0",
        broken(|b| b[8] = 0),
        "the bundle has format 0, which",
    );
    let huge = broken(|b| b[12..16].copy_from_slice(&u32::MAX.to_le_bytes()));
    add(
        "huge-manifest.polity",
        "a manifest length of 4 GiB",
        huge,
        "the manifest has 4294967295 bytes",
    );
    let cut = broken(|b| b.truncate(manifest_end - 1));
    add(
        "cut-in-manifest.polity",
        "ends within the manifest",
        cut,
        "the bundle is cut short: its manifest",
    );
    let cut = broken(|b| b.truncate(count_at + 60));
    add(
        "cut-in-signatures.polity",
        "ends within a signature",
        cut,
        "the bundle is cut short: its list of signatures",
    );
    let cut = broken(|b| b.truncate(b.len() - 1));
    add(
        "cut-in-sections.polity",
        "ends within the last section",
        cut,
        "the bundle is cut short: its sections",
    );
    add(
        "bytes-after-end.polity",
        "one byte too many",
        broken(|b| b.push(0)),
        "the bundle goes on after its last section, for 1 more",
    );
    let many = broken(|b| b[count_at..count_at + 8].copy_from_slice(&u64::MAX.to_le_bytes()));
    add(
        "many-signatures.polity",
        "2^64 - 1 signatures",
        many,
        "the bundle has 18446744073709551615 signatures",
    );
    let hybrid = broken(|b| b[count_at + 40] = 2);
    add(
        "hybrid-signature.polity",
        "a signature of a kind that is kept for later",
        hybrid,
        "the bundle has a signature of kind 2",
    );
    let twice = broken(|b| {
        let signature = b[count_at + 8..count_at + 112].to_vec();
        b[count_at] = 2;
        b.splice(count_at + 8..count_at + 8, signature);
    });
    add(
        "signature-twice.polity",
        "one signature given twice",
        twice,
        "the signatures are not in the order",
    );
    let cells = count_at + 112;
    add(
        "padding.polity",
        "a byte between two sections",
        broken(|b| b[cells + 14] = 1),
        "byte 1150 is padding, and not zero",
    );
    add(
        "section-changed.polity",
        "a byte of a section",
        broken(|b| b[cells + 16] ^= 1),
        "section `names` is not the one",
    );
}

fn signature_vectors(add: &mut Add<'_>) {
    let body = || golden_text().into_bytes();
    let with = |keys: &[SecretKey]| signed_text(body(), keys, &sections());
    add(
        "unsigned.polity",
        "no signature",
        with(&[]),
        "the bundle is not signed as it must be: nobody signed it",
    );
    let stranger = SecretKey::from_seed(Role::Bundle, "", &zeroize::Zeroizing::new([200; 32]));
    add(
        "unknown-key.polity",
        "signed by a stranger",
        with(&[stranger]),
        WRONG_SIGNER,
    );
    add(
        "wrong-role.polity",
        "signed by the key for kill orders",
        with(&[key(Role::Orders)]),
        WRONG_SIGNER,
    );
    let changed = broken(|b| {
        let at = b.windows(4).position(|w| w == b"acme").unwrap();
        b[at] = b'A';
    });
    add(
        "manifest-changed.polity",
        "a letter of the manifest",
        changed,
        BAD_SIGNATURE,
    );
    let other_type = layout::write(
        &body(),
        &[key(Role::Bundle).sign(trust::PAYLOAD_TYPE, &body())],
        &sections(),
    );
    add(
        "wrong-payload-type.polity",
        "the signature was made for a trust root",
        other_type,
        BAD_SIGNATURE,
    );
    // R and s are zero but for R's first byte: a signature by a key of small order over anything.
    let mut forged = layout::Signature {
        key: key(Role::Bundle).id(),
        bytes: [0; 64],
    };
    forged.bytes[0] = 1;
    let small = layout::write(&body(), &[forged], &sections());
    add("small-order.polity", "a signature of small order", small, BAD_SIGNATURE);
}

fn manifest_vectors(add: &mut Add<'_>) {
    let text = |from: &str, to: &str| {
        let text = golden_text();
        assert!(text.contains(from), "{from}");
        signed_text(
            text.replacen(from, to, 1).into_bytes(),
            &[key(Role::Bundle)],
            &sections(),
        )
    };
    let canonical = "the manifest is not canonical: ";
    let form = "the manifest is not well formed: ";
    add(
        "white-space.polity",
        "white space in the manifest",
        text(",", ", "),
        canonical,
    );
    add(
        "key-twice.polity",
        "a key of the manifest stands twice",
        text("\"attested\"", "\"attested\":false,\"attested\""),
        canonical,
    );
    add(
        "nested.polity",
        "arrays, four thousand deep",
        text("null", &"[".repeat(4000)),
        canonical,
    );
    add(
        "unknown-field.polity",
        "a field that does not exist",
        text("\"attested\"", "\"a\":1,\"attested\""),
        form,
    );
    add("missing-field.polity", "no `scope`", text("\"scope\":null,", ""), form);
    add(
        "negative.polity",
        "a negative serial",
        text("\"steps\":41", "\"steps\":-1"),
        form,
    );
    add(
        "impossible-date.polity",
        "issued on the 31st of November",
        text("2026-11-01", "2026-11-31"),
        form,
    );
    add(
        "expires-before-issue.polity",
        "it expires before it is issued",
        signed(|m| m.expires = m.issued),
        "the manifest expires before",
    );
    let eternal = signed(|m| m.grace.as_mut().unwrap().until = m.issued);
    add(
        "grace-before-expiry.polity",
        "the grace ends before it starts",
        eternal,
        "the grace in the manifest",
    );
    add(
        "no-trail.polity",
        "attested, and without a trail",
        signed(|m| m.trail = None),
        "the manifest says that it is attested",
    );
    let path = signed(|m| {
        let empty = m.sections["none"];
        m.sections.insert("../x".to_owned(), empty);
    });
    add(
        "section-name.polity",
        "a section called `../x`",
        path,
        "no section can be called `../x`",
    );
    let large = signed(|m| m.sections.get_mut("cells").unwrap().length = u64::MAX >> 1);
    add(
        "section-length.polity",
        "a section of 2^63 - 1 bytes",
        large,
        "section `cells` has 9223372036854775807 bytes",
    );
    let missing = signed_text(golden_text().into_bytes(), &[key(Role::Bundle)], &{
        let mut sections = sections();
        sections.remove("trail");
        sections
    });
    add(
        "section-missing.polity",
        "the last section is left out",
        missing,
        "the bundle is cut short: its sections",
    );
    add(
        "unattested.polity",
        "nobody approved it",
        signed(|m| (m.attested, m.trail) = (false, None)),
        "the bundle is not attested",
    );
    add(
        "other-organisation.polity",
        "of another organisation",
        signed(|m| m.organization = "umbrella".to_owned()),
        "the bundle is of the organisation `umbrella`",
    );
    add(
        "other-ref.polity",
        "built from another ref",
        signed(|m| m.source.reference = Some("refs/heads/x".to_owned())),
        "the bundle was built from `refs/heads/x`",
    );
    add(
        "other-epoch.polity",
        "of another history",
        signed(|m| m.serial.epoch = 1),
        "the bundle is of epoch 1",
    );
    let trail = signed(|m| m.trail.as_mut().unwrap().introductory = "b".repeat(40));
    add(
        "other-introductory.polity",
        "its trail starts elsewhere",
        trail,
        "the trail of the bundle starts from commit bbbb",
    );
    add(
        "later-runtime.polity",
        "it needs a later runtime",
        signed(|m| m.min_runtime.major = 999),
        "the bundle needs runtime 999.1.0 or later",
    );
    add(
        "two-formats.polity",
        "header and manifest differ",
        signed(|m| m.format = 7),
        "the bundle's header says format 1",
    );
    let after = signed(|m| {
        (m.issued, m.grace) = (Timestamp::parse("2027-12-01T00:00:00Z").unwrap(), None);
        m.expires = Timestamp::parse("2027-12-02T00:00:00Z").unwrap();
    });
    add(
        "trust-expired.polity",
        "issued after the trust root expired",
        after,
        "the trust root has expired",
    );
}

fn readme(vectors: &[Vector]) -> String {
    let mut out = String::from(
        "# Vectors\n\n\
         Bundles to try a loader on, each wrong in one way but for the first three. Each is loaded under `trust.json`, and\n\
         those whose names begin with `developer` under `developer.trust.json`, at the moment `",
    );
    let _ = write!(
        out,
        "{ISSUED}`.\n\n| file | what it is | what loading it says |\n| --- | --- | --- |\n"
    );
    for Vector {
        name, what, outcome, ..
    } in vectors
    {
        let outcome = outcome.trim_end().trim_end_matches(':');
        let _ = writeln!(
            out,
            "| `{name}` | {what} | {outcome}{} |",
            if outcome == ACCEPTED { "" } else { " ..." }
        );
    }
    out.push_str(
        "\n`trust-2.json` is the successor of `trust.json`, and `trust-2.json.sig` holds the signatures of both root keys.\n\n\
         The secret keys are of 32 equal bytes: 1 to 4 are root, bundle, orders and revivals of `trust.json`, 11 to 14 those\n\
         of `trust-2.json`, 21 to 25 those of `developer.trust.json` with the developer's last; 200 is a stranger's. They\n\
         are as public as this page: nothing but these files may ever trust them.\n\n\
         `compiler/src/bundle/vectors.rs` makes the files and this page, and its test compares them.\n",
    );
    out
}
