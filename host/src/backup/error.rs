//! Why there is no backup, or none to restore.

use crate::seal::SealError;

/// Why there is no backup, or none to restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It cannot be sealed or opened.
    #[error("the backup cannot be opened or sealed")]
    Sealed(#[source] SealError),
    /// It is cut, or has other bytes than were written.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// Something of it has no place on a host.
    #[error("the backup is refused: `/{path}` {why}")]
    Refused {
        /// Path in the root.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// What is to be saved is not there, or not where such things lie.
    #[error("`/{path}` cannot be saved: {why}")]
    Unfit {
        /// Path in the root.
        path: String,
        /// Why.
        why: &'static str,
    },
    /// A file shrank while it was read.
    #[error("`/{path}` became shorter while it was read")]
    Changed {
        /// Path in the root.
        path: String,
    },
    /// There are too many files.
    #[error("there are more files than the manifest of a backup holds")]
    TooMany,
    /// The backup cannot be written out.
    #[error("could not write the backup")]
    Out(#[source] std::io::Error),
}

impl From<SealError> for BackupError {
    fn from(error: SealError) -> Self {
        Self::Sealed(error)
    }
}

impl BackupError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sealed(error) => error.code(),
            Self::Damaged(_) => "E0690",
            Self::Refused { .. } => "E0691",
            Self::Unfit { .. } => "E0692",
            Self::Changed { .. } => "E0693",
            Self::TooMany => "E0694",
            Self::Out(_) => "E0695",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Sealed(error) => return error.help(),
            Self::Damaged(_) => "nothing was put in place; take another copy of the backup",
            Self::Refused { .. } => "nothing was put in place; no gabion writes such a backup",
            Self::Unfit { .. } => "name a file below its folder, as `k3s etcd-snapshot ls` shows it",
            Self::Changed { .. } => "stop what writes to it, and run the same command again",
            Self::TooMany => "save some of the volumes by other means",
            Self::Out(_) => "what was written so far is no backup; run the same command again",
        };
        Some(text.to_owned())
    }

    /// Whether this is a question of trust.
    pub fn is_trust(&self) -> bool {
        matches!(self, Self::Sealed(SealError::Others))
    }

    /// Whether bytes are not what they must be.
    pub fn is_integrity(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Refused { .. } | Self::Sealed(SealError::Damaged(_)))
    }
}
