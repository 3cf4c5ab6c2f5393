//! Why a signed text is not believed.

/// Why a signed text is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The keyring cannot be read.
    #[error("the keyring cannot be read: {why}")]
    Keyring {
        /// Why not.
        why: String,
    },
    /// The file is not one signed message and nothing else.
    #[error("not a signed message: {why}")]
    Frame {
        /// What is wrong.
        why: String,
    },
    /// Too few of the pinned keys signed it.
    #[error("signed by {good} of the pinned keys, and {needed} must sign")]
    NotSigned {
        /// Pinned keys with a good signature.
        good: usize,
        /// How many are needed.
        needed: usize,
        /// Why each other signature does not count.
        refused: Vec<String>,
        /// The pinned keys.
        pinned: Vec<String>,
    },
}

impl SignatureError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Keyring { .. } => "E0701",
            Self::Frame { .. } => "E0702",
            Self::NotSigned { .. } => "E0703",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Keyring { .. } => Some("export the signer's public key with `gpg --export`".to_owned()),
            Self::Frame { .. } => Some("a mirror or a proxy changed the file; ask another one".to_owned()),
            Self::NotSigned { refused, pinned, .. } => {
                let mut lines: Vec<String> = refused.iter().map(|it| format!("found {it}")).collect();
                lines.push(format!("pinned: {}", pinned.join(", ")));
                Some(lines.join("\n"))
            }
        }
    }
}
