//! Why a key cannot be used, or a signature does not count.

use std::path::PathBuf;

/// Why a key cannot be used, or a signature does not count.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key cannot be used.
    #[error("the key `{path}` cannot be used: {why}")]
    Key {
        /// The key file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The ssh-agent does not do what it should.
    #[error("the ssh-agent does not answer as it should: {0}")]
    Agent(String),
    /// A signature does not fit the bytes.
    #[error("a signature does not fit the bytes: {0}")]
    Signature(String),
}

impl KeyError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signature(_) => "E0506",
            Self::Key { .. } => "E0510",
            Self::Agent(_) => "E0513",
        }
    }

    /// Whether a signature is at fault, and not this machine.
    pub fn is_trust(&self) -> bool {
        matches!(self, Self::Signature(_))
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Signature(_) => {
                "do not use this file; get it again from where it was signed,\n\
                 or sign it afresh with `gabion bundle sign --replace-slot`"
            }
            Self::Key { .. } => "an Ed25519 key in OpenSSH's format, mode 0600: `gabion key new`",
            Self::Agent(_) => "`ssh-add -l` lists what the agent at `$SSH_AUTH_SOCK` holds",
        };
        Some(text.to_owned())
    }
}
