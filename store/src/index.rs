//! The index: what the tree tells only slowly. Derived, disposable, never asked whether something exists.
//!
//! It remembers what cannot change, because it is named by content (the size of a blob, the blobs that a
//! record of an action names), and when a blob was last used. `gc`, `usage`, `list` and `referrers` give the
//! same answers without it; builds never open it.
//!
//! sled has no durable write on Linux and one process at a time, so: journals are folded by whoever gets
//! `index.lock` without waiting, every value carries a checksum, and any error or panic throws all of it away.

use crate::journal::{self, Event, seconds};
use crate::walk::{self, RecordKey};
use crate::{Store, StoreError, fs, record};
use gabion_digest::{ActionId, BlobId, Digest};
use rustix::fs::FlockOperation;
use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime};

/// The version is part of the path: another one is another folder, never a conversion.
const FOLDER: &str = "index/sled-0.34-v1";
/// Written last when the index was made from the tree.
const COMPLETE: &[u8] = b"complete";
const CACHE: u64 = 32 << 20;

/// What the index knows. Empty where there is none: then everything is asked of the tree.
#[derive(Debug, Default)]
pub(crate) struct Known {
    blobs: BTreeMap<BlobId, (u64, u64)>,
    actions: BTreeMap<(ActionId, Digest), Vec<BlobId>>,
}

impl Known {
    pub(crate) fn size(&self, id: BlobId) -> Option<u64> {
        self.blobs.get(&id).map(|(size, _)| *size)
    }

    pub(crate) fn used(&self, id: BlobId) -> Option<SystemTime> {
        self.blobs.get(&id).map(|(_, used)| SystemTime::UNIX_EPOCH + Duration::from_secs(*used))
    }

    /// What a record names, where that can be known without reading it.
    pub(crate) fn names(&self, key: RecordKey) -> Option<&Vec<BlobId>> {
        match key {
            RecordKey::Action(action, record) => self.actions.get(&(action, record)),
            // Another record may stand under the same request any moment.
            RecordKey::Request(_) => None,
        }
    }
}

/// The index is of no use: it is thrown away, whatever the reason.
struct Broken;

impl From<sled::Error> for Broken {
    fn from(_: sled::Error) -> Self {
        Self
    }
}

impl From<StoreError> for Broken {
    fn from(_: StoreError) -> Self {
        Self
    }
}

impl Store {
    /// Folds what the journals tell into the index and gives all that it knows.
    pub(crate) fn known(&self) -> Known {
        self.journal.close();
        self.with_index(|db| {
            self.fold(db)?;
            read(db)
        })
        .unwrap_or_default()
    }

    /// Forgets what is gone: the index does not grow for ever.
    pub(crate) fn forget(&self, blobs: &[BlobId], records: impl Iterator<Item = RecordKey>) {
        let keys = blobs.iter().map(|id| blob_key(*id));
        let actions = records.filter_map(|key| match key {
            RecordKey::Action(action, record) => Some(action_key(action, record)),
            RecordKey::Request(_) => None,
        });
        let keys: Vec<Vec<u8>> = keys.chain(actions).collect();
        let _next_time = self.with_index(|db| {
            for key in &keys {
                db.remove(key)?;
            }
            Ok(db.flush().map(drop)?)
        });
    }

    /// Runs `work` on the index, at most twice: the second time on one made from the tree. `None` where there
    /// is none to be had, also where another process has it.
    fn with_index<T>(&self, work: impl Fn(&sled::Db) -> Result<T, Broken>) -> Option<T> {
        let _lock = self.index_lock().filter(|_| self.journal.is_on())?;
        for _ in 0..2 {
            let attempt = catch_unwind(AssertUnwindSafe(|| work(&self.open_index()?)));
            if let Ok(Ok(found)) = attempt {
                return Some(found);
            }
            fs::remove_derived(&self.root.join(FOLDER)).ok()?;
        }
        None
    }

    fn index_lock(&self) -> Option<File> {
        let lock = fs::lock_file(&self.root.join("index.lock")).ok()?;
        fs::try_lock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?.then_some(lock)
    }

    fn open_index(&self) -> Result<sled::Db, Broken> {
        let path = self.root.join(FOLDER);
        let db = sled::Config::new().path(path).cache_capacity(CACHE).flush_every_ms(None).open()?;
        if get(&db, COMPLETE)?.is_none() {
            self.rebuild(&db)?;
        }
        Ok(db)
    }

