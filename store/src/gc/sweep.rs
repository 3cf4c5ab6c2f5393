//! Moves aside, looks again, puts back or removes.

use super::mark::{Condemned, Item};
use crate::walk::{self, RecordKey};
use crate::{Store, StoreError, fs};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A folder in `tmp` that this process holds. A file in it is named after its place, `/` written as `!`.
pub(super) struct Trash<'s> {
    store: &'s Store,
    folder: PathBuf,
    _held: File,
}

const PREFIX: &str = "gc-";

impl<'s> Trash<'s> {
    pub(super) fn open(store: &'s Store) -> Result<Self, StoreError> {
        let (held, folder) = fs::create_held_folder(&store.tmp(), PREFIX)?;
        Ok(Self { store, folder, _held: held })
    }

    fn place(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix(&self.store.root).unwrap_or(path);
        self.folder.join(inside.to_string_lossy().replace('/', "!"))
    }

    /// Takes everything aside that is not needed after all; the rest leaves `condemned`. Records go first, so
    /// that the second look follows only records that stay.
    pub(super) fn sweep(&self, condemned: &mut Condemned) -> Result<(), StoreError> {
        condemned.records = self.take(std::mem::take(&mut condemned.records))?;
        let needs = self.store.needed()?;
        condemned.records =
            self.keep_needed(std::mem::take(&mut condemned.records), |key| needs.contains(&key.need()))?;
        condemned.blobs = self.take(std::mem::take(&mut condemned.blobs))?;
        let reached = self.store.reached(&self.store.needed()?)?;
        condemned.blobs =
            self.keep_needed(std::mem::take(&mut condemned.blobs), |id| reached.contains(id))?;
        let paths =
            condemned.records.iter().map(|(_, item)| item).chain(condemned.blobs.iter().map(|it| &it.1));
        let folders: BTreeSet<&Path> = paths.filter_map(|item| item.path.parent()).collect();
        folders.into_iter().try_for_each(fs::sync_folder)?;
        // An action has a folder of its own, and whoever gives it a record again makes it again.
        for (key, item) in &condemned.records {
            if let (RecordKey::Action(..), Some(folder)) = (key, item.path.parent()) {
                fs::remove_empty(folder);
            }
        }
        Ok(())
    }

    fn take<T>(&self, items: Vec<(T, Item)>) -> Result<Vec<(T, Item)>, StoreError> {
        let mut taken = Vec::with_capacity(items.len());
        for (id, item) in items {
            if fs::move_to(&item.path, &self.place(&item.path))? {
                taken.push((id, item));
            }
        }
        Ok(taken)
    }

    /// Puts back what is needed now, or was used since it was marked.
    fn keep_needed<T>(
        &self,
        items: Vec<(T, Item)>,
        is_needed: impl Fn(&T) -> bool,
    ) -> Result<Vec<(T, Item)>, StoreError> {
        let mut gone = Vec::with_capacity(items.len());
        for (id, item) in items {
            let aside = self.place(&item.path);
            let modified = walk::meta(&aside)?.and_then(|meta| meta.modified().ok());
            if is_needed(&id) || modified != Some(item.modified) {
                fs::put_back(&aside, &item.path)?;
            } else {
                gone.push((id, item));
            }
        }
        Ok(gone)
    }

    /// Removes what is still here.
    pub(super) fn empty(self) -> Result<(), StoreError> {
        for path in walk::entries(&self.folder)? {
            fs::remove(&path)?;
        }
        fs::remove_empty(&self.folder);
        Ok(())
    }
}

/// Puts back what a run that was killed had moved aside. It may have been about to put it back itself.
pub(super) fn put_back_left_over(store: &Store) -> Result<(), StoreError> {
    for folder in walk::entries(&store.tmp())? {
        let ours = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        let Some(_held) = (if ours { fs::take_over(&folder)? } else { None }) else { continue };
        for aside in walk::entries(&folder)? {
            let name = aside.file_name().map(|name| name.to_string_lossy().replace('!', "/"));
            if let Some(place) = name.filter(|place| !place.contains("..")) {
                fs::put_back(&aside, &store.root.join(place))?;
            }
        }
        fs::remove_empty(&folder);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gc::Policy;
    use crate::{Need, Output, Record, Root};
    use gabion_digest::{Digest, RequestId};
    use std::time::Duration;

    /// A store with one record that nothing needs, and the decision that it may go.
    fn condemned(test: impl FnOnce(&Store, Need, Trash<'_>, &mut Condemned)) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let hashed = store.put(b"bytes").unwrap();
        let output = Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size };
        let record = Record { outputs: [("file".to_owned(), output)].into(), ..Record::default() };
        let request = RequestId::new(Digest::of(b"request"));
        store.put_record(request, &record).unwrap();
        let policy = Policy { keep: Duration::ZERO, ..Policy::default() };
        let mut decided = store.condemn(&policy, fs::now()).unwrap();
        assert_eq!((decided.records.len(), decided.blobs.len()), (1, 1));
        test(&store, Need::Request(request), Trash::open(&store).unwrap(), &mut decided);
    }

    fn all_is_back(store: &Store, decided: &Condemned, trash: Trash<'_>) {
        assert!(decided.records.is_empty() && decided.blobs.is_empty());
        trash.empty().unwrap();
        assert!(store.verify().unwrap().is_clean());
        assert_eq!(store.record_files().unwrap().len(), 1);
        assert_eq!(store.list().unwrap().len(), 1);
    }

    #[test]
    fn what_a_lease_names_after_the_decision_comes_back() {
        condemned(|store, need, trash, decided| {
            let lease = store.lease().unwrap();
            lease.need(need).unwrap();
            trash.sweep(decided).unwrap();
            all_is_back(store, decided, trash);
        });
    }

    #[test]
    fn what_a_root_names_after_the_decision_comes_back() {
        condemned(|store, need, trash, decided| {
            store.set_root("late", &Root { needs: [need].into(), ..Root::default() }).unwrap();
            trash.sweep(decided).unwrap();
            all_is_back(store, decided, trash);
        });
    }

    #[test]
    fn what_was_used_after_the_decision_comes_back() {
        condemned(|store, _, trash, decided| {
            let used = |path: &Path| {
                let time = fs::now() + Duration::from_secs(1);
                fs_err::File::open(path).unwrap().file().set_modified(time).unwrap();
            };
            decided.records.iter().for_each(|(_, item)| used(&item.path));
            decided.blobs.iter().for_each(|(_, item)| used(&item.path));
            trash.sweep(decided).unwrap();
            all_is_back(store, decided, trash);
        });
    }

    #[test]
    fn what_nobody_wants_goes() {
        condemned(|store, _, trash, decided| {
            trash.sweep(decided).unwrap();
            assert_eq!((decided.records.len(), decided.blobs.len()), (1, 1));
            trash.empty().unwrap();
            assert!(store.list().unwrap().is_empty() && store.record_files().unwrap().is_empty());
        });
    }
}
