//! What is reached, and what may go.

use super::{Count, Policy};
use crate::index::Known;
use crate::walk::{self, RecordKey};
use crate::{Need, Record, Store, StoreError, record};
use gabion_digest::BlobId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::SystemTime;

/// A file that may go.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) size: u64,
    /// The file's own time: when it is another one later, the file was used meanwhile.
    pub(super) modified: SystemTime,
    /// The last use that is known from anywhere.
    pub(super) used: SystemTime,
}

/// What may go; sweeping takes out what turns out to be needed.
#[derive(Debug, Default)]
pub(super) struct Condemned {
    pub(super) records: Vec<(RecordKey, Item)>,
    pub(super) blobs: Vec<(BlobId, Item)>,
    /// All blobs of the store.
    pub(super) all: Count,
}

/// A record with what it names.
struct Named {
    key: RecordKey,
    item: Item,
    blobs: Vec<BlobId>,
}

impl Store {
    /// What roots and living leases name.
    pub(crate) fn needed(&self) -> Result<BTreeSet<Need>, StoreError> {
        let mut needs = self.leased()?;
        needs.extend(self.roots()?.into_values().flat_map(|root| root.needs));
        Ok(needs)
    }

    /// The blobs behind needs.
    pub(crate) fn reached(&self, needs: &BTreeSet<Need>) -> Result<BTreeSet<BlobId>, StoreError> {
        let mut blobs = BTreeSet::new();
        for need in needs {
            let records = match need {
                Need::Request(id) => vec![(RecordKey::Request(*id), self.record_path(*id))],
                Need::Action(id) => self.action_files(*id)?,
                Need::Blob(id) => {
                    blobs.insert(*id);
                    continue;
                }
                Need::Tree(id) => {
                    blobs.insert(BlobId::new(id.digest()));
                    blobs.extend(self.tree(*id)?.map(|tree| tree.content().blob));
                    continue;
                }
            };
            for (key, path) in records {
                blobs.extend(record::peek(&path, key)?.iter().flat_map(Record::blobs));
            }
        }
        Ok(blobs)
    }

    /// Decides what may go. Takes no lock and changes nothing.
    pub(super) fn condemn(&self, policy: &Policy, now: SystemTime) -> Result<Condemned, StoreError> {
        let needs = self.needed()?;
        let reached = self.reached(&needs)?;
        let known = self.known();
        let mut records = self.known_records(&known)?;
        // An action's record costs nothing while its blobs are kept anyway, and lets work be cut short.
        let kept = |it: &Named| {
            needs.contains(&it.key.need())
                || (matches!(it.key, RecordKey::Action(..))
                    && !it.blobs.is_empty()
                    && it.blobs.iter().all(|id| reached.contains(id)))
        };
        records.retain(|it| !kept(it));
        let (blobs, all) = self.condemn_blobs(policy, now, &reached, &known, &records)?;
        let gone: BTreeSet<BlobId> = blobs.iter().map(|(id, _)| *id).collect();
        let limit = policy.limit(now);
        records.retain(|it| it.item.used < limit || it.blobs.iter().any(|id| gone.contains(id)));
        let records = records.into_iter().map(|it| (it.key, it.item)).collect();
        Ok(Condemned { records, blobs, all })
    }

    /// Blobs that are not reached, oldest use first, as many as may go.
    fn condemn_blobs(
        &self,
        policy: &Policy,
        now: SystemTime,
        reached: &BTreeSet<BlobId>,
        known: &Known,
        records: &[Named],
    ) -> Result<(Vec<(BlobId, Item)>, Count), StoreError> {
        let mut by_record: BTreeMap<BlobId, SystemTime> = BTreeMap::new();
        for record in records {
            for id in &record.blobs {
                let used = by_record.entry(*id).or_insert(record.item.used);
                *used = record.item.used.max(*used);
            }
        }
        let (mut all, mut candidates) = (Count::default(), Vec::new());
        for (id, path) in self.blob_files()? {
            if let (true, Some(size)) = (reached.contains(&id), known.size(id)) {
                all.add(size);
                continue;
            }
            let Some(mut item) = item(path)? else { continue };
            all.add(item.size);
            if !reached.contains(&id) {
                let others = [by_record.get(&id).copied(), known.used(id)];
                item.used = others.into_iter().flatten().fold(item.used, SystemTime::max);
                candidates.push((id, item));
            }
        }
        candidates.sort_by_key(|(id, item)| (item.used, *id));
        let limit = policy.limit(now);
        let mut excess = policy.max_size.map_or(0, |max| all.bytes.saturating_sub(max));
        let may_go = candidates.into_iter().take_while(|(_, item)| {
            let goes = item.used < limit || excess > 0;
            excess = excess.saturating_sub(item.size);
            goes
        });
        let mut blobs: Vec<_> = may_go.collect();
        blobs.sort_by_key(|(id, _)| *id);
        Ok((blobs, all))
    }

    fn known_records(&self, known: &Known) -> Result<Vec<Named>, StoreError> {
        let mut found = Vec::new();
        for (key, path) in self.record_files()? {
            let blobs = match known.names(key) {
                Some(blobs) => Some(blobs.clone()),
                None => record::peek(&path, key)?.map(|record| record.blobs().collect()),
            };
            let Some(item) = item(path)? else { continue };
            // One that cannot be read names nothing, and goes when it is old.
            found.push(Named { key, item, blobs: blobs.unwrap_or_default() });
        }
        Ok(found)
    }
}

fn item(path: PathBuf) -> Result<Option<Item>, StoreError> {
    let Some(meta) = walk::meta(&path)? else { return Ok(None) };
    let modified = meta.modified().map_err(|error| StoreError::io("read", &path, error))?;
    Ok(Some(Item { path, size: meta.len(), modified, used: modified }))
}
