//! Why something could not be pinned.

use crate::net::{GitError, NetError};
use gabion_apt::{ClosureError, IndexError, SignatureError};
use gabion_helm::{ChartError, ChooseError, ProvenanceError};
use gabion_oci::cosign::CosignError;
use gabion_oci::{DocumentError, PlatformError};

/// Why something could not be pinned.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The network or the store failed.
    #[error("could not pin `{id}`")]
    Net {
        /// Id of the entry.
        id: String,
        /// Why.
        #[source]
        source: NetError,
    },
    /// Upstream answered, but not with what was asked for.
    #[error("could not pin `{id}`: {why}")]
    Upstream {
        /// Id of the entry.
        id: String,
        /// What is wrong with the answer.
        why: String,
    },
    /// A suite is not signed by those who must sign it.
    #[error("could not pin `{id}`: `{url}` is not to be trusted")]
    Signature {
        /// Id of the entry.
        id: String,
        /// The signed file.
        url: String,
        /// Why not.
        #[source]
        source: SignatureError,
    },
    /// An index of an archive cannot be read.
    #[error("could not pin `{id}`: `{url}` cannot be read")]
    Index {
        /// Id of the entry.
        id: String,
        /// The index.
        url: String,
        /// Why not.
        #[source]
        source: IndexError,
    },
    /// A repository does not give the commit.
    #[error("could not pin `{id}`")]
    Git {
        /// Id of the entry.
        id: String,
        /// Why not.
        #[source]
        source: Box<GitError>,
    },
    /// What upstream serves is not what it should be, or has not what is asked for.
    #[error("could not pin `{id}`: `{what}` is of no use")]
    Format {
        /// Id of the entry.
        id: String,
        /// What was read.
        what: String,
        /// What is wrong with it.
        #[source]
        source: Box<FormatError>,
    },
    /// The packages that are asked for do not fit together.
    #[error("could not pin `{id}`: there is no closure of these packages")]
    Closure {
        /// Id of the entry.
        id: String,
        /// Everything that does not fit.
        #[source]
        source: ClosureError,
    },
    /// Several requests could not be answered.
    #[error("could not pin {} of the recipes' requests", .0.len())]
    Several(Vec<Self>),
    /// A suite went back in time: a stale mirror, or somebody who holds updates back.
    #[error("could not pin `{id}`: `{suite}` is of {found}, and the lock has it of {locked}")]
    Backwards {
        /// Id of the entry.
        id: String,
        /// The suite.
        suite: String,
        /// Its date now.
        found: String,
        /// Its date in the lock.
        locked: String,
    },
}

impl ResolveError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Net { source, .. } => source.code(),
            Self::Upstream { .. } => "E0310",
            Self::Signature { source, .. } => source.code(),
            Self::Index { source, .. } => source.code(),
            Self::Git { source, .. } => source.code(),
            Self::Format { source, .. } => source.code(),
            Self::Closure { .. } => "E0707",
            Self::Backwards { .. } => "E0708",
            Self::Several(_) => "E0311",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Net { source, .. } => source.help(),
            Self::Upstream { .. } => Some("check the recipe against what upstream offers".into()),
            Self::Signature { source, .. } => source.help(),
            Self::Index { .. } => Some("ask another mirror, or the same one later".into()),
            Self::Git { source, .. } => source.help(),
            Self::Format { source, .. } => source.help(),
            Self::Closure { source, .. } => Some(source.0.join("\n")),
            Self::Several(errors) => Some({
                let told = |error: &Self| crate::error::told(error.code(), error, error.help());
                errors.iter().map(told).collect::<Vec<_>>().join("\n")
            }),
            Self::Backwards { .. } => Some(
                "ask another mirror; to go back on purpose, remove the closure's lock and pin a `snapshot`"
                    .into(),
            ),
        }
    }

    /// The error that decides the exit code: the first one.
    pub fn first(&self) -> &Self {
        match self {
            Self::Several(errors) => errors.first().unwrap_or(self),
            _ => self,
        }
    }
}

/// What the readers of foreign formats say.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum FormatError {
    /// No version is right.
    Choose(#[from] ChooseError),
    /// The index of a chart repository.
    Repository(#[from] gabion_helm::IndexError),
    /// A packed chart.
    Chart(#[from] ChartError),
    /// Who packed a chart.
    Provenance(#[from] ProvenanceError),
    /// Keys that cannot be read.
    Keys(#[from] SignatureError),
    /// An index or manifest of a registry.
    Document(#[from] DocumentError),
    /// No image for this platform.
    Platform(#[from] PlatformError),
    /// Who signed an image.
    Cosign(#[from] CosignError),
}

impl FormatError {
    fn code(&self) -> &'static str {
        match self {
            Self::Choose(it) => it.code(),
            Self::Repository(it) => it.code(),
            Self::Chart(it) => it.code(),
            Self::Provenance(it) => it.code(),
            Self::Keys(it) => it.code(),
            Self::Document(it) => it.code(),
            Self::Platform(it) => it.code(),
            Self::Cosign(it) => it.code(),
        }
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Choose(it) => it.help(),
            Self::Repository(it) => it.help(),
            Self::Chart(it) => it.help(),
            Self::Provenance(it) => it.help(),
            Self::Keys(it) => it.help(),
            Self::Document(it) => it.help(),
            Self::Platform(it) => it.help(),
            Self::Cosign(it) => it.help(),
        }
    }
}
