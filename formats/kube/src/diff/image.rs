//! Images that came, went or moved to another version.

use crate::discover::discover;
use crate::document::Document;
use crate::rules::{Class, Rules, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The versions of a repository before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageChange {
    /// Registry and repository.
    pub name: String,
    /// Tags and digests before; none if it is new.
    pub old: Vec<String>,
    /// Tags and digests after; none if it is gone.
    pub new: Vec<String>,
}

type Versions = BTreeMap<String, BTreeSet<String>>;

/// Images of pods and of custom resources, and those that a rule includes.
pub(super) fn changes(old: &[Document], new: &[Document], rules: &Rules) -> Vec<ImageChange> {
    let (old, new) = (versions(old, rules), versions(new, rules));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let of = |versions: &Versions, name: &String| versions.get(name).cloned().unwrap_or_default();
    let change = |name: &String| {
        let (old, new) = (of(&old, name), of(&new, name));
        let differ = old != new;
        differ.then(|| ImageChange {
            name: name.clone(),
            old: old.difference(&new).cloned().collect(),
            new: new.difference(&old).cloned().collect(),
        })
    };
    names.into_iter().filter_map(change).collect()
}

fn versions(documents: &[Document], rules: &Rules) -> Versions {
    let mut out = Versions::new();
    for candidate in discover(documents, rules) {
        let needed = match &candidate.rule {
            Some(rule) => match (&rule.verdict, &rule.when) {
                (Verdict::Include, Some(when)) => when.unmet(candidate.key.as_deref(), documents).is_none(),
                (verdict, _) => *verdict == Verdict::Include,
            },
            None => matches!(candidate.class, Class::A | Class::B),
        };
        if let Some(reference) = candidate.reference.ok().filter(|_| needed) {
            let text = reference.to_string();
            let name = reference.name().to_string();
            let version = text[name.len()..].trim_start_matches([':', '@']).to_owned();
            out.entry(name).or_default().insert(version);
        }
    }
    out
}
