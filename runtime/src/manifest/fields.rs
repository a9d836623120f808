//! The fields of signed JSON files, taken one by one, so that one that is left over or missing is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Compiler, Grace, Manifest, Scope, Section, Serial, Source, Trail, Version};
use crate::value::Effect;
use crate::wire::json::Json;
use crate::wire::{Digest, Timestamp};

/// The JSON form of a manifest.
pub(super) fn write(manifest: &Manifest) -> Json {
    let Manifest {
        organization,
        serial,
        issued,
        expires,
        grace,
        format,
        min_runtime,
        source,
        compiler,
        ..
    } = manifest;
    let Manifest {
        trail,
        previous,
        attested,
        scope,
        least_orders,
        features,
        sections,
        ..
    } = manifest;
    let mut json = Json::object([
        ("organization", Json::string(organization)),
        (
            "serial",
            Json::object([("epoch", count(serial.epoch)), ("steps", count(serial.steps))]),
        ),
        ("issued", Json::string(issued.to_string())),
        ("expires", Json::string(expires.to_string())),
        ("grace", grace.as_ref().map_or(Json::Null, write_grace)),
        ("format", Json::Int(i64::from(*format))),
        ("min_runtime", Json::string(min_runtime.to_string())),
        (
            "source",
            Json::object([
                ("repository", text_or_null(&source.repository)),
                ("ref", text_or_null(&source.reference)),
                ("commit", text_or_null(&source.commit)),
                ("tree", text_or_null(&source.tree)),
            ]),
        ),
        (
            "compiler",
            Json::object([
                ("version", Json::string(&compiler.version)),
                ("digest", digest_or_null(&compiler.digest)),
            ]),
        ),
        ("trail", trail.as_ref().map_or(Json::Null, write_trail)),
        ("previous", digest_or_null(previous)),
        ("attested", Json::Bool(*attested)),
        ("scope", scope.as_ref().map_or(Json::Null, write_scope)),
        ("least_orders", count(*least_orders)),
        (
            "sections",
            Json::Object(
                sections
                    .iter()
                    .map(|(name, one)| (name.clone(), write_section(one)))
                    .collect(),
            ),
        ),
    ]);
    if let Json::Object(members) = &mut json
        && !features.is_empty()
    {
        let names = features.iter().map(Json::string).collect();
        members.insert("features".to_owned(), Json::Array(names));
    }
    json
}

fn write_grace(grace: &Grace) -> Json {
    let effects = grace.effects.iter().map(|effect| Json::string(effect.as_str()));
    Json::object([
        ("until", Json::string(grace.until.to_string())),
        ("effects", Json::Array(effects.collect())),
    ])
}

fn write_trail(trail: &Trail) -> Json {
    Json::object([
        ("checkpoint", text_or_null(&trail.checkpoint)),
        ("introductory", Json::string(&trail.introductory)),
        ("steps", count(trail.steps)),
    ])
}

fn write_scope(scope: &Scope) -> Json {
    let (kind, name) = match scope {
        Scope::Team(name) => ("team", name),
        Scope::Environment(name) => ("environment", name),
        Scope::Agent(name) => ("agent", name),
    };
    Json::object([("kind", Json::string(kind)), ("name", Json::string(name))])
}

fn write_section(section: &Section) -> Json {
    Json::object([
        ("sha256", Json::string(section.sha256.to_string())),
        ("length", count(section.length)),
    ])
}

