//! What can be wrong with a .deb.

/// Why a .deb cannot be read, or is not to be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// It is cut, or the file cannot be read.
    #[error("it cannot be read")]
    Read(#[from] std::io::Error),
    /// It is no `ar` archive, or its members are not those of a package (`deb(5)`).
    #[error("it is no Debian package: {0}")]
    Format(String),
    /// A member is larger than any package needs.
    #[error("its `{member}` is larger than {limit} bytes")]
    TooLarge {
        /// The member.
        member: &'static str,
        /// The most that is read.
        limit: u64,
    },
    /// An entry that no package may bring.
    #[error("its entry `{path}` {why}")]
    Entry {
        /// The entry, as the package names it.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl DebError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "E0710",
            Self::Format(_) | Self::TooLarge { .. } => "E0711",
            Self::Entry { .. } => "E0712",
        }
    }
}
