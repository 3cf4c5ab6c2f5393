//! A store of one's own, in each way that a store can be used.

use gabion_digest::{BlobId, Hashed};
use gabion_store::{Options, Output, Record, Store};
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    On,
    Off,
    Deleted,
}

/// Gives its store for each use; where the index is being deleted, that may happen just before.
#[derive(Debug)]
pub(crate) struct World {
    store: Store,
    index: Index,
    dice: AtomicU64,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) fn new(index: Index) -> Self {
        // In memory where that is possible: what these tests are about does not need a disk to wait for.
        let memory = Path::new("/dev/shm");
        let folder =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let options = Options { index: index != Index::Off };
        let store = Store::open_with(&folder.path().join("store"), options).unwrap();
        Self { store, index, dice: AtomicU64::new(1), _folder: folder }
    }
}

impl Deref for World {
    type Target = Store;

    fn deref(&self) -> &Store {
        let thrown = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        if self.index == Index::Deleted && (thrown >> 40).is_multiple_of(3) {
            for folder in ["index", "journal"] {
                let _there = fs_err::remove_dir_all(self.store.root().join(folder));
            }
        }
        &self.store
    }
}

/// Runs a test in each way.
pub(crate) fn every(test: impl Fn(&World)) {
    for index in [Index::On, Index::Off, Index::Deleted] {
        test(&World::new(index));
    }
}

pub(crate) fn tmp_is_empty(store: &Store) -> bool {
    fs_err::read_dir(store.root().join("tmp")).unwrap().count() == 0
}

/// A record with one output.
pub(crate) fn record_of(hashed: Hashed) -> Record {
    let output = Output { blob: hashed.blob, sha256: hashed.sha256, size: hashed.size };
    Record { outputs: [("file".to_owned(), output)].into(), ..Record::default() }
}

/// Stores bytes that were last used long ago; no journal says otherwise.
pub(crate) fn put_old(store: &Store, bytes: &[u8]) -> Hashed {
    let quiet = Store::open_with(store.root(), Options { index: false }).unwrap();
    let hashed = quiet.put(bytes).unwrap();
    age(&store.path_of(hashed.blob), 100);
    hashed
}

/// Makes a file look as if it was last used some days ago.
#[expect(clippy::disallowed_methods, reason = "the test moves last use into the past")]
pub(crate) fn age(path: &Path, days: u64) {
    let time = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
    fs_err::File::open(path).unwrap().file().set_modified(time).unwrap();
}

pub(crate) fn damage(store: &Store, id: BlobId, bytes: &[u8]) {
    fs_err::remove_file(store.path_of(id)).unwrap();
    fs_err::write(store.path_of(id), bytes).unwrap();
}
