//! Several caches as one, for a build that never fails because of them.
//!
//! # Invariants
//! - Nothing here is an error for a build: what a cache does not give is made here. What went wrong is told once.
//! - A record counts only where every blob that it names is here or at a cache.
//! - Records go to a cache after their blobs, and only where all of them are there.

use crate::fetch::within;
use crate::manners::{Breaker, NoAnswer, ask, ask_soon};
use crate::{
    CacheError, Judge, Key, Manners, Opinions, Posted, Remote, Slot, Source, Statement, Trust, Verdict,
};
use crate::{Signer, fetch};
use futures_util::StreamExt;
use futures_util::stream;
use gabion_digest::BlobId;
use gabion_store::{Output, Pending, Record, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many slots or blobs are asked about in one question.
const QUESTION: usize = 1000;

/// One cache of several.
#[derive(Debug)]
struct Tier {
    remote: Arc<dyn Remote>,
    read: Breaker,
    /// `None` where nothing is put there.
    write: Option<Breaker>,
    /// What is there: put in this run, or seen.
    there: Mutex<BTreeSet<BlobId>>,
}

/// Hears what is worth knowing, one sentence each.
type Tell = Box<dyn Fn(String) + Send + Sync>;

/// Several caches, asked in order, and whose records count.
pub struct Tiered {
    tiers: Vec<Tier>,
    trust: Trust,
    manners: Manners,
    tell: Tell,
    judge: Mutex<Judge>,
    /// Which blobs came wrong from which cache: the next put there does not ask whether they are there.
    lied: Mutex<BTreeSet<(usize, BlobId)>>,
}

impl fmt::Debug for Tiered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tiered")
            .field("tiers", &self.tiers)
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}

/// What was put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shared {
    /// Blobs that were not there before.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records.
    pub records: u64,
    /// Records and blobs that could not be put.
    pub failed: u64,
}

impl Shared {
    fn add(&mut self, other: Self) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
        self.records += other.records;
        self.failed += other.failed;
    }
}

