//! Why secrets cannot be used.

use crate::seal::SealError;

/// Why secrets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The sidecar cannot be opened.
    #[error("the secrets cannot be opened")]
    Sealed(#[source] SealError),
    /// What was sealed, or came over the pipe, is not what a sidecar holds.
    #[error("the secrets cannot be read: {0}")]
    Format(String),
    /// They are for another bundle or another host.
    #[error("the secrets are for the {what} `{given}`, not for `{known}`")]
    Other {
        /// `bundle` or `host`.
        what: &'static str,
        /// What the sidecar says.
        given: String,
        /// What is here.
        known: String,
    },
    /// The host has another identity.
    #[error("this host opens what is sealed for {there}, and was given the identity of {given}")]
    Identity {
        /// The recipient of the one that was given.
        given: String,
        /// The recipient of the one that is there.
        there: String,
    },
    /// They name a host, and nobody said what this one is called.
    #[error("the secrets are for the host `{given}`, and this host has no name yet")]
    Unnamed {
        /// What the sidecar says.
        given: String,
    },
    /// Newer ones were accepted before.
    #[error(
        "the secrets of `{bundle}` have the serial {given}, and {floor} is the lowest that this host takes"
    )]
    Older {
        /// The bundle.
        bundle: String,
        /// Their serial.
        given: u64,
        /// The floor.
        floor: u64,
    },
    /// Others were accepted under the same serial.
    #[error("other secrets of `{bundle}` were taken under the serial {serial}")]
    SameSerial {
        /// The bundle.
        bundle: String,
        /// The serial.
        serial: u64,
    },
    /// Values that the bundle needs are not there.
    #[error("`{bundle}` needs values that this host has not: {}", names.join(", "))]
    Missing {
        /// The bundle.
        bundle: String,
        /// Their names.
        names: Vec<String>,
    },
    /// The list of targets of a bundle is not what this version understands.
    #[error("`deploy/secrets.json` of the bundle cannot be used: {0}")]
    Targets(String),
    /// A file is to belong to somebody whom the host does not know.
    #[error("`/{path}` is to belong to `{owner}`, whom this host does not know")]
    Owner {
        /// Path in the root.
        path: String,
        /// The user or group.
        owner: String,
    },
    /// The floor is damaged.
    #[error("`/{path}`, the floor of this host's secrets, is damaged: {message}")]
    Floor {
        /// Path in the root.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// The file of the sidecar cannot be read.
    #[error("could not read `{path}`")]
    Unreadable {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The host has no randomness.
    #[error("no randomness can be had")]
    Random(#[source] std::io::Error),
}

impl From<SealError> for SecretsError {
    fn from(error: SealError) -> Self {
        Self::Sealed(error)
    }
}

impl SecretsError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Sealed(error) => error.code(),
            Self::Format(_) | Self::Targets(_) => "E0683",
            Self::Other { .. } | Self::Identity { .. } | Self::Unnamed { .. } => "E0684",
            Self::Older { .. } => "E0685",
            Self::SameSerial { .. } => "E0686",
            Self::Missing { .. } => "E0687",
            Self::Owner { .. } | Self::Random(_) | Self::Unreadable { .. } => "E0688",
            Self::Floor { .. } => "E0689",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Sealed(error) => return error.help(),
            Self::Unnamed { .. } => "name it with `--host`; an installed host remembers its name",
            Self::Identity { .. } => "an installed host keeps its own; leave `--host-identity` out",
            Self::Older { .. } => "take the newest sidecar, or set a value again: that raises the serial",
            Self::SameSerial { .. } => {
                "set a value again: that raises the serial. A host with a new identity asks for that too"
            }
            Self::Missing { .. } => "`gabion secrets set` puts them into the sidecar, which is then injected",
            Self::Floor { path, .. } => {
                return Some(format!(
                    "without it older secrets would pass; put `/{path}` back, or move it away to begin anew"
                ));
            }
            Self::Other { .. } => "is this the right sidecar, and the right host?",
            Self::Targets(_) => "the bundle was made by a newer gabion: install that first",
            Self::Format(_) | Self::Owner { .. } | Self::Random(_) | Self::Unreadable { .. } => return None,
        };
        Some(text.to_owned())
    }

    /// Whether this is a question of trust.
    pub fn is_trust(&self) -> bool {
        matches!(
            self,
            Self::Other { .. }
                | Self::Identity { .. }
                | Self::Unnamed { .. }
                | Self::Older { .. }
                | Self::SameSerial { .. }
                | Self::Floor { .. }
                | Self::Sealed(SealError::Others)
        )
    }

    /// Whether bytes are not what they must be.
    pub fn is_integrity(&self) -> bool {
        matches!(self, Self::Format(_) | Self::Sealed(SealError::Damaged(_)))
    }
}
