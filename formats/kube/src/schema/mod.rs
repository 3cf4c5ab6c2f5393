//! Which fields an object may have: the schemas of Kubernetes' own kinds, of K3s' and of those that the documents define.
//!
//! What is wrong is told as the API server would with strict validation (`kubectl --validate=strict`): a field that no
//! schema has, a value of another type, a field that is missing, a value that the field cannot take, items of a list with
//! one key. Rules in CEL (`x-kubernetes-validations`) and what Kubernetes checks in code are not looked at.
//!
//! # Invariants
//! - A document of a kind without a schema is not judged, and the caller is told so.
//! - What cannot be decided (a pattern that this program cannot read, a format that it does not know) is no finding.
//! - No value of a `Secret` is repeated.

mod check;
mod format;
mod table;

pub(crate) use check::check;

use crate::document::Document;
use crate::scope::is_definition;
use gabion_yaml::{Data, Node};
use std::collections::BTreeMap;
use table::Table;

/// The schemas for a set of documents.
#[derive(Debug)]
pub(crate) struct Schemas<'d> {
    minor: u32,
    /// Of Kubernetes' types, those that the documents need.
    types: BTreeMap<String, Node>,
    /// Of group, version and kind.
    defined: BTreeMap<(&'d str, &'d str, &'d str), Defined<'d>>,
}

/// What a definition says of one version of its kind.
#[derive(Debug)]
struct Defined<'d> {
    served: bool,
    schema: Option<&'d Node>,
}

/// What every object has.
const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

impl<'d> Schemas<'d> {
    /// Those that `documents` need in a cluster of this minor version.
    pub(crate) fn of(minor: u32, documents: impl Iterator<Item = &'d Document>) -> Self {
        let (table, minor) = (Table::get(), known(minor));
        let (mut defined, mut open) = (BTreeMap::new(), vec![METADATA.to_owned()]);
        for document in documents {
            open.extend(table.kind(minor, &document.api_version, &document.id.kind).map(str::to_owned));
            if is_definition(&document.id) {
                defined.extend(versions(document));
            }
        }
        let mut types = BTreeMap::new();
        while let Some(name) = open.pop() {
            if !types.contains_key(&name)
                && let Some(schema) = table.schema(minor, &name)
            {
                references(&schema, &mut open);
                types.insert(name, schema);
            }
        }
        Self { minor, types, defined }
    }

    /// The schema of an object; whether it is one of a definition.
    fn get(&self, document: &Document) -> Option<(&Node, bool)> {
        let (api, kind) = (&document.api_version, document.id.kind.as_str());
        if let Some(name) = Table::get().kind(self.minor, api, kind) {
            return self.types.get(name).map(|it| (it, false));
        }
        let version = api.rsplit_once('/').map_or(api.as_str(), |(_, version)| version);
        let it = self.defined.get(&(document.id.group.as_str(), version, kind))?;
        it.schema.filter(|_| it.served).map(|it| (it, true))
    }

    fn named(&self, name: &str) -> Option<&Node> {
        self.types.get(name)
    }
}

/// The first and the last minor version of Kubernetes whose schemas are known.
pub fn schema_versions() -> Option<(u32, u32)> {
    Some(Table::get().range()).filter(|it| it.1 > 0)
}

/// The minor version whose schemas are nearest.
fn known(minor: u32) -> u32 {
    let (first, last) = Table::get().range();
    minor.clamp(first, last)
}

/// The versions of the kind that a document defines (apiextensions.k8s.io/v1).
fn versions(document: &Document) -> Vec<((&str, &str, &str), Defined<'_>)> {
    let (Some(group), Some(kind)) =
        (document.text_of(&["spec", "group"]), document.text_of(&["spec", "names", "kind"]))
    else {
        return Vec::new();
    };
    let Some(Data::List(versions)) = document.field(&["spec", "versions"]).map(|it| &it.data) else {
        return Vec::new();
    };
    versions
        .iter()
        .filter_map(|it| {
            let served = it.get("served").is_none_or(|it| it.data != Data::Bool(false));
            let schema = it.get("schema").and_then(|it| it.get("openAPIV3Schema"));
            Some(((group, it.get("name")?.as_str()?, kind), Defined { served, schema }))
        })
        .collect()
}

/// The types that a schema names.
fn references(schema: &Node, out: &mut Vec<String>) {
    match &schema.data {
        Data::Map(map) => {
            out.extend(map.get("$ref").and_then(Node::as_str).map(str::to_owned));
            for it in map.values() {
                references(it, out);
            }
        }
        Data::List(list) => list.iter().for_each(|it| references(it, out)),
        _ => {}
    }
}

/// What is known of a kind that Kubernetes serves, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Served {
    /// It does.
    Yes,
    /// Not any more, or not yet: these are the versions of its group that it does serve, the oldest first.
    Other(Vec<&'static str>),
    /// It never did.
    Never,
}

/// Whether Kubernetes of a minor version serves a kind.
pub(crate) fn served(minor: u32, document: &Document) -> Served {
    let (table, minor) = (Table::get(), known(minor));
    let (api, kind) = (&document.api_version, &document.id.kind);
    if table.kind(minor, api, kind).is_some() {
        return Served::Yes;
    }
    let versions = table.versions(minor, &document.id.group, kind);
    if versions.is_empty() && table.served(api, kind).is_none() {
        Served::Never
    } else {
        Served::Other(versions)
    }
}
