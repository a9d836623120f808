//! What a trunk tree says: a commit in, its documents' digests, its principals and what it compiles to out.
//!
//! Nothing here compares two trees.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::rc::Rc;

use gix::ObjectId;
use polity_runtime::wire::Digest;

use super::change;
use super::history::History;
use super::principals::Principals;
use super::statement::DocumentId;
use crate::ast::Documents;
use crate::compile::{Ask, Memo, compile_with};
use crate::diag::{Severity, Sink};
use crate::parse::TEMPLATES;
use crate::parse::document::team_of;
use crate::parse::node::{Node, Style, Value};
use crate::parse::yaml::{self, Reading, YamlDocument, plain_reading};
use crate::resolve::Organization;
use crate::source::{FileId, ReadError, SourceFile, SourceTree};
use polity_runtime::table::Table;

/// How many states are kept. A step needs two; the rest serves joined steps and old bases.
const KEPT: usize = 32;

/// One tree, compiled.
pub struct State {
    /// What is wrong with it, where it does not compile: such a tree judges nothing.
    pub broken: Option<String>,
    /// Whether its files could be read at all: nothing is known of them otherwise.
    pub readable: bool,
    /// The digest of each document.
    pub digests: BTreeMap<DocumentId, Digest>,
    /// Whose keys are whose.
    pub principals: Principals,
    /// What was written.
    pub documents: Documents,
    /// The same with names resolved.
    pub organization: Organization,
    /// What it decides; absent where it is broken.
    pub table: Option<Table>,
    /// The files, for positions.
    pub tree: SourceTree,
}

/// The documents of one file.
pub type OfFile = Rc<[(DocumentId, Digest)]>;

/// States by tree, each compiled once.
pub struct States<'h> {
    history: &'h History,
    kept: RefCell<Vec<(ObjectId, Rc<State>)>>,
    /// The same by what is compiled of a tree: an approval, or a README, makes another tree and no other state.
    compiled: RefCell<Vec<(Digest, Rc<State>)>>,
    /// Digests by path and blob: most files stand in most commits.
    files: RefCell<HashMap<(String, String), OfFile>>,
    /// What one tree has in common with the next is worked out once.
    memo: Memo,
}

impl<'h> States<'h> {
    /// None yet.
    pub fn new(history: &'h History) -> Self {
        Self {
            history,
            kept: RefCell::default(),
            compiled: RefCell::default(),
            files: RefCell::default(),
            memo: Memo::default(),
        }
    }

