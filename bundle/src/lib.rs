//! The bundle: one signed file that carries a platform.
//!
//! A deterministic tar that a person can take apart with `tar`, `sha256sum` and `ssh-keygen`; byte
//! format: `FORMAT.md`. The bundle's digest is the SHA-256 of its first member, `RELEASE`.
//!
//! # Invariants
//! - [`verify()`], which is [`open()`] and then [`Opened::verify`], is the only way to a [`Verified`], and it has no
//!   mode that warns and goes on.
//! - An [`Opened`] is of people who are trusted and hands out only pieces that they signed; whether every byte of the
//!   file is right, nobody knows yet.
//! - Signatures lie in a slot of fixed size outside the digest: signing changes no other byte.
//! - A [`Verified`] checks each piece again when it is read, so a medium that changes after
//!   verification is noticed at use.
//!
//! - A [`TrustRoot`] comes from outside. A bundle may carry newer ones; they count as far as the given one
//!   vouches for them.
//!
//! # What this crate does not do
//! It has no store, no network, no clock and no recipes; what goes in is the caller's choice, and so is
//! the moment at which keys are judged.

mod assemble;
mod chain;
mod contents;
mod error;
mod file;
mod header;
mod manifest;
mod mode;
mod packages;
mod policy;
mod promotion;
mod release;
mod role;
mod secrets;
mod sign;
mod slot;
mod tables;
mod time;
mod trust;
mod unique;
mod unnamed;
mod unpack;
mod verify;

pub use assemble::{Assembled, Source, Spec, assemble, assemble_to_path};
pub use chain::next_root;
pub use contents::{Frame, MemberReader};
pub use error::{BundleError, Class};
pub use file::open_file;
pub use gabion_keys::{KeyError, KeyInfo, Secret, Signatures, SigningKey, public_path};
pub use manifest::{Manifest, Member, Members, Object, PIECE};
pub use mode::Mode;
pub use packages::{DiskPackage, DiskPackages, PACKAGES};
pub use policy::{Floor, Policy, Promoted, Stage};
pub use promotion::{Hosts, Promotion, SignedPromotion};
pub use release::Release;
pub use role::Role;
pub use secrets::{FileTarget, Generate, KubernetesTarget, SECRETS, SecretTarget, SecretTargets};
pub use sign::{mend_slot, open_slot, promote_bundle, sign_bundle, sign_root};
pub use slot::{SLOT_SIZE, Slot};
pub use tables::{read_layout, read_table};
pub use time::{ParseTimeError, Time};
pub use trust::{Quorum, Revoked, Standing, TrustRoot, TrustedKey};
pub use unpack::extract;
pub use verify::{Opened, Verified, open, verify};

/// The reference extractor: plain Python, no Gabion.
pub const EXTRACTOR: &str = include_str!("extract.py");

/// How to check and unpack a bundle by hand.
pub const BY_HAND: &str = include_str!("by-hand.md");
