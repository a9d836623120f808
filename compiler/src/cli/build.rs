//! `polity build`: compiles a revision, signs the bundle and writes it, whole or not at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use polity_runtime::{
    bundle::UnverifiedBundle,
    load::TRAIL,
    manifest::{self, Compiler, Grace, Manifest, Scope, Serial, Source, Version},
    table::Table,
    trust::TrustRoot,
    wire::{
        Timestamp,
        layout::{FORMAT, MAGIC},
    },
};

use super::{
    Console, Exit, Failure, files, part,
    progress::{self, Progress},
    repository, surroundings, trail, values,
};
use crate::{
    ast::Moment,
    bundle::pack,
    compile::compile,
    diag::{Findings, LintLevels, Sink},
    ir::RuleSet,
    keys::SecretKey,
    report::{self, suite, text, visible},
    resolve::Organization,
    source::{Revision, SourceTree},
    suite::{Report, Selection},
    table,
    trail::{
        error::TrailError,
        provenance::{self, Provenance},
        verify::Trail,
    },
};

/// Compile a revision into a signed bundle
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  polity build --trust trust.json --key bundle.key --out acme.polity
  polity build --trust trust.json --key bundle.key --previous acme.polity \\
      --out acme.polity
  polity build acme --rev v1.4 --unattested --trust keys/trust.json \\
      --key keys/developer.key --out acme.polity
  polity build --for team=payments --unattested --trust keys/trust.json \\
      --key keys/developer.key --out payments.polity

A commit is built: what is not committed is not in the bundle. A folder that is
in no repository is built as it is with --unattested.

Every change since the introductory commit of the trust root, or since the
bundle that --previous names, must have been approved by those whom the rules
before it ask. Where this compiler makes something else of that bundle's commit
than its own did, that has to be approved, too: `polity approve --previous`.
--unattested looks at no approval: for a developer's machine.

The moment of issue is --issued, else SOURCE_DATE_EPOCH, else the clock. The
same commit, compiler and moment give the same bytes.")]
pub(super) struct Arguments {
    /// The repository
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The commit, branch or tag to build [default: HEAD]
    #[arg(long)]
    rev: Option<String>,
    /// The trust root that the bundle must satisfy
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// A secret key to sign with; may be given several times
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// Where to write the bundle
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
    /// An attested bundle of an earlier commit: the history is verified from there on
    #[arg(long, value_name = "BUNDLE", conflicts_with = "unattested")]
    previous: Option<PathBuf>,
    /// Answer for a part only: `team=NAME`, `environment=NAME` or `agent=TEAM/AGENT`. The bundle holds the rules that
    /// reach it, and the people whom they name; every other agent or environment is unknown to it
    #[arg(long = "for", value_name = "PART", value_parser = part::scope)]
    scope: Option<Scope>,
    /// Do not verify the approvals: such a bundle is for a developer's own machine
    #[arg(long)]
    unattested: bool,
    /// Refuse rules that only a Rego engine can decide: the bundle then loads in every runtime, with the feature
    /// `rego` or without
    #[arg(long)]
    no_rego_engine: bool,
    /// The moment of issue
    #[arg(long, value_name = "RFC3339", value_parser = values::moment)]
    issued: Option<Moment>,
}

