//! Why a cache did not help.

use gabion_keys::KeyError;
use gabion_store::StoreError;
use std::time::Duration;

/// Why a cache did not help. Every text names the remote as its configuration does, without any secret.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Nobody can be asked at this address.
    #[error("`{address}` is no address of a cache: {why}")]
    Address {
        /// What was written, without a password.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answered, or not as agreed. It may be otherwise next time.
    #[error("the cache `{remote}` does not answer: {why}")]
    Unreachable {
        /// Which one.
        remote: String,
        /// What happened.
        why: String,
        /// How long it asks to be left alone.
        wait: Option<Duration>,
    },
    /// It answered, and it will answer the same again.
    #[error("the cache `{remote}` refuses: {why}")]
    Refused {
        /// Which one.
        remote: String,
        /// What it said.
        why: String,
    },
    /// It gave other bytes than it was asked for. Nothing of them is kept.
    #[error("the cache `{remote}` has other bytes than `{blob}`")]
    Lie {
        /// Which one.
        remote: String,
        /// What they had to be.
        blob: String,
    },
    /// What was to be put is not what it is called; the bytes here are damaged.
    #[error("the bytes here are not `{blob}`, and were not shared")]
    Damaged {
        /// What they had to be.
        blob: String,
    },
    /// A record in the slot of somebody who is trusted does not count: it is as if it were not there.
    #[error("the record of {key} in the cache `{remote}` does not count: {why}")]
    Record {
        /// Which cache.
        remote: String,
        /// What the record is about.
        key: String,
        /// Whose it must be.
        signer: String,
        /// Why it does not count.
        why: String,
    },
    /// What is to be trusted is no key.
    #[error("`{0}` is no public key of Ed25519")]
    Key(String),
    /// Records are signed, and there is nobody who signs.
    #[error("records are signed, and no key for them is configured")]
    NoKey,
    /// There is no cache to ask.
    #[error("no cache is configured")]
    Nowhere,
    /// The key that is to sign cannot.
    #[error(transparent)]
    Sign(#[from] KeyError),
    /// A namespace has another name.
    #[error("`{0}` is no namespace of a cache")]
    Namespace(String),
    /// Files of a folder, or of this machine, cannot be read or written.
    #[error("could not {operation} in the cache `{remote}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With which one.
        remote: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The store here failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What `gabion explain` says of the codes that need more than a line.
pub const EXPLAINED: [(&str, &str); 5] = [
    (
        "E2001",
        "A cache did not answer, or broke off. It is asked again a few times with pauses, and after three failures in a row \
         not at all for the rest of the run. Nothing is lost: what it would have given is fetched or made here. \
         Nothing of the failure is remembered for the next run.",
    ),
    (
        "E2002",
        "A cache answered, and will answer the same again: a wrong address, a credential that is missing or has no right, or no \
         room. For this run it is left alone. A cache is written only with `--cache-push`, `push = true` or `cache push`; \
         its credential stands below `[credentials.\"HOST\"]` in the user's configuration, never in a recipe; for S3 also in AWS' \
         variables and profiles, for registries in Docker's configuration.",
    ),
    (
        "E2003",
        "A cache gave other bytes than the name that it was asked for. They were thrown away before anything could read \
         them. A disk of the cache may be failing, or somebody writes there who should not. `gabion cache check` reads all of a \
         target and names what is wrong; a build with `--cache-push` that made the same bytes puts them right.",
    ),
    (
        "E2007",
        "A record lies where only a trusted key's record may lie, and that key did not sign it for this result and this namespace. \
         It was treated as if it were not there, and no byte that it names was asked for. If keys were changed, name the new one \
         below `[cache.trust]`; if not, find out who can write to the cache.",
    ),
    (
        "E2009",
        "Whoever puts results into a cache signs them, so that others can decide whom they believe. `gabion key new ci` \
         makes a key; its public line goes below `[cache.trust]` of everybody who reads the cache.",
    ),
];

impl CacheError {
    /// Nobody answered.
    pub fn unreachable(remote: &str, why: impl std::fmt::Display) -> Self {
        Self::Unreachable { remote: remote.to_owned(), why: why.to_string(), wait: None }
    }

    /// It will answer the same again.
    pub fn refused(remote: &str, why: impl std::fmt::Display) -> Self {
        Self::Refused { remote: remote.to_owned(), why: why.to_string() }
    }

    /// Whether asking the same remote again may help.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether the remote itself is in trouble, so that the next question is likely to fail too. A lie is not: each blob
    /// is judged alone.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { .. } | Self::Io { .. })
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "E2000",
            Self::Unreachable { .. } => "E2001",
            Self::Refused { .. } => "E2002",
            Self::Lie { .. } => "E2003",
            Self::Damaged { .. } => "E2004",
            Self::Namespace(_) => "E2005",
            Self::Io { .. } => "E2006",
            Self::Record { .. } => "E2007",
            Self::Key(_) => "E2008",
            Self::NoKey => "E2009",
            Self::Nowhere => "E2010",
            Self::Sign(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            Self::Record { signer, .. } => {
                return Some(format!(
                    "only a record that `{signer}` signed counts there, and nothing of it was used; \
                     `gabion cache push` with that key puts it right"
                ));
            }
            Self::Address { .. } => {
                "a cache is `dir:/path`, `https://host/path`, `s3://bucket/prefix`, `s3+https://server/bucket/prefix` or \
                 `oci://registry/repository`"
            }
            Self::Unreachable { .. } => {
                "nothing is lost: builds go on without it; `gabion cache check` asks it again"
            }
            Self::Refused { .. } => {
                "check the address below `[cache]`, and its credential: below `[credentials]` in the user's configuration, or for S3 \
                 and registries where their other clients have it"
            }
            Self::Lie { .. } => {
                "nothing of it was used; `gabion cache check` finds what else it has wrong, \
                 and the next push of the same bytes puts them right"
            }
            Self::Damaged { .. } => {
                "`gabion store verify --repair` finds what else is damaged; then build again"
            }
            Self::Namespace(_) => {
                "1 to 64 of `a-z`, `0-9`, `-`, `_` and `.`, the first one a letter or a digit"
            }
            Self::Key(_) => {
                "the line of a `.pub` file, `ssh-ed25519 AAAA… name`, as `gabion key show` prints it"
            }
            Self::NoKey => {
                "make one with `gabion key new`, and name it with `key` below `[cache]` or with `GABION_CACHE_KEY`"
            }
            Self::Nowhere => {
                "name one with `--cache`, `GABION_CACHE`, or `url` below `[cache]` in the configuration"
            }
            Self::Sign(error) => return error.help(),
            Self::Io { .. } => return None,
            Self::Store(error) => return error.help(),
        };
        Some(text.to_owned())
    }
}
