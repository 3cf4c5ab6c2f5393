//! Bytes from a remote into the store, verified before anybody can read them.

use crate::{CacheError, Manners, Remote};
use futures_util::{FutureExt, StreamExt};
use gabion_store::{Expect, Output, Partial, Store, StoreError};
use std::time::Duration;

/// How often it is looked whether somebody else has finished the same download.
const TURN: Duration = Duration::from_millis(50);

/// Takes `blob` into the store, going on where an earlier attempt stopped; `false` where the remote has it not.
///
/// One attempt: an error that may pass leaves what arrived for the next one. Bytes that are not `blob` are forgotten; where
/// some of them were from before, they are asked for once more from the start.
pub async fn fetch(
    remote: &dyn Remote,
    store: &Store,
    blob: &Output,
    manners: &Manners,
) -> Result<bool, CacheError> {
    let expect = Expect { blob: Some(blob.blob), sha256: Some(blob.sha256), size: Some(blob.size) };
    let mut partial = loop {
        if store.find(blob.sha256)?.is_some_and(|it| it == *blob) {
            return Ok(true);
        }
        match store.partial(blob.sha256, expect)? {
            Some(partial) => break partial,
            None => tokio::time::sleep(TURN).await,
        }
    };
    loop {
        let joined = !partial.is_empty();
        if !(partial.len() == blob.size || fill(remote, &mut partial, blob, manners).await?) {
            if partial.is_empty() {
                partial.discard();
            }
            return Ok(false);
        }
        match partial.check() {
            Ok(_) => break,
            Err(StoreError::Mismatch { .. }) if joined => {}
            Err(StoreError::Mismatch { .. }) => {
                partial.discard();
                return Err(lie(remote, blob));
            }
            Err(error) => return Err(error.into()),
        }
    }
    partial.finish()?;
    Ok(true)
}

/// Appends what the remote gives; `false` where it has nothing.
async fn fill(
    remote: &dyn Remote,
    partial: &mut Partial<'_>,
    blob: &Output,
    manners: &Manners,
) -> Result<bool, CacheError> {
    let answer = remote.get(blob, partial.len());
    let Some(mut body) = within(manners.answer, remote, answer).await? else { return Ok(false) };
    if body.from != partial.len() {
        if body.from != 0 {
            return Err(CacheError::unreachable(remote.name(), "it gave a range that nobody asked for"));
        }
        partial.restart()?;
    }
    while let Some(piece) = within(manners.stall, remote, body.pieces.next().map(Ok)).await? {
        let piece = piece?;
        if partial.len() + piece.len() as u64 > blob.size {
            partial.restart()?;
            return Err(lie(remote, blob));
        }
        partial.append(&piece)?;
    }
    if partial.len() < blob.size {
        // A short blob is one that was cut where it lies, or on its way: the next attempt shows which.
        let why = format!("`{}` ended after {} of {} bytes", blob.blob, partial.len(), blob.size);
        return Err(CacheError::unreachable(remote.name(), why));
    }
    Ok(true)
}

/// Waits so long and no longer.
pub(crate) async fn within<T>(
    patience: Duration,
    remote: &dyn Remote,
    answer: impl Future<Output = Result<T, CacheError>>,
) -> Result<T, CacheError> {
    let late = |_| Err(CacheError::unreachable(remote.name(), format!("nothing for {patience:?}")));
    tokio::time::timeout(patience, answer).await.unwrap_or_else(late)
}

fn lie(remote: &dyn Remote, blob: &Output) -> CacheError {
    CacheError::Lie { remote: remote.name().to_owned(), blob: blob.blob.to_string() }
}
