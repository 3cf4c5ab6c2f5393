//! A document against its schema.

use super::{METADATA, Schemas, format};
use crate::document::Document;
use crate::lint::{Lint, LintKind, bytes};
use crate::path::Path;
use crate::walk;
use gabion_yaml::{Data, Node};
use regex::Regex;
use std::collections::BTreeMap;

/// What is wrong with a document; nothing where no schema is known for it.
pub(crate) fn check(schemas: &Schemas<'_>, document: &Document) -> Option<Vec<Lint>> {
    let (schema, defined) = schemas.get(document)?;
    let secret = document.id.is("", "Secret");
    let mut walk = Walk {
        schemas,
        document,
        defined,
        secret,
        found: Vec::new(),
        optional: false,
        patterns: BTreeMap::new(),
    };
    let Data::Map(map) = &document.node.data else { return None };
    if defined {
        walk.custom(schema, map);
    } else {
        walk.value(schema, &document.node, &Path::default());
    }
    Some(walk.found)
}

type Map = BTreeMap<String, Node>;

struct Walk<'w> {
    schemas: &'w Schemas<'w>,
    document: &'w Document,
    /// Whether a definition says what is right, and not Kubernetes' own types.
    defined: bool,
    secret: bool,
    found: Vec<Lint>,
    /// Whether fields may be missing: below `status`, which others write.
    optional: bool,
    patterns: BTreeMap<String, Option<Regex>>,
}

