//! Images: their documents and blobs in the store.
//!
//! A lock pins an image by the digests of its documents: the index that its reference leads to, where there is
//! one, and the manifest for this platform. Everything else follows from the manifest.

use gabion_digest::Sha256;
use gabion_oci::{DOCUMENT_LIMIT, Document, DocumentError, Manifest};
use gabion_store::{Store, StoreError};
use std::collections::BTreeSet;

/// A document that the store has, or why it is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It cannot be read as an index or manifest.
    #[error("`{digest}` is no document of an image")]
    Document {
        /// Its digest.
        digest: Sha256,
        /// Why not.
        #[source]
        source: Box<DocumentError>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImageError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document { source, .. } => source.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Document { source, .. } => source.help(),
            Self::Store(error) => error.help(),
        }
    }
}

/// The manifest of an image whose documents are `documents`, the manifest last; nothing where one of them is
/// not in the store.
pub fn manifest(store: &Store, documents: &[Sha256]) -> Result<Option<Manifest>, ImageError> {
    let mut found = None;
    for digest in documents {
        let Some(output) = store.find(*digest)? else { return Ok(None) };
        let Some(bytes) = store.read_output(&output, DOCUMENT_LIMIT)? else { return Ok(None) };
        let document = Document::reopen(bytes)
            .map_err(|source| ImageError::Document { digest: *digest, source: Box::new(source) })?;
        found = match document {
            Document::Manifest(it) => Some(it),
            Document::Index(_) => None,
        };
    }
    Ok(found)
}

/// What a document that is not in the store counts for: how large it is stands nowhere.
const DOCUMENT: u64 = 512;

/// How many bytes of an image, and of what hangs on it, are not in the store; `size` where its documents are not.
pub fn missing(
    store: &Store,
    documents: &[Sha256],
    attached: &[Sha256],
    size: u64,
) -> Result<u64, ImageError> {
    let mut missing = 0_u64;
    // A layer may stand twice in one image.
    let mut blobs: BTreeSet<(Sha256, u64)> = BTreeSet::new();
    let parts = attached.chunks(1).map(|it| (it, DOCUMENT));
    for (documents, size) in std::iter::once((documents, size)).chain(parts) {
        match manifest(store, documents)? {
            Some(manifest) => blobs.extend(manifest.blobs().map(|it| (it.digest, it.size))),
            None => missing = missing.saturating_add(size),
        }
    }
    for (digest, size) in blobs {
        if store.find(digest)?.is_none() {
            missing = missing.saturating_add(size);
        }
    }
    Ok(missing)
}

/// The name of the output that a blob of an image is.
pub fn output_name(digest: &Sha256) -> String {
    digest.to_string()
}
