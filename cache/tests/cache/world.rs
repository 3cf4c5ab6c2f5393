//! Stores, keys and records.

use gabion_cache::{Key, Posted, Signer, Statement, Trust, seal};
use gabion_digest::{Digest, RequestId, hash_bytes};
use gabion_keys::SigningKey;
use gabion_store::{Record, Store};
use tempfile::TempDir;

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32], "test")
}

pub(crate) fn signer(seed: u8) -> Signer {
    key(seed).id().unwrap().into()
}

pub(crate) fn request(name: &str) -> Key {
    Key::Request(RequestId::new(Digest::of(name.as_bytes())))
}

/// A record of one output with these bytes, which need not be anywhere.
pub(crate) fn record(bytes: &[u8]) -> Record {
    Record { outputs: [("out".to_owned(), hash_bytes(bytes).into())].into(), ..Record::default() }
}

/// One statement, signed by `seed` for `namespace`.
pub(crate) fn posted(seed: u8, namespace: &str, statement: Statement) -> Posted {
    seal(&key(seed), &namespace.parse().unwrap(), vec![statement]).unwrap().remove(0)
}

/// Trust in these keys for `main`.
pub(crate) fn trust(seeds: &[u8], quorum: usize) -> Trust {
    let mut trust = Trust::new(quorum);
    for seed in seeds {
        trust.add(signer(*seed), "main".parse().unwrap());
    }
    trust
}

/// A store in a folder of its own.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        Self { folder, store }
    }

    /// What `name` gave: these bytes, which are in the store.
    pub(crate) fn made(&self, name: &str, bytes: &[u8]) -> Statement {
        self.store.put(bytes).unwrap();
        Statement::of(request(name), record(bytes), []).unwrap()
    }
}
