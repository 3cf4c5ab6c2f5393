//! What can be wrong with an archive.

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

impl From<gabion_dpkg::SyntaxError> for IndexError {
    fn from(error: gabion_dpkg::SyntaxError) -> Self {
        Self::Syntax { line: error.line, why: error.why }
    }
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
