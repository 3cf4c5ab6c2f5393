//! Looks at everything: hashes blobs again, reads records, and follows every name.

use crate::walk::{self, RecordKey};
use crate::{Need, Output, Record, Store, StoreError, Tree, read_alias, record};
use gabion_digest::{BlobId, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// What verifying found. Nothing of it is ever taken for good by anything else: each is a miss already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Blobs whose bytes hash to their names.
    pub good: usize,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Blobs whose bytes do not.
    pub damaged: Vec<BlobId>,
    /// Records that cannot be read, by the name they get in quarantine.
    pub records: Vec<String>,
    /// Aliases that cannot be read or say another size, by their SHA-256.
    pub aliases: Vec<String>,
    /// Roots that cannot be read, and needs of roots that are not here: `NAME: kind b3:HEX`.
    pub roots: Vec<String>,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        let lists = [&self.records, &self.aliases, &self.roots];
        self.damaged.is_empty() && lists.iter().all(|list| list.is_empty())
    }
}

/// The SHA-256 that blobs really have.
type Foreign = BTreeMap<BlobId, Sha256>;

impl Store {
    /// Checks everything and changes nothing.
    pub fn verify(&self) -> Result<Health, StoreError> {
        self.examine(false)
    }

    /// The same, and what is damaged goes to quarantine.
    pub fn repair(&self) -> Result<Health, StoreError> {
        self.examine(true)
    }

    fn examine(&self, repair: bool) -> Result<Health, StoreError> {
        let mut health = Health::default();
        let mut foreign = BTreeMap::new();
        for (id, path) in self.blob_files()? {
            match self.hash(id)? {
                Some(found) if found.blob == id => {
                    (health.good, health.bytes) = (health.good + 1, health.bytes + found.size);
                    foreign.insert(id, found.sha256);
                }
                Some(_) => {
                    health.damaged.push(id);
                    self.repair_one(repair, &path, &id.hex())?;
                }
                None => {}
            }
        }
        self.examine_records(repair, &foreign, &mut health)?;
        self.examine_aliases(repair, &foreign, &mut health)?;
        self.examine_roots(repair, &mut health)?;
        Ok(health)
    }

    fn repair_one(&self, repair: bool, path: &Path, name: &str) -> Result<(), StoreError> {
        if repair { self.quarantine(path, name) } else { Ok(()) }
    }

    /// A record that cannot be read, whose tree is not one, or that gives bytes a name they have not. One whose
    /// blobs are not here is only a miss.
    fn examine_records(
        &self,
        repair: bool,
        foreign: &Foreign,
        health: &mut Health,
    ) -> Result<(), StoreError> {
        for (key, path) in self.record_files()? {
            let lies = |it: &Output| foreign.get(&it.blob).is_some_and(|real| *real != it.sha256);
            let good = match record::peek(&path, key)? {
                Some(record) => !record.outputs.values().any(lies) && self.trees_fit(&record)?,
                None => walk::meta(&path)?.is_none(),
            };
            if !good {
                health.records.push(key.file_name());
                self.repair_one(repair, &path, &key.file_name())?;
            }
        }
        Ok(())
    }

    fn trees_fit(&self, record: &Record) -> Result<bool, StoreError> {
        for (name, id) in &record.trees {
            let manifest = BlobId::new(id.digest());
            let Some((file, _)) = self.open_blob(manifest)? else { continue };
            let mut text = String::new();
            let read = file.take(crate::SMALL).read_to_string(&mut text);
            let content = read.ok().and_then(|_| Tree::parse(&text)).map(|tree| tree.content());
            if content.is_none() || content.as_ref() != record.outputs.get(name) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One that cannot be read, that says another size, or that leads to bytes with another name. One whose blob
    /// is not here any more is only a miss.
    fn examine_aliases(
        &self,
        repair: bool,
        foreign: &Foreign,
        health: &mut Health,
    ) -> Result<(), StoreError> {
        for path in self.alias_files()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let fits = |id| foreign.get(&id).is_none_or(|real| real.hex() == name);
            let good = match read_alias(&path)? {
                Some((id, size)) => !self.has(id) || (self.has_sized(id, size) && fits(id)),
                None => walk::meta(&path)?.is_none(),
            };
            if !good {
                health.aliases.push(format!("sha256:{name}"));
                self.repair_one(repair, &path, &format!("alias-{name}"))?;
            }
        }
        Ok(())
    }

    fn examine_roots(&self, repair: bool, health: &mut Health) -> Result<(), StoreError> {
        for (name, root) in self.read_roots()? {
            match root {
                Some(root) => {
                    for need in root.needs {
                        if !self.is_here(need)? {
                            health.roots.push(format!("{name}: {need}"));
                        }
                    }
                }
                None => {
                    let path = self.root.join("roots").join(&name);
                    self.repair_one(repair, &path, &format!("root-{name}"))?;
                    health.roots.push(name);
                }
            }
        }
        Ok(())
    }

    fn is_here(&self, need: Need) -> Result<bool, StoreError> {
        Ok(match need {
            Need::Request(id) => self.is_complete_at(RecordKey::Request(id), &self.record_path(id))?,
            Need::Action(id) => {
                let mut any = false;
                for (key, path) in self.action_files(id)? {
                    any |= self.is_complete_at(key, &path)?;
                }
                any
            }
            Need::Blob(id) => self.has(id),
            Need::Tree(id) => self.has(BlobId::new(id.digest())),
        })
    }

    fn is_complete_at(&self, key: RecordKey, path: &Path) -> Result<bool, StoreError> {
        Ok(record::peek(path, key)?.is_some_and(|record| self.is_complete(&record)))
    }
}
