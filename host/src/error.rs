//! Why a host cannot be brought to a bundle.

use crate::backup::BackupError;
use crate::disk::DiskError;
use crate::secrets::SecretsError;
use crate::spool::SpoolError;
use crate::wire::WireError;
use gabion_bundle::Class;
use std::io;

/// Why a host cannot be brought to a bundle.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The root is not a folder that can be opened.
    #[error("could not open `{path}` as a root")]
    Root {
        /// The folder.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another installer is at work in the root.
    #[error("another installer is at work in `{path}`")]
    Busy {
        /// The folder.
        path: String,
    },
    /// A file of the root cannot be read.
    #[error("could not read `/{path}`")]
    Read {
        /// Path in the root.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of the root cannot be written.
    #[error("could not write `/{path}`")]
    Write {
        /// Path in the root.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A folder stands where a file was put or is to be put.
    #[error("a folder stands in the place of the file `/{path}`")]
    Folder {
        /// Path in the root.
        path: String,
    },
    /// A file of others would be replaced, and its place to be kept is taken.
    #[error("`/{path}` is not gabion's, and `/{kept}` is another file already")]
    Kept {
        /// Path in the root.
        path: String,
        /// Where it would be kept.
        kept: String,
    },
    /// The bundle did not give the bytes of a file.
    #[error("the bundle does not give the bytes of `/{path}`")]
    Content {
        /// Path in the root.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Gabion's own record on the host is damaged.
    #[error("`/{path}` is damaged: {message}")]
    State {
        /// Path in the root.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// The record of what was accepted before is damaged.
    #[error("`/{path}`, the floor of this host, is damaged: {message}")]
    Floor {
        /// Path in the root.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// The host has another name.
    #[error("this host is `{known}`, not `{given}`")]
    OtherHost {
        /// What it was called before.
        known: String,
        /// What it is called now.
        given: String,
    },
    /// Nobody said what the host is called.
    #[error("the bundle is promoted for `{hosts}`, and nobody said which host this is")]
    Unnamed {
        /// Whom it is for.
        hosts: String,
    },
    /// The bundle says something that this installer cannot do.
    #[error("the bundle cannot be installed: {0}")]
    Unsupported(String),
    /// Secrets cannot be used.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// There is no backup, or none to restore.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The bundle is refused.
    #[error(transparent)]
    Bundle(#[from] gabion_bundle::BundleError),
    /// There is not enough room.
    #[error("`/{path}` has {free} bytes free, {needed} are needed")]
    Space {
        /// Path in the root.
        path: String,
        /// Free bytes.
        free: u64,
        /// Needed bytes.
        needed: u64,
    },
    /// Something about a disk that is installed onto.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The bundle does not come to rest on the host.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The transfer of a bundle failed.
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl HostError {
    pub(crate) fn read(path: &str, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &str, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn content(path: &str, source: io::Error) -> Self {
        Self::Content { path: path.to_owned(), source }
    }

    /// An error while writing bytes that were being produced: a bundle that fails its check in the
    /// middle says so itself, everything else is the disk's.
    pub(crate) fn from_produce(path: &str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::content(path, source),
            _ => Self::write(path, source),
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bundle(error) => error.code(),
            Self::Root { .. } => "E0601",
            Self::Read { .. } => "E0602",
            Self::Write { .. } => "E0603",
            Self::Content { .. } => "E0604",
            Self::State { .. } => "E0605",
            Self::Unsupported(_) => "E0606",
            Self::Space { .. } => "E0607",
            Self::Floor { .. } => "E0608",
            Self::Busy { .. } => "E0609",
            Self::Folder { .. } => "E0610",
            Self::Kept { .. } => "E0611",
            Self::OtherHost { .. } => "E0612",
            Self::Secrets(error) => error.code(),
            Self::Backup(error) => error.code(),
            Self::Unnamed { .. } => "E0613",
            Self::Disk(error) => error.code(),
            Self::Spool(error) => error.code(),
            Self::Wire(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Root { .. } => {
                Some("make the folder first; gabion never guesses where a root should be".into())
            }
            Self::Busy { .. } => Some("wait for it, and run the same command again".into()),
            Self::Write { .. } => Some("nothing half-written stays; run the same command again".into()),
            Self::Folder { path } => Some(format!(
                "nothing was written; move the folder `/{path}` away, and run the same command again"
            )),
            Self::Kept { path, kept } => Some(format!(
                "nothing was written; compare the two, and move `/{path}` or `/{kept}` to a name of your own"
            )),
            Self::Content { .. } => {
                Some("the medium may be failing: `gabion bundle verify` tells where".into())
            }
            Self::State { path, .. } => {
                Some(format!("move `/{path}` away; the next run compares every file and writes a new one"))
            }
            Self::Floor { path, .. } => Some(format!(
                "without it an older bundle would pass; put `/{path}` back, or move it away and name the floor with \
                 `--min-serial`"
            )),
            Self::OtherHost { .. } => Some(
                "is this the right root? What it is called stands in `/var/lib/gabion/trust/state.json`"
                    .into(),
            ),
            Self::Unnamed { .. } => {
                Some("name this host with `--host`; once is enough, it is kept there".into())
            }
            Self::Space { .. } => Some("nothing was written; make room or use a larger disk".into()),
            Self::Secrets(error) => error.help(),
            Self::Backup(error) => error.help(),
            Self::Bundle(error) => error.help(),
            Self::Disk(error) => error.help(),
            Self::Spool(error) => error.help(),
            Self::Wire(error) => error.help(),
            Self::Read { .. } | Self::Unsupported(_) => None,
        }
    }

    /// How a program ends with it: 5 integrity, 6 trust, 2 usage, 1 anything else.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Unnamed { .. } => 2,
            _ if self.is_integrity() => 5,
            _ if self.is_trust() => 6,
            _ => 1,
        }
    }

    /// Whether what the host knows about trust cannot be used, or says something else.
    pub fn is_trust(&self) -> bool {
        match self {
            Self::Floor { .. } | Self::OtherHost { .. } => true,
            Self::Bundle(error) => error.class() == Class::Trust,
            Self::Spool(error) => error.is_trust(),
            Self::Secrets(error) => error.is_trust(),
            Self::Backup(error) => error.is_trust(),
            _ => false,
        }
    }

    /// Whether bytes were not what they must be, rather than the host failing.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Content { .. } => true,
            Self::Bundle(error) => error.class() == Class::Integrity,
            Self::Secrets(error) => error.is_integrity(),
            Self::Backup(error) => error.is_integrity(),
            Self::Disk(error) => error.is_integrity(),
            Self::Spool(error) => error.is_integrity(),
            _ => false,
        }
    }
}

/// An error and everything that caused it, `a: b: c`.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
