//! Why a cache did not help.

use gabion_store::StoreError;
use std::time::Duration;

/// Why a cache did not help. Every text names the remote as its configuration does, without any secret.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Nobody can be asked at this address.
    #[error("`{address}` is no address of a cache: {why}")]
    Address {
        /// What was written, without a password.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answered, or not as agreed. It may be otherwise next time.
    #[error("the cache `{remote}` does not answer: {why}")]
    Unreachable {
        /// Which one.
        remote: String,
        /// What happened.
        why: String,
        /// How long it asks to be left alone.
        wait: Option<Duration>,
    },
    /// It answered, and it will answer the same again.
    #[error("the cache `{remote}` refuses: {why}")]
    Refused {
        /// Which one.
        remote: String,
        /// What it said.
        why: String,
    },
    /// It gave other bytes than it was asked for. Nothing of them is kept.
    #[error("the cache `{remote}` has other bytes than `{blob}`")]
    Lie {
        /// Which one.
        remote: String,
        /// What they had to be.
        blob: String,
    },
    /// What was to be put is not what it is called; the bytes here are damaged.
    #[error("the bytes here are not `{blob}`, and were not shared")]
    Damaged {
        /// What they had to be.
        blob: String,
    },
    /// A namespace has another name.
    #[error("`{0}` is no namespace of a cache")]
    Namespace(String),
    /// Files of a folder, or of this machine, cannot be read or written.
    #[error("could not {operation} in the cache `{remote}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With which one.
        remote: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The store here failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CacheError {
    /// Nobody answered.
    pub fn unreachable(remote: &str, why: impl std::fmt::Display) -> Self {
        Self::Unreachable { remote: remote.to_owned(), why: why.to_string(), wait: None }
    }

    /// It will answer the same again.
    pub fn refused(remote: &str, why: impl std::fmt::Display) -> Self {
        Self::Refused { remote: remote.to_owned(), why: why.to_string() }
    }

    /// Whether asking the same remote again may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether the remote itself is in trouble, so that the next question is likely to fail too. A lie is not: each blob
    /// is judged alone.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { .. } | Self::Io { .. })
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "E2000",
            Self::Unreachable { .. } => "E2001",
            Self::Refused { .. } => "E2002",
            Self::Lie { .. } => "E2003",
            Self::Damaged { .. } => "E2004",
            Self::Namespace(_) => "E2005",
            Self::Io { .. } => "E2006",
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Address { .. } => "a cache is `dir:/path`, `https://host/path` or `http://127.0.0.1:port`",
            Self::Unreachable { .. } => {
                "nothing is lost: builds go on without it; `gabion cache check` asks it again"
            }
            Self::Refused { .. } => {
                "check the address below `[cache]` and its credential below `[credentials]` in the user's configuration"
            }
            Self::Lie { .. } => {
                "nothing of it was used; `gabion cache check` finds what else it has wrong, \
                 and the next push of the same bytes puts them right"
            }
            Self::Damaged { .. } => {
                "`gabion store verify --repair` finds what else is damaged; then build again"
            }
            Self::Namespace(_) => {
                "1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`, the first one a letter or a digit"
            }
            Self::Io { .. } => return None,
            Self::Store(error) => return error.help(),
        };
        Some(text.to_owned())
    }
}
