//! Puts a verified bundle on a machine.
//!
//! What must be there is a [`Layout`]; [`plan`] compares it with the root and [`Plan::execute`] writes what differs,
//! each file whole or not at all, with a journal around the run.
//!
//! # Invariants
//! - Only a [`gabion_bundle::Verified`] can be installed, and each piece is checked again at use.
//! - A run that changes nothing writes nothing, not even a time stamp.
//! - No older trust root judges than one that the host accepted, and where the trust root asks for promotions,
//!   no lower serial is installed: [`TrustState`], raised before the first file is written. Without
//!   promotions nothing says which of two bundles is older, and either replaces the other.
//! - A file that was not put there by a bundle is kept when it is replaced.
//! - A bundle that lies on the host for later ([`spool`]) has its name only after every byte was read back.
//! - No path leaves the root, whatever symlinks the root holds.
//!
//! # What this crate does not do
//! It reads no recipes and no lock, and has no network: what comes from elsewhere comes over a pipe that others made
//! ([`wire`]).

mod accept;
mod apply;
pub mod artifacts;
pub mod backup;
pub mod cli;
mod compare;
pub mod disk;
mod error;
mod k3s;
mod kept;
mod layout;
pub mod live;
mod power;
mod record;
mod room;
mod root;
pub mod seal;
pub mod secrets;
pub mod spool;
mod stamps;
mod state;
mod trust;
mod unit;
pub mod wire;

pub use accept::{Judging, admit, keep_root, kept_root};
pub use apply::{Plan, Produce, Report, plan};
pub use error::HostError;
pub use k3s::{Content, install, layout};
pub use layout::{Layout, Wanted};
pub use root::{Found, Root, RootLock};
pub use spool::SpoolError;
pub use state::{State, Written};
pub use trust::{Accepted, TrustState};
pub use wire::WireError;
