//! What a key may sign.

use serde::{Deserialize, Serialize};

/// What a key may sign. A signature for one role never fits another: each has a namespace of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The next trust root.
    Root,
    /// `RELEASE`: what a bundle is.
    Release,
    /// A promotion: where a bundle may go.
    Promotion,
}

impl Role {
    /// The name in `root.json`, and the principal in `allowed_signers`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Release => "release",
            Self::Promotion => "promotion",
        }
    }

    /// The namespace of the signatures.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Root => "gabion-root-v1",
            Self::Release => "gabion-release-v1",
            Self::Promotion => "gabion-promotion-v1",
        }
    }
}
