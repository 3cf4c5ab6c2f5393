//! What of a host cannot be made again from a bundle, in one sealed file.
//!
//! The file is of age, for the operators' recipients; inside is a tar:
//!
//! 1. `FORMAT`: the line `gabion-backup 1`;
//! 2. `root/PATH` for every file, folder and symlink, with mode, owner and time;
//! 3. `backup.json`, the last: what went before with size and BLAKE3, the bundle in force, and its images.
//!
//! The manifest is the last so that every file is read once, and what was read is what it names. A file without it was
//! cut, and is no backup.
//!
//! # Invariants
//! - Nothing of a damaged or cut backup is put in place: files get their names when all of it was read and compared.
//! - Nothing is written outside of the folders of its [`Part`], whatever the backup or symlinks on the host say.
//! - Memory does not grow with files: only with how many there are, and a backup of more than the manifest holds is
//!   refused.
//!
//! # What this module does not do
//! It takes no snapshot of etcd and stops nothing: whoever calls names a snapshot that is complete, and volumes that
//! nobody writes to. Extended attributes are not kept. It does not know who wrote a backup: age does not say.

mod error;
mod manifest;
mod read;
mod restore;
mod write;

pub use error::BackupError;
pub use manifest::{Entry, Kind, Manifest, Part, Summary};
pub use read::{unseal, verify};
pub use restore::{Restored, restore};
pub use write::{Wanted, write};
