//! ext4 file systems, written once by `mkext4`: planned from their entries first, then streamed.
//!
//! # Invariants
//! - Same options and entries, same bytes. Every time in the file system is one and the same.
//! - A plan that does not fit fails before a byte is written, and says how many bytes more do.
//! - Contents are asked for once, in the order of the entries, and are never in memory as a whole.
//!
//! Features (`mkext4` 0.0.3): blocks of 4 KiB, inodes of 256 bytes, `has_journal ext_attr dir_index filetype extent
//! flex_bg sparse_super large_file huge_file dir_nlink extra_isize metadata_csum`. Without `resize_inode` it grows
//! offline by `resize2fs` to any size below 16 TiB; how it grows while mounted stands in `FORMAT.md`.

mod acl;
mod entry;
mod fit;
mod image;
mod write;

pub use entry::{Entry, Kind};
pub use image::{Image, Inodes, Options};

use std::io;

/// Why there is no such file system.
#[derive(Debug, thiserror::Error)]
pub enum Ext4Error {
    /// Options that no file system has.
    #[error("the file system's {what}")]
    Options {
        /// What is wrong with which.
        what: String,
    },
    /// An entry that cannot be in a file system.
    #[error("`{path}` {why}")]
    Entry {
        /// Its path.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Entries that do not fit.
    #[error("the files need {missing} bytes more than the {size} of the file system")]
    Full {
        /// The size.
        size: u64,
        /// With so many bytes more they fit.
        missing: u64,
    },
    /// More entries than inodes.
    #[error("the files need {needed} inodes, and the file system has {has}")]
    Inodes {
        /// How many are needed.
        needed: u64,
        /// How many were asked for.
        has: u64,
    },
    /// The writer of ext4 refused for a reason of its own.
    #[error("the writer of ext4 refuses")]
    Refused(#[source] mkext4::Error),
    /// A file that could not be read.
    #[error("`{path}` could not be read")]
    Content {
        /// Its path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A file with another size than its entry says.
    #[error("`{path}` has not the {size} bytes that its entry says")]
    Size {
        /// Its path.
        path: String,
        /// What its entry says.
        size: u64,
    },
    /// The image could not be written.
    #[error("the file system could not be written")]
    Write(#[source] io::Error),
}

impl Ext4Error {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Options { .. } | Self::Refused(_) => "E1313",
            Self::Entry { .. } => "E1314",
            Self::Full { .. } | Self::Inodes { .. } => "E1315",
            Self::Content { .. } | Self::Size { .. } => "E1316",
            Self::Write(_) => "E1317",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Full { size, missing } => {
                let mib = (size + missing).div_ceil(crate::MIB);
                Some(format!("make the partition {mib} MiB large, or leave packages out"))
            }
            Self::Inodes { .. } => Some("ask for more inodes".to_owned()),
            Self::Write(error) if error.kind() == io::ErrorKind::StorageFull => {
                Some("free some space, or write the image elsewhere".to_owned())
            }
            _ => None,
        }
    }
}
