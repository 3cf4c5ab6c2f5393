//! The leak gate: nothing is bundled that looks like a secret, unless the recipe says why everybody may know it.
//!
//! A rendered `Secret` with values is refused unless SOPS encrypted each of them; and every byte of the bundle, that of
//! packed and compressed files within files too, is searched for keys. Both come before the bundle is written, and so
//! before it is signed.
//!
//! # Invariants
//! - What was searched is known by its bytes: a file is searched once, and again when a rule changes.
//! - No finding repeats what was found.
//!
//! # What this module does not do
//! It knows a few forms of secrets that are certain. A password in a `ConfigMap` is not among them.

mod rules;
mod scan;

use crate::closure::Closure;
use crate::lock::LockedGraph;
use crate::recipe::kinds::{Bundle, PublicSecret};
use crate::recipe::{Address, Body, Recipe};
use gabion_bundle::{Source, Spec};
use gabion_digest::{ActionId, BlobId, Canonical, Feed, id_of};
use gabion_kube::Document;
use gabion_store::{Output, Record, Store, StoreError};
use gabion_yaml::{Data, Node};
use scan::{Found, Hashing};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Raised when a rule changes, so that everything is searched again.
const VERSION: u32 = 1;

/// What looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// The node that brings it, where one does.
    pub node: Option<String>,
    /// The object, or the file in the bundle: what an exception names.
    pub object: String,
    /// Where in it, where it has parts.
    pub within: String,
    /// What it looks like.
    pub what: &'static str,
}

/// Why a bundle is not written.
#[derive(Debug, thiserror::Error)]
pub enum LeakError {
    /// There are secrets in it.
    #[error("the bundle would carry what looks like {}", if leaks.len() == 1 { "a secret" } else { "secrets" })]
    Leaks {
        /// Which.
        leaks: Vec<Leak>,
        /// The bundle.
        bundle: String,
    },
    /// A file cannot be searched.
    #[error("could not search `{path}`")]
    Read {
        /// The file in the bundle.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LeakError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Leaks { .. } => "E1901",
            Self::Read { .. } => "E1902",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let Self::Leaks { leaks, bundle } = self else { return None };
        let mut text = String::new();
        for Leak { node, object, within, what } in leaks {
            let node = node.as_ref().map_or(String::new(), |node| format!("`{node}`: "));
            let within = if within.is_empty() { String::new() } else { format!(", in {within}") };
            let _written = writeln!(text, "{node}{object}{within}: {what}");
        }
        text.push_str(
            "declare what the host needs as `[secret.NAME]`, and take the value out of the recipes; or, if \
             everybody may know it, write\n",
        );
        if let Some(Leak { node, object, .. }) = leaks.iter().find(|it| it.node.is_some()) {
            let node = node.as_deref().unwrap_or_default();
            let _written = write!(
                text,
                "[[bundle.{bundle}.public-secrets]]\nnode = {node:?}\nobject = {object:?}\nreason = \"why\""
            );
        }
        Some(text.trim_end().to_owned())
    }
}

/// Refuses a bundle that would carry secrets.
pub fn check(
    locked: &LockedGraph<'_>,
    recipe: &Recipe,
    closure: &Closure,
    spec: &Spec,
    store: &Store,
    jobs: usize,
) -> Result<(), LeakError> {
    let Body::Bundle(bundle) = &recipe.body else { return Ok(()) };
    let mut leaks = Vec::new();
    for (address, documents) in &closure.documents {
        leaks.extend(documents.iter().filter_map(|it| of_document(&address.to_string(), it)));
    }
    leaks.extend(of_members(locked, spec, store, jobs)?);
    leaks.retain(|leak| !bundle_says(bundle, leak));
    leaks.sort();
    leaks.dedup();
    if leaks.is_empty() {
        return Ok(());
    }
    Err(LeakError::Leaks { leaks, bundle: recipe.address.name().to_owned() })
}

/// The `Secret`s among the documents of a bundle whose values are not encrypted, but those that everybody may know.
pub fn plain_secrets(bundle: &Bundle, closure: &Closure) -> Vec<Leak> {
    let of = |(address, documents): &(Address, Vec<Document>)| {
        let node = address.to_string();
        documents.iter().filter_map(|it| of_document(&node, it)).collect::<Vec<_>>()
    };
    let found = closure.documents.iter().flat_map(of);
    found.filter(|it| !bundle_says(bundle, it)).collect()
}

