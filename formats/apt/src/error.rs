//! What can be wrong with an archive.

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
            Self::Keyring { .. } => Some("export the archive's public key with `gpg --export`".to_owned()),
            Self::Frame { .. } => Some("a mirror or a proxy changed the file; ask another one".to_owned()),
            Self::NotSigned { refused, pinned, .. } => {
                let mut lines: Vec<String> = refused.iter().map(|it| format!("found {it}")).collect();
                lines.push(format!("pinned: {}", pinned.join(", ")));
                Some(lines.join("\n"))
            }
        }
    }
}

/// Why an index of an archive cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// A line of a control file cannot be read.
    #[error("line {line}: {why}")]
    Syntax {
        /// Line in the text, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A field that must be there is missing or has an impossible value.
    #[error("the field `{field}` of `{of}` {why}")]
    Field {
        /// The field.
        field: &'static str,
        /// The package or file.
        of: String,
        /// What is wrong.
        why: String,
    },
    /// A compressed index does not unpack.
    #[error("the index does not unpack: {why}")]
    Compressed {
        /// Why not.
        why: String,
    },
}

impl IndexError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "E0704",
            Self::Field { .. } => "E0705",
            Self::Compressed { .. } => "E0706",
        }
    }
}