pub(super) fn run(arguments: Arguments, console: &mut Console) -> Result<Exit, Failure> {
    spare(&arguments)?;
    let order = Order {
        issued: moment_of_issue(arguments.issued)?,
        trust: files::read(&arguments.trust, "the trust root", files::LARGEST_KEY)?,
        keys: arguments.keys,
        previous: arguments
            .previous
            .map(|path| files::read(&path, "the previous bundle", files::LARGEST_BUNDLE))
            .transpose()?,
        path: arguments.path,
        rev: arguments.rev,
        unattested: arguments.unattested,
        scope: arguments.scope,
        engine: !arguments.no_rego_engine,
    };
    let Built {
        tree,
        findings,
        unapproved,
        sole_owner,
        failed,
        bundle,
    } = progress::with_progress(console, "building", |progress| build(&order, progress))?;
    if let Some(remark) = left_out(&order, &tree) {
        console.remark(&remark);
    }
    let said = text::folded(&findings, &tree, console.colour_on_error());
    console.remark(&said);
    if sole_owner && unapproved.is_none() {
        console.remark(report::trail::SOLE_OWNER);
    }
    if let Some(said) = unapproved {
        console.remark(&said);
        return Err(
            Failure::falls_short("the history was not approved as its rules ask, so it is not attested")
                .with_help("`polity approve` gives an approval; `--unattested` builds for a developer's machine"),
        );
    }
    if let Some(failed) = failed {
        console.remark(&failed.text(console.colour_on_error()));
    }
    let Some(bundle) = bundle.filter(|_| !findings.has_errors()) else {
        return Ok(Exit::FallsShort);
    };
    files::write_atomically(&arguments.out, "the bundle", &bundle.bytes)?;
    console.result(&written(
        &arguments.out,
        &bundle,
        order.unattested,
        order.scope.as_ref(),
    ))?;
    Ok(Exit::Yes)
}

/// What the work tree has that the commit which is built has not, in words.
fn left_out(order: &Order, built: &SourceTree) -> Option<String> {
    let Revision::Commit { id, .. } = built.revision() else {
        return None;
    };
    if order.rev.is_some() {
        return None;
    }
    // Where there is no work tree, or none that can be read, nothing is left out.
    let (here, _) = repository::read(&order.path, None).ok()?;
    let texts = |tree: &SourceTree| -> BTreeMap<String, String> {
        let files = tree.files().iter();
        files.map(|file| (file.path.clone(), file.text.clone())).collect()
    };
    let (here, there) = (texts(&here), texts(built));
    let paths: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let differ: Vec<&str> = paths
        .into_iter()
        .filter(|path| here.get(*path) != there.get(*path))
        .map(String::as_str)
        .collect();
    let (first, others) = differ.split_first()?;
    let first = visible::line(first);
    let what = match others.len() {
        0 => format!("`{first}` is another"),
        1 => format!("`{first}` and 1 more file are others"),
        more => format!("`{first}` and {more} more files are others"),
    };
    let id = id.get(..12).unwrap_or(id);
    Some(format!(
        "note: the commit {id} is built, and {what} in the work tree: commit what is to be in the bundle\n"
    ))
}

/// Where the bundle went, and which one it is.
pub(super) fn written(out: &Path, bundle: &SignedBundle, unattested: bool, scope: Option<&Scope>) -> String {
    let kind = if unattested { ", unattested" } else { "" };
    let only = scope
        .map(|scope| format!(", only {}", part::describe(scope)))
        .unwrap_or_default();
    let SignedBundle { bytes, digest } = bundle;
    format!(
        "{} sha256:{digest} ({} bytes{kind}{only})\n",
        out.display(),
        bytes.len()
    )
}

/// The bundle takes the place of an older one, or of nothing: a key, a trust root or a policy is never overwritten.
fn spare(arguments: &Arguments) -> Result<(), Failure> {
    let out = &arguments.out;
    match files::begins_with(out, &MAGIC) {
        None | Some(true) => Ok(()),
        Some(false) => Err(
            Failure::misuse(format!("`{}` is there, and is no bundle", out.display()))
                .with_help("name another file with `--out`, or remove it"),
        ),
    }
}

fn moment_of_issue(given: Option<Moment>) -> Result<Moment, Failure> {
    match given {
        Some(moment) => Ok(moment),
        None => surroundings::source_date_epoch()?.map_or_else(surroundings::now, Ok),
    }
}