impl Walk<'_> {
    fn tell(&mut self, kind: LintKind, node: &Node, path: &Path, why: String, help: String) {
        let at = (node.at.line > 0).then_some(node.at.start..node.at.end);
        let (object, from) = (self.document.id.clone(), self.document.from.clone());
        self.found.push(Lint { kind, object, from, path: path.clone(), at, why, help });
    }

    /// The value as it may be shown.
    fn shown(&self, node: &Node) -> String {
        if self.secret {
            return "this value".to_owned();
        }
        match &node.data {
            Data::Null => "`null`".to_owned(),
            Data::Bool(it) => format!("`{it}`"),
            Data::Int(it) => format!("`{it}`"),
            Data::Uint(it) => format!("`{it}`"),
            Data::Float(it) => format!("`{it}`"),
            Data::String(it) if it.len() <= 60 => format!("`{it}`"),
            Data::String(_) => "this text".to_owned(),
            Data::List(_) => "this list".to_owned(),
            Data::Map(_) => "this mapping".to_owned(),
        }
    }

    /// A custom resource: what every object has stands beside what its definition says.
    fn custom(&mut self, schema: &Node, map: &Map) {
        for (key, node) in map.iter().filter(|(_, it)| it.data != Data::Null) {
            let path = Path::default().key(key);
            match key.as_str() {
                "apiVersion" | "kind" => {}
                "metadata" => {
                    self.defined = false;
                    if let Some(metadata) = self.schemas.named(METADATA) {
                        self.value(metadata, node, &path);
                    }
                    self.defined = true;
                }
                _ => self.property(schema, key, node, &path, &[]),
            }
        }
        let root = &self.document.node;
        self.required(schema, root, map, &Path::default());
        self.values(schema, root, &Path::default());
    }

    /// A value that is there, against a schema.
    fn value(&mut self, schema: &Node, node: &Node, path: &Path) {
        if let Some(name) = text(schema, "$ref") {
            let schemas = self.schemas;
            match (schemas.named(name), name) {
                (_, "io.k8s.apimachinery.pkg.api.resource.Quantity") => self.quantity(node, path),
                (Some(schema), _) => self.value(schema, node, path),
                (None, _) => {}
            }
            return;
        }
        if node.data == Data::Null && (!self.defined || is_true(schema, "nullable")) {
            return;
        }
        if !self.is_of_type(schema, node, path) {
            return;
        }
        match &node.data {
            Data::Map(map) => self.mapping(schema, node, map, path),
            Data::List(list) => self.list(schema, list, path),
            _ => {}
        }
        self.values(schema, node, path);
    }

    fn quantity(&mut self, node: &Node, path: &Path) {
        let fine = match &node.data {
            Data::String(text) => bytes(text.strip_prefix('-').unwrap_or(text)).is_some(),
            Data::Int(_) | Data::Uint(_) | Data::Float(_) | Data::Null => true,
            _ => false,
        };
        if !fine {
            let why = format!("{} is no quantity", self.shown(node));
            self.tell(LintKind::BadValue, node, path, why, "write one as `500m`, `2` or `128Mi`".to_owned());
        }
    }

    fn is_of_type(&mut self, schema: &Node, node: &Node, path: &Path) -> bool {
        let either =
            is_true(schema, "x-kubernetes-int-or-string") || text(schema, "format") == Some("int-or-string");
        let wanted = if either { Some("integer or string") } else { text(schema, "type") };
        let Some(wanted) = wanted else { return true };
        let number = matches!(node.data, Data::Int(_) | Data::Uint(_) | Data::Float(_));
        let fine = match wanted {
            "string" => node.as_str().is_some(),
            "integer" => is_whole(node),
            "number" => number,
            "boolean" => matches!(node.data, Data::Bool(_)),
            "array" => matches!(node.data, Data::List(_)),
            "object" => matches!(node.data, Data::Map(_)),
            "integer or string" => is_whole(node) || node.as_str().is_some(),
            _ => true,
        };
        if !fine {
            let why = format!("{} is {}, and the field takes {}", self.shown(node), type_of(node), a(wanted));
            let help = match (&node.data, wanted) {
                (Data::String(it), "integer" | "number" | "boolean")
                    if is_plain(it, wanted) && !self.secret =>
                {
                    format!("write it without quotes: `{it}`")
                }
                (Data::Bool(_) | Data::Int(_) | Data::Uint(_) | Data::Float(_), "string") => {
                    "put it in quotes".to_owned()
                }
                _ => String::new(),
            };
            self.tell(LintKind::WrongType, node, path, why, help);
        }
        fine
    }

    fn mapping(&mut self, schema: &Node, node: &Node, map: &Map, path: &Path) {
        let embedded = is_true(schema, "x-kubernetes-embedded-resource");
        let own: &[&str] = if embedded { &["apiVersion", "kind", "metadata"] } else { &[] };
        for (key, value) in map {
            let below = path.key(key);
            let before = self.optional;
            self.optional |= key == "status" && path.steps().is_empty();
            self.property(schema, key, value, &below, own);
            self.optional = before;
        }
        self.required(schema, node, map, path);
    }

    /// One key of a mapping.
    fn property(&mut self, schema: &Node, key: &str, value: &Node, path: &Path, own: &[&str]) {
        let properties = schema.get("properties");
        if let Some(schema) = properties.and_then(|it| it.get(key)) {
            // What is null is taken for missing.
            if value.data != Data::Null {
                self.value(schema, value, path);
            }
            return;
        }
        match schema.get("additionalProperties").map(|it| &it.data) {
            Some(Data::Bool(true)) => return,
            Some(Data::Map(_)) => {
                // What is null is taken for missing here too.
                if let Some(schema) = schema.get("additionalProperties").filter(|_| value.data != Data::Null)
                {
                    self.value(schema, value, path);
                }
                return;
            }
            _ => {}
        }
        // Types without fields are those whose content Kubernetes does not look at; definitions say so apart.
        let open = is_true(schema, "x-kubernetes-preserve-unknown-fields")
            || (!self.defined && properties.is_none());
        if open || own.contains(&key) {
            return;
        }
        let known: Vec<&str> = match properties.map(|it| &it.data) {
            Some(Data::Map(map)) => map.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let close = known.iter().map(|it| (strsim::damerau_levenshtein(key, it), *it));
        let close = close.filter(|(far, it)| *far <= 2.max(it.len() / 3)).min();
        let help = match close {
            Some((_, it)) => format!("did you mean `{it}`?"),
            None if known.is_empty() => String::new(),
            None => format!("known here: {}", known.join(", ")),
        };
        self.tell(LintKind::UnknownField, value, path, format!("there is no field `{key}` here"), help);
    }

    fn required(&mut self, schema: &Node, node: &Node, map: &Map, path: &Path) {
        if self.optional {
            return;
        }
        for field in texts(schema, "required") {
            let of = schema.get("properties").and_then(|it| it.get(field));
            let may_be_null = of.is_some_and(|it| is_true(it, "nullable"));
            if map.get(field).is_none_or(|it| it.data == Data::Null && !may_be_null) {
                let why = format!("`{field}` is missing");
                self.tell(LintKind::MissingField, node, path, why, String::new());
            }
        }
    }

    fn list(&mut self, schema: &Node, list: &[Node], path: &Path) {
        let below = |index: usize| path.item(index, walk::label(list, index));
        if let Some(items) = schema.get("items") {
            for (index, item) in list.iter().enumerate() {
                self.value(items, item, &below(index));
            }
        }
        let keys: Vec<&str> = texts(schema, "x-kubernetes-list-map-keys").collect();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (index, item) in list.iter().enumerate() {
            let key = match text(schema, "x-kubernetes-list-type") {
                Some("map") if !keys.is_empty() => Self::key_of(schema, &keys, item),
                Some("set") => Some(format!("{:?}", plain(item))),
                _ => None,
            };
            let Some(key) = key else { continue };
            if let Some(first) = seen.insert(key, index) {
                let said = if keys.is_empty() || self.secret {
                    "the same value".to_owned()
                } else {
                    let one = |key: &&str| item.get(key).map(|it| format!("{key} {}", self.shown(it)));
                    keys.iter().filter_map(one).collect::<Vec<_>>().join(", ")
                };
                let why = format!("items {first} and {index} both have {said}");
                let help = "keep one of them: a server that merges lists by this key refuses both".to_owned();
                self.tell(LintKind::DuplicateItem, item, &below(index), why, help);
            }
        }
    }

    /// What tells an item of a list from the others.
    fn key_of(schema: &Node, keys: &[&str], item: &Node) -> Option<String> {
        let defaults = schema.get("x-defaults");
        let items = schema.get("items");
        let one = |key: &&str| {
            let default = || {
                let own = items.and_then(|it| it.get("properties")?.get(key)?.get("default"));
                defaults.and_then(|it| it.get(key)).or(own)
            };
            item.get(key)
                .filter(|it| it.data != Data::Null)
                .or_else(default)
                .map(|it| format!("{:?}", plain(it)))
        };
        let all: Vec<Option<String>> = keys.iter().map(one).collect();
        // Without any of its keys an item is not told apart; that they are missing is another finding.
        all.iter().any(Option::is_some).then(|| format!("{all:?}"))
    }

    /// Limits, choices and alternatives.
    fn values(&mut self, schema: &Node, node: &Node, path: &Path) {
        if let Some(Data::List(choices)) = schema.get("enum").map(|it| &it.data)
            && !choices.iter().any(|it| same(it, node))
            && (node.as_str() != Some("") || self.defined)
        {
            let shown: Vec<String> = choices.iter().map(Self::choice).collect();
            let why = format!("{} is none of {}", self.shown(node), shown.join(", "));
            let close = node.as_str().and_then(|it| {
                choices.iter().filter_map(Node::as_str).find(|choice| choice.eq_ignore_ascii_case(it))
            });
            let help = close.map(|it| format!("did you mean `{it}`?")).unwrap_or_default();
            self.tell(LintKind::BadValue, node, path, why, help);
        }
        for why in self.limits(schema, node) {
            let why = format!("{} {why}", self.shown(node));
            self.tell(LintKind::BadValue, node, path, why, String::new());
        }
        self.alternatives(schema, node, path);
    }

    fn choice(node: &Node) -> String {
        match &node.data {
            Data::String(it) => format!("`{it}`"),
            other => format!("`{other:?}`"),
        }
    }

    fn limits(&mut self, schema: &Node, node: &Node) -> Vec<String> {
        let mut out = Vec::new();
        let limit = |key: &str| schema.get(key).and_then(number);
        let exclusive = |key: &str| is_true(schema, key);
        match &node.data {
            Data::String(it) => {
                let length = count(it.chars().count());
                out.extend(
                    limit("minLength")
                        .filter(|min| length < *min)
                        .map(|min| format!("is shorter than {min}")),
                );
                out.extend(
                    limit("maxLength").filter(|max| length > *max).map(|max| format!("is longer than {max}")),
                );
                if let Some(pattern) = text(schema, "pattern")
                    && self.pattern(pattern).is_some_and(|pattern| !pattern.is_match(it))
                {
                    out.push(format!("does not match `{pattern}`"));
                }
                out.extend(
                    text(schema, "format").and_then(|format| format::wrong(format, it)).map(str::to_owned),
                );
            }
            Data::Int(_) | Data::Uint(_) | Data::Float(_) => {
                let Some(it) = number(node) else { return out };
                let low = |min: &f64| if exclusive("exclusiveMinimum") { it <= *min } else { it < *min };
                let high = |max: &f64| if exclusive("exclusiveMaximum") { it >= *max } else { it > *max };
                out.extend(limit("minimum").filter(low).map(|min| format!("is less than {min}")));
                out.extend(limit("maximum").filter(high).map(|max| format!("is more than {max}")));
                let part = limit("multipleOf").filter(|part| *part > 0.0 && (it / part).fract() != 0.0);
                out.extend(part.map(|part| format!("is no multiple of {part}")));
                let (min, max) = (f64::from(i32::MIN), f64::from(i32::MAX));
                // The API server does not hold what is defined to it.
                if !self.defined && text(schema, "format") == Some("int32") && !(min..=max).contains(&it) {
                    out.push("is beyond 32 bits".to_owned());
                }
            }
            Data::List(list) => {
                let length = count(list.len());
                out.extend(
                    limit("minItems")
                        .filter(|min| length < *min)
                        .map(|min| format!("has fewer than {min} items")),
                );
                out.extend(
                    limit("maxItems")
                        .filter(|max| length > *max)
                        .map(|max| format!("has more than {max} items")),
                );
            }
            Data::Map(map) => {
                let length = count(map.len());
                out.extend(
                    limit("minProperties")
                        .filter(|min| length < *min)
                        .map(|min| format!("has fewer than {min} keys")),
                );
                out.extend(
                    limit("maxProperties")
                        .filter(|max| length > *max)
                        .map(|max| format!("has more than {max} keys")),
                );
            }
            _ => {}
        }
        out
    }

    /// `allOf`, `anyOf`, `oneOf`, `not`: they say nothing about which fields there are.
    fn alternatives(&mut self, schema: &Node, node: &Node, path: &Path) {
        // Kubernetes' own types use them for what `format` says already.
        if !self.defined {
            return;
        }
        for part in nodes(schema, "allOf") {
            let found = self.apart(part, node, path);
            self.found.extend(found);
        }
        let mut wrong = Vec::new();
        for (key, words) in [
            ("anyOf", "fits none of the alternatives"),
            ("oneOf", "must fit one of the alternatives and no other"),
        ] {
            let parts = nodes(schema, key);
            let fit = parts.iter().filter(|it| self.apart(it, node, path).is_empty()).count();
            if !parts.is_empty() && (fit == 0 || (key == "oneOf" && fit > 1)) {
                let needs: Vec<String> = parts.iter().filter_map(needs).collect();
                wrong.push((words, needs));
            }
        }
        if schema.get("not").is_some_and(|it| self.apart(it, node, path).is_empty()) {
            wrong.push(("is what the schema excludes", Vec::new()));
        }
        for (words, needs) in wrong {
            let why = format!("{} {words} that its definition names", self.shown(node));
            let why =
                if words.starts_with("is what") { format!("{} {words}", self.shown(node)) } else { why };
            let help =
                if needs.is_empty() { String::new() } else { format!("they need {}", needs.join("; or ")) };
            self.tell(LintKind::BadValue, node, path, why, help);
        }
    }

    /// What is wrong with the values by a schema that names no new fields.
    fn apart(&mut self, schema: &Node, node: &Node, path: &Path) -> Vec<Lint> {
        let before = std::mem::take(&mut self.found);
        self.value(schema, node, path);
        let found = std::mem::replace(&mut self.found, before);
        found.into_iter().filter(|it| it.kind != LintKind::UnknownField).collect()
    }

    /// A pattern of ECMAScript, which these are nearly always as they are.
    fn pattern(&mut self, text: &str) -> Option<&Regex> {
        let read = || regex::RegexBuilder::new(text).size_limit(1 << 20).build().ok();
        self.patterns.entry(text.to_owned()).or_insert_with(read).as_ref()
    }
}