/// Larger than every file of a repository that a person writes.
const FILE_LIMIT: u64 = 4 << 20;

/// What an archive of a repository has that is not encrypted: `Secret`s in its documents, and keys. A file that is no
/// archive has nothing, and neither has what is not in the store.
pub fn repository(node: &str, archive: &Output, store: &Store) -> Result<Vec<Leak>, StoreError> {
    let Some((file, _)) = store.open_blob(archive.blob)? else { return Ok(Vec::new()) };
    let mut leaks = Vec::new();
    let mut archive = tar::Archive::new(file);
    let Ok(entries) = archive.entries() else { return Ok(leaks) };
    for mut entry in entries.map_while(Result::ok) {
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        if entry.size() > FILE_LIMIT || entry.read_to_end(&mut bytes).is_err() {
            continue;
        }
        let keys = scan::search(&mut bytes.as_slice()).unwrap_or_default();
        leaks.extend(keys.into_iter().map(|it| Leak {
            node: Some(node.to_owned()),
            object: path.clone(),
            within: it.within,
            what: it.what,
        }));
        let is_text = [".yaml", ".yml", ".json"].iter().any(|it| path.ends_with(it));
        // What is no document (values, settings of tools) is none of ours to judge.
        let documents =
            std::str::from_utf8(&bytes).ok().filter(|_| is_text).map(|it| gabion_kube::documents(it, &path));
        for document in documents.into_iter().flatten().flatten() {
            let leak = of_document(node, &document);
            leaks.extend(leak.map(|it| Leak { object: path.clone(), within: it.object, ..it }));
        }
    }
    leaks.sort();
    leaks.dedup();
    Ok(leaks)
}

/// Whether the recipe says of this very object that everybody may know it.
fn bundle_says(bundle: &Bundle, leak: &Leak) -> bool {
    bundle.public_secrets.iter().any(|PublicSecret { node, object, reason }| {
        let of_node = leak.node.as_ref().is_some_and(|it| *it == node.value.address.to_string());
        of_node && *object == leak.object && !reason.trim().is_empty()
    })
}

/// The fields of a `Secret` that have values (Kubernetes API reference, `Secret v1`).
const FIELDS: [&str; 2] = ["data", "stringData"];

fn of_document(node: &str, document: &Document) -> Option<Leak> {
    if !document.id.is("", "Secret") {
        return None;
    }
    let maps = FIELDS.iter().filter_map(|field| document.field(&[field]));
    let values = maps.flat_map(|it| match &it.data {
        Data::Map(map) => map.values().collect::<Vec<_>>(),
        Data::Null => Vec::new(),
        // It is no map, and so nothing that a cluster takes: whatever it is, it is looked at by a person.
        _ => vec![it],
    });
    let mut clear = values.filter(|it| !is_nothing(it) && !is_encrypted(document, it));
    clear.next()?;
    let (node, object) = (Some(node.to_owned()), document.id.to_string());
    Some(Leak { node, object, within: String::new(), what: "a Secret with values that are not encrypted" })
}

