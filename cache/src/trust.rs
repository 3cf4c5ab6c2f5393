//! Whose records count: by key and namespace, and how many must agree.

use crate::opinions::{Opinions, blobs_of};
use crate::{Key, Namespace, Signer, Slot, Statement};
use gabion_digest::BlobId;
use gabion_store::{Output, Record};
use std::collections::{BTreeMap, BTreeSet};

/// Whose records count. Nobody's, unless it says so.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    signers: BTreeMap<Signer, BTreeSet<Namespace>>,
    quorum: usize,
}

impl Trust {
    /// Nobody's count yet; `quorum` signers must say the same, 0 counts as 1.
    pub fn new(quorum: usize) -> Self {
        Self { quorum, ..Self::default() }
    }

    /// Records of `signer` in `namespace` count.
    pub fn add(&mut self, signer: Signer, namespace: Namespace) {
        self.signers.entry(signer).or_default().insert(namespace);
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.signers.is_empty()
    }

    /// Where records about `key` may stand that count.
    pub fn slots(&self, key: Key) -> impl Iterator<Item = Slot> {
        let all = self.signers.iter().flat_map(|(signer, places)| places.iter().map(move |it| (*signer, it)));
        all.map(move |(signer, namespace)| Slot { namespace: namespace.clone(), key, signer })
    }

    /// What enough signers say, each of whom said it in a slot of [`Trust::slots`]. Records are counted one by one, also
    /// those of closures.
    pub fn judge<'s>(&self, said: impl IntoIterator<Item = (Signer, &'s Statement)>) -> Verdict {
        let mut opinions = Opinions::default();
        for (signer, statement) in said {
            opinions.add(signer, statement);
        }
        let Opinions { records, manifests } = opinions;
        let mut verdict = Verdict { manifests, ..Verdict::default() };
        for (key, mut said) in records {
            if said.len() > 1 {
                verdict.disagree.insert(key, said.into_iter().flat_map(|(_, by)| by).collect());
            } else if let Some(one) = said.pop().filter(|(_, by)| by.len() >= self.quorum.max(1)) {
                verdict.accepted.insert(key, one);
            }
        }
        verdict
    }
}

/// What signers say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Records that enough signers gave, and nobody otherwise; with who gave them.
    pub accepted: BTreeMap<Key, (Record, BTreeSet<Signer>)>,
    /// All names of the manifests of their trees.
    pub manifests: BTreeMap<BlobId, Output>,
    /// Keys about which they do not say the same, so that none is believed: it is not reproducible, or one lies.
    pub disagree: BTreeMap<Key, BTreeSet<Signer>>,
}

impl Verdict {
    /// Adds what another one accepted; what is there stays.
    pub fn extend(&mut self, other: Self) {
        self.manifests.extend(other.manifests);
        self.disagree.extend(other.disagree);
        for (key, it) in other.accepted {
            self.accepted.entry(key).or_insert(it);
        }
    }

    /// Every blob that a record needs; `None` where a manifest of it is not named.
    pub(crate) fn blobs_of(&self, record: &Record) -> Option<Vec<Output>> {
        blobs_of(&self.manifests, record)
    }
}
