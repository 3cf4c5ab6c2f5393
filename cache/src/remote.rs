//! The one trait that storage for a cache has.
//!
//! # What whoever writes a remote must keep, and what they need not care for
//! - A remote is dumb: it says what is there and moves bytes. It neither verifies what it gives nor retries, and knows
//!   no signatures. [`fetch`](crate::fetch) verifies, the client retries, waits and gives up.
//! - Absent is `None` or not in the set, never an error. An error says whether it may pass
//!   ([`CacheError::Unreachable`]) or not ([`CacheError::Refused`]).
//! - A put that ended well is there for the next reader. A put that was cut leaves nothing that [`Remote::has`] or
//!   [`Remote::get`] would show as whole, as far as the storage can do that; where it cannot, the size tells.
//! - Putting what is there already is no error, and puts it right where it was damaged, as far as the storage lets
//!   anybody overwrite. Several writers at once are usual.
//! - No call holds a whole blob in memory. Records are small ([`RECORD_MAX`]).
//! - No secret is in [`Remote::name`], in an error or in a `Debug` text.
//! - Every remote is held to `contract::contract` by a test, against a real server where there is one.

use crate::{CacheError, Pieces, Slot, Source};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use gabion_digest::BlobId;
use gabion_store::Output;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// What a remote gives later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, CacheError>>;

/// The most bytes that a record may have: a closure of a hundred thousand nodes stays below.
pub const RECORD_MAX: u64 = 64 << 20;

/// What a remote can do. It is asked once per run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether [`Remote::get`] can begin in the middle. Where it cannot, it begins at the start and says so.
    pub resume: bool,
    /// Whether it takes anything from us.
    pub write: bool,
    /// The largest blob that it takes, where it says so.
    pub largest: Option<u64>,
}

impl Default for Capabilities {
    /// Everything, of any size.
    fn default() -> Self {
        Self { resume: true, write: true, largest: None }
    }
}

/// The bytes of a blob on their way from a remote. Nobody verified them.
pub struct Body {
    /// The offset of the first byte: what was asked for, or 0 where the remote cannot begin in the middle.
    pub from: u64,
    /// The bytes. A cut is an error that may pass; an end is the remote's word that this is all.
    pub pieces: Pieces,
}

impl Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("from", &self.from).finish_non_exhaustive()
    }
}

/// A record that is to be put.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Where it stands.
    pub slot: Slot,
    /// The signed statement, as [`seal`](crate::seal) made it.
    pub bytes: Bytes,
    /// Every blob that it names, for storage that must know what belongs together. They were put before.
    pub blobs: Vec<Output>,
}

/// Storage for blobs and records. See the module for what an implementation must keep.
///
/// A blob is called by all its names ([`Output`]): BLAKE3, SHA-256 and size. A remote uses what its storage knows.
pub trait Remote: Debug + Send + Sync {
    /// Its address as people wrote it, without any secret: the name in every message.
    fn name(&self) -> &str;

    /// What it can do. It may ask the storage, and fails only where that does not answer.
    fn capabilities(&self) -> Answer<'_, Capabilities>;

    /// Which of `blobs` are there with their sizes. All are asked about at once where the storage has such a question, and
    /// else many at the same time.
    fn has<'a>(&'a self, blobs: &'a [Output]) -> Answer<'a, BTreeSet<BlobId>>;

    /// The bytes of `blob` from the offset `from` on, which is less than its size or 0; `None` where it is not there.
    fn get<'a>(&'a self, blob: &'a Output, from: u64) -> Answer<'a, Option<Body>>;

    /// Puts a blob. An error of its pieces ends the put, and comes back as it is.
    fn put<'a>(&'a self, source: &'a Source) -> Answer<'a, ()>;

    /// What stands in each of `slots`, in their order; `None` where nothing does. What is longer than
    /// [`RECORD_MAX`] is nothing.
    fn records<'a>(&'a self, slots: &'a [Slot]) -> Answer<'a, Vec<Option<Bytes>>>;

    /// Puts records, each in the place of what stood in its slot. Where it fails some may be there and others not.
    fn put_records<'a>(&'a self, records: &'a [Posted]) -> Answer<'a, ()>;
}
