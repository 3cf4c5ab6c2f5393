//! A bundle's disk onto a disk of this machine, from a rescue system.
//!
//! [`Facts`] say what is here, [`choose()`] which disk is meant, and [`install`] writes it: the whole disk the first time,
//! only the slot that does not run afterwards. Then the new system is mounted where nobody else sees it, and whoever
//! called lays files into it.
//!
//! # Invariants
//! - No disk is written that is mounted, holds the running system, or has something on it, unless the operator named it by
//!   what it is.
//! - What was written counts when it was read back. The table of partitions comes last, and so does the environment of
//!   GRUB: until then the host starts what it started before, or nothing.
//! - A run that was cut is finished by the same command. Nothing that a cut run noted is believed but which slot it filled.
//! - A second installation leaves `state` and `data` as they are.
//!
//! # What this module does not do
//! It opens no bundle: it is given a function that hands out the compressed image, each piece checked. It changes neither
//! the boot entries of UEFI nor, after the first installation, GRUB and its configuration.

mod boot;
mod bundle;
mod choose;
mod device;
mod error;
pub mod facts;
mod fstab;
mod grow;
mod image;
mod install;
mod mount;
pub mod network;
mod online;
mod parts;
mod programs;
mod stream;
mod write;

pub use bundle::{find_disk, install_bundle};
pub use choose::{Must, ParseMustError, Selector, Wanted, choose, may_erase};
pub use error::DiskError;
pub use facts::Facts;
pub use install::{Event, How, Options, Report, Source, install};
pub(crate) use online::write_other_slot;

#[cfg(test)]
mod tests;
