//! Why a bundle cannot be made or trusted.

use std::io;
use std::path::PathBuf;

/// What kind of failure it is; each has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Bytes are not what they must be.
    Integrity,
    /// A signature, or the trust in its key, is missing.
    Trust,
    /// The machine or the caller failed.
    Other,
}

/// Why a bundle cannot be made or trusted.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read or written.
    #[error("could not {operation} `{path}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With which file or member.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The bundle ends too early or cannot be read.
    #[error("the bundle cannot be read at byte {at}")]
    Read {
        /// Position in the file.
        at: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Bytes are not what the bundle's own table says.
    #[error("the bundle is damaged at byte {at}: {what}")]
    Damaged {
        /// Position in the file.
        at: u64,
        /// What is wrong there.
        what: String,
    },
    /// The bundle needs something that this version does not know.
    #[error("the bundle needs `{0}`, which this version does not know")]
    Feature(String),
    /// The signature slot is not in its one form.
    #[error("the signature slot is damaged: {0}")]
    Slot(String),
    /// A signature does not fit the bytes.
    #[error("a signature does not fit the bundle: {0}")]
    Signature(String),
    /// Nobody signed.
    #[error("the bundle is not signed")]
    Unsigned,
    /// Not enough of the signers are trusted.
    #[error("{found} of {needed} trusted signatures")]
    Untrusted {
        /// Trusted signatures that were found.
        found: usize,
        /// Trusted signatures that the root asks for.
        needed: usize,
        /// Fingerprints of signers that the root does not name, or that it revoked.
        others: Vec<String>,
    },
    /// The trust root is not what it must be.
    #[error("the trust root is wrong: {0}")]
    Root(String),
    /// The private key cannot be used.
    #[error("the key `{path}` cannot be used: {why}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// What should go into the bundle cannot.
    #[error("`{path}` cannot go into a bundle: {why}")]
    Content {
        /// The member.
        path: String,
        /// Why not.
        why: String,
    },
}

impl BundleError {
    pub(crate) fn damaged(at: u64, what: impl Into<String>) -> Self {
        Self::Damaged { at, what: what.into() }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "E0501",
            Self::Read { .. } => "E0502",
            Self::Damaged { .. } => "E0503",
            Self::Feature(_) => "E0504",
            Self::Slot(_) => "E0505",
            Self::Signature(_) => "E0506",
            Self::Unsigned => "E0507",
            Self::Untrusted { .. } => "E0508",
            Self::Root(_) => "E0509",
            Self::Key { .. } => "E0510",
            Self::Content { .. } => "E0511",
        }
    }

    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Read { .. } | Self::Damaged { .. } | Self::Feature(_) => Class::Integrity,
            Self::Slot(_) | Self::Signature(_) | Self::Unsigned | Self::Untrusted { .. } | Self::Root(_) => {
                Class::Trust
            }
            Self::Io { .. } | Self::Key { .. } | Self::Content { .. } => Class::Other,
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Read { .. } | Self::Damaged { .. } => {
                Some("copy the bundle again from where it was made".into())
            }
            Self::Feature(_) => Some("use a newer gabion".into()),
            Self::Slot(_) | Self::Signature(_) => {
                Some("do not use this file; get it again from where it was signed".into())
            }
            Self::Unsigned => Some("sign it with `gabion bundle sign --key KEY BUNDLE`".into()),
            Self::Untrusted { others, .. } if !others.is_empty() => Some(format!(
                "signed by {}, which the trust root does not name for releases",
                others.join(", ")
            )),
            Self::Root(_) => Some("take the trust root from where you trust it, not from the bundle".into()),
            Self::Key { .. } => {
                Some("an Ed25519 key in OpenSSH's format, mode 0600: `gabion key new`".into())
            }
            Self::Untrusted { .. } | Self::Io { .. } | Self::Content { .. } => None,
        }
    }
}