fn is_nothing(value: &Node) -> bool {
    match &value.data {
        Data::Null => true,
        Data::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Whether SOPS encrypted a value of this document: its own mark alone proves nothing, and neither does that of the
/// document (getsops/sops, "Encryption Protocol").
fn is_encrypted(document: &Document, value: &Node) -> bool {
    let is = |text: &str| text.starts_with("ENC[AES256_GCM,data:") && text.ends_with(']');
    document.text_of(&["sops", "mac"]).is_some_and(is) && value.as_str().is_some_and(is)
}

/// The name of a search of these bytes.
struct Search(BlobId);

impl Canonical for Search {
    fn feed(&self, into: &mut Feed) {
        ("leaks", VERSION).feed(into);
        self.0.feed(into);
    }
}

/// What the facts of a record say of a search that found nothing.
const CLEAN: &str = "clean";

fn of_members(
    locked: &LockedGraph<'_>,
    spec: &Spec,
    store: &Store,
    jobs: usize,
) -> Result<Vec<Leak>, LeakError> {
    let owners = owners(locked, store)?;
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<(), LeakError> {
        loop {
            let Some((path, source)) = spec.members.get(next.fetch_add(1, Ordering::Relaxed)) else {
                return Ok(());
            };
            let some = member(path, source, store)?;
            let node = || match source {
                Source::File { blob, .. } => owners.get(blob).cloned(),
                Source::Bytes(_) => None,
            };
            let leaks = some.into_iter().map(|Found { within, what }| Leak {
                node: node(),
                object: path.clone(),
                within,
                what,
            });
            if let Ok(mut found) = found.lock() {
                found.extend(leaks);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..jobs.clamp(1, 8)).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for thread in threads {
            let one = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all = all.and(one);
        }
        all
    })?;
    Ok(found.into_inner().unwrap_or_default())
}

/// Which node brings which bytes; of several the first by address.
fn owners(locked: &LockedGraph<'_>, store: &Store) -> Result<BTreeMap<BlobId, String>, LeakError> {
    let mut owners = BTreeMap::new();
    let mut nodes: Vec<&Recipe> = locked.graph.order.clone();
    nodes.sort_by_key(|it| &it.address);
    for recipe in nodes {
        let record = locked.id(&recipe.address).map(|id| store.record(id)).transpose()?.flatten();
        for output in record.iter().flat_map(|it| it.outputs.values()) {
            owners.entry(output.blob).or_insert_with(|| recipe.address.to_string());
        }
    }
    Ok(owners)
}

fn member(path: &str, source: &Source, store: &Store) -> Result<Vec<Found>, LeakError> {
    let failed = |source| LeakError::Read { path: path.to_owned(), source };
    match source {
        Source::Bytes(bytes) => scan::search(&mut bytes.as_slice()).map_err(failed),
        Source::File { path: file, blob, .. } => {
            let action = ActionId::new(id_of("gabion action v1", &Search(*blob)));
            if store.actions(action)?.iter().any(|it| it.facts.contains_key(CLEAN)) {
                return Ok(Vec::new());
            }
            let opened = fs_err::File::open(file).map_err(failed)?;
            let mut hashing = Hashing::new(opened);
            let found = scan::search(&mut hashing).map_err(failed)?;
            // Bytes that are not what they should be are not remembered; whoever bundles them notices.
            if found.is_empty() && hashing.finish().map_err(failed)? == blob.digest() {
                let facts = BTreeMap::from([(CLEAN.to_owned(), "yes".to_owned())]);
                store.put_action(action, &Record { facts, ..Record::default() })?;
            }
            Ok(found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaks(text: &str) -> Vec<String> {
        let documents = gabion_kube::documents(text, "x").unwrap();
        documents.iter().filter_map(|it| of_document("chart.x", it)).map(|it| it.object).collect()
    }

    #[test]
    fn a_secret_with_values_is_one_unless_each_is_encrypted() {
        let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: apps}\n";
        let encrypted = "ENC[AES256_GCM,data:aa,iv:bb,tag:cc,type:str]";
        let sops = format!("sops: {{mac: '{encrypted}', version: 3.9.0}}\n");
        let found = |rest: &str| leaks(&format!("{head}{rest}"));
        for fine in ["", "data: {}\n", "data:\n", "data: {a: ''}\n", "type: Opaque\n"] {
            assert!(found(fine).is_empty(), "{fine}");
        }
        assert_eq!(found("data: {a: YQ==}\n"), ["Secret apps/a"]);
        assert_eq!(found("stringData: {a: b}\n"), ["Secret apps/a"]);
        assert_eq!(found("data: text\n"), ["Secret apps/a"]);
        assert!(found(&format!("stringData: {{a: '{encrypted}'}}\n{sops}")).is_empty());
        // One mark does for neither the other values nor the document.
        assert_eq!(found(&format!("stringData: {{a: '{encrypted}', b: c}}\n{sops}")).len(), 1);
        assert_eq!(found(&format!("stringData: {{a: b}}\n{sops}")).len(), 1);
        assert_eq!(found(&format!("stringData: {{a: '{encrypted}'}}\n")).len(), 1);
        assert_eq!(found(&format!("stringData: {{a: '{encrypted}'}}\nsops: {{mac: ''}}\n")).len(), 1);
        let other = "apiVersion: x.io/v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: YQ==}\n";
        assert!(leaks(other).is_empty());
        let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: YQ==}}\n";
        assert_eq!(leaks(list), ["Secret a"]);
    }
}
