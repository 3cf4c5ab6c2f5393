//! Names of bytes and how they are computed.
//!
//! A leaf: no I/O, no clock, nothing asynchronous. Everything that Gabion stores is named by the
//! BLAKE3 digest of its plain bytes; everything that comes from or goes to a foreign system also
//! carries the SHA-256 that system knows.
//!
//! # Invariants
//! - One digest has one spelling: `b3:` or `sha256:` and 64 lowercase hex digits.
//! - One ID type per meaning, so that an [`ActionId`] never stands where a [`BlobId`] belongs.
//! - Every ID that is not the hash of plain bytes is derived under a context string of its own.

mod canonical;
mod digest;
mod hasher;
mod ids;

pub use canonical::{Canonical, Feed, feed_list, id_of};
pub use digest::{Digest, ParseDigestError, Sha256};
pub use hasher::{DualHasher, Hashed, hash_bytes};
pub use ids::{ActionId, BlobId, RequestId, TreeId};
