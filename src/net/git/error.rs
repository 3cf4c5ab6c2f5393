//! Why a repository does not give a commit.

use crate::net::NetError;
use crate::net::error::Trouble;
use gabion_git::{ArchiveError, PackError, ParseIdError, ProtocolError, ReferenceError};
use gabion_lockfile::ValueError;
use gabion_store::StoreError;

/// Why a repository does not give a commit.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The repository is not reached by HTTP.
    #[error("`{url}` cannot be fetched: only `https` repositories can")]
    Scheme {
        /// The repository.
        url: String,
    },
    /// No location answers.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The id is none that can be fetched.
    #[error(transparent)]
    Id(#[from] ParseIdError),
    /// The server sent an id that no lock takes.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The server is not understood, or refuses.
    #[error("could not read the repository `{url}`")]
    Protocol {
        /// The repository.
        url: String,
        /// Why not.
        #[source]
        source: ProtocolError,
    },
    /// The name leads to no commit.
    #[error("could not resolve `{name}` in the repository `{url}`")]
    Reference {
        /// The repository.
        url: String,
        /// The name.
        name: String,
        /// Why not.
        #[source]
        source: ReferenceError,
    },
    /// The pack is not taken.
    #[error("could not unpack what the repository `{url}` sent")]
    Pack {
        /// The repository.
        url: String,
        /// Why not.
        #[source]
        source: PackError,
    },
    /// The commit has no archive.
    #[error("could not archive the commit of the repository `{url}`")]
    Archive {
        /// The repository.
        url: String,
        /// Why not.
        #[source]
        source: ArchiveError,
    },
    /// The store does not take the archive.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GitError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme { .. } => "E1015",
            Self::Net(error) => error.code(),
            Self::Id(error) => error.code(),
            Self::Value(error) => error.code(),
            Self::Protocol { source, .. } => source.code(),
            Self::Reference { source, .. } => source.code(),
            Self::Pack { source, .. } => source.code(),
            Self::Archive { source, .. } => source.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Scheme { .. } => {
                Some("write `https://host/path`; credentials belong into the user's configuration".to_owned())
            }
            Self::Net(error) => error.help(),
            Self::Id(error) => error.help(),
            Self::Value(error) => error.help(),
            Self::Protocol { source, .. } => source.help(),
            Self::Reference { source, .. } => source.help(),
            Self::Pack { source, .. } => source.help(),
            Self::Archive { source, .. } => source.help(),
            Self::Store(error) => error.help(),
        }
    }

    /// Whether bytes were not what they must be.
    pub fn is_integrity(&self) -> bool {
        match self {
            Self::Pack { .. } | Self::Archive { .. } => true,
            Self::Store(error) => matches!(error, StoreError::Mismatch { .. }),
            Self::Net(NetError::Store(error)) => matches!(error, StoreError::Mismatch { .. }),
            _ => false,
        }
    }

    /// Whether the same request may end better next time: the bytes did not come to their end.
    fn is_passing(&self) -> bool {
        let read = |it: &ProtocolError| matches!(it, ProtocolError::Read(_) | ProtocolError::Truncated);
        match self {
            Self::Protocol { source, .. }
            | Self::Pack { source: PackError::Protocol(source), .. }
            | Self::Reference { source: ReferenceError::Protocol(source), .. } => read(source),
            Self::Pack { source, .. } => matches!(source, PackError::Read(_) | PackError::Truncated { .. }),
            _ => false,
        }
    }

    /// What it means for the request that it came from.
    pub(super) fn trouble(&self) -> Trouble {
        let why = crate::error::chain(self);
        if self.is_passing() { Trouble::again(why) } else { Trouble::finally(why) }
    }
}

/// What one location did not do.
#[derive(Debug)]
pub(super) enum Fault {
    /// The request failed.
    Request(Trouble),
    /// The reply is not what it must be.
    Reply(GitError),
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        Self::Request(trouble)
    }
}

impl From<GitError> for Fault {
    fn from(error: GitError) -> Self {
        Self::Reply(error)
    }
}
