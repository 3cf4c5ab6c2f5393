//! What a cache has, looked at without taking anything.

use crate::fetch::within;
use crate::{CacheError, Judge, Key, Manners, Remote, Signer, Slot, Statement, Trust};
use futures_util::{FutureExt, StreamExt, stream};
use gabion_digest::{BlobId, DualHasher};
use gabion_store::Output;
use std::collections::BTreeMap;

/// What a cache has of some keys.
#[derive(Debug, Default)]
pub struct Checked {
    /// Keys about which enough signers say the same.
    pub records: u64,
    /// Records in the slots of trusted signers that do not count, and why.
    pub refused: Vec<CacheError>,
    /// Blobs of those records that are there and right.
    pub good: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that are not there.
    pub missing: Vec<BlobId>,
    /// Blobs that have other bytes.
    pub wrong: Vec<BlobId>,
}

/// Asks `remote` for everything about `keys` that counts, and reads every blob of it. Nothing is kept, and nothing is
/// tried again: what fails is the answer.
pub async fn check(
    remote: &dyn Remote,
    trust: &Trust,
    keys: &[Key],
    manners: &Manners,
) -> Result<Checked, CacheError> {
    let mut checked = Checked::default();
    // A question that every cache can answer, also where nobody is trusted.
    let nothing = Output::from(gabion_digest::hash_bytes(b""));
    within(manners.answer, remote, remote.has(&[nothing])).await?;
    let slots: Vec<Slot> = keys.iter().flat_map(|key| trust.slots(*key)).collect();
    let found = within(manners.answer, remote, remote.records(&slots)).await?;
    let mut judge = Judge::default();
    let mut said: Vec<(Signer, Statement)> = Vec::new();
    for (slot, bytes) in slots.iter().zip(found).filter_map(|(slot, it)| Some((slot, it?))) {
        match judge.open(remote.name(), slot, &bytes) {
            Ok(statement) => said.push((slot.signer, statement)),
            Err(error) => checked.refused.push(error),
        }
    }
    let verdict = trust.judge(said.iter().map(|(signer, it)| (*signer, it)));
    checked.records = verdict.accepted.len() as u64;
    let blobs: BTreeMap<BlobId, Output> = verdict
        .accepted
        .values()
        .filter_map(|(record, _)| verdict.blobs_of(record))
        .flatten()
        .map(|it| (it.blob, it))
        .collect();
    let mut read = stream::iter(blobs.into_values())
        .map(async |blob| (blob, is_right(remote, &blob, manners).await))
        .buffer_unordered(manners.parallel);
    while let Some((blob, answer)) = read.next().await {
        match answer? {
            Some(true) => (checked.good, checked.bytes) = (checked.good + 1, checked.bytes + blob.size),
            Some(false) => checked.wrong.push(blob.blob),
            None => checked.missing.push(blob.blob),
        }
    }
    checked.missing.sort();
    checked.wrong.sort();
    Ok(checked)
}

/// Whether a blob has its bytes; `None` where it is not there.
async fn is_right(remote: &dyn Remote, blob: &Output, manners: &Manners) -> Result<Option<bool>, CacheError> {
    let Some(mut body) = within(manners.answer, remote, remote.get(blob, 0)).await? else { return Ok(None) };
    let mut hasher = DualHasher::new();
    while let Some(piece) = within(manners.stall, remote, body.pieces.next().map(Ok)).await? {
        hasher.update(&piece?);
        if hasher.size() > blob.size {
            return Ok(Some(false));
        }
    }
    Ok(Some(Output::from(hasher.finish()) == *blob))
}
