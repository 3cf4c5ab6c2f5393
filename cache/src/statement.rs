//! Statements: what somebody says that requests and actions gave.
//!
//! A statement about a request or an action holds one record; one about a closure holds the records of everything below
//! a request, so that who has nothing learns all of it in one answer. The text is in `FORMAT.md`.

use crate::Key;
use gabion_digest::BlobId;
use gabion_store::{Output, Record};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const HEADER: &str = "gabion-statement 1\n";

/// What somebody says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    key: Key,
    records: BTreeMap<Key, Record>,
    /// All names of the manifests of trees, of which records know one.
    manifests: BTreeMap<BlobId, Output>,
}

impl Statement {
    /// What one key gave; `manifests` are those of its trees. `None` where some are missing, or where the key is
    /// that of a closure.
    pub fn of(key: Key, record: Record, manifests: impl IntoIterator<Item = Output>) -> Option<Self> {
        let is_one = !matches!(key, Key::Closure(_));
        Self { key, records: [(key, record)].into(), manifests: by_id(manifests) }
            .checked()
            .filter(|_| is_one)
    }

    /// What everything below a request gave.
    pub fn of_closure(
        key: Key,
        records: BTreeMap<Key, Record>,
        manifests: impl IntoIterator<Item = Output>,
    ) -> Option<Self> {
        let is_closure = matches!(key, Key::Closure(_));
        Self { key, records, manifests: by_id(manifests) }.checked().filter(|_| is_closure)
    }

    /// Every tree has its manifest, there is no other, and no record is about a closure.
    fn checked(self) -> Option<Self> {
        let named: BTreeSet<BlobId> = self.trees().collect();
        let fits = named.iter().eq(self.manifests.keys())
            && self.records.keys().all(|key| !matches!(key, Key::Closure(_)));
        fits.then_some(self)
    }

    fn trees(&self) -> impl Iterator<Item = BlobId> {
        self.records.values().flat_map(|it| it.trees.values()).map(|it| BlobId::new(it.digest()))
    }

    /// What it is about.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The records in it, by what gave them.
    pub fn records(&self) -> &BTreeMap<Key, Record> {
        &self.records
    }

    /// The manifests of its trees.
    pub fn manifests(&self) -> impl Iterator<Item = &Output> {
        self.manifests.values()
    }

    /// Every blob that must be there for it to be of use, each once, in the order of their names.
    pub fn blobs(&self) -> Vec<Output> {
        let outputs = self.records.values().flat_map(|it| it.outputs.values()).chain(self.manifests.values());
        outputs.map(|it| (it.blob, *it)).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The one text; `None` where a record has none.
    pub fn to_text(&self) -> Option<String> {
        let mut text = format!("{HEADER}{}\n", self.key);
        for it in self.manifests.values() {
            let _ = writeln!(text, "manifest {} {} {}", it.blob, it.sha256, it.size);
        }
        for (key, record) in &self.records {
            let record = record.to_text().ok()?;
            let _ = write!(text, "about {key} {}\n{record}", record.len());
        }
        Some(text)
    }

    /// Reads a text; `None` where it is not the one text of a statement.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, mut rest) = text.strip_prefix(HEADER)?.split_once('\n')?;
        let (mut records, mut manifests) = (BTreeMap::new(), Vec::new());
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            if let Some(line) = line.strip_prefix("manifest ") {
                let mut parts = line.split(' ');
                let (blob, sha256) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
                manifests.push(Output { blob, sha256, size: parts.next()?.parse().ok()? });
            } else {
                let (key, length) = line.strip_prefix("about ")?.rsplit_once(' ')?;
                let (record, after) = rest.split_at_checked(length.parse().ok()?)?;
                rest = after;
                records.insert(key.parse().ok()?, Record::parse(record.as_bytes())?);
            }
        }
        let key: Key = key.parse().ok()?;
        let it = Self { key, records, manifests: by_id(manifests) }.checked()?;
        let is_sound = matches!(key, Key::Closure(_)) || it.records.keys().eq([&key]);
        // One spelling, as everywhere: two texts are never one statement.
        (is_sound && it.to_text()? == text).then_some(it)
    }
}

fn by_id(manifests: impl IntoIterator<Item = Output>) -> BTreeMap<BlobId, Output> {
    manifests.into_iter().map(|it| (it.blob, it)).collect()
}
