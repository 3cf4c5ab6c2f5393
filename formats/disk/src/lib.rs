//! Bootable disk images: bytes in, bytes out.
//!
//! A [`Layout`] says where everything lies, [`ext4::Image::plan`] turns entries into a file system that fits or says
//! by how much it does not, [`grub::Config`] chooses between the slots, and [`Disk::write`] puts it all into a
//! [`Target`]: a [`Raw`] file with holes, a [`Qcow2`], or both in one pass. [`compress`] makes the form that travels,
//! and [`compare`] tells what a second build did otherwise.
//!
//! # Invariants
//! - The same inputs are the same bytes: no clock, no randomness, no name of a host. Identifiers are made of names.
//! - What does not fit is known before the first byte is written.
//! - Zeros are never written: an image of eleven GB with half a GB in it needs half a GB.
//! - A slot is found by its partition, never by its file system: both slots may hold the same bytes.
//!
//! It runs no program, opens no file, mounts nothing and needs no right that a user has not. `FORMAT.md` says where
//! every byte comes from.

mod assemble;
mod bios;
mod compare;
pub mod ext4;
pub mod fat;
pub mod gpt;
mod gpt_read;
pub mod grub;
mod layout;
mod qcow2;
mod qcow2_read;
mod slot;
mod sparse;
mod target;
mod uuid;
mod zst;

pub use assemble::{AssembleError, Disk, Finished, Root, Tree};
pub use bios::{Bios, BiosError};
pub use compare::{Difference, compare};
pub use ext4::Ext4Error;
pub use fat::FatError;
pub use gpt_read::FoundTable;
pub use layout::{Layout, LayoutError, MIB, Role, Sizes};
pub use qcow2::Qcow2;
pub use qcow2_read::{Image, ImageError};
pub use slot::{ParseSlotError, Slot};
pub use sparse::{Extents, Sparse};
pub use target::{Both, Raw, Target};
pub use uuid::Uuid;
pub use zst::compress;