/// What to build, with everything that it takes.
pub(super) struct Order {
    pub(super) path: PathBuf,
    /// `None`: HEAD.
    pub(super) rev: Option<String>,
    /// The trust root's bytes.
    pub(super) trust: Vec<u8>,
    /// A key file each.
    pub(super) keys: Vec<PathBuf>,
    pub(super) unattested: bool,
    /// The bytes of the bundle to continue from.
    pub(super) previous: Option<Vec<u8>>,
    pub(super) issued: Moment,
    /// `None`: everything.
    pub(super) scope: Option<Scope>,
    /// Whether rules may be left to a Rego engine.
    pub(super) engine: bool,
}

/// What came of it. Without a bundle, or with errors among the findings, nothing is written.
pub(super) struct Built {
    pub(super) tree: SourceTree,
    pub(super) findings: Findings,
    /// What the history lacks, in words; nothing where it was approved, or nobody asked.
    pub(super) unapproved: Option<String>,
    /// Whether the history was verified of an organisation with one owner.
    pub(super) sole_owner: bool,
    /// Tests that failed, if some did.
    pub(super) failed: Option<Failed>,
    pub(super) bundle: Option<SignedBundle>,
}

/// Tests that were not answered as they expect.
pub(super) struct Failed {
    /// The tree with what its templates were filled in to.
    tree: SourceTree,
    report: Report,
}

impl Failed {
    /// Every failure, and how many there are.
    pub(super) fn text(&self, colour: bool) -> String {
        let failures = suite::failures(&self.report, &self.tree, colour);
        let (passed, failed) = self.report.count();
        format!(
            "{failures}{failed} of {} tests failed, so nothing is built\n",
            passed + failed
        )
    }
}

/// A bundle's bytes, and its digest in hexadecimal.
pub(super) struct SignedBundle {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: String,
}

/// Reads, checks, tests, signs and packs.
pub(super) fn build(order: &Order, progress: &Progress) -> Result<Built, Failure> {
    progress.say("reading the repository");
    let trust = trust_root(&order.trust)?;
    let keys = order
        .keys
        .iter()
        .map(|path| secret_key(path))
        .collect::<Result<Vec<_>, _>>()?;
    let attested = match order.unattested {
        true => None,
        false => Some(attest(order, &trust, progress)?),
    };
    let revision = attested.as_ref().map(|attested| attested.opened.head.to_string());
    let revision = revision.as_deref().or(order.rev.as_deref());
    progress.say("reading the repository");
    let sole_owner = attested.as_ref().is_some_and(|attested| attested.trail.sole_owner);
    let unapproved = attested
        .as_ref()
        .filter(|attested| !attested.trail.holds())
        .map(|attested| report::trail::shortfalls(&attested.trail));
    let (tree, sink) = match repository::read_commit(&order.path, revision, order.unattested) {
        // What was pushed to make it unreadable was not approved either, and that says what to do.
        Err(_) if unapproved.is_some() => {
            let tree = SourceTree::from_files(Vec::new());
            return Ok(Built {
                findings: Sink::default().finish(&tree, &LintLevels::default(), &[]),
                tree,
                unapproved,
                sole_owner,
                failed: None,
                bundle: None,
            });
        }
        read => read?,
    };
    progress.say("compiling");
    let compiled = compile(&tree, order.issued, sink);
    let table = compiled.table.filter(|_| unapproved.is_none());
    let Some(table) = table else {
        return Ok(Built {
            tree,
            findings: compiled.findings,
            unapproved,
            sole_owner,
            failed: None,
            bundle: None,
        });
    };
    if !order.engine {
        without_engine(&compiled.organization, &compiled.rules, &compiled.tree)?;
    }
    progress.say("testing");
    // Nobody reads here what the tests reach.
    let none = BTreeSet::new();
    let selection = Selection {
        rules: Some(&none),
        ..Selection::default()
    };
    let report = crate::suite::run(&compiled.organization, &table, &selection);
    if report.count().1 > 0 {
        return Ok(Built {
            tree,
            findings: compiled.findings,
            unapproved: None,
            sole_owner,
            failed: Some(Failed {
                tree: compiled.tree,
                report,
            }),
            bundle: None,
        });
    }
    if compiled.organization.name != trust.organization {
        let (found, wanted) = (&compiled.organization.name, &trust.organization);
        return Err(Failure::falls_short(format!(
            "the repository is of the organisation `{found}`, and the trust root of `{wanted}`"
        )));
    }
    let table = match &order.scope {
        None => table,
        Some(scope) => {
            part::known(&compiled.organization, scope)?;
            let mut sink = Sink::default();
            table::build_part(
                &compiled.organization,
                &compiled.rules,
                &compiled.tree,
                scope,
                &mut sink,
            )
            .ok_or_else(|| Failure::falls_short(format!("there is no bundle for {}", part::describe(scope))))?
        }
    };
    progress.say("signing");
    let mut manifest = manifest(&compiled.organization, tree.revision(), &trust, order.issued)?;
    manifest.scope = order.scope.clone();
    manifest.features = table.features();
    let mut sections = table.data().to_sections();
    if let Some(attested) = &attested {
        attested.describe(&trust, &mut manifest);
        attested.comes_after(&manifest)?;
        let whole = (&compiled.organization, &compiled.tree, &table);
        let mut provenance = attested.provenance(whole)?;
        provenance.retain(&table);
        sections.insert(TRAIL.to_owned(), provenance::to_bytes(&provenance));
    }
    let bytes = pack(manifest, &sections, &[&trust], &keys).map_err(|error| Failure::falls_short(error.to_string()))?;
    let digest = UnverifiedBundle::open(bytes.clone())
        .map_err(|error| Failure::environment(error.to_string()))?
        .digest();
    let bundle = Some(SignedBundle {
        bytes,
        digest: digest.to_string(),
    });
    Ok(Built {
        tree,
        findings: compiled.findings,
        unapproved: None,
        sole_owner,
        failed: None,
        bundle,
    })
}

