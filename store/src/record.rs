//! Records: what a request gave when it was answered.

use crate::{Store, StoreError, fs};
use gabion_digest::{ActionId, BlobId, RequestId, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::path::PathBuf;

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

/// What a request gave: files by name, and facts that are not bytes.
///
/// Names and fact keys hold no spaces and no line ends; the text form is in `FORMAT.md`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Files.
    pub outputs: BTreeMap<String, Output>,
    /// Facts, one line each.
    pub facts: BTreeMap<String, String>,
}

const HEADER: &str = "gabion-record 1\n";
/// A record of a hundred thousand files stays far below.
const LIMIT: u64 = 64 << 20;

impl Record {
    fn to_text(&self) -> String {
        let mut text = HEADER.to_owned();
        for (name, it) in &self.outputs {
            let _ = writeln!(text, "output {name} {} {} {}", it.blob, it.sha256, it.size);
        }
        for (key, value) in &self.facts {
            let _ = writeln!(text, "fact {key} {value}");
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
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
                "fact" => {
                    record.facts.insert(name.to_owned(), rest.to_owned());
                }
                _ => return None,
            }
        }
        // One spelling: what would be written differently was not written by us.
        (record.to_text() == text).then_some(record)
    }
}

impl Store {
    fn record_path(&self, request: RequestId) -> PathBuf {
        let hex = request.hex();
        self.root.join("request").join(&hex[..2]).join(hex)
    }

    /// Remembers what `request` gave. Its blobs must be in the store already.
    pub fn put_record(&self, request: RequestId, record: &Record) -> Result<(), StoreError> {
        fs::replace(&self.tmp(), &self.record_path(request), record.to_text().as_bytes())
    }

    /// What `request` gave, if it is known and every file of it is here.
    pub fn record(&self, request: RequestId) -> Result<Option<Record>, StoreError> {
        let path = self.record_path(request);
        // Most records are a few lines: one read, without asking for the size before.
        let mut bytes = Vec::with_capacity(1024);
        let read = fs_err::File::open(&path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
        match read {
            Ok(length) if length as u64 > LIMIT => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", &path, error)),
        }
        let text = String::from_utf8_lossy(&bytes);
        let record = Record::parse(&text);
        Ok(record.filter(|record| record.outputs.values().all(|it| self.has_sized(it.blob, it.size))))
    }

    fn action_folder(&self, action: ActionId) -> PathBuf {
        let hex = action.hex();
        self.root.join("act").join(&hex[..2]).join(hex)
    }

    /// What `action` gave, once for each different result; results whose files are not here are left out.
    pub fn actions(&self, action: ActionId) -> Result<Vec<Record>, StoreError> {
        let folder = self.action_folder(action);
        let Ok(entries) = fs_err::read_dir(&folder) else { return Ok(Vec::new()) };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        let texts = paths.iter().filter_map(|path| fs_err::read_to_string(path).ok());
        let records = texts.filter_map(|text| Record::parse(&text));
        Ok(records.filter(|it| it.outputs.values().all(|it| self.has_sized(it.blob, it.size))).collect())
    }

    /// Remembers what `action` gave. Its blobs must be in the store already.
    pub fn put_action(&self, action: ActionId, record: &Record) -> Result<(), StoreError> {
        let text = record.to_text();
        let name = gabion_digest::hash_bytes(text.as_bytes()).blob.hex();
        fs::replace(&self.tmp(), &self.action_folder(action).join(name), text.as_bytes())
    }

    fn has_sized(&self, id: BlobId, size: u64) -> bool {
        fs_err::metadata(self.blob_path(id)).is_ok_and(|meta| meta.len() == size)
    }
}
