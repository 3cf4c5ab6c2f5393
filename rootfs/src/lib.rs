//! A root file system from pinned Debian packages: unpacked natively, configured by their own dpkg.
//!
//! It is made in stages ([`Stage`]): the essential packages first, then the rest on top of the first stage's tree.
//! A stage is a pure function of its packages and of the tree below it:
//!
//! 1. the tree below, then the packages, are unpacked, several at once, into a merged `/usr`;
//! 2. dpkg's database says that all of them are unpacked;
//! 3. the packages' own programs run in a sandbox: `preinst` where a fresh system needs it, `dpkg --configure -a`,
//!    then once `update-initramfs` and `grub-mkimage`;
//! 4. what no two builds have alike is taken away;
//! 5. what is left is given out as a stream of entries without times.
//!
//! # Invariants
//! - Nothing of the machine that builds goes in: no program, no variable, no clock but the packages' newest time.
//! - Owners are real: this runs as user 0 of a range of users, which [`gabion_sandbox`] provides.
//! - A package's bytes are hashed while they are unpacked, and nothing runs before all of them were.
//!
//! # What it does not do
//! It fetches nothing, chooses nothing, and knows neither recipes nor the store.

mod clean;
mod configure;
mod dpkg;
mod error;
mod listing;
mod merged;
mod root;
mod stage;
mod unpack;
mod walk;
mod worker;

pub use error::RootfsError;
pub use listing::{Elsewhere, Listed, Listing};
pub use stage::{Base, Deb, Grub, Last, Stage};
pub use worker::{Made, StageError, WORKERS, make, remove_root};
