//! What several builders say of the same keys, whether they say the same or not.

use crate::{Key, Signer, Statement};
use gabion_digest::BlobId;
use gabion_store::{Output, Record};
use std::collections::{BTreeMap, BTreeSet};

/// Records by what they are about, each with everybody who gave it. Nothing is decided: that is [`Trust::judge`].
///
/// [`Trust::judge`]: crate::Trust::judge
#[derive(Debug, Clone, Default)]
pub struct Opinions {
    pub(crate) records: BTreeMap<Key, Vec<(Record, BTreeSet<Signer>)>>,
    pub(crate) manifests: BTreeMap<BlobId, Output>,
}

impl Opinions {
    /// Adds what `signer` says.
    pub fn add(&mut self, signer: Signer, statement: &Statement) {
        self.manifests.extend(statement.manifests().map(|it| (it.blob, *it)));
        for (key, record) in statement.records() {
            let said = self.records.entry(*key).or_default();
            match said.iter_mut().find(|(it, _)| it == record) {
                Some((_, by)) => _ = by.insert(signer),
                None => said.push((record.clone(), [signer].into())),
            }
        }
    }

    /// Everything that is said, requests before actions.
    pub fn all(&self) -> impl Iterator<Item = (&Key, &[(Record, BTreeSet<Signer>)])> {
        self.records.iter().map(|(key, said)| (key, said.as_slice()))
    }

    /// Every blob that a record needs; `None` where a manifest of it is not named.
    pub fn blobs_of(&self, record: &Record) -> Option<Vec<Output>> {
        blobs_of(&self.manifests, record)
    }
}

/// Every blob of `record`, with the names of its manifests from `manifests`.
pub(crate) fn blobs_of(manifests: &BTreeMap<BlobId, Output>, record: &Record) -> Option<Vec<Output>> {
    let trees = record.trees.values().map(|it| manifests.get(&BlobId::new(it.digest())).copied());
    record.outputs.values().copied().map(Some).chain(trees).collect()
}
