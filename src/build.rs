//! Does the plan: fetches pinned bytes, makes documents, and remembers every result.

use crate::event::{Event, Events};
use crate::lock::{FilePin, LockedGraph};
use crate::net::{Client, NetError};
use crate::plan::{Decision, Plan};
use crate::recipe::{Address, Body, Kind, Recipe, Table, Value};
use futures_util::{StreamExt, TryStreamExt};
use gabion_digest::Hashed;
use gabion_store::{Expect, Output, Record, Store, StoreError};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Why a node could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Pinned bytes did not arrive.
    #[error("could not fetch `{node}` from `{url}`")]
    Fetch {
        /// The node.
        node: String,
        /// Where its bytes are.
        url: String,
        /// Why.
        #[source]
        source: NetError,
    },
    /// Bytes are missing and the network is forbidden; all of them are listed.
    #[error("{} pinned files are not in the store, and the network is forbidden", missing.len())]
    Offline {
        /// The locations.
        missing: Vec<String>,
    },
    /// A document is not text, or names a variable that is not there.
    #[error("could not make `{node}`: {why}")]
    Document {
        /// The node.
        node: String,
        /// Why.
        why: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BuildError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch { source, .. } => source.code(),
            Self::Offline { .. } => "E1101",
            Self::Document { .. } => "E1102",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Fetch { source, .. } => source.help(),
            Self::Offline { missing } => Some(format!("run once with the network\n{}", missing.join("\n"))),
            Self::Document { .. } => None,
            Self::Store(error) => error.help(),
        }
    }

    /// Whether the bytes that came were not the pinned ones.
    pub fn is_integrity(&self) -> bool {
        let (Self::Store(error) | Self::Fetch { source: NetError::Store(error), .. }) = self else {
            return false;
        };
        matches!(error, StoreError::Mismatch { .. })
    }
}

/// The files of every node.
#[derive(Debug, Default)]
pub struct Built(BTreeMap<Address, Record>);

impl Built {
    /// What `address` gave.
    pub fn outputs(&self, address: &Address) -> impl Iterator<Item = (&String, &Output)> {
        self.0.get(address).into_iter().flat_map(|record| &record.outputs)
    }
}

/// Builds what `plan` says; `jobs` downloads run at once.
pub async fn run(
    locked: &LockedGraph<'_>,
    plan: &Plan,
    store: &Store,
    client: &Client,
    offline: bool,
    jobs: usize,
    events: &Events,
) -> Result<Built, BuildError> {
    events.send(Event::Phase { name: "build", total: plan.0.len() });
    let wanted: Vec<(&Recipe, String, FilePin<'_>)> = locked
        .graph
        .order
        .iter()
        .zip(&plan.0)
        .filter(|(_, (_, decision))| *decision != Decision::Reuse)
        .flat_map(|(recipe, _)| {
            locked.pins(recipe).into_iter().map(|(output, entry)| (*recipe, output, entry))
        })
        .collect();
    if offline {
        let mut missing = Vec::new();
        for (_, _, entry) in &wanted {
            if store.by_sha256(entry.sha256)?.is_none() {
                missing.push(entry.url.to_string());
            }
        }
        if !missing.is_empty() {
            return Err(BuildError::Offline { missing });
        }
    }
    let fetched: BTreeMap<(Address, String), Output> = futures_util::stream::iter(wanted)
        .map(async |(recipe, output, entry)| {
            let hashed = fetch(recipe, entry, store, client, events).await?;
            Ok::<_, BuildError>(((recipe.address.clone(), output), hashed))
        })
        .buffer_unordered(jobs)
        .try_collect()
        .await?;
    let mut built = Built::default();
    for (recipe, (address, decision)) in locked.graph.order.iter().zip(&plan.0) {
        let Some(id) = locked.id(address) else { continue };
        let known = match decision {
            Decision::Reuse => store.record(id)?,
            Decision::Download { .. } | Decision::Build => None,
        };
        let (record, how) = match known {
            Some(record) => (record, "reused"),
            None => {
                let record = make(recipe, locked, &built, &fetched, store)?;
                store.put_record(id, &record)?;
                (record, "built")
            }
        };
        let bytes = record.outputs.values().map(|it| it.size).sum();
        events.send(Event::Finished { node: address.to_string(), how, bytes });
        built.0.insert(address.clone(), record);
    }
    Ok(built)
}

async fn fetch(
    recipe: &Recipe,
    entry: FilePin<'_>,
    store: &Store,
    client: &Client,
    events: &Events,
) -> Result<Output, BuildError> {
    if let Some((blob, size)) = store.by_sha256(entry.sha256)? {
        return Ok(Output { blob, sha256: entry.sha256, size });
    }
    let node = recipe.address.to_string();
    events.send(Event::Started { node: node.clone(), what: entry.url.to_string() });
    let failed = |source| BuildError::Fetch { node: node.clone(), url: entry.url.to_string(), source };
    let expect = Expect { sha256: Some(entry.sha256), size: Some(entry.size), blob: None };
    let partial = client.partial(store, entry.sha256, expect).await.map_err(failed)?;
    // Another process, or another node with the same bytes, may have been here first.
    if let Some((blob, size)) = store.by_sha256(entry.sha256)? {
        if let Some(partial) = partial {
            partial.discard();
        }
        return Ok(Output { blob, sha256: entry.sha256, size });
    }
    let Some(partial) = partial else {
        return Err(failed(NetError::Vanished { url: entry.url.to_string() }));
    };
    let client = if recipe.address.kind() == Kind::Apt { &client.for_signed() } else { client };
    let partial = client.download(&entry.url, Some(entry.size), partial, &node).await.map_err(failed)?;
    let hashed = partial.finish().map_err(|error| failed(error.into()))?;
    Ok(output(hashed))
}

fn output(hashed: Hashed) -> Output {
    Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size }
}