    /// The state of a commit.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn of(&self, commit: ObjectId) -> Result<Rc<State>, ReadError> {
        let tree = self.history.commit(commit)?.tree;
        if let Some((_, state)) = self.kept.borrow().iter().find(|(id, _)| *id == tree) {
            return Ok(state.clone());
        }
        let state = self.read(commit)?;
        keep(&self.kept, tree, &state);
        Ok(state)
    }

    /// The commit itself where its tree compiles, or the last one before it on its first-parent chain whose tree does.
    /// Where none does, the commit itself.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn last_good(&self, commit: ObjectId) -> Result<ObjectId, ReadError> {
        let mut at = commit;
        while self.of(at)?.broken.is_some() {
            match self.history.commit(at)?.parents.first() {
                Some(parent) => at = *parent,
                None => return Ok(commit),
            }
        }
        Ok(at)
    }

    /// The documents that a file of a commit's tree holds as they are written, without compiling it; none where no such
    /// file can be read.
    ///
    /// # Errors
    /// Where an object is missing or is not what its id says.
    pub fn written_at(&self, commit: ObjectId, path: &str) -> Result<OfFile, ReadError> {
        let none = || Ok(Rc::from([]));
        let tree = self.history.commit(commit)?.tree;
        let found = ReadError::unless_malformed(change::entry(self.history, tree, path))?.flatten();
        let Some((_, id)) = found.filter(|(mode, _)| mode.is_blob()) else {
            return none();
        };
        let key = (path.to_owned(), id.to_string());
        if let Some(known) = self.files.borrow().get(&key) {
            return Ok(known.clone());
        }
        let bytes = self.history.blob_within(id, crate::source::MAX_FILE_BYTES)?;
        let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return none();
        };
        let file = SourceFile {
            path: path.to_owned(),
            text,
            blob: Some(id.to_string()),
        };
        Ok(self.documents_of(&file))
    }

    /// The documents that a file holds, read once where its blob is known.
    fn documents_of(&self, file: &SourceFile) -> OfFile {
        match &file.blob {
            None => of_file(file).into(),
            Some(blob) => {
                let key = (file.path.clone(), blob.clone());
                let mut files = self.files.borrow_mut();
                files.entry(key).or_insert_with(|| of_file(file).into()).clone()
            }
        }
    }

    fn read(&self, commit: ObjectId) -> Result<Rc<State>, ReadError> {
        let mut sink = Sink::default();
        let source = match self.history.source(commit, 0, &mut sink) {
            // The organisation's folder is not there yet, or no more: an empty one does not compile either.
            Err(ReadError::NotInCommit { .. }) => SourceTree::from_files(Vec::new()),
            Err(error) if error.is_malformed() => return Ok(Rc::new(self.unreadable(&error))),
            source => source?,
        };
        // What was said of files that are not read, such as links, is part of a state and not of its files.
        let content = sink.diagnostics().is_empty().then(|| content(&source)).flatten();
        if let Some(content) = content
            && let Some((_, state)) = self.compiled.borrow().iter().find(|(known, _)| *known == content)
        {
            return Ok(state.clone());
        }
        let state = Rc::new(self.compile(source, sink));
        if let Some(content) = content {
            keep(&self.compiled, content, &state);
        }
        Ok(state)
    }

    /// A tree that nobody can read says nothing, and judges nothing.
    fn unreadable(&self, error: &ReadError) -> State {
        State {
            broken: Some(error.to_string()),
            readable: false,
            ..self.compile(SourceTree::from_files(Vec::new()), Sink::default())
        }
    }

    fn compile(&self, source: SourceTree, sink: Sink) -> State {
        let mut digests = BTreeMap::new();
        for file in source.files() {
            digests.extend(self.documents_of(file).iter().cloned());
        }
        // Without lints, which compare dates with the moment: a tree that was good when it was approved must not become
        // bad by waiting.
        let compiled = compile_with(&source, &self.memo, Ask::Proofs, sink);
        for expansion in compiled.tree.expansions() {
            digests.extend(of_file(expansion.file()));
        }
        let broken = compiled.table.is_none().then(|| {
            let all = compiled.findings.diagnostics();
            let first = all.iter().find(|found| found.severity == Severity::Error);
            first.map_or_else(|| "it has an error".to_owned(), |found| found.message.clone())
        });
        State {
            broken,
            readable: true,
            digests,
            principals: Principals::of(&compiled.documents),
            documents: compiled.documents,
            organization: compiled.organization,
            table: compiled.table,
            tree: compiled.tree,
        }
    }
}

fn keep<K>(kept: &RefCell<Vec<(K, Rc<State>)>>, key: K, state: &Rc<State>) {
    let mut kept = kept.borrow_mut();
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push((key, state.clone()));
}

/// The paths and blobs of everything that is compiled; nothing where a file is no blob.
fn content(source: &SourceTree) -> Option<Digest> {
    let mut text = String::new();
    for file in source.files() {
        // A path has no NUL.
        let _ = write!(text, "{}\0{}\0", file.path, file.blob.as_deref()?);
    }
    Some(Digest::of(text.as_bytes()))
}

impl State {
    /// The digest of the approval rules in force.
    pub fn rules_digest(&self) -> Digest {
        let mut text = String::new();
        for (id, digest) in self.digests.iter().filter(|(id, _)| id.kind == "ApprovalRule") {
            let _ = writeln!(text, "{id} {digest}");
        }
        Digest::of(text.as_bytes())
    }
}

/// The documents of one file, each with its digest: of YAML its canonical value, of all else the bytes.
pub fn of_file(file: &SourceFile) -> Vec<(DocumentId, Digest)> {
    let extension = file.path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let kind = match extension {
        _ if file.path.starts_with(TEMPLATES) => "Template",
        "yaml" | "yml" => {
            let mut unheard = Sink::default();
            let documents = yaml::read(FileId(0), &file.text, &mut unheard);
            return documents.iter().map(|one| of_document(&file.path, one)).collect();
        }
        "cedar" => "Cedar",
        "rego" => "Rego",
        _ => "Data",
    };
    let id = DocumentId {
        kind: kind.to_owned(),
        name: "-".to_owned(),
        path: file.path.clone(),
    };
    vec![(id, Digest::of(file.text.as_bytes()))]
}