/// A count as an integer. Beyond 63 bits it is written as the greatest there is, which reads back as another value and
/// so fails the compiler's check of its own output; no count comes near.
pub(crate) fn count(value: u64) -> Json {
    Json::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(crate) fn text_or_null(text: &Option<String>) -> Json {
    text.as_ref().map_or(Json::Null, Json::string)
}

fn digest_or_null(digest: &Option<Digest>) -> Json {
    digest.map_or(Json::Null, |digest| Json::string(digest.to_string()))
}

/// A manifest from its JSON form.
pub(super) fn read(json: Json) -> Result<Manifest, FieldError> {
    Fields::read("", json, |f| {
        Ok(Manifest {
            organization: f.text("organization")?,
            serial: f.object("serial", |f| {
                Ok(Serial {
                    epoch: f.count("epoch")?,
                    steps: f.count("steps")?,
                })
            })?,
            issued: f.time("issued")?,
            expires: f.time("expires")?,
            grace: f.nullable("grace", |f, name| f.object(name, read_grace))?,
            format: u32::try_from(f.count("format")?).map_err(|_| f.wrong("format", "a 32-bit number"))?,
            min_runtime: f.parsed("min_runtime", "a version such as `1.2.3`", Version::parse)?,
            source: f.object("source", |f| {
                Ok(Source {
                    repository: f.nullable("repository", Fields::text)?,
                    reference: f.nullable("ref", Fields::text)?,
                    commit: f.nullable("commit", Fields::text)?,
                    tree: f.nullable("tree", Fields::text)?,
                })
            })?,
            compiler: f.object("compiler", |f| {
                Ok(Compiler {
                    version: f.text("version")?,
                    digest: f.nullable("digest", Fields::digest)?,
                })
            })?,
            trail: f.nullable("trail", |f, name| {
                f.object(name, |f| {
                    Ok(Trail {
                        checkpoint: f.nullable("checkpoint", Fields::text)?,
                        introductory: f.text("introductory")?,
                        steps: f.count("steps")?,
                    })
                })
            })?,
            previous: f.nullable("previous", Fields::digest)?,
            attested: f.boolean("attested")?,
            scope: f.nullable("scope", |f, name| f.object(name, read_scope))?,
            least_orders: f.count("least_orders")?,
            features: read_features(f)?,
            sections: f.object("sections", |f| {
                f.each(|f, name| {
                    f.object(name, |f| {
                        Ok(Section {
                            sha256: f.digest("sha256")?,
                            length: f.count("length")?,
                        })
                    })
                })
            })?,
        })
    })
}

fn read_grace(f: &mut Fields) -> Result<Grace, FieldError> {
    let until = f.time("until")?;
    let mut effects = BTreeSet::new();
    for item in f.array("effects")? {
        let effect = Effect::ALL
            .into_iter()
            .find(|effect| item == Json::string(effect.as_str()))
            .ok_or_else(|| f.wrong("effects", "a list of `read`, `write` and `destructive`"))?;
        if effects.last().is_some_and(|last| *last >= effect) {
            return Err(f.wrong("effects", "a list in order, without repetitions"));
        }
        effects.insert(effect);
    }
    Ok(Grace { until, effects })
}

fn read_features(f: &mut Fields) -> Result<BTreeSet<String>, FieldError> {
    let mut features = BTreeSet::new();
    if !f.has("features") {
        return Ok(features);
    }
    for item in f.array("features")? {
        let Json::String(name) = item else {
            return Err(f.wrong("features", "a list of names"));
        };
        if features.last().is_some_and(|last| *last >= name) {
            return Err(f.wrong("features", "a list in order, without repetitions"));
        }
        features.insert(name);
    }
    if features.is_empty() {
        return Err(f.wrong("features", "left out where it is empty"));
    }
    Ok(features)
}

fn read_scope(f: &mut Fields) -> Result<Scope, FieldError> {
    let (kind, name) = (f.text("kind")?, f.text("name")?);
    match kind.as_str() {
        "team" => Ok(Scope::Team(name)),
        "environment" => Ok(Scope::Environment(name)),
        "agent" => Ok(Scope::Agent(name)),
        _ => Err(f.wrong("kind", "`team`, `environment` or `agent`")),
    }
}

/// Why the fields of an object are not those that are read. The path names the field: `serial.epoch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldError {
    /// Not there.
    Missing {
        /// The field.
        path: String,
    },
    /// Not one that exists.
    Unknown {
        /// The field.
        path: String,
    },
    /// There, and not of its type.
    Wrong {
        /// The field.
        path: String,
        /// What it must be.
        expected: &'static str,
    },
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "the field `{path}` is missing"),
            Self::Unknown { path } => write!(f, "there is no field `{}`", path.escape_debug()),
            Self::Wrong { path, expected } => write!(f, "`{}` must be {expected}", path.escape_debug()),
        }
    }
}

