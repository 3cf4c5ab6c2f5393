//! FAT32 with long names, written once (Microsoft's FAT specification 1.03; UEFI 2.10, 13.3).
//!
//! # Invariants
//! - The same files, times and identifiers are the same bytes: clusters are given out in the order of paths, and
//!   every file is one run of clusters. GRUB, which rewrites its environment in place, needs no more than that.
//! - Two names that differ in their case alone are one name to every reader, and refused.
//!
//! It reads no more than where a file lies ([`locate`]), and it writes no other FAT: UEFI requires none, and a partition for FAT32 costs 34 MiB.

mod find;
mod name;
mod tree;
mod volume;

pub use find::{Located, locate};
pub use volume::{Options, Volume};

/// Why files make no volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FatError {
    /// A size that FAT32 does not have.
    #[error("FAT32 has no volume of {size} bytes")]
    Size {
        /// The size.
        size: u64,
    },
    /// A label that is none.
    #[error("`{label}` is no label of a volume")]
    Label {
        /// The label.
        label: String,
    },
    /// A time before 1980 or after 2107.
    #[error("FAT has no time for second {time} of 1970")]
    Time {
        /// Seconds.
        time: u64,
    },
    /// A name that FAT cannot hold.
    #[error("`{path}` is no path of FAT")]
    Path {
        /// The path.
        path: String,
    },
    /// Two names for one file, or a file that is a directory too.
    #[error("`{path}` is there twice")]
    Twice {
        /// The path.
        path: String,
    },
    /// More bytes than a file of FAT has.
    #[error("`{path}` has {size} bytes, and 4 GiB are too many")]
    Large {
        /// The path.
        path: String,
        /// Its size.
        size: u64,
    },
    /// Files that do not fit.
    #[error("the files need {missing} bytes more than the volume has")]
    Full {
        /// How many bytes more the volume needs.
        missing: u64,
    },
}

impl FatError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } | Self::Label { .. } | Self::Time { .. } => "E1307",
            Self::Path { .. } | Self::Twice { .. } | Self::Large { .. } => "E1308",
            Self::Full { .. } => "E1309",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Size { .. } => "choose 34 MiB to 2 TiB, in whole sectors".to_owned(),
            Self::Label { .. } => {
                "a label has 1 to 11 uppercase letters, digits, `-` and `_`".to_owned()
            }
            Self::Path { .. } => {
                "parts of a path have 1 to 255 characters of ASCII, none of `\"*:<>?\\|`, and end in no dot or space"
                    .to_owned()
            }
            Self::Full { missing } => format!("make the partition {missing} bytes larger, in whole MiB"),
            _ => return None,
        })
    }
}
