//! What differs between two sets of documents, for people: objects by what they are, fields by their paths.
//!
//! Values of secrets are never told. What the API server refuses to change, and what loses data, is a
//! [`Danger`].

mod crd;
mod danger;
mod image;
mod lines;
mod list;
mod structure;

use crate::document::Document;
use crate::id::ObjectId;
use crate::path::Path;
use crate::pods;
use crate::rules::Rules;
use crate::scope::is_definition;
pub use image::ImageChange;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
pub use structure::FieldChange;

/// What an object is for, by which a difference is arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// Pods and what makes them.
    Workloads,
    /// Who may do what.
    Rbac,
    /// Definitions of kinds.
    Definitions,
    /// Hooks of Helm.
    Hooks,
    /// The rest.
    Other,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its fields differ.
    Changed,
}

/// What the API server refuses, or what loses data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Danger {
    /// The object.
    pub object: ObjectId,
    /// Where in it; the root if all of it is meant.
    pub path: Path,
    /// What happens.
    pub why: String,
}

/// An object that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectChange {
    /// The object.
    pub object: ObjectId,
    /// What its (new) document is from.
    pub from: String,
    /// What it is for.
    pub section: Section,
    /// What became of it.
    pub fate: Fate,
    /// Its fields, in the order of paths; schemas of definitions are told in `notes`.
    pub fields: Vec<FieldChange>,
    /// What is told in words.
    pub notes: Vec<String>,
}

/// What differs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// What must be looked at first.
    pub dangers: Vec<Danger>,
    /// Images, by repository.
    pub images: Vec<ImageChange>,
    /// Objects, by section, kind, namespace and name.
    pub objects: Vec<ObjectChange>,
}

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// Compares two sets; of two documents of one object the last one counts. Images are told by the shipped rules.
pub fn diff(old: &[Document], new: &[Document]) -> Diff {
    let (before, after) = (by_object(old), by_object(new));
    let ids: BTreeSet<&ObjectId> = before.keys().chain(after.keys()).copied().collect();
    let mut out = Diff { images: image::changes(old, new, &Rules::shipped()), ..Diff::default() };
    for id in ids {
        let change = match (before.get(id), after.get(id)) {
            (Some(old), Some(new)) => changed(old, new, &mut out.dangers),
            (Some(old), None) => Some(gone(old, &mut out.dangers)),
            (None, Some(new)) => Some(whole(new, Fate::Added)),
            (None, None) => None,
        };
        out.objects.extend(change);
    }
    out.objects.sort_by(|a, b| (a.section, &a.object).cmp(&(b.section, &b.object)));
    out
}

fn by_object(documents: &[Document]) -> BTreeMap<&ObjectId, &Document> {
    documents.iter().map(|it| (&it.id, it)).collect()
}

fn whole(document: &Document, fate: Fate) -> ObjectChange {
    ObjectChange {
        object: document.id.clone(),
        from: document.from.clone(),
        section: section(document),
        fate,
        fields: Vec::new(),
        notes: Vec::new(),
    }
}

fn gone(old: &Document, dangers: &mut Vec<Danger>) -> ObjectChange {
    dangers.extend(danger::of_removal(&old.id));
    whole(old, Fate::Removed)
}

fn changed(old: &Document, new: &Document, dangers: &mut Vec<Danger>) -> Option<ObjectChange> {
    let mut change = whole(new, Fate::Changed);
    change.fields = structure::changes(old, new);
    if is_definition(&new.id) {
        crd::compare(old, new, &mut change, dangers);
    }
    dangers.extend(danger::of_change(old, new));
    (!change.fields.is_empty() || !change.notes.is_empty()).then_some(change)
}

fn section(document: &Document) -> Section {
    let id = &document.id;
    match id.group.as_str() {
        _ if document.annotation("helm.sh/hook").is_some() => Section::Hooks,
        _ if pods::is_workload(id) => Section::Workloads,
        _ if is_definition(id) => Section::Definitions,
        "rbac.authorization.k8s.io" => Section::Rbac,
        _ if id.is("", "ServiceAccount") => Section::Rbac,
        _ => Section::Other,
    }
}