/// The digest of each rule of the policies in a file, by `policy/rule`: its own text and what its policy says for all.
pub fn rules_of_file(text: &str) -> BTreeMap<String, Digest> {
    let mut unheard = Sink::default();
    let mut rules = BTreeMap::new();
    for document in yaml::read(FileId(0), text, &mut unheard) {
        let Value::Map(entries) = &document.root.value else {
            continue;
        };
        let field = |name: &str| {
            entries
                .iter()
                .find(|entry| entry.key.value == name)
                .map(|entry| &entry.value)
        };
        let (Some(name), Some(written)) = (field("name"), field("rules")) else {
            continue;
        };
        let (Value::Scalar(policy, _), Value::Map(written)) = (&name.value, &written.value) else {
            continue;
        };
        for rule in written {
            let mut canonical = String::new();
            for node in field("for").into_iter().chain([&rule.value]) {
                canonical_value(node, &mut canonical);
            }
            rules.insert(format!("{policy}/{}", rule.key.value), Digest::of(canonical.as_bytes()));
        }
    }
    rules
}

/// Every key and scalar of each document of a file, in the order of [`of_file`].
pub fn words(file: &SourceFile) -> Vec<BTreeSet<String>> {
    let extension = file.path.rsplit_once('.').map_or("", |(_, extension)| extension);
    if !matches!(extension, "yaml" | "yml") || file.path.starts_with(TEMPLATES) {
        let separates = |letter: char| !(letter.is_alphanumeric() || "-_./*".contains(letter));
        return vec![file.text.split(separates).map(str::to_owned).collect()];
    }
    let mut unheard = Sink::default();
    let documents = yaml::read(FileId(0), &file.text, &mut unheard);
    let collect = |document: &YamlDocument| {
        let mut words = BTreeSet::new();
        collect_words(&document.root, &mut words);
        words
    };
    documents.iter().map(collect).collect()
}

fn collect_words(node: &Node, words: &mut BTreeSet<String>) {
    match &node.value {
        Value::Hole => {}
        Value::Scalar(text, _) => {
            words.insert(text.clone());
        }
        Value::List(items) => items.iter().for_each(|item| collect_words(item, words)),
        Value::Map(entries) => {
            for entry in entries {
                words.insert(entry.key.value.clone());
                collect_words(&entry.value, words);
            }
        }
    }
}

fn of_document(path: &str, document: &YamlDocument) -> (DocumentId, Digest) {
    let text = |key: &str| match &document.root.value {
        Value::Map(entries) => entries.iter().find_map(|entry| match &entry.value.value {
            Value::Scalar(text, _) if entry.key.value == key => Some(text.as_str()),
            _ => None,
        }),
        _ => None,
    };
    let kind = text("kind").unwrap_or("-");
    let name = match kind {
        "Deployment" => {
            let team = text("team").or_else(|| team_of(path)).unwrap_or("-");
            format!("{team}/{}", text("agent").unwrap_or("-"))
        }
        _ => text("name").unwrap_or("-").to_owned(),
    };
    let word = |text: &str| text.replace(char::is_whitespace, "_");
    let mut canonical = String::new();
    canonical_value(&document.root, &mut canonical);
    for pragma in &document.pragmas {
        let _ = write!(canonical, "\n{:?} {:?}", pragma.code, pragma.reason);
    }
    let id = DocumentId {
        kind: word(kind),
        name: word(&name),
        path: path.to_owned(),
    };
    (id, Digest::of(canonical.as_bytes()))
}

/// One spelling for one value: keys in order, and a string the same however it was quoted. What YAML may read as
/// something else than a string is marked, since `"1"` and `1` are two things.
fn canonical_value(node: &Node, out: &mut String) {
    match &node.value {
        Value::Hole => out.push('?'),
        Value::Scalar(text, style) => {
            if *style == Style::Plain && plain_reading(text) != Reading::String {
                out.push('~');
            }
            let _ = write!(out, "{text:?}");
        }
        Value::List(items) => {
            out.push('[');
            for item in items {
                canonical_value(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.value.cmp(&b.key.value));
            out.push('{');
            for entry in sorted {
                let _ = write!(out, "{:?}:", entry.key.value);
                canonical_value(&entry.value, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}
