//! The bundle: one signed file that carries a platform.
//!
//! A deterministic tar that a person can take apart with `tar`, `sha256sum` and `ssh-keygen`; byte
//! format: `FORMAT.md`. The bundle's digest is the SHA-256 of its first member, `RELEASE`.
//!
//! # Invariants
//! - [`verify()`] is the only way to a [`Verified`], and it has no mode that warns and goes on.
//! - Signatures lie in a slot of fixed size outside the digest: signing changes no other byte.
//! - A [`Verified`] checks each piece again when it is read, so a medium that changes after
//!   verification is noticed at use.
//!
//! # What this crate does not do
//! It has no store, no network and no recipes; what goes in is the caller's choice.

mod assemble;
mod error;
mod header;
mod manifest;
mod release;
mod sign;
mod slot;
mod trust;
mod verify;

pub use assemble::{Assembled, Source, Spec, assemble, assemble_to_path};
pub use error::{BundleError, Class};
pub use manifest::{Manifest, Member, Object, PIECE};
pub use release::Release;
pub use sign::{NAMESPACE, SigningKey, sign_bundle};
pub use slot::{SLOT_SIZE, Slot};
pub use trust::{TrustRoot, TrustedKey};
pub use verify::{Verified, read_table, verify};

/// The reference extractor: plain Python, no Gabion.
pub const EXTRACTOR: &str = include_str!("extract.py");

/// How to check and unpack a bundle by hand.
pub const BY_HAND: &str = include_str!("by-hand.md");
