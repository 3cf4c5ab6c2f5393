//! Container images as values: bytes in, values out.
//!
//! An image is found in four steps, and each takes only what the one before gives: a [`Reference`] names it,
//! its [`Document`] is an index or a manifest, [`Index::choose`] finds the descriptor of a platform, and
//! [`Descriptor::open`] takes the manifest's bytes only if they are the ones that the index names.
//! An [`Archive`] holds images the way K3s imports them.
//!
//! # Invariants
//! - Indexes and manifests are kept byte for byte; nothing is ever written anew, so that digests stay.
//! - One document has one meaning for every reader: duplicate keys, keys in another case, a list of layers
//!   beside a list of manifests and a media type that two places tell differently are refused.
//! - Bytes come from the registry alone: descriptors with `urls` and foreign layers are refused.
//! - One image has one spelling: `docker.io/library/nginx:1.27`.
//! - The same images give the same archive: no clock, no owner, no order of the caller.
//!
//! It fetches nothing, stores nothing and unpacks no layer.

mod archive;
mod challenge;
pub mod compose;
pub mod cosign;
mod descriptor;
mod document;
mod error;
mod json;
mod media;
mod platform;
mod reference;

pub use archive::{Archive, ArchiveError, Image};
pub use challenge::{Challenge, ChallengeError, challenges};
pub use descriptor::{DOCUMENT_LIMIT, Descriptor, LAYER_LIMIT};
pub use document::{Chart, Document, Index, Manifest};
pub use error::DocumentError;
pub use media::{MediaType, ParseMediaTypeError, Role};
pub use platform::{Platform, PlatformError};
pub use reference::{Name, Reference, ReferenceError, is_tag};