    /// Makes the index from the tree.
    fn rebuild(&self, db: &sled::Db) -> Result<(), Broken> {
        db.clear()?;
        for (id, path) in self.blob_files()? {
            let Some(meta) = walk::meta(&path)? else { continue };
            let used = meta.modified().map_or(0, seconds);
            put(db, &blob_key(id), &blob_value(meta.len(), used))?;
        }
        for (key, path) in self.record_files()? {
            let RecordKey::Action(action, record) = key else { continue };
            if let Some(found) = record::peek(&path, key)? {
                put(db, &action_key(action, record), &names_value(found.blobs()))?;
            }
        }
        put(db, COMPLETE, b"")?;
        db.flush()?;
        Ok(())
    }

    /// Takes over the journals that nobody writes any more. One that is folded twice changes nothing.
    fn fold(&self, db: &sled::Db) -> Result<(), Broken> {
        let mut folded = Vec::new();
        for path in walk::entries(&self.root.join("journal"))? {
            let Some(held) = fs::take_over(&path)? else { continue };
            for (time, event) in journal::read(&path) {
                apply(db, time, &event)?;
            }
            folded.push((held, path));
        }
        db.flush()?;
        for (_held, path) in folded {
            fs::remove(&path)?;
        }
        Ok(())
    }
}

fn apply(db: &sled::Db, time: u64, event: &Event) -> Result<(), Broken> {
    match event {
        Event::Used(id, size) => {
            let before = get(db, &blob_key(*id))?.map(|value| read_blob(&value)).transpose()?;
            let used = before.map_or(time, |(_, used)| used.max(time));
            put(db, &blob_key(*id), &blob_value(*size, used))
        }
        Event::Names(action, record, blobs) => {
            put(db, &action_key(*action, *record), &names_value(blobs.iter().copied()))
        }
    }
}

fn read(db: &sled::Db) -> Result<Known, Broken> {
    let mut known = Known::default();
    for entry in db.iter() {
        let (key, value) = entry?;
        let value = checked(&key, &value)?;
        match (key.first(), key.len()) {
            (Some(b'b'), 33) => {
                known.blobs.insert(BlobId::new(digest(&key[1..])?), read_blob(value)?);
            }
            (Some(b'a'), 65) => {
                let ids = (ActionId::new(digest(&key[1..33])?), digest(&key[33..])?);
                let blobs = value.chunks(32).map(|part| digest(part).map(BlobId::new));
                known.actions.insert(ids, blobs.collect::<Result<_, _>>()?);
            }
            _ if *key == *COMPLETE => {}
            _ => return Err(Broken),
        }
    }
    Ok(known)
}

fn blob_key(id: BlobId) -> Vec<u8> {
    [b"b".as_slice(), id.digest().as_bytes()].concat()
}

fn action_key(action: ActionId, record: Digest) -> Vec<u8> {
    [b"a".as_slice(), action.digest().as_bytes(), record.as_bytes()].concat()
}

fn blob_value(size: u64, used: u64) -> Vec<u8> {
    [size.to_le_bytes(), used.to_le_bytes()].concat()
}

fn names_value(blobs: impl Iterator<Item = BlobId>) -> Vec<u8> {
    blobs.flat_map(|id| *id.digest().as_bytes()).collect()
}

fn read_blob(value: &[u8]) -> Result<(u64, u64), Broken> {
    let (size, used) = value.split_at_checked(8).ok_or(Broken)?;
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| Broken);
    Ok((number(size)?, number(used)?))
}

fn digest(bytes: &[u8]) -> Result<Digest, Broken> {
    bytes.try_into().map(Digest::from_bytes).map_err(|_| Broken)
}

/// The first 8 bytes of the BLAKE3 of key and value, which stand before each value.
fn checksum(key: &[u8], value: &[u8]) -> [u8; 8] {
    let digest = Digest::of(&[key, value].concat());
    let mut sum = [0; 8];
    sum.copy_from_slice(&digest.as_bytes()[..8]);
    sum
}

fn checked<'v>(key: &[u8], stored: &'v [u8]) -> Result<&'v [u8], Broken> {
    let (sum, value) = stored.split_at_checked(8).ok_or(Broken)?;
    if sum == checksum(key, value) { Ok(value) } else { Err(Broken) }
}

fn get(db: &sled::Db, key: &[u8]) -> Result<Option<Vec<u8>>, Broken> {
    db.get(key)?.map(|stored| checked(key, &stored).map(<[u8]>::to_vec)).transpose()
}

fn put(db: &sled::Db, key: &[u8], value: &[u8]) -> Result<(), Broken> {
    db.insert(key, [checksum(key, value).as_slice(), value].concat())?;
    Ok(())
}
