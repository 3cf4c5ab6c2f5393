//! How much room what takes.

use crate::walk::{self, RecordKey};
use crate::{Count, Store, StoreError, record};
use gabion_digest::{ActionId, BlobId, RequestId};
use std::collections::{BTreeMap, BTreeSet};

/// What one root takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootUsage {
    /// Its name.
    pub name: String,
    /// Why it is there.
    pub reason: String,
    /// Every blob that it reaches.
    pub total: Count,
    /// Those that no other root reaches: what removing it would free.
    pub exclusive: Count,
}

/// What takes how much room. Blobs only: everything else is small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Every root, by name.
    pub roots: Vec<RootUsage>,
    /// All blobs.
    pub blobs: Count,
    /// Those that no root reaches.
    pub unreached: Count,
    /// Downloads that were cut.
    pub partial: Count,
    /// Damaged files, kept for a person to look at.
    pub quarantine: Count,
}

/// Who names a blob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Referrer {
    /// A root, by name, directly or through what it keeps.
    Root(String),
    /// The record of a request.
    Request(RequestId),
    /// A record of an action.
    Action(ActionId),
}

impl Store {
    /// Everything that names a blob: roots that reach it, and records.
    pub fn referrers(&self, id: BlobId) -> Result<Vec<Referrer>, StoreError> {
        let known = self.known();
        let mut found = BTreeSet::new();
        for (name, root) in self.roots()? {
            if self.reached(&root.needs)?.contains(&id) {
                found.insert(Referrer::Root(name));
            }
        }
        for (key, path) in self.record_files()? {
            let names = match known.names(key) {
                Some(blobs) => blobs.contains(&id),
                None => record::peek(&path, key)?.is_some_and(|record| record.blobs().any(|it| it == id)),
            };
            if names {
                found.insert(match key {
                    RecordKey::Request(id) => Referrer::Request(id),
                    RecordKey::Action(id, _) => Referrer::Action(id),
                });
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Measures the store, root by root.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let sizes: BTreeMap<BlobId, u64> = self.list()?.into_iter().map(|it| (it.id, it.size)).collect();
        let mut reached = Vec::new();
        let mut by: BTreeMap<BlobId, usize> = BTreeMap::new();
        for (name, root) in self.roots()? {
            let blobs = self.reached(&root.needs)?;
            for id in &blobs {
                *by.entry(*id).or_default() += 1;
            }
            reached.push((name, root.reason, blobs));
        }
        let count = |blobs: &mut dyn Iterator<Item = &BlobId>| {
            let mut count = Count::default();
            blobs.filter_map(|id| sizes.get(id)).for_each(|size| count.add(*size));
            count
        };
        let roots = reached.into_iter().map(|(name, reason, blobs): (_, _, BTreeSet<BlobId>)| RootUsage {
            name,
            reason,
            total: count(&mut blobs.iter()),
            exclusive: count(&mut blobs.iter().filter(|id| by.get(id) == Some(&1))),
        });
        Ok(Usage {
            roots: roots.collect(),
            blobs: count(&mut sizes.keys()),
            unreached: count(&mut sizes.keys().filter(|id| !by.contains_key(id))),
            partial: self.measure("fetch")?,
            quarantine: self.measure("quarantine")?,
        })
    }

    fn measure(&self, folder: &str) -> Result<Count, StoreError> {
        let mut count = Count::default();
        for path in walk::entries(&self.root.join(folder))? {
            if let Some(meta) = walk::meta(&path)? {
                count.add(meta.len());
            }
        }
        Ok(count)
    }
}
