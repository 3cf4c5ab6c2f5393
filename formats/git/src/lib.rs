//! One commit of a git repository, without a git program: bytes in, values out.
//!
//! What a client of the smart protocol says and reads (`gitprotocol-v2`): [`Capabilities`] are what the server
//! can do, a [`RefName`] asks which commit a branch or tag leads to, [`fetch_request`] asks for one commit, and
//! [`PackStream`] is the pack in the reply. [`Objects`] takes the pack apart into a file of the caller's, and
//! [`Objects::write_archive`] turns a commit into its canonical archive (`FORMAT.md`).
//!
//! # Invariants
//! - An object is used only under the name that its bytes hash to; a SHA-1 collision attack is an error.
//! - Memory is bounded whatever the server sends: objects lie in the caller's file, and [`Limits`] bound that.
//! - The archive depends on the commit's tree alone: no time, owner, pack or order of arrival reaches it.
//! - Names that git's own `fsck` refuses are refused.
//!
//! It opens no connection, stores nothing, and knows no repositories of SHA-256.

mod archive;
mod capabilities;
mod delta;
mod entry;
mod error;
mod fetch;
mod object;
mod objects;
mod pack;
mod packet;
mod reference;
mod spool;
mod tar;
mod tree;

pub use archive::ArchiveError;
pub use capabilities::Capabilities;
pub use error::{PackError, ProtocolError};
pub use fetch::{PackStream, fetch_request};
pub use object::{Kind, ObjectId, ParseIdError};
pub use objects::{Limits, Objects};
pub use packet::{Packet, PacketReader, write_packet};
pub use reference::{RefName, ReferenceError};
