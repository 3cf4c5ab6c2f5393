//! Why a bundle cannot be made or trusted.

use crate::role::Role;
use crate::trust::Standing;
use gabion_digest::Sha256;
use gabion_keys::KeyError;
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
    /// Nobody signed.
    #[error("the bundle is not signed")]
    Unsigned,
    /// Not enough of the signers are trusted.
    #[error("{found} of {needed} trusted signatures for the role `{}`", .role.name())]
    Untrusted {
        /// What the signatures are for.
        role: Role,
        /// Trusted signatures that were found.
        found: usize,
        /// Trusted signatures that the root asks for.
        needed: usize,
        /// Fingerprints of the other signers, and why they do not count.
        others: Vec<(String, Standing)>,
    },
    /// The trust root is not what it must be.
    #[error("the trust root is wrong: {0}")]
    Root(String),
    /// A key cannot be used, or a signature does not fit.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A key would sign what nobody accepts from it.
    #[error("the key `{key}` must not sign for the role `{}`: {standing}", .role.name())]
    KeyRefused {
        /// Fingerprint of the key.
        key: String,
        /// What it would sign.
        role: Role,
        /// How it stands.
        standing: Standing,
    },
    /// A trust root of the chain cannot be followed.
    #[error("trust root {version} of the bundle cannot be followed: {why}")]
    Chain {
        /// The root's version.
        version: u32,
        /// Why not.
        why: String,
    },
    /// The trust root is older than it may be.
    #[error("trust root {version} is too old: {floor} is known")]
    OldRoot {
        /// Version of the root that judges.
        version: u32,
        /// The lowest version that may.
        floor: u32,
    },
    /// A promotion is needed, and there is none that could count.
    #[error("the bundle is not promoted: {0}")]
    Unpromoted(&'static str),
    /// A promotion is not in its one form.
    #[error("the promotion is wrong: {0}")]
    Promotion(String),
    /// The promotion is of another bundle.
    #[error("the promotion is of {promoted}, not of this bundle, {bundle}")]
    OtherBundle {
        /// What the promotion names.
        promoted: Sha256,
        /// What the bundle is.
        bundle: Sha256,
    },
    /// The promotion is not for this host.
    #[error("the bundle is promoted for `{hosts}`, not for `{host}`")]
    WrongHost {
        /// The host.
        host: String,
        /// The hosts of the promotion.
        hosts: String,
    },
    /// The promotion is older than what was accepted before.
    #[error("promotion {serial} of `{name}` is too old: {floor} is the lowest that counts")]
    Rollback {
        /// Name of the bundle.
        name: String,
        /// Its serial.
        serial: u64,
        /// The lowest serial that counts.
        floor: u64,
    },
    /// Two bundles were promoted under one serial.
    #[error("promotion {serial} of `{name}` was {seen} before and is {now} now")]
    Equivocation {
        /// Name of the bundle.
        name: String,
        /// The serial of both.
        serial: u64,
        /// What was accepted before.
        seen: Sha256,
        /// What came now.
        now: Sha256,
    },
    /// What should go into the bundle cannot.
    #[error("`{path}` cannot go into a bundle: {why}")]
    Content {
        /// The member.
        path: String,
        /// Why not.
        why: String,
    },
    /// A file whose digests were given has others.
    #[error("the bytes for `{path}` are not the ones that they are said to be")]
    Source {
        /// The member.
        path: String,
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
            Self::Unsigned => "E0507",
            Self::Untrusted { .. } => "E0508",
            Self::Root(_) => "E0509",
            Self::Keys(error) => error.code(),
            Self::Content { .. } => "E0511",
            Self::Source { .. } => "E0522",
            Self::KeyRefused { .. } => "E0512",
            Self::Chain { .. } => "E0514",
            Self::OldRoot { .. } => "E0515",
            Self::Unpromoted(_) => "E0516",
            Self::Promotion(_) => "E0517",
            Self::OtherBundle { .. } => "E0518",
            Self::WrongHost { .. } => "E0519",
            Self::Rollback { .. } => "E0520",
            Self::Equivocation { .. } => "E0521",
        }
    }

    /// What kind of failure it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Read { .. } | Self::Damaged { .. } | Self::Feature(_) | Self::Source { .. } => {
                Class::Integrity
            }
            Self::Keys(error) if !error.is_trust() => Class::Other,
            Self::Io { .. } | Self::Content { .. } => Class::Other,
            Self::Slot(_)
            | Self::Keys(_)
            | Self::Unsigned
            | Self::Untrusted { .. }
            | Self::Root(_)
            | Self::KeyRefused { .. }
            | Self::Chain { .. }
            | Self::OldRoot { .. }
            | Self::Unpromoted(_)
            | Self::Promotion(_)
            | Self::OtherBundle { .. }
            | Self::WrongHost { .. }
            | Self::Rollback { .. }
            | Self::Equivocation { .. } => Class::Trust,
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Read { .. } | Self::Damaged { .. } => {
                Some("copy the bundle again from where it was made".into())
            }
            Self::Feature(_) => Some("use a newer gabion".into()),
            Self::Source { .. } => {
                Some("the store is damaged: `gabion store verify --repair`, then build again".into())
            }
            Self::Slot(_) => Some(
                "do not use this file; get it again from where it was signed,\n\
                 or sign it afresh with `gabion bundle sign --replace-slot`"
                    .into(),
            ),
            Self::Unsigned => Some("sign it with `gabion bundle sign --key KEY BUNDLE`".into()),
            Self::Untrusted { others, .. } if !others.is_empty() => {
                let line = |(name, standing): &(String, Standing)| format!("{name}: {standing}");
                Some(format!(
                    "these do not count:\n{}",
                    others.iter().map(line).collect::<Vec<_>>().join("\n")
                ))
            }
            Self::Root(_) => Some("take the trust root from where you trust it, not from the bundle".into()),
            Self::Keys(error) => error.help(),
            Self::KeyRefused { .. } => {
                Some("sign with a key that counts, or name the trust root that it counts for".into())
            }
            Self::Chain { .. } | Self::OldRoot { .. } => {
                Some("name the newest trust root with `--trust`, from where you trust it".into())
            }
            Self::Unpromoted(_) => Some("`gabion bundle promote` says where a bundle may go".into()),
            Self::Promotion(_) | Self::OtherBundle { .. } => {
                Some("get the bundle and its promotion again from where they were signed".into())
            }
            Self::WrongHost { .. } => Some("promote it for this host, under a higher serial".into()),
            Self::Rollback { .. } => Some("promote it again under a higher serial".into()),
            Self::Equivocation { .. } => {
                Some("ask who promoted both: one of them may not be what it seems".into())
            }
            Self::Untrusted { .. } | Self::Io { .. } | Self::Content { .. } => None,
        }
    }
}
