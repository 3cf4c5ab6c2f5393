//! Records: what a request gave when it was answered, or an action when it ran.

use crate::walk::RecordKey;
use crate::{Pending, Store, StoreError, fs, read_small};
use gabion_digest::{BlobId, Hashed, RequestId, Sha256, TreeId};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// One file that work gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// Its bytes.
    pub blob: BlobId,
    /// The foreign name of its bytes.
    pub sha256: Sha256,
    /// How many they are.
    pub size: u64,
}

impl From<Hashed> for Output {
    fn from(hashed: Hashed) -> Self {
        Self { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size }
    }
}

/// What work gave: files by name, which of them are trees, and facts that are not bytes.
///
/// Names and fact keys hold no spaces and no line ends; the text form is in `FORMAT.md`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Files.
    pub outputs: BTreeMap<String, Output>,
    /// The manifests of those outputs that are the content of a tree.
    pub trees: BTreeMap<String, TreeId>,
    /// Facts, one line each.
    pub facts: BTreeMap<String, String>,
}

const HEADER: &str = "gabion-record 1\n";

impl Record {
    /// The one text of this record; an error where a name or fact has no place in it.
    pub fn to_text(&self) -> Result<String, StoreError> {
        let names = self.outputs.keys().chain(self.facts.keys());
        let odd_name = names.into_iter().find(|name| !is_word(name));
        let odd_tree = self.trees.keys().find(|name| !self.outputs.contains_key(*name));
        let odd_fact = self.facts.values().find(|value| value.contains(['\n', '\r']));
        match odd_name.or(odd_tree).or(odd_fact) {
            Some(odd) => Err(StoreError::Name { kind: "record", name: odd.clone() }),
            None => Ok(self.render()),
        }
    }

    fn render(&self) -> String {
        let mut text = HEADER.to_owned();
        for (name, it) in &self.outputs {
            let _ = writeln!(text, "output {name} {} {} {}", it.blob, it.sha256, it.size);
        }
        for (name, tree) in &self.trees {
            let _ = writeln!(text, "tree {name} {tree}");
        }
        for (key, value) in &self.facts {
            let _ = writeln!(text, "fact {key} {value}");
        }
        text
    }

    /// The record of a text; `None` where it is not the one text of a record.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut record = Self::default();
        for line in text.strip_prefix(HEADER)?.lines() {
            let (kind, rest) = line.split_once(' ')?;
            let (name, rest) = rest.split_once(' ')?;
            match kind {
                "output" => {
                    let mut parts = rest.split(' ');
                    let output = Output {
                        blob: parts.next()?.parse().ok()?,
                        sha256: parts.next()?.parse().ok()?,
                        size: parts.next()?.parse().ok()?,
                    };
                    record.outputs.insert(name.to_owned(), output);
                }
                "tree" => {
                    record.trees.insert(name.to_owned(), rest.parse().ok()?);
                }
                "fact" => {
                    record.facts.insert(name.to_owned(), rest.to_owned());
                }
                _ => return None,
            }
        }
        // One spelling: what would be written differently was not written by us.
        record.to_text().is_ok_and(|written| written == text).then_some(record)
    }

    /// Every blob that must be there for this record to be of use.
    pub fn blobs(&self) -> impl Iterator<Item = BlobId> + '_ {
        let manifests = self.trees.values().map(|tree| BlobId::new(tree.digest()));
        self.outputs.values().map(|it| it.blob).chain(manifests)
    }
}

/// A name that stands between spaces: something, and nothing that could end it.
fn is_word(name: &str) -> bool {
    !name.is_empty() && !name.contains(|it: char| it.is_whitespace() || it.is_control())
}

/// Reads one record and leaves everything where it is.
pub(crate) fn peek(path: &Path, key: RecordKey) -> Result<Option<Record>, StoreError> {
    Ok(read_small(path)?.and_then(|bytes| key.parse(&bytes)))
}

impl Store {
    pub(crate) fn record_path(&self, request: RequestId) -> PathBuf {
        let hex = request.hex();
        self.root.join("request").join(&hex[..2]).join(hex)
    }

    /// Remembers what `request` gave. Its blobs must be in the store already.
    pub fn put_record(&self, request: RequestId, record: &Record) -> Result<(), StoreError> {
        self.commit(Pending::default().request(request, record)?)
    }

    /// What `request` gave, if it is known and every file of it is here.
    pub fn record(&self, request: RequestId) -> Result<Option<Record>, StoreError> {
        let path = self.record_path(request);
        let record = self.load_record(&path, RecordKey::Request(request))?;
        Ok(record.filter(|record| self.is_complete(record) && fs::touch(&path)))
    }

    /// Reads one record; one that cannot be read goes to quarantine and is none.
    pub(crate) fn load_record(&self, path: &Path, key: RecordKey) -> Result<Option<Record>, StoreError> {
        let Some(bytes) = read_small(path)? else { return Ok(None) };
        let record = key.parse(&bytes);
        if record.is_none() {
            self.quarantine(path, &key.file_name())?;
        }
        Ok(record)
    }

    pub(crate) fn is_complete(&self, record: &Record) -> bool {
        record.outputs.values().all(|it| self.has_sized(it.blob, it.size))
            && record.trees.values().all(|tree| self.has(BlobId::new(tree.digest())))
    }
}
