//! Layers of container images (OCI image specification 1.1, `layer.md`): written so that one content is one tar, packed by
//! pinned encoders, and read as far as whoever lies above must know.
//!
//! `FORMAT.md` beside this crate says which bytes a layer has.
//!
//! # Invariants
//! - The same entries are the same bytes: no clock, no names of owners, one order, one way to say each thing.
//! - What an encoder gives depends on the bytes alone, and not on how they came.
//! - A layer means the same to every reader: a name that would hide a file of a lower layer is refused.
//!
//! It knows no store, no manifest and no registry.

mod below;
mod packed;
mod write;

pub use below::{Below, Lower};
pub use packed::{Packed, Packing, unpacked};
pub use write::{LayerError, LayerWriter, Meta};
