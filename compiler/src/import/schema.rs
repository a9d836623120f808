//! A JSON Schema becomes parameters: what the model has a type for gets it, and all else is `opaque`, with the reason.
//!
//! A narrower type than the server's is safe, since a value that does not fit makes the condition err, which denies; a
//! wider one is not. So constraints (lengths, patterns, bounds) may be lost, and structure may not.

use std::collections::BTreeSet;

use super::json::Json;
use super::{Remark, listing, nowhere};
use crate::ast::{Param, ParamType, Text};
use crate::parse::scalar;
use crate::report::visible;
use crate::resolve::shape;

/// How many parameters, fields and enum values one document may get. The largest servers have some thousands.
pub const MAX_TYPED: usize = 50_000;
/// How many references may lead to each other. It bounds the recursion.
const MAX_REFERENCES: usize = 128;
/// How much stack is left when more is taken, and how much: what lies between two references nests at most
/// [`super::json::MAX_DEPTH`] deep.
const RED_ZONE: usize = 512 << 10;
const GROWTH: usize = 2 << 20;

/// Reads schemas, and counts what they come to.
#[derive(Debug)]
pub struct Types {
    left: usize,
}

/// What a schema comes to.
struct Typed {
    ty: ParamType,
    /// It may be null, which is as good as absent.
    nullable: bool,
    /// Why it is opaque, or another remark.
    because: Option<String>,
}

/// Where a schema stands: the model nests no deeper.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Parameter,
    Field,
    Entry,
}

impl Types {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self { left: MAX_TYPED }
    }

    /// The parameters of an action, in the order of its schema.
    ///
    /// # Errors
    /// As the end of a sentence: what cannot be followed, and what is too much.
    pub fn parameters(
        &mut self,
        action: &str,
        schema: Option<&Json>,
        remarks: &mut Vec<Remark>,
    ) -> Result<Vec<(Text, Param)>, String> {
        let Some(root) = schema else {
            remarks.push(Remark {
                place: action.to_owned(),
                text: "declares no arguments, so that every argument is denied".to_owned(),
            });
            return Ok(Vec::new());
        };
        References::follow(root)?;
        let object = self.target(root, root);
        match object.get("type") {
            None => {}
            Some(Json::String(ty)) if ty == "object" => {}
            Some(_) => return Err("is of no object: arguments are one".to_owned()),
        }
        let mut reader = Reader {
            types: self,
            root,
            remarks,
        };
        reader.loose(object, action);
        let params = reader.fields(object, action, Level::Parameter)?;
        if shape::build(&params, None).is_none() {
            return Err(format!("has more than {} parameters", shape::MAX_SLOTS));
        }
        Ok(params)
    }

    /// Where a schema leads that is nothing but a reference. The references were followed before, so they end.
    fn target<'j>(&self, schema: &'j Json, root: &'j Json) -> &'j Json {
        let mut schema = schema;
        while let Some(target) = alone(schema).and_then(|pointer| pointed(root, pointer)) {
            schema = target;
        }
        schema
    }

    fn take(&mut self, count: usize) -> Result<(), String> {
        let left = self.left.checked_sub(count);
        self.left = left.ok_or_else(|| format!("is one too many: all together hold more than {MAX_TYPED} values"))?;
        Ok(())
    }
}

impl Default for Types {
    fn default() -> Self {
        Self::new()
    }
}

struct Reader<'r> {
    types: &'r mut Types,
    root: &'r Json,
    remarks: &'r mut Vec<Remark>,
}

