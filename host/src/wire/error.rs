//! Why a transfer ends before its end.

use std::io;

/// Why a transfer ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side went away in the middle.
    #[error("the other side ended in the middle")]
    Ended,
    /// The other side does not speak this.
    #[error("the other side does not speak as gabion does: it began with {0:?}")]
    Foreign(String),
    /// The other side speaks another version.
    #[error("the other side speaks version {0} of the transfer, and this one speaks {VERSION}", VERSION = super::VERSION)]
    Version(u32),
    /// The other side says what it must not.
    #[error("the other side breaks the transfer's rules: {0}")]
    Hostile(&'static str),
    /// The other side cannot read its file.
    #[error("the other side cannot read the file: {0}")]
    Refused(String),
    /// The file cannot be read on this side.
    #[error("the file cannot be read")]
    File(#[source] io::Error),
    /// The pipe failed.
    #[error("the pipe failed")]
    Pipe(#[source] io::Error),
}

impl WireError {
    /// A failed read of the pipe.
    pub(super) fn from_read(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Ended,
            _ => Self::Pipe(error),
        }
    }

    /// A failed write into the pipe.
    pub(super) fn from_write(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::WriteZero => Self::Ended,
            _ => Self::Pipe(error),
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ended | Self::Pipe(_) => "E0670",
            Self::Foreign(_) | Self::Version(_) => "E0674",
            Self::Hostile(_) => "E0675",
            Self::Refused(_) | Self::File(_) => "E0676",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Ended | Self::Pipe(_) => {
                Some("run the same command again: it goes on where this one ended".into())
            }
            Self::Foreign(_) => {
                Some("nothing may print in front of it: look into the shell's start files there".into())
            }
            Self::Version(_) => Some("use the installer that belongs to this gabion".into()),
            Self::Hostile(_) | Self::Refused(_) | Self::File(_) => None,
        }
    }
}

impl From<WireError> for io::Error {
    fn from(error: WireError) -> Self {
        let kind = match &error {
            WireError::Ended => io::ErrorKind::UnexpectedEof,
            WireError::Hostile(_) | WireError::Foreign(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