/// The fields that an alternative asks for, in words.
fn needs(schema: &Node) -> Option<String> {
    let fields: Vec<String> = texts(schema, "required").map(|it| format!("`{it}`")).collect();
    (!fields.is_empty()).then(|| fields.join(" and "))
}

fn text<'n>(schema: &'n Node, key: &str) -> Option<&'n str> {
    schema.get(key)?.as_str()
}

fn nodes<'n>(schema: &'n Node, key: &str) -> &'n [Node] {
    match schema.get(key).map(|it| &it.data) {
        Some(Data::List(list)) => list,
        _ => &[],
    }
}

fn texts<'n>(schema: &'n Node, key: &str) -> impl Iterator<Item = &'n str> {
    nodes(schema, key).iter().filter_map(Node::as_str)
}

fn is_true(schema: &Node, key: &str) -> bool {
    schema.get(key).is_some_and(|it| it.data == Data::Bool(true))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "limits are small; JSON's numbers are floats to the server too"
)]
fn number(node: &Node) -> Option<f64> {
    match &node.data {
        Data::Int(it) => Some(*it as f64),
        Data::Uint(it) => Some(*it as f64),
        Data::Float(it) => Some(*it),
        _ => None,
    }
}

fn is_whole(node: &Node) -> bool {
    number(node).is_some_and(|it| it.fract() == 0.0)
}

