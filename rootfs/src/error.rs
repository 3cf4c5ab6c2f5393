//! What can go wrong between packages and a configured root.

use gabion_apt::{DebError, IndexError};
use serde::{Deserialize, Serialize};

/// Why there is no root.
///
/// It travels from the process that makes the root to the one that asked for it, so causes are texts here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum RootfsError {
    /// A package cannot be read, or has what no package may have.
    #[error("`{package}`: {why}")]
    Package {
        /// The package.
        package: String,
        /// What is wrong, with its cause.
        why: String,
    },
    /// Two packages have the same file.
    #[error("`{path}` is in `{first}` and in `{second}`")]
    Owned {
        /// The file.
        path: String,
        /// Who had it first.
        first: String,
        /// Who wants it too.
        second: String,
    },
    /// Bytes that were unpacked before are damaged or gone: the packages have them still.
    #[error("what `{package}` has is not where it was unpacked before")]
    Stale {
        /// The package.
        package: String,
    },
    /// A program of the packages failed.
    #[error("`{command}` {how}")]
    Script {
        /// The command line, inside the root.
        command: String,
        /// How it ended.
        how: String,
        /// The end of what it said.
        log: String,
        /// Where the root is left, if it is.
        root: Option<String>,
    },
    /// What is there when all is configured cannot be kept.
    #[error("`{path}` {why}")]
    Left {
        /// The entry.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The machine failed.
    #[error("cannot {operation} `{path}`: {why}")]
    Io {
        /// `write`, `read`, `make`…
        operation: String,
        /// What it was done to.
        path: String,
        /// What the system said.
        why: String,
    },
}

/// How many lines of a log are shown.
const LINES: usize = 40;

impl RootfsError {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Package { .. } => "E0713",
            Self::Owned { .. } => "E0714",
            Self::Script { .. } => "E0715",
            Self::Left { .. } => "E0716",
            Self::Io { .. } => "E0717",
            Self::Stale { .. } => "E0718",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Package { .. } => {
                "the lock pins these bytes: take another version, or exclude it".to_owned()
            }
            Self::Owned { first, second, .. } => {
                format!("`exclude` one of `{first}` and `{second}`: dpkg would refuse the second too")
            }
            Self::Script { log, root, command, .. } => {
                let log = log.lines().collect::<Vec<_>>();
                let end = log[log.len().saturating_sub(LINES)..].join("\n");
                let again = match root {
                    Some(root) => format!("the root is in `{root}`; as root: `chroot {root} {command}`"),
                    None => "build with `--keep-failed` to look at the root in which it ran".to_owned(),
                };
                format!("it said:\n{end}\n{again}")
            }
            Self::Left { .. } => {
                "no tree of the store can hold it: exclude the package that makes it".to_owned()
            }
            Self::Stale { .. } => "build again with `--rebuild`, which decompresses all packages".to_owned(),
            Self::Io { .. } => "make room, or set another place for the store".to_owned(),
        }
    }

    pub(crate) fn io(operation: &str, path: impl AsRef<[u8]>, error: impl std::fmt::Display) -> Self {
        let path = path.as_ref().escape_ascii().to_string();
        Self::Io { operation: operation.to_owned(), path, why: error.to_string() }
    }

    pub(crate) fn package(package: &str, error: &dyn std::error::Error) -> Self {
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            why.extend([": ", &error.to_string()]);
            cause = error.source();
        }
        Self::Package { package: package.to_owned(), why }
    }
}

/// An error of one package, before its name is known to the one who meets it.
#[derive(Debug)]
pub(crate) enum Fault {
    Deb(DebError),
    Index(IndexError),
    Root(RootfsError),
}

impl Fault {
    pub(crate) fn of(self, package: &str) -> RootfsError {
        match self {
            Self::Deb(error) => RootfsError::package(package, &error),
            Self::Index(error) => RootfsError::package(package, &error),
            Self::Root(error) => error,
        }
    }
}

impl From<DebError> for Fault {
    fn from(error: DebError) -> Self {
        Self::Deb(error)
    }
}

impl From<IndexError> for Fault {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

impl From<RootfsError> for Fault {
    fn from(error: RootfsError) -> Self {
        Self::Root(error)
    }
}