/// What was taken into the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The records, with who signed them.
    pub records: BTreeMap<Key, BTreeSet<Signer>>,
    /// How many blobs came from caches.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tiered {
    /// No cache yet. `tell` hears what is worth knowing.
    pub fn new(trust: Trust, manners: Manners, tell: impl Fn(String) + Send + Sync + 'static) -> Self {
        let (judge, lied) = (Mutex::default(), Mutex::default());
        Self { tiers: Vec::new(), trust, manners, tell: Box::new(tell), judge, lied }
    }

    /// Adds a cache, asked after those that are there.
    pub fn add(&mut self, remote: Arc<dyn Remote>, write: bool) {
        let (read, there) = (Breaker::default(), Mutex::default());
        self.tiers.push(Tier { remote, read, write: write.then(Breaker::default), there });
    }

    /// Whether there is no cache.
    pub fn is_empty(&self) -> bool {
        self.tiers.is_empty()
    }

    /// Whether anything is put anywhere.
    pub fn writes(&self) -> bool {
        self.tiers.iter().any(|it| it.write.is_some())
    }

    fn told<T>(&self, tier: &Tier, answer: Result<T, NoAnswer>) -> Option<T> {
        match answer {
            Ok(value) => return Some(value),
            Err(NoAnswer::Off) => {}
            Err(NoAnswer::Only(error)) => (self.tell)(text(&error)),
            Err(NoAnswer::Now(error)) => {
                let name = tier.remote.name();
                (self.tell)(format!("{}; `{name}` is not asked again in this run", text(&error)));
            }
        }
        None
    }

    /// What is said about `keys` by enough of those whose records count.
    pub async fn lookup(&self, keys: &[Key]) -> Verdict {
        let mut said: Vec<(Slot, Statement)> = Vec::new();
        let mut verdict = Verdict::default();
        for tier in &self.tiers {
            let is_open = |key: &&Key| !matches!(key, Key::Closure(_)) && !verdict.accepted.contains_key(key);
            let closure = |key: &&Key| matches!(key, Key::Closure(_)) && verdict.accepted.is_empty();
            let open = keys.iter().filter(|key| is_open(key) || closure(key));
            let slots: Vec<Slot> = open.flat_map(|key| self.trust.slots(*key)).collect();
            for slots in slots.chunks(QUESTION) {
                said.extend(self.said(tier, slots).await);
            }
            verdict = self.trust.judge(said.iter().map(|(slot, it)| (slot.signer, it)));
        }
        for (key, signers) in &verdict.disagree {
            let signers: Vec<String> = signers.iter().map(|it| format!("`{it}`")).collect();
            (self.tell)(format!(
                "{} do not give the same for {key}: it is made here; `gabion challenge` shows where",
                signers.join(" and ")
            ));
        }
        verdict
    }

    /// The statements in `slots` that count.
    async fn said(&self, tier: &Tier, slots: &[Slot]) -> Vec<(Slot, Statement)> {
        let remote = &*tier.remote;
        let answer = ask_soon(&self.manners, &tier.read, remote, async || remote.records(slots).await).await;
        let found = self.told(tier, answer).unwrap_or_default();
        let mut said = Vec::new();
        for (slot, bytes) in slots.iter().zip(found).filter_map(|(slot, it)| Some((slot, it?))) {
            match locked(&self.judge).open(remote.name(), slot, &bytes) {
                Ok(statement) => said.push((slot.clone(), statement)),
                Err(error) => (self.tell)(text(&error)),
            }
        }
        said
    }

    /// What everybody whose records count says of `keys`, at every cache.
    pub async fn opinions(&self, keys: &[Key]) -> Opinions {
        let slots: Vec<Slot> = keys.iter().flat_map(|key| self.trust.slots(*key)).collect();
        let mut opinions = Opinions::default();
        for tier in &self.tiers {
            for slots in slots.chunks(QUESTION) {
                for (slot, statement) in self.said(tier, slots).await {
                    opinions.add(slot.signer, &statement);
                }
            }
        }
        opinions
    }

    /// Takes blobs into the store, as far as caches have them, and notes nothing of what they are for.
    pub async fn bring(&self, store: &Store, blobs: &[Output]) -> Result<(), StoreError> {
        let mut wanted = BTreeMap::new();
        for blob in blobs {
            if !is_here(store, blob)? {
                wanted.insert(blob.blob, *blob);
            }
        }
        let places = self.places(&wanted.values().copied().collect::<Vec<_>>()).await;
        let moved = wanted.into_values().filter(|it| places.contains_key(&it.blob));
        stream::iter(moved)
            .map(async |blob| self.take_blob(store, &blob, &places[&blob.blob]).await)
            .buffer_unordered(self.manners.parallel)
            .collect::<Vec<bool>>()
            .await;
        Ok(())
    }

    /// Takes what is accepted into the store, as far as every blob of a record is here or comes from a cache.
    ///
    /// Whether all are there is asked before the first one is moved.
    pub async fn take(&self, store: &Store, verdict: &Verdict) -> Result<Taken, StoreError> {
        let mut needs: BTreeMap<Key, (&Record, Vec<Output>)> = BTreeMap::new();
        for (key, (record, _)) in &verdict.accepted {
            needs.extend(verdict.blobs_of(record).map(|blobs| (*key, (record, blobs))));
        }
        let mut wanted = BTreeMap::new();
        for blob in needs.values().flat_map(|(_, blobs)| blobs) {
            if !is_here(store, blob)? {
                wanted.insert(blob.blob, *blob);
            }
        }
        let places = self.places(&wanted.values().copied().collect::<Vec<_>>()).await;
        needs.retain(|_, (_, blobs)| {
            blobs.iter().all(|it| !wanted.contains_key(&it.blob) || places.contains_key(&it.blob))
        });
        let moved: BTreeMap<BlobId, Output> = needs
            .values()
            .flat_map(|(_, blobs)| blobs)
            .filter(|it| wanted.contains_key(&it.blob))
            .map(|it| (it.blob, *it))
            .collect();
        let came: Vec<(Output, bool)> = stream::iter(moved.into_values())
            .map(async |blob| (blob, self.take_blob(store, &blob, &places[&blob.blob]).await))
            .buffer_unordered(self.manners.parallel)
            .collect()
            .await;
        let failed: BTreeSet<BlobId> = came.iter().filter(|it| !it.1).map(|it| it.0.blob).collect();
        needs.retain(|_, (_, blobs)| blobs.iter().all(|it| !failed.contains(&it.blob)));
        let mut pending = Pending::default();
        let mut taken = Taken::default();
        for (key, (record, _)) in needs {
            pending = match key {
                Key::Request(id) => pending.request(id, record)?,
                Key::Action(id) => pending.action(id, record)?,
                Key::Closure(_) => continue,
            };
            taken.records.insert(key, verdict.accepted[&key].1.clone());
        }
        store.commit(pending)?;
        let good = came.iter().filter(|it| it.1);
        (taken.blobs, taken.bytes) = good.fold((0, 0), |(count, sum), it| (count + 1, sum + it.0.size));
        Ok(taken)
    }

    /// Which caches say that they have which of `blobs`.
    async fn places(&self, blobs: &[Output]) -> BTreeMap<BlobId, Vec<usize>> {
        let mut places: BTreeMap<BlobId, Vec<usize>> = BTreeMap::new();
        for (index, tier) in self.tiers.iter().enumerate() {
            let open: Vec<Output> =
                blobs.iter().filter(|it| !places.contains_key(&it.blob)).copied().collect();
            let there = self.there(tier, &tier.read, &open).await.unwrap_or_default();
            for blob in there {
                places.entry(blob).or_default().push(index);
            }
        }
        places
    }

    /// Which of `blobs` a cache says that it has; `None` where it does not answer.
    async fn there(&self, tier: &Tier, breaker: &Breaker, blobs: &[Output]) -> Option<BTreeSet<BlobId>> {
        let remote = &*tier.remote;
        let mut found = locked(&tier.there).clone();
        let open: Vec<Output> = blobs.iter().filter(|it| !found.contains(&it.blob)).copied().collect();
        for blobs in open.chunks(QUESTION) {
            let answer = ask_soon(&self.manners, breaker, remote, async || remote.has(blobs).await).await;
            found.extend(self.told(tier, answer)?);
        }
        locked(&tier.there).extend(&found);
        Some(blobs.iter().map(|it| it.blob).filter(|it| found.contains(it)).collect())
    }

    async fn take_blob(&self, store: &Store, blob: &Output, places: &[usize]) -> bool {
        for index in places {
            let tier = &self.tiers[*index];
            let work = async || fetch(&*tier.remote, store, blob, &self.manners).await;
            let attempts = ask(&self.manners, &tier.read, work);
            let answer = tokio::time::timeout(self.manners.deadline(blob.size), attempts).await;
            let late =
                || CacheError::unreachable(tier.remote.name(), format!("`{}` took too long", blob.blob));
            let answer = answer.unwrap_or_else(|_| Err(NoAnswer::Only(late())));
            if let Err(NoAnswer::Only(CacheError::Lie { .. })) = &answer {
                locked(&self.lied).insert((*index, blob.blob));
                locked(&tier.there).remove(&blob.blob);
            }
            if self.told(tier, answer) == Some(true) {
                return true;
            }
        }
        false
    }

    /// Puts blobs of the store to every cache that takes them and has them not.
    pub async fn share_blobs(&self, store: &Store, blobs: &[Output]) -> Shared {
        let mut shared = Shared::default();
        for (index, tier) in self.tiers.iter().enumerate() {
            if let Some(breaker) = &tier.write {
                shared.add(self.put_blobs(store, (index, tier), breaker, blobs).await.0);
            }
        }
        shared
    }

    /// Puts records, and before that the blobs that they name, to every cache that takes them.
    pub async fn share(&self, store: &Store, records: &[Posted]) -> Shared {
        let blobs: BTreeMap<BlobId, Output> =
            records.iter().flat_map(|it| &it.blobs).map(|it| (it.blob, *it)).collect();
        let blobs: Vec<Output> = blobs.into_values().collect();
        let mut shared = Shared::default();
        for (index, tier) in self.tiers.iter().enumerate() {
            let Some(breaker) = &tier.write else { continue };
            let (put, there) = self.put_blobs(store, (index, tier), breaker, &blobs).await;
            shared.add(put);
            let is_whole = |it: &&Posted| it.blobs.iter().all(|it| there.contains(&it.blob));
            let whole: Vec<Posted> = records.iter().filter(is_whole).cloned().collect();
            shared.failed += (records.len() - whole.len()) as u64;
            let remote = &*tier.remote;
            for some in whole.chunks(QUESTION) {
                let size = some.iter().map(|it| it.bytes.len() as u64).sum();
                let patience = self.manners.deadline(size);
                let work = async || within(patience, remote, remote.put_records(some)).await;
                let answer = ask(&self.manners, breaker, work).await;
                match self.told(tier, answer) {
                    Some(()) => shared.records += some.len() as u64,
                    None => shared.failed += some.len() as u64,
                }
            }
        }
        shared
    }

    /// Gives what was put, and which of `blobs` are there now.
    async fn put_blobs(
        &self,
        store: &Store,
        (index, tier): (usize, &Tier),
        breaker: &Breaker,
        blobs: &[Output],
    ) -> (Shared, BTreeSet<BlobId>) {
        let mut shared = Shared::default();
        let Some(mut there) = self.there(tier, breaker, blobs).await else {
            return (Shared { failed: blobs.len() as u64, ..shared }, BTreeSet::new());
        };
        let lied = locked(&self.lied).clone();
        there.retain(|it| !lied.contains(&(index, *it)));
        let missing: Vec<Output> = blobs.iter().filter(|it| !there.contains(&it.blob)).copied().collect();
        let put: Vec<(Output, bool)> = stream::iter(missing)
            .map(async |blob| (blob, self.put_blob(store, tier, breaker, &blob).await))
            .buffer_unordered(self.manners.parallel)
            .collect()
            .await;
        for (blob, done) in put {
            if done {
                there.insert(blob.blob);
                locked(&tier.there).insert(blob.blob);
                locked(&self.lied).remove(&(index, blob.blob));
                shared.blobs += 1;
                shared.bytes += blob.size;
            } else {
                shared.failed += 1;
            }
        }
        (shared, there)
    }

    async fn put_blob(&self, store: &Store, tier: &Tier, breaker: &Breaker, blob: &Output) -> bool {
        // It may have gone away since somebody named it; then there is nothing to share.
        let Ok(Some(source)) = Source::of_store(store, blob) else { return false };
        let attempts = ask(&self.manners, breaker, async || tier.remote.put(&source).await);
        let answer = tokio::time::timeout(self.manners.deadline(blob.size), attempts).await;
        let late = || CacheError::unreachable(tier.remote.name(), format!("`{}` took too long", blob.blob));
        self.told(tier, answer.unwrap_or_else(|_| Err(NoAnswer::Only(late())))).is_some()
    }
}

/// Whether a blob is in the store under all its names.
fn is_here(store: &Store, blob: &Output) -> Result<bool, StoreError> {
    Ok(store.find(blob.sha256)?.is_some_and(|it| it == *blob))
}

/// An error with its cause in one line.
fn text(error: &CacheError) -> String {
    let mut text = format!("[{}] {error}", error.code());
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    text
}