/// A length as limits are compared with it.
fn count(length: usize) -> f64 {
    u32::try_from(length).map_or(f64::INFINITY, f64::from)
}

/// A value without places.
#[derive(Debug, PartialEq)]
enum Plain<'n> {
    Null,
    Bool(bool),
    Number(f64),
    Text(&'n str),
    List(Vec<Plain<'n>>),
    Map(Vec<(&'n str, Plain<'n>)>),
}

fn plain(node: &Node) -> Plain<'_> {
    match &node.data {
        Data::Null => Plain::Null,
        Data::Bool(it) => Plain::Bool(*it),
        Data::String(it) => Plain::Text(it),
        Data::List(list) => Plain::List(list.iter().map(plain).collect()),
        Data::Map(map) => Plain::Map(map.iter().map(|(key, it)| (key.as_str(), plain(it))).collect()),
        Data::Int(_) | Data::Uint(_) | Data::Float(_) => number(node).map_or(Plain::Null, Plain::Number),
    }
}

fn same(a: &Node, b: &Node) -> bool {
    plain(a) == plain(b)
}

fn type_of(node: &Node) -> &'static str {
    match &node.data {
        Data::Null => "nothing",
        Data::Bool(_) => "a truth value",
        Data::Int(_) | Data::Uint(_) | Data::Float(_) => "a number",
        Data::String(_) => "a text",
        Data::List(_) => "a list",
        Data::Map(_) => "a mapping",
    }
}

fn a(wanted: &str) -> &'static str {
    match wanted {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "a mapping",
        _ => "a whole number or a text",
    }
}

/// Whether a text without its quotes would be of this type.
fn is_plain(text: &str, wanted: &str) -> bool {
    match wanted {
        "boolean" => matches!(text, "true" | "false"),
        "integer" => text.parse::<i64>().is_ok(),
        _ => text.parse::<f64>().is_ok(),
    }
}
