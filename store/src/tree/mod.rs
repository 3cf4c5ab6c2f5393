//! Trees: a folder at rest is one manifest and one canonical tar, never a file per entry.
//!
//! Both are ordinary blobs. The manifest says what every entry is and which bytes it has; its digest is the
//! [`TreeId`](gabion_digest::TreeId). The tar is a pure function of the entries, so the offset of a file in it is computed, not
//! stored, and cannot be wrong. Byte formats: `FORMAT.md`.
//!
//! # Invariants
//! - Paths are relative, unique and without `..`; every parent is a directory of the tree, so that no entry
//!   is ever written through a symbolic link.
//! - There is no time, no user name and no device.
//!
//! # What this module does not do
//! It never reads or writes a folder of the host: entries come from a stream and leave as a tar.

mod build;
mod manifest;
mod path;
mod read;
mod tar;

pub use build::TreeBuilder;
pub use manifest::{Attributes, Entry, Meta, Tree};
pub use path::TreePath;
pub use read::TreeFile;