fn make(
    recipe: &Recipe,
    locked: &LockedGraph<'_>,
    built: &Built,
    fetched: &BTreeMap<(Address, String), Output>,
    store: &Store,
) -> Result<Record, BuildError> {
    let mut record = Record::default();
    let address = &recipe.address;
    for (output, _) in locked.pins(recipe) {
        if let Some(file) = fetched.get(&(address.clone(), output.clone())) {
            record.outputs.insert(output, *file);
        }
    }
    match &recipe.body {
        Body::Fetch(_) | Body::Apt(_) | Body::Host(_) | Body::Bundle(_) => {}
        Body::K3s(it) => {
            record.outputs.insert("config".to_owned(), output(store.put(config(&it.config).as_bytes())?));
        }
        Body::Manifests(it) => {
            let mut text = String::new();
            for reference in &it.from {
                for (_, file) in built.outputs(&reference.value.address) {
                    let bytes = store.read_blob(file.blob, DOCUMENT_LIMIT)?.unwrap_or_default();
                    add(&mut text, address, &reference.value.to_string(), bytes)?;
                }
            }
            for file in &recipe.files {
                let mut bytes = file.bytes.clone();
                if it.subst {
                    let plain = std::str::from_utf8(&bytes).map_err(|_| not_text(address, &file.path))?;
                    let expanded =
                        locked.graph.project.vars.expand(plain).map_err(|name| BuildError::Document {
                            node: address.to_string(),
                            why: format!("`{}` uses `${{{name}}}`, which `[vars]` does not have", file.path),
                        })?;
                    bytes = expanded.into_bytes();
                }
                add(&mut text, address, &file.path, bytes)?;
            }
            record.outputs.insert("documents".to_owned(), output(store.put(text.as_bytes())?));
        }
    }
    Ok(record)
}

/// Larger than every set of custom resources known.
const DOCUMENT_LIMIT: u64 = 64 << 20;

fn not_text(node: &Address, what: &str) -> BuildError {
    BuildError::Document { node: node.to_string(), why: format!("`{what}` is not text") }
}

/// Adds YAML documents behind those that are there.
fn add(text: &mut String, node: &Address, what: &str, bytes: Vec<u8>) -> Result<(), BuildError> {
    let more = String::from_utf8(bytes).map_err(|_| not_text(node, what))?;
    if !text.is_empty() && !more.starts_with("---") {
        text.push_str("---\n");
    }
    text.push_str(&more);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(())
}

/// `config.yaml` of K3s: a key per line, values in YAML's flow style, which JSON is.
fn config(table: &Table) -> String {
    fn json(value: &Value) -> serde_json::Value {
        match value {
            Value::String(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Bool(flag) => (*flag).into(),
            Value::Array(items) => items.iter().map(|item| json(&item.value)).collect(),
            Value::Table(table) => table
                .iter()
                .map(|(key, (_, node))| (key.clone(), json(&node.value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
    let mut text = String::new();
    for (key, (_, node)) in table {
        let _ = writeln!(text, "{}: {}", serde_json::Value::from(key.as_str()), json(&node.value));
    }
    text
}
