//! Why bytes did not arrive.

use crate::config::ConfigError;
use gabion_digest::Sha256;
use gabion_store::StoreError;
use std::time::Duration;

/// Why bytes did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The network may not be used.
    #[error("`{url}` is needed, and the network is forbidden")]
    Offline {
        /// The location.
        url: String,
    },
    /// No location gave the bytes.
    #[error("could not fetch `{url}`")]
    Failed {
        /// The location.
        url: String,
        /// Every attempt, one line each.
        attempts: Vec<String>,
    },
    /// The bytes were here a moment ago and are gone.
    #[error("the bytes of `{url}` were removed from the store while they were needed")]
    Vanished {
        /// The location.
        url: String,
    },
    /// A registry served another document than the one that was asked for by its digest, or than it says itself.
    #[error("the bytes of `{url}` do not have their digest")]
    Digest {
        /// The location.
        url: String,
        /// The digest that they must have.
        expected: Box<Sha256>,
        /// The digest that they have.
        received: Box<Sha256>,
    },
    /// A credential of the user's configuration cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store could not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NetError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Offline { .. } => "E0301",
            Self::Failed { .. } => "E0302",
            Self::Vanished { .. } => "E0303",
            Self::Digest { .. } => "E0304",
            Self::Config(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Offline { .. } => {
                Some("run once without `--offline`; the store keeps what was fetched".into())
            }
            Self::Failed { attempts, .. } => Some(attempts.join("\n")),
            Self::Vanished { .. } => Some("run the same command again".into()),
            Self::Digest { expected, received, .. } => Some(format!(
                "expected {expected}\nreceived {received}\nask the registry itself, or another mirror"
            )),
            Self::Config(error) => error.help(),
            Self::Store(error) => error.help(),
        }
    }
}

/// What went wrong with one attempt, and whether it is worth another.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) why: String,
    pub(super) again: bool,
    /// What the server asks to wait.
    pub(super) wait: Option<Duration>,
    /// The digest that the bytes must have, and the one that they have.
    pub(super) digest: Option<(Sha256, Sha256)>,
    /// What the store says of a whole file with other bytes.
    pub(super) mismatch: Option<Box<StoreError>>,
}

impl Trouble {
    pub(super) fn again(why: impl std::fmt::Display) -> Self {
        Self { again: true, ..Self::finally(why) }
    }

    pub(super) fn finally(why: impl std::fmt::Display) -> Self {
        Self { why: why.to_string(), again: false, wait: None, digest: None, mismatch: None }
    }

    pub(super) fn digest(expected: Sha256, received: Sha256) -> Self {
        let why = format!("expected {expected}, received {received}");
        Self { digest: Some((expected, received)), ..Self::finally(why) }
    }
}

/// The network failed: perhaps not the next time. The cause is told, the location is not.
impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        Self::again(crate::error::chain(&error.without_url()))
    }
}

/// The store failed, or the file is not the pinned one.
impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let StoreError::Mismatch { .. } = &error else { return Self::finally(crate::error::chain(&error)) };
        let told = error.help().unwrap_or_default().replace('\n', ", ");
        let why = format!("other bytes than the lock pins: {told}");
        Self { mismatch: Some(Box::new(error)), ..Self::finally(why) }
    }
}
