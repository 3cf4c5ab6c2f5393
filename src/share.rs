//! What a build takes from caches, and what it gives to them.
//!
//! A record that comes from a cache becomes one of the store, where it is judged like any other. What this run made is
//! signed and put at its end; the blobs go there meanwhile.
//!
//! # Invariants
//! - No cache makes a build fail.
//! - A key signs only what was made in its run, or what it signed before: what others signed keeps their signatures, so
//!   that a quorum counts those who made something. `gabion cache push` alone vouches for all that is here.
//! - The record of a bundle is not shared: it says that a file was written here.

use crate::config::Cache;
use crate::event::{Event, Events};
use crate::lock::LockedGraph;
use crate::net::{Client, remote};
use crate::recipe::{Address, Kind};
use gabion_cache::{
    CacheError, Key, Manners, Opinions, Shared, Signer, Statement, Taken, Tiered, Verdict, seal,
};
use gabion_digest::{ActionId, BlobId, DualHasher, RequestId, TreeId};
use gabion_keys::SigningKey;
use gabion_store::{Output, Record, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Caches of one run.
#[derive(Debug)]
pub struct Share {
    tiered: Tiered,
    events: Events,
    key: Option<SigningKey>,
    own: Option<Signer>,
    config: Cache,
    state: Mutex<State>,
    /// Blobs that were made and are on their way.
    uploads: Mutex<Option<mpsc::UnboundedSender<Vec<Output>>>>,
}

/// What is known of this run.
#[derive(Debug, Default)]
struct State {
    /// What was made, and may be signed.
    made: BTreeMap<Key, Record>,
    /// What the own key signed before.
    own: BTreeSet<Key>,
    /// Nodes made of steps that somebody else did, or that were done in an earlier run.
    doubtful: BTreeSet<Address>,
}

fn locked_state<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Share {
    /// The configured caches; `None` where there are none. `key` signs what is put. With `offline` only folders are asked.
    pub fn open(
        config: &Cache,
        client: &Client,
        events: &Events,
        key: Option<SigningKey>,
        offline: bool,
    ) -> Result<Option<Self>, CacheError> {
        let own = key.as_ref().and_then(SigningKey::id).map(Signer::from);
        let mut trust = config.trust.clone();
        if let Some(own) = own {
            trust.add(own, config.namespace.clone());
        }
        if trust.is_empty() {
            let what = "nobody is trusted below `[cache.trust]`: no record of a cache counts";
            events.send(Event::Warning(what.to_owned()));
        }
        let told = events.clone();
        let mut tiered = Tiered::new(trust, Manners::default(), move |text| told.send(Event::Warning(text)));
        for address in config.urls.iter().filter(|it| !offline || it.starts_with("dir:")) {
            tiered.add(remote(client, address)?, config.push && key.is_some());
        }
        let (state, uploads) = (Mutex::default(), Mutex::default());
        let (config, events) = (config.clone(), events.clone());
        Ok((!tiered.is_empty()).then_some(Self { tiered, events, key, own, config, state, uploads }))
    }

    /// Whether anything is put anywhere.
    pub fn pushes(&self) -> bool {
        self.config.push && self.key.is_some()
    }

    /// Takes into the store what caches have of the nodes that have no result here.
    pub async fn restore(&self, locked: &LockedGraph<'_>, store: &Store) -> Result<Taken, StoreError> {
        let mut missing = BTreeSet::new();
        for (_, id) in shared(locked) {
            if store.record(id)?.is_none() {
                missing.insert(Key::Request(id));
            }
        }
        let target = locked.id(&locked.graph.target).filter(|_| !missing.is_empty());
        let Some(target) = target else { return Ok(Taken::default()) };
        let mut verdict = self.tiered.lookup(&[Key::Closure(target)]).await;
        verdict.accepted.retain(|key, _| missing.contains(key) || matches!(key, Key::Action(_)));
        let open: Vec<Key> =
            missing.iter().filter(|key| !verdict.accepted.contains_key(key)).copied().collect();
        verdict.extend(self.tiered.lookup(&open).await);
        let taken = self.take(store, &verdict).await?;
        let count = taken.records.keys().filter(|key| missing.contains(key)).count();
        if count > 0 {
            let size = gabion_lockfile::human_size(taken.bytes);
            let of = missing.len();
            self.events
                .send(Event::Note(format!("{count} of {of} missing results came from a cache ({size})")));
        }
        Ok(taken)
    }

    async fn take(&self, store: &Store, verdict: &Verdict) -> Result<Taken, StoreError> {
        let taken = self.tiered.take(store, verdict).await?;
        let is_own = |by: &BTreeSet<Signer>| self.own.is_some_and(|own| by.contains(&own));
        let own = taken.records.iter().filter(|(_, by)| is_own(by)).map(|(key, _)| *key);
        locked_state(&self.state).own.extend(own);
        Ok(taken)
    }

    /// What everybody whose records count says of everything below the target.
    pub async fn opinions(&self, locked: &LockedGraph<'_>) -> Opinions {
        let keys = shared(locked).map(|(_, id)| Key::Request(id));
        let keys: Vec<Key> = keys.chain(locked.id(&locked.graph.target).map(Key::Closure)).collect();
        self.tiered.opinions(&keys).await
    }

    /// Takes blobs into the store, as far as caches have them, to be looked at.
    pub async fn bring(&self, store: &Store, blobs: &[Output]) -> Result<(), StoreError> {
        self.tiered.bring(store, blobs).await
    }

    /// Takes into the store what caches have of an action; whether there was anything.
    pub async fn action(&self, store: &Store, id: ActionId) -> Result<bool, StoreError> {
        let verdict = self.tiered.lookup(&[Key::Action(id)]).await;
        Ok(!verdict.accepted.is_empty() && !self.take(store, &verdict).await?.records.is_empty())
    }

    /// Notes that a step of `node` was done here.
    pub fn did(&self, id: ActionId, record: &Record) {
        self.note(Key::Action(id), record);
    }

    /// Notes that a step of `node` was not done, because its result was known.
    pub fn reused(&self, node: &Address, id: ActionId) {
        let mut state = locked_state(&self.state);
        let key = Key::Action(id);
        if !state.made.contains_key(&key) && !state.own.contains(&key) {
            state.doubtful.insert(node.clone());
        }
    }

    /// Notes what a node gave here.
    pub fn made(&self, node: &Address, id: RequestId, record: &Record) {
        if node.kind() != Kind::Bundle && !locked_state(&self.state).doubtful.contains(node) {
            self.note(Key::Request(id), record);
        }
    }

    fn note(&self, key: Key, record: &Record) {
        if !self.pushes() {
            return;
        }
        if let Some(uploads) = &*locked_state(&self.uploads) {
            let _ended = uploads.send(record.outputs.values().copied().collect());
        }
        locked_state(&self.state).made.insert(key, record.clone());
    }

    /// Runs `work`, and beside it puts the blobs of what it makes.
    pub async fn beside<T>(&self, store: &Store, work: impl Future<Output = T>) -> T {
        if !self.pushes() {
            return work.await;
        }
        let (sender, mut receiver) = mpsc::unbounded_channel();
        *locked_state(&self.uploads) = Some(sender);
        let worked = async {
            let done = work.await;
            *locked_state(&self.uploads) = None;
            done
        };
        let put = async {
            while let Some(mut blobs) = receiver.recv().await {
                while let Ok(more) = receiver.try_recv() {
                    blobs.extend(more);
                }
                self.tiered.share_blobs(store, &blobs).await;
            }
        };
        futures_util::future::join(worked, put).await.0
    }

    /// Signs what was made, and puts it. What goes wrong is told, and is no error.
    pub async fn push(&self, locked: &LockedGraph<'_>, store: &Store) -> Result<Shared, CacheError> {
        if !self.pushes() {
            return Ok(Shared::default());
        }
        if locked_state(&self.state).made.is_empty() {
            return Ok(Shared::default());
        }
        self.recall(locked, store).await?;
        let (made, own) = {
            let state = locked_state(&self.state);
            (state.made.clone(), state.own.clone())
        };
        let mut closure = made.clone();
        for (_, id) in shared(locked).filter(|(_, id)| own.contains(&Key::Request(*id))) {
            closure.extend(store.record(id)?.map(|record| (Key::Request(id), record)));
        }
        self.put(locked, store, made, closure).await
    }

    /// Learns which results of the store the own key signed in an earlier run.
    async fn recall(&self, locked: &LockedGraph<'_>, store: &Store) -> Result<(), StoreError> {
        let known = |key: &Key| {
            let state = locked_state(&self.state);
            state.made.contains_key(key) || state.own.contains(key)
        };
        let mut records = BTreeMap::new();
        for (_, id) in shared(locked).filter(|(_, id)| !known(&Key::Request(*id))) {
            records.extend(store.record(id)?.map(|record| (Key::Request(id), record)));
        }
        let verdict = self.tiered.lookup(&records.keys().copied().collect::<Vec<_>>()).await;
        let is_own = |key: &Key, record: &Record| {
            let said = verdict.accepted.get(key).filter(|(it, _)| it == record);
            said.is_some_and(|(_, by)| self.own.is_some_and(|own| by.contains(&own)))
        };
        let own = records.iter().filter(|(key, record)| is_own(key, record)).map(|(key, _)| *key);
        locked_state(&self.state).own.extend(own);
        Ok(())
    }

    /// Signs everything below the target that is here, whoever made it, and puts it.
    pub async fn push_all(&self, locked: &LockedGraph<'_>, store: &Store) -> Result<Shared, CacheError> {
        let mut records = BTreeMap::new();
        let mut blobs = BTreeSet::new();
        for (_, id) in shared(locked) {
            if let Some(record) = store.record(id)? {
                blobs.extend(record.blobs());
                records.insert(Key::Request(id), record);
            }
        }
        for (id, record) in store.all_actions()? {
            if record.blobs().any(|it| blobs.contains(&it)) {
                records.insert(Key::Action(id), record);
            }
        }
        self.put(locked, store, records.clone(), records).await
    }

    async fn put(
        &self,
        locked: &LockedGraph<'_>,
        store: &Store,
        single: BTreeMap<Key, Record>,
        closure: BTreeMap<Key, Record>,
    ) -> Result<Shared, CacheError> {
        let key = self.key.as_ref().ok_or(CacheError::NoKey)?;
        let mut manifests = BTreeMap::new();
        for tree in single.values().chain(closure.values()).flat_map(|it| it.trees.values()) {
            if !manifests.contains_key(tree) {
                manifests.extend(manifest(store, *tree)?.map(|it| (*tree, it)));
            }
        }
        let of = |record: &Record| -> Vec<Output> {
            record.trees.values().filter_map(|tree| manifests.get(tree)).copied().collect()
        };
        let mut statements: Vec<Statement> = Vec::new();
        for (key, record) in single {
            let trees = of(&record);
            statements.extend(Statement::of(key, record, trees));
        }
        if let Some(target) = locked.id(&locked.graph.target) {
            let trees: Vec<Output> = closure.values().flat_map(of).collect();
            statements.extend(Statement::of_closure(Key::Closure(target), closure, trees));
        }
        let posted = seal(key, &self.config.namespace, statements)?;
        let put = self.tiered.share(store, &posted).await;
        if put.records > 0 || put.failed > 0 {
            let size = gabion_lockfile::human_size(put.bytes);
            let failed =
                if put.failed > 0 { format!("; {} could not be shared", put.failed) } else { String::new() };
            self.events.send(Event::Note(format!("shared {} results ({size} new){failed}", put.records)));
        }
        Ok(put)
    }
}

/// The nodes whose results are shared.
fn shared(locked: &LockedGraph<'_>) -> impl Iterator<Item = (Address, RequestId)> {
    let nodes = locked.graph.order.iter().filter(|it| it.address.kind() != Kind::Bundle);
    nodes.filter_map(|it| Some((it.address.clone(), locked.id(&it.address)?)))
}

/// All names of the manifest of a tree; `None` where it is gone.
fn manifest(store: &Store, tree: TreeId) -> Result<Option<Output>, StoreError> {
    let blob = BlobId::new(tree.digest());
    let Some((mut file, _)) = store.open_blob(blob)? else { return Ok(None) };
    let (mut hasher, mut buffer) = (DualHasher::new(), vec![0; 256 << 10]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hasher.update(&buffer[..count]),
            // What cannot be read is not shared.
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(Output::from(hasher.finish())).filter(|it| it.blob == blob))
}