impl std::error::Error for FieldError {}

/// The members of an object that were not taken yet.
pub(crate) struct Fields {
    path: String,
    members: BTreeMap<String, Json>,
}

impl Fields {
    /// Reads an object whose members are exactly those that `body` takes.
    pub(crate) fn read<T>(
        path: &str,
        json: Json,
        body: impl FnOnce(&mut Fields) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let Json::Object(members) = json else {
            let path = if path.is_empty() { "the file" } else { path };
            return Err(FieldError::Wrong {
                path: path.to_owned(),
                expected: "an object",
            });
        };
        let mut fields = Fields {
            path: path.to_owned(),
            members,
        };
        let value = body(&mut fields)?;
        match fields.members.keys().next() {
            None => Ok(value),
            Some(name) => Err(FieldError::Unknown {
                path: fields.path_of(name),
            }),
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<String, FieldError> {
        match self.take(name)? {
            Json::String(text) if !text.is_empty() => Ok(text),
            _ => Err(self.wrong(name, "a string that is not empty")),
        }
    }

    pub(crate) fn count(&mut self, name: &str) -> Result<u64, FieldError> {
        match self.take(name)? {
            Json::Int(value) => u64::try_from(value).map_err(|_| self.wrong(name, "a number that is not negative")),
            _ => Err(self.wrong(name, "a number")),
        }
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Result<bool, FieldError> {
        match self.take(name)? {
            Json::Bool(value) => Ok(value),
            _ => Err(self.wrong(name, "`true` or `false`")),
        }
    }

    pub(crate) fn array(&mut self, name: &str) -> Result<Vec<Json>, FieldError> {
        match self.take(name)? {
            Json::Array(items) => Ok(items),
            _ => Err(self.wrong(name, "a list")),
        }
    }

    pub(crate) fn parsed<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, FieldError> {
        match self.take(name)? {
            Json::String(text) => parse(&text).ok_or_else(|| self.wrong(name, expected)),
            _ => Err(self.wrong(name, expected)),
        }
    }

    pub(crate) fn time(&mut self, name: &str) -> Result<Timestamp, FieldError> {
        self.parsed(name, "a moment such as `2026-11-22T09:30:00Z`", Timestamp::parse)
    }

    pub(crate) fn digest(&mut self, name: &str) -> Result<Digest, FieldError> {
        self.parsed(name, "64 lower-case hexadecimal digits", Digest::parse)
    }

    pub(crate) fn object<T>(
        &mut self,
        name: &str,
        body: impl FnOnce(&mut Fields) -> Result<T, FieldError>,
    ) -> Result<T, FieldError> {
        let json = self.take(name)?;
        Fields::read(&self.path_of(name), json, body)
    }

    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields, &str) -> Result<T, FieldError>,
    ) -> Result<Option<T>, FieldError> {
        if self.members.get(name) == Some(&Json::Null) {
            self.members.remove(name);
            return Ok(None);
        }
        read(self, name).map(Some)
    }

    /// Whether a member that may be left out is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Reads every member alike, whatever its name.
    pub(crate) fn each<T>(
        &mut self,
        read: impl Fn(&mut Fields, &str) -> Result<T, FieldError>,
    ) -> Result<BTreeMap<String, T>, FieldError> {
        let names: Vec<String> = self.members.keys().cloned().collect();
        names
            .into_iter()
            .map(|name| Ok((name.clone(), read(self, &name)?)))
            .collect()
    }

    pub(crate) fn wrong(&self, name: &str, expected: &'static str) -> FieldError {
        FieldError::Wrong {
            path: self.path_of(name),
            expected,
        }
    }

    fn take(&mut self, name: &str) -> Result<Json, FieldError> {
        self.members.remove(name).ok_or_else(|| FieldError::Missing {
            path: self.path_of(name),
        })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}
