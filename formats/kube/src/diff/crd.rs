//! Definitions of kinds: versions that come and go, fields that objects lose.

use super::structure::{one_line, same};
use super::{Danger, ObjectChange};
use crate::document::{Document, field};
use crate::path::Path;
use crate::pods::{items, texts};
use gabion_yaml::{Data, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Tells the difference of two definitions in words, and what endangers objects.
pub(super) fn compare(old: &Document, new: &Document, change: &mut ObjectChange, dangers: &mut Vec<Danger>) {
    let mut danger = |path: Path, why: String| dangers.push(Danger { object: new.id.clone(), path, why });
    let (before, after) = (versions(old), versions(new));
    for (name, version) in &before {
        let path = Path::default().key("spec").key("versions").item(0, Some(name));
        let Some(next) = after.get(name) else {
            let stored = is(version, "storage");
            let what =
                if stored { "objects stored in it cannot be read" } else { "objects of it are refused" };
            danger(path, format!("version `{name}` is gone: {what}"));
            change.notes.push(format!("version `{name}` removed"));
            continue;
        };
        if is(version, "served") && !is(next, "served") {
            danger(path, format!("version `{name}` is served no more: objects of it are refused"));
        }
        let found = Schemas::compare(version, next);
        change.notes.extend(found.told(name));
        if !found.lost.is_empty() || !found.narrowed.is_empty() {
            let count = found.lost.len() + found.narrowed.len();
            let path = Path::default().key("spec").key("versions").item(0, Some(name)).key("schema");
            danger(
                path,
                format!(
                    "version `{name}` loses or narrows {count} fields: objects may lose data or be refused"
                ),
            );
        }
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        change.notes.push(format!("version `{name}` added"));
    }
    let storage = |versions: &BTreeMap<&str, &Node>| {
        versions.iter().find(|(_, it)| is(it, "storage")).map(|(name, _)| (*name).to_owned())
    };
    if let (Some(old), Some(new)) = (storage(&before), storage(&after))
        && old != new
    {
        change.notes.push(format!("stored as `{new}`, before as `{old}`"));
    }
}

fn versions(document: &Document) -> BTreeMap<&str, &Node> {
    let versions = items(document.field(&["spec", "versions"])).iter();
    versions.filter_map(|it| Some((it.get("name")?.as_str()?, it))).collect()
}

fn is(version: &Node, field: &str) -> bool {
    version.get(field).map(|it| &it.data) == Some(&Data::Bool(true))
}

/// What differs between the schemas of a version, by the paths of fields.
#[derive(Default)]
struct Schemas {
    added: Vec<String>,
    lost: Vec<String>,
    narrowed: Vec<String>,
    reworded: usize,
}

/// How many names are told of each kind of difference.
const SHOWN: usize = 5;

impl Schemas {
    fn compare(old: &Node, new: &Node) -> Self {
        let mut out = Self::default();
        let schema = |node| field(node, &["schema", "openAPIV3Schema"]);
        match (schema(old), schema(new)) {
            (Some(old), Some(new)) => out.schema("", old, new),
            (Some(_), None) => out.lost.push("(schema)".to_owned()),
            (None, Some(_)) => out.added.push("(schema)".to_owned()),
            (None, None) => {}
        }
        out
    }

    fn schema(&mut self, path: &str, old: &Node, new: &Node) {
        if same(&old.data, &new.data) {
            return;
        }
        if let Some(why) = narrowed(old, new) {
            self.narrowed.push(format!("{} ({why})", if path.is_empty() { "." } else { path }));
        }
        let text = |node: &Node| node.get("description").map(one_line);
        self.reworded += usize::from(text(old) != text(new));
        let (before, after) = (properties(old), properties(new));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).copied().collect();
        for name in names {
            let path = format!("{path}.{name}");
            match (before.get(name), after.get(name)) {
                (Some(old), Some(new)) => self.schema(&path, old, new),
                (Some(_), None) => self.lost.push(path),
                (None, Some(_)) => self.added.push(path),
                (None, None) => {}
            }
        }
        for (below, sign) in [("items", "[]"), ("additionalProperties", ".*")] {
            if let (Some(old), Some(new)) = (old.get(below), new.get(below)) {
                self.schema(&format!("{path}{sign}"), old, new);
            }
        }
    }

    fn told(&self, version: &str) -> Vec<String> {
        let kinds = [
            ("fields added", &self.added),
            ("fields removed", &self.lost),
            ("fields narrowed", &self.narrowed),
        ];
        let line = |(what, names): (&str, &Vec<String>)| {
            let more = if names.len() > SHOWN { ", …" } else { "" };
            format!("{version}: {} {what}: {}{more}", names.len(), names[..names.len().min(SHOWN)].join(", "))
        };
        let mut out: Vec<String> = kinds.into_iter().filter(|it| !it.1.is_empty()).map(line).collect();
        if self.reworded > 0 {
            out.push(format!("{version}: {} descriptions differ", self.reworded));
        }
        out
    }
}

fn properties(schema: &Node) -> BTreeMap<&String, &Node> {
    match schema.get("properties").map(|it| &it.data) {
        Some(Data::Map(map)) => map.iter().collect(),
        _ => BTreeMap::new(),
    }
}

/// Why values that the old schema takes may be refused by the new one, or cut.
fn narrowed(old: &Node, new: &Node) -> Option<String> {
    let text = |node: &Node, key: &str| node.get(key).map(one_line);
    let preserves = |node: &Node| node.get("x-kubernetes-preserve-unknown-fields").is_some();
    if let (Some(a), Some(b)) = (text(old, "type"), text(new, "type"))
        && a != b
    {
        return Some(format!("{a} → {b}"));
    }
    if preserves(old) && !preserves(new) {
        return Some("unknown fields are cut".to_owned());
    }
    let required = |node| texts(Node::get(node, "required")).collect::<BTreeSet<&str>>();
    if let Some(name) = required(new).difference(&required(old)).next() {
        return Some(format!("`{name}` is required"));
    }
    let values = |node: &Node| items(node.get("enum")).iter().map(one_line).collect::<BTreeSet<String>>();
    let (a, b) = (values(old), values(new));
    if !b.is_empty() && (a.is_empty() || !a.is_subset(&b)) {
        return Some("fewer values".to_owned());
    }
    if text(new, "pattern").is_some() && text(old, "pattern") != text(new, "pattern") {
        return Some("another pattern".to_owned());
    }
    bounds(old, new)
}

fn bounds(old: &Node, new: &Node) -> Option<String> {
    const UPPER: [&str; 4] = ["maximum", "maxLength", "maxItems", "maxProperties"];
    const LOWER: [&str; 4] = ["minimum", "minLength", "minItems", "minProperties"];
    let number = |node: &Node, key: &str| one_line(node.get(key)?).parse::<f64>().ok();
    let tighter = |key: &&&str, upper: bool| match (number(old, key), number(new, key)) {
        (Some(old), Some(new)) => {
            if upper {
                new < old
            } else {
                new > old
            }
        }
        (None, Some(_)) => true,
        _ => false,
    };
    let upper = UPPER.iter().find(|key| tighter(key, true));
    upper.or_else(|| LOWER.iter().find(|key| tighter(key, false))).map(|key| format!("`{key}`"))
}
