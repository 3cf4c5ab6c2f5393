//! What work gave, kept: blobs first, then the records that name them; of several pieces of work at once.
//!
//! Whoever comes while a commit goes on waits, and the next commit takes everything that waits. So one sync of a folder
//! serves many, and nobody waits for longer than two commits take.
//!
//! # Invariants
//! - Bytes are on the disk before they get a name, names of blobs before those of records.
//! - Where the commit of several fails, each is tried alone: nobody fails by what is another's.

use crate::fs::{self, Staged, Taken};
use crate::journal::Event;
use crate::walk::RecordKey;
use crate::{Record, Store, StoreError};
use gabion_digest::{ActionId, BlobId, Digest, Hashed, RequestId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Blobs that have no names yet, and records that are not remembered yet. Dropped before [`Store::commit`], it leaves
/// nothing behind.
#[derive(Debug, Default)]
pub struct Pending {
    blobs: Vec<(Staged, Hashed)>,
    records: Vec<Noted>,
}

/// A record on its way.
#[derive(Debug)]
struct Noted {
    key: RecordKey,
    text: String,
    blobs: Vec<BlobId>,
}

impl Pending {
    /// Also remembers what a request gave. Its blobs are in the store already, or among these.
    pub fn request(mut self, request: RequestId, record: &Record) -> Result<Self, StoreError> {
        let text = record.to_text()?;
        self.records.push(Noted { key: RecordKey::Request(request), text, blobs: Vec::new() });
        Ok(self)
    }

    /// Also remembers one result of an action, beside those that are known. Its blobs are in the store already, or among
    /// these.
    pub fn action(mut self, action: ActionId, record: &Record) -> Result<Self, StoreError> {
        let text = record.to_text()?;
        let key = RecordKey::Action(action, Digest::of(text.as_bytes()));
        self.records.push(Noted { key, text, blobs: record.blobs().collect() });
        Ok(self)
    }

    pub(crate) fn of(blobs: Vec<(Staged, Hashed)>) -> Self {
        Self { blobs, records: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.blobs.is_empty() && self.records.is_empty()
    }
}

/// Who waits for a commit.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// A commit has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeMap<u64, Pending>,
    /// Whether somebody commits.
    busy: bool,
    done: BTreeMap<u64, Result<(), StoreError>>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits `pending` by `commit`, together with whatever else waits.
    fn run(
        &self,
        pending: Pending,
        commit: impl Fn(&[&Pending]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        state.waiting.insert(ticket, pending);
        loop {
            if let Some(done) = state.done.remove(&ticket) {
                return done;
            }
            if state.busy {
                state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.busy = true;
            let mut turn =
                Turn { queue: self, taken: std::mem::take(&mut state.waiting), done: BTreeMap::new() };
            drop(state);
            turn.take(&commit);
            drop(turn);
            state = self.lock();
        }
    }
}

/// One commit of all that waited.
struct Turn<'q> {
    queue: &'q Queue,
    taken: BTreeMap<u64, Pending>,
    done: BTreeMap<u64, Result<(), StoreError>>,
}

impl Turn<'_> {
    fn take(&mut self, commit: impl Fn(&[&Pending]) -> Result<(), StoreError>) {
        let all: Vec<&Pending> = self.taken.values().collect();
        let together = all.len() > 1 && commit(&all).is_ok();
        let one = |pending| if together { Ok(()) } else { commit(&[pending]) };
        self.done = self.taken.iter().map(|(ticket, pending)| (*ticket, one(pending))).collect();
    }
}

impl Drop for Turn<'_> {
    /// Also where a commit panicked: nobody waits for ever.
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        for ticket in self.taken.keys() {
            let lost =
                || Err(StoreError::io("write", Path::new("."), std::io::Error::other("a thread ended")));
            state.done.insert(*ticket, self.done.remove(ticket).unwrap_or_else(lost));
        }
        state.busy = false;
        self.queue.ended.notify_all();
    }
}

impl Store {
    /// Gives blobs their names, then remembers the records, together with what others commit meanwhile. When it returns,
    /// a power cut takes nothing of it away.
    pub fn commit(&self, pending: Pending) -> Result<(), StoreError> {
        if pending.is_empty() {
            return Ok(());
        }
        self.queue.run(pending, |all| self.commit_all(all))
    }

    fn commit_all(&self, all: &[&Pending]) -> Result<(), StoreError> {
        // What has its name already needs no second sync of its bytes; its name may.
        let mut names: BTreeMap<PathBuf, (&Staged, &Hashed)> = BTreeMap::new();
        for (staged, hashed) in all.iter().flat_map(|it| &it.blobs) {
            names.entry(self.blob_path(hashed.blob)).or_insert((staged, hashed));
        }
        let records = self.stage_records(all)?;
        let fresh = |(path, (_, hashed)): &(&PathBuf, &(&Staged, &Hashed))| !fs::is_there(path, hashed.size);
        let mut unsynced: Vec<&Staged> = names.iter().filter(fresh).map(|(_, (staged, _))| *staged).collect();
        unsynced.extend(records.values().map(|(staged, _)| staged));
        fs::seal_all(&unsynced)?;
        fs::name_all(names.iter().map(|(path, (staged, _))| (*staged, &**path, Taken::Stays)))?;
        names.values().try_for_each(|(_, hashed)| self.write_alias(hashed))?;
        fs::name_all(records.iter().map(|(path, (staged, taken))| (staged, &**path, *taken)))?;
        for noted in all.iter().flat_map(|it| &it.records) {
            if let RecordKey::Action(action, digest) = noted.key {
                self.journal.note(&Event::Names(action, digest, noted.blobs.clone()));
            }
        }
        Ok(())
    }

    /// The records of `all` that are not there yet, by their names.
    fn stage_records(&self, all: &[&Pending]) -> Result<BTreeMap<PathBuf, (Staged, Taken)>, StoreError> {
        let mut staged = BTreeMap::new();
        for noted in all.iter().flat_map(|it| &it.records) {
            let (path, taken) = match noted.key {
                RecordKey::Request(request) => (self.record_path(request), Taken::Goes),
                RecordKey::Action(action, digest) => {
                    let path = self.action_folder(action).join(digest.hex());
                    // A damaged one goes to quarantine here, so that the name is free for a good one.
                    if self.load_record(&path, noted.key)?.is_some() && fs::touch(&path) {
                        continue;
                    }
                    (path, Taken::Stays)
                }
            };
            staged.insert(path, (fs::stage_bytes(&self.tmp(), noted.text.as_bytes())?, taken));
        }
        Ok(staged)
    }
}
