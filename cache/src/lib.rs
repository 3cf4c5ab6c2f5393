//! What builds share: blobs and signed records, on storage that people already run.
//!
//! A [`Remote`] is such storage, and it is never trusted: blobs verify themselves when they are read ([`fetch`]),
//! and records are statements that somebody signed. A remote that is down, slow, lying or empty costs
//! time and nothing else. Where bytes lie is in `FORMAT.md`.
//!
//! # Invariants
//! - No bytes of a remote are readable by anything before their digest is verified.
//! - What is put verifies itself on the way: a source with other bytes never becomes whole at a remote.
//! - A record is put after the blobs that it names.
//! - What is not there is remembered by nobody for longer than a run.
//!
//! # What this crate does not do
//! It opens no connection: remotes over a network stand where the one HTTP client stands, in the program.

mod check;
#[cfg(feature = "contract")]
pub mod contract;
mod dir;
mod error;
mod fetch;
mod manners;
mod merkle;
mod opinions;
mod pieces;
mod remote;
mod signed;
mod slot;
mod statement;
mod tiered;
mod trust;

pub use check::{Checked, check};
pub use dir::DirRemote;
pub use error::{CacheError, EXPLAINED};
pub use fetch::fetch;
pub use manners::Manners;
pub use opinions::Opinions;
pub use pieces::{Pieces, Source};
pub use remote::{Answer, Body, Capabilities, Posted, RECORD_MAX, Remote};
pub use signed::{Judge, SIGNED_AS, seal};
pub use slot::{Key, Namespace, Signer, Slot};
pub use statement::Statement;
pub use tiered::{Shared, Taken, Tiered};
pub use trust::{Trust, Verdict};