impl Reader<'_> {
    fn remark(&mut self, place: &str, text: impl Into<String>) {
        self.remarks.push(Remark {
            place: place.to_owned(),
            text: text.into(),
        });
    }

    /// What the arguments of an action may hold beside its `properties`.
    fn loose(&mut self, object: &Json, action: &str) {
        let open = object.get("additionalProperties");
        if !matches!(open, None | Some(Json::Bool(false))) || object.get("patternProperties").is_some() {
            self.remark(
                action,
                "takes arguments that it does not name: they are denied, unless the tool says `strict: false`",
            );
        }
        for keyword in ["allOf", "anyOf", "oneOf", "if", "dependentSchemas"] {
            if object.get(keyword).is_some() {
                self.remark(
                    action,
                    format!("has an `{keyword}` around its arguments: what only that names is denied"),
                );
            }
        }
    }

    /// The properties of an object as parameters or fields.
    fn fields(&mut self, object: &Json, place: &str, level: Level) -> Result<Vec<(Text, Param)>, String> {
        let properties = match object.get("properties") {
            None => return Ok(Vec::new()),
            Some(properties @ Json::Object(_)) => properties.members(),
            Some(other) => return Err(format!("has `properties` that are {}", other.what())),
        };
        if properties.len() > usize::from(shape::MAX_SLOTS) {
            return Err(format!("has more than {} parameters", shape::MAX_SLOTS));
        }
        self.types.take(properties.len())?;
        let required = object.get("required").map(Json::entries).unwrap_or_default();
        let required: BTreeSet<&str> = required.iter().filter_map(Json::as_str).collect();
        let mut params = Vec::new();
        for (name, schema) in properties {
            listing::plain(name, "the name of a parameter").map_err(|why| format!("cannot be taken: {why}"))?;
            let place = format!("{place}.{name}");
            let refused = if !scalar::is_foreign_name(name) {
                Some("a parameter's name is made of letters, digits, `_`, `-` and `.`, a point not first, at most 128")
            } else if *schema == Json::Bool(false) {
                Some("its schema takes no value")
            } else {
                None
            };
            if let Some(why) = refused {
                self.remark(&place, format!("is left out, so that a call with it is denied: {why}"));
                continue;
            }
            let typed = self.typed(schema, &place, level)?;
            if let Some(because) = typed.because {
                let text = match typed.ty {
                    ParamType::Opaque => format!("is opaque, invisible to conditions: {because}"),
                    _ => because,
                };
                self.remark(&place, text);
            }
            let param = Param {
                ty: nowhere(typed.ty),
                optional: typed.nullable || !required.contains(name.as_str()),
                description: None,
            };
            params.push((nowhere(name.clone()), param));
        }
        while let Some((taken, list)) = shape::taken_name(&params).filter(|_| level == Level::Parameter) {
            let text = format!(
                "is left out, so that a call with it is denied: beside `{}` the name is taken by what is derived from it",
                list.value
            );
            let taken = taken.value.clone();
            self.remark(&format!("{place}.{taken}"), text);
            params.retain(|(name, _)| name.value != taken);
        }
        Ok(params)
    }

    fn typed(&mut self, schema: &Json, place: &str, level: Level) -> Result<Typed, String> {
        let members = match schema {
            Json::Bool(true) => return Ok(opaque("its schema takes any value")),
            Json::Object(members) => members,
            other => {
                return Err(format!(
                    "has {} where a schema is asked for, at `{place}`",
                    other.what()
                ));
            }
        };
        let nullable = schema.get("nullable") == Some(&Json::Bool(true));
        let typed = if schema.get("$ref").is_some() {
            match alone(schema).and_then(|pointer| pointed(self.root, pointer)) {
                Some(target) => stacker::maybe_grow(RED_ZONE, GROWTH, || self.typed(target, place, level))?,
                None => opaque("a `$ref` stands beside other keywords"),
            }
        } else if let Some(all) = schema.get("allOf") {
            let beside = members
                .iter()
                .any(|(key, _)| key != "allOf" && !ANNOTATIONS.contains(&key.as_str()));
            match all.entries() {
                [one] if !beside => self.typed(one, place, level)?,
                _ => opaque("it must fit several schemas at once (`allOf`)"),
            }
        } else {
            self.by_type(schema, place, level)?
        };
        Ok(Typed {
            nullable: typed.nullable || nullable,
            ..typed
        })
    }

    fn by_type(&mut self, schema: &Json, place: &str, level: Level) -> Result<Typed, String> {
        let mut types: Vec<&str> = match schema.get("type") {
            None => Vec::new(),
            Some(Json::String(ty)) => vec![ty],
            Some(Json::Array(all)) => all.iter().filter_map(Json::as_str).collect(),
            Some(other) => return Err(format!("has a `type` that is {}, at `{place}`", other.what())),
        };
        let mut nullable = types.contains(&"null");
        types.retain(|ty| *ty != "null");
        let values = self.values(schema)?;
        nullable |= values
            .as_ref()
            .is_some_and(|values| values.iter().any(|value| **value == Json::Null));
        let composed = ["anyOf", "oneOf"].into_iter().find(|key| schema.get(key).is_some());
        let typed = match (types.as_slice(), composed) {
            ([], Some(key)) => self.union(schema, key, place, level)?,
            (["object" | "array"], Some(key)) => opaque(&format!("it is one of several (`{key}`)")),
            (["integer", "number"] | ["number", "integer"], _) => plain(ParamType::Decimal),
            ([], None) if schema.get("properties").is_some() => self.record(schema, place, level)?,
            ([], None) => match values {
                Some(values) => enumerated(&values),
                None => opaque("its schema names no type"),
            },
            (["string"], _) => match values {
                Some(values) => enumerated(&values),
                None => plain(formatted(schema.get("format").and_then(Json::as_str))),
            },
            (["integer"], _) => plain(ParamType::Int),
            (["number"], _) => plain(ParamType::Decimal),
            (["boolean"], _) => plain(ParamType::Bool),
            (["array"], None) => self.list(schema, place, level)?,
            (["object"], None) => self.record(schema, place, level)?,
            ([other], _) => opaque(&format!("JSON Schema has no type `{}`", visible::line(other))),
            _ => opaque("it may be of several types"),
        };
        Ok(Typed {
            nullable: nullable || typed.nullable,
            ..typed
        })
    }

    /// The values that a schema lists, if it does.
    fn values<'j>(&mut self, schema: &'j Json) -> Result<Option<Vec<&'j Json>>, String> {
        let values = match (schema.get("enum"), schema.get("const")) {
            (Some(Json::Array(values)), _) => values.iter().collect(),
            (None, Some(value)) => vec![value],
            _ => return Ok(None),
        };
        self.types.take(values.len())?;
        Ok(Some(values))
    }

    /// `anyOf` and `oneOf`: one thing or null, several lists of words, or a union.
    fn union(&mut self, schema: &Json, key: &str, place: &str, level: Level) -> Result<Typed, String> {
        let because = format!("it is one of several (`{key}`)");
        let is_null = |schema: &&Json| schema.get("type").and_then(Json::as_str) == Some("null");
        let all = schema.get(key).map(Json::entries).unwrap_or_default();
        let (nulls, rest): (Vec<&Json>, Vec<&Json>) = all.iter().partition(is_null);
        let nullable = !nulls.is_empty();
        if schema.get("properties").is_some() || rest.is_empty() {
            return Ok(opaque(&because));
        }
        if let [one] = rest.as_slice() {
            let typed = self.typed(one, place, level)?;
            return Ok(Typed {
                nullable: nullable || typed.nullable,
                ..typed
            });
        }
        let mut words: Vec<Text> = Vec::new();
        let mut nullable = nullable;
        for one in rest {
            // A record within a union is not read: nothing would come of it.
            let scalar = one.get("enum").or(one.get("const")).is_some();
            let typed = if scalar {
                self.typed(one, place, level)?
            } else {
                opaque("")
            };
            let ParamType::Enum(more) = typed.ty else {
                return Ok(Typed {
                    nullable,
                    ..opaque(&because)
                });
            };
            nullable |= typed.nullable;
            words.extend(more);
        }
        let mut seen = BTreeSet::new();
        words.retain(|word| seen.insert(word.value.clone()));
        Ok(Typed {
            nullable,
            ..plain(ParamType::Enum(words))
        })
    }

    fn list(&mut self, schema: &Json, place: &str, level: Level) -> Result<Typed, String> {
        if level == Level::Entry {
            return Ok(opaque("it is a list of lists"));
        }
        if schema.get("prefixItems").is_some() {
            return Ok(opaque("its entries differ by their place"));
        }
        let entry = match schema.get("items") {
            None => return Ok(opaque("it is a list of anything")),
            Some(Json::Array(_)) => return Ok(opaque("its entries differ by their place")),
            Some(entry) => self.typed(entry, place, Level::Entry)?,
        };
        Ok(match entry.ty {
            ParamType::Opaque => {
                let because = entry.because.unwrap_or_default();
                // What is a list of records or lists says so itself; of a union it says more.
                if because.starts_with("it is a list of") {
                    opaque(&because)
                } else {
                    opaque(&format!("of an entry, {because}"))
                }
            }
            _ if entry.nullable => opaque("its entries may be null"),
            ty => Typed {
                because: entry.because,
                ..plain(ParamType::List(Box::new(ty)))
            },
        })
    }

    fn record(&mut self, schema: &Json, place: &str, level: Level) -> Result<Typed, String> {
        match level {
            Level::Parameter => {}
            Level::Field => return Ok(opaque("it is a record within a record")),
            Level::Entry => return Ok(opaque("it is a list of records")),
        }
        let open = schema.get("additionalProperties");
        if !matches!(open, None | Some(Json::Bool(false))) || schema.get("patternProperties").is_some() {
            return Ok(opaque("it takes keys that its schema does not name"));
        }
        let fields = self.fields(schema, place, Level::Field)?;
        Ok(if fields.is_empty() {
            opaque("it is an object whose keys its schema does not name")
        } else {
            plain(ParamType::Record(fields))
        })
    }
}

