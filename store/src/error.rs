//! Why the store cannot do what it is asked.

use gabion_digest::{BlobId, Sha256};
use std::io;
use std::path::{Path, PathBuf};

/// Why the store cannot do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store was made by another version.
    #[error("`{path}` says `{found}`, this version works with `gabion-store 1`")]
    Format {
        /// The file that says so.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// The folder is in use for something else.
    #[error("`{path}` is no store, and not empty: there is `{found}`")]
    Stranger {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        found: PathBuf,
    },
    /// The file system failed.
    #[error("could not {operation} `{path}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// No room is left.
    #[error("no space left for `{path}`")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The store cannot be written.
    #[error("the store cannot be written: `{path}` is read-only")]
    ReadOnly {
        /// The file or folder.
        path: PathBuf,
    },
    /// Other bytes than expected; nothing of them is kept.
    #[error("the bytes are not the expected ones")]
    Mismatch {
        /// What they must hash to.
        expected: String,
        /// What they hash to.
        received: String,
        /// How many they are.
        size: u64,
        /// What they look like.
        looks: &'static str,
    },
    /// A name that the text form of a record, root or tree has no place for.
    #[error("`{name}` cannot stand in a {kind}")]
    Name {
        /// In what.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A root is damaged, so what it keeps is unknown.
    #[error("the root `{name}` cannot be read")]
    Root {
        /// Its name.
        name: String,
    },
    /// An entry that no tree may have.
    #[error("the entry `{path}` cannot be in a tree: {why}")]
    Entry {
        /// Where it would be.
        path: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl StoreError {
    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::PermissionDenied if operation != "read" => Self::ReadOnly { path },
            _ => Self::Io { operation, path, source },
        }
    }

    /// For callers that write by [`io::Write`]: what [`StoreError::io`] makes this error of.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Full { .. } => io::ErrorKind::StorageFull.into(),
            Self::ReadOnly { .. } => io::ErrorKind::ReadOnlyFilesystem.into(),
            Self::Io { source, .. } => source,
            other => io::Error::other(other),
        }
    }

    pub(crate) fn mismatch(expected: String, received: String, size: u64, head: &[u8]) -> Self {
        Self::Mismatch { expected, received, size, looks: looks_like(head) }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format { .. } => "E0401",
            Self::Stranger { .. } => "E0409",
            Self::Io { .. } => "E0402",
            Self::Full { .. } => "E0403",
            Self::ReadOnly { .. } => "E0404",
            Self::Mismatch { .. } => "E0405",
            Self::Name { .. } => "E0406",
            Self::Root { .. } => "E0407",
            Self::Entry { .. } => "E0408",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Format { .. } => {
                Some("use another folder with `--store`, or the version that made this one".into())
            }
            Self::Stranger { .. } => Some("name an empty folder, or one that does not exist yet".into()),
            Self::Full { .. } => Some(
                "nothing is lost: make room, perhaps with `gabion store gc`, and run the same command again"
                    .into(),
            ),
            Self::ReadOnly { .. } => {
                Some("name a store that can be written with `--store` or `GABION_STORE`".into())
            }
            Self::Mismatch { expected, received, size, looks } => {
                Some(format!("expected {expected}\nreceived {received} ({size} bytes, {looks})"))
            }
            Self::Name { .. } => {
                Some("no spaces and no line ends; roots: letters, digits and `-_.@+`".into())
            }
            Self::Root { .. } => Some(
                "nothing was removed; `gabion store verify --repair` moves the root away, then build again"
                    .into(),
            ),
            Self::Io { .. } | Self::Entry { .. } => None,
        }
    }
}

/// What the first bytes of a file look like to a person.
pub(crate) fn looks_like(head: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(&head[..head.len().min(256)]).trim_start().to_ascii_lowercase();
    match head {
        [] => "nothing at all",
        [0x1f, 0x8b, ..] => "gzip",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        [0x7f, b'E', b'L', b'F', ..] => "an ELF program",
        _ if head.starts_with(b"!<arch>\n") => "an ar archive",
        _ if text.starts_with("<!doctype html") || text.starts_with("<html") => {
            "HTML: a login page, a proxy's message or a captive portal"
        }
        _ if text.starts_with('{') => "JSON",
        _ if head.get(257..262) == Some(b"ustar") => "a tar archive",
        _ if head.iter().take(256).all(|byte| matches!(byte, b'\n' | b'\r' | b'\t' | 0x20..=0x7e)) => "text",
        _ => "binary data",
    }
}

/// Names of one blob, for messages.
pub(crate) fn names(blob: Option<BlobId>, sha256: Option<Sha256>, size: Option<u64>) -> String {
    let blob = blob.map(|it| it.to_string());
    let sha256 = sha256.map(|it| it.to_string());
    let size = size.map(|it| format!("{it} bytes"));
    [blob, sha256, size].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