/// Fails where a rule needs the engine, and names each with its place.
fn without_engine(organization: &Organization, rules: &RuleSet, tree: &SourceTree) -> Result<(), Failure> {
    let all = organization.rules.iter().zip(&rules.bodies);
    let places: Vec<String> = all
        .filter(|(_, body)| body.beyond.is_some())
        .map(|(rule, _)| {
            let path = tree.file(rule.span.file).map_or("", |file| file.path.as_str());
            let line = tree.position(rule.span).map_or(0, |(start, _)| start.line);
            format!("`{}` in {path}:{line}", rule.name)
        })
        .collect();
    if places.is_empty() {
        return Ok(());
    }
    let message = format!("only a Rego engine can decide {}", places.join(", "));
    Err(Failure::falls_short(message).with_help("build without `--no-rego-engine`, or write these rules as conditions"))
}

/// A history that was looked at.
struct Attested {
    opened: trail::Opened,
    trail: Trail,
    previous: Option<trail::Previous>,
}

/// Verifies the history of what is to be built, from the introductory commit or the previous bundle's.
fn attest(order: &Order, trust: &TrustRoot, progress: &Progress) -> Result<Attested, Failure> {
    let opened = trail::open(&order.path, order.rev.as_deref()).map_err(|failure| match failure.exit() {
        Exit::Misuse => failure.with_help("`--unattested` takes a folder as it is, for a developer's machine"),
        _ => failure,
    })?;
    let previous = match &order.previous {
        Some(bytes) => Some(trail::previous(bytes.clone(), trust, order.issued)?),
        None => None,
    };
    progress.say("verifying the approvals");
    let trail = trail::attest(&opened, trust, previous.as_ref())?;
    Ok(Attested {
        opened,
        trail,
        previous,
    })
}