/// What says nothing of the values.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "nullable",
];

/// Whether a keyword says nothing of the values. Those that begin with `x-` are somebody's own.
fn annotates(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

/// The reference that a schema is, where nothing beside it says anything of the values.
fn alone(schema: &Json) -> Option<&str> {
    const NAMES: &[&str] = &["$ref", "$defs", "definitions", "$schema", "$id"];
    let mut keywords = schema.members().iter().map(|(keyword, _)| keyword.as_str());
    let alone = keywords.all(|keyword| annotates(keyword) || NAMES.contains(&keyword));
    schema.get("$ref")?.as_str().filter(|_| alone)
}

fn plain(ty: ParamType) -> Typed {
    Typed {
        ty,
        nullable: false,
        because: None,
    }
}

fn opaque(because: &str) -> Typed {
    Typed {
        ty: ParamType::Opaque,
        nullable: false,
        because: Some(because.to_owned()),
    }
}

/// The type of a string. A format that the model reads as more than text gets that type: what does not fit it makes a
/// condition err. `date`, ISO 8601's `duration`, `uri-reference` and the rest have none, and are text.
fn formatted(format: Option<&str>) -> ParamType {
    match format {
        Some("date-time") => ParamType::DateTime,
        Some("email") => ParamType::Email,
        Some("ipv4" | "ipv6" | "ip") => ParamType::Ip,
        Some("hostname") => ParamType::Host,
        Some("uri" | "url") => ParamType::Url,
        _ => ParamType::String { fold: false },
    }
}

/// A list of words, where a document can hold each.
fn enumerated(values: &[&Json]) -> Typed {
    let values: Vec<&Json> = values.iter().copied().filter(|value| **value != Json::Null).collect();
    let whole = |value: &&Json| matches!(value, Json::Number(number) if number.fract() == 0.0);
    if !values.is_empty() && values.iter().all(whole) {
        return plain(ParamType::Int);
    }
    let words: Option<Vec<&str>> = values.iter().map(|value| value.as_str()).collect();
    let Some(mut words) = words.filter(|words| !words.is_empty()) else {
        return opaque("its values are of several types");
    };
    if let Some(odd) = words
        .iter()
        .find(|word| word.trim().is_empty() || visible::line(word) != **word)
    {
        let shown = visible::line(odd);
        return Typed {
            because: Some(format!(
                "may be any string: of the values that it lists, `{shown}` cannot be written down"
            )),
            ..plain(ParamType::String { fold: false })
        };
    }
    let mut seen = BTreeSet::new();
    words.retain(|word| seen.insert(*word));
    plain(ParamType::Enum(
        words.into_iter().map(|word| nowhere(word.to_owned())).collect(),
    ))
}

/// Follows every reference of a schema once, so that whoever reads it later comes to an end.
struct References<'j> {
    root: &'j Json,
    /// Schemas that lie on the way, and those that were left behind, by their place in memory.
    open: BTreeSet<*const Json>,
    done: BTreeSet<*const Json>,
}

