//! What can be wrong with an index or a manifest.

use crate::media::MediaType;
use gabion_digest::Sha256;

/// Why a document of a registry is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is not JSON, or JSON that two readers could understand differently.
    #[error("it is not plain JSON: {why}")]
    Json {
        /// What is wrong and where.
        why: String,
    },
    /// A field is missing or has an impossible value.
    #[error("the field `{field}` {why}")]
    Field {
        /// The field.
        field: String,
        /// What is wrong.
        why: String,
    },
    /// Two places tell different media types, or neither tells one.
    #[error("its media type is `{inside}` inside and `{outside}` outside")]
    MediaType {
        /// What its `mediaType` says.
        inside: String,
        /// What the reply or the descriptor says.
        outside: String,
    },
    /// It is neither an index nor a manifest.
    #[error("`{found}` is neither an index nor a manifest of an image")]
    Kind {
        /// Its media type.
        found: MediaType,
    },
    /// Layers beside manifests: an index to one reader, a manifest to the next (CVE-2021-41190).
    #[error("it is an index and a manifest at once")]
    Ambiguous,
    /// A manifest of the first schema, which has no digest of its content.
    #[error("it is of schema {found}, and only schema 2 is supported")]
    Schema {
        /// The schema.
        found: u64,
    },
    /// A layer that may not be passed on, or that lies outside of the registry.
    #[error("the layer `{digest}` is foreign (`{media_type}`)")]
    Foreign {
        /// The layer.
        digest: Sha256,
        /// Its media type.
        media_type: MediaType,
    },
    /// A descriptor that sends readers elsewhere.
    #[error("`{digest}` names locations outside of the registry")]
    Urls {
        /// What it describes.
        digest: Sha256,
    },
    /// Larger than anything that is real.
    #[error("`{what}` has {size} bytes, and {limit} are the most")]
    Large {
        /// The digest or the document.
        what: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A digest that is not SHA-256.
    #[error(
        "the field `{field}` is `{digest}`, and only `sha256:` with 64 lowercase hex digits is supported"
    )]
    Digest {
        /// The field.
        field: String,
        /// What it says.
        digest: String,
    },
    /// Other bytes than the descriptor names.
    #[error(
        "the bytes are `{found}` with {size} bytes, and the descriptor says `{expected}` with {expected_size}"
    )]
    Changed {
        /// The descriptor's digest.
        expected: Sha256,
        /// The descriptor's size.
        expected_size: u64,
        /// What the bytes hash to.
        found: Sha256,
        /// How many they are.
        size: u64,
    },
}

impl DocumentError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json { .. } | Self::Field { .. } => "E0902",
            Self::MediaType { .. } | Self::Kind { .. } | Self::Ambiguous => "E0903",
            Self::Schema { .. } => "E0904",
            Self::Foreign { .. } | Self::Urls { .. } => "E0905",
            Self::Large { .. } => "E0906",
            Self::Digest { .. } => "E0907",
            Self::Changed { .. } => "E0908",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Json { .. } | Self::Field { .. } | Self::MediaType { .. } | Self::Kind { .. } => {
                "ask the registry itself instead of a mirror or proxy; if it says the same, push the image anew"
            }
            Self::Ambiguous | Self::Changed { .. } => {
                "do not use this image: readers disagree on what it holds"
            }
            Self::Schema { .. } => "push the image again with a tool of this decade",
            Self::Foreign { .. } | Self::Urls { .. } => {
                "only what the registry itself serves can be bundled; use an image without such layers"
            }
            Self::Large { .. } => return None,
            Self::Digest { .. } => "push the image again with SHA-256 digests",
        };
        Some(text.to_owned())
    }
}
