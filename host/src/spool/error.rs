//! Why a bundle does not come to rest on the host.

use gabion_bundle::{BundleError, Class};
use std::io;

/// Why a bundle does not come to rest on the host.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The bundle could not be read to its end.
    #[error("the bundle did not come whole")]
    Cut {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What comes is not what the bundle's table says.
    #[error("what comes is not what the bundle's signed table says")]
    Damaged {
        /// What.
        #[source]
        source: io::Error,
    },
    /// No bundle of this digest lies here.
    #[error("no bundle `{digest}` lies in `/var/lib/gabion/packs`")]
    Missing {
        /// The digest.
        digest: String,
    },
    /// The bundle is promoted for named hosts, and this one has no name yet.
    #[error("the bundle is promoted for `{hosts}`, and nobody said which host this is")]
    Unnamed {
        /// The hosts of the promotion.
        hosts: String,
    },
    /// The bundle is refused.
    #[error(transparent)]
    Bundle(BundleError),
    /// What was written is not what is read.
    #[error("`/{path}` is not what was written to it")]
    Disk {
        /// Path in the root.
        path: String,
        /// What is wrong.
        #[source]
        source: BundleError,
    },
}

impl From<BundleError> for SpoolError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Read { source, .. } => Self::source(source),
            error => Self::Bundle(error),
        }
    }
}

impl SpoolError {
    /// An error of the place that the bundle comes from.
    pub(crate) fn source(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::InvalidData => Self::Damaged { source },
            _ => Self::Cut { source },
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cut { .. } => "E0670",
            Self::Damaged { .. } => "E0671",
            Self::Missing { .. } => "E0672",
            Self::Disk { .. } => "E0673",
            Self::Unnamed { .. } => "E0677",
            Self::Bundle(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Cut { .. } => Some("run the same command again: it goes on where this one ended".into()),
            Self::Damaged { .. } => {
                Some("`gabion bundle verify` tells whether the file is damaged; what came so far is right, and stays".into())
            }
            Self::Missing { .. } => Some("bring it to this host first: `gabion host push`".into()),
            Self::Disk { .. } => {
                Some("the disk may be failing; run the same command again, which writes again what is wrong".into())
            }
            Self::Unnamed { .. } => {
                Some("name this host with `--host`; an install keeps the name there".into())
            }
            Self::Bundle(error) => error.help(),
        }
    }

    /// Whether whoever signed is not to be trusted.
    pub fn is_trust(&self) -> bool {
        match self {
            Self::Unnamed { .. } => true,
            Self::Bundle(error) => error.class() == Class::Trust,
            _ => false,
        }
    }

    /// Whether bytes were not what they must be.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Disk { .. } => true,
            Self::Bundle(error) => error.class() == Class::Integrity,
            Self::Cut { .. } | Self::Missing { .. } | Self::Unnamed { .. } => false,
        }
    }
}
