//! What can be wrong with a reply and with a pack.

use std::io;

/// Why a server is not understood.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The connection failed.
    #[error("the connection failed")]
    Read(#[source] io::Error),
    /// The reply ends too early.
    #[error("the reply ends in the middle")]
    Truncated,
    /// The bytes are no packet lines, or lines that do not belong here.
    #[error("the reply is not what a git server says: `{found}`")]
    Frame {
        /// How it begins.
        found: String,
    },
    /// The server speaks an older protocol, or only serves files.
    #[error("the server does not speak version 2 of the protocol")]
    Version,
    /// The repository names its objects by another hash.
    #[error("the repository has object format `{found}`, and only `sha1` is supported")]
    ObjectFormat {
        /// The format.
        found: String,
    },
    /// The server cannot do what is needed.
    #[error("the server has no `{capability}`")]
    Capability {
        /// What it lacks.
        capability: &'static str,
    },
    /// The server has no such commit, or does not give it to those who name it by its id.
    #[error("the server does not give this commit: `{message}`")]
    NotOurs {
        /// What the server says.
        message: String,
    },
    /// The server refuses.
    #[error("the server says: `{message}`")]
    Remote {
        /// What it says.
        message: String,
    },
    /// The server lists more than anything that is real.
    #[error("the server lists more than {limit} {what}")]
    Large {
        /// What.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// Text of a server for a message: short, and without anything that moves a cursor.
fn tame(text: &str) -> String {
    text.trim().chars().take(200).flat_map(char::escape_debug).collect()
}

impl ProtocolError {
    pub(crate) fn frame(found: &[u8]) -> Self {
        Self::Frame { found: tame(&String::from_utf8_lossy(&found[..found.len().min(80)])) }
    }

    /// What a server says in an `ERR` packet or on band 3.
    pub(crate) fn remote(text: &str) -> Self {
        let message = tame(text);
        // Words of git's `upload-pack.c`; other servers copy them.
        let refused = ["not our ref", "unadvertised object", "no such remote ref"];
        if refused.iter().any(|it| text.contains(it)) {
            Self::NotOurs { message }
        } else {
            Self::Remote { message }
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read(_) | Self::Truncated | Self::Frame { .. } | Self::Large { .. } => "E1002",
            Self::ObjectFormat { .. } => "E1003",
            Self::Version | Self::Capability { .. } => "E1004",
            Self::NotOurs { .. } => "E1005",
            Self::Remote { .. } => "E1006",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Frame { .. } => "is the URL that of a git repository? `git ls-remote URL` must answer",
            Self::ObjectFormat { .. } => "name a mirror of the repository in object format `sha1`",
            Self::Version => {
                "version 2 is in git since 2.18: update the server, or serve a mirror with `git http-backend`"
            }
            Self::Capability { .. } => "serve a mirror of the repository with `git http-backend`",
            Self::NotOurs { .. } => {
                "the commit may be gone (a force push), or the server gives no commit by its id: \
                 set `uploadpack.allowReachableSHA1InWant` there, or keep a tag on the commit"
            }
            Self::Read(_) | Self::Truncated | Self::Remote { .. } | Self::Large { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// Why a pack is not taken.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The reply around the pack is not understood.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The pack does not arrive.
    #[error("the pack does not arrive")]
    Read(#[source] io::Error),
    /// The pack ends too early.
    #[error("the pack ends after {at} bytes, in the middle")]
    Truncated {
        /// How many bytes there were.
        at: u64,
    },
    /// The bytes are no pack.
    #[error("the pack is damaged at byte {at}: {why}")]
    Damaged {
        /// Where the entry begins.
        at: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// The pack does not have its own checksum.
    #[error("the pack does not have its checksum")]
    Checksum,
    /// A delta without the object that it changes.
    #[error("{count} deltas have no base in the pack")]
    Thin {
        /// How many.
        count: usize,
    },
    /// Bytes that were made to collide with others.
    #[error("an object of the pack carries a SHA-1 collision attack")]
    Collision,
    /// More than the limits allow.
    #[error("{what} has {size}, and {limit} are the most")]
    Large {
        /// What.
        what: &'static str,
        /// How much it is.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The temporary file failed.
    #[error("the temporary file for the objects failed")]
    Spool(#[source] io::Error),
}

impl PackError {
    /// An error of a reader that stands at byte `at`: of the connection, of the reply, or of the compressed bytes.
    pub(crate) fn read(at: u64, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated { at },
            // What flate2 says of bytes that are not zlib.
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                Self::Damaged { at, why: "it cannot be decompressed" }
            }
            _ => match error.downcast::<ProtocolError>() {
                Ok(error) => Self::Protocol(error),
                Err(error) => Self::Read(error),
            },
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protocol(error) => error.code(),
            Self::Read(_) | Self::Truncated { .. } => "E1002",
            Self::Damaged { .. } | Self::Checksum | Self::Thin { .. } => "E1007",
            Self::Collision => "E1008",
            Self::Large { .. } => "E1009",
            Self::Spool(_) => "E1010",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Protocol(error) => error.help(),
            Self::Damaged { .. } | Self::Checksum | Self::Thin { .. } => {
                Some("run it again; if it stays, the server or a proxy before it is damaged".to_owned())
            }
            Self::Collision => Some("do not use this commit: somebody forged an object of it".to_owned()),
            Self::Spool(_) => Some("the disk of the store may be full".to_owned()),
            Self::Read(_) | Self::Truncated { .. } | Self::Large { .. } => None,
        }
    }
}
