//! Which items of two lists are the same item.

use super::structure::same;
use crate::path::Step;
use crate::walk;
use gabion_yaml::{Data, Node};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// An item before and after.
pub(super) struct Pair<'n> {
    pub(super) step: Step<'n>,
    pub(super) old: Option<&'n Node>,
    pub(super) new: Option<&'n Node>,
}

/// The fields by which Kubernetes tells items apart (`x-kubernetes-list-map-keys`, `patchMergeKey`), by list;
/// others are told apart by their name.
const KEYS: [(&str, &[&str]); 7] = [
    ("ports", &["containerPort", "port", "protocol"]),
    ("volumeMounts", &["mountPath"]),
    ("volumeDevices", &["devicePath"]),
    ("tolerations", &["key", "operator", "value", "effect"]),
    ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("hostAliases", &["ip"]),
    ("ownerReferences", &["uid"]),
];

/// Lists whose order says nothing.
const SETS: [&str; 16] = [
    "accessModes",
    "apiGroups",
    "apiVersions",
    "categories",
    "finalizers",
    "imagePullSecrets",
    "namespaces",
    "nonResourceURLs",
    "operations",
    "policyTypes",
    "resourceNames",
    "resources",
    "shortNames",
    "subjects",
    "tolerations",
    "verbs",
];

/// Pairs the items of two lists; those that are the same are left out.
pub(super) fn pairs<'n>(field: &str, old: &'n [Node], new: &'n [Node]) -> Vec<Pair<'n>> {
    match (called(field, old), called(field, new)) {
        (Some(a), Some(b)) => by_name(&a, &b),
        _ => by_value(old, new),
    }
}

/// Whether only the order of items differs, and says something.
pub(super) fn moved(field: &str, old: &[Node], new: &[Node]) -> bool {
    if SETS.contains(&field) || old.len() != new.len() {
        return false;
    }
    match (called(field, old), called(field, new)) {
        // Items with names are found by them: variables and containers may refer to earlier ones.
        (Some(a), Some(b)) => {
            let names = |called: &Called<'_>| called.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
            let (a, b) = (names(&a), names(&b));
            a != b && BTreeSet::from_iter(a) == BTreeSet::from_iter(b)
        }
        _ => left(old, new).0.is_empty(),
    }
}

type Called<'n> = Vec<(String, usize, &'n Node)>;

/// The items with what they are called, if each has a name of its own.
fn called<'n>(field: &str, list: &'n [Node]) -> Option<Called<'n>> {
    let names = |index: usize| {
        let item = &list[index];
        let keys = KEYS.iter().find(|(list, _)| *list == field).map(|(_, keys)| *keys);
        keys.and_then(|keys| joined(item, keys)).or_else(|| walk::label(list, index).map(str::to_owned))
    };
    let items: Option<Called<'n>> =
        list.iter().enumerate().map(|(index, item)| Some((names(index)?, index, item))).collect();
    let items = items?;
    let apart: BTreeSet<&str> = items.iter().map(|it| it.0.as_str()).collect();
    (apart.len() == items.len()).then_some(items)
}

/// The values of fields, of which one must be there.
fn joined(item: &Node, keys: &[&str]) -> Option<String> {
    let text = |key: &&str| match &item.get(key)?.data {
        Data::String(text) => Some(text.clone()),
        Data::Int(number) => Some(number.to_string()),
        Data::Float(number) => Some(number.to_string()),
        _ => None,
    };
    let texts: Vec<String> = keys.iter().filter_map(text).collect();
    (!texts.is_empty()).then(|| texts.join("/"))
}

fn by_name<'n>(old: &Called<'n>, new: &Called<'n>) -> Vec<Pair<'n>> {
    let step = |name: &str, index: usize| Step::Item { index, label: Some(Cow::Owned(name.to_owned())) };
    let before: BTreeMap<&str, &Node> = old.iter().map(|it| (it.0.as_str(), it.2)).collect();
    let after: BTreeSet<&str> = new.iter().map(|it| it.0.as_str()).collect();
    let gone = old.iter().filter(|it| !after.contains(it.0.as_str()));
    let gone = gone.map(|(name, index, node)| Pair { step: step(name, *index), old: Some(node), new: None });
    let there = new.iter().map(|(name, index, node)| {
        let old = before.get(name.as_str()).copied();
        Pair { step: step(name, *index), old, new: Some(node) }
    });
    there.chain(gone).collect()
}

type Numbered<'n> = Vec<(usize, &'n Node)>;

/// Items that have no partner with the same value.
fn left<'n>(old: &'n [Node], new: &'n [Node]) -> (Numbered<'n>, Numbered<'n>) {
    let mut free: Vec<(usize, &Node)> = new.iter().enumerate().collect();
    let mut gone = Vec::new();
    for (index, item) in old.iter().enumerate() {
        match free.iter().position(|(_, it)| same(&it.data, &item.data)) {
            Some(at) => _ = free.remove(at),
            None => gone.push((index, item)),
        }
    }
    (gone, free)
}

fn by_value<'n>(old: &'n [Node], new: &'n [Node]) -> Vec<Pair<'n>> {
    let (gone, come) = left(old, new);
    let step = |index: usize| Step::Item { index, label: None };
    let mappings = |items: &[(usize, &Node)]| items.iter().all(|(_, it)| matches!(it.data, Data::Map(_)));
    if gone.len() == come.len() && mappings(&gone) && mappings(&come) {
        let pair = |((_, old), (index, new)): ((usize, &'n Node), (usize, &'n Node))| Pair {
            step: step(index),
            old: Some(old),
            new: Some(new),
        };
        return gone.into_iter().zip(come).map(pair).collect();
    }
    let gone = gone.into_iter().map(|(index, node)| Pair { step: step(index), old: Some(node), new: None });
    let come = come.into_iter().map(|(index, node)| Pair { step: step(index), old: None, new: Some(node) });
    gone.chain(come).collect()
}
