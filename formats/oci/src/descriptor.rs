//! Descriptors: what a blob is, its digest and its size (OCI image specification 1.1, `descriptor.md`).

use crate::document::Document;
use crate::error::DocumentError;
use crate::json::Json;
use crate::media::{MediaType, Role};
use crate::platform::Platform;
use gabion_digest::Sha256;
use std::collections::BTreeMap;

/// The largest index, manifest or configuration: what registries must take at least (distribution
/// specification 1.1, "Pushing Manifests").
pub const DOCUMENT_LIMIT: u64 = 4 << 20;
/// The largest layer: what the size field of a plain tar header can say (POSIX.1-2017, pax, "ustar").
pub const LAYER_LIMIT: u64 = (8 << 30) - 1;

/// A blob as an index or a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What it is.
    pub media_type: MediaType,
    /// Digest of its bytes.
    pub digest: Sha256,
    /// How many bytes it has.
    pub size: u64,
    /// The machine that it is for, where an index tells it.
    pub platform: Option<Platform>,
    /// Free texts.
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Reads the descriptor at `place` of a document.
    pub(crate) fn parse(value: &Json, place: &str) -> Result<Self, DocumentError> {
        let fields = value.object(place)?;
        let need = |key: &str| fields.text(key)?.ok_or_else(|| fields.wrong(key, "is missing"));
        let digest = need("digest")?;
        let digest: Sha256 = digest.parse().map_err(|_| DocumentError::Digest {
            field: fields.place("digest"),
            digest: digest.to_owned(),
        })?;
        let media_type: MediaType = need("mediaType")?
            .parse()
            .map_err(|error: crate::ParseMediaTypeError| fields.wrong("mediaType", error.to_string()))?;
        if media_type.role() == Role::ForeignLayer {
            return Err(DocumentError::Foreign { digest, media_type });
        }
        if fields.list("urls")?.is_some_and(|urls| !urls.is_empty()) {
            return Err(DocumentError::Urls { digest });
        }
        let size = fields.number("size")?.ok_or_else(|| fields.wrong("size", "is missing"))?;
        let limit = if media_type.role() == Role::Blob { LAYER_LIMIT } else { DOCUMENT_LIMIT };
        check_size(&digest.to_string(), size, limit)?;
        let place = fields.place("platform");
        let platform =
            fields.get("platform")?.map(|value| Platform::of(value.object(&place)?)).transpose()?;
        Ok(Self { media_type, digest, size, platform, annotations: fields.texts("annotations")? })
    }

    /// Reads the index or manifest behind this descriptor: `bytes` must be the ones that it names, and what
    /// it says they are.
    pub fn open(&self, bytes: Vec<u8>) -> Result<Document, DocumentError> {
        let (found, size) = (Sha256::of(&bytes), bytes.len() as u64);
        if found != self.digest || size != self.size {
            let (expected, expected_size) = (self.digest, self.size);
            return Err(DocumentError::Changed { expected, expected_size, found, size });
        }
        Document::parse(bytes, Some(&self.media_type))
    }
}

pub(crate) fn check_size(what: &str, size: u64, limit: u64) -> Result<(), DocumentError> {
    if size > limit {
        return Err(DocumentError::Large { what: what.to_owned(), size, limit });
    }
    Ok(())
}
