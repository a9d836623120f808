//! Writes a repository with a long history: `cargo run --release -p polity-tests --example history -- FOLDER [COMMITS
//! [DOCUMENTS]]`. Every step of the trunk changes one policy and is signed by its author; every tenth brings its
//! approval. `git repack -adq` in the folder makes of it what a clone is.

use std::path::Path;

use gix::ObjectId;
use gix::objs::Write as _;
use gix::objs::tree::EntryKind;
use polity::source::SourceFile;
use polity::trail::state::of_file;
use polity::trail::statement::{Sides, Statement, Verdict};
use polity_runtime::wire::Digest;
use sha2::{Digest as _, Sha256};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{HashAlg, LineEnding, PrivateKey};

const TEAMS: usize = 50;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder to write into");
    let mut number = |or: usize| {
        let given = arguments.next();
        given.map_or(or, |text| text.parse().expect("a number"))
    };
    let (commits, documents) = (number(5_000), number(2_000));
    let mut world = World::new(Path::new(&folder), documents);
    for step in 1..commits {
        world.step(step);
    }
    world.finish();
    println!(
        "{folder}: {commits} commits, {documents} documents, begins at {}",
        world.first
    );
}

fn key(name: &str) -> PrivateKey {
    let seed: [u8; 32] = Sha256::digest(name).into();
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed)), name).expect("a key")
}

fn sign(name: &str, namespace: &str, message: &[u8]) -> String {
    let signed = key(name).sign(namespace, HashAlg::Sha512, message);
    signed
        .and_then(|signed| signed.to_pem(LineEnding::LF))
        .expect("a signature")
}

fn path(document: usize) -> String {
    format!("teams/team-{}/policies/policy-{document}.yaml", document % TEAMS)
}

fn policy(document: usize, most: usize) -> String {
    let team = document % TEAMS;
    format!(
        "kind: Policy\nname: policy-{document}\nrules:\n  small:\n    effect: allow\n    agents: [team-{team}/bot]\n    \
         environments: [production]\n    actions: [billing.refund]\n    when: context.args.amount <= {most}\n"
    )
}

fn organisation(documents: usize) -> Vec<(String, String)> {
    let mut files = vec![
        (
            "polity.yaml".to_owned(),
            "polity: v1\nkind: Organization\nname: acme\nowners: [alice, bob]\n".to_owned(),
        ),
        (
            "base.yaml".to_owned(),
            "kind: Environment\nname: production\nrank: 3\n---\nkind: Tool\nname: billing\nactions:\n  refund:\n    \
             effect: write\n    external: true\n    reversible: true\n    params: {amount: int}\n---\nkind: Agent\nname: \
             bot\nowner: alice\n---\nkind: ApprovalRule\nname: teams\nwhen: {paths: [\"teams/**\"]}\nrequire: [{from: \
             [team-owners], count: 1}]\n"
                .to_owned(),
        ),
    ];
    let person = |name: &str| {
        let public = key(name).public_key().to_openssh().expect("a public key");
        format!("kind: Person\nname: {name}\nkeys: [\"{public}\"]\n")
    };
    files.push((
        "people/owners.yaml".to_owned(),
        [person("alice"), person("bob")].join("---\n"),
    ));
    for team in 0..TEAMS {
        let both = [person(&format!("writer-{team}")), person(&format!("owner-{team}"))].join("---\n");
        files.push((format!("people/team-{team}.yaml"), both));
        files.push((
            format!("teams.d/team-{team}.yaml"),
            format!("kind: Team\nname: team-{team}\nowners: [owner-{team}]\n"),
        ));
        files.push((
            format!("teams/team-{team}/bot.yaml"),
            "kind: Deployment\nagent: bot\nenvironments:\n  production: {ring: standard, tools: [billing], enforced_by: \
             gateway}\n"
                .to_owned(),
        ));
    }
    files.extend((0..documents).map(|document| (path(document), policy(document, 100))));
    files
}

struct World {
    repository: gix::Repository,
    documents: usize,
    most: Vec<usize>,
    first: ObjectId,
    head: ObjectId,
    tree: ObjectId,
}

impl World {
    fn new(folder: &Path, documents: usize) -> Self {
        let repository = gix::init(folder).expect("a new repository");
        let mut tree = repository.empty_tree().id;
        for files in organisation(documents).chunks(1_000) {
            tree = edit(&repository, tree, files);
        }
        let null = ObjectId::null(gix::hash::Kind::Sha1);
        let mut world = Self {
            repository,
            documents,
            most: vec![100; documents],
            first: null,
            head: null,
            tree,
        };
        world.first = world.commit(0, "begin", "alice");
        world
    }

    fn commit(&mut self, at: usize, message: &str, who: &str) -> ObjectId {
        let time = 1_500_000_000 + at * 3_600;
        let parent = match self.head.is_null() {
            true => String::new(),
            false => format!("parent {}\n", self.head),
        };
        let typed = format!("{who} <{who}@acme.example> {time} +0000");
        let headers = format!("tree {}\n{parent}author {typed}\ncommitter {typed}\n", self.tree);
        let payload = format!("{headers}\n{message}\n");
        let armour = sign(who, "git", payload.as_bytes());
        let folded = armour.trim_end().replace('\n', "\n ");
        let bytes = format!("{headers}gpgsig {folded}\n\n{message}\n");
        let id = self
            .repository
            .objects
            .write_buf(gix::objs::Kind::Commit, bytes.as_bytes());
        self.head = id.expect("a commit");
        self.head
    }

    fn step(&mut self, at: usize) {
        let document = at * 7_919 % self.documents;
        let team = document % TEAMS;
        let digests = |most: usize| {
            let file = SourceFile {
                path: path(document),
                text: policy(document, most),
                blob: None,
            };
            of_file(&file)
        };
        let (before, base) = (digests(self.most[document]), self.head);
        self.most[document] = 100 + at;
        let mut files = vec![(path(document), policy(document, self.most[document]))];
        if at.is_multiple_of(10) {
            let both = before.into_iter().zip(digests(self.most[document]));
            let both = both.map(|((id, before), (_, after))| {
                let sides = Sides {
                    before: Some(before),
                    after: Some(after),
                };
                (id, sides)
            });
            let statement = Statement {
                organization: "acme".to_owned(),
                reference: "refs/heads/main".to_owned(),
                base: base.to_string(),
                documents: both.collect(),
                effects: Default::default(),
                rules: Digest::of(b""),
                verdict: Verdict::Approve,
                approver: format!("owner-{team}"),
            };
            let bytes = statement.to_bytes();
            let signature = sign(&statement.approver, "polity-approval@v1", &bytes);
            let name = format!(".polity/approvals/{}", statement.digest());
            files.push((format!("{name}.json"), String::from_utf8(bytes).expect("JSON")));
            files.push((format!("{name}.sig"), signature));
        }
        self.tree = edit(&self.repository, self.tree, &files);
        self.commit(
            at,
            &format!("policy-{document}: raise to {}", self.most[document]),
            &format!("writer-{team}"),
        );
    }

    fn finish(&self) {
        let any = gix::refs::transaction::PreviousValue::Any;
        let made = self.repository.reference("refs/heads/main", self.head, any, "history");
        made.expect("the trunk");
    }
}

fn edit(repository: &gix::Repository, tree: ObjectId, files: &[(String, String)]) -> ObjectId {
    let mut editor = repository.edit_tree(tree).expect("a tree");
    for (path, text) in files {
        let id = repository.write_blob(text).expect("a blob").detach();
        editor.upsert(path.as_str(), EntryKind::Blob, id).expect("an entry");
    }
    editor.write().expect("a tree").detach()
}
