//! Records of actions: several per key may stand side by side.
//!
//! `act/AB/ACTION/HEX` is named by the BLAKE3 of its own bytes, so that two results of one action never
//! overwrite each other: where they differ, the action is not reproducible, and both are evidence.

use crate::walk::RecordKey;
use crate::{Pending, Record, Store, StoreError, fs};
use gabion_digest::ActionId;
use std::path::PathBuf;

impl Store {
    pub(crate) fn action_folder(&self, action: ActionId) -> PathBuf {
        let hex = action.hex();
        self.root.join("act").join(&hex[..2]).join(hex)
    }

    /// Remembers one result of `action`, beside those that are known. Its blobs must be in the store already.
    pub fn put_action(&self, action: ActionId, record: &Record) -> Result<(), StoreError> {
        self.commit(Pending::default().action(action, record)?)
    }

    /// Every known result of every action whose files are all here.
    pub fn all_actions(&self) -> Result<Vec<(ActionId, Record)>, StoreError> {
        let mut found = Vec::new();
        for (key, path) in self.record_files()? {
            if let RecordKey::Action(action, _) = key {
                let record = self.load_record(&path, key)?.filter(|record| self.is_complete(record));
                found.extend(record.map(|record| (action, record)));
            }
        }
        Ok(found)
    }

    /// Every known result of `action` whose files are all here, in the order of their digests.
    ///
    /// Several are a reproducibility alarm; which one counts is for the caller to decide.
    pub fn actions(&self, action: ActionId) -> Result<Vec<Record>, StoreError> {
        let mut found = Vec::new();
        for (key, path) in self.action_files(action)? {
            let record = self.load_record(&path, key)?;
            found.extend(record.filter(|record| self.is_complete(record) && fs::touch(&path)));
        }
        Ok(found)
    }
}
