//! What dpkg says, as values: control files, the order of versions, the packages of a running system.
//!
//! Archives and hosts have the same kind of text and the same order of versions; both are read here. It opens no file and
//! runs no program.

mod control;
mod status;
mod version;

pub use control::{Fields, SyntaxError, fields, stanzas};
pub use status::{Installed, StatusError, installed};
pub use version::Version;