impl Attested {
    /// What a bundle says of the history that was verified for it.
    fn describe(&self, trust: &TrustRoot, manifest: &mut Manifest) {
        let steps = self.trail.trunk.len().saturating_sub(self.trail.introductory + 1);
        manifest.attested = true;
        manifest.source.reference = Some(trust.reference.clone());
        manifest.previous = self.previous.as_ref().map(|previous| previous.verified.digest());
        manifest.trail = Some(manifest::Trail {
            checkpoint: self.previous.as_ref().map(|previous| previous.commit.to_string()),
            introductory: trust.introductory.clone().unwrap_or_default(),
            steps: u64::try_from(steps).unwrap_or(u64::MAX),
        });
    }

    /// Whoever has seen the previous bundle would refuse one that is ordered before it.
    fn comes_after(&self, manifest: &Manifest) -> Result<(), Failure> {
        let previous = self.previous.as_ref().map(|previous| previous.verified.manifest());
        match previous {
            Some(previous) if manifest.position() < previous.position() => Err(Failure::falls_short(format!(
                "the previous bundle is of the same commit and was issued later, at {}: whoever has seen it would refuse this one",
                previous.issued
            ))
            .with_help("`--issued` a later moment, or leave it out")),
            _ => Ok(()),
        }
    }

    /// Which step brought each rule and each access. Of what lies before the checkpoint the previous bundle tells who
    /// approved it.
    fn provenance(&self, compiled: (&Organization, &SourceTree, &Table)) -> Result<Provenance, Failure> {
        let previous = match &self.previous {
            None => None,
            Some(previous) => {
                let section = previous.verified.section(TRAIL).and_then(provenance::from_bytes);
                let unread = "its trail is of another version: verify the whole history once, without `--previous`";
                Some(section.ok_or_else(|| trail::failure(&TrailError::Previous(unread.to_owned())))?)
            }
        };
        provenance::provenance(&self.opened.history, &self.trail, compiled, previous)
            .map_err(|error| trail::failure(&error))
    }
}

/// What the bundle says of itself where its approvals were not verified: it names no ref, since it speaks for no branch.
fn manifest(
    organization: &Organization,
    revision: &Revision,
    trust: &TrustRoot,
    issued: Moment,
) -> Result<Manifest, Failure> {
    let moment = |millis: i64| {
        Timestamp::from_millis(millis)
            .ok_or_else(|| Failure::misuse("the moment of issue lies outside the years 1970 to 9999"))
    };
    let (steps, source) = match revision {
        Revision::Commit { id, tree, trunk_steps } => (
            *trunk_steps,
            Source {
                commit: Some(id.clone()),
                tree: Some(tree.clone()),
                ..Source::default()
            },
        ),
        Revision::Folder => (0, Source::default()),
    };
    let expires = issued.saturating_add(organization.lifetime.0);
    let ends = |millis: i64| {
        Timestamp::from_millis(millis).ok_or_else(|| {
            Failure::falls_short("the bundle would end after the year 9999: shorten `bundle` in `polity.yaml`")
        })
    };
    let grace = match organization.grace.effects.as_slice() {
        [] => None,
        effects => Some(Grace {
            until: ends(expires.saturating_add(organization.grace.period.0))?,
            effects: effects.iter().copied().collect(),
        }),
    };
    Ok(Manifest {
        organization: organization.name.clone(),
        serial: Serial {
            epoch: trust.epoch,
            steps,
        },
        issued: moment(issued)?,
        expires: ends(expires)?,
        grace,
        format: FORMAT,
        min_runtime: Version::current(),
        source,
        compiler: Compiler {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: None,
        },
        trail: None,
        previous: None,
        attested: false,
        scope: None,
        least_orders: 0,
        features: BTreeSet::new(),
        sections: BTreeMap::new(),
    })
}

/// The trust root of a file.
pub(super) fn trust_root(bytes: &[u8]) -> Result<TrustRoot, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| Failure::falls_short("the trust root is not UTF-8"))?;
    TrustRoot::parse(text).map_err(|error| Failure::falls_short(format!("the trust root cannot be used: {error}")))
}

fn secret_key(path: &Path) -> Result<SecretKey, Failure> {
    SecretKey::read(path).map_err(|error| Failure::path("cannot use the key", path, &error))
}