impl<'j> References<'j> {
    fn follow(root: &'j Json) -> Result<(), String> {
        let mut references = References {
            root,
            open: BTreeSet::new(),
            done: BTreeSet::new(),
        };
        references.schema(root, 0)
    }

    fn schema(&mut self, schema: &'j Json, followed: usize) -> Result<(), String> {
        let place = std::ptr::from_ref(schema);
        if self.done.contains(&place) {
            return Ok(());
        }
        self.open.insert(place);
        for (key, value) in schema.members() {
            match key.as_str() {
                "$ref" => self.reference(value, followed)?,
                "$dynamicRef" | "$recursiveRef" => return Err(format!("uses `{key}`, which is not followed")),
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    value
                        .members()
                        .iter()
                        .try_for_each(|(_, inner)| self.schema(inner, followed))?;
                }
                "items"
                | "additionalItems"
                | "prefixItems"
                | "allOf"
                | "anyOf"
                | "oneOf"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "additionalProperties"
                | "propertyNames"
                | "unevaluatedItems"
                | "unevaluatedProperties" => match value {
                    Json::Array(entries) => entries.iter().try_for_each(|inner| self.schema(inner, followed))?,
                    _ => self.schema(value, followed)?,
                },
                _ => {}
            }
        }
        self.open.remove(&place);
        self.done.insert(place);
        Ok(())
    }

    fn reference(&mut self, pointer: &'j Json, followed: usize) -> Result<(), String> {
        let Some(pointer) = pointer.as_str() else {
            return Err("has a `$ref` that is no string".to_owned());
        };
        let shown = visible::line(pointer);
        if !pointer.starts_with('#') {
            return Err(format!("refers to `{shown}`, outside of itself: that is not fetched"));
        }
        let Some(target) = pointed(self.root, pointer) else {
            return Err(format!("refers to `{shown}`, which it does not have"));
        };
        if self.open.contains(&std::ptr::from_ref(target)) {
            return Err(format!("refers to `{shown}`, which leads back to itself"));
        }
        if followed == MAX_REFERENCES {
            return Err(format!(
                "has more than {MAX_REFERENCES} references that lead to each other"
            ));
        }
        stacker::maybe_grow(RED_ZONE, GROWTH, || self.schema(target, followed + 1))
    }
}

/// What a JSON pointer in a fragment points at: `#/$defs/name`.
fn pointed<'j>(root: &'j Json, pointer: &str) -> Option<&'j Json> {
    let path = pointer.strip_prefix('#')?;
    if path.is_empty() {
        return Some(root);
    }
    let mut found = root;
    for segment in path.strip_prefix('/')?.split('/') {
        let name = segment.replace("~1", "/").replace("~0", "~");
        found = match found {
            Json::Object(_) => found.get(&name)?,
            Json::Array(entries) => entries.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(found)
}
